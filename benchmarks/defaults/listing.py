"""A solver over solutions that can all be listed: exact, and for a batch one matrix product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from imle.solvers import BasePrepared, SolveResult
from imle.solvers.protocol import ArrayKind, Sense, Shape


@dataclass(frozen=True, eq=False)
class Listing:
    """The best of a list. Ties go to the first.

    Args:
        solutions: `[M, *event]`.
        sense: of objectives.
    """

    solutions: Tensor
    sense: Sense
    array: ClassVar[ArrayKind] = "torch"

    def prepare(self) -> PreparedListing:
        return PreparedListing(self.solutions, self.sense)


@dataclass(frozen=True, eq=False)
class PreparedListing(BasePrepared):
    """A list is always prepared."""

    solutions: Tensor
    sense: Sense

    @property
    def objective_shape(self) -> Shape:
        return tuple(self.solutions.shape[1:])

    def solve(self, objective: Tensor) -> SolveResult:
        worth = objective.flatten(1) @ self.solutions.flatten(1).to(objective).T
        best = worth.argmin(dim=1) if self.sense == "min" else worth.argmax(dim=1)
        return SolveResult(self.solutions[best].to(objective))
