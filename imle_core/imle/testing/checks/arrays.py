"""What goes in and what comes out: shapes, kinds of array, dtypes, strides, and whose memory it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from imle._text import named
from imle.solvers import PreparedSolver
from imle.solvers.protocol import is_homogeneous
from imle.testing.compare import TOLERANCE, same
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import Case


def check_contract(case: Case) -> None:
    """prepare and solve return what the protocol says: kinds, shapes, statuses, finite solutions."""
    prepared = case.prepare()
    if not isinstance(prepared, PreparedSolver):
        raise CheckFailure(
            "objective_shape, solve and close", f"a {type(prepared).__name__}", where="what prepare() returns", fix=_API
        )
    declared = prepared.objective_shape
    fits = declared is None or (
        len(declared) == len(case.shape) and all(a in (None, b) for a, b in zip(declared, case.shape, strict=True))
    )
    if not fits:
        raise CheckFailure(
            f"an objective_shape that takes {case.shape}", repr(declared), where=case.where, fix="mend objective_shape"
        )
    for rows in (1, 5):
        objective = case.objectives(rows)
        _check_result(case, prepared.solve(case.array(objective)), objective)
    prepared.close()


_API = "see imle.PreparedSolver"


def _check_result(case: Case, result: Any, objective: Floats) -> None:
    """The parts that `SolveResult` promises; of the kind that was given; finite where there is a solution."""
    where = f"solve() of {len(objective)} rows, {case.where}"
    answer = case.answer(result, len(objective))
    if hasattr(result.solutions, "detach") != case.torch:
        kind, found = "a tensor" if case.torch else "a numpy array", type(result.solutions).__name__
        raise CheckFailure(f"solutions as {kind}", found, where=where, fix="return what solve() is given")
    bad = np.flatnonzero(answer.ok & ~np.isfinite(answer.solutions.reshape(len(objective), -1)).all(axis=1))
    if len(bad):
        raise CheckFailure(
            "finite solutions in rows that are optimal or feasible",
            "nan or infinity",
            where=f"{where}, row {bad[0]}",
            fix="give rows without a solution another status",
        )


def check_values(case: Case) -> None:
    """Reported values are <objective, solution> and the terms that are not learned; bounds are on their far side."""
    _check_homogeneous(case)
    objective = case.objectives(8)
    answer = case.fresh(objective)
    size = np.abs(objective * answer.solutions).reshape(len(objective), -1).sum(axis=1) + np.abs(objective).max()
    expected = case.values(objective, answer.solutions)
    values = _numbers(answer.raw.values)
    wrong = answer.ok & ~np.isnan(values) & ~(np.abs(values - expected) <= TOLERANCE * (size + np.abs(expected)))
    for row in np.flatnonzero(wrong):
        raise CheckFailure(
            f"{expected[row]:g}",
            f"{values[row]:g}",
            where=f"values, row {row}, {case.where}",
            fix="report <objective, solution> plus fixed_terms(solution), in the solver's own sense, or None",
        )
    bound = _numbers(answer.raw.bound)
    if case.solutions is not None:
        expected = case.sign * case.ranking(objective).max(axis=1)  # no proof can exclude what there is
    for row in np.flatnonzero(answer.ok & (case.sign * (expected - bound) > TOLERANCE * (size + np.abs(expected)))):
        raise CheckFailure(
            f"a bound not {'below' if case.sign > 0 else 'above'} {expected[row]:g}, which a solution has",
            f"{bound[row]:g}",
            where=f"bound, row {row}, {case.where}",
            fix="report what is proven, in the solver's own sense and with all terms of the values, or None",
        )


def _check_homogeneous(case: Case) -> None:
    """Fixed terms that differ by solution make the best one depend on the size of the objective."""
    prepared = case.prepare()
    homogeneous = is_homogeneous(prepared)
    prepared.close()
    if homogeneous and case.solutions is not None and np.ptp(case.fixed(case.solutions)) > 0:
        raise CheckFailure(
            "homogeneous=False, for fixed_terms() differ by solution",
            "homogeneous=True, or none",
            where=f"what prepare() returns, {case.where}",
            fix="say homogeneous=False: the layer multiplies the rows of other solvers",
        )


def _numbers(column: Any) -> Floats:
    """What a result reports of rows; nan where it reports nothing."""
    return np.asarray(np.nan if column is None else column, np.float64)


def check_dtypes(case: Case) -> None:
    """float64, 32, 16 and bfloat16 objectives give the same dtype back, and the right solution."""
    import torch

    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        objective = torch.tensor(case.objectives(5)).to(dtype)
        found = case.through_core(objective)
        if (given := found.raw.solutions.dtype) != dtype:
            raise CheckFailure(str(dtype), str(given), where="the layer's output", fix="leave dtypes to the layer")
        expected = case.fresh(objective.double().numpy())
        rounded = torch.tensor(expected.solutions).to(dtype).double().numpy()
        same(
            found,
            expected._replace(solutions=rounded),
            told="the solution of the same numbers in another dtype",
            where=f"{dtype}, {case.where}",
            fix="take every tensor's dtype from the objective",
        )


def check_strides(case: Case) -> None:
    """Objectives with any strides are solved: transposed, expanded, every other row."""
    import torch

    objective = torch.tensor(case.objectives(4), dtype=torch.float32)
    flipped = objective.permute(*reversed(range(objective.ndim))).contiguous().permute(*reversed(range(objective.ndim)))
    views = {
        "transposed": flipped,
        "expanded": objective[:1].expand_as(objective),
        "every other row": torch.repeat_interleave(objective, 2, dim=0)[::2],
    }
    for name, view in views.items():
        expected = case.fresh(view.double().numpy())
        told, fix = "the solution of the same numbers, contiguous", "use reshape, not view; do not assume strides"
        same(case.through_core(view), expected, told=told, where=f"{name}, {case.where}", fix=fix)
        if case.torch:
            prepared = case.prepare()
            found = case.answer(prepared.solve(view), 4)
            same(found, expected, told=told, where=f"{name}, solve(), {case.where}", fix=fix)


def check_input_untouched(case: Case) -> None:
    """The objective is left as it was; a read-only one is fine."""
    objective = case.objectives(5)
    given = case.array(objective)
    expected = case.fresh(objective)
    fix = "work on a copy of the objective: it may be the user's own memory"
    if not case.torch:
        given.flags.writeable = False
    try:
        found = case.answer(case.prepare().solve(given), 5)
    except (ValueError, TypeError) as error:  # what numpy, numba and Cython raise
        raise CheckFailure("a read-only objective to be solved", named(error), where=case.where, fix=fix) from error
    if not np.array_equal(np.asarray(given), case.array(objective)):
        raise CheckFailure("the objective as it was", "other numbers in it", where=f"solve(), {case.where}", fix=fix)
    same(found, expected, told="the solution of a writable objective", where=f"read-only, {case.where}", fix=fix)


def check_fresh_solutions(case: Case) -> None:
    """Solutions are new memory: the next solve does not change them, nor are they the objective."""
    prepared = case.prepare()
    given = case.array(case.objectives(5, seed=1))
    first = prepared.solve(given)
    kept = case.answer(first, 5)
    kept = kept._replace(solutions=kept.solutions.copy())
    fix = "return new arrays; the layer keeps solutions for the backward pass"
    if not case.torch and np.shares_memory(np.asarray(first.solutions), given):
        raise CheckFailure("new memory", "the objective's own", where=f"solutions, {case.where}", fix=fix)
    case.solve(prepared, case.objectives(5, seed=2))
    found = case.answer(first, 5)
    if not np.array_equal(found.solutions, kept.solutions, equal_nan=True):
        raise CheckFailure(
            "the solutions as they were", "those of the next solve", where=f"solutions, {case.where}", fix=fix
        )
