"""A solver over an explicit list of solutions: the definition of argmax, and the oracle of the gradient check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from imle.solvers import ArrayKind, BasePrepared, Sense, SolveResult
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

    def prepare(self, solutions: Floats, fixed: Floats | None = None) -> PreparedEnumeration:
        """Bind to `[M, *shape]` solutions, and `[M]` what terms that are not learned add to each."""
        given = np.asarray(solutions, np.float64)
        return PreparedEnumeration(self, given, np.zeros(len(given)) if fixed is None else np.asarray(fixed))


@dataclass(frozen=True, eq=False)
class PreparedEnumeration(BasePrepared):
    """All solutions of an instance."""

    solver: EnumerationSolver
    solutions: Floats
    fixed: Floats

    @property
    def homogeneous(self) -> bool:
        return not self.fixed.any()

    @property
    def objective_shape(self) -> tuple[int, ...]:
        return self.solutions.shape[1:]

    def solve(self, objective: Floats) -> SolveResult:
        values = objective.reshape(len(objective), -1) @ self.solutions.reshape(len(self.solutions), -1).T + self.fixed
        best = values.argmax(axis=1) if self.solver.sense == "max" else values.argmin(axis=1)
        self.solver.seen.append((objective.copy(), self.solutions[best]))
        return SolveResult(self.solutions[best], values=values[np.arange(len(best)), best])

    def fixed_terms(self, solutions: Floats) -> Floats:
        """`[N]` of listed solutions."""
        same = (self.solutions == solutions[:, None]).reshape(len(solutions), len(self.fixed), -1).all(axis=2)
        return np.asarray(np.where(same.any(axis=1), self.fixed[same.argmax(axis=1)], np.nan))
