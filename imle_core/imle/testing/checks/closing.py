"""The end of a prepared solver: close may be called twice, and nothing stays behind."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from pathlib import Path
from typing import Any

from imle._text import named
from imle.testing.compare import same
from imle.testing.failure import CheckFailure
from imle.testing.subject import Case, Subject

PREPARES = 1000
KEPT = 300
"""Prepared solvers of equal instances a cache may keep alive."""

GROWTH = 64 * 2**20
"""Bytes the process may grow by: allocators keep some, a leak of 64 KB each is found."""

_FIX = "keep no list of prepared solvers; free native models in close() and when the last reference goes"


def check_close(case: Case) -> None:
    """close() may be called twice, and other prepared solvers go on."""
    objective = case.objectives(3, seed=16)
    closed, other = case.prepare(), case.prepare()
    expected = case.fresh(objective)
    case.solve(closed, objective)
    for call in ("first", "second"):
        try:
            closed.close()
        except Exception as error:
            raise CheckFailure(
                "close() to return",
                named(error),
                where=f"the {call} close(), {case.where}",
                fix="remember that it is closed, and do nothing the second time",
            ) from error
    where = f"another prepared solver after close(), {case.where}"
    same(case.solve(other, objective), expected, told="the same answer", where=where, fix="close only what is own")
    case.prepare().close()  # without a solve


def check_leaks(subject: Subject) -> None:
    """A thousand prepared solvers (of the first instance) leave no objects, memory, files or threads behind."""
    case = subject.cases[0]
    objective = case.objectives(1, seed=17)
    _use(case, objective, PREPARES // 10)  # what is set up once is no leak
    gc.collect()
    before = _resources()
    alive = _use(case, objective, PREPARES)
    gc.collect()
    left = sum(reference() is not None for reference in alive)
    where = f"{PREPARES} times prepare(), close(), {case.where}"
    if left > KEPT:
        raise CheckFailure("prepared solvers to be freed", f"{left} still alive", where=where, fix=_FIX)
    after = _resources()
    limits = {"bytes of memory": GROWTH, "open files": 20, "threads": 4}
    for name, limit in limits.items():
        if after[name] - before[name] > limit:
            raise CheckFailure(
                f"at most {limit:,} more {name}", f"{after[name] - before[name]:,}", where=where, fix=_FIX
            )


def _use(case: Case, objective: Any, times: int) -> list[weakref.ref[Any]]:
    """Prepare and drop; every tenth one solves, every other one is closed."""
    references = []
    for number in range(times):
        prepared = case.prepare()
        if number % 10 == 0:
            case.solve(prepared, objective)
        if number % 2 == 0:
            prepared.close()
        try:
            references.append(weakref.ref(prepared))
        except TypeError:  # __slots__ without __weakref__: memory tells
            continue
    return references


def _resources() -> dict[str, int]:
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    return {"bytes of memory": _memory(), "open files": files, "threads": threading.active_count()}


def _memory() -> int:
    """Bytes in use; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
