"""Engines solve one row after the other on native models of their own; one engine serves one thread at a time.

A row's answer depends on that row alone: each solve starts from HiGHS' own start, not from what was solved before
(unless `warm` is asked for). Otherwise, which of several optimal solutions is returned would depend on the order of the
rows and on how a batch is split.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from highspy import HighsModelStatus

from imle.solvers import SolveStatus
from imle_highs.arrays import Floats
from imle_highs.native import Native, Settings
from imle_highs.program import LinearProgram

DUAL, PRIMAL = 1, 4
"""Values of HiGHS' option simplex_strategy."""
INTEGRAL = 1e-6
"""How far from a whole number HiGHS leaves integer variables, and rows from their right sides, at most."""
LEAN_NODES = 128
"""Branch-and-bound nodes the lean options get before "auto" starts again with HiGHS' own."""

LEAN: Settings = {
    "presolve": "off",
    "mip_heuristic_effort": 0.0,
    "mip_detect_symmetry": False,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_max_nodes": 2**31 - 1,
}
DEFAULT: Settings = {
    "presolve": "choose",
    "mip_heuristic_effort": 0.05,
    "mip_detect_symmetry": True,
    "mip_heuristic_run_feasibility_jump": True,
    "mip_heuristic_run_rins": True,
    "mip_heuristic_run_rens": True,
    "mip_heuristic_run_root_reduced_cost": True,
    "mip_max_nodes": 2**31 - 1,
}
TUNINGS: dict[str, tuple[Settings, ...]] = {
    "default": (DEFAULT,),
    "lean": (LEAN,),
    "auto": ({**LEAN, "mip_max_nodes": LEAN_NODES}, DEFAULT),
}


_CONCLUSIVE = (
    HighsModelStatus.kOptimal,
    HighsModelStatus.kInfeasible,
    HighsModelStatus.kUnbounded,
    HighsModelStatus.kUnboundedOrInfeasible,
    HighsModelStatus.kTimeLimit,
)

Rows = tuple[Floats, Floats]
"""Least and greatest values of the constraint rows, each `[rows]`."""


class Outcome(NamedTuple):
    """How one row ended: its point is None unless the status is ok."""

    status: SolveStatus
    point: Floats | None = None
    message: str = ""


class Engine(Protocol):
    """Solves rows one by one."""

    events: Counter[str]

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""


class LinearEngine:
    """The simplex method.

    Args:
        program: the feasible set; integrality is relaxed.
        settings: HiGHS options.
        strategy: the simplex method, `DUAL` or `PRIMAL`.
        warm: start from the basis the previous row ended with.
    """

    def __init__(self, program: LinearProgram, settings: Settings, *, strategy: int = DUAL, warm: bool = False) -> None:
        self.events: Counter[str] = Counter()
        simplex: Settings = {"presolve": "off", "solver": "simplex", "simplex_strategy": strategy}
        self._native = Native(program, {**settings, **simplex}, integer=False)
        self._strategy = strategy
        self._bounds = program.lower, program.upper
        self._warm = warm

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        native = self._native
        if not self._warm:
            native.forget()
        native.set_costs(costs)
        native.set_rows(*rows)
        found = native.run(seconds)
        if found not in _CONCLUSIVE:
            found = self._other_way(seconds)
        if found == HighsModelStatus.kOptimal:
            point = native.point()
            np.maximum(point, self._bounds[0], out=point)  # within its tolerance HiGHS steps over bounds
            np.minimum(point, self._bounds[1], out=point)
            point += 0.0  # -0.0 becomes 0.0
            return Outcome(SolveStatus.OPTIMAL, point)
        if found == HighsModelStatus.kUnboundedOrInfeasible:
            found = self._which(costs, seconds)
        outcome = stopped(found, native)
        native.forget()  # a warm start from where this row got stuck helps no one
        return outcome

    def _other_way(self, seconds: float | None) -> HighsModelStatus:
        """Numerical trouble in one simplex method is seldom trouble in the other."""
        self.events["solved_again_by_the_other_simplex"] += 1
        self._native.forget()
        self._native.configure({"simplex_strategy": PRIMAL if self._strategy == DUAL else DUAL})
        found = self._native.run(seconds)
        self._native.configure({"simplex_strategy": self._strategy})
        return found

    def _which(self, costs: Floats, seconds: float | None) -> HighsModelStatus:
        """Without an objective, feasible or not is all that is left to find out."""
        self._native.forget()
        self._native.set_costs(np.zeros_like(costs))
        found = self._native.run(seconds)
        return HighsModelStatus.kUnbounded if found == HighsModelStatus.kOptimal else found


class IntegerEngine:
    """The linear relaxation first: a whole-numbered vertex of it is a proof. Otherwise branch and bound.

    Args:
        program: the feasible set.
        settings: HiGHS options.
        tuning: which sets of options branch and bound tries, in turn; see `TUNINGS`.
    """

    def __init__(self, program: LinearProgram, settings: Settings, tuning: str) -> None:
        self.events: Counter[str] = Counter()
        self._program = program
        self._relaxation = LinearEngine(program, settings)
        self._exact = {**settings, "mip_abs_gap": 0.0}
        self._tuning = TUNINGS[tuning]
        self._kept: Native | None = None

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        clock = _clock(seconds)
        relaxed = self._relaxation.solve(costs, rows, clock())
        if relaxed.point is not None and relaxed.status == SolveStatus.OPTIMAL:
            whole = self._rounded(relaxed.point, rows)
            if whole is not None:
                self.events["integral_relaxations"] += 1
                return Outcome(SolveStatus.OPTIMAL, whole)
        elif relaxed.status == SolveStatus.INFEASIBLE:
            return relaxed
        self.events["branch_and_bound"] += 1
        native = self._native()
        native.set_rows(*rows)
        if relaxed.status == SolveStatus.UNBOUNDED:
            return self._feasible_or_not(costs, clock())
        return self._branch_and_bound(costs, rows, clock)

    def _native(self) -> Native:
        """Built when the first row needs it: many instances never do."""
        if self._kept is None:
            self._kept = Native(self._program, self._exact, integer=True)
        return self._kept

    def _branch_and_bound(self, costs: Floats, rows: Rows, clock: Callable[[], float | None]) -> Outcome:
        native = self._native()
        found = HighsModelStatus.kNotset
        for attempt, settings in enumerate(self._tuning):
            self.events["fall_backs_to_default_tuning"] += attempt
            native.configure(settings)
            native.forget()
            native.set_costs(costs)
            found = native.run(clock())
            if found != HighsModelStatus.kSolutionLimit:
                break
        if found in (HighsModelStatus.kUnbounded, HighsModelStatus.kUnboundedOrInfeasible):
            return self._feasible_or_not(costs, clock())
        ended = Outcome(SolveStatus.OPTIMAL, native.point())
        if found != HighsModelStatus.kOptimal:
            ended = stopped(found, native)
        if ended.point is None:
            return ended
        whole = self._rounded(ended.point, rows)
        if whole is None:
            return Outcome(
                SolveStatus.ERROR,
                message="HiGHS' solution, rounded to whole numbers, breaks a constraint: "
                "coefficients of integer variables differ too much in size",
            )
        return ended._replace(point=whole)

    def _feasible_or_not(self, costs: Floats, seconds: float | None) -> Outcome:
        """Rows whose relaxation is unbounded are unbounded if any whole-numbered point exists, else infeasible."""
        native = self._native()
        native.configure(DEFAULT)
        native.forget()
        native.set_costs(np.zeros_like(costs))
        found = native.run(seconds)
        return stopped(HighsModelStatus.kUnbounded if found == HighsModelStatus.kOptimal else found, None)

    def _rounded(self, point: Floats, rows: Rows) -> Floats | None:
        """The point with exactly whole numbers, or None if it has none or they break a constraint."""
        program = self._program
        whole = np.where(program.integer, np.rint(point), np.clip(point, program.lower, program.upper)) + 0.0
        off = np.abs(whole - point)[program.integer].max(initial=0.0)
        if off > INTEGRAL:
            return None
        if off == 0.0:
            return whole
        lower, upper = rows
        activity = program.matrix.times(whole)
        slack = INTEGRAL * np.maximum(1.0, np.abs(activity))
        if (activity < lower - slack).any() or (activity > upper + slack).any():
            return None
        return whole


def stopped(found: HighsModelStatus, native: Native | None) -> Outcome:
    """The outcome of a run that did not end with an optimum."""
    if found == HighsModelStatus.kInfeasible:
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
    if found == HighsModelStatus.kUnbounded:
        return Outcome(SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the direction of the objective")
    if found == HighsModelStatus.kTimeLimit:
        if native is not None and native.has_point:
            return Outcome(
                SolveStatus.FEASIBLE, native.point() + 0.0, "stopped at the time limit with a feasible point"
            )
        return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
    return Outcome(SolveStatus.ERROR, message=f"HiGHS ended with model status {found.name}")


def _clock(seconds: float | None) -> Callable[[], float | None]:
    """What is left of a time limit."""
    if seconds is None:
        return lambda: None
    end = time.perf_counter() + seconds
    return lambda: end - time.perf_counter()
