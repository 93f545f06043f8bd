"""The visual Sudoku example, in its quick mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch


def test_boards_teach_digits(quick):
    _, (small, large), shown = quick("visual_sudoku")
    assert small.before.boards < 0.1
    assert small.after.boards > 0.9
    assert small.after.digits > 0.9
    # a few boards of 9 x 9, some of whose solves run out of time: how many depends on the machine
    assert large.after.cells > large.before.cells + 0.2
    assert large.after.digits > large.before.digits + 0.1
    assert "4 x 4, after 200 puzzles" in shown
    assert f"{100 * large.after.digits:.1f}" in shown


def test_all_boards_of_4x4_are_found(example):
    boards = list(example("visual_sudoku").completions(np.zeros((4, 4), np.int64), box=2))
    assert len({board.tobytes() for board in boards}) == len(boards) == 288


def test_uniqueness(example):
    sudoku = example("visual_sudoku")
    board = np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]])
    assert sudoku.is_unique(board, box=2)
    swappable = board.copy()
    swappable[[0, 0, 2, 2], [0, 1, 0, 1]] = 0  # 1 2 over 2 1, or 2 1 over 1 2
    assert not sudoku.is_unique(swappable, box=2)
    assert not sudoku.is_unique(np.array([[1, 2, 3, 0], [0, 0, 0, 4], [0, 0, 0, 0], [0, 0, 0, 0]]), box=2)


@pytest.mark.parametrize("size", ["QUICK_SMALL", "QUICK_LARGE"])
def test_puzzles_follow_the_rules_and_show_the_right_pictures(example, size):
    sudoku = example("visual_sudoku")
    task = getattr(sudoku, size)
    n = task.box**2
    puzzles = sudoku.make_puzzles(task, 5, seed=1, test=False)
    boxes = puzzles.boards.reshape(5, task.box, task.box, task.box, task.box, n)
    for sums in (puzzles.boards.sum(1), puzzles.boards.sum(2), puzzles.boards.sum(3), boxes.sum((2, 4))):
        assert (sums == 1).all()
    givens = puzzles.given.sum((1, 2))
    assert ((givens >= task.givens[0]) & (givens <= task.givens[1])).all()
    shown = puzzles.pictures.abs().sum(-1) > 0
    assert torch.equal(shown, puzzles.given.bool())
    pictures, digits = sudoku.digit_pictures(n, test=False)
    known = {picture.numpy().tobytes(): digit for picture, digit in zip(pictures, digits.tolist(), strict=True)}
    for picture, cell in zip(puzzles.pictures[shown], puzzles.boards[shown], strict=True):
        assert known[picture.numpy().tobytes()] == int(cell.argmax()) + 1


def test_nothing_of_the_test_occurs_in_training(example):
    sudoku = example("visual_sudoku")

    def entries(tensor):
        return {row.numpy().tobytes() for row in tensor}

    training, held_out = (sudoku.make_puzzles(sudoku.SMALL, 100, seed=0, test=test) for test in (False, True))
    assert not entries(training.boards) & entries(held_out.boards)
    assert not entries(sudoku.digit_pictures(4, test=False)[0]) & entries(sudoku.digit_pictures(4, test=True)[0])


def test_hamming_counts_wrong_cells(example):
    sudoku = example("visual_sudoku")
    truth = sudoku.make_puzzles(sudoku.SMALL, 2, seed=0, test=False)
    wrong = truth.boards.clone()
    wrong[0, 1, 2] = wrong[0, 1, 2].roll(1)
    everywhere = torch.ones(2, 4, 4)
    assert sudoku.hamming(wrong, truth.boards, everywhere) == 0.5
    everywhere[0, 1, 2] = 0
    assert sudoku.hamming(wrong, truth.boards, everywhere) == 0
