"""A layer of several blocks as one of one tensor, so that checks can compare it with the bare solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imle.layers import BlockLayer, SolverLayer
from imle.layers.packing import scaled
from imle.solvers.blocks import BlockData, BlockLayout, blocks_of


class PackedLayer(BlockLayer):
    """Objectives `[N, m]` to the solutions `[N, m]` that the solver returned, block by block through the layer.

    What the instance adds to solutions is taken off, and what it multiplies gradients by is undone.
    """

    def forward(self, objective: Tensor) -> Tensor:  # type: ignore[override]  # one tensor again
        """Through the blocks."""
        parts = self._layout.split(objective)
        found = super().forward(**{name: _unscaled(parts[name], data) for name, data in self._layout.items()})
        names = {block.name: block.solution for block in self.spec.blocks}
        flat = [found[names[name]].flatten(1) for name in self._layout]
        return self._bare(torch.cat(flat, dim=1)).to(objective.dtype)

    def expected_loss(
        self,
        objective: Tensor,
        loss: Callable[[Tensor], Tensor],
        *,
        penalty: float | None = None,
        **rows: Any,
    ) -> Tensor:
        """Of a loss of what the solver returned."""
        bare = super().expected_loss
        return bare(objective, lambda z: loss(self._bare(z).to(objective.dtype)), penalty=penalty, **rows)

    @property
    def _layout(self) -> BlockLayout:
        layout = blocks_of(self.prepared)
        assert layout is not None  # the spec declares blocks
        return layout

    def _bare(self, solutions: Tensor) -> Tensor:
        """Without the constants of the instance."""
        parts = [np.zeros(data.shape) if data.offset is None else data.offset for data in self._layout.values()]
        return solutions.double() - torch.from_numpy(np.concatenate([part.ravel() for part in parts]))


def packed(layer: SolverLayer) -> SolverLayer:
    """A layer of blocks as one of one tensor; any other as it is."""
    if isinstance(layer, BlockLayer):
        layer.__class__ = PackedLayer  # the same layer, with another way in and out
    return layer


def _unscaled(part: Tensor, data: BlockData) -> Tensor:
    if data.gradient_scale is None:
        return part
    return scaled(part, 1 / torch.from_numpy(np.asarray(data.gradient_scale, np.float64)).to(part))
