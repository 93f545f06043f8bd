"""Linear programs by scipy.optimize.linprog, which tells dual values: milp does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, linprog
from scipy.sparse import vstack

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import TIGHT, Outcome
from imle_linear.program import LinearProgram, Rows
from imle_scipy.engine import ScipyEngine

_OPTIMAL = 0


class LinprogEngine(ScipyEngine):
    """Solves rows of linear programs, with the least tolerances that HiGHS takes, and with duals.

    Args:
        program: the feasible set, without integers.
        leave: as for `ScipyEngine`.
    """

    def __init__(self, program: LinearProgram, *, leave: bool = False) -> None:
        names = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")  # all that linprog knows
        super().__init__(program, {}, leave=leave)
        self._options = {name: TIGHT[name] for name in names}
        self._by_rows = self._matrix.tocsr()
        self._duals: Floats | None = None

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        outcome = super().solve(costs, rows, seconds)
        return outcome._replace(duals=self._duals) if outcome.status == SolveStatus.OPTIMAL else outcome

    def _run(self, costs: Floats, rows: Rows, seconds: float | None, *_: Any) -> OptimizeResult:
        """What scipy says, as milp would. It has rows with one end, or equal ends, only."""
        lower, upper = self._factors * rows.lower, self._factors * rows.upper
        equal = lower == upper
        above, below = np.isfinite(upper) & ~equal, np.isfinite(lower) & ~equal
        limit: dict[str, float] = {} if seconds is None else {"time_limit": max(seconds, 0.0)}

        def call() -> OptimizeResult:
            return linprog(
                costs,
                A_ub=vstack([self._by_rows[above], -self._by_rows[below]]),
                b_ub=np.concatenate([upper[above], -lower[below]]),
                A_eq=self._by_rows[equal],
                b_eq=lower[equal],
                bounds=np.stack([rows.least, rows.most], axis=-1),
                method="highs",
                options={**self._options, **limit},
            )

        found = self._ended(call, seconds)
        if found.status == _OPTIMAL:
            self._duals = self._factors * _marginals(found, equal, above, below)
        point = found.x if found.status == _OPTIMAL else None
        return OptimizeResult(status=found.status, x=point, mip_dual_bound=None, message=found.message)


def _marginals(
    found: OptimizeResult, equal: NDArray[np.bool_], above: NDArray[np.bool_], below: NDArray[np.bool_]
) -> Floats:
    """`[rows]` duals of rows, from those of linprog's."""
    duals = np.zeros(len(equal))
    one_sided = found.ineqlin.marginals
    duals[equal] = found.eqlin.marginals
    duals[above] += one_sided[: above.sum()]
    duals[below] -= one_sided[above.sum() :]
    return duals
