"""The rebuild recipe: solver and instance reach other processes by pickle, never a native model."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from imle._text import named
from imle.solvers import SolveResult
from imle.testing import worker
from imle.testing.compare import same
from imle.testing.failure import CheckFailure
from imle.testing.process import run_python
from imle.testing.subject import Case, Subject

_WORKER = Path(worker.__file__)


def check_pickle(case: Case) -> None:
    """Solver and instance survive pickle, and a solver rebuilt from them answers alike."""
    where = f"pickle, {case.where}"
    fix = "keep options and instance picklable: classes at module level, native models built in prepare()"
    try:
        solver, parameters = pickle.loads(_recipe(case))
    except Exception as error:
        raise CheckFailure("a recipe that pickles", named(error), where=where, fix=fix) from error
    objective = case.objectives(5, seed=13)
    found = case.solve(solver.prepare(**parameters), objective)
    same(found, case.fresh(objective), told="the answer of the original", where=where, fix=fix)


def check_spawn(subject: Subject) -> None:
    """A new process rebuilds every instance and answers alike, without torch unless the solver takes tensors."""
    cases = subject.cases
    objectives = [case.objectives(5, seed=14) for case in cases]
    recipes = [
        pickle.dumps((case.solver.array, *pickle.loads(_recipe(case)), objective))
        for case, objective in zip(cases, objectives, strict=True)
    ]
    out = run_python(_WORKER.read_text(), given=pickle.dumps(recipes), where="a spawned process", fix=_FIX)
    answers, torch, forked = pickle.loads(out)
    if forked:
        raise CheckFailure(
            "one process to answer",
            "a copy of it that does so, too",
            where=f"import of {subject.spec.target}, or its prepare() or solve()",
            fix="a process that the solver forks must not return: end it with os._exit",
        )
    for case, objective, (solutions, status) in zip(cases, objectives, answers, strict=True):
        found = case.answer(SolveResult(solutions, status), len(objective))
        where = f"a spawned process, {case.where}"
        same(found, case.fresh(objective), told="the answer of this process", where=where, fix=_FIX)
    if torch:
        raise CheckFailure(
            "no torch in a worker of a numpy solver",
            "torch imported",
            where=f"import of {subject.spec.target}, or its prepare() or solve()",
            fix="import torch nowhere in the solver: workers would pay seconds and memory for it",
        )


_FIX = (
    "let answers depend on options and instance alone, not on what else this process has done; and keep classes where "
    "a new process can import them"
)


def _recipe(case: Case) -> bytes:
    parameters: dict[str, Any] = dict(case.instance.parameters)
    return pickle.dumps((case.solver, parameters))
