"""A prepared solver is used thousands of times: what it solved before must not matter."""

from __future__ import annotations

from imle.testing.compare import same
from imle.testing.subject import Case

_FIX = "set all of the objective anew for each row, and forget warm starts that change answers"


def check_reuse(case: Case) -> None:
    """A prepared solver that is used again gives what a fresh one gives."""
    batches = [case.objectives(rows, seed=11 + rows) for rows in (4, 1, 7)]
    expected = [case.fresh(batch) for batch in batches]
    prepared = case.prepare()
    for use, number in enumerate((0, 1, 2, 1, 0, 2)):
        found = case.solve(prepared, batches[number])
        where = f"solve number {use + 1}, {case.where}"
        same(found, expected[number], told="the answer of a fresh one", where=where, fix=_FIX)
