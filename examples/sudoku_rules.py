"""Sudoku's rules, learned from completed boards: equations of a binary program of 64 variables, without a solver.

A 4 x 4 board is 64 numbers 0 or 1: cell i has digit d, or not. Nobody says what the rules are; we only see some of the
288 boards that follow them. What is learned are 40 equations ``A z = b``. Every board seen has to keep them, and points
near a board, a few entries flipped, must not. Then a new puzzle is a new objective: digits that are given earn a point
each, and HiGHS finds the best board under the equations learned.

The loss is `imle.losses.SolverFree` (Nandwani et al. 2022), which never solves. An equation is two rows with some room
between them. It begins at 0.1 on either side, so that there is a gradient towards boards, and ends at 0.01: wider rows
are right as well, but a program of slack equations takes minutes to solve.

For comparison, algebra: all equations that the boards seen keep exactly are the null space of these boards. It needs
no negatives, and no training; it wants boards without a single mistake.

    python examples/sudoku_rules.py             # 20 to 200 boards seen, with and without mistakes
    python examples/sudoku_rules.py --quick     # 200 boards, seconds
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import normalize, one_hot

import imle
from common import arguments, save, seeds_of, show, with_progress
from imle.losses import SolverFree
from imle.losses.negatives import neighbours, projections, walks
from sudoku_boards import Ints, completions, is_unique

BOX, DIGITS = 2, 4
VARIABLES = DIGITS**3
EQUATIONS = 40  # as many as are independent: 64 equations say the rules, of which 24 follow from the others
SEEN = (20, 40, 80, 200)
PUZZLES, STEPS = 25, 600
QUICK_PUZZLES, QUICK_STEPS = 10, 300
BATCH, LEARNING_RATE = 10, 0.01
ROOM = 0.1, 0.01  # on either side of an equation, at the beginning and at the end
TEMPERATURES = 0.1, 0.005
WALKS = (2, 3, 4)  # flips; 64 walks of each length

Equations = tuple[Tensor, Tensor]
"""A `[m, 64]` with rows of length 1, and b `[m]`."""


@dataclass(frozen=True)
class Result:
    """What equations are worth that a method found after some boards.

    Attributes:
        method: that found them.
        seed: of the choice of boards.
        seen: how many boards were seen.
        mistakes: how many of them break a rule.
        solved: share of new puzzles solved.
        legal: share of random objectives whose best solution is a board.
        kept: share of the boards held out that keep the equations.
    """

    method: str
    seed: int
    seen: int
    mistakes: int
    solved: float
    legal: float
    kept: float


def all_boards() -> Ints:
    """The 288 boards, `[288, 4, 4]` with digits 1 to 4."""
    return np.stack(list(completions(np.zeros((DIGITS, DIGITS), dtype=np.int64), BOX)))


def as_binary(boards: Ints) -> Tensor:
    """Boards `[N, 4, 4]`, 0 in empty cells, as `[N, 64]`: which digit a cell has."""
    digits = torch.from_numpy(boards).reshape(len(boards), -1)
    return one_hot(digits, DIGITS + 1)[..., 1:].reshape(len(boards), -1).float()


def with_mistakes(boards: Tensor, count: int) -> Tensor:
    """The same boards, in the first few of which one cell has another digit."""
    spoilt = boards.clone().reshape(len(boards), DIGITS**2, DIGITS)
    for board in spoilt[:count]:
        cell = int(torch.randint(DIGITS**2, ()))
        board[cell] = board[cell].roll(int(torch.randint(1, DIGITS, ())))
    return spoilt.reshape(boards.shape)


def make_puzzle(board: Ints, rng: np.random.Generator) -> Ints:
    """Empty cells in random order, as long as no other board fits."""
    puzzle = board.copy()
    for cell in rng.permutation(board.size):
        emptied = puzzle.copy()
        emptied.flat[cell] = 0
        if is_unique(emptied, BOX):
            puzzle = emptied
    return puzzle


def learn(boards: Tensor, steps: int) -> Equations:
    """Equations that boards `[N, 64]` keep, and points near them do not."""
    directions = torch.nn.Parameter(torch.rand(EQUATIONS, VARIABLES) - 0.5)
    right = torch.nn.Parameter((normalize(directions.detach(), dim=1) @ boards.T).mean(dim=1))
    loss = SolverFree(sense="min", margin=ROOM[1] / 2)
    optimizer = torch.optim.Adam([directions, right], lr=LEARNING_RATE)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        part = boards[torch.randint(len(boards), (BATCH,))]
        loss.temperature = decayed(TEMPERATURES, step / steps)
        a, b = both_sides((normalize(directions, dim=1), right), decayed(ROOM, min(1.25 * step / steps, 1.0)))
        near = [neighbours(part), *(walks(part, steps=flips, samples=64) for flips in WALKS), projections(part, a, b)]
        optimizer.zero_grad()
        loss(None, part, torch.cat(near, dim=1), A_ub=a, b_ub=b).backward()
        optimizer.step()
        rate.step()
    return normalize(directions.detach(), dim=1), right.detach()


def null_space(boards: Tensor, steps: int = 0) -> Equations:
    """All equations that the boards keep exactly: (A, -b) is orthogonal to every (z, 1). There are no steps."""
    del steps
    with_one = torch.cat([boards, torch.ones(len(boards), 1)], dim=1).double()
    _, sizes, directions = torch.linalg.svd(with_one)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    found = torch.where(directions[rank:].abs() < 1e-9, 0.0, directions[rank:])  # what rounding left of zeros
    found = found[found[:, :-1].norm(dim=1) > 1e-9]
    length = found[:, :-1].norm(dim=1, keepdim=True)
    return (found[:, :-1] / length).float(), (-found[:, -1] / length[:, 0]).float()


def decayed(ends: tuple[float, float], progress: float) -> float:
    """From the first number to the second, by equal factors."""
    first, last = ends
    return float(first * (last / first) ** progress)


def both_sides(equations: Equations, room: float) -> Equations:
    """Rows ``A z <= b`` with some room on either side of equations: `[2 m, 64]` and `[2 m]`."""
    a, b = equations
    return torch.cat([a, -a]), torch.cat([b + room, room - b])


METHODS: dict[str, Callable[[Tensor, int], Equations]] = {"learned": learn, "null space": null_space}


def judge(equations: Equations, held_out: Ints, puzzles: Ints, rng: np.random.Generator) -> tuple[float, float, float]:
    """Puzzles solved, random objectives whose best solution is a board, and boards held out that keep the equations.

    Args:
        equations: to judge.
        held_out: boards `[N, 4, 4]`.
        puzzles: `[P, 4, 4]`, of the first P of these.
        rng: of the objectives.
    """
    a, b = both_sides(equations, ROOM[1])
    kept = imle.metrics.infeasibility(as_binary(held_out), A_ub=a, b_ub=b) == 0
    rows: dict[str, Any] = {"A_ub": a.double().numpy(), "b_ub": b.double().numpy(), "bounds": (0, 1)}
    solve = imle.layer("highs-ilp", **rows, time_limit=10.0, on_failure="zero-grad").eval()
    solved = imle.metrics.exact_match(solve(-as_binary(puzzles)), as_binary(held_out[: len(puzzles)]))
    best = solve(torch.from_numpy(rng.normal(size=(len(puzzles), VARIABLES))).float())
    legal = (best.unsqueeze(1) == as_binary(all_boards())).all(dim=2).any(dim=1)
    return float(solved.mean()), float(legal.float().mean()), float(kept.float().mean())


def run(seed: int, seen: int, mistakes: int, methods: Sequence[str], *, quick: bool = False) -> list[Result]:
    """Learn from some boards, and judge by the others."""
    boards = all_boards()
    rng = np.random.default_rng(seed)
    boards = boards[rng.permutation(len(boards))]
    torch.manual_seed(seed)
    shown, held_out = with_mistakes(as_binary(boards[:seen]), mistakes), boards[seen:]
    puzzles = np.stack([make_puzzle(board, rng) for board in held_out[: QUICK_PUZZLES if quick else PUZZLES]])
    results = []
    for name in methods:
        torch.manual_seed(seed)
        equations = METHODS[name](shown, QUICK_STEPS if quick else STEPS)
        results.append(Result(name, seed, seen, mistakes, *judge(equations, held_out, puzzles, rng)))
    return results


def table(results: Sequence[Result]) -> dict[str, dict[str, list[float]]]:
    """Per cent of each measure; a line for what was seen, and by which method."""
    columns: dict[str, dict[str, list[float]]] = {"puzzles solved": {}, "objectives legal": {}, "boards kept": {}}
    for result in results:
        line = f"{shown(result)}: {result.method}"
        for column, share in zip(columns.values(), (result.solved, result.legal, result.kept), strict=True):
            column.setdefault(line, []).append(100 * share)
    return columns


def shown(result: Result) -> str:
    """What a result has seen."""
    return f"{result.seen} boards" + (f", {result.mistakes} wrong" if result.mistakes else "")


def plot(results: Sequence[Result], path: Path) -> None:
    """Puzzles solved by what was seen, a bar per method."""
    figure = Figure(figsize=(7.0, 3.4), layout="constrained")
    axes = figure.subplots()
    groups, methods = (list(dict.fromkeys(names)) for names in (map(shown, results), (r.method for r in results)))
    for position, method in enumerate(methods):
        heights = [
            float(np.mean([100 * r.solved for r in results if (shown(r), r.method) == (group, method)]))
            for group in groups
        ]
        axes.bar(np.arange(len(groups)) + 0.4 * position, heights, 0.4, label=method)
    axes.set_xticks(np.arange(len(groups)) + 0.2, groups, fontsize=9)
    axes.set_ylim(0, 105)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("new puzzles solved with the rules found, %", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> list[Result]:
    """Run the example; returns what it shows."""
    parser = arguments(__doc__, METHODS, plot="sudoku_rules.png", quick="200 boards, half the steps, 10 puzzles")
    options = parser.parse_args(argv)
    methods = list(options.methods or METHODS)
    sizes = [(200, 0)] if options.quick else [*((seen, 0) for seen in SEEN), (200, 10)]
    jobs = [(seed, seen, mistakes) for seen, mistakes in sizes for seed in seeds_of(options)]
    found = [run(*job, methods, quick=options.quick) for job in with_progress(jobs, "learning rules")]
    results = [result for part in found for result in part]
    show(
        "New puzzles solved, random objectives with a legal board, boards held out that keep the rules, in %",
        table(results),
    )
    plot(results, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
