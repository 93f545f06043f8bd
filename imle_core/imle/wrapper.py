"""The API of the original torch-imle: a batched solver function, turned differentiable by I-MLE.

Shapes and values are the original's; its defects are not. For new code, `imle.layer(function)` offers the same
with every estimator, explicit outputs and statistics.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast, overload

import torch
from torch import Tensor

from imle.errors import OptionError, SolverContractError
from imle.estimators.base import Application, Estimator, Trace
from imle.estimators.function import estimate
from imle.estimators.samples import Solutions
from imle.layers.shapes import check_objective
from imle.noise import BaseNoiseDistribution, draw_like
from imle.target import BaseTargetDistribution, TargetDistribution

__all__ = ["imle"]

SolverFunction = Callable[..., Tensor]


@overload
def imle(
    function: SolverFunction,
    target_distribution: BaseTargetDistribution | None = ...,
    noise_distribution: BaseNoiseDistribution | None = ...,
    nb_samples: int = ...,
    input_noise_temperature: float = ...,
    target_noise_temperature: float = ...,
) -> SolverFunction: ...


@overload
def imle(
    function: None = ...,
    target_distribution: BaseTargetDistribution | None = ...,
    noise_distribution: BaseNoiseDistribution | None = ...,
    nb_samples: int = ...,
    input_noise_temperature: float = ...,
    target_noise_temperature: float = ...,
) -> Callable[[SolverFunction], SolverFunction]: ...


def imle(
    function: SolverFunction | None = None,
    target_distribution: BaseTargetDistribution | None = None,
    noise_distribution: BaseNoiseDistribution | None = None,
    nb_samples: int = 1,
    input_noise_temperature: float = 1.0,
    target_noise_temperature: float = 1.0,
) -> SolverFunction | Callable[[SolverFunction], SolverFunction]:
    """Turn a batched solver function into a differentiable one, directly or as a decorator.

    Args:
        function: `[N, *event]` parameters to `[N, *event]` solutions of argmax <theta, z>; any numeric dtype.
            Further positional and keyword arguments are handed on to it, as constants.
        target_distribution: by default `TargetDistribution(alpha=1.0, beta=1.0)`.
        noise_distribution: by default no noise.
        nb_samples: S, noise draws per row.
        input_noise_temperature: scale of the noise in the forward solves.
        target_noise_temperature: scale of the same noise in the backward solves.

    Returns:
        A function from `[B, *event]` to samples `[B * S, *event]`, row-major, in theta's dtype, whose gradient is
        mean_s [ z_s - z(target_s + tau' eps_s) ] with target_s = target_distribution.params(theta, dL/dz_s).

    Raises:
        SolverContractError: when called: the function returned another number of rows or another shape.

    Source: Niepert, Minervini & Franceschi, NeurIPS 2021, algorithm 1.
    """
    if function is None:
        return functools.partial(
            cast("Callable[..., SolverFunction]", imle),
            target_distribution=target_distribution,
            noise_distribution=noise_distribution,
            nb_samples=nb_samples,
            input_noise_temperature=input_noise_temperature,
            target_noise_temperature=target_noise_temperature,
        )
    return wrap(
        function,
        TargetRule(target_distribution or TargetDistribution()),
        noise_distribution,
        samples=nb_samples,
        temperature=input_noise_temperature,
        target_temperature=target_noise_temperature,
    )


class TargetRule(Estimator):
    """I-MLE's rule for an arbitrary target distribution, with dy exactly as autograd delivers it.

    Args:
        target: gives the parameters of the target solves.
        symmetric: central differences.
    """

    name: ClassVar[str] = "target"

    def __init__(self, target: BaseTargetDistribution, *, symmetric: bool = False) -> None:
        super().__init__()
        self.target = target
        self.symmetric = symmetric

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        batch, samples = dy.shape[:2]
        theta = trace.theta.unsqueeze(1).expand_as(dy).reshape(batch * samples, *dy.shape[2:])
        dy = dy.reshape(theta.shape)

        def solve(target: Tensor) -> Tensor:
            return trace.solve_target(target.reshape(batch, samples, *theta.shape[1:])).z

        lower = solve(self.target.params(theta, dy))
        upper = solve(self.target.params(theta, -dy)) if self.symmetric else trace.z
        difference = (upper - lower) / 2 if self.symmetric else upper - lower
        return self.target.process(theta, dy, difference).mean(dim=1)


def wrap(
    function: SolverFunction,
    rule: Estimator,
    noise: BaseNoiseDistribution | None,
    *,
    samples: int,
    temperature: float,
    target_temperature: float,
    minimize: bool = False,
) -> SolverFunction:
    """The differentiable version of `function`: `[B, *event]` to `[B * samples, *event]`.

    With `minimize`, inputs are costs: theta = -costs, so that the perturbed costs are c - tau eps.
    """
    quiet = temperature == 0 and target_temperature == 0

    @functools.wraps(function)
    def wrapper(theta: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_objective(theta)

        def solve(rows: Tensor) -> Tensor:
            with torch.no_grad():
                found = function(-rows if minimize else rows, *args, **kwargs)
            return _solutions(found, rows)

        def draw(rows: Tensor) -> Tensor | None:
            return None if noise is None or quiet else draw_like(noise, rows, samples)

        call = Application(rule, _PerSample(solve, samples), draw, "samples", noise, temperature, target_temperature)
        return estimate(-theta if minimize else theta, call).flatten(0, 1)

    return wrapper


@dataclass(frozen=True)
class _PerSample:
    """Calls a solver function with B * S rows, always: that is what the original does."""

    function: Callable[[Tensor], Tensor]
    samples: int

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        del hint, phase, known  # the original solves every row
        event = theta.shape[2:]
        rows = theta.detach().expand(-1, self.samples, *event).reshape(-1, *event)
        return Solutions(self.function(rows).reshape(-1, self.samples, *event), None)

    def tile(self, times: int) -> Self:
        del times
        return self

    def part(self, rows: slice) -> Self:
        del rows
        return self

    def solution_vjp(self, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
        raise OptionError("a solver function tells no derivative of its solutions", hint='estimator="imle" needs none')

    def own(self, values: Tensor) -> Tensor | None:
        del values
        return None


def _solutions(found: Any, rows: Tensor) -> Tensor:
    """What a solver function returned, in the dtype and on the device of its input."""
    solutions = torch.as_tensor(found)
    if solutions.shape != rows.shape:
        raise SolverContractError(
            f"solver function: expected solutions of shape {list(rows.shape)}, one per row of its input, "
            f"found {list(solutions.shape)}",
            hint="nb_samples multiplies the rows: the function is called with [B * S, *event]",
        )
    return solutions.detach().to(rows)
