"""Components of a partition, one by one, for engines that solve each on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imle_mln.inference.energy import Energy
from imle_mln.inference.partition import Partition
from imle_mln.inference.scope import Scope
from imle_mln.inference.truths import Bools, Index


class Part(NamedTuple):
    """What one component consists of: atoms of the energy, pairs, and large clauses, soft and hard."""

    atoms: Index
    pairs: Index
    large: Index
    hard: Index


def parts_of(energy: Energy, scope: Scope, parts: Partition, chosen: Bools) -> Iterator[Part]:
    """The chosen components, one after the other."""
    first = scope.atom[scope.starts]
    every = (
        (np.arange(len(parts.component)), parts.component),
        (parts.pairs, parts.component[energy.pairs[parts.pairs, 0]]),
        (scope.clauses[parts.large], parts.component[first[parts.large]]),
        (scope.clauses[parts.hard], parts.component[first[parts.hard]]),
    )
    split = []
    for items, component in every:
        order = np.argsort(component, kind="stable")
        split.append(np.split(items[order], np.searchsorted(component[order], np.arange(1, len(parts.sizes)))))
    for component in np.flatnonzero(chosen).tolist():
        yield Part(*(own[component] for own in split))
