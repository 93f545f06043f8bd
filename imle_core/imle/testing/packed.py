"""A layer of several blocks as one of one tensor, so that checks can compare it with the bare solver."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from imle.layers import BlockLayer
from imle.layers.packing import scaled
from imle.solvers.blocks import BlockData, blocks_of


class PackedLayer(nn.Module):
    """Objectives `[N, m]` to the solutions `[N, m]` that the solver returned, block by block through the layer.

    What the instance adds to solutions is taken off, and what it multiplies gradients by is undone.
    """

    def __init__(self, layer: BlockLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, objective: Tensor) -> Tensor:
        """Through `BlockLayer.forward`."""
        layout = blocks_of(self.layer.prepared)
        assert layout is not None
        parts = layout.split(objective)
        found = self.layer(**{name: _unscaled(parts[name], data) for name, data in layout.items()})
        names = {block.name: block.solution for block in self.layer.spec.blocks}
        flat = [_bare(found[names[name]], data).reshape(len(objective), -1) for name, data in layout.items()]
        return torch.cat(flat, dim=1).to(objective.dtype)

    def close(self) -> None:
        """Close the layer."""
        self.layer.close()


def _unscaled(part: Tensor, data: BlockData) -> Tensor:
    if data.gradient_scale is None:
        return part
    return scaled(part, 1 / torch.from_numpy(np.asarray(data.gradient_scale, np.float64)).to(part))


def _bare(part: Tensor, data: BlockData) -> Tensor:
    return part if data.offset is None else part.double() - torch.from_numpy(data.offset)
