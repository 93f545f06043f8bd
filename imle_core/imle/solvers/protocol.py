"""The two small classes a solver author writes; `imle.solvers.base` has bases that do what all of them repeat.

A *solver* is a frozen dataclass of options. `prepare` binds it to an *instance* (the data that fixes the
feasible set) and returns a *prepared solver*, which is solved many times with new objectives:

    layer(objective) -> theta -> perturb -> [N, *shape] -> PreparedSolver.solve -> SolveResult

The core owns everything around `solve`: sign, sample axis, dtype and device, checks, failures, statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imle.solvers.normal_cones import FindsNormalCones
from imle.solvers.result import SolveResult

Sense = Literal["max", "min"]
ArrayKind = Literal["numpy", "torch"]
Shape = tuple[int | None, ...]
FixedTerms = Callable[..., NDArray[np.float64]]
"""`fixed_terms(solutions, **rows) -> [N]`; see `PreparedSolver`."""
SolutionVJP = Callable[..., Any]
"""`solution_vjp(objective, cotangents, *, solutions, **rows) -> [N, *shape]`; see `PreparedSolver`."""
RowShapes = Callable[..., NDArray[np.int64] | Mapping[str, NDArray[np.int64]] | None]
"""`row_shapes(**rows) -> [N, ndim]`, or by block; see `PreparedSolver`."""


@runtime_checkable
class PreparedSolver(Protocol):
    """A solver bound to one instance; the native model is built once and kept.

    It optimises <objective, z> + h(z), where h is what terms add that no objective gives, such as fixed costs of
    variables that are not learned. Most solvers have no such terms. Some solvers have more members, which combinators
    hand on:

    - `homogeneous: bool`, by default True: solutions stay the same if an objective is multiplied by a positive
      number. The core then multiplies the rows of numpy solvers by powers of two, so that absolute tolerances mean
      the same for objectives of any size; but not where there are `fixed_terms`, if only a constant.
    - `any_size: bool`, by default False: nothing in the solver depends on the size of numbers, above all no
      tolerance, so that rows come as they are. Messages may then quote entries of an objective. To a torch solver they
      come as they are even with nan and infinities, which are only looked for afterwards; others get 0 there.
    - `fixed_terms(solutions, **rows) -> [N]`: h of `[N, *shape]` solutions, in the solver's own sense; nan where a
      solution is not feasible. Losses need it for solutions that they are given. Without it h is 0.
    - `solution_vjp(objective, cotangents, *, solutions, **rows) -> [N, *shape]`: the derivative of solutions in the
      objective, transposed, times `[N, *shape]` cotangents, in the solver's own sense; 0 in rows without a solution.
      For solvers whose solutions are no corners but move with the objective, as the optima of quadratic programs do;
      `solutions` are what `solve` gave, perhaps rounded to another dtype. Where there is a kink, one of the derivatives
      beside it. A spec claims it as a capability.
    - `normal_cones(solutions, **rows) -> NormalCones`: of `[N, *shape]` solutions, the scores for which constraints
      prove that they are best. It raises an ObjectiveError with `row=` for one that breaks a constraint. Losses that
      align objectives with cones need it, and refuse solvers without.
    - `row_shapes(**rows) -> [N, ndim]`: where row parameters say how large a row is, and objectives are padded to the
      widest: how many entries of each dimension are a row's own, from the first on; `[1, ndim]` for the same in all
      rows, None for no padding. Where there are blocks, a mapping of their names to such sizes; those that are left out
      have no padding. What is given on the padding counts for nothing, and solutions are 0 there.
    - `blocks: BlockLayout`: the blocks of an objective, where the spec declares several.
    - `labels`: names of the entries of an objective that a user can read or look up, such as edges or variables: a
      sequence with one for each in C order, or by block a mapping of such sequences; None if they have none. Users see
      them as `layer.labels`.
    """

    @property
    def objective_shape(self) -> Shape | None:
        """Shape of one objective: sizes, None for "any size", e.g. `(None,)`; checked before solving.

        A bare None means "whatever follows the first dimension of the input".
        """

    @property
    def solve(self) -> Callable[..., SolveResult]:
        """`solve(objective, **rows) -> SolveResult`: solve N objectives.

        Args:
            objective: `[N, *shape]` in the solver's own sense, finite. For a numpy solver float64 and
                C-contiguous; for a torch solver a detached tensor on the user's device, in its dtype (float32 for
                half precisions).
            rows: row parameters, each of length N (see `Parameter.per_row`): lists of what `prepare` takes, or arrays
                `[N, ...]` where users gave an array, or a tensor, of more than one dimension. Solvers whose spec claims
                `warm_start` have one more, `hint`: earlier solutions of the same rows, `[N, *shape]`. Those that have
                `dual` parameters have `duals`: names of some of them, a tuple, for which the result has `duals` then.
        """

    def close(self) -> None:
        """Free native resources early; may be called more than once. Dropping the last reference must free them too."""


def is_homogeneous(prepared: PreparedSolver) -> bool:
    """Whether solutions stay the same if an objective is multiplied by a positive number."""
    return bool(getattr(prepared, "homogeneous", True))


def takes_any_size(prepared: PreparedSolver) -> bool:
    """Whether rows of any size are solved as they are."""
    return bool(getattr(prepared, "any_size", False))


def fixed_terms_of(prepared: PreparedSolver) -> FixedTerms | None:
    """What gives h(z), or None where h is 0."""
    found: FixedTerms | None = getattr(prepared, "fixed_terms", None)
    return found


def solution_vjp_of(prepared: PreparedSolver) -> SolutionVJP | None:
    """What differentiates solutions, or None where their derivative is 0 or not known."""
    found: SolutionVJP | None = getattr(prepared, "solution_vjp", None)
    return found


def normal_cones_of(prepared: PreparedSolver) -> FindsNormalCones | None:
    """What finds normal cones, or None where the solver does not know its constraints."""
    found: FindsNormalCones | None = getattr(prepared, "normal_cones", None)
    return found


def row_shapes_of(prepared: PreparedSolver) -> RowShapes | None:
    """What tells padding by row parameters, or None where there is none."""
    found: RowShapes | None = getattr(prepared, "row_shapes", None)
    return found


@runtime_checkable
class Solver(Protocol):
    """Frozen options of a backend. Hashable and picklable: it is half of the recipe workers rebuild from."""

    @property
    def sense(self) -> Sense:
        """Whether objectives are scores to maximise ("max") or costs to minimise ("min")."""

    @property
    def array(self) -> ArrayKind:
        """Which arrays `solve` takes and returns."""

    @property
    def prepare(self) -> Callable[..., PreparedSolver]:
        """`prepare(**instance) -> PreparedSolver`: bind the solver to an instance.

        Each solver names its own instance parameters, which is why this is not spelled as a method.

        Raises:
            imle.errors.InstanceError: the instance does not describe a feasible set.
        """
