"""How sparse a gradient is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def zero_share(gradient: Tensor) -> float:
    """The share of entries that are exactly zero, of a tensor of any shape with at least one entry."""
    return 1 - int(gradient.count_nonzero()) / gradient.numel()
