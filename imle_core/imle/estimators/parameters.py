"""Gradients for instance parameters: the density of the noise that was put on them.

A solution is a function of parameters of its instance too, such as a capacity p. With samples z_s of the instances
p_s = p + sigma Z_s (or another noise), the derivative of the expected solution is that of the density of p_s, whatever
the solver is and wherever p stands in its problem. It is right beside any rule for the objective, since expectations
over the two noises are taken one after the other.

Source: Silvestri, De Filippo, Mandi, Lombardi & Guns 2023, "Score function gradient estimation to widen the
applicability of decision-focused learning"; in the form of Berthet et al. 2020, proposition 3.1, where no loss of
single samples is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn, cast

import torch
from torch import Tensor

from imle.estimators.base import Application, Trace
from imle.estimators.function import OnceDifferentiable, plain_apply, refuse_forward_mode
from imle.estimators.scores import baseline, refuse_learned_without_noise, score_gradient, undifferentiable
from imle.noise import BaseNoiseDistribution, perturb


@dataclass(frozen=True, slots=True)
class LearnedParameter:
    """An instance parameter of one batch, with the noise that was drawn for it.

    Attributes:
        name: of the parameter.
        values: `[B, *shape]`, through which gradients reach what the user gave.
        noise: the distribution.
        sigma: its scale.
        eps: `[B, S, *shape]` draws; None where nothing is drawn.
    """

    name: str
    values: Tensor
    noise: BaseNoiseDistribution
    sigma: float
    eps: Tensor | None

    def samples(self) -> Tensor:
        """`[B, S, *shape]` what samples are solved with; `[B, 1, *shape]` without noise."""
        return perturb(self.noise, self.values.detach().unsqueeze(1), self.eps, self.sigma)

    def score_gradient(self, trace: Trace, weights: Tensor) -> Tensor:
        """mean_s weights_s grad_p log density(p_s), samples that failed left out.

        Args:
            trace: of the forward pass.
            weights: `[B, S]`.

        Returns:
            `[B, *shape]`.
        """
        call = replace(trace.call, noise=self.noise, temperature=self.sigma)
        return score_gradient(replace(trace, theta=self.values.detach(), noise=self.eps, call=call), weights)


Parameters = Sequence[LearnedParameter]


def through_solutions(
    out: Tensor, z: Tensor | None, valid: Tensor | None, call: Application, parameters: Parameters
) -> Tensor:
    """What a forward pass returns, with gradients for instance parameters: mean_s <z_s - b_s, dy_s> times the score.

    b_s is the mean of the other samples, as in `imle.estimators.Perturbed`.

    Args:
        out: `[B, *event]` or `[B, S, *event]`.
        z: `[B, S, *event]` the solutions of all samples; None where `out` holds them.
        valid: `[B, S]` which were solved; None for all.
        call: what else there is to know.
        parameters: those of the batch.
    """
    wanted = _requiring_gradients(parameters)
    if not wanted:
        return out
    if wanted[0].eps is None:
        return out + undifferentiable(_refusal(wanted), *(p.values for p in wanted))
    if z is None:
        z = out.detach() if call.output == "samples" else out.detach().unsqueeze(1)
    return out + cast(Tensor, plain_apply(_Through)(out, z, valid, call, wanted, *(p.values for p in wanted)))


def through_losses(values: Tensor, trace: Trace, losses: Tensor, parameters: Parameters) -> Tensor:
    """Expected losses `[B]`, with gradients for instance parameters: mean_s (loss_s - b_s) times the score.

    Args:
        values: `[B]`.
        trace: of the forward pass; its valid samples are those that count.
        losses: `[B, S]`.
        parameters: those of the batch.
    """
    wanted = _requiring_gradients(parameters)
    if not wanted:
        return values
    if wanted[0].eps is None:
        return values + undifferentiable(_refusal(wanted), *(p.values for p in wanted))
    losses = losses.detach()
    with torch.no_grad():
        weights = losses - baseline(trace, losses)
    for parameter in wanted:
        gradient = parameter.score_gradient(trace, weights)
        # 0 in value (a right side may be infinite), and its derivative is the gradient
        zero = (parameter.values - parameter.values.detach()).nan_to_num()
        values = values + (zero * gradient).reshape(len(values), -1).sum(dim=1).to(values.dtype)
    return values


def _requiring_gradients(parameters: Parameters) -> list[LearnedParameter]:
    if not torch.is_grad_enabled():
        return []
    return [parameter for parameter in parameters if parameter.values.requires_grad]


def _refusal(parameters: Parameters) -> Callable[[], NoReturn]:
    return partial(refuse_learned_without_noise, " and ".join(parameter.name for parameter in parameters))


class _Through(torch.autograd.Function):
    """Zeros of the shape of a result. Their derivative is that of the samples in the parameters of their instances."""

    @staticmethod
    def forward(
        out: Tensor, z: Tensor, valid: Tensor | None, call: Application, parameters: Parameters, *values: Tensor
    ) -> Tensor:
        del z, valid, call, parameters, values
        return out.new_zeros(()).expand(out.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, z, valid, call, parameters, *values = inputs
        ctx.save_for_backward(z, valid, *values)
        ctx.call, ctx.parameters = call, parameters

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        z, valid, *values = ctx.saved_tensors
        differentiate = _Slope.apply if torch.is_grad_enabled() else _Slope.forward
        return None, None, None, None, None, *differentiate(dy, z, valid, ctx.call, ctx.parameters, *values)

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        refuse_forward_mode()


class _Slope(OnceDifferentiable):
    """The gradients of parameters."""

    @staticmethod
    def forward(
        dy: Tensor, z: Tensor, valid: Tensor | None, call: Application, parameters: Parameters, *values: Tensor
    ) -> tuple[Tensor, ...]:
        del values
        dy = call.per_sample(dy, valid)
        trace = Trace(dy, None, z.to(dy.dtype), valid, call)
        weights = ((trace.z - baseline(trace, trace.z)) * dy).flatten(2).sum(dim=2)
        return tuple(parameter.score_gradient(trace, weights) for parameter in parameters)
