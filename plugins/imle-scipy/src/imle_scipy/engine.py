"""HiGHS as SciPy ships it: a new model for every row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csc_array

from imle.solvers import SolveStatus
from imle_linear.arrays import LEAST, Floats
from imle_linear.engines import TIGHT, Clock, Outcome, deadline, faint
from imle_linear.judging import reached
from imle_linear.leaving import leaving
from imle_linear.program import LinearProgram, Rows

_OPTIMAL, _LIMIT, _INFEASIBLE = range(3)
"""scipy's codes; 4 is anything else, "unbounded or infeasible" among it, and a node limit, which it does not know."""
_NODES = "Solution limit reached"
_TOLERANCE = "dual_feasibility_tolerance"
_BETTER = 1e-5
"""How much better, relative to the largest cost, a point has to be that challenges an optimal one."""
_CHALLENGES, _NODES_EACH, _SECONDS_EACH = 20, 1000, 2.0
"""How often something better is asked for; and what a challenge may cost, beside what the answer did: along an endless
strip without a point, no search ends."""
_CHALLENGED = "whether there is a better point than one that HiGHS calls optimal is not known"
_GRACE = 0.5
"""Seconds after its time limit that HiGHS has to come back with what it has found."""
_LATE = OptimizeResult(status=_LIMIT, x=None, mip_dual_bound=None, message="HiGHS did not keep the time limit")


class ScipyEngine:
    """Solves rows by scipy.optimize.milp.

    Args:
        program: the feasible set.
        options: HiGHS' own, by its names.
        leave: do not wait for HiGHS after Ctrl-C or its time limit; for where no process can be ended instead.
        challenges: ask for something better than what is called optimal, which has to be infeasible.
    """

    def __init__(
        self, program: LinearProgram, options: Mapping[str, Any], *, leave: bool = False, challenges: bool = False
    ) -> None:
        self.events: Counter[str] = Counter()
        matrix = program.matrix
        self._factors, self._widened = matrix.row_factors, program.widened
        self._leave, self._challenges = leave, challenges
        self._matrix = csc_array(
            (matrix.value * self._factors[matrix.index], matrix.index, matrix.start), shape=matrix.shape
        )
        self._bounds = Bounds(program.lower, program.upper)
        self._integrality = program.integer.astype(np.int64)
        self._gap = float(options.get("mip_rel_gap", 0.0))
        self._options = {
            "mip_abs_gap": 0.0,
            "small_matrix_value": LEAST,
            **(TIGHT if program.delicate else {}),
            **options,
        }

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        clock = deadline(seconds)
        found = self._run(costs, rows, seconds)
        if self._challenges and found.status == _OPTIMAL and costs.any():
            found = self._challenged(found, costs, rows, clock)
        bound = math.nan if found.mip_dual_bound is None else float(found.mip_dual_bound)
        if found.status == _OPTIMAL:
            return reached(Outcome(SolveStatus.OPTIMAL, found.x, bound=bound), costs, self._gap)
        if found.x is not None:
            return Outcome(SolveStatus.FEASIBLE, found.x, f"stopped with a feasible point: {found.message}", bound)
        if found.status == _INFEASIBLE:
            return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
        if found.status == _LIMIT or _NODES in found.message:
            message = f"stopped without a feasible point: {found.message}"
            return Outcome(SolveStatus.TIMEOUT, message=message, bound=bound)
        return self._without_objective(costs, rows, seconds, found)

    def _challenged(self, found: Any, costs: Floats, rows: Rows, clock: Clock) -> Any:
        """The same, if nothing is better than the point; else the best that is found by asking for better ones.

        Where integer variables have no bounds, HiGHS may call a point optimal, with presolve and without, and find a
        better one as soon as one is asked for.
        """
        row = costs / 2.0 ** np.ceil(np.log2(np.abs(costs).max()))
        best, unproven, nodes = found.x, found, max(_NODES_EACH, 10 * int(found.mip_node_count or 0))
        for _ in range(_CHALLENGES):
            limit = float(row @ best) - _BETTER
            left = clock()
            most = _SECONDS_EACH if left is None else min(left, _SECONDS_EACH)
            other = self._run(costs, rows, most, (row, limit), nodes)
            if other.status == _INFEASIBLE or other.x is None:
                break
            self.events["challenged"] += 1
            unproven = OptimizeResult(status=_LIMIT, x=best, mip_dual_bound=None, message=_CHALLENGED)
            if row @ other.x > limit + _BETTER / 2:
                break
            best, unproven.x = other.x, other.x
        return unproven

    def _without_objective(self, costs: Floats, rows: Rows, seconds: float | None, found: Any) -> Outcome:
        """Whether there is any point at all, which HiGHS may not know yet where it says unbounded."""
        feasible = self._run(np.zeros_like(costs), rows, seconds)
        if feasible.status == _INFEASIBLE:
            return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
        if feasible.status == _OPTIMAL:
            return Outcome(SolveStatus.UNBOUNDED, message="the objective improves without limit")
        return Outcome(SolveStatus.ERROR, message=str(found.message))

    def _run(
        self,
        costs: Floats,
        rows: Rows,
        seconds: float | None,
        further: tuple[Floats, float] | None = None,
        nodes: int | None = None,
    ) -> Any:
        """What scipy says; its code for a limit if it does not keep that.

        Args:
            costs: `[n]`.
            rows: ends of constraint rows.
            seconds: limit, or None.
            further: a row `[n]` beside those of the program, and its upper end.
            nodes: another limit than the caller's.
        """
        lower, upper = self._widened(rows)
        constraints = [LinearConstraint(self._matrix, self._factors * lower, self._factors * upper)]
        if further is not None:
            constraints.append(LinearConstraint(further[0][None], -np.inf, further[1]))
        tolerance = {_TOLERANCE: TIGHT[_TOLERANCE]} if faint(costs) else {}
        limit: dict[str, float] = {} if seconds is None else {"time_limit": max(seconds, 0.0)}
        if nodes is not None:
            limit["node_limit"] = nodes

        def call() -> Any:
            return milp(
                costs,
                integrality=self._integrality,
                bounds=self._bounds,
                constraints=constraints,
                options=_Verbatim({**tolerance, **self._options, **limit}),
            )

        return self._ended(call, seconds)

    def _ended(self, call: Callable[[], OptimizeResult], seconds: float | None) -> OptimizeResult:
        """What a call of scipy gives, or the code for a limit."""
        if not self._leave:
            return call()
        found = leaving(call, None if seconds is None else 1.1 * seconds + _GRACE)
        return _LATE if found is None else found


class _Verbatim(dict[str, Any]):
    """Options that scipy hands to HiGHS as they are.

    It warns of those it does not know itself, which are the names that iterating shows; and a warning cannot be
    silenced in one thread alone.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(())
