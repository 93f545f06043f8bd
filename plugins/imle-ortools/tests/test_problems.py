"""The models to start from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle_highs.lp import HighsLPSolver
from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.problems import sudoku, transport, tsp

PUZZLE = """
53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79
"""


def is_solved(board, box):
    n = box * box
    lines = [*board, *board.T]
    lines += [board[i : i + box, j : j + box].ravel() for i in range(0, n, box) for j in range(0, n, box)]
    return all(sorted(line) == list(range(1, n + 1)) for line in lines)


def test_givens_decide_a_proper_puzzle_whatever_the_scores():
    givens = np.array([[int(c) if c != "." else 0 for c in line] for line in PUZZLE.split()])
    solver = CPSATSolver().prepare(**sudoku(givens))
    assert solver.objective_shape == (9, 9, 9)
    cells = solver.solve(np.random.default_rng(0).normal(size=(2, 9, 9, 9))).solutions
    board = cells[0].argmax(axis=2) + 1
    assert is_solved(board, 3)
    assert (board == givens)[givens > 0].all()
    assert np.array_equal(cells[0], cells[1])


@pytest.mark.parametrize("box", [1, 2, 3])
def test_open_boards_follow_the_scores(box):
    n = box * box
    solver = CPSATSolver().prepare(**sudoku(box=box))
    # pure noise takes minutes on 9 x 9; a leaning towards one board is what a network has
    base = np.add.outer([box * (i % box) + i // box for i in range(n)], np.arange(n)) % n
    rows = np.random.default_rng(0).normal(size=(3, n, n, n)) * 0.5 + 2 * np.eye(n)[base]
    boards = solver.solve(rows).solutions.argmax(axis=3) + 1
    assert all(is_solved(board, box) for board in boards)
    wanted = np.eye(n)[boards[0] - 1]
    assert np.array_equal(solver.solve(wanted[None]).solutions[0], wanted)


@pytest.mark.parametrize(
    "givens", [np.zeros((4, 9), int), np.full((9, 9), 10), np.full((9, 9), -1), np.zeros((9, 9)), [[1, 2], [3]]]
)
def test_boards_that_are_none(givens):
    with pytest.raises(InstanceError) as caught:
        sudoku(givens)
    assert str(caught.value) == "sudoku: givens: expected 9 x 9 digits 0..9, 0 for an open cell"


@pytest.mark.parametrize("n", [2, 3, 6])
def test_round_trips_match_enumeration(n):
    costs = np.random.default_rng(n).normal(size=(4, n, n))
    result = CPSATSolver(sense="min").prepare(**tsp(n)).solve(costs)
    for own, solution, value in zip(costs, result.solutions, result.values, strict=True):
        trips = [(0, *rest) for rest in itertools.permutations(range(1, n))]
        assert value == pytest.approx(min(sum(own[t[i - 1], t[i]] for i in range(n)) for t in trips), abs=1e-9)
        assert not np.diag(solution).any()
        assert (solution.sum(axis=0) == 1).all()
        assert (solution.sum(axis=1) == 1).all()


def test_tsp_needs_two_cities():
    with pytest.raises(InstanceError) as caught:
        tsp(1)
    assert str(caught.value) == "tsp: n: expected at least 2 cities, found 1"


def test_as_layers():
    scores = torch.randn(2, 4, 4, 4, requires_grad=True)
    imle.layer("ortools-cp-sat", **sudoku(box=2))(scores).square().sum().backward()
    assert scores.grad.shape == scores.shape


def test_transport_costs_what_its_linear_program_costs():
    supplies, demands = np.array([5, 3, 4]), np.array([6, 1, 2, 3])
    costs = np.random.default_rng(0).normal(size=(6, 3, 4))
    shipped = imle.layer("ortools-min-cost-flow", **transport(supplies, demands)).eval()
    plans = shipped(torch.from_numpy(costs.reshape(6, 12))).numpy().reshape(6, 3, 4)
    assert (plans.sum(axis=2) == supplies).all()
    assert (plans.sum(axis=1) == demands).all()
    rows = np.concatenate([np.kron(np.eye(3), np.ones(4)), np.kron(np.ones(3), np.eye(4))])
    program = HighsLPSolver().prepare(A_eq=rows, b_eq=np.concatenate([supplies, demands]))
    expected = program.solve(costs.reshape(6, 12)).values
    np.testing.assert_allclose((plans * costs).sum(axis=(1, 2)), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("supplies", "demands", "message"),
    [([1.5], [1], "supplies"), ([1], [[1]], "demands"), ([2], [-1, 3], "demands"), ([2], [1], "found 1 and 2")],
)
def test_bad_transports(supplies, demands, message):
    with pytest.raises(InstanceError, match=message):
        transport(supplies, demands)
