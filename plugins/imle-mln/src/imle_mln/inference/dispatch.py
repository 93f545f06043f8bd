"""Which engine solves which component, for coefficients with given signs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.engines import AUTO, EngineSpec, engines, everything, find
from imle_mln.inference.components import BatchSolver, Components, ComponentSolver, EngineResult, Options
from imle_mln.inference.energy import Coefficients, Energy, Weighted, energy
from imle_mln.inference.partition import Partition, partition
from imle_mln.inference.propagation import UNKNOWN
from imle_mln.network import Bools, Floats, GroundNetwork, Index

if TYPE_CHECKING:
    from imle_mln.compiled.world import Structure
    from imle_mln.engines.local import Local

_RESERVED = 0.4
"""Of the time limit: for local search, if there is no proof before."""
_BUILDING = 20.0
"""How many times as long it takes to make an engine as a network to search, both in proportion to its size."""
LARGE = 10_000
"""Dominated atoms are looked for among so many atoms and large clauses or more: small models are kept and solved anew
faster than that."""
_MOST = 0.5
"""What part of the atoms has to be dominated for the rest to be made a model of its own."""
_NOTHING: Counter[str] = Counter()


class Solved(NamedTuple):
    """N solutions.

    Attributes:
        status: `[N]` codes of `SolveStatus`.
        states: `[N, n]` of the energy's atoms.
        slack: `[N]` by how much others may be better.
        engines: how many components each engine solved, in every row.
        events: for each row, what engines did.
    """

    status: NDArray[np.int8]
    states: Bools
    slack: Floats
    engines: Counter[str]
    events: list[Counter[str]]


class Dispatch:
    """Engines for all components.

    Args:
        energy: of the network.
        engine: a name, or "auto".
        options: of the engines.
        coefficients: only their signs matter.

    Raises:
        SolveError: the engine that was asked for cannot solve a component.
    """

    def __init__(self, energy: Energy, engine: str, options: Options, coefficients: Coefficients) -> None:
        self._atoms = energy.reduction.atoms
        parts = partition(energy, coefficients)
        closed = _Closed(energy, parts)
        self._counts = Counter[str]()
        self._batched: list[BatchSolver] = [closed]
        self._single: list[_Single] = []
        left = ~closed.components
        if not left.all():
            self._counts["closed"] = int((~left).sum())
        asked = (find(engine),) if engine != AUTO else sorted(engines(), key=lambda one: one.auto is everything)
        for one in asked:
            taken = left & (one.can(parts) if engine != AUTO else _offered(one, parts))
            if taken.any():
                left &= ~taken
                self._counts[one.name] = int(taken.sum())
                components = Components(energy, parts, taken, coefficients)
                made = one.load()
                if hasattr(made, "solve_rows"):
                    self._batched.append(cast(BatchSolver, made(components, options)))
                else:
                    self._single.append(_Single(one, components, options))
        if left.any():
            _refuse(find(engine), energy, parts, int(np.flatnonzero(left)[0]))

    def solve(self, coefficients: Coefficients, clock: Clock, start: Callable[[], Clock]) -> Solved:
        """Maximise N objectives.

        Args:
            coefficients: with unaries `[N, n]`.
            clock: of the first row.
            start: starts the clock of each other row.
        """
        rows = len(coefficients.unary)
        states = np.zeros((rows, self._atoms), np.bool_)
        solved = Solved(np.zeros(rows, np.int8), states, np.zeros(rows), self._counts, [_NOTHING] * rows)
        for batched in self._batched:
            states[:, batched.atoms], slack = batched.solve_rows(coefficients)
            solved.slack[:] += slack
        if self._single:
            for row in range(rows):
                self._one(coefficients._replace(unary=coefficients.unary[row]), clock, solved, row)
                clock = start()
        return solved

    def _one(self, coefficients: Coefficients, clock: Clock, solved: Solved, row: int) -> None:
        """What has to be solved row by row."""
        for solver in self._single:
            found = solver.solve(coefficients, clock)
            solved.status[row] = max(solved.status[row], found.status)
            solved.slack[row] += found.slack
            solved.events[row] = solved.events[row] + found.events
            if found.states is None:
                return
            solved.states[row, solver.atoms] = found.states


class _Single:
    """Some components and an engine that solves them row by row, made when it is needed.

    Args:
        engine: the engine.
        components: what it is to solve.
        options: of engines.

    Attributes:
        atoms: `[k]` of the components.
    """

    def __init__(self, engine: EngineSpec, components: Components, options: Options) -> None:
        self.atoms = components.atoms
        self._engine, self._components, self._options = engine, components, options
        size = len(components.atoms) + len(components.soft) + len(components.hard)
        self._dominance = size >= LARGE and options.hand_on and engine.auto is everything

    @cached_property
    def _local(self) -> Local:
        from imle_mln.engines.local import Local  # with numba, which takes some tenths of a second

        return Local(self._components, self._options)

    @cached_property
    def _solver(self) -> ComponentSolver:
        return self._engine.load()(self._components, self._options)

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise. Where time is limited, what is not proven is improved by local search in the last part of it."""
        begin, left = time.perf_counter(), clock()
        if self._dominance:
            found = self._dominated(coefficients, clock)
            if found is not None:
                return found
        if left is None or not self._engine.exact:
            return self._engine_solves(coefficients, clock)
        found = EngineResult(SolveStatus.TIMEOUT)
        self._local.network  # noqa: B018 - it is made here, to be timed
        # to build a model takes some ten times as long as this network, and cannot be interrupted
        if (time.perf_counter() - begin) * _BUILDING < left:
            found = self._engine_solves(coefficients, lambda: max((clock() or 0.0) - _RESERVED * left, 0.0))
        if found.status in (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE):
            return found
        return self._local.improve(found, coefficients, clock)

    def _engine_solves(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """What the engine finds, which may have its atoms in another order."""
        found = self._solver.solve(coefficients, clock)
        if found.states is None:
            return found
        states = np.zeros(len(self.atoms), np.bool_)
        states[np.searchsorted(self.atoms, self._solver.atoms)] = found.states
        return replace(found, states=states)

    def _dominated(self, coefficients: Coefficients, clock: Clock) -> EngineResult | None:
        """What is left when dominated atoms are decided is solved, if that is little; None if it is much."""
        network = self._local.network
        return without_dominated(network.ground, network.structure, network.rewards(coefficients), self._options, clock)


def without_dominated(
    network: GroundNetwork, structure: Structure, rewards: Floats, options: Options, clock: Clock
) -> EngineResult | None:
    """Decide dominated atoms and solve what is left, if that is little; None if it is much.

    Args:
        network: without at-most-one blocks.
        structure: of it.
        rewards: `[n + m]` what each atom and clause adds if it is true.
        options: of engines.
        clock: of the solve.
    """
    from imle_mln.compiled.partial import dominate, start  # with numba, which takes some tenths of a second
    from imle_mln.search.state import partial_of

    partial = partial_of(structure)
    if not (start(structure, partial) and dominate(structure, partial, rewards)):
        return None  # there is no state, which others have to prove
    k, values = structure.atoms, partial.values
    share = np.count_nonzero(values[:k] != UNKNOWN) / k
    if share == 1.0:
        return EngineResult(SolveStatus.OPTIMAL, values[:k] == 1, 0.0, Counter(dominated=1))
    if share < _MOST:
        return None
    rest = energy(network, values)
    if isinstance(rest, str):
        return None
    part = Weighted(rest, rewards[k:]).coefficients(rewards[None, :k], 0)
    solved = Dispatch(rest, AUTO, options, part).solve(part, clock, lambda: clock)
    status = SolveStatus(int(solved.status[0]))
    states = rest.reduction.whole(solved.states)[0] if status.ok else None
    return EngineResult(status, states, float(solved.slack[0]), solved.events[0] + Counter(dominated=1))


def _offered(engine: EngineSpec, parts: Partition) -> Bools:
    """The components that an engine gets where none was asked for."""
    if engine.auto is None or engine.missing:
        return np.zeros(len(parts.sizes), np.bool_)
    return engine.can(parts) & engine.auto(parts)


def _refuse(engine: EngineSpec, energy: Energy, parts: Partition, component: int) -> None:
    atom = int(energy.reduction.atom_ids[np.flatnonzero(parts.component == component)[0]])
    raise SolveError(
        f"mln: engine={engine.name!r}: expected {engine.needs}, found otherwise in the component of atom {atom}, which "
        f"has {int(parts.sizes[component])} atoms",
        hint='engine="auto" takes this engine wherever it can be used, and another one elsewhere',
    )


class _Closed:
    """Components without clauses, single atoms and single blocks, all at once.

    Attributes:
        components: `[components]` those that are solved here.
        atoms: theirs.
    """

    def __init__(self, energy: Energy, parts: Partition) -> None:
        single = parts.sizes == 1
        self.components: Bools = single | (parts.block >= 0)
        self._single: Index = np.flatnonzero(single[parts.component])
        self._blocks = energy.blocks.entries(parts.block[parts.block >= 0])
        self.atoms: Index = np.concatenate([self._single, self._blocks.variable])

    def solve_rows(self, coefficients: Coefficients) -> tuple[Bools, Floats]:
        """States `[N, k]` of `atoms`, which are best. Ties: false; in a block, its first best atom."""
        single = coefficients.unary[:, self._single] > 0
        blocks, nothing = self._blocks, np.zeros(len(single))
        if not len(blocks.starts):
            return single, nothing
        values = coefficients.unary[:, blocks.variable]
        best = values == np.maximum.reduceat(values, blocks.starts, axis=1)[:, blocks.row]
        place = np.arange(len(blocks.row))
        first = np.minimum.reduceat(np.where(best, place, len(place)), blocks.starts, axis=1)
        return np.concatenate([single, place == first[:, blocks.row]], axis=1), nothing
