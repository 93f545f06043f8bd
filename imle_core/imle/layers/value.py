"""The optimal value as a function of the objective and of the instance: `SolverLayer.value`.

By Danskin's theorem its gradient in the objective is the solution, whatever the solver; in the constraints of a linear
program it consists of the dual variables, which the solver tells (`SolveResult.duals`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import InstanceError, SecondDerivativeError
from imle.estimators.function import refuse_forward_mode
from imle.layers.plan import SolvePlan
from imle.plugins.parameters import check_value
from imle.plugins.spec import Parameter, SolverSpec

Seen = Callable[[Tensor, SolvePlan, torch.dtype], Tensor]
"""What a solver returned to solutions as users see them; see `SolverLayer.as_seen`."""


class GivenInstance(NamedTuple):
    """Instance parameters of one call.

    Attributes:
        rows: those with one value per row.
        shared: those with one value for all rows.
        tensors: those of them in which the value is differentiated, `[*shape]` or `[B, *shape]`.
        ndims: how many dimensions `*shape` has for each of these.
        lasts: whether what is prepared for it may be of use again: parameters that are learned change with every step.
    """

    rows: dict[str, Any]
    shared: dict[str, Any]
    tensors: dict[str, Tensor]
    ndims: dict[str, int]
    lasts: bool = True


def read_instance(
    spec: SolverSpec, given: Mapping[str, Any], *, relaxation: bool, count: int | None = None
) -> GivenInstance:
    """Tell apart what holds for all rows, what is given row by row, and what has a gradient.

    Args:
        spec: of the solver.
        given: sequences with one value per row; or tensors, `[*shape]` for all rows or `[*batch, *shape]`.
        relaxation: whether duals of a linear relaxation will do.
        count: how many rows there are, if that is known: solvers that take a parameter row by row are then given it
            so, for they need not be prepared anew.

    Raises:
        InstanceError: a tensor requires a gradient that there is none for, or has not the shape of a parameter.
    """
    found = GivenInstance({}, {}, {}, {})
    known = {parameter.name: parameter for parameter in spec.instance}
    for name, value in given.items():
        parameter = known.get(name)
        differentiated = isinstance(value, Tensor) and torch.is_grad_enabled() and value.requires_grad
        if parameter is not None and differentiated:
            _refuse_without_duals(spec, parameter, relaxation)
        if parameter is None or parameter.ndim is None or not isinstance(value, Tensor):
            found.rows[name] = value
            continue
        flat = _flat(f"{spec.id}: {name}", value, parameter)
        if differentiated:
            found.tensors[name], found.ndims[name] = flat, parameter.ndim
        numbers = _numbers(f"{spec.id}: {name}", flat)
        if flat.ndim > parameter.ndim:
            found.rows[name] = numbers
        elif parameter.per_row and count is not None:
            found.rows[name] = np.broadcast_to(numbers, (count, *numbers.shape))
        else:
            found.shared[name] = check_value(spec.id, parameter, numbers, wrong=InstanceError)
    return found._replace(lasts=all(known[name].per_row for name in found.tensors))


def _flat(who: str, value: Tensor, parameter: Parameter) -> Tensor:
    """`[*shape]` as it is, `[*batch, *shape]` as `[B, *shape]`."""
    assert parameter.ndim is not None
    if value.layout is not torch.strided:
        raise InstanceError(f"{who}: expected a dense tensor, found {value.layout}", hint="tensor.to_dense() converts")
    lead = value.ndim - parameter.ndim
    if lead < 0:
        raise InstanceError(
            f"{who}: expected a tensor [*shape] for all rows, or [*batch, *shape], where *shape has "
            f"{parameter.ndim} dimension{'' if parameter.ndim == 1 else 's'}, found shape {list(value.shape)}"
        )
    return value.flatten(0, lead - 1) if lead > 1 else value


def _refuse_without_duals(spec: SolverSpec, parameter: Parameter, relaxation: bool) -> None:
    """Raise `InstanceError` where values have no derivative in a parameter."""
    name = parameter.name
    if not parameter.dual:
        able = [p.name for p in spec.instance if p.dual]
        has = f"its optimal values have derivatives in {', '.join(able)}" if able else "it tells no dual variables"
        raise InstanceError(
            f"{spec.id}: {name}: expected constants, found a tensor that requires a gradient: {has}",
            hint=("layer.expected_loss with learned= has one, by noise; " if parameter.learned else "")
            + f"{name}.detach() says that none is wanted",
        )
    if parameter.dual == "relaxation" and not relaxation:
        raise InstanceError(
            f"{spec.id}: {name}: expected constants, found a tensor that requires a gradient: the optimal value of an "
            "integer program is piecewise constant in its constraints, with jumps",
            hint="layer.value(..., relaxation=True) takes the gradient of the linear relaxation",
        )


def _numbers(who: str, tensor: Tensor) -> NDArray[Any]:
    """What a tensor holds, also within transforms of torch.func."""
    if not torch._C._are_functorch_transforms_active():
        return _as_numpy(tensor)
    seen: list[NDArray[Any]] = []
    ReadNumbers.apply(tensor, who, seen.append)  # type: ignore[no-untyped-call]
    return seen[0]


def _as_numpy(tensor: Tensor) -> NDArray[Any]:
    """Real numbers in float64; whole numbers stay whole, for solvers count with them."""
    held = tensor.detach().cpu()
    return np.array((held.double() if held.is_floating_point() else held).numpy())


class ReadNumbers(torch.autograd.Function):
    """Reads a tensor as torch.func sees it within all its transforms but vmap, under which there is not one value."""

    @staticmethod
    def forward(tensor: Tensor, who: str, see: Callable[[NDArray[Any]], None]) -> Tensor:
        see(_as_numpy(tensor))
        return tensor.new_empty(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing to keep."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, tensor: Tensor, who: str, see: Any) -> None:
        raise InstanceError(
            f"{who}: expected a tensor that vmap does not map over, for solvers read instance parameters as they are",
            hint="without vmap: give one value per row, [*batch, *shape]",
        )


def optimal_values(scores: Tensor, plan: SolvePlan, given: GivenInstance, seen: Seen) -> Tensor:
    """The optimal values of a batch, in the solver's own sense: `[B]`.

    Args:
        scores: `[B, *event]` to be maximised.
        plan: solves them.
        given: what they are differentiated in.
        seen: of the layer.
    """
    call = ValueCall(plan, seen, given.ndims)
    found: Tensor = OptimalValue.apply(scores, call, *given.tensors.values())[0]  # type: ignore[no-untyped-call]
    return found


@dataclass(frozen=True)
class ValueCall:
    """What is differentiated, and how it is solved.

    Attributes:
        plan: solves the batch.
        seen: of the layer.
        ndims: by name of each instance parameter that is differentiated in, how many dimensions one value has.
    """

    plan: SolvePlan
    seen: Seen
    ndims: Mapping[str, int]

    def solve(self, scores: Tensor, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """`[B]` values; `[B, *event]` their derivatives in the scores; `[B, *shape]` in each parameter."""
        plan = self.plan
        shapes = {
            name: tensor.shape[tensor.ndim - ndim :]
            for (name, ndim), tensor in zip(self.ndims.items(), parameters, strict=True)
        }
        (solved, valid), fixed, duals = plan.with_duals(scores.unsqueeze(1), shapes)
        z = self.seen(solved, plan, scores.dtype).squeeze(1)
        wide = torch.promote_types(scores.dtype, z.dtype)
        sign = -1.0 if plan.boundary.sense == "min" else 1.0
        best = sign * (scores.to(wide) * z.to(wide)).flatten(1).sum(dim=1)
        if fixed is not None:
            best = best + sign * fixed.squeeze(1).to(wide)
        if valid is not None:
            rows = valid.squeeze(1)
            if plan.on_failure == "zero-grad":
                best = torch.where(rows, best, torch.zeros_like(best))
            z = torch.where(rows.reshape(-1, *[1] * (z.ndim - 1)), z, torch.zeros_like(z))
        found = (torch.from_numpy(own).to(tensor) for own, tensor in zip(duals.values(), parameters, strict=True))
        return best, sign * z, *found


class OptimalValue(torch.autograd.Function):
    """Values of a batch, with the derivatives that their solver tells."""

    @staticmethod
    def forward(scores: Tensor, call: ValueCall, *parameters: Tensor) -> tuple[Tensor, ...]:
        return call.solve(scores, parameters)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        scores, call, *parameters = inputs
        _, *derivatives = output
        ctx.mark_non_differentiable(*derivatives)
        ctx.save_for_backward(*derivatives, scores, *parameters)
        # a parameter that all rows share has one dimension less than its derivatives
        ctx.shared = [
            False,
            *(tensor.ndim <= ndim for tensor, ndim in zip(parameters, call.ndims.values(), strict=True)),
        ]

    @staticmethod
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        scores, *parameters = ValueGradient.apply(dy, ctx.shared, *ctx.saved_tensors)  # type: ignore[no-untyped-call]
        return scores, None, *parameters

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        refuse_forward_mode()

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], scores: Tensor, call: ValueCall, *parameters: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        size = info.batch_size
        rows = scores.movedim(in_dims[0], 0) if in_dims[0] is not None else scores.expand(size, *scores.shape)
        mapped = replace(call, plan=call.plan.tile(size))
        # parameters cannot be mapped: their numbers have been read
        tiled = [
            tensor if tensor.ndim <= ndim else tensor.repeat(size, *[1] * ndim)
            for tensor, ndim in zip(parameters, call.ndims.values(), strict=True)
        ]
        found = OptimalValue.apply(rows.flatten(0, 1), mapped, *tiled)  # type: ignore[no-untyped-call]
        return tuple(part.unflatten(0, (size, -1)) for part in found), (0,) * len(found)


class ValueGradient(torch.autograd.Function):
    """Derivatives times what flows back to the values. It has no derivative, and says so."""

    generate_vmap_rule = True

    @staticmethod
    def forward(dy: Tensor, shared: Sequence[bool], *tensors: Tensor) -> tuple[Tensor, ...]:
        """Derivatives, and what they are derivatives in: only torch looks at that, to find what it must not do."""
        derivatives, inputs = tensors[: len(shared)], tensors[len(shared) :]
        found = []
        for own, summed, like in zip(derivatives, shared, inputs, strict=True):
            weights = dy.to(own.dtype)
            product = own * weights.reshape(-1, *[1] * (own.ndim - 1))
            found.append((product.sum(dim=0) if summed else product).to(like.dtype))
        return tuple(found)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing to keep."""

    @staticmethod
    def backward(ctx: Any, *_: Any) -> None:
        _refuse_second_derivative()

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        _refuse_second_derivative()


def _refuse_second_derivative() -> None:
    raise SecondDerivativeError(
        "an optimal value has no second derivative: solutions and duals, its first one, are piecewise constant",
        hint="detach what the gradient flows into, or leave create_graph=True out",
    )
