"""Which engine solves which component, for coefficients with given signs."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from imle.errors import SolveError
from imle_mln.inference.clock import Clock
from imle_mln.inference.closed import Closed
from imle_mln.inference.cp_sat import CPSATEngine
from imle_mln.inference.cut import Cut
from imle_mln.inference.encoding import Encoding, exclusions
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.enumeration import MOST, Enumeration
from imle_mln.inference.found import Found
from imle_mln.inference.highs import HighsEngine
from imle_mln.inference.partition import partition
from imle_mln.inference.scope import Scope
from imle_mln.inference.truths import Bools, Index, Truths
from imle_mln.network import Floats, GroundNetwork

TINY = 8
"""Components of up to so many atoms are enumerated without being asked to be."""
KEPT = 8
"""How many plans, and models of one plan, are kept."""

GENERAL = ("highs", "cp-sat", "toulbar2", "rc2")
"""Engines that solve any component."""
_COUNTING = ("highs", "cp-sat")
"""Those of them that are given exclusions as counts."""
_NOTHING: Counter[str] = Counter()

T = TypeVar("T")


class Engine(Protocol):
    """Solves all components that no other way is found for.

    Attributes:
        atoms: theirs.
        events: what was done, counted.
    """

    atoms: Index
    events: Counter[str]

    def solve(self, coefficients: Coefficients, clock: Clock) -> Found:
        """Maximise."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What plans of one network share.

    Attributes:
        network: the whole.
        energy: the network's.
        scope: its large clauses.
        truths: evaluates the energy's clauses.
    """

    network: GroundNetwork
    energy: Energy
    scope: Scope
    truths: Truths

    @cached_property
    def classes(self) -> Index:
        """`[p]` pairs that the same formulas couple, in equal numbers: their couplings are likely to be equal."""
        network, energy = self.network, self.energy
        shape = (len(network.clauses), len(network.constants))
        counts = sparse.csr_array((network.count_values, (network.count_clauses, network.count_formulas)), shape=shape)
        mark = np.random.default_rng(0).random(shape[1])
        value = energy.to_pair @ (counts @ mark)[energy.reduction.clause_ids]
        classes: Index = np.unique(np.round(value, 9), return_inverse=True)[1]
        return classes


class Options(NamedTuple):
    """See `MAPEngine`."""

    engine: str
    gap: float
    seed: int


class Solved(NamedTuple):
    """N solutions.

    Attributes:
        status: `[N]` codes of `SolveStatus`.
        states: `[N, n]` of the energy's atoms.
        slack: `[N]` by how much others may be better.
        engines: for each row, how many components each engine solved.
        events: for each row, what HiGHS did.
    """

    status: NDArray[np.int8]
    states: Bools
    slack: Floats
    engines: list[Counter[str]]
    events: list[Counter[str]]


class Plan:
    """Engines for all components.

    Args:
        structure: of the network.
        options: of the engine.
        coefficients: only their signs matter.

    Raises:
        SolveError: the engine that was asked for cannot solve a component.
    """

    def __init__(self, structure: Structure, options: Options, coefficients: Coefficients) -> None:
        energy, scope = structure.energy, structure.scope
        self._structure, self._options = structure, options
        self._parts = parts = partition(energy, scope, coefficients)
        self._closed = Closed(energy, parts)
        left = ~self._closed.components
        cut = left & parts.balanced & (options.engine in ("auto", "min-cut"))
        most = {"auto": TINY, "enumeration": MOST}.get(options.engine, 0)
        tried = left & ~cut & (parts.sizes <= most)
        self._rest: Bools = left & ~cut & ~tried
        self._refuse()
        self._cut = Cut(energy, scope, parts, cut) if cut.any() else None
        self._tried = [
            Enumeration(energy, scope, parts, np.flatnonzero(tried & (parts.sizes == size)), size)
            for size in np.unique(parts.sizes[tried]).tolist()
        ]
        counts = {"closed": ~left, "min-cut": cut, "enumeration": tried, self._name: self._rest}
        self._counts = Counter({name: int(of.sum()) for name, of in counts.items() if of.any()})
        self._exclusions = []
        if self._rest.any() and self._name in _COUNTING:
            self._exclusions = exclusions(energy, parts, self._rest, coefficients, structure.classes)
        self._engines: OrderedDict[bytes, Engine] = OrderedDict()

    @property
    def _name(self) -> str:
        return self._options.engine if self._options.engine in GENERAL else "highs"

    def _refuse(self) -> None:
        if not self._rest.any() or self._options.engine not in ("min-cut", "enumeration"):
            return
        bad = int(np.flatnonzero(self._rest)[0])
        size = int(self._parts.sizes[bad])
        atom = int(self._structure.energy.reduction.atom_ids[np.flatnonzero(self._parts.component == bad)[0]])
        expected = {
            "min-cut": "couplings that flipping atoms makes positive (a submodular energy)",
            "enumeration": f"at most {MOST} atoms in each component",
        }[self._options.engine]
        raise SolveError(
            f"mln: engine={self._options.engine!r}: expected {expected}, found otherwise in the component of "
            f"atom {atom}, which has {size} atoms",
            hint='engine="auto" takes this engine wherever it can be used, and another one elsewhere',
        )

    def solve(self, coefficients: Coefficients, start: Callable[[], Clock]) -> Solved:
        """Maximise N objectives.

        Args:
            coefficients: with unaries `[N, n]`.
            start: starts the clock of a row.
        """
        rows = len(coefficients.unary)
        states = np.zeros((rows, self._structure.energy.reduction.atoms), np.bool_)
        solved = Solved(np.zeros(rows, np.int8), states, np.zeros(rows), [self._counts] * rows, [_NOTHING] * rows)
        states[:, self._closed.atoms] = self._closed.solve(coefficients)
        if self._cut is not None:
            states[:, self._cut.atoms], solved.slack[:] = self._cut.solve(coefficients)
        if self._tried or self._rest.any():
            for row in range(rows):
                self._one(coefficients._replace(unary=coefficients.unary[row]), start(), solved, row)
        return solved

    def _one(self, coefficients: Coefficients, clock: Clock, solved: Solved, row: int) -> None:
        """What has to be solved row by row."""
        for tried in self._tried:
            tries = tried.solve(coefficients, clock)
            solved.status[row] = max(solved.status[row], tries.status)
            if tries.states is None:
                return
            solved.states[row, tried.atoms] = tries.states
            solved.slack[row] += tries.slack
        if not self._rest.any():
            return
        solver = self._engine(coefficients)
        before = Counter(solver.events)
        rest = solver.solve(coefficients, clock)
        solved.events[row] = solver.events - before
        solved.status[row] = max(solved.status[row], rest.status)
        solved.slack[row] += rest.slack
        if rest.states is not None:
            solved.states[row, solver.atoms] = rest.states

    def _engine(self, coefficients: Coefficients) -> Engine:
        """The model in which those exclusions are counted whose pairs have one coupling in this solve."""
        equal = self._equal(coefficients.pair)
        return recent(self._engines, equal.tobytes(), lambda: self._built(coefficients, equal))

    def _equal(self, pair: Floats) -> Bools:
        if not self._exclusions:
            return np.zeros(0, np.bool_)
        members = np.concatenate([of for _, of in self._exclusions])
        starts = np.cumsum([0, *(len(of) for _, of in self._exclusions[:-1])])
        couplings = pair[members]
        equal: Bools = np.maximum.reduceat(couplings, starts) == np.minimum.reduceat(couplings, starts)
        return equal

    def _built(self, coefficients: Coefficients, equal: Bools) -> Engine:
        energy, scope, truths = self._structure.energy, self._structure.scope, self._structure.truths
        own = self._options
        if own.engine == "toulbar2":
            from imle_mln.inference.toulbar2 import Toulbar2Engine  # an extra

            return Toulbar2Engine(energy, scope, self._parts, self._rest, truths, coefficients, own.seed)
        counted = [self._exclusions[k] for k in np.flatnonzero(equal).tolist()]
        encoding = Encoding(energy, scope, self._parts, self._rest, coefficients, counted)

        def complete(states: Bools) -> Floats:
            whole = np.zeros(energy.reduction.atoms, np.bool_)
            whole[encoding.atoms] = states
            return encoding.completed(states, truths.of(whole))

        if own.engine == "rc2":
            from imle_mln.inference.rc2 import RC2Engine  # an extra

            return RC2Engine(encoding, complete)
        if own.engine == "cp-sat":
            return CPSATEngine(encoding, complete, own.gap, own.seed)
        return HighsEngine(encoding, complete, own.gap, own.seed, cp_sat=own.engine == "auto")


def recent(kept: OrderedDict[bytes, T], key: bytes, build: Callable[[], T]) -> T:
    """One of the most recently used, built if it is not among them."""
    found = kept.pop(key, None)
    if found is None:
        found = build()
        if len(kept) >= KEPT:
            kept.popitem(last=False)
    kept[key] = found
    return found
