"""Learn the constraints: ship before demand is known, and train the forecast on what shipping and shortages cost.

Three warehouses supply six bars. Crates leave in the morning, for demands that a model predicts from the day's reports;
the cheapest plan that delivers them is a linear program. In the evening each crate that a bar was short of costs
SHORTAGE. When warehouses are empty, a wholesaler delivers at once, for more than any route costs. How surely demand
can be known differs from bar to bar, and so does what a crate too many costs: no one margin is right for all.

A second table has whole loads of 10 crates only, an integer program: what is shipped is a step function of what is
predicted.

- Two-stage: least squares on the logarithm of demand.
- Two-stage with a margin: the same, times the factor that does best on the days trained on. The cheapest remedy.
- By value: plans of crates deliver exactly what is predicted, so their cost is the optimal value of the program. Its
  derivative in the right-hand side is exact: the duals (`layer.value`). For loads it is that of the relaxation.
- By noise: the plan's cost in the evening is averaged over noise on the prediction (`learned={"b_ub": ...}`,
  `layer.expected_loss`). An estimate, for any loss of any solver's plan.

    python examples/unknown_demand.py             # three seeds, two minutes
    python examples/unknown_demand.py --quick     # one seed, fewer days, crates only, seconds
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

SUPPLY = torch.tensor([70.0, 45.0, 55.0])
DEMAND = torch.tensor([22.0, 17.0, 31.0, 14.0, 26.0, 20.0])
SPREAD = torch.tensor([0.05, 0.25, 0.1, 0.4, 0.15, 0.2])
"""Of the logarithm of a bar's demand, given the reports."""
CRATE_COST = torch.tensor(
    [
        [2.0, 4.0, 5.0, 2.5, 3.0, 6.0],
        [3.5, 1.5, 3.0, 4.5, 4.0, 2.5],
        [4.0, 3.0, 2.0, 3.0, 5.0, 3.5],
    ]
)
WHOLESALE, SHORTAGE = 8.0, 15.0
WAREHOUSES, BARS = CRATE_COST.shape
REPORTS = 6
MARGINS = [1 + step / 20 for step in range(-2, 11)]
BATCH, LEARNING_RATE, SAMPLES = 25, 0.01, 4
NOISE = 0.1
"""Standard deviation of the factors on predicted demands. They keep their sign, because demands have one."""


class Days(NamedTuple):
    """Reports `[N, 6]`, what each bar asks for, `[N, 6]` crates, and the medians of that, which nobody knows."""

    reports: Tensor
    demand: Tensor
    median: Tensor

    def at(self, rows: slice | Tensor) -> Days:
        """Some of them."""
        return Days(*(part[rows] for part in self))


def make_days(count: int, seed: int) -> Days:
    """A day's demand is a bar's usual one, times what the reports say (between a half and double), times chance."""
    generator = torch.Generator().manual_seed(seed)
    reports = torch.randn(count, REPORTS, generator=generator)
    hidden = torch.randn(REPORTS, BARS, generator=generator) / REPORTS**0.5
    median = DEMAND * torch.exp(0.7 * torch.tanh(reports @ hidden))
    return Days(reports, median * torch.exp(SPREAD * torch.randn(count, BARS, generator=generator)), median)


class Demand(nn.Module):
    """A bar's usual demand, times the exponential of a linear function of the reports: `[B, 6]` to `[B, 6]`.

    It starts as the least squares solution for the logarithm.
    """

    def __init__(self, days: Days) -> None:
        super().__init__()
        self.linear = nn.Linear(REPORTS, BARS)
        with_one = torch.cat([days.reports, torch.ones(len(days.reports), 1)], dim=1)
        solution: Tensor = torch.linalg.lstsq(with_one, torch.log(days.demand / DEMAND)).solution
        with torch.no_grad():
            self.linear.weight.copy_(solution[:-1].T)
            self.linear.bias.copy_(solution[-1])

    def forward(self, reports: Tensor) -> Tensor:
        return DEMAND * torch.exp(self.linear(reports))


class Dispatch:
    """The program that ships demands at least cost: in loads of one crate, or any part of it, or in whole larger loads.

    Variables are loads on the 18 routes, warehouse by warehouse, loads from the wholesaler to each bar, and those that
    stay in each warehouse. Rows of A_eq say that all of a warehouse's loads are somewhere, rows of A_ub that each bar
    gets its demand; so demand is all there is in b_ub.

    Args:
        crates: in a load.
    """

    def __init__(self, crates: int) -> None:
        self.crates = crates
        stays, wholesale = torch.eye(WAREHOUSES), torch.full((BARS,), WHOLESALE)
        self.costs = crates * torch.cat([CRATE_COST.flatten(), wholesale, torch.zeros(WAREHOUSES)])
        leaves = torch.cat([stays.repeat_interleave(BARS, dim=1), torch.zeros(WAREHOUSES, BARS), stays], dim=1)
        self.arrives = torch.cat([torch.eye(BARS).repeat(1, WAREHOUSES + 1), torch.zeros(BARS, WAREHOUSES)], dim=1)
        self.instance: dict[str, Any] = {"A_eq": leaves, "b_eq": (SUPPLY / crates).floor(), "A_ub": -self.arrives}
        self.plan = self.layer(noise=None).eval()

    def layer(self, **options: Any) -> imle.SolverLayer:
        """Costs and `b_ub` to plans. HiGHS needs no more than its lean options for so small an integer program."""
        solver: dict[str, Any] = (
            {"solver": "highs-lp"} if self.crates == 1 else {"solver": "highs-ilp", "tuning": "lean"}
        )
        return imle.layer(**solver, **self.instance, **options)

    def asked(self, demand: Tensor) -> Tensor:
        """The program's `b_ub` for demands in crates."""
        return -demand / self.crates

    def shortage(self, delivered: Tensor, demand: Tensor) -> Tensor:
        """What it costs to deliver `[..., 6]` crates when `[..., 6]` are asked for."""
        return SHORTAGE * (demand - delivered).clamp(min=0).sum(dim=-1)

    def cost(self, plans: Tensor, demand: Tensor) -> Tensor:
        """What plans `[B, S, 27]` have cost in the evening, of demands `[B, 6]`; `[B, S]`."""
        delivered = self.crates * plans @ self.arrives.T
        return plans @ self.costs + self.shortage(delivered, demand.unsqueeze(1))


Loss = Callable[[Tensor, Tensor], Tensor]
"""From predicted and true demands, `[B, 6]` each, to what the day costs, `[B]`, with a gradient."""


def by_value(dispatch: Dispatch) -> Loss:
    """Plans deliver what is predicted, or a little more in whole loads; their cost is the value of the program."""
    layer = dispatch.layer(noise=None)
    named = {} if dispatch.crates == 1 else {"relaxation": True}

    def loss(predicted: Tensor, demand: Tensor) -> Tensor:
        costs = dispatch.costs.expand(len(demand), -1)
        return layer.value(costs, b_ub=dispatch.asked(predicted), **named) + dispatch.shortage(predicted, demand)

    return loss


def by_noise(dispatch: Dispatch) -> Loss:
    """What plans for predictions with noise cost, on average."""
    layer = dispatch.layer(noise=None, nb_samples=SAMPLES, learned={"b_ub": ("multiplicative", NOISE)})

    def loss(predicted: Tensor, demand: Tensor) -> Tensor:
        costs = dispatch.costs.expand(len(demand), -1)
        cost = functools.partial(dispatch.cost, demand=demand)
        return layer.expected_loss(costs, cost, b_ub=dispatch.asked(predicted))

    return loss


METHODS = {"by value": by_value, "by noise": by_noise}
FLOOR = "distribution known"


@torch.no_grad()
def total_cost(dispatch: Dispatch, predicted: Tensor, demand: Tensor) -> float:
    """What plans for predicted demands have cost in the evening, all days together."""
    plans = dispatch.plan(dispatch.costs.expand(len(demand), -1), b_ub=dispatch.asked(predicted))
    return float(dispatch.cost(plans.unsqueeze(1), demand).sum())


@torch.no_grad()
def best_margin(dispatch: Dispatch, model: nn.Module, days: Days) -> float:
    """The factor on predicted demands that does best on these days."""
    predicted = model(days.reports)
    return min(MARGINS, key=lambda factor: total_cost(dispatch, factor * predicted, days.demand))


def best_plans(dispatch: Dispatch, days: Days) -> Tensor:
    """What to ship if each day's distribution of demand is known, for plans of crates: `[N, 6]`.

    What it costs on average is convex: the value of the program, and the expected shortage of log-normal demands.
    """
    layer, costs = dispatch.layer(noise=None), dispatch.costs.expand(len(days.median), -1)
    shipped = (days.median * torch.exp(SPREAD / 2)).requires_grad_()
    optimizer = torch.optim.Adam([shipped], lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(40):
        z = torch.log(shipped / days.median) / SPREAD
        mean = days.median * torch.exp(SPREAD**2 / 2)
        over, under = torch.special.ndtr(SPREAD - z), torch.special.ndtr(-z)
        short = mean * over - shipped * under
        cost = layer.value(costs, b_ub=dispatch.asked(shipped)) + SHORTAGE * short.sum(dim=1)
        optimizer.zero_grad()
        torch.autograd.backward(cost.sum())
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            shipped.clamp_(min=0.1)
    return shipped.detach()


def end_to_end(model: nn.Module, days: Days, loss: Loss, epochs: int) -> None:
    """Train the model on what its predictions cost."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(days.demand)), BATCH):
            cost = loss(model(days.reports[rows]), days.demand[rows]).mean()
            optimizer.zero_grad()
            torch.autograd.backward(cost / DEMAND.sum())  # per crate
            optimizer.step()


def run(crates: int, seed: int, *, train: int, test: int, epochs: int) -> dict[str, float]:
    """What all methods cost on held-out days, above the plans of one who knows the demand; a share."""
    dispatch = Dispatch(crates)
    days = make_days(train + test, seed)
    seen, unseen = days.at(slice(train)), days.at(slice(train, None))
    fitted = Demand(seen)
    least = total_cost(dispatch, unseen.demand, unseen.demand)

    @torch.no_grad()
    def held_out(model: nn.Module, factor: float = 1.0) -> float:
        return total_cost(dispatch, factor * model(unseen.reports), unseen.demand) / least - 1

    margin = best_margin(dispatch, fitted, seen.at(slice(300)))  # one number: 300 days tell it
    found = {"two-stage": held_out(fitted), "two-stage, margin": held_out(fitted, margin)}
    for name, method in METHODS.items():
        torch.manual_seed(seed)  # each method sees the same order of days
        model = copy.deepcopy(fitted)
        end_to_end(model, seen, method(dispatch), epochs)
        found[name] = held_out(model)
    if crates == 1:
        found[FLOOR] = total_cost(dispatch, best_plans(dispatch, unseen), unseen.demand) / least - 1
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, list[dict[str, float]]]:
    """Run the example; returns what it shows: excess costs by kind of load, seed and method."""
    parser = arguments(__doc__, plot="unknown_demand.png", quick="one seed, fewer days, crates only")
    options = parser.parse_args(argv)
    train, test, epochs = (200, 100, 5) if options.quick else (400, 500, 8)
    loads = {"crates": 1} if options.quick else {"crates": 1, "loads of 10": 10}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in loads}
    for name, seed in with_progress(list(itertools.product(loads, seeds_of(options))), "learning demands"):
        results[name].append(run(loads[name], seed, train=train, test=test, epochs=epochs))
    columns = {name: {m: [100 * scores[m] for scores in found] for m in found[0]} for name, found in results.items()}
    show("Cost on held-out days above that of one who knows the demand, in %", columns)
    plot(columns, options.plot)
    return results


def plot(columns: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A panel per kind of load, a bar per method."""
    figure = Figure(figsize=(6.5 * len(columns), 2.4), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns.items(), strict=True):
        bars(axes, found, f"{name}: excess cost, %", baselines=[method for method in found if method not in METHODS])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
