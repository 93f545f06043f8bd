"""Copies of a layer to work with while the layer itself stays as it is."""

from __future__ import annotations

import copy

import torch

from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats


def borrow(layer: SolverLayer) -> SolverLayer:
    """A copy whose options can be set. It shares all state: prepared solvers, estimator, statistics, generator."""
    borrowed = copy.copy(layer)
    for registry in ("_modules", "_buffers", "_parameters"):  # copy.copy shares them
        borrowed.__dict__[registry] = dict(layer.__dict__[registry])
    return borrowed


def isolate(layer: SolverLayer) -> SolverLayer:
    """A copy that shares no state: what it solves, draws and learns leaves no trace in the layer.

    It prepares solvers of its own; close it after use. It solves on where rows fail.
    """
    alone = borrow(layer)
    alone._instances = copy.copy(layer._instances)  # leaves prepared solvers behind
    if layer.pool is not None:
        alone.solver = alone._instances.solver = copy.deepcopy(layer.solver)
        alone.pool = getattr(alone.solver, "pool", None)
    alone.estimator = copy.deepcopy(layer.estimator)
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
