"""Learn what a dispatcher knows: transport costs from shipped plans, with a PuLP model left as it is.

Three warehouses supply six bars. What a crate costs on a route depends on the day: rain, wind, roadworks, traffic. The
dispatcher knows these costs and ships the cheapest plan; we see the day's reports and the plan, never a cost. A model
turns reports into surcharges on the list prices; it is trained until the plans of its costs are the dispatcher's.

Plans reveal costs only in comparison: a surcharge on all routes to one bar changes no plan. So learned costs are not
compared with the true ones; plans are, and what they cost in truth. For comparison, the last line of the table is the
same model fitted to the true costs themselves, which nobody has in practice.

    python examples/transport.py            # three seeds, one to two minutes
    python examples/transport.py --quick    # one seed, fewer days, seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulp  # type: ignore[import-untyped]
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress
from imle.estimators import IMLE

# ---------------------------------------------------------------------------------------------------------------------
# The model somebody wrote in PuLP before imle was thought of. Nothing in it knows about learning.

SUPPLY = {"harbour": 70, "hilltop": 45, "station": 55}
DEMAND = {"Anchor": 22, "Bell": 17, "Crown": 31, "Duke": 14, "Eagle": 26, "Fox": 20}
CRATE_COST = {
    "harbour": {"Anchor": 2.0, "Bell": 4.0, "Crown": 5.0, "Duke": 2.5, "Eagle": 3.0, "Fox": 6.0},
    "hilltop": {"Anchor": 3.5, "Bell": 1.5, "Crown": 3.0, "Duke": 4.5, "Eagle": 4.0, "Fox": 2.5},
    "station": {"Anchor": 4.0, "Bell": 3.0, "Crown": 2.0, "Duke": 3.0, "Eagle": 5.0, "Fox": 3.5},
}


def beer_problem() -> tuple[pulp.LpProblem, dict[str, dict[str, pulp.LpVariable]]]:
    """How many crates travel from each warehouse to each bar, at list prices."""
    problem = pulp.LpProblem("beer", pulp.LpMinimize)
    route = problem.add_variable_dicts("route", (SUPPLY, DEMAND), lowBound=0)
    problem += pulp.lpSum(CRATE_COST[w][b] * route[w][b] for w in SUPPLY for b in DEMAND), "total_cost"
    for w in SUPPLY:
        problem += pulp.lpSum(route[w][b] for b in DEMAND) <= SUPPLY[w], f"supply_of_{w}"
    for b in DEMAND:
        problem += pulp.lpSum(route[w][b] for w in SUPPLY) >= DEMAND[b], f"demand_of_{b}"
    return problem, route


# ---------------------------------------------------------------------------------------------------------------------
# What imle adds: the same problem as a layer, `[B, 18]` costs to `[B, 18]` crates.

REPORTS = 6
"""Numbers known about a day: rain, wind, heat, roadworks, traffic, match day."""
ROUTES = len(SUPPLY) * len(DEMAND)
BATCH, EPOCHS, LEARNING_RATE = 25, 10, 0.01

SETTINGS: dict[str, dict[str, Any]] = {
    "learned, defaults": {},
    # A linear program answers the default step (beta = 1) with a far vertex: it makes some costs negative, and nearly
    # every target plan ships more than anybody ordered. Small steps find a neighbouring plan that is a little better.
    # The noise has to be smaller than the differences between prices, which are 1.5 to 6, for the same reason.
    "learned, small steps": {"estimator": IMLE(beta=0.03, scale=False), "temperature": 0.3, "nb_samples": 4},
}


@dataclass(frozen=True)
class Days:
    """Reports `[N, 6]`, the dispatcher's plans `[N, 18]`, and the true costs `[N, 18]`, which no training sees."""

    reports: Tensor
    plans: Tensor
    costs: Tensor

    def __getitem__(self, rows: slice) -> Days:
        return Days(self.reports[rows], self.plans[rows], self.costs[rows])


@dataclass(frozen=True)
class Score:
    """Shares on held-out days.

    Attributes:
        same: plans equal to the dispatcher's on every route.
        misrouted: crates on another route than the dispatcher's.
        regret: what the plans cost in truth above the dispatcher's.
    """

    same: float
    misrouted: float
    regret: float


class Surcharges(nn.Module):
    """List prices times the exponential of a linear function of the reports: `[B, 6]` to costs `[B, 18]`.

    Costs are positive whatever the weights are, and the untrained model is the price list.
    """

    prices: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prices", torch.tensor([CRATE_COST[w][b] for w in SUPPLY for b in DEMAND]))
        self.linear = nn.Linear(REPORTS, ROUTES)
        for parameter in self.linear.parameters():
            nn.init.zeros_(parameter)

    def forward(self, reports: Tensor) -> Tensor:
        return self.prices * torch.exp(self.linear(reports))


def plan_layer(**options: Any) -> nn.Module:
    """Costs `[B, 18]`, warehouse by warehouse, to crates `[B, 18]`."""
    problem, route = beer_problem()
    variables = [route[w][b] for w in SUPPLY for b in DEMAND]
    return imle.layer("pulp-lp", problem=problem, variables=variables, **options)


def make_days(count: int, seed: int) -> Days:
    """Days with hidden surcharges between half and double the price, which saturate: no model fits them exactly."""
    generator = torch.Generator().manual_seed(seed)
    reports = torch.randn(count, REPORTS, generator=generator)
    hidden = torch.randn(REPORTS, ROUTES, generator=generator) / REPORTS**0.5
    with torch.no_grad():
        costs = Surcharges()(reports) * torch.exp(0.7 * torch.tanh(reports @ hidden))
    return Days(reports, plan_layer().eval()(costs), costs)


@torch.no_grad()
def evaluate(model: nn.Module, days: Days) -> Score:
    """Compare the plans of the model's costs with the dispatcher's."""
    plans = plan_layer().eval()(model(days.reports))
    off = (plans - days.plans).abs()
    paid, best = ((days.costs * p).sum() for p in (plans, days.plans))
    return Score(
        same=float((off < 1e-3).all(dim=1).float().mean()),
        # a crate on a wrong route is one too many there, and one too few elsewhere
        misrouted=float(off.sum() / (2 * days.plans.sum())),
        regret=float(paid / best - 1),
    )


def learn_from_plans(model: nn.Module, days: Days, layer: nn.Module) -> None:
    """Minimise the squared distance between the model's plans and the dispatcher's."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(days.plans)).reshape(-1, BATCH):
            plans = layer(model(days.reports[rows]))
            loss = (plans - days.plans[rows]).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def fit_to_costs(model: Surcharges, days: Days) -> None:
    """Least squares on the logarithm of the true surcharges."""
    with_one = torch.cat([days.reports, torch.ones(len(days.reports), 1)], dim=1)
    solution: Tensor = torch.linalg.lstsq(with_one, torch.log(days.costs / model.prices)).solution
    with torch.no_grad():
        model.linear.weight.copy_(solution[:-1].T)
        model.linear.bias.copy_(solution[-1])


def run(seed: int, *, train: int, test: int, settings: Sequence[str]) -> dict[str, Score]:
    """Scores of all methods on days of one hidden function."""
    days = make_days(train + test, seed)
    seen, unseen = days[:train], days[train:]
    scores = {"list prices (before training)": evaluate(Surcharges(), unseen)}
    for name in settings:
        torch.manual_seed(seed)
        model = Surcharges()
        learn_from_plans(model, seen, plan_layer(**SETTINGS[name]))
        scores[name] = evaluate(model, unseen)
    model = Surcharges()
    fit_to_costs(model, seen)
    scores["same model, fitted to true costs"] = evaluate(model, unseen)
    return scores


SHARES = {"same": "same plan", "misrouted": "misrouted", "regret": "regret"}


def columns(results: Sequence[Mapping[str, Score]]) -> dict[str, dict[str, list[float]]]:
    """In percent, by kind of share, method and seed."""
    return {
        heading: {name: [100 * getattr(scores[name], share) for scores in results] for name in results[0]}
        for share, heading in SHARES.items()
    }


def plot(shares: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A bar per method: how many plans are the dispatcher's, and what the others cost."""
    figure = Figure(figsize=(13, 2.8), layout="constrained")
    for axes, heading in zip(figure.subplots(1, 2), ("same plan", "regret"), strict=True):
        baselines = [name for name in shares[heading] if name not in SETTINGS]
        bars(axes, shares[heading], f"{heading}, held-out days, %", baselines=baselines)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> dict[int, dict[str, Score]]:
    """Run the example; returns what it shows, by seed."""
    parser = arguments(__doc__, plot="transport.png", quick="one seed, fewer days, the better settings only")
    options = parser.parse_args(argv)
    settings, train, test = (list(SETTINGS)[-1:], 300, 200) if options.quick else (list(SETTINGS), 1000, 500)
    results = {
        seed: run(seed, train=train, test=test, settings=settings)
        for seed in with_progress(seeds_of(options), "learning from plans")
    }
    shares = columns(list(results.values()))
    show("Plans on held-out days, in %", shares)
    plot(shares, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
