"""Which engine solves which component, for coefficients with given signs."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_mln.inference.closed import Closed
from imle_mln.inference.cp_sat import CPSATEngine
from imle_mln.inference.cut import Cut
from imle_mln.inference.encoding import Encoding, exclusions
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.enumeration import MOST, Enumeration
from imle_mln.inference.highs import Clock, Found, HighsEngine
from imle_mln.inference.partition import partition
from imle_mln.inference.scope import Scope
from imle_mln.inference.truths import Bools, Index, Truths
from imle_mln.network import Floats

TINY = 8
"""Components of up to so many atoms are enumerated without being asked to be."""
KEPT = 8
"""How many plans, and models of one plan, are kept."""

T = TypeVar("T")


class Structure(NamedTuple):
    """What plans of one network share.

    Attributes:
        energy: the network's.
        scope: its large clauses.
        classes: `[p]` pairs with the same formulas.
        truths: evaluates the energy's clauses.
    """

    energy: Energy
    scope: Scope
    classes: Index
    truths: Truths


class Options(NamedTuple):
    """See `MAPEngine`."""

    engine: str
    gap: float
    seed: int


class Solved(NamedTuple):
    """States `[n]` of the energy's atoms, and by how much others may be better."""

    status: SolveStatus
    states: Bools
    slack: float
    engines: Counter[str]


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
        self._exclusions = exclusions(energy, parts, self._rest, coefficients, structure.classes)
        self._engines: OrderedDict[bytes, tuple[Encoding, HighsEngine | CPSATEngine]] = OrderedDict()

    @property
    def _name(self) -> str:
        return "cp-sat" if self._options.engine == "cp-sat" else "highs"

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

    def solve(self, coefficients: Coefficients, clock: Clock) -> Solved:
        """Maximise."""
        states = np.zeros(self._structure.energy.reduction.atoms, np.bool_)
        engines = Counter(self._counts)
        slack, status = 0.0, SolveStatus.OPTIMAL
        states[self._closed.atoms] = self._closed.solve(coefficients)
        if self._cut is not None:
            states[self._cut.atoms], slack = self._cut.solve(coefficients)
        for tried in self._tried:
            found = tried.solve(coefficients)
            if found is None:
                return Solved(SolveStatus.INFEASIBLE, states, slack, engines)
            states[tried.atoms] = found
        if self._rest.any():
            encoding, solver = self._engine(coefficients)
            before = Counter(solver.events) if isinstance(solver, HighsEngine) else Counter()
            rest: Found = solver.solve(encoding.costs(coefficients), clock)
            if isinstance(solver, HighsEngine):
                engines += solver.events - before
            status = rest.status
            slack += rest.slack
            if rest.states is not None:
                states[encoding.atoms] = rest.states
        return Solved(status, states, slack, engines)

    def _engine(self, coefficients: Coefficients) -> tuple[Encoding, HighsEngine | CPSATEngine]:
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

    def _built(self, coefficients: Coefficients, equal: Bools) -> tuple[Encoding, HighsEngine | CPSATEngine]:
        energy, scope, _, truths = self._structure
        counted = [self._exclusions[k] for k in np.flatnonzero(equal).tolist()]
        encoding = Encoding(energy, scope, self._parts, self._rest, coefficients, counted)

        def complete(states: Bools) -> Floats:
            whole = np.zeros(energy.reduction.atoms, np.bool_)
            whole[encoding.atoms] = states
            return encoding.completed(states, truths.of(whole))

        kind = CPSATEngine if self._options.engine == "cp-sat" else HighsEngine
        return encoding, kind(encoding, complete, self._options.gap, self._options.seed)


def recent(kept: OrderedDict[bytes, T], key: bytes, build: Callable[[], T]) -> T:
    """One of the most recently used, built if it is not among them."""
    found = kept.pop(key, None)
    if found is None:
        found = build()
        if len(kept) >= KEPT:
            kept.popitem(last=False)
    kept[key] = found
    return found
