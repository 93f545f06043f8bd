"""The one autograd function: samples forward, the estimator's rule backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from imle.layers.plan import Solutions, spread

if TYPE_CHECKING:
    from imle.estimators.base import Estimator

Output = Literal["mean", "samples"]


class Solve(Protocol):
    """argmax <theta, z> for `[B, S, *event]` rows."""

    def __call__(self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward") -> Solutions: ...


@dataclass(frozen=True)
class Call:
    """What one application of an estimator needs besides theta and noise.

    Attributes:
        estimator: the gradient rule.
        solve: the solver, as maximisation.
        output: "mean" gives `[B, *event]`, "samples" `[B, S, *event]`.
        temperature: tau, of the input noise.
        target_temperature: tau', of the target noise.
        sample_weight: what dL/dz_s is multiplied with to give the dy_s of the formulas. S for "samples": it
            undoes the 1/S of a mean over samples, so that output="mean" and a mean over output="samples" have
            the same gradient, whatever S is.
    """

    estimator: Estimator
    solve: Solve
    output: Output
    temperature: float
    target_temperature: float
    sample_weight: float = 1.0


@dataclass(frozen=True)
class Trace:
    """What the forward pass leaves for the backward pass.

    Attributes:
        theta: `[B, *event]`.
        noise: `[B, S, *event]`, or None at temperature 0.
        z: `[B, S, *event]` forward solutions; `[B, 1, *event]` where all samples are equal.
        valid: `[B, S]`, or None if every row was solved.
    """

    theta: Tensor
    noise: Tensor | None
    z: Tensor
    valid: Tensor | None
    call: Call

    def solve_target(self, base: Tensor) -> Solutions:
        """Solve `base + tau' * eps`, offering the forward solutions as a hint.

        Args:
            base: `[B, 1 or S, *event]`; without target noise one solve serves all samples that share it.
        """
        target = perturb(base, self.noise, self.call.target_temperature)
        hint = self.z if self.z.shape == target.shape else None
        return self.call.solve(target, hint, phase="backward")


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
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor, None, None]:
        theta, noise, z, valid = ctx.saved_tensors
        call: Call = ctx.call
        if z.ndim == theta.ndim:
            z = z.unsqueeze(1)
        trace = Trace(theta, noise, z, valid, call)
        per_sample = dy.unsqueeze(1) if call.output == "mean" else dy * call.sample_weight
        return call.estimator.gradient(trace, per_sample), None, None


def estimate(theta: Tensor, noise: Tensor | None, call: Call) -> Tensor:
    """Apply `Estimate`: theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`."""
    out, *_ = Estimate.apply(theta, noise, call)  # type: ignore[no-untyped-call]
    return cast(Tensor, out)


def perturb(theta: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
    """theta + temperature * noise."""
    return theta if noise is None or temperature == 0 else torch.add(theta, noise, alpha=temperature)


def average(values: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over the sample axis of `[B, S, *event]`, over the valid samples only (0 if there are none)."""
    if valid is None:
        return values.squeeze(1) if values.shape[1] == 1 else values.mean(dim=1)
    weight = spread(valid, values).to(values.dtype)
    return (values * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
