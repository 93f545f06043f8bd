"""What an exported program carries of its layers: each layer pickled, so that it runs in another process."""

from __future__ import annotations

import pickle
from typing import cast

import torch
from torch import nn

from imle._pickles import portable
from imle.errors import OptionError, SolverUnavailableError
from imle.layers.stats import LayerStats


def packed(layer: nn.Module, solver_id: str) -> bytes:
    """What `unpacked` rebuilds a layer from: options, instance, estimator, noise; native models stay behind.

    While torch.export runs, buffers have no values: those of an adaptive estimator are left out, and begin again; the
    unit of relative noise is known without them.

    Args:
        layer: what travels.
        solver_id: for messages.

    Raises:
        OptionError: something that belongs to the layer cannot travel.
    """
    who = f"torch.export: {solver_id}"
    _check_state(layer, who)
    twin = _without_buffers(layer)
    twin.__dict__.update(stats=LayerStats(), failures=[], unproven=[], _warned=set(), _key=None)
    return portable(
        twin,
        f"{who}: the layer",
        "no other process can run the program",
        hint="build the layer from options and data that can be pickled, without an executor object",
    )


def unpacked(content: bytes) -> nn.Module:
    """Rebuild a layer.

    Raises:
        SolverUnavailableError: something that it needs is not installed here.
    """
    try:
        layer: nn.Module = pickle.loads(content)
    except Exception as error:  # imports and third-party classes raise anything
        raise SolverUnavailableError(
            f"an exported program cannot rebuild its solver layer: {type(error).__name__}: {error}",
            hint="install the packages that were installed where it was exported",
        ) from error
    for module in layer.modules():
        lost = {name: value for name, value in module.__dict__["_buffers"].items() if isinstance(value, tuple)}
        if lost:
            for name, (shape, dtype) in lost.items():
                module._buffers[name] = torch.empty(shape, dtype=dtype, device="cpu")
            rebuild = getattr(module, "rebuild_buffers", None)
            (rebuild or cast(nn.Linear, module).reset_parameters)()
    return layer


def _check_state(layer: nn.Module, who: str) -> None:
    for module in layer.modules():
        name = type(module).__name__
        if any(value is not None for value in module._parameters.values()):
            raise OptionError(
                f"{who}: {name} has parameters, which the operator of an exported program does not see",
                hint="keep what is learned outside of the layer",
            )
        if any(value is not None for value in module._buffers.values()) and not hasattr(module, "reset_parameters"):
            raise OptionError(
                f"{who}: {name} has buffers, whose values torch.export does not show, and no reset_parameters() that "
                "would set them anew",
                hint="give it one, as AIMLE has, or keep the state in a plain attribute",
            )


def _without_buffers(module: nn.Module) -> nn.Module:
    """A copy whose buffers, and those of its parts, are (shape, dtype) instead of tensors."""
    twin = module.__new__(type(module))
    twin.__dict__.update(module.__dict__)
    twin.__dict__["_buffers"] = {
        name: None if value is None else (tuple(value.shape), value.dtype) for name, value in module._buffers.items()
    }
    twin.__dict__["_modules"] = {
        # a part without buffers, such as a pool, stays the object that others know, too
        name: part if part is None or next(part.buffers(), None) is None else _without_buffers(part)
        for name, part in module._modules.items()
    }
    return twin
