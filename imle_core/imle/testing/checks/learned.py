"""Noise on instance parameters, for solvers whose spec has `learned` parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.plugins import Parameter
from imle.plugins.spec import REQUIRED
from imle.solvers import SolveStatus
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import LEFT_OUT, Answer, Case

ROWS = 4
NOISE = 1e-9

_FIX = "take any real number near a right one, alone or in an array of numpy; or leave learned out of the spec"


def check_learned(case: Case) -> None:
    """Each parameter that claims to be learned takes numbers with a little noise on them, as layers hand them over."""
    for parameter in case.spec.instance:
        entries = _entries(parameter, case.instance.parameters.get(parameter.name, parameter.default))
        if entries is None:
            continue
        where = f"noise of {NOISE:g} on {parameter.name}, {case.where}"
        try:
            answer = _solved(case, parameter, entries)
        except Exception as error:  # a third-party solver may raise anything
            if isinstance(error, InstanceError) and case.instance.options:
                continue  # an engine that is asked for by name may take less, and says so
            told = f"{type(error).__name__}: {error}"
            raise CheckFailure(
                "solutions, or a status that says why there is none", told, where=where, fix=_FIX
            ) from error
        for row in np.flatnonzero(answer.status == SolveStatus.ERROR).tolist():
            found = f"row {row}: error: {answer.raw.messages.get(row, '')}"
            raise CheckFailure("solutions, or another status", found, where=where, fix=_FIX)


def _entries(parameter: Parameter, given: Any) -> Floats | None:
    """The numbers of a learned parameter; None where the instance has none, or not in the form of a tensor."""
    if not parameter.learned or given is None or given is REQUIRED:
        return None
    try:
        entries = np.asarray(given.toarray() if hasattr(given, "toarray") else given, np.float64)  # None is nan
    except (TypeError, ValueError):
        return None
    return entries if entries.ndim in parameter.ndims and not np.isnan(entries).any() else None


def _solved(case: Case, parameter: Parameter, entries: Floats) -> Answer:
    """Rows with noisy numbers of their own; one after the other where the solver takes the parameter once."""
    noise = NOISE * np.random.default_rng(24).normal(size=(ROWS, *entries.shape))
    noisy = entries * (1 + noise) if parameter.learned == "positive" else entries + noise
    values = noisy if entries.ndim else noisy.tolist()
    objective = case.objectives(ROWS, seed=25)
    if not parameter.per_row:
        return case.solve(case.prepare(**{parameter.name: values[0]}), objective)
    prepared = case.prepare() if parameter.required else case.prepare(**{parameter.name: LEFT_OUT})
    return case.solve(prepared, objective, **{parameter.name: values})
