"""Rows do not influence each other: the answer to a row depends on that row alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imle.solvers import SolveResult
from imle.testing.compare import same
from imle.testing.failure import CheckFailure
from imle.testing.subject import LEFT_OUT, Answer, Case

_FIX = "let nothing of one row reach another: warm starts, shared buffers, statistics of the batch, keys of caches"


def check_batch_equals_loop(case: Case) -> None:
    """A batch gives what its rows give one by one."""
    objective = case.objectives(9, seed=3)
    alone = joined([case.fresh(objective[row : row + 1]) for row in range(len(objective))])
    same(case.fresh(objective), alone, told="the answer the row gets alone", where=f"a batch, {case.where}", fix=_FIX)


def check_row_permutation(case: Case) -> None:
    """Rows in another order give the answers in that order."""
    objective = case.objectives(9, seed=4)
    order = np.random.default_rng(0).permutation(len(objective))
    expected = case.fresh(objective).take(order)
    found = case.fresh(objective[order])
    same(found, expected, told="the answer the row gets elsewhere", where=f"shuffled, {case.where}", fix=_FIX)


def check_row_parameters(case: Case) -> None:
    """Row parameters given per row, in lists or arrays, give what each gives when it is prepared with."""
    columns, count = _columns(case)
    objective = case.objectives(count, seed=5)
    alone = []
    for row in range(count):
        prepared = case.prepare(**{name: column[row] for name, column in columns.items()})
        alone.append(case.solve(prepared, objective[row : row + 1]))
    arrays = {name: _array(column) for name, column in columns.items()}
    for how, values in (("per row", columns), ("per row, as arrays", arrays)):
        same(
            case.solve(_without(case, columns), objective, **values),
            joined(alone),
            told="the answer of a solver prepared with the row's own parameters",
            where=f"{', '.join(columns)} {how}, {case.where}",
            fix="use the n-th value of each row parameter for the n-th row",
        )


def check_padding(case: Case) -> None:
    """What is on the padding of rows, as `row_shapes` tells it, counts for nothing, and solutions are 0 there."""
    columns, count = _columns(case)
    prepared = _without(case, columns)
    own = case.own(prepared, count, **columns)
    if own is None:
        return  # the instance mixes other row parameters
    objective = case.objectives(count, seed=6)
    padding = np.broadcast_to(~own, objective.shape)
    expected = case.solve(prepared, np.where(padding, 0.0, objective), **columns)
    where = f"rows with {', '.join(columns)}, {case.where}"
    if (wrong := (expected.solutions * padding).reshape(count, -1).any(axis=1) & expected.ok).any():
        row = int(wrong.argmax())
        raise CheckFailure(
            f"0 beyond the {int(own[row % len(own)].sum())} entries that row_shapes tells",
            f"the solution {expected.solutions[row].tolist()}",
            where=f"{where}, row {row}",
            fix="a row's own entries are the first ones of each dimension, as many as row_shapes tells",
        )
    for sign in (1, -1):
        same(
            case.solve(prepared, np.where(padding, sign * objective, objective), **columns),
            expected,
            told="the answer with zeros on the padding",
            where=where,
            fix="read no more of a row than row_shapes tells: noise is put on the padding, too",
        )


def _columns(case: Case) -> tuple[dict[str, list[Any]], int]:
    """Row parameters of as many rows as the one with the most values has, and how many these are."""
    rows = case.instance.rows
    count = max(len(values) for values in rows.values())
    return {name: [values[row % len(values)] for row in range(count)] for name, values in rows.items()}, count


def _array(column: Sequence[Any]) -> Any:
    """Values that are arrays of numbers as one array, as layers hand over tensors; the values if they are not."""
    try:
        found = np.array(column)
    except ValueError:  # of different lengths
        return column
    return found if found.dtype.kind in "biuf" and found.ndim > 1 else column


def _without(case: Case, columns: Mapping[str, Sequence[Any]]) -> Any:
    """Prepared without the row parameters, where that is allowed."""
    optional = {p.name for p in case.spec.instance if not p.required}
    return case.prepare(**{name: LEFT_OUT for name in columns if name in optional})


def joined(answers: list[Answer]) -> Answer:
    """Answers to single rows as one."""
    solutions = np.concatenate([answer.solutions for answer in answers])
    return Answer(solutions, np.concatenate([answer.status for answer in answers]), SolveResult(solutions))
