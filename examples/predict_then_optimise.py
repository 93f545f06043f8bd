"""Predict, then optimise: one linear model, three problems, every gradient rule and loss, on the field's common data.

Costs are a polynomial of degree 4 of features, times noise in 1 ± 0.5; a linear model predicts them, a solver decides
(Elmachtoub & Grigas 2022; generators `imle.datasets`, the same numbers as the common benchmark's for the same seed).
What counts is the regret of the decisions on 1000 unseen rows, as a share of the best total.

- Two-stage: least squares on the costs. Decisions play no part.
- Estimators: the solver is a layer in the network; the loss is the regret, or the distance to the best decision.
- Losses: made for this task, they call the solver themselves (`imle.losses`).

The last line knows the expected costs, but not the day's noise: a floor for any model. Hyperparameters are the same for
every method (Adam, 20 epochs at rate 0.01 or, for tours, 10 at 0.1; 10 samples and temperature 1 where there is noise),
and not tuned.

    python examples/predict_then_optimise.py             # three problems, five seeds, minutes
    python examples/predict_then_optimise.py --quick     # shortest paths, one seed, four methods, seconds
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

import imle
from imle import datasets, losses, metrics
from imle_ortools.zoo import tsp

BATCH = 32


@dataclass(frozen=True)
class Problem:
    """Features `[N, p]`, objectives `[N, n]` as the solver reads them, and their expectations without noise.

    Attributes:
        make: a layer for this feasible set, given the options of `imle.layer`.
        shape: turns `[B, n]` into the layer's objective.
        train: rows to learn from; the others are for testing.
        epochs: passes over them.
        rate: Adam's learning rate.
    """

    name: str
    features: Tensor
    objectives: Tensor
    expected: Tensor
    make: Callable[..., imle.SolverLayer]
    shape: Callable[[Tensor], Tensor]
    train: int
    epochs: int
    rate: float


def shortest_path(seed: int, rows: int = 1000) -> Problem:
    """Paths through a 5 x 5 grid, 40 edges."""
    data = datasets.shortest_path(2 * rows, seed=seed)
    quiet = datasets.shortest_path(2 * rows, seed=seed, noise_width=0.0)
    graph = nx.DiGraph(data.edges)
    order = [data.edges.index(edge) for edge in graph.edges]  # a graph lists its edges node by node

    def make(**options: Any) -> imle.SolverLayer:
        return imle.layer("networkx-shortest-path", graph=graph, source=0, target=24, **options)

    return Problem(
        "shortest path", data.features, data.costs[:, order], quiet.costs[:, order], make, lambda c: c, rows, 20, 0.01
    )


def knapsack(seed: int, rows: int = 1000) -> Problem:
    """32 items, two resources of capacity 20."""
    data = datasets.knapsack(2 * rows, seed=seed)
    quiet = datasets.knapsack(2 * rows, seed=seed, noise_width=0.0)

    def make(**options: Any) -> imle.SolverLayer:
        return imle.layer("ortools-knapsack", weights=data.weights.numpy(), capacity=[20.0, 20.0], **options)

    return Problem("knapsack", data.features, data.values, quiet.values, make, lambda c: c, rows, 20, 0.01)


def tours(seed: int, rows: int = 100) -> Problem:
    """Round trips through 7 cities."""
    nodes = 7
    data = datasets.tsp(2 * rows, nodes=nodes, seed=seed)
    quiet = datasets.tsp(2 * rows, nodes=nodes, seed=seed, noise_width=0.0)
    first, second = (list(ends) for ends in zip(*data.edges, strict=True))

    def make(**options: Any) -> imle.SolverLayer:
        return imle.layer("ortools-cp-sat", **tsp(nodes), sense="min", **options)

    def square(costs: Tensor) -> Tensor:
        """`[B, edges]` to symmetric `[B, cities, cities]`."""
        matrix = costs.new_zeros(*costs.shape[:-1], nodes, nodes)
        matrix[..., first, second] = costs
        return matrix + matrix.mT

    return Problem("tours", data.features, data.costs, quiet.costs, make, square, rows, 10, 0.1)


PROBLEMS: dict[str, Callable[[int], Problem]] = {"paths": shortest_path, "knapsack": knapsack, "tours": tours}

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From predicted objectives, true objectives and best solutions to a number."""


def estimator(name: str | imle.estimators.Estimator, *, loss: str = "regret", **options: Any) -> Callable[..., Loss]:
    """A layer in the network, and the regret of its solutions or their distance to the best ones."""

    def make(problem: Problem) -> Loss:
        layer = problem.make(estimator=copy.deepcopy(name), **options)

        def value(predicted: Tensor, true: Tensor, best: Tensor) -> Tensor:
            solution: Tensor = layer(predicted)
            if loss == "distance":
                return (solution - best).abs().flatten(1).sum(dim=1).mean()
            sign = 1 if layer.solver.sense == "min" else -1
            return sign * (solution * true).flatten(1).sum(dim=1).mean()

        return value

    return make


def surrogate(kind: Callable[..., nn.Module], *, of_costs: bool = False, **options: Any) -> Callable[..., Loss]:
    """A loss of `imle.losses`."""

    def make(problem: Problem) -> Loss:
        module = kind(problem.make(noise=None), **options)

        def value(predicted: Tensor, true: Tensor, best: Tensor) -> Tensor:
            found: Tensor = module(predicted, true, best) if of_costs else module(predicted, best)
            return found

        return value

    return make


def least_squares(problem: Problem) -> Loss:
    """The two-stage approach."""
    del problem
    return lambda predicted, true, best: (predicted - true).square().mean()


NOISY: dict[str, Any] = {"nb_samples": 10}
METHODS: dict[str, Callable[[Problem], Loss]] = {
    "two-stage": least_squares,
    "imle": estimator("imle", **NOISY),
    "imle, distance": estimator("imle", loss="distance", **NOISY),
    "imle, symmetric": estimator(imle.estimators.IMLE(symmetric=True), **NOISY),
    "aimle": estimator("aimle", **NOISY),
    "perturbed": estimator("perturbed", **NOISY),
    "blackbox": estimator("blackbox"),
    "identity": estimator("identity"),
    "straight-through": estimator("straight-through", **NOISY),
    "SPO+": surrogate(losses.SPOPlus, of_costs=True),
    "Fenchel-Young": surrogate(losses.PerturbedFenchelYoung, **NOISY),
    "implicit MLE": surrogate(losses.ImplicitMLE, **NOISY),
}
QUICK = ("two-stage", "imle, distance", "SPO+", "Fenchel-Young")


def run(problem: Problem, method: str, seed: int) -> float:
    """Normalised regret on the rows that were not trained on."""
    seen, unseen = slice(None, problem.train), slice(problem.train, None)
    decide = problem.make(noise=None)
    with torch.no_grad():
        best = decide(problem.shape(problem.objectives))
    if method == FLOOR:
        return held_out(problem, decide, problem.shape(problem.expected[unseen]), best[unseen])
    torch.manual_seed(seed)
    model = nn.Linear(problem.features.shape[1], problem.objectives.shape[1])
    loss = METHODS[method](problem)
    optimiser = torch.optim.Adam(model.parameters(), lr=problem.rate)
    for _ in range(problem.epochs):
        for rows in torch.split(torch.randperm(problem.train), BATCH):
            optimiser.zero_grad()
            predicted = problem.shape(model(problem.features[seen][rows]))
            value = loss(predicted, problem.shape(problem.objectives[rows]), best[rows])
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimiser.step()
    with torch.no_grad():
        return held_out(problem, decide, problem.shape(model(problem.features[unseen])), best[unseen])


FLOOR = "expected costs known"


def held_out(problem: Problem, decide: imle.SolverLayer, predicted: Tensor, best: Tensor) -> float:
    """Normalised regret of what the solver makes of predicted objectives."""
    true = problem.shape(problem.objectives[problem.train :])
    solution = decide(predicted)
    found = metrics.normalised_regret(true, solution, best, sense=decide.solver.sense, event_ndim=true.ndim - 1)
    return float(found)


def show(results: dict[str, dict[str, list[float]]], console: Console) -> None:
    """A line per method, a column per problem: mean and spread over seeds."""
    table = Table("", *results, title="Normalised regret on unseen rows", title_justify="left")
    for method in next(iter(results.values())):
        cells = []
        for found in results.values():
            values = 100 * torch.tensor(found[method])
            spread = f" ± {values.std():.2f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.2f}{spread} %")
        table.add_row(method, *cells, end_section=method == list(METHODS)[-1])
    console.print(table)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Run the example; returns what it shows: regrets by problem, method and seed."""
    parser = argparse.ArgumentParser(description="Predict, then optimise.")
    parser.add_argument("--quick", action="store_true", help="shortest paths, one seed, four methods")
    parser.add_argument("--seed", type=int, default=135, help="the first seed, of data and model")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    names = ["paths"] if arguments.quick else arguments.problems
    methods = [*(QUICK if arguments.quick else METHODS), FLOOR]
    seeds = [arguments.seed + i for i in range(1 if arguments.quick else arguments.seeds)]
    console = Console()
    results: dict[str, dict[str, list[float]]] = {name: {method: [] for method in methods} for name in names}
    jobs = [(name, seed, method) for name in names for seed in seeds for method in methods]
    for name, seed, method in track(jobs, "training", console=Console(stderr=True)):
        results[name][method].append(run(PROBLEMS[name](seed), method, seed))
    show(results, console)
    return results


if __name__ == "__main__":
    main()
