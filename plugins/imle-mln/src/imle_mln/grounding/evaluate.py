"""The counts and violations of given states, computed from the network alone and apart from any inference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle_mln.network import GroundNetwork

# ClauseTruths of literals are gathered for so many literal-state pairs at once.
_BUDGET = 1 << 24


@dataclass(frozen=True, eq=False)
class Evaluation:
    """N states evaluated.

    Attributes:
        truths: `[N, C]` the truth of every clause.
        counts: `[N, F]` how many groundings of each formula are true.
        violated: `[N]` how many hard clauses are false.
        broken: `[N]` how many exactly-one blocks do not have exactly one true atom.
        hard: `[C]` the network's hard clauses.
    """

    truths: NDArray[np.bool_]
    counts: NDArray[np.float64]
    violated: NDArray[np.int64]
    broken: NDArray[np.int64]
    hard: NDArray[np.bool_]


class Evaluator:
    """Evaluates states of one network; prepares what all states share once."""

    def __init__(self, network: GroundNetwork) -> None:
        self.network = network
        items, starts = network.clauses.items, network.clauses.starts
        self._negated = items < 0
        self._variables = np.where(self._negated, ~items, items)
        self._levels = _levels(self._variables, starts, network.atoms)

    def __call__(self, states: ArrayLike) -> Evaluation:
        """Evaluate states `[N, A]` of zeros and ones."""
        network = self.network
        given = np.asarray(states)
        if given.ndim != 2 or given.shape[1] != network.atoms:
            raise ValueError(f"expected states of shape [N, {network.atoms}], found {list(given.shape)}")
        rows = len(given)
        # Variables first: clauses then are contiguous rows of literals.
        values = np.empty((network.atoms + len(network.clauses), rows), np.bool_)
        values[: network.atoms] = given.T != 0
        for level in self._levels:
            self._fill(values, level)
        truths = values[network.atoms :]
        counts = np.tile(network.constants, (rows, 1))
        for row in range(rows):
            weights = network.count_values * truths[network.count_clauses, row]
            counts[row] += np.bincount(network.count_formulas, weights, minlength=len(network.constants))
        violated = np.count_nonzero(~truths[network.hard], axis=0)
        return Evaluation(truths.T, counts, violated, self._broken(values), network.hard)

    def _fill(self, values: NDArray[np.bool_], clauses: NDArray[np.int64]) -> None:
        """Compute the truth of some clauses from variables that are known."""
        starts, atoms = self.network.clauses.starts, self.network.atoms
        lengths = starts[clauses + 1] - starts[clauses]
        ends = np.cumsum(lengths)
        budget = max(1, _BUDGET // max(1, values.shape[1]))
        begin = 0
        while begin < len(clauses):
            before = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + budget, side="right")))
            own = lengths[begin:end]
            first = np.cumsum(own) - own
            at = np.arange(int(own.sum())) + np.repeat(starts[clauses[begin:end]] - first, own)
            literals = values[self._variables[at]] ^ self._negated[at, None]
            values[atoms + clauses[begin:end]] = np.logical_or.reduceat(literals, first, axis=0)
            begin = end

    def _broken(self, values: NDArray[np.bool_]) -> NDArray[np.int64]:
        blocks = self.network.blocks
        if not len(blocks):
            return np.zeros(values.shape[1], np.int64)
        trues = np.add.reduceat(values[blocks.items].astype(np.int32), blocks.starts[:-1], axis=0)
        return np.asarray(np.count_nonzero(trues != 1, axis=0), np.int64)


def evaluate(network: GroundNetwork, states: ArrayLike) -> Evaluation:
    """Evaluate states `[N, A]` of a network's atoms."""
    return Evaluator(network)(states)


def _levels(variables: NDArray[np.int32], starts: NDArray[np.int64], atoms: int) -> list[NDArray[np.int64]]:
    """The clauses by how deep they nest; each level only refers to those before."""
    clauses = len(starts) - 1
    nested = np.flatnonzero(variables >= atoms)
    owner = np.searchsorted(starts, nested, side="right") - 1
    target = variables[nested] - atoms
    depth = np.zeros(clauses, np.int64)
    while True:
        deeper = depth.copy()
        np.maximum.at(deeper, owner, depth[target] + 1)
        if (deeper == depth).all():
            break
        depth = deeper
    return [np.flatnonzero(depth == level) for level in range(int(depth.max(initial=-1)) + 1)]
