"""Instances: what a solver is checked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle._text import printable

Floats = NDArray[np.float64]
"""Objectives, solutions, and rows of them."""


@dataclass(frozen=True, eq=False)
class Instance:
    """One small instance of a solver's problem, and what is known about its answers.

    Only what is needed must be given; checks that need more are left out and say so. The more is known, the more is
    checked: tiny instances with all their solutions are the best.

    Args:
        name: short, for reports.
        parameters: instance parameters, as given to `imle.layer`.
        options: options of the solver, as given to `imle.layer`.
        shape: of one objective; needed where the prepared solver takes objectives of any size.
        solutions: `[M, *shape]` every solution an answer may be (for linear programs: every vertex). Serves
            feasibility, optimality and gradients.
        feasible: whether one solution `[*shape]` is allowed; where there are too many to list.
        oracle: the best value for one objective `[*shape]`, in the solver's own sense, from something independent of
            the solver.
        objectives: draws `[N, *shape]` objectives the instance is meant for; by default normal, or between 1/2 and 3/2
            if the solver does not claim to solve negative ones.
        rows: values of row parameters (`Parameter.per_row`) to be mixed in one batch, by name; some instance has to
            have them for each row parameter.
        bad_objective: a finite objective `[*shape]` the solver cannot solve.
        bad_row: values of row parameters that leave a row without a solution, by name.
        expected_failures: checks this instance is known to fail, and why. They are strict: one that passes is a
            failure.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    solutions: ArrayLike | None = None
    feasible: Callable[[Floats], bool] | None = None
    oracle: Callable[[Floats], float] | None = None
    objectives: Callable[[np.random.Generator, int], Floats] | None = None
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    bad_objective: ArrayLike | None = None
    bad_row: Mapping[str, Any] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name, keep=""))
