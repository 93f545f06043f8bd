"""Duals, for solvers whose spec has `dual` parameters: what they say of values is what values do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.plugins import Parameter
from imle.plugins.spec import REQUIRED
from imle.solvers.protocol import fixed_terms_of
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import Case, to_numpy

ROWS = 6
STEP = 1e-4
SLACK = 1e-3
"""How far a derivative may be outside of the slopes to both sides, which are those of steps that are not tiny."""

_FIX = "return SolveResult(..., duals={name: [N, *shape]}), the derivatives of the values in the solver's own sense"


def check_duals(case: Case) -> None:
    """Duals of each parameter that claims them are derivatives of the values, or between those to both sides."""
    objective = case.objectives(ROWS, seed=21)
    for parameter in case.spec.instance:
        given = case.instance.parameters.get(parameter.name, parameter.default)
        if parameter.dual and given is not None and given is not REQUIRED:
            duals, ok = _told(case, parameter, objective)
            if parameter.dual == "exact":
                _check_slopes(case, parameter, given, objective, duals, ok)


def _told(case: Case, parameter: Parameter, objective: Floats) -> tuple[Floats, Any]:
    """`[N, *shape]` of a parameter, and which rows they hold for."""
    name, where = parameter.name, f"duals=({parameter.name!r},), {case.where}"
    prepared = case.prepare()
    try:
        answer = case.solve(prepared, objective, duals=(name,))
    except TypeError as error:
        raise CheckFailure("solve(objective, *, duals=())", str(error), where=where, fix=_FIX) from error
    prepared.close()
    if name not in answer.raw.duals:
        raise CheckFailure(f"duals of {name}", ", ".join(answer.raw.duals) or "none", where=where, fix=_FIX)
    duals = to_numpy(answer.raw.duals[name])
    if duals.ndim != 1 + (parameter.ndim or 0) or len(duals) != ROWS or not np.isfinite(duals[answer.ok]).all():
        expected = f"finite numbers [{ROWS}, *shape of {name}]"
        raise CheckFailure(expected, f"{list(duals.shape)}: {duals.tolist()}"[:200], where=where, fix=_FIX)
    return duals, answer.ok


def _check_slopes(case: Case, parameter: Parameter, given: Any, objective: Floats, duals: Floats, ok: Any) -> None:
    """Along a random direction, in which infinite ends, None among them, stay."""
    entries = np.asarray(given.toarray() if hasattr(given, "toarray") else given, np.float64)  # None is nan
    direction = np.where(np.isfinite(entries), np.random.default_rng(22).normal(size=entries.shape), 0.0)
    below, at, above = (
        _values(case, parameter.name, _in_form(given, entries + step * direction), objective)
        for step in (-STEP, 0.0, STEP)
    )
    left, right = (at - below) / STEP, (above - at) / STEP
    shape = duals.shape[1:]
    told = (duals * np.broadcast_to(direction, shape)).reshape(ROWS, -1).sum(axis=1)
    slack = SLACK * (1 + np.abs(told))
    outside = ok & ((told < np.fmin(left, right) - slack) | (told > np.fmax(left, right) + slack))
    for row in np.flatnonzero(outside).tolist():
        raise CheckFailure(
            f"a derivative between the slopes to both sides, {left[row]:.6g} and {right[row]:.6g}",
            f"{told[row]:.6g}",
            where=f"{parameter.name} along a random direction, row {row}, {case.where}",
            fix=_FIX,
        )


def _values(case: Case, name: str, given: Any, objective: Floats) -> Floats:
    """`[N]` values with another instance; nan where rows are not solved: constraints may now exclude each other.

    All are nan where there is no such instance: a matrix that just is positive semidefinite is none after a step.
    """
    try:
        prepared = case.prepare(**{name: given})
    except InstanceError:
        return np.full(ROWS, np.nan)
    answer = case.solve(prepared, objective)
    terms = fixed_terms_of(prepared)
    fixed = np.zeros(ROWS) if terms is None else to_numpy(terms(case.array(answer.solutions)))
    prepared.close()
    return np.where(answer.ok, (objective * answer.solutions).reshape(ROWS, -1).sum(axis=1) + fixed, np.nan)


def _in_form(given: Any, entries: Floats) -> Any:
    """Numbers in the form of what was given, where that is a sequence: None stays None."""
    if isinstance(given, Sequence):
        return type(given)(map(_in_form, given, entries))  # type: ignore[call-arg]  # lists and tuples take iterables
    return given if given is None else entries if np.ndim(entries) else float(entries)
