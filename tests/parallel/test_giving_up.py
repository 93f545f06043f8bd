"""After Ctrl-C or an error no caller waits for what is under way: it ends soon, and results never show how."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError
from imle.execution import Parallel
from imle.execution.throughput import Throughput
from imle.execution.time_slices import SLICE_SECONDS, solve_in_slices, time_sliced
from imle.solvers import Cached, Deduplicated, SolveResult
from imle.solvers.cancellation import CancelledError, CancelToken, cancelled, stop_until, stoppable
from imle.solvers.function import PreparedFunction

ROWS = 4000
SECONDS = 2e-3


@dataclass
class Native:
    """Like native code: it hears nothing while it is at a batch. Row `alarm` sends Ctrl-C.

    Attributes:
        sizes: of the batches it was given.
        rows: how many rows it has begun.
    """

    alarm: int | None = None
    seconds: float = SECONDS
    sizes: list[int] = field(default_factory=list)
    rows: int = 0
    sense = "max"
    array = "numpy"

    def prepare(self, size: int = 3):
        return PreparedNative(self, (size,))


@dataclass
class PreparedNative:
    options: Native
    objective_shape: tuple[int]

    def solve(self, objective, *, hint=None):
        own = self.options
        own.sizes.append(len(objective))
        for n, row in enumerate(objective):
            own.rows += 1
            if own.rows == own.alarm:
                os.kill(os.getpid(), signal.SIGINT)
            if np.isnan(row[0]):
                raise ObjectiveError("nan", row=n)
            time.sleep(own.seconds)
        return SolveResult(np.eye(objective.shape[1])[objective.argmax(axis=1)], counters={"rows_seen": len(objective)})

    def close(self):
        pass


@contextmanager
def interrupted():
    """Ctrl-C raises, as it does in a terminal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def begun(pool, solver):
    """How many rows were begun when the threads are free again."""
    for _ in range(8):
        pool.submit(time.sleep, 0).result()
    return solver.rows


def test_threads_do_not_finish_their_chunks():
    solver = Native(alarm=100)
    with ThreadPoolExecutor(2) as pool:
        prepared = Parallel(solver, pool, thread_safe=True).prepare()
        with interrupted():
            prepared.solve(np.random.default_rng(0).normal(size=(ROWS, 3)))
        assert 100 <= begun(pool, solver) < 100 + 4 * SLICE_SECONDS / SECONDS  # chunks have 500 rows
        assert len(prepared.solve(np.eye(3)).solutions) == 3


def test_threads_of_several_instances():
    solver = Native(alarm=100)
    with ThreadPoolExecutor(2) as pool:
        layer = imle.layer(solver, executor=pool, noise=None)
        with interrupted():
            layer(torch.randn(ROWS, 4), size=[3, 4] * (ROWS // 2))
        time.sleep(4 * SLICE_SECONDS)  # the threads of the instances have noticed
        assert 100 <= begun(pool, solver) < 100 + 8 * SLICE_SECONDS / SECONDS


def test_native_calls_are_stopped():
    stopped, waiting = threading.Event(), threading.Barrier(3, timeout=60)

    def wait(objective):
        with stoppable(stopped.set):
            waiting.wait()
            assert stopped.wait(60)
        return np.zeros_like(objective)

    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as other:
        prepared = Parallel(imle.layer(wait, array="numpy").solver, pool).prepare()
        main = threading.get_ident()
        alarm = other.submit(lambda: (waiting.wait(), signal.pthread_kill(main, signal.SIGINT)))
        with interrupted():
            prepared.solve(np.zeros((2, 3)))
        alarm.result()
        assert stopped.is_set()


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 127, 128, 1000])
def test_pieces_are_not_to_be_seen_in_results(rows):
    objective = np.random.default_rng(0).normal(size=(rows, 3))
    solver = Native()
    prepared = time_sliced(solver.prepare())
    for _ in range(2):
        found = prepared.solve(objective, hint=objective)
        np.testing.assert_array_equal(found.solutions, np.eye(3)[objective.argmax(axis=1)])
        assert found.counters == {"rows_seen": rows}
    assert sum(solver.sizes) == 2 * rows
    assert max(solver.sizes) <= max(127, 2 * SLICE_SECONDS / SECONDS)


def test_slow_rows_are_not_waited_for_together():
    solver = Native(seconds=0.05)
    time_sliced(solver.prepare()).solve(np.zeros((150, 3)))
    assert solver.sizes[0] == 64  # nothing is known
    assert max(solver.sizes[1:]) < 64


def test_rows_of_large_instances_begin_with_few():
    sizes = []

    def solve(objective):
        sizes.append(len(objective))
        return objective

    time_sliced(PreparedFunction(solve)).solve(np.zeros((4, 2**19)))
    assert sizes[0] == 2


def test_fast_rows_are_solved_in_one_call():
    solver = Native(seconds=0.0)
    throughput = Throughput()
    for _ in range(40):
        solve_in_slices(solver.prepare(), np.zeros((50, 3)), {}, throughput)
    assert solver.sizes[-1] == 50
    assert solver.sizes[0] == 1


def test_errors_name_the_row_of_the_batch():
    objective = np.zeros((300, 3))
    objective[200, 0] = np.nan
    with pytest.raises(ObjectiveError) as caught:
        time_sliced(Native(seconds=0.0).prepare()).solve(objective)
    assert caught.value.row == 200


def test_the_solver_inside_combinators_works_in_pieces():
    solver = Native()
    prepared = time_sliced(Cached(Deduplicated(solver)).prepare())
    objective = np.random.default_rng(0).normal(size=(400, 3))
    assert prepared.solve(objective).counters["cache_misses"] == 400
    assert solver.sizes[0] == 64
    assert prepared.solve(objective).counters["cache_hits"] == 400


def test_work_that_was_given_up():
    assert not cancelled()
    token, calls = CancelToken(), []
    with token.inside():
        with stoppable(lambda: calls.append(1)):
            token.cancel()
            token.cancel()
        token.cancel()
        assert cancelled()
        with stoppable(lambda: calls.append(2)):
            pass
        with pytest.raises(CancelledError):
            solve_in_slices(Native().prepare(), np.zeros((1, 3)), {}, Throughput())
    assert calls == [1, 1, 2]
    assert not cancelled()
    stop_until(token, [])


def test_patience_has_an_end():
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(release.wait, 60)
        stop_until(CancelToken(), [future], 0.1)
        assert not future.done()
        release.set()
