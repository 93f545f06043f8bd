"""The one autograd function: samples forward, the estimator's rule backward."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from imle.errors import SecondDerivativeError
from imle.estimators.trace import Call, Trace, perturb, spread


class Estimate(torch.autograd.Function):
    """theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`, with the estimator's gradient."""

    @staticmethod
    def forward(theta: Tensor, noise: Tensor | None, call: Call) -> tuple[Tensor, Tensor | None, Tensor | None]:
        z, valid = call.solve(perturb(theta.unsqueeze(1), noise, call.temperature))
        if call.output == "samples":
            # at temperature 0 all samples are one: it was solved once, and is shown S times
            return z if noise is None else z.expand_as(noise).contiguous(), None, valid
        if z.shape[1] == 1:
            return z.squeeze(1), None, valid
        return average(z, valid), z, valid

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        theta, noise, call = inputs
        out, z, valid = output
        ctx.mark_non_differentiable(*(t for t in (z, valid) if t is not None))
        # what backward needs is saved as an output, once: `out` itself where it holds the solutions
        ctx.save_for_backward(theta, noise, out if z is None else z, valid)
        ctx.call = call

    @staticmethod
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor, None, None]:
        theta, noise, z, valid = ctx.saved_tensors
        call: Call = ctx.call
        if z.ndim == theta.ndim:
            z = z.unsqueeze(1)
        trace = Trace(theta, noise, z, valid, call)
        per_sample = dy.unsqueeze(1) if call.output == "mean" else dy * call.sample_weight
        with torch.no_grad():
            gradient = call.estimator.gradient(trace, per_sample)
        if torch.is_grad_enabled():  # create_graph=True
            gradient = cast(Tensor, _Last.apply(gradient, theta, dy))  # type: ignore[no-untyped-call]
        return gradient, None, None


class _Last(torch.autograd.Function):
    """The end of the graph: ties a gradient to what it was made of, so that differentiating it says what is wrong.

    torch's `once_differentiable` does not do this for `torch.autograd.grad`, which then reports an unused tensor.
    """

    @staticmethod
    def forward(gradient: Tensor, theta: Tensor, dy: Tensor) -> Tensor:
        del theta, dy
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing to keep."""

    @staticmethod
    def backward(ctx: Any, *_: Any) -> None:
        raise SecondDerivativeError(
            "a solver layer has no second derivative: its gradient is an estimate, piecewise constant in theta",
            hint="detach what the layer's gradient flows into, or leave create_graph=True out",
        )


def estimate(theta: Tensor, noise: Tensor | None, call: Call) -> Tensor:
    """Apply `Estimate`: theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`."""
    out, *_ = Estimate.apply(theta, noise, call)  # type: ignore[no-untyped-call]
    return cast(Tensor, out)


def average(values: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over the sample axis of `[B, S, *event]`, over the valid samples only (0 if there are none)."""
    if valid is None:
        return values.mean(dim=1)
    weight = spread(valid, values).to(values.dtype)
    return (values * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
