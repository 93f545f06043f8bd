"""What engines are given, and what they return."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from imle.solvers import SolveStatus
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.inference.partition import Partition
from imle_mln.network import Bools, Floats, GroundNetwork, Index

KEPT = 8
"""How many dispatches of a network, and models of an engine, are kept."""

T = TypeVar("T")
Clock = Callable[[], float | None]
"""Seconds that are left, or None if there is no limit."""


def over(clock: Clock) -> bool:
    """Whether there is a limit, and it is reached."""
    left = clock()
    return left is not None and left <= 0


class Options(NamedTuple):
    """What engines are told besides their components.

    Attributes:
        gap: relative gap at which branch and bound may stop.
        seed: of random choices.
        hand_on: whether an engine may hand components on to other engines.
        limited: whether there is a time limit.
    """

    gap: float
    seed: int
    hand_on: bool = False
    limited: bool = False


@dataclass(frozen=True, eq=False)
class EngineResult:
    """How a solve of some components ended.

    Attributes:
        status: optimal, feasible, infeasible or timeout.
        states: `[k]` of the solver's atoms, if the status is ok.
        slack: no state is better by more than this.
        events: what was done, counted.
    """

    status: SolveStatus
    states: Bools | None = None
    slack: float = np.inf
    events: Counter[str] = field(default_factory=Counter)


class ComponentSolver(Protocol):
    """An engine at work on some components, for coefficients that change while their signs stay.

    Attributes:
        atoms: `[k]` the energy's atoms that belong to the components.
    """

    atoms: Index

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise, given unaries `[n]`.

        Raises:
            SolveError: the engine fails.
        """


@runtime_checkable
class BatchSolver(Protocol):
    """A component solver that finds optima for many unaries at once."""

    atoms: Index

    def solve_rows(self, coefficients: Coefficients) -> tuple[Bools, Floats]:
        """Maximise, given unaries `[N, n]`: states `[N, k]` of `atoms`, and `[N]` by how much others may be better."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What is analysed once of a network.

    Attributes:
        network: the whole.
        energy: the network's.
        large: its large clauses.
    """

    network: GroundNetwork
    energy: Energy
    large: LargeClauses

    @cached_property
    def alike(self) -> Index:
        """`[p]` pairs that the same formulas couple, in equal numbers: their couplings are likely to be equal."""
        energy, mark = self.energy, np.random.default_rng(0).random(len(self.network.constants))
        value = energy.to_pair @ self.network.clause_weights(mark)[energy.reduction.clause_ids]
        alike: Index = np.unique(np.round(value, 9), return_inverse=True)[1]
        return alike


class Component(NamedTuple):
    """What one component consists of: atoms of the energy, pairs, and large clauses, soft and hard."""

    atoms: Index
    pairs: Index
    soft: Index
    hard: Index


@dataclass(frozen=True, eq=False)
class Components:
    """Some components of a network, under given signs of its coefficients.

    Attributes:
        structure: of the network.
        parts: all its components.
        chosen: `[components]` those that are meant.
        coefficients: only their signs matter.
    """

    structure: Structure
    parts: Partition
    chosen: Bools
    coefficients: Coefficients

    @property
    def energy(self) -> Energy:
        """The network's."""
        return self.structure.energy

    @cached_property
    def inside(self) -> Bools:
        """`[n]` which atoms belong to them."""
        inside: Bools = self.chosen[self.parts.component]
        return inside

    @cached_property
    def atoms(self) -> Index:
        """`[k]` these."""
        return np.flatnonzero(self.inside)

    @cached_property
    def pairs(self) -> Index:
        """Their pairs."""
        pairs: Index = self.parts.pairs[self.inside[self.energy.pairs[self.parts.pairs, 0]]]
        return pairs

    def only(self, component: int) -> Components:
        """One of them."""
        return replace(self, chosen=np.arange(len(self.chosen)) == component)

    def __iter__(self) -> Iterator[Component]:
        """One after the other."""
        parts, large = self.parts, self.structure.large
        which = np.flatnonzero(self.chosen)
        split = []
        for items, component in (
            (np.arange(len(parts.component)), parts.component),
            (parts.pairs, parts.component[self.energy.pairs[parts.pairs, 0]]),
            (large.clauses[parts.soft], parts.component[large.first[parts.soft]]),
            (large.clauses[parts.hard], parts.component[large.first[parts.hard]]),
        ):
            own = np.flatnonzero(self.chosen[component])
            order = own[np.argsort(component[own], kind="stable")]
            split.append(np.split(items[order], np.searchsorted(component[order], which[1:])))
        return map(Component._make, zip(*split, strict=True)) if len(which) else iter(())


def recent(kept: OrderedDict[bytes, T], key: bytes, build: Callable[[], T]) -> T:
    """One of the most recently used, built if it is not among them."""
    found = kept.pop(key, None)
    if found is None:
        found = build()
        if len(kept) >= KEPT:
            kept.popitem(last=False)
    kept[key] = found
    return found
