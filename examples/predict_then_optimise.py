"""Predict, then optimise: one linear model, three problems, every gradient rule and loss, on the field's common data.

Costs are a polynomial of degree 4 of features, times noise in 1 ± 0.5; a linear model predicts them, a solver decides
(Elmachtoub & Grigas 2022; generators `imle.datasets`, the same numbers as the common benchmark's for the same seed).
What counts is the regret of the decisions on unseen rows, as a share of the best total.

- Two-stage: least squares on the costs. Decisions play no part.
- Estimators: the solver is a layer in the network; the loss is the regret, or the distance to the best decision.
- Losses: made for this task, they call the solver themselves (`imle.losses`). CaVE calls none, but asks it
  which constraints bind the best decisions. The knapsack's does not tell, and capacities hardly ever bind.

The last line knows the expected costs, but not the day's noise: a floor for any model. Hyperparameters are the same for
every method (Adam, 20 epochs at rate 0.01 or, for tours, 10 at 0.1; 10 samples and temperature 1 where there is noise),
and not tuned. The perturbation gradient is not convex: it is measured from a cold start and from a warm one, with
SPO+ for the first half of the epochs. Its step shrinks with the number of rows, as in its theory.

Each run counts twice: with its last weights, as published tables do, and with the mean of its weights over the second
half of the training, which wanders less, but lags behind where training has not settled.

Seeds make the data, but for "published": the shortest paths of PyEPO's tutorial (notebook 03), on which seeds are those
of the model only.

    python examples/predict_then_optimise.py             # all problems, five seeds, minutes
    python examples/predict_then_optimise.py --quick     # shortest paths, one seed, five methods, seconds
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import imle
from common import arguments, bars, layers, methods_of, save, seeds_of, show, with_progress
from imle import datasets, losses, metrics

BATCH = 32


@dataclass(frozen=True)
class Problem:
    """Features `[N, p]`, objectives `[N, n]` as the solver reads them, and their expectations without noise.

    Attributes:
        solver: its id.
        instance: the feasible set, the same for all rows.
        train: rows to learn from; the others are for testing.
        epochs: passes over them.
        rate: Adam's learning rate.
    """

    features: Tensor
    objectives: Tensor
    expected: Tensor
    solver: str
    instance: Mapping[str, Any]
    train: int
    epochs: int = 20
    rate: float = 0.01

    def decide(self) -> imle.SolverLayer:
        """The solver without noise, for evaluation and for the losses."""
        return imle.layer(self.solver, noise=None, **self.instance)


def shortest_path(seed: int, rows: int = 1000) -> Problem:
    """Paths through a 5 x 5 grid, 40 edges."""
    data = datasets.shortest_path(2 * rows, seed=seed)
    quiet = datasets.shortest_path(2 * rows, seed=seed, noise_width=0.0)
    instance = {"edges": data.edges, "source": 0, "target": 24}
    return Problem(data.features, data.costs, quiet.costs, "networkx-shortest-path", instance, train=rows)


def published(seed: int, rows: int = 1000) -> Problem:
    """Those with seed 42, divided as the tutorial does (scikit-learn's train_test_split, random_state=42)."""
    del seed
    whole = shortest_path(42, rows)
    shuffled = np.random.RandomState(42).permutation(2 * rows)
    order = torch.from_numpy(np.roll(shuffled, rows))  # there, the first half is for testing
    values = (whole.features[order], whole.objectives[order], whole.expected[order])
    return Problem(*values, whole.solver, whole.instance, train=rows)


def knapsack(seed: int, rows: int = 1000) -> Problem:
    """32 items, two resources of capacity 20."""
    data = datasets.knapsack(2 * rows, seed=seed)
    quiet = datasets.knapsack(2 * rows, seed=seed, noise_width=0.0)
    instance = {"weights": data.weights.numpy(), "capacity": [20.0, 20.0]}
    return Problem(data.features, data.values, quiet.values, "knapsack", instance, train=rows)


def tours(seed: int, rows: int = 100, unseen: int = 400, cities: int = 7) -> Problem:
    """Round trips through 7 cities."""
    data = datasets.tsp(rows + unseen, nodes=cities, seed=seed)
    quiet = datasets.tsp(rows + unseen, nodes=cities, seed=seed, noise_width=0.0)
    instance = {"edges": data.edges, "directed": False}
    return Problem(data.features, data.costs, quiet.costs, "tsp", instance, train=rows, epochs=10, rate=0.1)


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "paths": shortest_path,
    "published": published,
    "knapsack": knapsack,
    "tours": tours,
}

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From predicted objectives, true objectives and best solutions, `[B, n]` each, to a number."""


def estimator(rule: str | imle.estimators.Estimator, *, loss: str = "regret", **options: Any) -> Callable[..., Loss]:
    """A layer in the network, and the regret of its solutions or their distance to the best ones."""

    def make(problem: Problem) -> Loss:
        layer = layers(problem.solver, rule, **options)(**problem.instance)
        sign = 1 if layer.solver.sense == "min" else -1
        if loss == "distance":
            return lambda predicted, true, best: (layer(predicted) - best).abs().sum(dim=1).mean()
        return lambda predicted, true, best: sign * (layer(predicted) * true).sum(dim=1).mean()

    return make


def surrogate(kind: Callable[..., nn.Module], *, of_costs: bool = False, **options: Any) -> Callable[..., Loss]:
    """A loss of `imle.losses`."""

    def make(problem: Problem) -> Loss:
        module = kind(problem.decide(), **options)
        if of_costs:
            return lambda predicted, true, best: module(predicted, true, best)
        return lambda predicted, true, best: module(predicted, best)

    return make


def perturbation_gradient(problem: Problem) -> Loss:
    """On both sides, with the step that its theory has for so many rows; best solutions play no part."""
    module = losses.PerturbationGradient(problem.decide(), step=problem.train**-0.25, symmetric=True)
    return lambda predicted, true, best: module(predicted, true)


def least_squares(problem: Problem) -> Loss:
    """The two-stage approach."""
    del problem
    return lambda predicted, true, best: (predicted - true).square().mean()


NOISY: dict[str, Any] = {"nb_samples": 10, "temperature": 1.0}
UNDIVIDED = imle.estimators.IMLE(scale=False)
METHODS: dict[str, Callable[[Problem], Loss]] = {
    "two-stage": least_squares,
    "imle": estimator(UNDIVIDED, **NOISY),
    "imle, distance": estimator(UNDIVIDED, loss="distance", **NOISY),
    "imle, symmetric": estimator(imle.estimators.IMLE(symmetric=True, scale=False), **NOISY),
    "aimle": estimator("aimle", **NOISY),
    "perturbed": estimator("perturbed", **NOISY),
    "blackbox": estimator("blackbox"),
    "identity": estimator("identity"),
    "straight-through": estimator("straight-through", **NOISY),
    "SPO+": surrogate(losses.SPOPlus, of_costs=True),
    "Fenchel-Young": surrogate(losses.PerturbedFenchelYoung, **NOISY),
    "implicit MLE": surrogate(losses.ImplicitMLE, **NOISY),
    "structured hinge": surrogate(losses.StructuredHinge),
    "CaVE": surrogate(losses.CaVE),
    "perturbation gradient": perturbation_gradient,
    "perturbation gradient, warm": perturbation_gradient,
}
FIRST = {"perturbation gradient, warm": "SPO+"}
"""The method of the first half of the epochs, where it is another one."""
UNTOLD = {("knapsack", "CaVE")}
"""Problems whose solver does not tell which constraints bind, with the method that has to know."""
IN_QUICK = ("two-stage", "imle, distance", "SPO+", "Fenchel-Young", "structured hinge")
FLOOR = "expected costs known"


class Regret(NamedTuple):
    """Normalised regret on the rows that were not trained on, with two choices of weights."""

    last: float
    averaged: float


def run(problem: Problem, method: str, seed: int) -> Regret:
    """Train by one method, and test."""
    decide = problem.decide()
    best = decide(problem.objectives)
    if method == FLOOR:
        floor = held_out(problem, decide, lambda features: problem.expected[problem.train :], best)
        return Regret(floor, floor)
    torch.manual_seed(seed)
    model = nn.Linear(problem.features.shape[1], problem.objectives.shape[1])
    if method in FIRST:
        problem = replace(problem, epochs=problem.epochs // 2)
        train(model, METHODS[FIRST[method]](problem), problem, best)
    averaged = train(model, METHODS[method](problem), problem, best)
    return Regret(held_out(problem, decide, model, best), held_out(problem, decide, averaged, best))


def train(model: nn.Module, loss: Loss, problem: Problem, best: Tensor) -> AveragedModel:
    """Adam; returns the model with the mean of its weights over the second half of the steps."""
    averaged = AveragedModel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=problem.rate)
    for epoch in range(problem.epochs):
        for rows in torch.split(torch.randperm(problem.train), BATCH):
            value = loss(model(problem.features[rows]), problem.objectives[rows], best[rows])
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
            if 2 * epoch >= problem.epochs:
                averaged.update_parameters(model)
    return averaged


@torch.no_grad()
def held_out(problem: Problem, decide: imle.SolverLayer, predict: Callable[[Tensor], Tensor], best: Tensor) -> float:
    """Normalised regret of what the solver makes of predicted objectives."""
    unseen = slice(problem.train, None)
    found = decide(predict(problem.features[unseen]))
    return float(metrics.normalised_regret(problem.objectives[unseen], found, best[unseen], sense=decide.solver.sense))


Results = Mapping[str, Mapping[str, Sequence[Regret]]]
"""By problem, method and seed."""


def in_percent(found: Mapping[str, Sequence[Regret]], weights: str) -> dict[str, list[float]]:
    """By method and seed, with the "last" or the "averaged" weights."""
    return {method: [100 * getattr(regret, weights) for regret in regrets] for method, regrets in found.items()}


def plot(results: Results, path: Path) -> None:
    """A panel per problem, a bar per method."""
    figure = Figure(figsize=(5 * len(results), 5.5), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        regrets, title = in_percent(found, "averaged"), f"{name}: regret, %, averaged weights"
        bars(axes, regrets, title, baselines=["two-stage", FLOOR])
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[Regret]]]:
    """Run the example; returns what it shows: regrets by problem, method and seed."""
    quick = "shortest paths, one seed, five methods"
    parser = arguments(
        __doc__,
        METHODS,
        plot="predict_then_optimise.png",
        quick=quick,
        seed=135,
        seeds=5,
    )
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS), help="some only")
    options = parser.parse_args(argv)
    names = ["paths"] if options.quick else options.problems
    methods = [*methods_of(options, METHODS, IN_QUICK), FLOOR]
    results: dict[str, dict[str, list[Regret]]] = {
        name: {method: [] for method in methods if (name, method) not in UNTOLD} for name in names
    }
    jobs = [(name, seed, method) for name in names for seed in seeds_of(options) for method in results[name]]
    for name, seed, method in with_progress(jobs, "training"):
        results[name][method].append(run(PROBLEMS[name](seed), method, seed))
    for name, found in results.items():
        columns = {f"{weights} weights": in_percent(found, weights) for weights in Regret._fields}
        show(f"{name}: normalised regret on unseen rows, in %", columns, digits=2)
    plot(results, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
