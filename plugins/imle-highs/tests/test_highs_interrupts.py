"""Ctrl-C ends branch and bound, and calls that run at the same time end with the one that fails."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref

import numpy as np
import pytest

from imle.errors import SolveError
from imle.solvers.cancellation import stoppable
from imle.solvers.interruptible import at_once, interruptible
from imle_highs.ilp import HighsILPSolver


def market_split(rows=5):
    """Equations that branch and bound does not settle in any time (Cornuejols and Dawande 1998)."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 100, (rows, 10 * (rows - 1))).astype(float)
    slack = np.hstack([np.eye(rows), -np.eye(rows)])
    columns = weights.shape[1]
    bounds = [(0, 1)] * columns + [(0, None)] * (2 * rows)
    whole = [1] * columns + [0] * (2 * rows)
    problem = HighsILPSolver().prepare(
        A_eq=np.hstack([weights, slack]), b_eq=weights.sum(axis=1) // 2, bounds=bounds, integrality=whole
    )
    return problem, np.concatenate([np.zeros(columns), np.ones(2 * rows)])[None]


def test_ctrl_c_ends_branch_and_bound():
    problem, costs = market_split()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run where it is ignored
    try:
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            problem.solve(costs)
    finally:
        signal.signal(signal.SIGINT, before)


def test_models_that_branch_can_be_freed():
    problem = HighsILPSolver().prepare(A_ub=[[3.0, 5.0, 4.0]], b_ub=[7.5], bounds=(0, 1))
    assert problem.solve(np.array([[-2.0, -3.0, -2.5]])).solutions.tolist() == [[1, 0, 1]]
    gone = weakref.ref(problem)
    del problem
    gc.collect()
    assert gone() is None


def test_a_call_that_fails_stops_the_others():
    stopped = threading.Event()

    def fails():
        time.sleep(0.05)
        raise SolveError("no")

    def waits():
        with stoppable(stopped.set):
            assert stopped.wait(60)

    with pytest.raises(SolveError, match="no"):
        at_once([waits, fails, waits])


def test_another_thread_makes_the_calls_of_the_main_thread():
    def where():
        return threading.current_thread().name

    assert interruptible(where, lambda: None).startswith("imle-native")
    assert interruptible(where, lambda: None) == interruptible(where, lambda: None)
    found = at_once([lambda k=k: interruptible(lambda: k * k, lambda: None) for k in range(5)])
    assert found == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0, lambda: None)
    with stoppable(lambda: pytest.fail("nothing runs beside this")):
        pass
