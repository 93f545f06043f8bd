"""Visual Sudoku: learn to read digits from solved puzzles alone.

A puzzle shows pictures of handwritten digits in some cells, the others are blank. A small network scores each picture
against the n digits; blank cells score zero; CP-SAT returns the best completed board. The loss is the Hamming distance
to the true completed board, and the only way from the loss to the network is through the solver: no classifier is ever
trained on a picture and its digit.

The true board does of course say which digit belongs in each cell, those with a picture included. `--blanks-only` takes
even this away: the loss then looks only at cells without a picture, and only the rules of the game connect them to the
pictures.

Boards and pictures are held out both: no board and no picture of the test puzzles occurs in training.

    python examples/visual_sudoku.py            # 4 x 4 and 9 x 9, three seeds, minutes
    python examples/visual_sudoku.py --quick    # one seed, and only a few boards of 9 x 9
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn.functional import one_hot

import imle
from common import arguments, save, seeds_of, show, with_progress
from imle.estimators import IMLE
from imle_ortools import problems
from sudoku_boards import Ints, completions, is_unique

PIXELS, HIDDEN, DROPOUT = 64, 128, 0.5
LEARNING_RATE = 0.003
HELD_OUT = 4
"""One picture in four is for tests, by its index, and about one board in four, by a checksum."""


@dataclass(frozen=True)
class Task:
    """A size of board and how long to train on it.

    Attributes:
        box: side of a box; n = box * box digits.
        givens: fewest and most pictures on a puzzle.
        train, test: puzzles.
        epochs, batch: of training.
        time_limit: seconds per solve. 9 x 9 boards need one: against the scores of an untrained network CP-SAT may
            search for seconds to prove that no board is better. Any good board will do instead: the gradient pulls from
            it to the true one, and after some dozens of puzzles nearly all solves take a tenth of a second.
    """

    box: int
    givens: tuple[int, int]
    train: int
    test: int
    epochs: int
    batch: int
    time_limit: float | None = None


SMALL = Task(box=2, givens=(5, 8), train=400, test=200, epochs=6, batch=8)
LARGE = Task(box=3, givens=(36, 45), train=400, test=100, epochs=4, batch=4, time_limit=0.5)
QUICK_SMALL = Task(box=2, givens=(5, 8), train=200, test=100, epochs=4, batch=8)
QUICK_LARGE = Task(box=3, givens=(40, 45), train=24, test=6, epochs=2, batch=4, time_limit=0.4)


@dataclass(frozen=True)
class Puzzles:
    """Puzzles and their answers.

    Attributes:
        pictures: `[N, n, n, 64]`, zero where a cell is blank.
        given: `[N, n, n]`, 1 where there is a picture.
        boards: `[N, n, n, n]`, the completed boards: row, column, digit.
    """

    pictures: Tensor
    given: Tensor
    boards: Tensor

    def __getitem__(self, rows: Tensor) -> Puzzles:
        return Puzzles(self.pictures[rows], self.given[rows], self.boards[rows])

    def __len__(self) -> int:
        return len(self.boards)


@dataclass(frozen=True)
class Score:
    """Shares on held-out puzzles and pictures.

    Attributes:
        boards: completed boards with every cell right.
        cells: cells that are right.
        digits: pictures the network alone reads right. Only measured: it never trains on this.
    """

    boards: float
    cells: float
    digits: float


@dataclass(frozen=True)
class Result:
    """What training changed on one size of board, and a held-out puzzle with what was made of it `[1, n, n, n]`."""

    task: Task
    before: Score
    after: Score
    puzzle: Puzzles
    completed: Tensor


# Boards


def draw_puzzle(task: Task, rng: np.random.Generator, *, test: bool) -> tuple[Ints, NDArray[np.bool_]]:
    """A random completed board `[n, n]` of the training or the test boards, and cells that determine it `[n, n]`."""
    n = task.box**2
    while True:
        board = next(completions(np.zeros((n, n), np.int64), task.box, rng))
        if (zlib.crc32(board.tobytes()) % HELD_OUT == 0) == test:
            break
    while True:
        given = rng.permutation(n * n).reshape(n, n) < rng.integers(task.givens[0], task.givens[1] + 1)
        if is_unique(board * given, task.box):
            return board, given


def digit_pictures(n: int, *, test: bool) -> tuple[Tensor, Tensor]:
    """Pictures `[M, 64]` of the digits 1..n in 0..1, and the digits `[M]`."""
    pictures, digits = load_digits(return_X_y=True)
    wanted = (digits >= 1) & (digits <= n) & ((np.arange(len(digits)) % HELD_OUT == 0) == test)
    return torch.from_numpy(pictures[wanted] / 16).float(), torch.from_numpy(digits[wanted])


def make_puzzles(task: Task, count: int, seed: int, *, test: bool) -> Puzzles:
    """Draw puzzles, and a random picture of the right digit for each given cell."""
    rng = np.random.default_rng((seed, task.box, test))
    drawn = [draw_puzzle(task, rng, test=test) for _ in range(count)]
    boards = torch.from_numpy(np.stack([board for board, _ in drawn]))
    given = torch.from_numpy(np.stack([cells for _, cells in drawn]))
    n = task.box**2
    pictures, digits = digit_pictures(n, test=test)
    shown = torch.zeros(count, n, n, PIXELS)
    for digit in range(1, n + 1):
        cells = (boards == digit) & given
        of_digit = pictures[digits == digit]
        shown[cells] = of_digit[torch.from_numpy(rng.integers(len(of_digit), size=int(cells.sum())))]
    return Puzzles(shown, given.float(), one_hot(boards - 1, n).float())


# Learning


def make_network(n: int) -> nn.Module:
    """Scores of pictures `[..., 64]` against digits `[..., n]`.

    Dropout is the only noise here. Noise of the layer would also fall on blank cells, where nothing is learned, and
    make CP-SAT search a 9 x 9 board for seconds instead of a tenth of one.
    """
    return nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, n))


def make_layer(task: Task) -> nn.Module:
    """Completed boards `[B, n, n, n]` of the largest score `[B, n, n, n]`.

    If every cell counts, a large step (beta) makes the target solve return the true board, whatever the scores are, and
    quickly; the gradient is the solver's board minus that one. A solve that finds no board in time teaches nothing
    ("zero-grad").
    """
    return imle.layer(
        "ortools-cp-sat",
        **problems.sudoku(box=task.box),
        time_limit=task.time_limit,
        estimator=IMLE(beta=10.0, scale=False),
        noise=None,
        on_failure="zero-grad",
    )


def complete(network: nn.Module, layer: nn.Module, puzzles: Puzzles) -> Tensor:
    """Read the pictures, let the solver complete the boards. `[N, n, n, n]`."""
    completed: Tensor = layer(network(puzzles.pictures) * puzzles.given.unsqueeze(-1))
    return completed


def hamming(found: Tensor, boards: Tensor, counted: Tensor) -> Tensor:
    """Cells `[N, n, n]` that are counted (1) and differ, per board; a wrong cell has two wrong entries."""
    differ = (found * (1 - boards) + (1 - found) * boards).sum(dim=-1) / 2
    return (differ * counted).sum(dim=(1, 2)).mean()


def train(network: nn.Module, task: Task, puzzles: Puzzles, *, blanks_only: bool) -> None:
    """Minimise the Hamming distance between the solver's boards and the true ones."""
    layer = make_layer(task)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    batches = [rows for _ in range(task.epochs) for rows in torch.randperm(len(puzzles)).reshape(-1, task.batch)]
    n = task.box**2
    for rows in with_progress(batches, f"learning {n} x {n} boards"):
        batch = puzzles[rows]
        counted = 1 - batch.given if blanks_only else torch.ones_like(batch.given)
        loss = hamming(complete(network, layer, batch), batch.boards, counted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def evaluate(network: nn.Module, task: Task, puzzles: Puzzles) -> Score:
    """Measure on held-out puzzles and pictures."""
    network.eval()
    found = complete(network, make_layer(task).eval(), puzzles)
    right = (found * puzzles.boards).sum(dim=-1)
    pictures, digits = digit_pictures(task.box**2, test=True)
    read = network(pictures).argmax(dim=1) + 1
    network.train()
    return Score(
        boards=float(right.flatten(1).all(dim=1).float().mean()),
        cells=float(right.mean()),
        digits=float((read == digits).float().mean()),
    )


def run(task: Task, seed: int, *, blanks_only: bool) -> Result:
    """Train a new network on one size of board."""
    training = make_puzzles(task, task.train, seed, test=False)
    held_out = make_puzzles(task, task.test, seed, test=True)
    torch.manual_seed(seed)
    network = make_network(task.box**2)
    before = evaluate(network, task, held_out)
    train(network, task, training, blanks_only=blanks_only)
    after, puzzle = evaluate(network, task, held_out), held_out[torch.arange(1)]
    with torch.no_grad():
        completed = complete(network.eval(), make_layer(task).eval(), puzzle)
    return Result(task, before, after, puzzle, completed)


SHARES = {"boards": "boards solved", "cells": "cells right", "digits": "digits read"}


def columns(results: Sequence[Result]) -> dict[str, dict[str, list[float]]]:
    """Before and after, per size of board, in percent."""
    table: dict[str, dict[str, list[float]]] = {heading: {} for heading in SHARES.values()}
    for result in results:
        n = result.task.box**2
        for when, score in (("before training", result.before), (f"after {result.task.train} puzzles", result.after)):
            for share, heading in SHARES.items():
                table[heading].setdefault(f"{n} x {n}, {when}", []).append(100 * getattr(score, share))
    return table


def plot(result: Result, path: Path) -> None:
    """A held-out puzzle, and how it was completed: blue where the puzzle is blank, red where it is wrong."""
    figure = Figure(figsize=(9, 4.9), layout="constrained")
    seen, answer = figure.subplots(1, 2)
    given, true, found = result.puzzle.given[0], result.puzzle.boards[0].argmax(-1), result.completed[0].argmax(-1)
    n = len(given)
    for axes, title in ((seen, "a puzzle that was not trained on"), (answer, "completed by network and solver")):
        axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal", xticks=[], yticks=[])
        axes.set_title(title, fontsize=11)
        for line in range(n + 1):
            width = 1.6 if line % result.task.box == 0 else 0.4
            axes.axhline(line, color="black", linewidth=width)
            axes.axvline(line, color="black", linewidth=width)
    for row, column in np.ndindex(n, n):
        if given[row, column]:
            picture = result.puzzle.pictures[0, row, column].reshape(8, 8).numpy()
            box = (column + 0.1, column + 0.9, row + 0.9, row + 0.1)
            seen.imshow(picture, extent=box, cmap="Greys", aspect="equal")
        colour = "black" if given[row, column] else "tab:blue"
        if found[row, column] != true[row, column]:
            colour = "tab:red"
        digit = str(int(found[row, column]) + 1)
        answer.text(column + 0.5, row + 0.53, digit, color=colour, ha="center", va="center", fontsize=120 / n)
    seen.set(xlim=(0, n), ylim=(n, 0))  # which pictures have narrowed
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> list[Result]:
    """Run the example; returns what it shows: seed by seed, and from small boards to large ones."""
    parser = arguments(__doc__, plot="visual_sudoku.png", quick="one seed, fewer puzzles")
    parser.add_argument("--blanks-only", action="store_true", help="count only cells without a picture in the loss")
    options = parser.parse_args(argv)
    tasks = (QUICK_SMALL, QUICK_LARGE) if options.quick else (SMALL, LARGE)
    results = [run(task, seed, blanks_only=options.blanks_only) for seed in seeds_of(options) for task in tasks]
    show("Visual Sudoku, held-out puzzles and pictures, in %", columns(results))
    plot(results[-1], options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
