"""Solutions of samples: which were solved, and means over those."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Solutions(NamedTuple):
    """Solutions of `[B, S]` rows.

    Attributes:
        z: `[B, S, *event]`; rows that failed hold zeros.
        valid: `[B, S]` whether the row was solved, or None if all were.
    """

    z: Tensor
    valid: Tensor | None


class Solve(Protocol):
    """argmax <theta, z> for `[B, S, *event]` rows."""

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        """Solve; rows marked in `known` `[B]` are not solved again, their solutions are the hint's."""

    def tile(self, times: int) -> Solve:
        """The same for `times` copies of the batch, one after the other: `[times * B, S, *event]`."""

    def part(self, rows: slice) -> Solve:
        """The same for some rows of the batch."""

    def solution_vjp(self, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
        """The derivative of solutions in theta, transposed, times dy; see `PreparedSolver.solution_vjp`.

        Args:
            theta, z, dy: `[B, S, *event]` what was solved, its solutions, and what they are multiplied with.
        """

    def own(self, values: Tensor) -> Tensor | None:
        """`[B, *event]` which entries are no padding of a row whose instance is smaller; None for all.

        Args:
            values: `[B, *event]` or `[B, S, *event]`.
        """


def inside(values: Tensor, own: Tensor | None) -> Tensor:
    """`[B, *event]` or `[B, S, *event]` with zeros on the padding: what is given there counts for nothing.

    Args:
        values: what is given.
        own: `[B, *event]` which entries are none; None for all.
    """
    if own is None:
        return values
    return values.masked_fill(~(own if values.ndim == own.ndim else own.unsqueeze(1)), 0.0)


def spread(valid: Tensor, like: Tensor) -> Tensor:
    """`[B, S]` to `[B, S, 1, ...]`, to broadcast against `[B, S, *event]`."""
    return valid.reshape(valid.shape + (1,) * (like.ndim - 2))


def both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Samples that hold in both masks; None means all."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def average(values: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over the sample axis of `[B, S, *event]`, over the valid samples only (0 if there are none).

    Where one of the two has a single sample, it stands for all of the other's.
    """
    if valid is None:
        return values.squeeze(1) if values.shape[1] == 1 else values.mean(dim=1)
    return total(values, valid) / spread(valid, values).sum(dim=1).clamp(min=1)


def total(values: Tensor, valid: Tensor) -> Tensor:
    """The sum over the valid samples; the others may hold anything, nan included."""
    return torch.where(spread(valid, values), values, torch.zeros_like(values)).sum(dim=1)


def difference(upper: Solutions, lower: Solutions) -> Solutions:
    """upper - lower, valid where both were solved, and 0 elsewhere."""
    z, valid = upper.z - lower.z, both(upper.valid, lower.valid)
    if valid is None:
        return Solutions(z, None)
    return Solutions(torch.where(spread(valid, z), z, torch.zeros_like(z)), valid.expand(z.shape[:2]))
