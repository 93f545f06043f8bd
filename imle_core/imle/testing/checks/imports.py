"""The light module is light: every `imle list-solvers` and every `imle.layer` of every user imports it."""

from __future__ import annotations

import json
from functools import cache

from imle.plugins.discovery import HEAVY
from imle.testing.failure import CheckFailure
from imle.testing.process import run_python
from imle.testing.subject import Subject

BUDGET = 0.2
"""Seconds a light module may take to import, on top of imle's own; the best of `TRIES` counts."""

TRIES = 4

_CODE = """
import sys, time, imle.plugins
before, start = set(sys.modules), time.perf_counter()
import {module}
elapsed = time.perf_counter() - start
import json
channel.write(json.dumps([elapsed, sorted(set(sys.modules) - before)]).encode())
"""
_FIX = "import in the module of the solver class, which the spec names as text"


def check_light_import(subject: Subject) -> None:
    """The light module imports neither torch nor what it requires."""
    _, modules = _first_import(subject.module)
    refused = {*HEAVY, *subject.spec.requires} - {subject.module.partition(".")[0]}
    heavy = sorted({name for name in refused if name in modules})
    if heavy:
        raise CheckFailure(
            "neither torch nor any of requires", ", ".join(heavy), where=_where(subject.module), fix=_FIX
        )


def check_import_time(subject: Subject) -> None:
    """The light module is imported in a moment."""
    seconds = 0.0
    for attempt in range(TRIES):  # a busy machine is slow now and then, a slow module always
        elapsed, modules = (_imported if attempt else _first_import)(subject.module)
        if HEAVY & set(modules):
            return  # what takes the time is known: light-import names it
        seconds = elapsed if attempt == 0 else min(seconds, elapsed)
        if seconds <= BUDGET:
            return
    raise CheckFailure(f"at most {BUDGET:g} s", f"{seconds:.2f} s", where=_where(subject.module), fix=_FIX)


@cache
def _first_import(module: str) -> tuple[float, list[str]]:
    """Shared by both checks, and by all solvers of a plugin."""
    return _imported(module)


def _imported(module: str) -> tuple[float, list[str]]:
    """Seconds an import takes in a new process, and the modules it brings."""
    fix = "the module must import without anything before it"
    out = run_python(_CODE.format(module=module), where=_where(module), fix=fix)
    elapsed, modules = json.loads(out)
    return elapsed, modules


def _where(module: str) -> str:
    return f"import {module}, in a new process"
