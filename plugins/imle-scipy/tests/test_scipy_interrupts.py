"""Calls of SciPy that cannot be stopped are left: after Ctrl-C, at the time limit, and when their work is given up."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle.solvers.cancellation import CancelledError, CancelToken
from imle_linear.leaving import leaving
from imle_scipy import engine
from imle_scipy.milp import ScipyMILPSolver


@pytest.fixture
def blocked():
    """An event that ends what waits for it, at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_results_and_exceptions_come_through():
    assert leaving(lambda: 3, None) == 3
    with pytest.raises(ZeroDivisionError):
        leaving(lambda: 1 // 0, 10.0)


def test_time_is_over(blocked):
    assert leaving(blocked.wait, 0.05) is None


def test_work_that_is_given_up(blocked):
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with token.inside(), pytest.raises(CancelledError):
        leaving(blocked.wait, None)


def market_split():
    """Equations that branch and bound does not settle in any time (Cornuejols and Dawande 1998)."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 100, (5, 40)).astype(float)
    slack = np.hstack([np.eye(5), -np.eye(5)])
    bounds = [(0, 1)] * 40 + [(0, None)] * 10
    return {
        "A_eq": np.hstack([weights, slack]),
        "b_eq": weights.sum(axis=1) // 2,
        "bounds": bounds,
        "integrality": [1] * 40 + [0] * 10,
    }, np.concatenate([np.zeros(40), np.ones(10)])[None]


def test_ctrl_c():
    """The time limit ends what is left behind."""
    instance, costs = market_split()
    problem = ScipyMILPSolver(time_limit=20.0).prepare(**instance)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run where it is ignored
    try:
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            problem.solve(costs)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_time_limit_that_highs_does_not_keep(monkeypatch, blocked):
    monkeypatch.setattr(engine, "milp", lambda *_, **__: blocked.wait())
    monkeypatch.setattr(engine, "_GRACE", 0.01)
    result = ScipyMILPSolver(time_limit=0.1, own_process=False).prepare(A_ub=[[1, 1]], b_ub=[1]).solve(np.ones((1, 2)))
    assert result.status.tolist() == [SolveStatus.TIMEOUT]
    assert result.messages == {0: "stopped without a feasible point: HiGHS did not keep the time limit"}
