"""Ground features: the undecided groundings of formulas with weights, equal ones merged."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from imle_mln.grounding import Grounding
from imle_mln.network import Bools, Floats, Index


class Features:
    """The G ground features of a network.

    A feature is one clause of the network that formulas count, or what is true exactly if that clause is not:
    groundings of `A ^ B` are counted by way of `!A v !B`.

    Args:
        grounding: of program and evidence.

    Attributes:
        clauses: `[G]` of the network, ascending.
        denied: `[G]` whether the feature is true where the clause is false.
    """

    def __init__(self, grounding: Grounding) -> None:
        network = grounding.network
        self._grounding = grounding
        self.clauses: Index
        self.clauses, first = np.unique(network.count_clauses.astype(np.int64), return_index=True)
        self.denied: Bools = network.count_values[first] < 0

    def __len__(self) -> int:
        return len(self.clauses)

    def truths(self, truths: Bools) -> Bools:
        """Truths `[N, C]` of all clauses to truths `[N, G]` of the features."""
        found: Bools = truths[:, self.clauses] ^ self.denied
        return found

    def add(self, weights: Floats, given: Floats) -> Floats:
        """Weights `[C]` of clauses, and those `[G]` of the features added, up to a constant."""
        found = weights.copy()
        found[self.clauses] += np.where(self.denied, -given, given)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`[G]` as text, such as "!Smokes(Ann) v Smokes(Ben)"."""
        network, name = self._grounding.network, self._grounding.atoms.names.__getitem__
        signs = zip(self.clauses.tolist(), (~self.denied).tolist(), strict=True)
        return tuple(network.text(clause, name, positive=positive) for clause, positive in signs)
