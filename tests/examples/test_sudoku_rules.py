"""The example of Sudoku's rules, in its quick mode, and its parts."""

from __future__ import annotations

import numpy as np
import torch


def test_rules_learned_from_boards_solve_new_puzzles(quick):
    module, results, shown = quick("sudoku_rules")
    assert [result.method for result in results] == list(module.METHODS)
    for result in results:
        assert result.solved >= 0.9
        assert result.legal >= 0.9
        assert result.kept >= 0.9
        assert f"200 boards: {result.method}" in shown


def test_the_null_space_of_all_boards_is_the_rules(example):
    """40 independent equations, which every true rule is a combination of; a board with a mistake breaks one."""
    module = example("sudoku_rules")
    boards = module.as_binary(module.all_boards())
    assert boards.shape == (288, 64)
    a, b = module.null_space(boards)
    assert a.shape == (module.EQUATIONS, 64)
    torch.testing.assert_close(boards @ a.T, b.expand(288, -1))
    one_digit_per_cell = torch.kron(torch.eye(16), torch.ones(1, 4))
    both = torch.cat([torch.cat([a, b[:, None]], 1), torch.cat([one_digit_per_cell, torch.ones(16, 1)], 1)])
    assert torch.linalg.matrix_rank(both, tol=1e-4) == module.EQUATIONS
    torch.manual_seed(0)
    spoilt = module.with_mistakes(boards, 5)
    residual = (spoilt @ a.T - b).abs().amax(dim=1)
    assert (residual[:5] > 0.1).all()
    assert (residual[5:] < 1e-4).all()


def test_puzzles_have_one_solution(example):
    module = example("sudoku_rules")
    board = module.all_boards()[100]
    puzzle = module.make_puzzle(board, np.random.default_rng(0))
    assert module.is_unique(puzzle, module.BOX)
    assert 3 < (puzzle > 0).sum() < 10
    assert ((puzzle == board) | (puzzle == 0)).all()
