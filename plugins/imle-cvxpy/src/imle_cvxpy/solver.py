"""The solver: a cvxpy problem is canonicalised once, HiGHS or a compiled kernel solves it for every objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cvxpy as cp

from imle.errors import InstanceError
from imle.solvers import AwaitingInstance, BaseSolver, PreparedSolver, Sense
from imle_cvxpy.canonical import canonical
from imle_cvxpy.learned import learned
from imle_cvxpy.plugin import CVXPY
from imle_cvxpy.prepared import PreparedProblem
from imle_cvxpy.values import Values
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.options import passed
from imle_kernels.structures import StructureEngine
from imle_linear.options import EngineOptions
from imle_linear.prepared import PreparedProgram
from imle_linear.program import LinearProgram


@dataclass(frozen=True)
class CvxpySolver(BaseSolver, spec=CVXPY):
    """argmin (or argmax) of the objective of a cvxpy problem, as its learned Parameters or Variables have it.

    Args:
        sense: "min" for costs, "max" for scores; the problem's own.
        time_limit: seconds per row.
        gap: relative gap at which the search for whole numbers may stop; 0 asks for a proof.
        engine: "highs", or "auto" to solve assignments, knapsacks and flows by compiled kernels.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    engine: Literal["highs", "auto"] = "highs"
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(CVXPY.id, self.options))

    def prepare(
        self, problem: Any = None, parameters: Any = None, variables: Any = None, values: Any = None
    ) -> PreparedSolver:
        """Bind to a problem.

        Args:
            problem: a cvxpy.Problem; it is not changed, and later changes to it have no effect.
            parameters: the learned Parameter, or several, which the objective has and no constraint; by default all
                such Parameters.
            variables: learned Variables instead, whose coefficients then come from objectives alone; by default all if
                there are no learned Parameters.
            values: of the other Parameters, a mapping from names, or all in one vector; by default their own.

        Raises:
            InstanceError: another sense; or what is not linear in variables, or not affine in Parameters.
        """
        who = CVXPY.id
        if problem is None:
            return AwaitingInstance(who, "expected a problem, found none", "problem=...")
        if not isinstance(problem, cp.Problem):
            raise InstanceError(f"{who}: problem: expected a cvxpy.Problem, found {type(problem).__name__}")
        found = "max" if isinstance(problem.objective, cp.Maximize) else "min"
        if found != self.sense:
            raise InstanceError(
                f"{who}: problem: expected sense={self.sense!r}, found cvxpy.{type(problem.objective).__name__}",
                hint=f"give sense={found!r}",
            )
        read = canonical(who, problem)
        chosen = learned(who, problem, read, parameters, variables)
        given = Values(who, problem, read, chosen, values)
        return PreparedProblem(who, self.sense, read, chosen, given, self._bind)

    def _bind(self, program: LinearProgram) -> PreparedProgram:
        around = StructureEngine if self.engine == "auto" else None
        shared = {name: getattr(self, name) for name in ("sense", "time_limit", "threads", "seed", "options")}
        if program.integer.any():
            return HighsILPSolver(gap=self.gap, **shared).bind(program, around)
        return HighsLPSolver(**shared).bind(program, around)
