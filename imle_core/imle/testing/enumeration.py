"""A solver over an explicit list of solutions: the definition of argmax, and the oracle of the gradient check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from imle.solvers import ArrayKind, Sense, SolveResult
from imle.testing.instance import Floats


@dataclass(frozen=True)
class EnumerationSolver:
    """Optimise over listed solutions; the first of equals wins.

    Attributes:
        seen: objectives it was given and what it answered.
    """

    sense: Sense = "max"
    seen: list[tuple[Floats, Floats]] = field(default_factory=list, compare=False)

    array: ClassVar[ArrayKind] = "numpy"

    def prepare(self, solutions: Floats) -> PreparedEnumeration:
        """Bind to `[M, *shape]` solutions."""
        return PreparedEnumeration(self, np.asarray(solutions, np.float64))


@dataclass(frozen=True, eq=False)
class PreparedEnumeration:
    """All solutions of an instance."""

    solver: EnumerationSolver
    solutions: Floats

    @property
    def objective_shape(self) -> tuple[int, ...]:
        return self.solutions.shape[1:]

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        del hint
        values = objective.reshape(len(objective), -1) @ self.solutions.reshape(len(self.solutions), -1).T
        best = values.argmax(axis=1) if self.solver.sense == "max" else values.argmin(axis=1)
        self.solver.seen.append((objective.copy(), self.solutions[best]))
        return SolveResult(self.solutions[best])

    def close(self) -> None:
        """Nothing to free."""
