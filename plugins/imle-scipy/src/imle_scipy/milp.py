"""Mixed-integer linear programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import ArrayKind, PreparedSolver, Sense, Shape, SolveResult, SolveStatus
from imle_scipy import checks
from imle_scipy.program import Program, read, vector
from imle_scipy.rows import Floats, Rows

_WHO = "scipy-milp"
_SIZE = 10
"""HiGHS is given costs whose largest lies between 2^9 and 2^10: its tolerances are absolute."""
_LIMIT, _INFEASIBLE, _UNKNOWN = 1, 2, 4
"""scipy's codes; 0 is optimal, 3 unbounded; unknown is anything else, "unbounded or infeasible" among it."""
_TOLERANCE = 2e-6
"""Twice that of HiGHS: how far a variable may be from a whole number, or a row from its bound."""
_NO_POINT = "no point satisfies all constraints and bounds"


@dataclass(frozen=True)
class ScipyMILPSolver:
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality, by scipy.optimize.milp.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof (scipy's own default is 1e-4).
        node_limit: nodes of branch and bound per row.
        presolve: whether HiGHS simplifies each row first.

    Integer variables come back as whole numbers. Several optimal solutions: one of them, the same one every time.

    Raises:
        OptionError: a value out of range.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    node_limit: int | None = None
    presolve: bool = True

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        checks.choice(_WHO, "sense", self.sense, ("min", "max"))
        checks.choice(_WHO, "presolve", self.presolve, (True, False))
        checks.positive(_WHO, "time_limit", self.time_limit)
        checks.positive(_WHO, "node_limit", self.node_limit)
        checks.fraction(_WHO, "gap", self.gap)

    def prepare(
        self,
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        integrality: Any = None,
    ) -> PreparedSolver:
        """Bind to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq`, bounds and integrality.

        Args:
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables, one per variable, or scipy's Bounds; None is infinite.
            integrality: 1 for integer, 0 for continuous, for all variables or one per variable; by default 1.

        Raises:
            InstanceError: the parts do not fit together.
        """
        program = read(_WHO, A_ub, b_ub, A_eq, b_eq, bounds, integrality)
        return Unbound() if program is None else PreparedMILP(self, program)


@dataclass(frozen=True, eq=False)
class PreparedMILP:
    """Many objectives over one feasible set. scipy builds a new model for each of them; nothing is shared."""

    solver: ScipyMILPSolver
    program: Program

    @property
    def objective_shape(self) -> tuple[int]:
        """`(n,)`."""
        return (len(self.program.lower),)

    def solve(
        self,
        objective: Floats,
        *,
        hint: Floats | None = None,
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, n]`.
            hint: not used; scipy takes none.
            b_ub: N right sides instead of the fixed one.
            b_eq: likewise.

        Raises:
            ObjectiveError: another shape.
            InstanceError: a right side is missing, or has the wrong length (names the row).
        """
        del hint
        objective = np.asarray(objective, np.float64)
        if objective.ndim != 2 or objective.shape[1] != len(self.program.lower):
            raise ObjectiveError(
                f"{_WHO}: expected objectives of shape [N, {len(self.program.lower)}], found {list(objective.shape)}"
            )
        below = self._right_sides("b_ub", b_ub, slice(0, self.program.below), len(objective))
        equal_rows = slice(self.program.below, self.program.below + self.program.equal)
        equal = self._right_sides("b_eq", b_eq, equal_rows, len(objective))
        rows = Rows.of(objective)
        for row in rows.open:
            lower, upper = self.program.row_lower, self.program.row_upper
            if below is not None or equal is not None:
                lower, upper = lower.copy(), upper.copy()
                if below is not None:
                    upper[: self.program.below] = below[row]
                if equal is not None:
                    lower[equal_rows] = upper[equal_rows] = equal[row]
            self._solve_row(rows, row, objective[row], lower, upper)
        return rows.result()

    def close(self) -> None:
        """Nothing to free: scipy keeps no model."""

    def _solve_row(self, rows: Rows, row: int, objective: Floats, lower: Floats, upper: Floats) -> None:
        costs = _scaled(objective, self.solver.sense)
        found, point, violated = self._found(costs, lower, upper)
        if violated:
            rows.say(row, SolveStatus.ERROR, "HiGHS returned a point that violates a constraint or a bound")
        elif point is not None:
            rows.solutions[row] = point
            rows.values[row] = rows.solutions[row] @ objective
            if found.status != 0:
                rows.say(row, SolveStatus.FEASIBLE, f"stopped with a feasible point: {found.message}")
        elif found.status == _LIMIT:
            rows.say(row, SolveStatus.TIMEOUT, f"stopped without a feasible point: {found.message}")
        elif found.status == _INFEASIBLE:
            rows.say(row, SolveStatus.INFEASIBLE, _NO_POINT)
        else:  # HiGHS may not know yet whether there is a point at all
            feasible = self._feasible(lower, upper)
            if feasible is None:
                rows.say(row, SolveStatus.ERROR, str(found.message))
            elif feasible:
                rows.say(row, SolveStatus.UNBOUNDED, "the objective improves without limit")
            else:
                rows.say(row, SolveStatus.INFEASIBLE, _NO_POINT)

    def _found(self, costs: Floats, lower: Floats, upper: Floats) -> tuple[Any, Floats | None, bool]:
        """What HiGHS says, its point, and whether that is outside the feasible set.

        HiGHS has faults: points that violate a constraint (scipy#24141), and no answer on tiny infeasible
        programs that presolve alone would refute. The other way to begin mostly avoids both.
        """
        for presolve in (self.solver.presolve, not self.solver.presolve):
            found = self._run(costs, lower, upper, presolve)
            point, violated = self._whole(found.x, lower, upper)
            if not violated and (point is not None or found.status != _UNKNOWN):
                break
        return found, point, violated

    def _whole(self, x: Any, lower: Floats, upper: Floats) -> tuple[Floats | None, bool]:
        """A point with its integer variables rounded, and whether it is outside the feasible set."""
        if x is None:
            return None, False
        program = self.program
        point = np.where(program.integer, np.rint(x), x) + 0.0  # no -0
        sums = program.matrix @ point
        slack = _TOLERANCE * (1.0 + program.sizes)
        inside = ((sums >= lower - slack) & (sums <= upper + slack)).all()
        inside &= ((point >= program.lower - _TOLERANCE) & (point <= program.upper + _TOLERANCE)).all()
        return point, not inside

    def _feasible(self, lower: Floats, upper: Floats) -> bool | None:
        """Whether there is any point at all; None if that stays open too."""
        found, point, violated = self._found(np.zeros(len(self.program.lower)), lower, upper)
        if point is not None and not violated:
            return True
        return False if found.status == _INFEASIBLE else None

    def _run(self, costs: Floats, lower: Floats, upper: Floats, presolve: bool) -> Any:
        options = {"mip_rel_gap": self.solver.gap, "presolve": presolve}
        if self.solver.time_limit is not None:
            options["time_limit"] = self.solver.time_limit
        if self.solver.node_limit is not None:
            options["node_limit"] = self.solver.node_limit
        constraints = LinearConstraint(self.program.matrix, lower, upper) if len(lower) else None
        return milp(
            costs,
            integrality=self.program.integer.astype(np.int64),
            bounds=Bounds(self.program.lower, self.program.upper),
            constraints=constraints,
            options=options,
        )

    def _right_sides(self, name: str, given: Sequence[Any] | None, place: slice, count: int) -> list[Floats] | None:
        size = place.stop - place.start
        if given is None:
            if np.isnan(self.program.row_upper[place]).any():
                raise InstanceError(
                    f"{_WHO}: {name} missing: A_{name[2:]} has {size} rows",
                    hint=f"give {name}=... to imle.layer for all rows, or to the call, one per row",
                )
            return None
        if size == 0:
            raise InstanceError(f"{_WHO}: {name}: expected A_{name[2:]} beside it, found {name} alone")
        if len(given) != count:
            raise InstanceError(f"{_WHO}: {name}: expected one vector per row, {count} in all, found {len(given)}")
        return [vector(f"{_WHO}: {name}", right, size, row=row) for row, right in enumerate(given)]


class Unbound:
    """A solver whose instance comes with every row; there is nothing to solve until it does."""

    objective_shape: ClassVar[Shape] = (None,)

    def solve(self, objective: Any, **rows: Any) -> SolveResult:
        """Say that the instance is missing.

        Raises:
            InstanceError: always.
        """
        raise InstanceError(
            f"{_WHO}: expected A_ub, A_eq or one pair of bounds per variable, found none of them",
            hint="give them to imle.layer for all rows, or to the call, one per row",
        )

    def close(self) -> None:
        """Nothing to free."""


def _scaled(objective: Floats, sense: Sense) -> Floats:
    """Costs to minimise, brought to one size by a power of two: none is rounded, whatever the scale."""
    shift = _SIZE - int(np.frexp(np.abs(objective).max(initial=0.0))[1])
    half = shift // 2
    costs: Floats = np.ldexp(np.ldexp(objective, half), shift - half)  # 2**1083 is no float64
    return -costs if sense == "max" else costs
