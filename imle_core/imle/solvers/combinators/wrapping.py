"""What all combinators share: they are solvers around a solver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imle.errors import ImleError, OptionError
from imle.solvers import rows as by_row
from imle.solvers.blocks import BlockLayout, Labels, blocks_of, labels_of
from imle.solvers.contract import checked
from imle.solvers.normal_cones import FindsNormalCones
from imle.solvers.protocol import (
    ArrayKind,
    FixedTerms,
    PreparedSolver,
    RowShapes,
    Sense,
    Shape,
    SolutionVJP,
    Solver,
    fixed_terms_of,
    is_homogeneous,
    normal_cones_of,
    row_shapes_of,
    solution_vjp_of,
    takes_any_size,
)
from imle.solvers.result import SolveResult
from imle.solvers.rows import Index


class Wrapper:
    """A solver that reads and writes what the solver inside does.

    Attributes:
        concurrent: its prepared solvers, of different instances, may solve at the same time.
    """

    solver: Solver
    concurrent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.solver, Solver):
            raise OptionError(
                f"{type(self).__name__}: solver: expected a solver, found {type(self.solver).__name__}",
                hint="a solver object has sense, array and prepare(); see imle.solvers.Solver",
            )

    @property
    def sense(self) -> Sense:
        """The sense of the solver inside."""
        return self.solver.sense

    @property
    def array(self) -> ArrayKind:
        """The kind of array of the solver inside."""
        return self.solver.array


class PreparedWrapper:
    """A prepared solver around a prepared solver.

    Args:
        inner: the prepared solver inside.
    """

    def __init__(self, inner: PreparedSolver) -> None:
        self.inner = inner

    @property
    def objective_shape(self) -> Shape | None:
        """The shape the solver inside takes."""
        return self.inner.objective_shape

    @property
    def homogeneous(self) -> bool:
        """Whether the solver inside is."""
        return is_homogeneous(self.inner)

    @property
    def any_size(self) -> bool:
        """Whether the solver inside takes rows of any size."""
        return takes_any_size(self.inner)

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """That of the solver inside."""
        return fixed_terms_of(self.inner)

    @property
    def solution_vjp(self) -> SolutionVJP | None:
        """That of the solver inside."""
        return solution_vjp_of(self.inner)

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """That of the solver inside."""
        return normal_cones_of(self.inner)

    @property
    def row_shapes(self) -> RowShapes | None:
        """That of the solver inside."""
        return row_shapes_of(self.inner)

    @property
    def blocks(self) -> BlockLayout | None:
        """Those of the solver inside."""
        return blocks_of(self.inner)

    @property
    def labels(self) -> Labels | None:
        """Those of the solver inside."""
        return labels_of(self.inner)

    def close(self) -> None:
        """Close the solver inside."""
        self.inner.close()


def unwrapped(prepared: PreparedSolver) -> PreparedSolver:
    """The prepared solver at the bottom of combinators."""
    while isinstance(prepared, PreparedWrapper):
        prepared = prepared.inner
    return prepared


def solve_checked(prepared: PreparedSolver, objective: Any, given: Mapping[str, Any]) -> SolveResult:
    """`prepared.solve`, and a check of what it returned.

    Raises:
        SolverContractError: it is not what the protocol asks for.
    """
    return checked(prepared.solve(objective, **given), objective.shape)


def solve_rows(prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], index: Index) -> SolveResult:
    """`prepared.solve` for some rows of a batch; an error that names a row names the row of the batch.

    Args:
        prepared: the solver.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`.
        index: `[M]` which rows to solve.
    """
    try:
        return solve_checked(prepared, objective[index], by_row.some(given, index))
    except ImleError as error:
        if error.row is not None and 0 <= error.row < len(index):
            error.row = int(index[error.row])
        raise
