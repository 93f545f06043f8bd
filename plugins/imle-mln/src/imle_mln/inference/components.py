"""What engines are given, and what they return."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.partition import Partition
from imle_mln.network import Bools, Entries, Floats, Index

KEPT = 8
"""How many dispatches of a network, and models of an engine, are kept."""

T = TypeVar("T")


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

    It is made of `Components`, under the signs that they will be solved with, and `Options`.

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
    """A component solver that finds optima for many unaries at once; what makes it is its class."""

    atoms: Index

    def solve_rows(self, coefficients: Coefficients) -> tuple[Bools, Floats]:
        """Maximise, given unaries `[N, n]`: states `[N, k]` of `atoms`, and `[N]` by how much others may be better."""


@dataclass(frozen=True, eq=False)
class Components:
    """Some components of a network, under given signs of its coefficients.

    Attributes:
        energy: of the network.
        parts: all its components.
        chosen: `[components]` those that are meant.
        coefficients: only their signs matter.
    """

    energy: Energy
    parts: Partition
    chosen: Bools
    coefficients: Coefficients

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
    def number(self) -> Index:
        """`[n]` the place of each atom of theirs among these."""
        number: Index = np.cumsum(self.inside) - 1
        return number

    @cached_property
    def pairs(self) -> Index:
        """Their pairs."""
        pairs: Index = self.parts.pairs[self.inside[self.energy.pairs[self.parts.pairs, 0]]]
        return pairs

    @cached_property
    def soft(self) -> Index:
        """Their soft large clauses with a weight, as places in `LargeClauses.clauses`."""
        return self._inside(self.parts.soft)

    @cached_property
    def hard(self) -> Index:
        """Their hard large clauses, likewise."""
        return self._inside(self.parts.hard)

    @cached_property
    def blocks(self) -> Entries:
        """Their exactly-one blocks."""
        blocks = self.energy.blocks
        return blocks.entries(np.flatnonzero(self.inside[blocks.items[blocks.starts[:-1]]]))

    def only(self, component: int) -> Components:
        """One of them."""
        return replace(self, chosen=np.arange(len(self.chosen)) == component)

    def each(self) -> list[Components]:
        """One after the other."""
        return [self.only(component) for component in np.flatnonzero(self.chosen).tolist()]

    def _inside(self, large: Index) -> Index:
        found: Index = large[self.inside[self.energy.large.first[large]]]
        return found


def recent(kept: OrderedDict[bytes, T], key: bytes, build: Callable[[], T]) -> T:
    """One of the most recently used, built if it is not among them."""
    found = kept.pop(key, None)
    if found is None:
        found = build()
        if len(kept) >= KEPT:
            kept.popitem(last=False)
    kept[key] = found
    return found
