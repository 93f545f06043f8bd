"""Components without clauses: single atoms and single blocks."""

from __future__ import annotations

import numpy as np

from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.partition import Partition
from imle_mln.inference.truths import Bools, Index, entries


class Closed:
    """All of them at once.

    Args:
        energy: the network's.
        parts: its components.

    Attributes:
        components: `[components]` those that are solved here.
        atoms: theirs.
    """

    def __init__(self, energy: Energy, parts: Partition) -> None:
        single = parts.sizes == 1
        self.components: Bools = single | (parts.block >= 0)
        self._single: Index = np.flatnonzero(single[parts.component])
        self._blocks = entries(energy.blocks, parts.block[parts.block >= 0])
        self.atoms: Index = np.concatenate([self._single, self._blocks.variable])

    def solve(self, coefficients: Coefficients) -> Bools:
        """States `[N, k]` of `atoms`. Ties: false; in a block, its first best atom."""
        single = coefficients.unary[:, self._single] > 0
        blocks = self._blocks
        if not len(blocks.starts):
            return single
        values = coefficients.unary[:, blocks.variable]
        best = values == np.maximum.reduceat(values, blocks.starts, axis=1)[:, blocks.row]
        place = np.arange(len(blocks.row))
        first = np.minimum.reduceat(np.where(best, place, len(place)), blocks.starts, axis=1)
        return np.concatenate([single, place == first[:, blocks.row]], axis=1)
