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
        """States of `atoms`. Ties: false; in a block, its first best atom."""
        single = coefficients.unary[self._single] > 0
        if not len(self._blocks.starts):
            return single
        blocks = self._blocks
        values = coefficients.unary[blocks.variable]
        best = np.flatnonzero(values == np.maximum.reduceat(values, blocks.starts)[blocks.row])
        chosen = np.zeros(len(values), np.bool_)
        chosen[best[np.unique(blocks.row[best], return_index=True)[1]]] = True
        return np.concatenate([single, chosen])
