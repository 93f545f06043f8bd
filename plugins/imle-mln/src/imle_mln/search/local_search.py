"""A good state of a network, of every size, where hard clauses leave one that can be found; and a bound.

It starts from states built greedily, with unit propagation after each decision, so that hard clauses and blocks hold.
Then simulated annealing, in runs that become longer, takes turns with large neighbourhood search where there are hard
clauses (Shaw 1998): atoms near each other are forgotten and decided anew, all others stay if they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Masks
from imle_linear.engines import Clock
from imle_mln.compiled.dual import bound, exclude, share_anew
from imle_mln.compiled.partial import UNKNOWN, complete, dominate, priorities, start, worths
from imle_mln.compiled.walks import anneal, descend, keep, losses, neighbourhood, rebuild, walk
from imle_mln.compiled.world import Structure, reset
from imle_mln.network import Bools, Floats, Lists
from imle_mln.search.expansion import Expansion
from imle_mln.search.state import partial_of, random_of, structure_of, units_of, world_of

_FIRST, _RUNS = 16, 6
"""Sweeps of the first run of annealing; each has twice as many as the one before, and where nothing else ends the
search there are so many runs."""
_BOUNDED = 16
"""Sweeps for each round that lowers the bound, which takes about as long."""
_REBUILT, _SHARE = 8, 0.7
"""Sweeps for each neighbourhood that is decided anew; and where time is limited, for how much of what is left to go on
with the rest."""
_COLD = 0.02
"""The last temperature, in first ones."""
_SLICE = 100_000
"""Moves between two looks at the clock: some hundredths of a second."""
_LONGEST = 100
"""Atoms of a clause with more literals are not near each other."""
_EVENLY = (False, True, True)
"""How rounds that lower the bound take turns; see `imle_mln.compiled.dual`."""
_STALLED = 1e-6
"""So many rounds that lower the bound by less, relatively, are the last ones for the time being,"""
_NOTHING = 1e-14
"""and if it is less than this, for good."""
_MOST = 300
"""Atoms that are forgotten at once."""


@cache
def warm() -> None:
    """Load all kernels, before a clock starts: the first time on a machine they are compiled, for some ten seconds."""
    clauses = Lists(np.array([0, 2, 4]), np.array([0, 1, 1, ~2], np.int32))
    blocks = Lists(np.array([0, 2]), np.array([2, 3], np.int32))
    structure = structure_of(4, clauses, np.array([False, True]), blocks)
    rewards = np.array([1.0, -2.0, 1.0, 0.0, 1.5, 0.0])
    LocalSearch(structure, rewards, 0).run(lambda: None)
    partial = partial_of(structure)
    start(structure, partial)
    dominate(structure, partial, rewards)


class LocalSearch:
    """Searches one network for one objective.

    Args:
        structure: of the network.
        rewards: `[n + m]` what each variable adds if it is true.
        seed: of random choices.

    Attributes:
        contradiction: whether unit propagation shows that there is no state.
        score: of the best state that breaks nothing; -inf as long as there is none.
        best: `[n]` that state.
        bound: no state scores more.
    """

    def __init__(self, structure: Structure, rewards: Floats, seed: int) -> None:
        self._structure, self._random = structure, random_of(seed)
        self._units, self._ready = units_of(structure), False
        self._world, self._partial = world_of(structure, rewards), partial_of(structure)
        self.best: Bools = np.zeros(structure.atoms, np.bool_)
        self._record = np.array([-np.inf])
        self._kept, self._shares = rewards.astype(np.float64), np.zeros(len(structure.items))
        self._room = np.zeros(int(np.diff(structure.starts).max(initial=0)))
        free = self._units[self._units >= 0]
        self._seeds = free[np.argsort(-rewards[free], kind="stable")] if structure.hard.any() else free[:0]
        self._excluded, self._lowered, self._stalled = 0.0, 0, 0
        self.bound = bound(structure, self._kept, self._shares)
        self.contradiction = not start(structure, self._partial)
        if self.contradiction:
            return
        self._expansion = Expansion(structure, rewards)
        self._worth = np.zeros(len(rewards))
        worths(structure, self._partial, self._world.rewards, self._worth)
        self._priority = np.zeros(len(self._units))
        priorities(structure, self._partial, self._worth, self._units, self._priority)
        finite = self._priority[np.isfinite(self._priority)]
        self._noise = float(np.median(finite)) if len(finite) else 0.0
        self._wanted: Masks = np.full(structure.atoms, UNKNOWN, np.int8)
        self._near: Bools = np.zeros(structure.atoms, np.bool_)
        firsts = structure.block_items[structure.block_starts[:-1]]
        self._heads = np.where(self._units >= 0, self._units, 0)
        self._heads[self._units < 0] = firsts[~self._units[self._units < 0]]
        self._rng = np.random.default_rng(seed)
        sizes = np.abs(rewards)
        self._world.penalties[:] *= 4.0 * float(sizes.max(initial=0.0)) or 1.0

    @property
    def score(self) -> float:
        """Of `best`."""
        return float(self._record[0])

    def adopt(self, state: Bools) -> float:
        """Start from a state `[n]`; its score, or -inf if it breaks something."""
        self._set(state)
        return self.score

    def run(self, clock: Clock) -> None:
        """Search until time is over, or, where it is not limited, for a while that depends on the network only."""
        if self.contradiction:
            return
        if self._structure.hard.any():  # decided one by one, atoms may drag in more than they gain
            self._build(np.zeros_like(self._wanted), self._priority, 0.0)
        self._build(self._wanted, self._priority, 0.0)
        self._repair(clock)
        for _ in self._rounds(clock):
            raise_if_cancelled()
            if clock() == 0.0:
                return

    def _rounds(self, clock: Clock) -> Iterator[None]:
        """Everything else, in small parts."""
        hard, sweeps, run, useful = bool(self._structure.hard.any()), _FIRST, 0, True
        yield from self._expand()
        while self.bound > self.score and (run < _RUNS or clock() is not None):
            yield from self._descend_dual(sweeps // _BOUNDED)
            before = self.score
            if useful or run % 4 == 0:
                yield from self._anneal(sweeps)
                self._repair(clock)
                yield from self._expand()
                useful = not hard or self.score > before
            if hard:
                left, number, self._ready = clock(), 0, False
                while number < sweeps // _REBUILT or (left and (clock() or 0.0) > _SHARE * left):
                    yield
                    self._rebuild()
                    number += 1
            sweeps, run = 2 * sweeps, run + 1

    def _descend_dual(self, rounds: int) -> Iterator[None]:
        """Lower the bound."""
        structure, turns = self._structure, 2 * len(self._structure.hard)
        at_once = max(1, _SLICE // (1 + len(structure.in_items) // structure.atoms))
        while len(self._seeds):
            self._excluded += exclude(structure, self._kept, self._seeds[:at_once])
            self._seeds = self._seeds[at_once:]
            yield
        slow = 0
        for _ in range(rounds):
            if len(_EVENLY) in (slow, self._stalled):
                return
            before, evenly = self.bound, _EVENLY[self._lowered % len(_EVENLY)]
            for first in range(0, turns, _SLICE):
                last = min(first + _SLICE, turns)
                share_anew(structure, self._kept, self._shares, self._room, evenly, first, last)
                yield
            self._lowered += 1
            self.bound = min(before, bound(structure, self._kept, self._shares) + self._excluded)
            fallen = (before - self.bound) / (abs(before) or 1.0)
            slow = slow + 1 if fallen <= _STALLED else 0
            self._stalled = self._stalled + 1 if fallen <= _NOTHING else 0

    def _expand(self) -> Iterator[None]:
        """Expansion moves from where the world is, as long as they gain."""
        found, world, n = self._expansion, self._world, self._structure.atoms
        state, before = world.values[:n].copy(), -np.inf
        reached = float(world.score[0]) if world.faults[0] == 0 and found.possible else -np.inf
        while reached > before:
            before = reached
            for label in range(len(found.labels)):
                self._set(found.best(state, label))
                if world.faults[0] == 0 and world.score[0] > reached:
                    state, reached = world.values[:n].copy(), float(world.score[0])
                yield

    def _anneal(self, sweeps: int) -> Iterator[None]:
        """From the best state that is known, if there is one."""
        if self.score > -np.inf:
            self._set(self.best)
        hot = losses(self._structure, self._world, self._units, self._random) / 2
        if hot == 0.0:
            return
        temperatures = hot * _COLD ** (np.arange(sweeps) / max(sweeps - 1, 1))
        at_once = max(1, _SLICE // max(len(self._units), 1))
        for first in range(0, sweeps, at_once):
            anneal(
                self._structure, self._world, self._units, temperatures[first : first + at_once],
                self.best, self._record, self._random,
            )  # fmt: skip
            yield

    def _repair(self, clock: Clock) -> None:
        """Mend what is broken, and make the moves that gain."""
        structure, world = self._structure, self._world
        for _ in range(20):
            if walk(structure, world, 1000, 0.2, self._random) or clock() == 0.0:
                break
        while not descend(structure, world, self._units, 1) and clock() != 0.0:
            pass
        keep(structure, world, self.best, self._record)

    def _rebuild(self) -> None:
        """Forget atoms near each other, and decide them anew."""
        structure, rng = self._structure, self._rng
        if self.score == -np.inf:
            self._build(self._wanted, self._priority * rng.uniform(0.3, 1.0, len(self._units)), self._noise)
            self._repair(lambda: 0.0)
            return
        if not self._ready:
            start(structure, self._partial)
            self._decide(self.best.astype(np.int8), self._priority, 0.0)
            self._set(self.best)
        size = int(2 ** rng.uniform(1, np.log2(max(2, min(_MOST, structure.atoms)))))
        unit = int(self._units[rng.integers(len(self._units))])
        neighbourhood(structure, unit, size, _LONGEST, self._near, self._random)
        own = np.flatnonzero(self._near[self._heads])
        order = self._units[own[np.argsort(-self._priority[own] * rng.uniform(0.3, 1.0, len(own)))]]
        self._ready = rebuild(
            structure, self._world, self._partial, self._worth, self._near, order, self._wanted, self._noise, self.best,
            self._record, self._random,
        )  # fmt: skip

    def _build(self, wanted: Masks, priority: Floats, noise: float) -> None:
        """A state, decided in the order of these priorities, into the world."""
        start(self._structure, self._partial)
        self._decide(wanted, priority, noise)
        self._set(self._partial.values[: self._structure.atoms] == 1)

    def _decide(self, wanted: Masks, priority: Floats, noise: float) -> None:
        order = self._units[np.argsort(-priority, kind="stable")]
        complete(self._structure, self._partial, self._worth, order, wanted, noise, self._random)

    def _set(self, state: Bools) -> None:
        """Write a state into the world, and remember it if it is the best one."""
        self._world.values[: self._structure.atoms] = state
        reset(self._structure, self._world)
        keep(self._structure, self._world, self.best, self._record)
