"""Plain functions as solvers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from imle.errors import OptionError
from imle.solvers.protocol import ArrayKind, Sense
from imle.solvers.result import SolveResult


@dataclass(frozen=True)
class FunctionSolver:
    """A function `[N, *shape] -> [N, *shape]` as a solver.

    Args:
        function: returns one solution per row; any numeric dtype.
        sense: whether the function maximises or minimises what it is given.
        array: whether it takes (and returns) torch tensors or numpy float64 arrays.
    """

    function: Callable[[Any], Any]
    sense: Sense = "max"
    array: ArrayKind = "torch"

    def __post_init__(self) -> None:
        if self.sense not in ("max", "min"):
            raise OptionError(f"function solver: sense: expected 'max' or 'min', found {self.sense!r}")
        if self.array not in ("torch", "numpy"):
            raise OptionError(f"function solver: array: expected 'torch' or 'numpy', found {self.array!r}")

    def prepare(self) -> PreparedFunction:
        return PreparedFunction(self.function)


@dataclass(frozen=True)
class PreparedFunction:
    """A function has no instance: it is always prepared."""

    function: Callable[[Any], Any]
    objective_shape: ClassVar[None] = None
    homogeneous: ClassVar[bool] = False  # it may do anything with what it is given

    def solve(self, objective: Any, *, hint: Any | None = None) -> SolveResult:
        del hint
        return SolveResult(self.function(objective))

    def close(self) -> None:
        """Nothing to free."""
