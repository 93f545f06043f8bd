"""A layer as operators, `imle::estimate`, `imle::gradient` and `imle::own`, for torch.compile and torch.export.

A compiler sees shapes go in and out and does not look inside: noise and solves run as they do without it, and give
the same numbers. Operators take tensors and plain values only, so a layer is named by a key: a tensor, because
compilers make a graph of its own for every plain value, and give up after eight. Temperatures, which users anneal, are
read behind the operator for the same reason. A compiled graph is as alive as its layer: it runs in the process that
traced it. An exported program has a longer key, of which the layer is made anew in another process.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from imle.errors import ImleError
from imle.estimators.base import Application, Trace
from imle.estimators.function import refuse_second_derivative, run
from imle.estimators.parts import gradient_of
from imle.layers.exported import packed, unpacked
from imle.layers.mode import Mode
from imle.layers.plan import SolvePlan
from imle.plugins.spec import SolverSpec


class OperatorLayer(nn.Module, ABC):
    """What the operators ask of a layer."""

    spec: SolverSpec

    @abstractmethod
    def begin(self) -> None:
        """A new pass begins."""

    @abstractmethod
    def plan(self, lead: torch.Size) -> SolvePlan:
        """How a batch of these dimensions is solved."""

    @abstractmethod
    def call(self, plan: SolvePlan, mode: Mode) -> Application:
        """What the estimator needs to know."""


_layers: WeakValueDictionary[int, OperatorLayer] = WeakValueDictionary()


def register_layer(layer: OperatorLayer) -> Tensor:
    """A key under which operators find this layer for as long as it lives; random, so that no other process has it."""
    with torch.inference_mode(False):  # autograd saves it
        return torch.tensor(_number(layer), dtype=torch.int64, device="cpu")


def dumped(layer: OperatorLayer) -> bytes:
    """What `restored` gives a layer for: a number, under which this process knows it, and what it is rebuilt from.

    Raises:
        OptionError: something that belongs to the layer cannot travel.
    """
    return _number(layer).to_bytes(_NUMBER, "little") + packed(layer, layer.spec.id)


def restored(content: bytes) -> OperatorLayer:
    """The layer itself while it lives, in its own process; another one that does the same elsewhere.

    Raises:
        SolverUnavailableError: something that it needs is not installed here.
    """
    number = int.from_bytes(content[:_NUMBER], "little")
    layer = _layers.get(number)
    if layer is None:
        with torch.inference_mode(False):  # it may be trained after a first pass in inference mode
            _layers[number] = layer = cast(OperatorLayer, unpacked(content[_NUMBER:]))
    return layer


_NUMBER = 8
"""The bytes of the number."""


def _number(layer: OperatorLayer) -> int:
    number = uuid.uuid4().int >> 65  # fits an int64
    _layers[number] = layer
    return number


def keep_alive(key: Tensor, layer: OperatorLayer) -> Tensor:
    """A key that lets the layer live as long as itself, which is part of an exported program."""
    key.__dict__["layer"] = layer
    return key


def estimate(theta: Tensor, key: Tensor, lead: Sequence[int], mode: Mode) -> Tensor:
    """`imle.estimators.function.estimate` for the layer of this key, as an operator."""
    out: Tensor = torch.ops.imle.estimate(theta, key, lead, *mode)[0]
    return out


def own(theta: Tensor, *, key: Tensor, lead: Sequence[int]) -> Tensor:
    """`SolvePlan.own` of `[B, *event]` for the layer of this key, as an operator: of the same shape."""
    found: Tensor = torch.ops.imle.own(theta.detach(), key, lead)
    return found


def _find(key: Tensor) -> OperatorLayer:
    exported = key.ndim == 1
    layer = _layers.get(int.from_bytes(_content(key[:_NUMBER]), "little") if exported else int(key))
    if layer is None and exported:
        layer = restored(_content(key))
        keep_alive(key, layer)
    if layer is None:
        raise ImleError(
            "the solver layer of this graph no longer exists",
            hint="compiled graphs run in the process that made them, while their layer lives; torch.export makes "
            "programs that run anywhere",
        )
    return layer


def _content(key: Tensor) -> bytes:
    return key.cpu().numpy().tobytes()


def _estimate(theta: Tensor, key: Tensor, lead: Sequence[int], *mode: Any) -> tuple[Tensor, ...]:
    layer, settings = _find(key), Mode(*mode)
    layer.begin()
    call = replace(layer.call(layer.plan(torch.Size(lead)), settings), whole=True)
    with torch.no_grad():
        out, noise, z, valid = run(theta, call)
    samples = (out if z is None else z).shape[1] if settings.samples or z is not None else 1
    nothing = theta.new_empty(0)
    return (
        out.clone(memory_format=torch.contiguous_format),  # a compiler may write to it; a solver may still own it
        nothing if noise is None else noise.clone(memory_format=torch.contiguous_format),
        nothing.clone() if z is None else z.contiguous(),
        torch.ones(len(theta), samples, dtype=torch.bool, device=theta.device) if valid is None else valid,
        torch.tensor([call.temperature, call.target_temperature], dtype=torch.float64, device="cpu"),
    )


def _own(theta: Tensor, key: Tensor, lead: Sequence[int]) -> Tensor:
    known = _find(key).plan(torch.Size(lead)).own(theta)
    return torch.ones_like(theta, dtype=torch.bool) if known is None else known.expand(theta.shape).contiguous()


def _fake_own(theta: Tensor, key: Tensor, lead: Sequence[int]) -> Tensor:
    del key, lead
    return torch.empty_like(theta, dtype=torch.bool, memory_format=torch.contiguous_format)


def _fake_estimate(theta: Tensor, key: Tensor, lead: Sequence[int], *mode: Any) -> tuple[Tensor, ...]:
    del key, lead
    settings = Mode(*mode)
    batch, *event = theta.shape
    drawn = settings.nb_samples if settings.perturbed else 1
    kept = settings.solves > 1 and not settings.samples
    return (
        theta.new_empty((batch, drawn, *event) if settings.samples else (batch, *event)),
        theta.new_empty((batch, drawn, *event) if settings.perturbed else (0,)),
        theta.new_empty((batch, settings.solves, *event) if kept else (0,)),
        theta.new_empty((batch, drawn if settings.samples else settings.solves), dtype=torch.bool),
        torch.empty(2, dtype=torch.float64, device="cpu"),
    )


def _gradient(
    theta: Tensor,
    noise: Tensor,
    z: Tensor,
    valid: Tensor,
    temperatures: Tensor,
    dy: Tensor,
    key: Tensor,
    lead: Sequence[int],
    *mode: Any,
) -> Tensor:
    layer, settings = _find(key), Mode(*mode)
    tau, target_tau = temperatures.tolist()  # those of the forward pass
    call = replace(layer.call(layer.plan(torch.Size(lead)), settings), temperature=tau, target_temperature=target_tau)
    trace = Trace(
        theta=theta,
        noise=noise if settings.perturbed else None,
        z=z if settings.samples or z.ndim > theta.ndim else z.unsqueeze(1),
        valid=None if bool(valid.all()) else valid,
        call=call,
    )
    with torch.no_grad():
        found = gradient_of(trace, call.per_sample(dy, trace.valid))
    return found.clone(memory_format=torch.contiguous_format)


def _fake_gradient(theta: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(theta, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    theta, key, *route = inputs
    out, noise, z, valid, temperatures = output
    ctx.mark_non_differentiable(noise, z, valid, temperatures)
    ctx.save_for_backward(theta, noise, z if z.ndim > 1 else out, valid, temperatures, key)
    ctx.route = route


def _backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    *saved, key = ctx.saved_tensors
    gradient = torch.ops.imle.gradient(*saved, dy, key, *ctx.route)
    return gradient, None, *(None for _ in ctx.route)


def _refuse(ctx: Any, *_: Any) -> None:
    refuse_second_derivative()


def _define(name: str, tensors: str, returns: str, real: Any, fake: Any, backward: Any, keep: Any = None) -> None:
    mode = "bool perturbed, bool samples, int nb_samples, int solves"
    # Noise differs from call to call, and adaptive estimators change with every gradient: the tag tells compilers
    # that a call can neither be dropped nor taken twice.
    tags = (torch.Tag.nondeterministic_seeded,)
    torch.library.define(name, f"({tensors}, Tensor key, SymInt[] lead, {mode}) -> {returns}", tags=tags)
    torch.library.impl(name, "default", real)
    torch.library.register_fake(name, fake)
    torch.library.register_autograd(name, backward, setup_context=keep)


if not hasattr(torch.ops.imle, "estimate"):  # torch keeps operators for the life of the process, reloads included
    _define(
        "imle::estimate",
        "Tensor theta",
        "(Tensor out, Tensor noise, Tensor z, Tensor valid, Tensor temperatures)",
        _estimate,
        _fake_estimate,
        _backward,
        _keep,
    )
    _define(
        "imle::gradient",
        "Tensor theta, Tensor noise, Tensor z, Tensor valid, Tensor temperatures, Tensor dy",
        "Tensor",
        _gradient,
        _fake_gradient,
        _refuse,
    )
    torch.library.define("imle::own", "(Tensor theta, Tensor key, SymInt[] lead) -> Tensor")
    torch.library.impl("imle::own", "default", _own)
    torch.library.register_fake("imle::own", _fake_own)
