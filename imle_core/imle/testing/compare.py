"""Comparing two answers to the same rows."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import Answer, Case

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


def best(
    case: Case, objective: Floats, answer: Answer, allowed: Floats | float | None = None, *, where: str = "", fix: str
) -> None:
    """Demand the best values that there are.

    Args:
        case: the solver and its instance.
        objective: `[N, *shape]`.
        answer: to these rows.
        allowed: by how much values may be off, one for all or `[N]`; by default `TOLERANCE` of the best.
        where, fix: see `CheckFailure`.

    Raises:
        CheckFailure: names the first row that has no solution, or one of another value.
    """
    values = case.values(objective, answer.solutions)
    for row, given in enumerate(objective):
        most = case.best(given)
        at = f"{where}row {row}, {case.where}, objective {brief(given)}"
        if not answer.ok[row]:
            raise CheckFailure(
                f"a solution of value {most:g}",
                f"status {int(answer.status[row])} {answer.raw.messages.get(row, '')}".strip(),
                where=at,
                fix="solve the row: the instance has solutions",
            )
        room = TOLERANCE * (1 + abs(most)) if allowed is None else np.broadcast_to(allowed, len(objective))[row]
        behind = case.sign * (most - values[row])
        if abs(behind) <= room:
            continue
        expected = f"the best value, {most!r}"
        if not behind > room:  # better than the best, or nan
            expected = f"the best value that there is, {most!r}"
            fix = "return a member of the feasible set; or mend the instance: its solutions or oracle miss this one"
        raise CheckFailure(expected, f"{float(values[row])!r}, of {brief(answer.solutions[row])}", where=at, fix=fix)


def shown(answer: Answer, row: int) -> str:
    """One row of an answer, in short."""
    if not answer.ok[row]:
        return f"status {SolveStatus(int(answer.status[row])).name.lower()}"
    return brief(answer.solutions[row])


def brief(values: Floats) -> str:
    """An array in short, on one line."""
    flat = np.asarray(values).ravel()
    return np.array2string(flat, threshold=12, edgeitems=5, precision=6, separator=", ", max_line_width=10_000)
