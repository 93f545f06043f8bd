"""Engines solve one row after the other on native models of their own; one engine serves one thread at a time.

A row's answer depends on that row alone: each solve starts from HiGHS' own start, not from what was solved before
(unless `warm` is asked for). Otherwise, which of several optimal solutions is returned would depend on the order of the
rows and on how a batch is split.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from highspy import HighsModelStatus

from imle.solvers import SolveStatus
from imle_highs.native import Native, Settings
from imle_highs.presets import DEFAULT, plan
from imle_linear.arrays import Floats
from imle_linear.branching import NodeSearch
from imle_linear.checking import SolutionChecker
from imle_linear.engines import TIGHT, Clock, Outcome, deadline, faint
from imle_linear.judging import reached
from imle_linear.program import LinearProgram, Rows

DUAL, PRIMAL = 1, 4
"""Values of HiGHS' option simplex_strategy."""
INTEGRAL = 1e-6
"""How far from a whole number HiGHS leaves integer variables, at most."""
SIMPLEX: Settings = {
    "presolve": "off",
    "solver": "simplex",
    "simplex_scale_strategy": 4,  # largest entries to one size: up to 1.4 times faster than HiGHS' own on dense rows
    "less_infeasible_DSE_check": False,  # its rule for choosing rows: twice the iterations on some sparse 0/1 rows
}

_TOLERANCE = "dual_feasibility_tolerance"
_CONCLUSIVE = (
    HighsModelStatus.kOptimal,
    HighsModelStatus.kInfeasible,
    HighsModelStatus.kUnbounded,
    HighsModelStatus.kUnboundedOrInfeasible,
    HighsModelStatus.kTimeLimit,
)

_INFEASIBLE = "no point satisfies all constraints and bounds"


class LinearEngine:
    """The simplex method. Points may be over their bounds by as much as HiGHS tolerates.

    Args:
        program: the feasible set; integrality is relaxed.
        settings: HiGHS options.
        strategy: the simplex method, `DUAL` or `PRIMAL`.
        warm: start from the basis the previous row ended with.
    """

    def __init__(self, program: LinearProgram, settings: Settings, *, strategy: int = DUAL, warm: bool = False) -> None:
        self.events: Counter[str] = Counter()
        self.native = Native(program, {**SIMPLEX, "simplex_strategy": strategy, **settings}, integer=False)
        self._suits = _TOLERANCE not in settings
        self._strategy = strategy
        self._warm = warm

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        native = self.native
        if not self._warm:
            native.forget()
        native.set_costs(costs)
        native.set_rows(rows)
        if self._suits:
            native.configure({_TOLERANCE: TIGHT[_TOLERANCE] if faint(costs) else 1e-7})
        found = native.run(seconds)
        if found not in _CONCLUSIVE:
            found = self._other_way(seconds)
        if found == HighsModelStatus.kUnboundedOrInfeasible:
            found = self._which(costs, seconds)
        outcome = ended(found, native)
        if found == HighsModelStatus.kOptimal:
            return outcome._replace(duals=native.duals())
        native.forget()  # a warm start from where this row got stuck helps no one
        return outcome

    def _other_way(self, seconds: float | None) -> HighsModelStatus:
        """Numerical trouble in one simplex method is seldom trouble in the other."""
        self.events["solved_again_by_the_other_simplex"] += 1
        self.native.forget()
        self.native.configure({"simplex_strategy": PRIMAL if self._strategy == DUAL else DUAL})
        found = self.native.run(seconds)
        self.native.configure({"simplex_strategy": self._strategy})
        return found

    def _which(self, costs: Floats, seconds: float | None) -> HighsModelStatus:
        """Without an objective, feasible or not is all that is left to find out."""
        self.native.forget()
        self.native.set_costs(np.zeros_like(costs))
        found = self.native.run(seconds)
        return HighsModelStatus.kUnbounded if found == HighsModelStatus.kOptimal else found


class IntegerEngine:
    """The linear relaxation first: a whole-numbered vertex of it is a proof. Otherwise branch and bound.

    Args:
        program: the feasible set.
        settings: HiGHS options.
        tuning: how much is tried before HiGHS' branch and bound, and with which options that runs; see `presets.plan`.
    """

    def __init__(self, program: LinearProgram, settings: Settings, tuning: str) -> None:
        self.events: Counter[str] = Counter()
        self._program = program
        self._checker = SolutionChecker(program)
        self._relaxation = LinearEngine(program, settings)
        self._exact = {**settings, "mip_abs_gap": 0.0}
        self._plan = plan(tuning, program)
        self._gap = float(settings.get("mip_rel_gap", 0.0))
        self._integer = np.flatnonzero(program.integer)
        self._fractional: Floats | None = None
        self._kept: Native | None = None

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        clock = deadline(seconds)
        return (
            self.relax(costs, rows, clock())
            or self.branch(costs, rows, clock)
            or self.search(costs, rows, clock, self._plan.options)
        )

    def relax(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome | None:
        """What the linear relaxation alone can prove, if anything."""
        relaxed = self._relaxation.solve(costs, rows, seconds)
        self._fractional = None
        if relaxed.point is not None and relaxed.status == SolveStatus.OPTIMAL:
            whole = self._rounded(relaxed.point, rows)
            if whole is not None:
                self.events["integral_relaxations"] += 1
                return Outcome(SolveStatus.OPTIMAL, whole)
            self._fractional = np.clip(relaxed.point, rows.least, rows.most)
        elif relaxed.status == SolveStatus.INFEASIBLE:
            return relaxed
        elif relaxed.status == SolveStatus.UNBOUNDED:
            return self._feasible_or_not(costs, rows, seconds)
        return None

    def relaxed_bound(self, costs: Floats) -> float:
        """What no point costs less than, by the relaxation of the last call of `relax`; nan if that was not solved."""
        return math.nan if self._fractional is None else float(costs @ self._fractional)

    def branch(self, costs: Floats, rows: Rows, clock: Clock) -> Outcome | None:
        """What a few nodes under the relaxation of the last call of `relax` prove, if anything."""
        if self._fractional is None or not self._plan.nodes:
            return None
        search = NodeSearch(
            self._relaxation.native,
            self._integer,
            rows.least,
            rows.most,
            costs,
            self._gap,
            rounded=lambda point: self._rounded(point, rows),
        )
        if not search.run(self._fractional, self._plan.nodes, clock):
            return None
        self.events["branched_on_relaxation"] += 1
        if search.best is None:
            return Outcome(SolveStatus.INFEASIBLE, message=_INFEASIBLE)
        return Outcome(SolveStatus.OPTIMAL, search.best, bound=search.bound if self._gap else math.nan)

    def _native(self) -> Native:
        """Built when the first row needs it: many instances never do."""
        if self._kept is None:
            self._kept = Native(self._program, self._exact, integer=True)
        return self._kept

    def search(self, costs: Floats, rows: Rows, clock: Clock, options: Settings) -> Outcome:
        """HiGHS' branch and bound. Out of nodes, if the options limit them, is a time-out."""
        self.events["branch_and_bound"] += 1
        native = self._native()
        native.set_rows(rows)
        native.configure({**options, **self._exact})
        native.forget()
        native.set_costs(costs)
        found = native.run(clock())
        if found in (HighsModelStatus.kUnbounded, HighsModelStatus.kUnboundedOrInfeasible):
            return self._feasible_or_not(costs, rows, clock())
        return reached(ended(found, native)._replace(bound=native.bound), costs, self._gap)

    def _feasible_or_not(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Rows whose relaxation is unbounded are unbounded if any whole-numbered point exists, else infeasible."""
        native = self._native()
        native.configure({**DEFAULT, **self._exact})
        native.forget()
        native.set_costs(np.zeros_like(costs))
        native.set_rows(rows)
        found = native.run(seconds)
        if found == HighsModelStatus.kOptimal:
            if self._checker.mend(native.point(), rows)[1]:
                return Outcome(SolveStatus.ERROR, message="HiGHS finds no whole numbers that satisfy all constraints")
            found = HighsModelStatus.kUnbounded
        return ended(found, native)

    def _rounded(self, point: Floats, rows: Rows) -> Floats | None:
        """The point with exactly whole numbers, or None if it has none or they break a constraint.

        Beside continuous variables they stay as they are: rounding is the judge's, who solves for these again.
        """
        values = point[self._program.integer]
        off = np.abs(values - np.rint(values)).max(initial=0.0)
        if off > INTEGRAL:
            return None
        if off == 0.0:
            return point  # what HiGHS has not moved is checked with all other points
        whole, flaw = self._checker.mend(point, rows)
        if flaw:
            return None
        return whole if self._program.integer.all() else point


def ended(found: HighsModelStatus, native: Native) -> Outcome:
    """The outcome of a run."""
    if found == HighsModelStatus.kOptimal:
        return Outcome(SolveStatus.OPTIMAL, native.point())
    if found == HighsModelStatus.kInfeasible:
        return Outcome(SolveStatus.INFEASIBLE, message=_INFEASIBLE)
    if found == HighsModelStatus.kUnbounded:
        return Outcome(SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the direction of the objective")
    if found in (HighsModelStatus.kTimeLimit, HighsModelStatus.kSolutionLimit):
        limit = "time" if found == HighsModelStatus.kTimeLimit else "node"
        if native.has_point:
            return Outcome(SolveStatus.FEASIBLE, native.point(), f"stopped at the {limit} limit with a feasible point")
        return Outcome(SolveStatus.TIMEOUT, message=f"stopped at the {limit} limit without a feasible point")
    return Outcome(SolveStatus.ERROR, message=f"HiGHS ended with model status {found.name}")
