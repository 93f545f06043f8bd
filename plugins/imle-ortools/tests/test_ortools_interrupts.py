"""Ctrl-C ends every engine and the search for knapsacks, and still reaches Python after it."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

import numpy as np
import pytest
from ortools.sat.python import cp_model

from imle.solvers.cancellation import CancelledError, CancelToken, stop_until
from imle_kernels.knapsack import KnapsackSolver
from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.ilp.solver import ILPSolver

BACKENDS = ("auto", "highs", "cp-sat", "scip", "cbc")


def market_split(rows=5):
    """Equations that no search settles in any time (Cornuejols and Dawande 1998)."""
    weights = np.random.default_rng(0).integers(0, 100, (rows, 10 * (rows - 1)))
    return weights, weights.sum(axis=1) // 2


def by_model():
    weights, sides = market_split()
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{j}") for j in range(weights.shape[1])]
    for row, side in zip(weights.tolist(), sides.tolist(), strict=True):
        model.add(cp_model.LinearExpr.weighted_sum(x, row) == side)
    return CPSATSolver().prepare(model, x), len(x)


def by_matrix(backend):
    weights, sides = market_split()
    solver = ILPSolver(backend=backend)
    return solver.prepare(A_eq=weights.astype(float), b_eq=sides, bounds=(0, 1)), weights.shape[1]


def knapsack():
    weights = np.random.default_rng(0).integers(100, 1000, (20, 300)).astype(float)
    return KnapsackSolver().prepare(weights, weights.sum(axis=1) / 2), 300


@pytest.mark.parametrize("make", [by_model, *(partial(by_matrix, backend) for backend in BACKENDS), knapsack])
def test_ctrl_c_reaches_python_while_solving_and_after(make):
    problem, count = make()
    objective = np.random.default_rng(1).uniform(0.5, 1.0, (1, count))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run where it is ignored
    try:
        threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            problem.solve(objective)
        with pytest.raises(KeyboardInterrupt):  # OR-Tools' own handler would end the process
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("backend", ["scip", "cbc"])
def test_engines_in_other_threads_end_with_those_who_wait(backend):
    problem, count = by_matrix(backend)
    token = CancelToken()
    with ThreadPoolExecutor(1) as pool, token.inside():
        future = pool.submit(copy_context().run, problem.solve, np.ones((1, count)))
        time.sleep(0.5)
        stop_until(token, [future])
        with pytest.raises(CancelledError):
            future.result(60)
