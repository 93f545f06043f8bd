"""What a solve needs and the weights alone decide: kept from row to row while they stay the same."""

from __future__ import annotations

import numpy as np

from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.partition import signs
from imle_mln.network import Floats


class Weighted:
    """The part of an energy that comes from clauses.

    Coefficients of solves with equal weights share the arrays `pair` and `clause`, which engines use to see that
    nothing but the unaries has changed.

    Args:
        energy: the network's.
        weights: `[C]`, finite.

    Attributes:
        weights: as given.
        largest: the greatest of their sizes.
        signs: the signs of all coefficients that do not depend on unaries.
    """

    def __init__(self, energy: Energy, weights: Floats) -> None:
        self._energy, self.weights = energy, weights
        self.largest = float(np.abs(weights).max(initial=0.0))
        self._kept: tuple[int, Coefficients] | None = None
        self.signs = signs(energy, self._constant(int(np.frexp(self.largest)[1])))

    def coefficients(self, unary: Floats, shift: int) -> Coefficients:
        """Of unaries `[N, A]` that are divided by `2^shift` already, and of the weights, which are not."""
        constant = self._constant(shift)
        own = self._energy.reduction.unaries(unary)
        return Coefficients(own + constant.unary, constant.pair, constant.clause)

    def _constant(self, shift: int) -> Coefficients:
        if self._kept is None or self._kept[0] != shift:
            scaled = np.ldexp(self.weights, -shift)
            self._kept = shift, self._energy.constant(scaled)
        return self._kept[1]
