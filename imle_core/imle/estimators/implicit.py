"""Implicit differentiation of optima, as of quadratic programs: Amos & Kolter, ICML 2017."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Estimator, Trace
from imle.noise import BaseNoiseDistribution
from imle.plugins.spec import SolverSpec


class Implicit(Estimator):
    """J(theta)^T dy, with J the derivative of the solution itself: exact, and without noise.

    For solvers whose solutions move with theta, as the optima of convex quadratic programs do; of linear and
    combinatorial problems they jump from corner to corner, and J is 0. The solver knows J (`solution_vjp`): of a
    quadratic program it is ``Z (Z'QZ)^-1 Z'`` with Z the directions along which no constraint that holds with equality
    changes. At a kink, where one more constraint just begins to hold, it is the derivative to one side.

    The gradient is linear in dy: nothing about it depends on batch size, samples or reduction but dy itself.

    Source: section 3; where constraints hold, equation 6 is a system of linear equations in the others.
    """

    name: ClassVar[str] = "implicit"
    stochastic: ClassVar[bool] = False
    by_row: ClassVar[bool] = True

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        super().check(spec, noise, temperature)
        if not spec.capabilities.solution_vjp:
            raise OptionError(
                f"estimator 'implicit': expected a solver whose solutions have a derivative, found {spec.id!r}, whose "
                "solutions do not change, or jump, when the objective moves a little",
                hint='"imle" and "perturbed" work with any solver; "highs-qp" is a solver for which this is',
            )

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        z = trace.z
        moved = trace.call.solve.solution_vjp(trace.theta.unsqueeze(1).expand_as(z), z, dy.expand_as(z))
        return trace.mean(moved, trace.valid)
