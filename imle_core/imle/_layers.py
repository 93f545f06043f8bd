"""For what takes a layer from a caller: the check that it is one, and a copy to try things on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from imle._borrow import isolate
from imle.errors import ObjectiveError, OptionError, SolverWarning
from imle.layers.module import SolverLayer


def check_layer(who: str, layer: Any) -> None:
    """Refuse what is not a solver layer.

    Args:
        who: what the message begins with.
        layer: what was given.

    Raises:
        OptionError: it is not one.
    """
    if not isinstance(layer, SolverLayer):
        raise OptionError(
            f"{who}: expected a solver layer, found {type(layer).__name__}", hint="make one with imle.layer(...)"
        )


@contextmanager
def trial(who: str, layer: SolverLayer, objective: Tensor) -> Iterator[SolverLayer]:
    """A copy of a layer in train mode, for a time in which solvers do not warn and all random numbers are given back.

    Args:
        who: what messages begin with.
        layer: it stays as it is.
        objective: `[*batch, *event]`, at least one row.

    Raises:
        OptionError: not a layer.
        ObjectiveError: not a tensor, or empty.
    """
    check_layer(f"{who}: layer", layer)
    if not isinstance(objective, Tensor) or objective.numel() == 0:
        found = list(objective.shape) if isinstance(objective, Tensor) else type(objective).__name__
        raise ObjectiveError(f"{who}: objective: expected a tensor with at least one row, found {found}")
    copy = isolate(layer).train()
    devices = [objective.device] if objective.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverWarning)
            yield copy
    finally:
        copy.close()
