"""The worst of tied solutions, from a solver that only ever returns one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle.layers.module import SolverLayer
from imle.losses.base import advantage, check_shape, maximise, plain

TILTS = (1e-3, 1e-5, 1e-7)
"""Relative weights of the true objective, tried in this order."""


@torch.no_grad()
def worst_tied(
    layer: SolverLayer, predicted: Tensor, true_objective: Tensor, *, tolerance: float = 1e-9, **rows: Sequence[Any]
) -> Tensor:
    """Among the solutions that are best for the prediction, one that is worst in truth.

    The prediction is tilted against the truth by so little that, in a finite feasible set, only ties are decided by
    it; a tilt that costs predicted value is taken back and a smaller one tried. Exact as far as the solver resolves
    objectives that differ by 1e-7 of their size.

    Args:
        layer: a layer made by `imle.layer`.
        predicted: `[*batch, *event]` scores or costs, as the layer takes it.
        true_objective: `[*batch, *event]`, in the same sense.
        tolerance: predicted values tie if they differ by at most this, relative to ||theta^|| ||z||.
        rows: instance parameters that differ per row, as the layer takes them.

    Returns:
        `[*batch, *event]`, for `regret(true_objective, ., optimal)`: the unambiguous regret. At most 4 solves per row.

    Raises:
        ObjectiveError: shapes differ.
        SolveError: rows failed and the layer's on_failure is "raise".

    Source: Elmachtoub & Grigas 2022, section 2, definition 2.
    """
    check_shape("true_objective", true_objective, predicted.shape, "predicted")
    batch = plain(layer, predicted.double(), rows)
    theta, true = batch.theta, plain(layer, true_objective.double(), rows).theta
    found_z, _, found_fixed = maximise(batch, theta)
    scale = _size(theta) / _size(true)
    settled = torch.zeros(len(theta), dtype=torch.bool, device=theta.device)
    for tilt in TILTS:
        if bool(settled.all()):
            break
        tilted = theta - tilt * scale * true
        if found_fixed is not None:  # divided so that fixed terms, which the solver adds as they are, weigh as before
            weight = (tilt * scale).clamp(max=0.5)
            tilted = (theta - weight * true) / (1 - weight)
        z, _, fixed = maximise(batch, tilted)
        lost = advantage(theta, found_z, z, found_fixed, fixed)
        kept = lost <= tolerance * (_norm(theta) * _norm(found_z)).flatten()
        worse = advantage(true, found_z, z, found_fixed, fixed) > 0
        take = kept & worse & ~settled
        found_z = torch.where(take.reshape(-1, *[1] * (theta.ndim - 1)), z, found_z)
        if found_fixed is not None:
            assert fixed is not None  # a solver has such terms, or has none
            found_fixed = torch.where(take, fixed, found_fixed)
        settled |= kept
    return layer.as_seen(found_z, batch.solve, predicted.dtype).reshape(predicted.shape)


def _size(values: Tensor) -> Tensor:
    """`_norm`, and 1 for zeros, which have no size of their own."""
    norms = _norm(values)
    return torch.where(norms == 0, 1.0, norms)


def _norm(values: Tensor) -> Tensor:
    """`[B, *event]` to `[B, 1, ...]`."""
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms.reshape(-1, *[1] * (values.ndim - 1))
