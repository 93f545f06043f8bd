"""Threads: no caller gets another's answer, and solvers that say they release the GIL do."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from imle.testing.compare import same
from imle.testing.failure import CheckFailure, NotApplicable
from imle.testing.subject import Answer, Case, Subject

THREADS = 4
ROUNDS = 6

WORK = 0.1
"""Seconds of solving in which the GIL is watched."""

GAP = 0.005
"""Seconds without a turn that are put down to the machine, not to a solver that holds the GIL."""

RELEASED = 0.3
"""Share of the time in which another thread could run, from which the claim holds. Holding the GIL gives GAP / WORK."""

ATTEMPTS = 5
MOST_ENTRIES = 2**23
"""64 MB of objectives."""


def check_threads(case: Case) -> None:
    """Solving in several threads at once gives what solving alone gives."""
    shared = case.spec.capabilities.thread_safe
    batches = [case.objectives(6, seed=20 + thread) for thread in range(THREADS)]
    expected = [case.fresh(batch) for batch in batches]
    one = case.prepare()
    own = [one if shared else case.prepare() for _ in range(THREADS)]
    start = threading.Barrier(THREADS)

    def work(thread: int) -> list[Answer]:
        start.wait()
        return [case.solve(own[thread], batches[thread]) for _ in range(ROUNDS)]

    with _switching(1e-5), ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(work, range(THREADS)))
    whose = "one prepared solver" if shared else "a prepared solver each"
    fix = (
        "give each solve its own buffers and native model, or claim thread_safe=False"
        if shared
        else "share nothing between prepared solvers"
    )
    for thread, found in enumerate(answers):
        for answer in found:
            where = f"{THREADS} threads, {whose}, {case.where}"
            same(answer, expected[thread], told="the answer of one thread", where=where, fix=fix)


def check_releases_gil(subject: Subject) -> None:
    """Other threads run while the backend solves some instance, as the spec claims."""
    shares: list[float] = []
    for case in subject.cases:
        prepared = case.prepare()
        given = _enough(case, prepared)
        if given is None:
            continue
        for _ in range(ATTEMPTS):  # a busy machine takes turns away, too
            shares.append(_share_released(partial(prepared.solve, given)))
            if shares[-1] >= RELEASED:
                return
    if not shares:
        raise NotApplicable("millions of rows take milliseconds, too little to tell")
    raise CheckFailure(
        f"the GIL to be free at least {RELEASED:.0%} of the time, for the spec claims releases_gil",
        f"{max(shares):.0%}, at best",
        where="solve() of many rows, any instance",
        fix="release the GIL in the backend (nogil=True, Py_BEGIN_ALLOW_THREADS), or claim releases_gil=False",
    )


def _enough(case: Case, prepared: Any) -> Any:
    """Objectives that take the solver about `WORK` seconds; None if there is no making it work."""
    rows, unit = 16, case.objectives(16, seed=15)
    case.solve(prepared, unit)  # the first solve may compile
    most = max(rows, MOST_ENTRIES // max(1, int(np.prod(case.shape))) // 16 * 16)
    while True:
        given = case.array(np.tile(unit, (rows // 16, *(1,) * len(case.shape))))
        begin = time.perf_counter()
        prepared.solve(given)
        elapsed = time.perf_counter() - begin
        if elapsed >= WORK:
            return given
        if rows >= most:
            return given if elapsed >= 4 * GAP else None
        rows = min(most, rows * max(2, min(16, int(WORK / max(elapsed, 1e-4)))))


def _share_released(work: Callable[[], object]) -> float:
    """The share of the time `work` takes in which this thread gets turns.

    With an endless switch interval a thread gets a turn only when another one gives the GIL up by itself.
    """
    finished: list[float] = []

    def run() -> None:
        work()
        finished.append(time.perf_counter())

    thread = threading.Thread(target=run)
    with _switching(1e4):
        ticks = [time.perf_counter()]
        thread.start()
        while not finished:
            time.sleep(GAP / 20)
            ticks.append(time.perf_counter())
    thread.join()
    end = finished[0]
    turns = np.minimum(np.array(ticks), end)
    turns = np.append(turns, end)
    return float(np.minimum(np.diff(turns), GAP).sum() / max(end - ticks[0], 1e-9))


@contextmanager
def _switching(interval: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
