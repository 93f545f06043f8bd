"""Convex quadratic programs: linear constraints, a quadratic term in the objective, exact derivatives of solutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_highs import quadratic
from imle_highs.files import quadratic_term, read
from imle_highs.native import Settings
from imle_highs.options import passed
from imle_highs.plugin import QP
from imle_highs.prepared_qp import PreparedQuadratic, QuadraticSetup
from imle_highs.quadratic import QuadraticProgram
from imle_linear import arrays
from imle_linear.instance import ProgramInput, awaiting, is_empty
from imle_linear.options import EngineOptions
from imle_linear.program import LinearProgram


@dataclass(frozen=True)
class HighsQPSolver(BaseSolver, spec=QP):
    """argmin of <objective, x> + x'Qx/2, or argmax of <objective, x> - x'Qx/2, over linear constraints and bounds.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"qp_iteration_limit": 1000}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(QP.id, self.options))

    def prepare(
        self,
        Q: Any = None,  # noqa: N803 - the field's name
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        model: Any = None,
        variables: Any = None,
        costs: Any = None,
    ) -> PreparedSolver:
        """Bind to Q, `A_ub @ x <= b_ub`, `A_eq @ x == b_eq` and bounds, or to an MPS or LP file.

        Args:
            Q: `[n, n]` symmetric and positive semidefinite, dense or scipy.sparse; may be left out here and given per
                row when solving.
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables or one per variable; None is infinite.
            model: path of a file, instead of all of the above.
            variables: the k learned variables, by index or (in files) name; by default all.
            costs: `[n]` coefficients of the variables that are not learned; by default 0, or the file's.

        Raises:
            InstanceError: the parts do not fit together, Q is not convex, or there are integer variables in the file.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if Q is None and is_empty(instance):
            return awaiting(QP.id)
        if Q is not None and is_empty(instance._replace(costs=None)):  # Q alone tells how many variables there are
            ends = arrays.bounds(f"{QP.id}: bounds", bounds, quadratic.width(QP.id, Q))
            instance = instance._replace(bounds=np.stack(ends, axis=-1))
        if model is not None and Q is not None:
            raise InstanceError(
                f"{QP.id}: expected either model or Q, found both", hint="the quadratic term comes from the model"
            )
        program = read(QP.id, self.sense, instance, integrality=None, default_integrality=0, quadratic=True)
        return self.bind(program, Q if model is None else quadratic_term(QP.id, model, self.sense))

    def bind(self, program: LinearProgram, Q: Any) -> PreparedQuadratic:  # noqa: N803
        """Bind to a program that is already in HiGHS' form.

        Args:
            program: the feasible set, and what is linear.
            Q: `[n, n]` of all its variables, learned or not; None where each row of a batch brings it.

        Raises:
            InstanceError: Q is not of its size, not symmetric or not convex; or the program has integer variables.
        """
        integer = np.flatnonzero(program.integer)
        if len(integer):
            raise InstanceError(
                f"{QP.id}: expected continuous variables, found {len(integer)} integer ones, the first being "
                f"{program.variable_name(int(integer[0]))}",
                hint="HiGHS solves no quadratic programs with integers: leave integrality out, or linearise x'Qx for "
                "highs-ilp",
            )
        term = None if Q is None else quadratic.matrix(QP.id, Q, len(program.costs))
        setup = QuadraticSetup(QP.id, self.sense, self.time_limit, self._settings)
        return PreparedQuadratic(QuadraticProgram(program, term), setup)

    @property
    def _settings(self) -> Settings:
        return {"threads": self.threads, "random_seed": self.seed, **dict(self.options or ())}
