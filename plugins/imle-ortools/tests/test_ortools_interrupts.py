"""Ctrl-C ends CP-SAT and the search for knapsacks, and still reaches Python after it."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from ortools.sat.python import cp_model

from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.ilp.solver import ILPSolver
from imle_ortools.knapsack import KnapsackSolver


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


def by_matrix():
    weights, sides = market_split()
    solver = ILPSolver(backend="cp-sat")
    return solver.prepare(A_eq=weights.astype(float), b_eq=sides, bounds=(0, 1)), weights.shape[1]


def knapsack():
    weights = np.random.default_rng(0).integers(100, 1000, (20, 300)).astype(float)
    return KnapsackSolver().prepare(weights, weights.sum(axis=1) / 2), 300


@pytest.mark.parametrize("make", [by_model, by_matrix, knapsack])
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
