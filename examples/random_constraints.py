"""Random constraints: the rows of an unknown integer program, learned from solved examples, without a solver.

Costs differ from day to day, and somebody shows us the best decision for each: 16 whole numbers that minimise the cost
under rows ``A z <= b`` which nobody tells us. From 1600 such pairs we learn rows, and decide for new costs with them.

`imle.losses.SolverFree` (Nandwani et al. 2022) needs no solver for that. What is as cheap as the decision shown, and
was not chosen, cannot be feasible: a learned row has to cut it off. Points to cut off are found near the decisions: one
step away, a few random steps, and projections onto the rows learned so far. Only the test solves, with HiGHS.

The data are those of CombOptNet (Paulus et al., ICML 2021), by the generator of their code: rows through the middle of
the box, in two boxes. The measure is theirs, too: test instances decided right in all 16 variables. So is the set-up:
twice as many rows are learned as there are.

    python examples/random_constraints.py             # two boxes, 1, 2, 4 and 8 rows, three data sets of each
    python examples/random_constraints.py --quick     # one data set, seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, save, seeds_of, show, with_progress
from imle.losses import SolverFree
from imle.losses.negatives import neighbours, projections, walks

VARIABLES, TRAIN, TEST = 16, 1600, 1000
BOXES = {"binary": (0, 1), "-5 to 5": (-5, 5)}
ROWS = (1, 2, 4, 8)
BATCH, EPOCHS, LEARNING_RATE = 16, 60, 0.01
TEMPERATURES = 0.1, 0.005  # at the beginning and at the end
WALKS = (2, 3, 4)  # steps; 16 walks of each length


@dataclass(frozen=True)
class Setting:
    """How many rows there are, in which box, and how much is seen of it."""

    box: str = "binary"
    rows: int = 1
    train: int = TRAIN
    test: int = TEST
    epochs: int = EPOCHS

    @property
    def bounds(self) -> tuple[int, int]:
        return BOXES[self.box]


@dataclass(frozen=True)
class Examples:
    """Costs `[N, 16]` and the best decisions for them `[N, 16]`."""

    costs: Tensor
    decisions: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Examples:
        return Examples(self.costs[rows], self.decisions[rows])


@dataclass(frozen=True)
class Result:
    """Shares of test instances decided right: with rows learned, and without any."""

    seed: int
    setting: Setting
    learned: float
    without: float


class Rows(nn.Module):
    """Rows ``<a_k, z - o_k> <= r_k``: at first o_k are points in the middle half of the box, and r_k 0.2.

    Args:
        count: of rows.
        bounds: of the box.
    """

    def __init__(self, count: int, bounds: tuple[int, int]) -> None:
        super().__init__()
        lower, upper = bounds
        self.directions = nn.Parameter(torch.rand(count, VARIABLES) - 0.5)
        points = (lower + upper) / 2 + (torch.rand(count, VARIABLES) - 0.5) * (upper - lower) / 2
        self.origins = nn.Parameter(points)
        self.radii = nn.Parameter(torch.full((count,), 0.2))

    def forward(self) -> tuple[Tensor, Tensor]:
        """A `[m, 16]` with rows of length 1, and b `[m]`."""
        a = nn.functional.normalize(self.directions, dim=1)
        return a, (a * self.origins).sum(dim=1) + self.radii


def make_rows(rng: np.random.Generator, setting: Setting) -> tuple[Tensor, Tensor]:
    """The unknown rows, A `[m, 16]` and b `[m]`, by CombOptNet's generator.

    Normals are uniform in a cube, then of length 1; each plane lies 0.2 from a point drawn in the middle half of the
    box; a corner of the box, drawn once, is feasible: rows that it violates are turned round.
    """
    lower, upper = setting.bounds
    normals = rng.random((setting.rows, VARIABLES)) - 0.5
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = (lower + upper) / 2 + (rng.random((setting.rows, VARIABLES)) - 0.5) * (upper - lower) / 2
    right = (normals * points).sum(axis=1) - 0.2
    corner = rng.choice([lower, upper], size=VARIABLES)
    side = np.where(normals @ corner <= right, 1.0, -1.0)
    return torch.from_numpy(side[:, None] * normals), torch.from_numpy(side * right)


def decide(a: Tensor, b: Tensor, costs: Tensor, bounds: tuple[int, int]) -> Tensor:
    """The best decisions under rows, `[N, 16]`; zeros where rows leave none."""
    a, b = a.detach().double(), b.detach().double()
    layer = imle.layer("highs-ilp", A_ub=a.numpy(), b_ub=b.numpy(), bounds=bounds, on_failure="zero-grad")
    with torch.no_grad():
        decisions: Tensor = layer.eval()(costs)
    return decisions


def make_examples(seed: int, setting: Setting) -> Examples:
    """Costs uniform between -1 and 1, and what is best for them under unknown rows."""
    rng = np.random.default_rng(seed)
    a, b = make_rows(rng, setting)
    costs = torch.from_numpy(rng.uniform(-1, 1, size=(setting.train + setting.test, VARIABLES))).float()
    return Examples(costs, decide(a, b, costs, setting.bounds))


def negatives(decisions: Tensor, a: Tensor, b: Tensor, bounds: tuple[int, int]) -> Tensor:
    """Points near decisions `[B, 16]`, which the rows shall cut off if they are cheaper: `[B, N, 16]`."""
    lower, upper = bounds
    near = neighbours(decisions, lower=lower, upper=upper)
    far = [walks(decisions, steps=steps, samples=16, lower=lower, upper=upper) for steps in WALKS]
    return torch.cat([near, *far, projections(decisions, a, b, lower=lower, upper=upper)], dim=1)


def learn(seed: int, seen: Examples, setting: Setting) -> tuple[Tensor, Tensor]:
    """Twice as many rows as there are, from examples alone; the soft minimum over rows hardens on the way."""
    torch.manual_seed(seed)
    rows = Rows(2 * setting.rows, setting.bounds)
    loss = SolverFree(sense="min")
    optimizer = torch.optim.Adam(rows.parameters(), lr=LEARNING_RATE)
    batches = len(seen.costs) // BATCH
    steps = setting.epochs * batches
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    first, last = TEMPERATURES
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(len(seen.costs))[: batches * BATCH].reshape(batches, BATCH)
        part = seen[order[step % batches]]
        loss.temperature = first * (last / first) ** (step / steps)
        a, b = rows()
        points = negatives(part.decisions, a, b, setting.bounds)
        optimizer.zero_grad()
        loss(part.costs, part.decisions, points, A_ub=a, b_ub=b).backward()
        optimizer.step()
        rate.step()
    learned: tuple[Tensor, Tensor] = rows()
    return learned


def accuracy(decided: Tensor, best: Tensor) -> float:
    """The share of decisions right in all variables."""
    return float(imle.metrics.exact_match(decided, best).mean())


def run_setting(seed: int, setting: Setting) -> Result:
    """Make a data set, learn rows from one part of it, and decide with them for the other."""
    examples = make_examples(seed, setting)
    seen, unseen = examples[: setting.train], examples[setting.train :]
    a, b = learn(seed, seen, setting)
    lower, upper = setting.bounds
    box = torch.where(unseen.costs > 0, float(lower), float(upper))
    decided = decide(a, b, unseen.costs, setting.bounds)
    return Result(seed, setting, accuracy(decided, unseen.decisions), accuracy(box, unseen.decisions))


def table(results: Sequence[Result]) -> dict[str, dict[str, list[float]]]:
    """Per cent decided right, by box and kind of rows, then by how many rows there are."""
    columns: dict[str, dict[str, list[float]]] = {}
    for result in results:
        line = f"{result.setting.rows} row{'s' if result.setting.rows > 1 else ''}"
        for name, value in (("learned rows", result.learned), ("no rows", result.without)):
            column = columns.setdefault(f"{result.setting.box}: {name}", {})
            column.setdefault(line, []).append(100 * value)
    return columns


def plot(columns: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A curve per box: right decisions over the number of unknown rows."""
    figure = Figure(figsize=(6.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, lines in columns.items():
        means = [float(np.mean(values)) for values in lines.values()]
        axes.plot(list(lines), means, marker="o", linestyle="-" if "learned" in name else ":", label=name)
    axes.set_ylim(0, 102)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("test instances decided right, %", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> list[Result]:
    """Run the example; returns what it shows."""
    parser = arguments(__doc__, plot="random_constraints.png", quick="one row, 400 examples, 100 instances to decide")
    parser.add_argument("--boxes", nargs="+", choices=BOXES, default=list(BOXES), help="some of: %(choices)s")
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS), help="how many unknown ones; 1 2 4 8")
    options = parser.parse_args(argv)
    if options.quick:
        settings = [Setting(rows=1, train=400, test=100, epochs=30)]
    else:
        settings = [Setting(box, rows) for box in options.boxes for rows in options.rows]
    jobs = [(seed, setting) for setting in settings for seed in seeds_of(options)]
    results = [run_setting(seed, setting) for seed, setting in with_progress(jobs, "learning rows")]
    columns = table(results)
    show("Test instances decided right in all variables, in %", columns)
    plot(columns, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
