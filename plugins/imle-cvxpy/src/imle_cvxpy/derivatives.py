"""Derivatives of optimal values in Parameters, of those in right sides, bounds and coefficients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imle_cvxpy.canonical import Canonical, Entries
from imle_linear.arrays import Floats


def asked(read: Canonical) -> tuple[str, ...]:
    """Of which parts of a program duals are needed, as `PreparedProgram.solve` names them."""
    last = read.sides.shape[1] - 1
    names = ["b_ub", "b_eq"]
    if read.bounds_vary:
        names.append("bounds")
    if (read.matrix.place < last).any():
        names += ["A_ub", "A_eq"]
    if (read.objective.tocoo().col < last).any():
        names.append("costs")
    if read.quadratic is not None and (read.quadratic.place < last).any():
        names.append("Q")
    return tuple(names)


def in_parameters(read: Canonical, duals: Mapping[str, Floats]) -> Floats:
    """How much optimal values change with entries of p, `[N, P]`.

    Args:
        read: the problem, `separated`.
        duals: of the parts that are `asked` for, `[N, *part]`.
    """
    last = read.sides.shape[1] - 1
    rows = np.concatenate([duals["b_ub"], duals["b_eq"]], axis=1)
    found: Floats = rows @ read.sides[:, :last]
    if "bounds" in duals:
        for end, bounds in enumerate((read.lower, read.upper)):
            found = found + duals["bounds"][..., end] @ bounds[:, :last]
    if "A_ub" in duals:
        found = found + _of_entries(read.matrix, np.concatenate([duals["A_ub"], duals["A_eq"]], axis=1), last)
    if "costs" in duals:
        constant = read.objective[[-1], :last].toarray()
        found = found + duals["costs"] @ read.objective[:-1, :last] + constant
    if "Q" in duals:
        assert read.quadratic is not None
        found = found + _of_entries(read.quadratic, duals["Q"], last)
    return found


def _of_entries(entries: Entries, duals: Floats, last: int) -> Floats:
    """Those in p of a matrix's entries, whose duals are `[N, rows, columns]`."""
    row, column, place, factor = entries
    found = np.zeros((len(duals), last + 1))
    np.add.at(found.T, place, (duals[:, row, column] * factor).T)
    return found[:, :last]
