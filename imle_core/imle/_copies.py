"""Copies of a layer to work with while the layer itself stays as it is, and the check that it is a layer."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from imle.errors import ObjectiveError, OptionError, SolverWarning
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats
from imle.noise import RelativeNoiseDistribution


def shared_copy(layer: SolverLayer) -> SolverLayer:
    """A copy whose options can be set. It shares all state: prepared solvers, estimator, statistics, generator."""
    shared = copy.copy(layer)
    for registry in ("_modules", "_buffers", "_parameters"):  # copy.copy shares them
        shared.__dict__[registry] = dict(layer.__dict__[registry])
    return shared


def independent_copy(layer: SolverLayer) -> SolverLayer:
    """A copy that shares no state: what it solves, draws and learns leaves no trace in the layer.

    It prepares solvers of its own; close it after use. It solves on where rows fail.
    """
    alone = shared_copy(layer)
    alone._instances = copy.copy(layer._instances)  # leaves prepared solvers behind
    if layer.pool is not None:
        alone.solver = alone._instances.solver = copy.deepcopy(layer.solver)
        alone.pool = getattr(alone.solver, "pool", None)
    alone.estimator = copy.deepcopy(layer.estimator)
    if isinstance(layer.noise, RelativeNoiseDistribution):  # it keeps the unit of what it is first put on
        alone.noise = copy.deepcopy(layer.noise)
    alone.generator = _same_state(layer.generator)
    alone.stats = LayerStats()
    alone.failures, alone.unproven = [], []
    alone._warned = set(layer._warned)
    alone._fixed = dict(layer._fixed)
    alone.on_failure = "zero-grad"
    return alone


def _same_state(generator: torch.Generator | None) -> torch.Generator | None:
    if generator is None:
        return None
    clone = torch.Generator(generator.device)
    clone.set_state(generator.get_state())
    return clone


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
    alone = independent_copy(layer).train()
    devices = [objective.device] if objective.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverWarning)
            yield alone
    finally:
        alone.close()
