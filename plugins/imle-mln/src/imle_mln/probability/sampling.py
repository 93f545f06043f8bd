"""Marginals by Markov chains: Gibbs sampling and MC-SAT, with what tells whether chains agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np

from imle.errors import SolveError
from imle_mln.compiled.samplers import gibbs, mc_sat, scatter
from imle_mln.compiled.walks import walk
from imle_mln.compiled.world import Structure, WorldState, reset
from imle_mln.inference.engine import MAPEngine
from imle_mln.network import Floats, GroundNetwork, Lists
from imle_mln.search.state import random_of, structure_of, units_of, world_of

BATCHES = 10
"""Parts of a chain, whose means tell how precise the mean of all is."""

_WALK = 20_000
"""Moves to repair a random state with, before MAP gives one."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Means of states over parts of chains.

    Attributes:
        means: `[chains, BATCHES, n + m]` of atoms and clauses.
        length: states of a part.
    """

    means: Floats
    length: int

    @property
    def mean(self) -> Floats:
        """`[n + m]`."""
        found: Floats = self.means.mean(axis=(0, 1))
        return found

    @property
    def errors(self) -> Floats:
        """`[n + m]` standard errors, by the spread of the parts of all chains (batch means: Flegal and Jones 2010)."""
        chains, batches, size = self.means.shape
        parts = self.means.reshape(chains * batches, size)
        found: Floats = parts.std(axis=0, ddof=1) / np.sqrt(len(parts))
        return found

    @property
    def rhat(self) -> Floats:
        """`[n + m]` how much more halves of chains differ than they would if all had the same distribution: about 1
        where they have (split R-hat, Gelman et al. 2013); 1 for what never changes.
        """
        chains, batches, size = self.means.shape
        halves = self.means.reshape(2 * chains, batches // 2, size).mean(axis=1)
        states = self.length * batches // 2
        within = (halves * (1 - halves)).mean(axis=0) * states / (states - 1)
        between = states * halves.var(axis=0, ddof=1)
        total = (states - 1) / states * within + between / states
        ratio = np.divide(total, within, out=np.where(between > 0, np.inf, 1.0), where=within > 0)
        found: Floats = np.sqrt(ratio)
        return found


def chains(
    network: GroundNetwork,
    unary: Floats,
    clause: Floats,
    method: Literal["gibbs", "mc-sat"],
    *,
    samples: int,
    burn: int,
    number: int,
    seed: int,
    watch: Callable[[int, int], None] | None = None,
) -> Chains:
    """Run Markov chains.

    Args:
        network: ground.
        unary: `[A]` what each atom adds to the score if it is true.
        clause: `[C]` what each clause adds.
        method: which.
        samples: states of each chain, rounded up to parts of equal size.
        burn: states before these.
        number: of chains, which start in different states.
        seed: of all.
        watch: is told how many states there are so far, and how many there will be.

    Raises:
        SolveError: no state holds the hard clauses.
    """
    length = max(2, -(-samples // BATCHES))
    unary, network, atoms = network.padded(unary), network.completed, network.atoms
    variables = network.atoms + len(network.clauses)
    sums = np.zeros((number, BATCHES, variables), np.int64)
    parts = _Parts(number * (burn + length * BATCHES), watch)
    for chain in range(number):
        own = _Gibbs(network, unary, clause) if method == "gibbs" else _MCSAT(network, unary, clause)
        random = random_of(seed * 1_000_003 + chain)
        _start(own.structure, own.world, network, seed + chain, random)
        for batch, states in enumerate((burn, *[length] * BATCHES), -1):
            found = np.zeros(own.size, np.int64)
            for part in parts.of(states):
                own.run(part, found, random)
            if batch >= 0:
                sums[chain, batch] = found[:variables]
    return Chains(np.delete(sums, np.s_[atoms : network.atoms], axis=2) / length, length)


class _Parts:
    """Splits long runs: Ctrl-C is heard, and progress told, between two parts of about a tenth of a second."""

    def __init__(self, total: int, watch: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._watch = 0, total, watch
        self._size = 1

    def of(self, states: int) -> Iterator[int]:
        """The numbers of states of parts."""
        while states:
            part = min(self._size, states)
            begin = perf_counter()
            yield part
            if part == self._size and perf_counter() - begin < 0.05:
                self._size *= 2
            states -= part
            self._done += part
            if self._watch is not None:
                self._watch(self._done, self._total)


class _Gibbs:
    def __init__(self, network: GroundNetwork, unary: Floats, clause: Floats) -> None:
        self.structure = structure_of(network.atoms, network.clauses, network.hard, network.blocks)
        self.world = world_of(self.structure, np.concatenate([unary, clause]))
        self._units = units_of(self.structure)
        self.size = len(self.world.values)

    def run(self, states: int, sums: np.ndarray, random: np.ndarray) -> None:
        gibbs(self.structure, self.world, self._units, states, sums, random)


class _MCSAT:
    """Of a network in which what speaks for or against anything is a clause with a positive weight: negative weights
    are those of negated clauses, and unaries those of clauses of one literal.
    """

    def __init__(self, network: GroundNetwork, unary: Floats, clause: Floats) -> None:
        n, m = network.atoms, len(network.clauses)
        atoms, denied = np.flatnonzero(unary), np.flatnonzero(clause < 0)
        literals = np.concatenate([np.where(unary[atoms] > 0, atoms, ~atoms), ~(n + denied)])
        starts = network.clauses.starts
        starts = np.concatenate([starts, starts[-1] + 1 + np.arange(len(literals))])
        clauses = Lists(starts, np.concatenate([network.clauses.items, literals]).astype(np.int32))
        self._always = np.concatenate([network.hard, np.zeros(len(literals), np.bool_)])
        self._strengths = np.concatenate([np.maximum(clause, 0.0), np.abs(unary[atoms]), -clause[denied]])
        made = structure_of(n, clauses, np.ones(len(clauses), np.bool_), network.blocks)
        self.structure: Structure = made._replace(hard=self._always.copy())
        self.world = world_of(made, np.zeros(n + m + len(literals)))
        self._units = units_of(made)
        self.size = len(self.world.values)

    def run(self, states: int, sums: np.ndarray, random: np.ndarray) -> None:
        moves = 20 * len(self._units) + 1000
        mc_sat(self.structure, self.world, self._strengths, self._always, self._units, states, moves, sums, random)


def _start(structure: Structure, world: WorldState, network: GroundNetwork, seed: int, random: np.ndarray) -> None:
    """A state at random that breaks nothing: by WalkSAT, or MAP for unaries at random."""
    scatter(structure, world, units_of(structure), random)
    if walk(structure, world, _WALK, 0.3, random):
        return
    noise = np.random.default_rng(seed).logistic(size=network.atoms)
    found = MAPEngine(network).solve(noise, np.zeros(len(network.clauses)))
    if not found.status.ok:
        raise SolveError(f"mln-map: {found.status.name.lower()}: {found.message}")
    world.values[: network.atoms] = found.state.astype(bool)
    reset(structure, world)
