"""The mean loss of samples, with the gradient an estimator gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Application, Trace
from imle.estimators.function import Estimate
from imle.estimators.samples import average
from imle.estimators.score_function import ScoreFunction
from imle.estimators.scores import refuse_without_noise


def expected_loss(theta: Tensor, call: Application, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """mean_s loss(z_s) row by row, over the samples that were solved (0 if there are none).

    Args:
        theta: `[B, *event]`.
        call: with output="samples" if it draws noise.
        loss: `[B, S, *event]` samples to `[B, S]` losses.

    Returns:
        `[B]`.

    Raises:
        OptionError: the loss has another shape.
    """
    rule = call.estimator
    if not isinstance(rule, ScoreFunction):
        samples, _, _, valid = Estimate.apply(theta, call)  # type: ignore[no-untyped-call]
        losses = _losses(loss, samples if call.output == "samples" else samples.unsqueeze(1))
        return average(losses, call.averaged(valid))
    with torch.no_grad():
        call.observe(theta)
        noise = call.draw(theta)
        z, valid = rule.sample(theta, noise, call)
    losses = _losses(loss, z)
    value = average(losses, call.averaged(valid))
    if noise is None:
        nothing: Tensor = _Undifferentiable.apply(theta, rule.name)  # type: ignore[no-untyped-call]
        return value + nothing
    with torch.no_grad():
        trace = Trace(theta.detach(), noise, z, valid, replace(call, output="samples"))
        gradient = rule.loss_gradient(trace, losses.detach())
    # 0 in value, and its derivative in theta is the gradient
    return value + ((theta - theta.detach()) * gradient).flatten(1).sum(dim=1)


class _Undifferentiable(torch.autograd.Function):
    """Zeros `[B]` for theta `[B, *event]`, for a value that has no gradient in theta: asking for it is an error."""

    @staticmethod
    def forward(theta: Tensor, name: str) -> Tensor:
        del name
        return theta.new_zeros(len(theta))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
        ctx.name = inputs[1]

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:
        refuse_without_noise(ctx.name)


def _losses(loss: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    losses = loss(samples)
    if not isinstance(losses, Tensor) or losses.shape != samples.shape[:2]:
        found = list(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise OptionError(
            f"expected_loss: loss: expected one value per sample, {list(samples.shape[:2])}, found {found}",
            hint="reduce the solution's own dimensions only, as in lambda z: (z - target).square().sum(dim=-1)",
        )
    return losses
