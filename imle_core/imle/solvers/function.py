"""Plain functions as solvers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from imle._checks import is_positive_int
from imle._pickles import portable
from imle.errors import OptionError, SolverContractError
from imle.solvers.protocol import ArrayKind, Sense, Shape
from imle.solvers.result import SolveResult


@dataclass(frozen=True)
class FunctionSolver:
    """A function `[N, *shape] -> [N, *shape]` as a solver.

    Args:
        function: returns one solution per row; any numeric dtype.
        sense: whether the function maximises or minimises what it is given.
        array: whether it takes (and returns) torch tensors or numpy float64 arrays.
        shape: of one objective: sizes, None for any size, as in `(None,)` for vectors; what stands before it are batch
            dimensions, which are flattened to N. By default it is all that follows the first dimension.
    """

    function: Callable[[Any], Any]
    sense: Sense = "max"
    array: ArrayKind = "torch"
    shape: Shape | None = None

    def __post_init__(self) -> None:
        if self.sense not in ("max", "min"):
            raise OptionError(f"function solver: sense: expected 'max' or 'min', found {self.sense!r}")
        if self.array not in ("torch", "numpy"):
            raise OptionError(f"function solver: array: expected 'torch' or 'numpy', found {self.array!r}")
        if self.shape is None:
            return
        if not isinstance(self.shape, (tuple, list)) or not all(
            size is None or is_positive_int(size) for size in self.shape
        ):
            raise OptionError(
                f"function solver: shape: expected the sizes of one objective, found {self.shape!r}",
                hint="(6,) for vectors of 6 entries, (None,) for vectors of any length, (None, None) for matrices",
            )
        object.__setattr__(self, "shape", tuple(self.shape))  # a list has no hash

    def __reduce__(self) -> tuple[object, ...]:
        options = (self.sense, self.array, self.shape)
        name = getattr(self.function, "__qualname__", "")
        if "<" not in name:
            return FunctionSolver, (self.function, *options)
        content = portable(
            self.function,
            f"function solver: {name}, which no other process finds by its name,",
            "its layer cannot be saved whole",
            hint="define it by def at the top of a module; layer.state_dict() saves what is learned without it",
        )
        return _unpickled, (content, *options)

    def __copy__(self) -> FunctionSolver:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionSolver:
        return replace(self, function=copy.deepcopy(self.function, memo))

    def prepare(self) -> PreparedFunction:
        return PreparedFunction(self.function, self.shape)


def _unpickled(content: bytes, *options: Any) -> FunctionSolver:
    return FunctionSolver(pickle.loads(content), *options)


@dataclass(frozen=True)
class PreparedFunction:
    """A function has no instance: it is always prepared."""

    function: Callable[[Any], Any]
    objective_shape: Shape | None = None
    homogeneous: ClassVar[bool] = False  # it may do anything with what it is given

    def solve(self, objective: Any) -> SolveResult:
        given = tuple(objective.shape)
        doubt = None
        if self.objective_shape is None and len(given) > 2:
            doubt = (
                f"the function was given {list(given)}, {given[0]} objectives of {len(given) - 1} dimensions; with "
                f"shape=({given[-1]},) all dimensions but the last are the batch's"
            )
        try:
            found = self.function(objective)
        except Exception as error:
            if doubt:
                error.add_note(doubt)
            raise
        if doubt and tuple(getattr(found, "shape", given)) != given:
            raise SolverContractError(
                f"function solver: expected solutions of shape {list(given)}, found {list(found.shape)}", hint=doubt
            )
        return SolveResult(found)

    def close(self) -> None:
        """Nothing to free."""
