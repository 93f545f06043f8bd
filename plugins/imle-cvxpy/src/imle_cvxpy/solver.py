"""The solver: a cvxpy problem is canonicalised once, HiGHS or a compiled kernel solves it for every objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp

from imle.errors import InstanceError
from imle.solvers import AwaitingInstance, PreparedSolver
from imle_cvxpy import pickling as pickling  # layers that hold problems can be copied and sent
from imle_cvxpy.canonical import canonical
from imle_cvxpy.learned import given_parameters, learned
from imle_cvxpy.plugin import CVXPY
from imle_highs.models import ModelSolver
from imle_linear.parametric import PreparedModel, Values


@dataclass(frozen=True)
class CvxpySolver(ModelSolver, spec=CVXPY):
    """argmin (or argmax) of the objective of a cvxpy problem, as its learned Parameters or Variables have it.

    See `ModelSolver` for the options.
    """

    def prepare(
        self, problem: Any = None, parameters: Any = None, variables: Any = None, values: Any = None
    ) -> PreparedSolver:
        """Bind to a problem.

        Args:
            problem: a cvxpy.Problem; it is not changed, and later changes to it have no effect here. Copies
                of a layer, and worker processes, read it again.
            parameters: the learned Parameter, or several, which the objective has and no constraint; by default all
                such Parameters.
            variables: learned Variables instead, whose coefficients then come from objectives alone; by default all if
                there are no learned Parameters.
            values: of the other Parameters, a mapping from names, or all in one vector; by default their own.

        Raises:
            InstanceError: another sense; or what is not linear in variables (but for a convex quadratic objective), or
                not affine in Parameters.
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
        others = given_parameters(who, problem, read, chosen.parameters)
        given = Values(who, others, chosen.program.width, values)
        return PreparedModel(who, self.sense, chosen.program, chosen.terms, given, self.bind, self.bind_quadratic)
