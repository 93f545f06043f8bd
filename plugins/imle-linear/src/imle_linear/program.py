"""LinearProgram: a feasible set and the part of the objective that is not learned, checked and by columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_linear import arrays
from imle_linear.arrays import Columns, Floats

_HIDDEN, _FELT = 1e-8, 1e-10
"""Shares of a row's largest coefficient: smaller coefficients are lost beside it, and what moves a row less is none."""
_MOVED, _LARGE = 1e5, 1e2
"""How many units of a row its integer coefficients may add up to, and how large continuous ones may be."""


class Rows(NamedTuple):
    """What may differ from row to row of a batch, besides costs; the same arrays where it does not.

    Attributes:
        lower, upper: `[rows]` least and greatest values of the constraint rows.
        least, most: `[n]` bounds of the variables; those of integer variables are whole. They are the program's, unless
            the solver says `Setup.bounds`.
    """

    lower: Floats
    upper: Floats
    least: Floats
    most: Floats


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """row_lower <= matrix @ x <= row_upper, lower <= x <= upper, some x integer.

    Attributes:
        matrix: `[rows, n]`.
        row_lower: `[rows]`; nan where a right side is still to be given per row of the batch.
        row_upper: `[rows]`, likewise.
        lower: `[n]`; those of integer variables are whole.
        upper: `[n]`, likewise; below the lower one where no whole number is between the bounds that were given.
        integer: `[n]`.
        learned: `[k]` variables whose coefficients an objective gives, in its order.
        costs: `[n]` coefficients of the others; 0 for learned variables.
        offset: constant of the objective.
        b_ub_rows: how many rows are A_ub's; they come first.
        b_eq_rows: how many rows are A_eq's; they come next.
        names: of the variables, if they have any.
    """

    matrix: Columns
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    learned: NDArray[np.int32]
    costs: Floats
    offset: float = 0.0
    b_ub_rows: int = 0
    b_eq_rows: int = 0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Round the bounds of integer variables inwards: no engine has to know what a fractional one means."""
        for name, inwards in (("lower", np.ceil), ("upper", np.floor)):
            bounds = getattr(self, name)
            object.__setattr__(self, name, np.where(self.integer, inwards(bounds), bounds) + 0.0)

    @cached_property
    def rows(self) -> Rows:
        """What rows of a batch have that bring nothing of their own."""
        return Rows(self.row_lower, self.row_upper, self.lower, self.upper)

    @cached_property
    def contradiction(self) -> str:
        """Why no point lies within the bounds ("" if some do): no whole number is between those of a variable."""
        empty = np.flatnonzero(self.lower > self.upper)
        return f"no whole number lies within the bounds of {self.variable_name(int(empty[0]))}" if len(empty) else ""

    @cached_property
    def delicate(self) -> bool:
        """Whether an engine's usual tolerances, of about 1e-6, may hide that a row is broken.

        Integer variables that are whole up to a tolerance move a row by that much times its coefficients, which must be
        far less than its unit: 1, or its smallest coefficient. Continuous ones are within a tolerance relative to
        the largest coefficient.
        """
        matrix = self.matrix
        size, integer = np.abs(matrix.value), self.integer[matrix.column]
        moved = np.bincount(matrix.index, weights=size * integer, minlength=matrix.shape[0])
        unit = np.ones(matrix.shape[0])
        np.minimum.at(unit, matrix.index, size)
        return self.blind or bool((moved >= _MOVED * unit).any() or (size[~integer] >= _LARGE).any())

    @cached_property
    def blind(self) -> bool:
        """Whether an engine's least tolerances hide what a variable does to a row, in a program with integer ones.

        That is a step of an integer variable, or all the way that a continuous one may go. Tolerances are about 1e-10
        of the row's largest coefficient, engines drop coefficients below 1e-9, and a proof needs to see more than that.
        """
        matrix = self.matrix
        size, integer = np.abs(matrix.value), self.integer[matrix.column]
        largest = matrix.largest(size)[matrix.index]
        reach = size * (self.upper - self.lower)[matrix.column]
        moved = integer | (reach >= _FELT * largest)
        return bool(self.integer.any() and (moved & (size < _HIDDEN * largest)).any())

    @cached_property
    def integer_rows(self) -> NDArray[np.bool_]:
        """`[rows]` whether all variables of a row are integer."""
        found = np.ones(self.matrix.shape[0], np.bool_)
        found[self.matrix.index[~self.integer[self.matrix.column]]] = False
        return found

    @cached_property
    def round_off(self) -> Floats:
        """`[rows]` how far a row of integer variables may be off, relative to its terms: none if they are all whole."""
        matrix = self.matrix
        whole = np.ones(matrix.shape[0], np.bool_)
        whole[matrix.index[matrix.value != np.rint(matrix.value)]] = False
        relative = (np.bincount(matrix.index, minlength=matrix.shape[0]) + 2) * 2.0**-52
        return np.where(self.integer_rows & ~whole, relative, 0.0)

    def widened(self, rows: Rows) -> tuple[Floats, Floats]:
        """Ends of constraint rows as engines should see them, with room for the round-off of terms within bounds.

        Without it an engine that divides by a small coefficient may call infeasible what holds up to round-off.
        """
        lower, upper = rows.lower, rows.upper
        if not self.round_off.any():
            return lower, upper
        ends = np.maximum(np.abs(rows.least), np.abs(rows.most))
        terms = np.abs(self.matrix.value) * np.where(np.isfinite(ends), ends, 1.0)[self.matrix.column]
        sums = np.bincount(self.matrix.index, weights=terms, minlength=self.matrix.shape[0])
        low, high = (self.round_off * (sums + np.where(np.isfinite(end), np.abs(end), 0.0)) for end in (lower, upper))
        return lower - low, upper + high

    @property
    def labels(self) -> list[str] | None:
        """`[k]` names of the learned variables; None if one has no name."""
        names = [self.names[number] for number in self.learned] if self.names else []
        return names if names and all(names) else None

    def variable_name(self, number: int) -> str:
        """A variable as its author knows it."""
        return repr(self.names[number]) if self.names else f"variable {number}"

    def row_name(self, number: int) -> str:
        """A constraint row as its author knows it."""
        if number < self.b_ub_rows:
            return f"row {number} of A_ub"
        if number < self.b_ub_rows + self.b_eq_rows:
            return f"row {number - self.b_ub_rows} of A_eq"
        return f"constraint number {number}"


def from_matrices(
    who: str,
    *,
    A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
    b_ub: Any = None,
    A_eq: Any = None,  # noqa: N803
    b_eq: Any = None,
    bounds: Any = (0, None),
    integrality: Any = 1,
    variables: Any = None,
    costs: Any = None,
) -> LinearProgram:
    """Check and convert an instance in the convention of scipy.optimize.linprog and milp.

    Args:
        who: the solver, for messages.
        A_ub, b_ub, A_eq, b_eq, bounds, integrality, variables, costs: as in `imle info highs-ilp`. A matrix may come
            without its right side, which is then expected per row when solving.

    Raises:
        InstanceError: shapes disagree, or entries are not usable.
    """
    for left, right, name in ((A_ub, b_ub, "ub"), (A_eq, b_eq, "eq")):
        if left is None and right is not None:
            raise InstanceError(f"{who}: b_{name}: expected A_{name} beside it, found b_{name} alone")
    below = None if A_ub is None else arrays.matrix(f"{who}: A_ub", A_ub)
    equal = None if A_eq is None else arrays.matrix(f"{who}: A_eq", A_eq)
    n = _width(who, below, equal, bounds)
    below = _none(n) if below is None else below
    equal = _none(n) if equal is None else equal
    upper_rows = _right_side(who, "b_ub", b_ub, below.shape[0])
    equal_rows = _right_side(who, "b_eq", b_eq, equal.shape[0])
    lower, upper = arrays.bounds(f"{who}: bounds", bounds, n)
    learned = learned_variables(who, variables, n, ())
    return LinearProgram(
        matrix=arrays.stack(below, equal),
        row_lower=np.concatenate([np.full(len(upper_rows), -np.inf), equal_rows]),
        row_upper=np.concatenate([upper_rows, equal_rows]),
        lower=lower,
        upper=upper,
        integer=arrays.flags(f"{who}: integrality", integrality, n),
        learned=learned,
        costs=fixed_costs(who, np.zeros(n) if costs is None else costs, learned, n),
        b_ub_rows=below.shape[0],
        b_eq_rows=equal.shape[0],
    )


def _none(n: int) -> Columns:
    """No rows."""
    return Columns(np.zeros(n + 1, np.int32), np.zeros(0, np.int32), np.zeros(0), (0, n))


def _width(who: str, below: Columns | None, equal: Columns | None, bounds: Any) -> int:
    """The number of variables: what the matrices, or else the bounds, agree on."""
    widths = {name: a.shape[1] for name, a in (("A_ub", below), ("A_eq", equal)) if a is not None}
    if len(set(widths.values())) > 1:
        found = " and ".join(f"{width} in {name}" for name, width in widths.items())
        raise InstanceError(f"{who}: expected as many columns in A_ub as in A_eq, found {found}")
    shape = np.shape(_first_ends(bounds))
    n = next(iter(widths.values()), shape[0] if shape else None)
    if n is None:
        raise InstanceError(
            f"{who}: expected A_ub, A_eq or one pair of bounds per variable, found nothing that tells how many "
            "variables there are",
            hint="for variables without constraints, give bounds=[(lower, upper), ...]",
        )
    if n == 0:
        raise InstanceError(f"{who}: expected at least one variable, found none")
    return n


def _first_ends(bounds: Any) -> Any:
    """Lower ends of bounds given per variable, or None for a pair that holds for all."""
    if hasattr(bounds, "lb"):
        ends = np.broadcast_arrays(bounds.lb, bounds.ub)[0]
        return ends if ends.size > 1 else None
    if isinstance(bounds, np.ndarray):
        return bounds[:, 0] if bounds.ndim == 2 else None
    if isinstance(bounds, Sequence) and bounds and all(isinstance(b, (Sequence, np.ndarray)) for b in bounds):
        return [0.0] * len(bounds)
    return None


def _right_side(who: str, name: str, given: Any, rows: int) -> Floats:
    if given is None:
        return np.full(rows, np.nan)
    return arrays.vector(f"{who}: {name}", given, rows, f"row of A_{name[2:]}")


def learned_variables(who: str, given: Any, n: int, names: Sequence[str]) -> NDArray[np.int32]:
    """Variable numbers from numbers or names.

    Raises:
        InstanceError: an unknown or a repeated variable, or none at all.
    """
    if given is None:
        return np.arange(n, dtype=np.int32)
    known = {name: number for number, name in enumerate(names)}
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise InstanceError(f"{who}: variables: expected a list of indices or names, found {given!r}")
    chosen: dict[int, None] = {}  # a set that keeps its order
    for entry in given:
        number = known.get(entry) if isinstance(entry, str) else _index(entry, n)
        if number is None:
            expected = f"indices 0 to {n - 1}" + (" or names of the file's columns" if names else "")
            raise InstanceError(f"{who}: variables: expected {expected}, found {entry!r}")
        if number in chosen:
            raise InstanceError(f"{who}: variables: expected each variable once, found {entry!r} twice")
        chosen[number] = None
    if not chosen:
        raise InstanceError(f"{who}: variables: expected at least one learned variable, found none")
    return np.array(list(chosen), dtype=np.int32)


def _index(entry: Any, n: int) -> int | None:
    if isinstance(entry, (bool, np.bool_)) or not hasattr(entry, "__index__"):
        return None
    number = int(entry.__index__())
    return number if 0 <= number < n else None


def fixed_costs(who: str, given: Any, learned: NDArray[np.int32], n: int) -> Floats:
    """Coefficients of the variables that are not learned; 0 for those that are."""
    costs = arrays.vector(f"{who}: costs", given, n, "variable").copy()
    costs[learned] = 0.0
    return costs
