"""A mixed-integer program in scipy's convention, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, issparse, vstack

from imle.errors import InstanceError
from imle_scipy.rows import Floats

LEAST, MOST = 1e-9, 1e15
"""HiGHS drops matrix entries up to the first, and refuses models with entries from the second on."""


@dataclass(frozen=True, eq=False)
class Program:
    """row_lower <= matrix @ x <= row_upper, lower <= x <= upper, some x integer.

    Attributes:
        matrix: `[rows, n]`, scipy.sparse: first the rows of A_ub, then those of A_eq.
        row_lower, row_upper: `[rows]`; nan where a right side is still to be given per row of the batch.
        lower, upper: `[n]`.
        integer: `[n]`.
        below: how many rows are A_ub's.
    """

    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    below: int

    @cached_property
    def sizes(self) -> Floats:
        """`[rows]` sums of the coefficients' sizes: how much rounding the variables can move each row."""
        found: Floats = np.abs(self.matrix).sum(axis=1)
        return found

    @property
    def equal(self) -> int:
        """How many rows are A_eq's."""
        return len(self.row_lower) - self.below


def read(who: str, a_ub: Any, b_ub: Any, a_eq: Any, b_eq: Any, bounds: Any, integrality: Any) -> Program | None:
    """Check and convert an instance; None if nothing tells how many variables there are.

    Raises:
        InstanceError: shapes disagree, or entries are not usable.
    """
    for left, right, name in ((a_ub, b_ub, "ub"), (a_eq, b_eq, "eq")):
        if left is None and right is not None:
            raise InstanceError(f"{who}: b_{name}: expected A_{name} beside it, found b_{name} alone")
    below = None if a_ub is None else _matrix(f"{who}: A_ub", a_ub)
    equal = None if a_eq is None else _matrix(f"{who}: A_eq", a_eq)
    lower, upper = _ends(f"{who}: bounds", bounds)
    n = _width(who, below, equal, lower, upper)
    if n is None:
        return None
    below = csc_array((0, n)) if below is None else below
    equal = csc_array((0, n)) if equal is None else equal
    low_rows = _right_side(who, "b_ub", b_ub, below.shape[0])
    equal_rows = _right_side(who, "b_eq", b_eq, equal.shape[0])
    lower, upper = np.broadcast_to(lower, n).copy(), np.broadcast_to(upper, n).copy()
    bad = np.flatnonzero(~((lower <= upper) & (lower < np.inf) & (upper > -np.inf)))
    if len(bad):
        at = int(bad[0])
        raise InstanceError(
            f"{who}: bounds: expected lower <= upper, found ({lower[at]:g}, {upper[at]:g}) for variable {at}"
        )
    return Program(
        matrix=csc_array(vstack([below, equal])),
        row_lower=np.concatenate([np.full(len(low_rows), -np.inf), equal_rows]),
        row_upper=np.concatenate([low_rows, equal_rows]),
        lower=lower,
        upper=upper,
        integer=_flags(f"{who}: integrality", integrality, n),
        below=len(low_rows),
    )


def numbers(where: str, given: Any) -> Floats:
    """An array of numbers, infinite ones allowed.

    Raises:
        InstanceError: it is none, or holds nan.
    """
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "biuf":
            raise ValueError(f"found {found.dtype}")
        found = found.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InstanceError(f"{where}: expected an array of numbers: {error}") from None
    if np.isnan(found).any():
        raise InstanceError(f"{where}: expected numbers, found nan")
    return found


def vector(where: str, given: Any, size: int, row: int | None = None) -> Floats:
    """A right side.

    Raises:
        InstanceError: another size, or minus infinity and nan.
    """
    found = numbers(where, given)
    if found.shape != (size,):
        raise InstanceError(f"{where}: expected {size} numbers, found shape {list(found.shape)}", row=row)
    if np.isneginf(found).any():
        raise InstanceError(f"{where}: expected numbers, found -inf", row=row)
    return found


def _matrix(where: str, given: Any) -> Any:
    if issparse(given):
        sparse = csc_array(given)
        sparse.sum_duplicates()
    else:
        dense = numbers(where, given)
        if dense.ndim != 2:
            raise InstanceError(f"{where}: expected a matrix [rows, n], found shape {list(dense.shape)}")
        sparse = csc_array(dense)
    sparse.eliminate_zeros()
    sizes = np.abs(numbers(where, sparse.data))
    bad = np.flatnonzero((sizes <= LEAST) | (sizes >= MOST))
    if len(bad):
        raise InstanceError(
            f"{where}: expected entries of size {LEAST:g} to {MOST:g}, or 0, found {sparse.data[bad[0]]:g}",
            hint="scale the rows or the variables of the model",
        )
    return csc_array((sparse.data.astype(np.float64), sparse.indices, sparse.indptr), shape=sparse.shape)


def _ends(where: str, given: Any) -> tuple[Floats, Floats]:
    """Lower and upper ends, each one number or one per variable."""
    if hasattr(given, "lb") and hasattr(given, "ub"):
        return numbers(where, given.lb), numbers(where, given.ub)
    pairs = numbers(where, _finite_ends((0, None) if given is None else given))
    if pairs.shape == (2,):
        return pairs[0], pairs[1]
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InstanceError(
            f"{where}: expected a pair (lower, upper), or one pair per variable, found shape {list(pairs.shape)}"
        )
    return pairs[:, 0], pairs[:, 1]


def _finite_ends(given: Any) -> Any:
    """Replace None by the infinity it stands for."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return given
    if len(given) == 2 and not any(isinstance(end, (Sequence, np.ndarray)) for end in given):
        lower, upper = given
        return (-np.inf if lower is None else lower, np.inf if upper is None else upper)
    return [_finite_ends(pair) for pair in given]


def _width(who: str, below: Any, equal: Any, lower: Floats, upper: Floats) -> int | None:
    found = {name: part.shape[1] for name, part in (("A_ub", below), ("A_eq", equal)) if part is not None}
    for ends in (lower, upper):
        if ends.ndim == 1:
            found["bounds"] = ends.shape[0]
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{width} in {name}" for name, width in found.items())
        raise InstanceError(f"{who}: expected the same number of variables everywhere, found {listed}")
    n = next(iter(found.values()), None)
    if n == 0:
        raise InstanceError(f"{who}: expected at least one variable, found none")
    return n


def _right_side(who: str, name: str, given: Any, rows: int) -> Floats:
    return np.full(rows, np.nan) if given is None else vector(f"{who}: {name}", given, rows)


def _flags(where: str, given: Any, n: int) -> NDArray[np.bool_]:
    found = numbers(where, 1 if given is None else given)
    if found.shape not in ((), (n,)) or not np.isin(found, (0, 1)).all():
        raise InstanceError(
            f"{where}: expected 0 (continuous) or 1 (integer), or {n} of them, found {given!r}",
            hint="semi-continuous variables are not supported",
        )
    return np.broadcast_to(found == 1.0, (n,)).copy()
