"""The mean loss of samples, with the gradient an estimator gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Application, Trace
from imle.estimators.function import Estimate
from imle.estimators.parameters import Parameters, through_losses
from imle.estimators.samples import average
from imle.estimators.score_function import ScoreFunction
from imle.estimators.scores import refuse_without_noise, undifferentiable


def expected_loss(
    theta: Tensor,
    call: Application,
    loss: Callable[[Tensor], Tensor],
    *,
    penalty: float | None = None,
    parameters: Parameters = (),
) -> Tensor:
    """mean_s loss(z_s) row by row, over the samples that were solved (0 if there are none).

    Args:
        theta: `[B, *event]`.
        call: with output="samples" if it draws noise.
        loss: `[B, S, *event]` samples to `[B, S]` losses.
        penalty: the loss of a sample that was not solved, which then counts in the mean; None to leave it out.
        parameters: of instances, that gradients are wanted for: by their score function, whatever the estimator is.

    Returns:
        `[B]`.

    Raises:
        OptionError: the loss has another shape.
    """
    rule = call.estimator
    if isinstance(rule, ScoreFunction):
        with torch.no_grad():
            call.observe(theta, call.solve.own(theta))
            noise = call.draw(theta)
            z, valid = rule.sample(theta, noise, call)
    else:
        z, noise, _, valid = Estimate.apply(theta, call)  # type: ignore[no-untyped-call]
        z = z if call.output == "samples" else z.unsqueeze(1)
    losses = _losses(loss, z)
    counted = call.averaged(valid)
    if penalty is not None and valid is not None:
        losses = torch.where(valid, losses, penalty)
        valid = counted = None  # every sample has a loss
    value = average(losses, counted)
    trace = Trace(theta.detach(), noise, z.detach(), valid, replace(call, output="samples"))
    if isinstance(rule, ScoreFunction):
        value = value + _scored(rule, trace, theta, losses.detach())
    return through_losses(value, trace, losses, parameters)


def _scored(rule: ScoreFunction, trace: Trace, theta: Tensor, losses: Tensor) -> Tensor:
    """Zeros `[B]`, whose derivative in theta is the gradient of the expected loss."""
    if trace.noise is None:
        return undifferentiable(partial(refuse_without_noise, rule.name), theta)
    with torch.no_grad():
        gradient = rule.loss_gradient(trace, losses)
    return ((theta - theta.detach()) * gradient).flatten(1).sum(dim=1)


def _losses(loss: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    losses = loss(samples)
    if not isinstance(losses, Tensor) or losses.shape != samples.shape[:2]:
        found = list(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise OptionError(
            f"expected_loss: loss: expected one value per sample, {list(samples.shape[:2])}, found {found}",
            hint="reduce the solution's own dimensions only, as in lambda z: (z - target).square().sum(dim=-1)",
        )
    return losses
