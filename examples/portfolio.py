"""Portfolios: predict returns of assets, and train the prediction on what the portfolios are worth.

An investor chooses weights z of ten assets, at least 0 and of sum 1, that maximise <r, z> - AVERSION z'Sz / 2: the
return less what its variance is felt as, a convex quadratic program. The covariance S is known; expected returns r are
predicted from the month's reports. They depend on these by a power, which a linear model cannot represent: it can only
choose where to be wrong.

- Two-stage: least squares on returns.
- Implicit: the worth of the portfolio itself, differentiated through the solution of the program
  (`estimator="implicit"`), exactly and without noise.
- I-MLE, with noise on the returns, for the same worth: two solves of the program for each sample.
- SPO+, a convex bound of the regret, which counts what the variance costs, too.

    python examples/portfolio.py             # three seeds, a few minutes
    python examples/portfolio.py --quick     # one seed, fewer months, seconds
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

ASSETS, REPORTS, FACTORS = 10, 5, 4
DEGREE = 4
"""Of the polynomial by which returns depend on reports."""
AVERSION = 8.0
BATCH, LEARNING_RATE = 25, 0.02


class Market(NamedTuple):
    """What is known before the month, and after it.

    Attributes:
        covariance: `[10, 10]` S.
        reports: `[N, 5]`.
        returns: `[N, 10]` in per cent.
    """

    covariance: Tensor
    reports: Tensor
    returns: Tensor

    def at(self, rows: slice | Tensor) -> Market:
        """Some of the months."""
        return Market(self.covariance, self.reports[rows], self.returns[rows])


def make_market(months: int, seed: int) -> Market:
    """Returns as a power of a sparse linear function of the reports, plus a little of the factors' noise."""
    generator = torch.Generator().manual_seed(seed)
    which = (torch.rand(REPORTS, ASSETS, generator=generator) < 0.5).float()
    loadings = torch.rand(ASSETS, FACTORS, generator=generator) - 0.5
    reports = torch.randn(months, REPORTS, generator=generator)
    mean = (0.3 * reports @ which / REPORTS**0.5 + 1).abs() ** DEGREE
    noise = 0.2 * torch.randn(months, FACTORS, generator=generator) @ loadings.T
    covariance = loadings @ loadings.T + 0.05 * torch.eye(ASSETS)
    return Market(covariance, reports, mean + noise)


def layer_of(market: Market, **options: Any) -> imle.SolverLayer:
    """Returns `[B, 10]` to portfolios `[B, 10]`."""
    program: dict[str, Any] = {"Q": AVERSION * market.covariance, "A_eq": torch.ones(1, ASSETS), "b_eq": torch.ones(1)}
    return imle.layer("highs-qp", sense="max", **program, **options)


Loss = Callable[[Tensor, Tensor], Tensor]
"""From predicted and true returns, `[B, 10]` each, to a mean over months, with a gradient."""


def worth(market: Market, portfolios: Tensor, returns: Tensor) -> Tensor:
    """What portfolios were worth: `[B]`."""
    risk = (portfolios @ market.covariance * portfolios).sum(dim=1)
    return (returns * portfolios).sum(dim=1) - AVERSION * risk / 2


def by_worth(market: Market, **options: Any) -> Loss:
    """What is lost by portfolios for predicted returns."""
    layer = layer_of(market, **options)
    return lambda predicted, returns: -worth(market, layer(predicted), returns).mean()


METHODS: dict[str, Callable[[Market], Loss]] = {
    "implicit": lambda market: by_worth(market, estimator="implicit"),
    "I-MLE": lambda market: by_worth(market, estimator="imle"),
    "SPO+": lambda market: imle.losses.SPOPlus(layer_of(market, noise=None)),
}
BASELINE = "two-stage"


def least_squares(market: Market) -> nn.Linear:
    """A linear model of returns, where least squares puts it."""
    model = nn.Linear(REPORTS, ASSETS)
    with_one = torch.cat([market.reports, torch.ones(len(market.reports), 1)], dim=1)
    solution: Tensor = torch.linalg.lstsq(with_one, market.returns).solution
    with torch.no_grad():
        model.weight.copy_(solution[:-1].T)
        model.bias.copy_(solution[-1])
    return model


def end_to_end(model: nn.Module, market: Market, loss: Loss, epochs: int) -> None:
    """Train the model on what portfolios for its predictions are worth."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(market.returns)), BATCH):
            optimizer.zero_grad()
            torch.autograd.backward(loss(model(market.reports[rows]), market.returns[rows]))
            optimizer.step()


def run(seed: int, *, train: int, test: int, epochs: int) -> dict[str, float]:
    """What portfolios of each method lack on held-out months, as a share of the best ones' worth."""
    market = make_market(train + test, seed)
    seen, unseen = market.at(slice(train)), market.at(slice(train, None))
    decide = layer_of(market, noise=None).eval()
    best = worth(market, decide(unseen.returns), unseen.returns).sum()

    @torch.no_grad()
    def held_out(model: nn.Module) -> float:
        return float(1 - worth(market, decide(model(unseen.reports)), unseen.returns).sum() / best)

    fitted = least_squares(seen)
    found = {BASELINE: held_out(fitted)}
    for name, method in METHODS.items():
        torch.manual_seed(seed)  # each method sees the same order of months
        model = copy.deepcopy(fitted)
        end_to_end(model, seen, method(seen), epochs)
        found[name] = held_out(model)
    return found


def main(argv: Sequence[str] | None = None) -> list[dict[str, float]]:
    """Run the example; returns what it shows: relative regret by seed and method."""
    parser = arguments(__doc__, plot="portfolio.png", quick="one seed, fewer months")
    options = parser.parse_args(argv)
    sizes = {"train": 50, "test": 60, "epochs": 4} if options.quick else {"train": 200, "test": 400, "epochs": 15}
    results = [run(seed, **sizes) for seed in with_progress(list(seeds_of(options)), "learning returns")]
    columns = {name: [100 * found[name] for found in results] for name in results[0]}
    show("Worth of held-out portfolios below that of the best ones, in %", {"regret": columns})
    plot(columns, options.plot)
    return results


def plot(found: Mapping[str, Sequence[float]], path: Path) -> None:
    """A bar per method."""
    figure = Figure(figsize=(6.5, 2.2), layout="constrained")
    bars(figure.subplots(), found, "relative regret, %", baselines=[BASELINE])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
