"""How many groundings of each formula are true: those that evidence leaves open, and those that are always.

All numbers are whole and float64, so they are exact up to 2^53.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from imle_mln.network import Floats, GroundNetwork


class Counts:
    """The counts of a network.

    A clause with a negative count stands for groundings that are true where it is false: with count -c it is c open
    groundings, all of them true as long as the clause is not.

    Args:
        network: the clauses that formulas count.

    Attributes:
        open: `[F]` how many groundings evidence leaves open, those that can only cancel out aside.
        decided: `[F]` how many are true in every world.
    """

    def __init__(self, network: GroundNetwork) -> None:
        self._network = network
        size = len(network.constants)
        values, formulas = network.count_values, network.count_formulas
        self.open: Floats = np.bincount(formulas, np.abs(values), size).astype(np.float64)
        self._denied: Floats = np.bincount(formulas, np.maximum(-values, 0.0), size).astype(np.float64)
        self.decided: Floats = network.constants - self._denied

    @cached_property
    def _matrix(self) -> Any:
        """`[F, C]` how often each clause counts for each formula."""
        network = self._network
        places = network.count_formulas, network.count_clauses
        return sparse.csr_array((network.count_values, places), shape=(len(self.open), len(network.clauses)))

    def open_counts(self, truths: NDArray[np.bool_]) -> Floats:
        """ClauseTruths `[N, C]` of clauses to `[N, F]` numbers of true groundings among the open ones."""
        found: Floats = (self._matrix @ truths.T.astype(np.float64)).T + self._denied
        return found

    def clause_weights(self, weights: Floats) -> Floats:
        """`[F]` weights of formulas to `[C]` weights of clauses."""
        found: Floats = self._matrix.T @ weights
        return found
