"""Engines that crash cost their row, or not even that; never the process."""

from __future__ import annotations

import os
import signal
from collections import Counter

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_linear.apart import ApartEngine
from imle_linear.engines import Outcome
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import from_matrices
from imle_scipy.milp import ScipyMILPSolver

PROGRAM = from_matrices("test", A_ub=[[1.0, 1.0]], b_ub=[1.0], bounds=(0, 1))


class Crashing:
    """Ends its process where the first cost is negative."""

    def __init__(self, program):
        self.events = Counter()

    def solve(self, costs, rows, seconds):
        self.events["asked"] += 1
        if costs[0] < 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        return Outcome(SolveStatus.OPTIMAL, np.array([0.0, 1.0]))


def test_a_crash_is_an_error_of_its_row():
    setup = Setup("test", "min", None, lambda program: ApartEngine(program, "the engine", Crashing))
    result = PreparedProgram(PROGRAM, setup).solve(np.array([[1.0, -1.0], [-1.0, 1.0], [2.0, -1.0]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages[1].startswith("the engine: the worker process")
    assert result.counters["asked"] == 2  # what the third one counted went with it


def test_a_program_that_crashes_highs_in_scipy():
    """Found by `make fuzz SEED=7001`: SciPy 1.17.1 ends with a segmentation fault, with or without a time limit."""
    rows = [[0.0, 0.0, 701409619.0], [-0.00446, 0, 0], [12611693.0, 30972498.0, 26897381.0], [11881793.0, 7011220.0, 0]]
    prepared = ScipyMILPSolver().prepare(
        A_ub=rows,
        b_ub=[3507048094.0, -0.0016948000000000002, -108500636.66, -51574678.66],
        bounds=[(None, None), (None, -5), (2, 7)],
        integrality=[0, 1, 1],
    )
    result = prepared.solve(np.array([[2.0, -3.0, 3.0]]))
    assert result.status[0] in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE)
    # by hand: the second row says x >= 0.38, the last one y <= -8 then, and z is 2
    assert result.values[0] == pytest.approx(2 * 0.38 + 3 * 8 + 3 * 2)


def test_a_small_program_that_crashes_highs_in_scipy():
    """Found by `make fuzz SEED=7215`: the objective is four times the equation."""
    prepared = ScipyMILPSolver(sense="max").prepare(
        A_ub=[[8.0, -7.0]],
        b_ub=[37.09],
        A_eq=[[-8.0, 2.0]],
        b_eq=[-27.74],
        bounds=[(-1.7, None), (-0.1, None)],
        integrality=[1, 0],
    )
    result = prepared.solve(np.array([[-32.0, 8.0], [1.0, 0.0], [-9.991, -7.408], [9.991, 7.408], [-11.0, -12.0]]))
    # x >= 4 and y = 4 x - 13.87; a row whose engine crashes in one of its ways is not proven
    expected = [-4 * 27.74, np.nan, -9.991 * 4 - 7.408 * 2.13, np.nan, -11 * 4 - 12 * 2.13]
    np.testing.assert_allclose(result.values, expected)
    assert result.status.tolist()[1::2] == [SolveStatus.UNBOUNDED] * 2
    assert set(result.status.tolist()[::2]) <= {SolveStatus.OPTIMAL, SolveStatus.FEASIBLE}
