"""QuadraticProgram: a feasible set with a convex quadratic term, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram

_CONCAVE = 1e-9
"""How far below 0 an eigenvalue may be, relative to the largest entry: round-off of one that is 0."""


@dataclass(frozen=True, eq=False)
class QuadraticProgram:
    """x'Qx/2 over the feasible set of a linear program, whose other terms are linear.

    Attributes:
        linear: the feasible set, without integer variables, and the linear part of the objective.
        quadratic: `[n, n]` Q, symmetric and positive semidefinite; None where each row of a batch brings it.
    """

    linear: LinearProgram
    quadratic: Floats | None


def width(who: str, given: Any) -> int:
    """How many variables a matrix Q is of.

    Raises:
        InstanceError: it is no matrix of numbers.
    """
    found = _dense(who, given)
    if found.ndim != 2:
        raise InstanceError(f"{who}: Q: expected a matrix [n, n], found shape {list(found.shape)}")
    return len(found)


def _dense(who: str, given: Any) -> Floats:
    return arrays.finite(f"{who}: Q", given.toarray() if hasattr(given, "toarray") else given)


def matrix(who: str, given: Any, n: int) -> Floats:
    """Q of n variables: the symmetric part of a matrix `[n, n]`, dense or scipy.sparse: x'Qx sees no other.

    Raises:
        InstanceError: another shape, not finite, or not positive semidefinite.
    """
    found = _dense(who, given)
    if found.shape != (n, n):
        raise InstanceError(
            f"{who}: Q: expected a matrix [{n}, {n}], a row and a column for each variable, found shape "
            f"{list(found.shape)}",
            hint="variables that are not learned have rows and columns, too",
        )
    convex: Floats = _convex(f"{who}: Q", found[None])[0]
    return convex


def matrices(who: str, given: Sequence[Any], n: int) -> Floats:
    """The same for each row of a batch: `[N, n, n]`.

    Raises:
        InstanceError: see `matrix`; names the row.
    """
    together = arrays.together(f"{who}: Q", given)
    if together is not None and together.shape == (len(given), n, n) and np.isfinite(together).all():
        return _convex(f"{who}: Q", together)
    return np.array(arrays.row_by_row(given, lambda own: matrix(who, own, n)))


def _convex(where: str, given: Floats) -> Floats:
    """The symmetric parts of `[N, n, n]`."""
    symmetric: Floats = (given + np.swapaxes(given, -1, -2)) / 2
    largest = np.abs(symmetric).max(axis=(1, 2), initial=0.0)
    try:  # far cheaper than eigenvalues, and nearly always all that is needed
        room = (_CONCAVE * largest + np.finfo(np.float64).tiny)[:, None, None]
        np.linalg.cholesky(symmetric + room * np.eye(given.shape[-1]))
    except np.linalg.LinAlgError:
        _refuse_concave(where, symmetric, largest)
    return symmetric


def _refuse_concave(where: str, symmetric: Floats, largest: Floats) -> None:
    """Raise if an eigenvalue is negative; what Cholesky's method calls so may be round-off."""
    lowest = np.linalg.eigvalsh(symmetric)[:, 0]
    bad = np.flatnonzero(lowest < -2 * _CONCAVE * largest)
    if len(bad):
        raise InstanceError(
            f"{where}: expected a positive semidefinite matrix, found one with the eigenvalue {lowest[bad[0]]:g}",
            hint="Q + s * eye(n) is convex for s at least minus that; of scores to maximise, x'Qx/2 is taken away, not "
            "added",
            row=int(bad[0]) if len(symmetric) > 1 else None,
        )
