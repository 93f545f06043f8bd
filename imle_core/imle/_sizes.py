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


def row_spreads(values: Tensor, own: Tensor | None = None) -> Tensor:
    """Standard deviations of the entries of rows, 0 where all are equal up to rounding. `[N, *event]` to `[N]`.

    Args:
        values: rows.
        own: `[N, *event]` which entries count; None for all.
    """
    rows = _flat(values)
    size = row_sizes(rows)
    variance, mean, _ = _moments((rows / size.unsqueeze(1)).unsqueeze(1), own)
    equal = _are_equal(variance, mean)
    return size * torch.where(equal, 0.0, variance.sqrt()).squeeze(1)


def varying_norms(
    values: Tensor, own: Tensor | None = None, valid: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Norms of rows without their mean, as the root mean square of samples; and their size as `row_norms` gives it.

    A constant on all entries changes nothing about them. Rows whose entries are equal up to rounding have the norm that
    they have with their mean, as there is no other.

    Args:
        values: `[N, S, *event]`.
        own: `[N, *event]` which entries count; None for all.
        valid: `[N, S]` which samples count; None for all.
    """
    rows, size = values.flatten(2), None
    if _fits(values):
        rows = rows.double()
    else:
        size = row_sizes(rows.flatten(1))
        rows = rows / size.reshape(-1, 1, 1)
    variance, mean, count = _moments(rows, own)
    squares = torch.where(_are_equal(variance, mean), mean.square(), variance)
    if valid is None:
        mean_square = squares.mean(dim=1)
    else:
        mean_square = torch.where(valid, squares, 0.0).sum(dim=1) / valid.sum(dim=1).clamp(min=1)
    return (mean_square * count).sqrt(), size


def _moments(rows: Tensor, own: Tensor | None) -> tuple[Tensor, Tensor, Tensor | int]:
    """Variances and means `[N, S]` of `[N, S, n]` over the entries that count, and how many do, `[N]` if not all."""
    if not rows.numel():
        nothing = rows.new_zeros(rows.shape[:2])
        return nothing, nothing, 0
    if own is None:
        variance, mean = torch.var_mean(rows, dim=2, correction=0)
        return variance, mean, rows.shape[2]
    counted = own.reshape(len(rows), 1, -1)
    number = counted.sum(dim=2).clamp(min=1)  # a row of nothing but padding has mean 0
    mean = torch.where(counted, rows, 0.0).sum(dim=2) / number
    variance = torch.where(counted, rows - mean.unsqueeze(2), 0.0).square().sum(dim=2) / number
    return variance, mean, number.squeeze(1)


def _are_equal(variance: Tensor, mean: Tensor) -> Tensor:
    """Whether entries are equal up to rounding."""
    return variance <= (_ROUNDING * mean).square()


def _fits(values: Tensor) -> bool:
    """Whether squares of the values fit in float64, which not every device has."""
    return values.dtype is not torch.float64 and values.device.type != "mps"


def _flat(values: Tensor) -> Tensor:
    """`[N, *event]` to `[N, n]`."""
    return values if values.ndim == 2 else values.reshape(values.shape[0], math.prod(values.shape[1:]))
