"""Learn fuel prices from the schedules that a dispatcher made, around a CVXPY model left as it is.

Three power stations follow a demand that differs from day to day; each is on or off in each hour, runs between its
least and its full output while it is on, and starting one costs money. What a megawatt-hour costs at each station
depends on the day's markets. We see the day's reports, the demand and the schedule, never a price: a model turns
reports into prices, and is trained until the schedules of its prices are the dispatcher's.

In the model prices are a Parameter that multiplies sums of Variables (a station's output of the day), the demand is a
Parameter of a constraint, given per row, and start-up costs are known: they are part of every regret, and not learned.

    python examples/unit_commitment.py            # three seeds, a few minutes
    python examples/unit_commitment.py --quick    # one seed, fewer days, seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cvxpy as cp
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

# ---------------------------------------------------------------------------------------------------------------------
# The model somebody wrote in CVXPY. Nothing in it knows about learning.

HOURS = 6
LEAST, FULL = np.array([40.0, 20.0, 10.0]), np.array([120.0, 80.0, 50.0])
START = np.array([900.0, 300.0, 80.0])
STATIONS = len(FULL)


def commitment() -> tuple[cp.Problem, cp.Parameter]:
    """The cheapest schedule that meets demand, and its prices, of a megawatt-hour at each station."""
    price, demand = cp.Parameter(STATIONS, name="price"), cp.Parameter(HOURS, name="demand", nonneg=True)
    on = cp.Variable((STATIONS, HOURS), boolean=True, name="on")
    output, started = (cp.Variable((STATIONS, HOURS), nonneg=True, name=name) for name in ("output", "started"))
    rules = [
        output >= cp.multiply(LEAST[:, None], on),
        output <= cp.multiply(FULL[:, None], on),
        started[:, 0] >= on[:, 0],
        started[:, 1:] >= on[:, 1:] - on[:, :-1],
        started <= 1,
        cp.sum(output, axis=0) >= demand,
    ]
    cost = price @ cp.sum(output, axis=1) + START @ cp.sum(started, axis=1)
    return cp.Problem(cp.Minimize(cost), rules), price


# ---------------------------------------------------------------------------------------------------------------------
# What imle adds: `[B, 3]` prices to `[B, 3]` outputs of the day, in megawatt-hours.

REPORTS = 5
"""Numbers known about a day: weather and markets."""
USUAL = torch.tensor([22.0, 27.0, 36.0])
BATCH, LEARNING_RATE, TEMPERATURE, SAMPLES = 20, 0.03, 1.0, 2


class Days(NamedTuple):
    """Reports `[N, 5]`, demands `[N, 6]`, prices `[N, 3]`, and what stations gave on these days, `[N, 3]`."""

    reports: Tensor
    demand: Tensor
    price: Tensor
    output: Tensor

    def at(self, rows: slice | Tensor) -> Days:
        """Some of them."""
        return Days(*(part[rows] for part in self))


def make_days(count: int, seed: int, dispatch: imle.SolverLayer) -> Days:
    """Prices move by up to 60 % with the reports."""
    generator = torch.Generator().manual_seed(seed)
    reports = torch.randn(count, REPORTS, generator=generator)
    hidden = torch.randn(REPORTS, STATIONS, generator=generator)
    price = USUAL * (1 + 0.6 * torch.tanh(reports @ hidden / 2))
    curve = torch.tensor([0.5, 0.7, 1.0, 0.9, 0.8, 0.6])
    demand = 190 * curve * (0.7 + 0.5 * torch.rand(count, 1, generator=generator))
    return Days(reports, demand, price, dispatch(price, values=demand))


class Prices(nn.Module):
    """Usual prices, times a factor that depends on the reports, and starts as 1."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(24, STATIONS)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.factors = nn.Sequential(nn.Linear(REPORTS, 24), nn.Tanh(), last)

    def forward(self, reports: Tensor) -> Tensor:
        factors: Tensor = self.factors(reports)
        return USUAL * torch.exp(factors)


def train(model: nn.Module, loss: imle.losses.SolverLoss, days: Days, epochs: int) -> None:
    """Fit schedules; the loss knows the start-up costs, since the layer's problem has them."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(days.demand)), BATCH):
            part = days.at(rows)
            fitted = loss(model(part.reports), part.output, values=part.demand)
            optimizer.zero_grad()
            torch.autograd.backward(fitted / part.output.sum(dim=1).mean())  # per megawatt-hour
            optimizer.step()


@torch.no_grad()
def judge(model: nn.Module, dispatch: imle.SolverLayer, days: Days) -> float:
    """What schedules of the model's prices cost in truth, above the best ones; a share."""
    decided = dispatch(model(days.reports), values=days.demand)
    lost = imle.metrics.normalised_regret(days.price, decided, days.output, layer=dispatch, values=days.demand)
    return float(lost)


def run(seed: int, *, train_days: int, test_days: int, epochs: int) -> dict[str, float]:
    """Regret on held-out days before and after training."""
    problem, price = commitment()
    dispatch = imle.layer("cvxpy", problem=problem, parameters=price, noise=None).eval()
    loss = imle.losses.PerturbedFenchelYoung(
        imle.layer("cvxpy", problem=problem, parameters=price), nb_samples=SAMPLES, temperature=TEMPERATURE
    )
    days = make_days(train_days + test_days, seed, dispatch)
    seen, unseen = days.at(slice(train_days)), days.at(slice(train_days, None))
    torch.manual_seed(seed)
    model = Prices()
    found = {"usual prices (before training)": judge(model, dispatch, unseen)}
    train(model, loss, seen, epochs)
    return {**found, "learned from schedules": judge(model, dispatch, unseen)}


def main(argv: Sequence[str] | None = None) -> dict[int, dict[str, float]]:
    """Run the example; returns what it shows: regret by seed and method."""
    parser = arguments(__doc__, plot="unit_commitment.png", quick="one seed, fewer days")
    options = parser.parse_args(argv)
    size = (
        {"train_days": 40, "test_days": 20, "epochs": 2}
        if options.quick
        else {"train_days": 200, "test_days": 200, "epochs": 8}
    )
    results = {seed: run(seed, **size) for seed in with_progress(seeds_of(options), "learning prices")}
    regrets = {name: [100 * found[name] for found in results.values()] for name in next(iter(results.values()))}
    show("Cost of schedules above the best ones, on held-out days, in %", {"regret": regrets})
    plot(regrets, options.plot)
    return results


def plot(regrets: Mapping[str, Sequence[float]], path: Path) -> None:
    """A bar per method."""
    figure = Figure(figsize=(6.5, 1.8), layout="constrained")
    bars(figure.subplots(), regrets, "regret on held-out days, %", baselines=[next(iter(regrets))])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
