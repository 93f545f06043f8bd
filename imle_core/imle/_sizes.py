"""How large rows are: their largest entry, norm and spread, for rows of any size that a dtype can hold."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ROUNDING = 1e-6
"""Entries of a row that differ by less, relative to their mean, are equal."""


def row_sizes(rows: Tensor) -> Tensor:
    """The largest absolute entry of each row, 1 for zeros. `[N, n]` to `[N]`.

    Rows divided by it have norms that neither overflow nor vanish, and that are the same, bit by bit, for a row times a
    power of two.
    """
    if rows.shape[1] == 0:
        return rows.new_ones(len(rows))
    largest = rows.abs().amax(dim=1)  # three times as fast as vector_norm(ord=inf)
    return torch.where(largest == 0, 1.0, largest)


def row_norms(values: Tensor) -> tuple[Tensor, Tensor | None]:
    """Norms of rows divided by their size, and the size. In float64, where narrower ones fit in undivided: no size.

    Args:
        values: `[N, *event]`.
    """
    rows = _flat(values)
    if _fits(values):
        return torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64), None
    size = row_sizes(rows)
    return torch.linalg.vector_norm(rows / size.unsqueeze(1), dim=1), size


def row_spreads(values: Tensor) -> Tensor:
    """Standard deviations of the entries of rows, 0 where all are equal up to rounding. `[N, *event]` to `[N]`."""
    rows = _flat(values)
    size = row_sizes(rows)
    rows = rows / size.unsqueeze(1)
    mean = rows.mean(dim=1, keepdim=True)
    deviation = torch.linalg.vector_norm(rows - mean, dim=1) / math.sqrt(max(rows.shape[1], 1))
    return size * torch.where(deviation > _ROUNDING * mean.squeeze(1).abs(), deviation, 0.0)


def _fits(values: Tensor) -> bool:
    """Whether squares of the values fit in float64, which not every device has."""
    return values.dtype is not torch.float64 and values.device.type != "mps"


def _flat(values: Tensor) -> Tensor:
    """`[N, *event]` to `[N, n]`."""
    return values if values.ndim == 2 else values.reshape(values.shape[0], math.prod(values.shape[1:]))
