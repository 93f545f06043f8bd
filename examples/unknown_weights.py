"""Learn the constraints: pack items whose weights are predicted, and train on what unpacking costs.

A van is loaded before its items are weighed. We know what each is worth, and predict weights from five features; a
knapsack solver packs by predicted weights. Then they are weighed. If too much is in, items are taken out again, each at
PENALTY times its value; into room that is left go others, which earn their value divided by PENALTY. So to predict too
little costs more than to predict too much; how much more depends on the choice that the prediction leads to.

Problem and generator are those of Silvestri et al. (2023, arXiv 2307.05213: 50 items, degree 5, Poisson weights); the
loss is post-hoc regret (Hu, Lee and Lee 2023, arXiv 2209.03668), what is lost against one who knows the weights. With
the field's electricity prices (`--data FOLDER`, see `imle.datasets.load_energy`) there is a second problem: choose the
half hours of a day in which to run a plant, within a budget, by predicted prices.

- Two-stage: least squares on the weights.
- Two-stage with a margin: the same, times the factor that does best on validation data. The cheapest remedy.
- Feasibility-aware (Mandi et al. 2025): that model, trained on with `imle.losses.FeasibilityAware`.
- End to end: that model, trained on with the loss of the decisions. Its gradient goes through the solver by noise on
  the weights, `learned={"weights": ...}` and `layer.expected_loss`.

    python examples/unknown_weights.py             # five seeds, two minutes
    python examples/unknown_weights.py --quick     # one seed, fewer rows, seconds
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, methods_of, save, seeds_of, show, with_progress
from imle import datasets

ITEMS, PENALTY = 50, 10.0
LEAST = 0.01
"""The least weight that is predicted, in units of the mean."""
MARGINS = [1 + step / 20 for step in range(-4, 21)]

SAMPLES, BATCH, LEARNING_RATE = 16, 32, 0.003


class Rows(NamedTuple):
    """What is known of rows, the weights `[N, n]` that show after packing, and what one earns who knows them, `[N]`."""

    features: Tensor
    weights: Tensor
    best: Tensor

    def at(self, rows: slice | Tensor) -> Rows:
        """Some of them."""
        return Rows(*(part[rows] for part in self))


class Problem:
    """A knapsack whose weights are not known: rows to train on, to choose by (`validation`), and to test with.

    Args:
        features: `[N, p]`, for all items, or `[N, n, p]`, for each of them.
        weights: of the items, `[N, n]`.
        values: of the items, `[n]`.
        parts: how many rows are for training, and how many for validation; the rest is for testing.
        share: of what all items of the training rows weigh on average; this is the capacity.
    """

    def __init__(self, features: Tensor, weights: Tensor, values: Tensor, parts: tuple[int, int], share: float = 0.2):
        train, validation = parts
        self.values = values
        self.capacity = float(round(share * float(weights[:train].sum(dim=1).mean())))
        self.solve = imle.layer("knapsack", capacity=self.capacity, noise=None).eval()
        rows = Rows(features, weights, self.pack(weights) @ values)
        self.train, self.validation = rows.at(slice(train)), rows.at(slice(train, train + validation))
        self.test = rows.at(slice(train + validation, None))

    @torch.no_grad()
    def pack(self, weights: Tensor) -> Tensor:
        """The best sets `[N, n]` for weights `[N, n]`."""
        packed: Tensor = self.solve(self.values.expand_as(weights), weights=weights)
        return packed

    @torch.no_grad()
    def post_hoc_regret(self, packed: Tensor, rows: Rows) -> Tensor:
        """What sets `[B, S, n]` lose once items are weighed, as a share of what could have been earned; `[B, S]`.

        Repacking is a knapsack, too: of what is in, keeping an item saves PENALTY times its value.
        """
        weights = rows.weights.unsqueeze(1).expand_as(packed).flatten(0, 1)
        flat = packed.flatten(0, 1)
        offers = self.values * torch.where(flat > 0.5, PENALTY, 1 / PENALTY)
        changes = self.solve(offers, weights=weights) - flat  # -1 where an item is taken out, 1 where one is put in
        earned = flat @ self.values + (changes * offers).sum(dim=1)
        lost: Tensor = 1 - earned.unflatten(0, packed.shape[:2]) / rows.best.unsqueeze(1)
        return lost


def generated(seed: int, train: int, validation: int, test: int) -> Problem:
    """The papers': weights are Poisson with rate `((B x / sqrt(5) + 3)^5 + 1) (1 +- 0.1)`, B a random 0/1 matrix.

    An item is worth the sum over rows of its weight, scaled to 0 to 1, times a number of its own between 0 and 1.
    """
    rows = train + validation + test
    rng = np.random.default_rng(seed)
    mixing = rng.binomial(1, 0.5, size=(ITEMS, 5))
    features = rng.normal(size=(rows, 5))
    rates = (1 + (features @ mixing.T / 5**0.5 + 3) ** 5) * rng.uniform(0.9, 1.1, size=(rows, ITEMS))
    weights = rng.poisson(np.maximum(rates, 0.0))
    low, high = weights.min(axis=0), weights.max(axis=0)
    values = rng.uniform(size=ITEMS) * ((weights - low) / (high - low)).sum(axis=0)
    known, asked, worth = (torch.from_numpy(array).float() for array in (features, weights, values))
    return Problem(known, asked, worth, parts=(train, validation))


def electricity(folder: Path, seed: int) -> Problem:
    """48 half hours to choose from: they "weigh" what running the plant costs, and are worth the hours that it runs."""
    data = datasets.load_energy(folder, seed=seed)
    days = (data.train, data.validation, data.test)
    features, costs = torch.cat([part.features for part in days]), torch.cat([part.values for part in days])
    return Problem(features, costs, data.weights.float(), parts=(len(data.train.values), len(data.validation.values)))


class Weights(nn.Module):
    """A linear model made positive: `[B, p]` to weights `[B, n]`, or `[B, n, p]`, one model for all items.

    It starts as the least squares solution.
    """

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        items = rows.weights.shape[1]
        self.unit = float(rows.weights.mean())
        self.linear = nn.Linear(rows.features.shape[-1], items if rows.features.ndim == 2 else 1)
        with_one = torch.cat([rows.features, torch.ones_like(rows.features[..., :1])], dim=-1).flatten(0, -2)
        targets = rows.weights.reshape(-1, self.linear.out_features) / self.unit - LEAST
        solution: Tensor = torch.linalg.lstsq(with_one, targets).solution
        with torch.no_grad():
            self.linear.weight.copy_(solution[:-1].T)
            self.linear.bias.copy_(solution[-1])

    def forward(self, features: Tensor) -> Tensor:
        # The softplus differs from its argument only below a fifth of the mean weight. The derivative of a positive
        # parameter is that of its logarithm, divided by it: it stays away from zero.
        positive = nn.functional.softplus(self.linear(features).reshape(len(features), -1), beta=20.0)
        return self.unit * (LEAST + positive)


@dataclass(frozen=True)
class Score:
    """On rows that were not trained on.

    Attributes:
        regret: post-hoc, mean.
        overweight: share of rows that have to be repacked.
        error: root mean square error of the weights, in units of their mean.
    """

    regret: float
    overweight: float
    error: float


@torch.no_grad()
def evaluate(problem: Problem, predicted: Tensor, rows: Rows) -> Score:
    """Pack by predicted weights, and weigh."""
    packed = problem.pack(predicted)
    return Score(
        regret=float(problem.post_hoc_regret(packed.unsqueeze(1), rows).mean()),
        overweight=float(((packed * rows.weights).sum(dim=1) > problem.capacity).float().mean()),
        error=float((predicted - rows.weights).square().mean().sqrt() / rows.weights.mean()),
    )


@torch.no_grad()
def with_margin(problem: Problem, model: Weights) -> Weights:
    """The model times the factor that does best on validation data."""
    rows = problem.validation

    def times(factor: float) -> Weights:
        scaled = copy.deepcopy(model)
        for parameter in scaled.parameters():
            parameter.mul_(factor)
        return scaled

    return min(map(times, MARGINS), key=lambda scaled: evaluate(problem, scaled(rows.features), rows).regret)


Loss = Callable[[Tensor, Rows], Tensor]
"""From predicted weights `[B, n]` and what is true of these rows to a number."""


def expected_regret(problem: Problem, sigma: float) -> Loss:
    """Post-hoc regret of sets packed by predictions with noise, the standard deviation of which is relative."""
    learned = {"weights": sigma}
    layer = imle.layer("knapsack", capacity=problem.capacity, noise=None, learned=learned, nb_samples=SAMPLES)

    def loss(predicted: Tensor, rows: Rows) -> Tensor:
        lost = functools.partial(problem.post_hoc_regret, rows=rows)  # of sampled sets
        return layer.expected_loss(problem.values.expand_as(predicted), lost, weights=predicted).mean()

    return loss


def feasibility_aware(problem: Problem, weight: float) -> Loss:
    """Predictions shall allow the best set, and forbid one that turns out too heavy. What that costs plays no part."""

    def violation(packed: Tensor, weights: Tensor) -> Tensor:
        return (packed * weights).sum(dim=1, keepdim=True) / problem.capacity - 1

    rule = imle.losses.FeasibilityAware(problem.solve, weight=weight, margin=0.05, sharpness=20.0, violation=violation)

    def loss(predicted: Tensor, rows: Rows) -> Tensor:
        values = problem.values.expand_as(predicted)
        value: Tensor = rule(values, problem.pack(rows.weights), {"weights": rows.weights}, weights=predicted)
        return value

    return loss


METHODS: dict[str, Callable[[Problem], Loss]] = {
    "feasibility-aware": functools.partial(feasibility_aware, weight=0.8),
    "end to end, noise 5 %": functools.partial(expected_regret, sigma=0.05),
    "end to end, noise 15 %": functools.partial(expected_regret, sigma=0.15),
}


def train(problem: Problem, model: nn.Module, loss: Loss, epochs: int) -> nn.Module:
    """The model after the epoch that did best on validation data."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def validated() -> float:
        with torch.no_grad():
            return evaluate(problem, model(problem.validation.features), problem.validation).regret

    kept, least = copy.deepcopy(model), validated()
    for _ in range(epochs):
        for order in torch.split(torch.randperm(len(problem.train.weights)), BATCH):
            rows = problem.train.at(order)
            value = loss(model(rows.features), rows)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
        if (found := validated()) < least:
            kept, least = copy.deepcopy(model), found
    return kept


def run(problem: Problem, seed: int, methods: Sequence[str], epochs: int) -> dict[str, Score]:
    """Scores of all methods on the test rows of a problem."""
    fitted = Weights(problem.train)
    margin = with_margin(problem, fitted)
    models: dict[str, nn.Module] = {"two-stage": fitted, "two-stage, margin": margin}
    for name in methods:
        torch.manual_seed(seed)  # each method sees the same order of rows
        models[name] = train(problem, copy.deepcopy(margin), METHODS[name](problem), epochs)
    rows = problem.test
    with torch.no_grad():
        return {name: evaluate(problem, model(rows.features), rows) for name, model in models.items()}


MEASURES = {"regret": "post-hoc regret", "overweight": "overweight", "error": "error of weights"}


def columns(results: Sequence[Mapping[str, Score]]) -> dict[str, dict[str, list[float]]]:
    """In percent, by measure, method and seed."""
    return {
        heading: {name: [100 * getattr(scores[name], measure) for scores in results] for name in results[0]}
        for measure, heading in MEASURES.items()
    }


def plot(results: Mapping[str, Sequence[Mapping[str, Score]]], path: Path) -> None:
    """A panel per problem, a bar per method."""
    figure = Figure(figsize=(7 * len(results), 2.8), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        regrets = columns(found)[MEASURES["regret"]]
        bars(axes, regrets, f"{name}: post-hoc regret, %", baselines=[m for m in regrets if m not in METHODS])
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> dict[str, list[dict[str, Score]]]:
    """Run the example; returns what it shows: scores by problem, seed and method."""
    quick = "one seed, fewer rows, one method"
    parser = arguments(__doc__, METHODS, plot="unknown_weights.png", quick=quick, seeds=5)
    parser.add_argument("--data", type=Path, help="folder with the benchmark's electricity prices, prices.npz")
    options = parser.parse_args(argv)
    methods = methods_of(options, METHODS, list(METHODS)[-1:])
    sizes, epochs = ((600, 200, 600), 4) if options.quick else ((800, 200, 1000), 15)
    problems: dict[str, Callable[[int], Problem]] = {"generated": lambda seed: generated(seed, *sizes)}
    if options.data:
        problems["electricity"] = functools.partial(electricity, options.data)
    results: dict[str, list[dict[str, Score]]] = {name: [] for name in problems}
    for name, seed in with_progress(list(itertools.product(problems, seeds_of(options))), "learning to weigh"):
        results[name].append(run(problems[name](seed), seed, methods, epochs))
    for name, found in results.items():
        show(f"{name}: test rows, in %", columns(found))
    plot(results, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
