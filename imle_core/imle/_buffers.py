"""Modules whose buffers hold measured numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from torch import Tensor, nn


class WideBuffers(nn.Module):
    """`half()`, `bfloat16()` and the like leave buffers as wide as they are, and only move them.

    Small steps of a number that adapts would be rounded away, and numbers far from 1 lost.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What casts and moves go through."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's own
        for name, now in self._buffers.items():
            was = before[name]
            if was is not None and now is not None and now.element_size() < min(was.element_size(), 4):
                self._buffers[name] = was.to(device=now.device)
        return self
