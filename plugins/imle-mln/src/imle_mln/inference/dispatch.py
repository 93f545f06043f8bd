"""Which engine solves which component, for coefficients with given signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import SolveError
from imle_linear.engines import Clock
from imle_mln.engines import AUTO, EngineSpec, engines, everything, find
from imle_mln.inference.components import BatchSolver, Components, ComponentSolver, Options
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.partition import Partition, partition
from imle_mln.network import Bools, Floats, Index

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
        self._single: list[ComponentSolver] = []
        left = ~closed.components
        if not left.all():
            self._counts["closed"] = int((~left).sum())
        asked = (find(engine),) if engine != AUTO else sorted(engines(), key=lambda one: one.auto is everything)
        for one in asked:
            taken = left & (one.can(parts) if engine != AUTO else _offered(one, parts))
            if taken.any():
                left &= ~taken
                self._counts[one.name] = int(taken.sum())
                solver = one.load()(Components(energy, parts, taken, coefficients), options)
                if isinstance(solver, BatchSolver):
                    self._batched.append(solver)
                else:
                    self._single.append(solver)
        if left.any():
            _refuse(find(engine), energy, parts, int(np.flatnonzero(left)[0]))

    def solve(self, coefficients: Coefficients, start: Callable[[], Clock]) -> Solved:
        """Maximise N objectives.

        Args:
            coefficients: with unaries `[N, n]`.
            start: starts the clock of a row.
        """
        rows = len(coefficients.unary)
        states = np.zeros((rows, self._atoms), np.bool_)
        solved = Solved(np.zeros(rows, np.int8), states, np.zeros(rows), self._counts, [_NOTHING] * rows)
        for batched in self._batched:
            states[:, batched.atoms], slack = batched.solve_rows(coefficients)
            solved.slack[:] += slack
        if self._single:
            for row in range(rows):
                self._one(coefficients._replace(unary=coefficients.unary[row]), start(), solved, row)
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
