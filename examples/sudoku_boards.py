"""Sudoku without pictures: ways to complete a board, and whether there is just one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def completions(board: Ints, box: int, rng: np.random.Generator | None = None) -> Iterator[Ints]:
    """All ways to fill the zeros of a board `[n, n]`, by backtracking on the cell with the fewest choices.

    Args:
        board: digits 1..n, 0 where a cell is open.
        box: side of a box.
        rng: tries digits in random order; else in ascending order.
    """
    n = box * box
    fewest: tuple[tuple[int, int], list[int]] | None = None
    for row, column in np.argwhere(board == 0).tolist():
        top, left = row // box * box, column // box * box
        seen = {*board[row].tolist(), *board[:, column].tolist()}
        seen.update(board[top : top + box, left : left + box].ravel().tolist())
        choices = [digit for digit in range(1, n + 1) if digit not in seen]
        if fewest is None or len(choices) < len(fewest[1]):
            fewest = (row, column), choices
        if len(choices) <= 1:
            break
    if fewest is None:
        yield board
        return
    place, choices = fewest
    if rng is not None:
        rng.shuffle(choices)
    for digit in choices:
        filled = board.copy()
        filled[place] = digit
        yield from completions(filled, box, rng)


def is_unique(board: Ints, box: int) -> bool:
    """Whether a puzzle has exactly one solution."""
    found = completions(board, box)
    return next(found, None) is not None and next(found, None) is None
