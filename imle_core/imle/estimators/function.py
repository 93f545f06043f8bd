"""The autograd functions: samples forward, the estimator's rule backward.

Both have a rule for `torch.vmap`: the mapped dimension joins the rows of the batch, so that `torch.func`'s
transforms solve as many rows at once as the same tensors would without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from imle.errors import ForwardModeError, SecondDerivativeError
from imle.estimators.base import Application, Outputs, Trace, no_replay
from imle.estimators.parts import gradient_of, parts_of, run_parts, whole_noise
from imle.estimators.samples import average


def run(theta: Tensor, call: Application) -> Outputs:
    """The forward pass: theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`, and what backward needs.

    Args:
        theta: scores to maximise.
        call: what else there is to know.
    """
    call.observe(theta, call.solve.own(theta))
    parts = parts_of(theta, call)
    if len(parts) > 1:
        return run_parts(theta, call, parts)
    noise = call.draw(theta)
    z, valid = call.estimator.sample(theta, noise, call)
    if call.output == "samples":
        if noise is None:
            return z, None, None, valid
        # at temperature 0 all samples are one: it was solved once, and is shown S times
        shown = None if valid is None else valid.expand(noise.shape[:2]).contiguous()
        return z.expand_as(noise).contiguous(), noise, None, shown
    if z.shape[1] == 1:
        return z.squeeze(1), noise, None, valid
    return average(z, call.averaged(valid)), noise, z, valid


class Estimate(torch.autograd.Function):
    """`run`, with the estimator's gradient."""

    forward = staticmethod(run)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        theta, call = inputs
        out, noise, z, valid = output
        ctx.set_materialize_grads(False)  # `out` has a gradient where there is any, and no other output has one
        ctx.mark_non_differentiable(*(t for t in (noise, z, valid) if t is not None))
        # what backward needs is saved as an output, once: `out` itself where it holds the solutions
        ctx.save_for_backward(theta, noise, out if z is None else z, valid)
        ctx.call = call

    @staticmethod
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor, None]:
        theta, noise, z, valid = ctx.saved_tensors
        again = torch.is_grad_enabled() or torch._C._are_functorch_transforms_active()
        differentiate = Gradient.apply if again else Gradient.forward
        return cast(Tensor, differentiate(theta, noise, z, valid, dy, ctx.call)), None

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        refuse_forward_mode()

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], theta: Tensor, call: Application) -> tuple[Outputs, tuple[Any, ...]]:
        size = info.batch_size
        rows = theta.movedim(in_dims[0], 0)

        def draw(flat: Tensor) -> Tensor | None:
            eps = call.draw(flat if info.randomness == "different" else flat[: len(flat) // size])
            if eps is not None and info.randomness == "error":
                raise RuntimeError(
                    "vmap: a solver layer with noise draws random numbers; "
                    "pass randomness='different' (or 'same') to vmap, or use the layer in eval() mode"
                )
            return eps if info.randomness == "different" else tiled(eps, size)

        mapped = replace(call, solve=call.solve.tile(size), draw=draw, replay=no_replay)
        found = Estimate.apply(rows.flatten(0, 1), mapped)  # type: ignore[no-untyped-call]
        return split(found, size)


class OnceDifferentiable(torch.autograd.Function):
    """A backward pass of ours, which has no derivative itself, and says so.

    torch's `once_differentiable` does not do this for `torch.autograd.grad`, which then reports an unused tensor.
    """

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing to keep."""

    @staticmethod
    def backward(ctx: Any, *_: Any) -> None:
        refuse_second_derivative()

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        refuse_second_derivative()


class Gradient(OnceDifferentiable):
    """The estimator's rule."""

    @staticmethod
    def forward(
        theta: Tensor, noise: Tensor | None, z: Tensor, valid: Tensor | None, dy: Tensor, call: Application
    ) -> Tensor:
        solutions = z.unsqueeze(1) if z.ndim == theta.ndim else z
        return gradient_of(Trace(theta, noise, solutions, valid, call), call.per_sample(dy, valid))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Any, Any]:
        theta, noise, *others, call = inputs
        tensors = theta, whole_noise(theta, noise, call) if in_dims[0] is None else noise, *others
        size = info.batch_size
        flat = [
            None if tensor is None else tiled(tensor, size) if dim is None else tensor.movedim(dim, 0).flatten(0, 1)
            for tensor, dim in zip(tensors, in_dims, strict=False)
        ]
        mapped = replace(call, solve=call.solve.tile(size), replay=no_replay)
        gradient = Gradient.apply(*flat, mapped)  # type: ignore[no-untyped-call]
        return gradient.unflatten(0, (size, -1)), 0


def refuse_second_derivative() -> None:
    """Raise `SecondDerivativeError`."""
    raise SecondDerivativeError(
        "a solver layer has no second derivative: its gradient is an estimate, piecewise constant in theta",
        hint="detach what the layer's gradient flows into, or leave create_graph=True out",
    )


def refuse_forward_mode() -> None:
    """Raise `ForwardModeError`."""
    raise ForwardModeError(
        "a solver layer has no forward-mode derivative (jvp, jacfwd, hessian): estimators multiply vectors with its "
        "Jacobian from the left only",
        hint="use torch.func.vjp, jacrev or grad",
    )


def estimate(theta: Tensor, call: Application) -> Tensor:
    """`run`, with its gradient: theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`."""
    return differentiable()(theta, call)[0]


def differentiable() -> Callable[[Tensor, Application], Outputs]:
    """`run`, as a function that torch's autograd sees, if it looks."""
    if torch._C._are_functorch_transforms_active():
        through: Callable[[Tensor, Application], Outputs] = Estimate.apply
    elif torch.is_grad_enabled() or forward_ad._current_level >= 0:
        through = plain_apply(Estimate)
    else:
        through = run
    return through


def plain_apply(function: type[torch.autograd.Function]) -> Callable[..., Any]:
    """`function.apply` outside of torch.func: what torch adds for its transforms takes longer than a small solve."""
    applied: Callable[..., Any] = super(torch.autograd.Function, function).apply  # type: ignore[misc]  # torch's own
    return applied


def tiled(values: Tensor | None, times: int) -> Tensor | None:
    """`[B, ...]` to `[times * B, ...]`, copies one after the other."""
    return None if values is None else values.expand(times, *values.shape).flatten(0, 1)


def split(values: Any, size: int) -> tuple[Any, tuple[Any, ...]]:
    """`[size * B, ...]` tensors to `[size, B, ...]`, and the mapped dimension of each."""
    parts = tuple(None if value is None else value.unflatten(0, (size, -1)) for value in values)
    return parts, tuple(None if part is None else 0 for part in parts)
