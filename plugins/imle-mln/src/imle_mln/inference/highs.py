"""HiGHS: the linear relaxation by a warm simplex, with rows as they are needed; branch and bound if it is fractional.

A whole-numbered vertex that breaks no row proves itself. Components whose part of the vertex is fractional are solved
by branch and bound, one by one, on the rows known so far, until no row that was left out is broken.

Basis and active rows are kept from solve to solve, so a tie would be broken by history. Therefore every atom costs a
little: between one and two times 2^-32 of the largest coefficient, by a fixed pseudo-random rule. Among equally good
states one is then best, with few true atoms; the bound that is reported says what this can have cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from highspy import HighsModelStatus

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_highs.native import Settings
from imle_mln.inference.encoding import BROKEN, Encoding
from imle_mln.inference.relaxation import Relaxation
from imle_mln.inference.truths import Bools, Index
from imle_mln.network import Floats

_SIZE = 20
"""HiGHS is given costs of up to two to this: its tolerances are absolute."""
_NOTHING = 1000
"""Where all costs are zero the bias is not a loss: this scale makes none of it."""
_BIAS = 2.0 ** (_SIZE - 32)
_SIMPLEX: Settings = {"presolve": "off", "solver": "simplex", "simplex_strategy": 1}
_TUNINGS: tuple[Settings, ...] = (
    {"presolve": "off", "mip_heuristic_effort": 0.0, "mip_detect_symmetry": False, "mip_max_nodes": 128},
    {"presolve": "choose", "mip_heuristic_effort": 0.05, "mip_detect_symmetry": True, "mip_max_nodes": 2**31 - 1},
)
"""Lean first: presolve and heuristics cost more than a few nodes."""
_CROWDED = 8.0
"""From this many lazy rows per atom on, they are left out until broken."""

Clock = Callable[[], float | None]
Complete = Callable[[Bools], Floats]
"""All columns from states of the atoms."""


@dataclass(frozen=True, eq=False)
class Found:
    """How a solve of an encoding ended.

    Attributes:
        status: optimal, feasible, infeasible or timeout.
        states: of its atoms, if the status is ok.
        slack: no state is better by more than this.
    """

    status: SolveStatus
    states: Bools | None = None
    slack: float = np.inf


def rescued(encoding: Encoding, complete: Complete, costs: Floats) -> Found:
    """What is left if a solver finds no state in time: all atoms false, if that breaks no row."""
    nothing = np.zeros(len(encoding.atoms), np.bool_)
    x = complete(nothing)
    if len(encoding.rows.broken(x)):
        return Found(SolveStatus.TIMEOUT)
    return Found(SolveStatus.FEASIBLE, nothing, float(x @ costs - np.minimum(costs, 0.0).sum()))


class HighsEngine:
    """Solves an encoding for costs that change.

    Args:
        encoding: what to solve.
        complete: all columns from states of its atoms.
        gap: relative gap of branch and bound.
        seed: of HiGHS and of the rule that breaks ties.

    Attributes:
        events: what was done, counted.
    """

    def __init__(self, encoding: Encoding, complete: Complete, gap: float, seed: int) -> None:
        self.events: Counter[str] = Counter()
        self._encoding, self._complete, self._rows = encoding, complete, encoding.rows
        atoms = len(encoding.atoms)
        columns = self._rows.matrix.shape[1]
        few = np.count_nonzero(self._rows.lazy) < _CROWDED * atoms
        self._active = np.ones(len(self._rows.lazy), np.bool_) if few else ~self._rows.lazy
        self._shared: Settings = {"threads": 1, "random_seed": seed}
        self._exact: Settings = {**self._shared, "mip_rel_gap": gap, "mip_abs_gap": 0.0}
        self._linear = Relaxation(
            self._rows, np.flatnonzero(self._active), np.arange(columns), None, {**self._shared, **_SIMPLEX}
        )
        self._bias = np.zeros(columns)
        self._bias[:atoms] = _BIAS * (1.0 + np.random.default_rng(seed).random(columns)[:atoms])
        self._component_of_row = encoding.component[self._rows.matrix.indices[self._rows.matrix.indptr[:-1]]]
        self._integer = encoding.integer
        self._kept: dict[int, tuple[int, Relaxation]] = {}

    def solve(self, costs: Floats, clock: Clock) -> Found:
        """Minimise."""
        largest = float(np.abs(costs).max(initial=0.0))
        shift = _SIZE - int(np.frexp(largest)[1]) if largest else _NOTHING
        scaled = np.ldexp(costs, shift) + self._bias
        self._linear.set_costs(scaled)
        x = self._relaxed(clock)
        if isinstance(x, SolveStatus):
            return Found(x) if x == SolveStatus.INFEASIBLE else rescued(self._encoding, self._complete, costs)
        bound = float(x @ scaled)
        atoms = len(self._encoding.atoms)
        fractional = np.abs(x[:atoms] - np.rint(x[:atoms])) > BROKEN
        hard = np.unique(self._encoding.component[:atoms][fractional])
        ended = SolveStatus.OPTIMAL
        self.events["integral_relaxations"] += not len(hard)
        for component in hard.tolist():
            status, gained = self._branch(component, x, scaled, clock)
            if not status.ok:
                return Found(status)
            ended = max(ended, status)
            bound += gained
        return self._checked(ended, x, scaled, bound, shift)

    def _checked(self, status: SolveStatus, x: Floats, scaled: Floats, bound: float, shift: int) -> Found:
        """The whole-numbered point, checked against all rows, those never looked at too."""
        states = x[: len(self._encoding.atoms)] > 0.5
        whole = self._complete(states)
        if len(self._rows.broken(whole)):
            if status == SolveStatus.OPTIMAL:
                raise SolveError("mln: HiGHS' solution, rounded to whole numbers, breaks a hard clause")
            return Found(SolveStatus.TIMEOUT)
        return Found(status, states, self._slack(whole, scaled, bound, shift))

    def _slack(self, whole: Floats, scaled: Floats, bound: float, shift: int) -> float:
        biased = max(0.0, float(whole @ scaled) - bound)
        return float(np.ldexp(biased + float(self._bias @ (1.0 - whole)), -shift))

    def _relaxed(self, clock: Clock) -> Floats | SolveStatus:
        """The vertex of the relaxation that breaks no row."""
        while True:
            status = self._linear.run(clock())
            if status not in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible, HighsModelStatus.kTimeLimit):
                self.events["cold_restarts"] += 1
                self._linear.forget()
                status = self._linear.run(clock())
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE
            if status != HighsModelStatus.kOptimal:
                return SolveStatus.TIMEOUT
            x = np.clip(self._linear.point(), 0.0, 1.0)
            if not self._add(self._rows.broken(x)):
                return x

    def _add(self, broken: Index) -> bool:
        """Make rows part of the model; whether there were any."""
        new = broken[~self._active[broken]]
        if len(new):
            self.events["rows_added"] += len(new)
            self._active[new] = True
            self._linear.add(self._rows, new)
        return len(new) > 0

    def _branch(self, component: int, x: Floats, scaled: Floats, clock: Clock) -> tuple[SolveStatus, float]:
        """Branch and bound on one component: writes its solution into x, and says by how much its bound has risen."""
        self.events["branch_and_bound"] += 1
        while True:
            native = self._native(component)
            before = native.cost(x, scaled)
            status = self._run(native, scaled, clock)
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE, 0.0
            if not native.has_point:
                return self._rounded(component, x), 0.0
            point = x.copy()
            point[native.columns] = np.clip(native.point(), 0.0, 1.0)
            gained = max(0.0, native.bound - before)
            broken = self._rows.broken(point)
            broken = broken[self._component_of_row[broken] == component]
            if status == HighsModelStatus.kOptimal and self._add(broken):
                continue
            x[native.columns] = point[native.columns]
            return SolveStatus.OPTIMAL if status == HighsModelStatus.kOptimal else SolveStatus.FEASIBLE, gained

    def _rounded(self, component: int, x: Floats) -> SolveStatus:
        """No time, no point: the nearest whole numbers may do, the caller checks them."""
        own = np.flatnonzero((self._encoding.component == component) & self._integer)
        x[own] = x[own] > 0.5
        return SolveStatus.FEASIBLE

    def _run(self, native: Relaxation, scaled: Floats, clock: Clock) -> HighsModelStatus:
        status = HighsModelStatus.kNotset
        for settings in _TUNINGS:
            native.configure(settings)
            native.forget()
            native.set_costs(scaled[native.columns])
            status = native.run(clock())
            if status != HighsModelStatus.kSolutionLimit:
                break
        if status in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible, HighsModelStatus.kTimeLimit):
            return status
        raise SolveError(f"mln: HiGHS ended branch and bound with model status {status.name}")

    def _native(self, component: int) -> Relaxation:
        """The component's rows and columns as a model with whole numbers; kept while no rows are added."""
        rows = np.flatnonzero(self._active & (self._component_of_row == component))
        count, kept = self._kept.get(component, (-1, None))
        if kept is None or count != len(rows):
            columns = np.flatnonzero(self._encoding.component == component)
            kept = Relaxation(self._rows, rows, columns, self._integer, self._exact)
            self._kept[component] = len(rows), kept
        return kept
