"""Comparing two answers to the same rows."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import Answer

TOLERANCE = 1e-6
"""Relative: vertices and continuous variables come with rounding; whole numbers are compared within it too."""


def differing(found: Answer, expected: Answer) -> list[int]:
    """Rows whose status or, where both are solved, solution differs."""
    if found.solutions.shape != expected.solutions.shape:
        return list(range(len(expected.status)))
    off = np.abs(found.solutions - expected.solutions) > TOLERANCE * (1 + np.abs(expected.solutions))
    other = off.reshape(len(off), -1).any(axis=1)
    return [int(row) for row in np.flatnonzero((found.ok != expected.ok) | (other & found.ok & expected.ok))]


def same(found: Answer, expected: Answer, *, told: str, where: str, fix: str) -> None:
    """Demand the same answers.

    Args:
        found, expected: answers to the same rows.
        told: what they are to be the same as, e.g. "the answer the row gets alone".
        where, fix: see `CheckFailure`.

    Raises:
        CheckFailure: names the first row that differs, and how many do.
    """
    rows = differing(found, expected)
    if rows:
        row = rows[0]
        raise CheckFailure(
            f"{told}: {shown(expected, row)}",
            f"{shown(found, row)} ({len(rows)} of {len(expected.status)} rows differ)",
            where=f"{where}, row {row}",
            fix=fix,
        )


def shown(answer: Answer, row: int) -> str:
    """One row of an answer, in short."""
    if not answer.ok[row]:
        return f"status {SolveStatus(int(answer.status[row])).name.lower()}"
    return brief(answer.solutions[row])


def brief(values: Floats) -> str:
    """An array in short."""
    return np.array2string(np.asarray(values).ravel(), threshold=12, edgeitems=5, precision=6, separator=", ")
