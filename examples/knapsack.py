"""Predict, then optimise: pack by predicted values, and train the prediction on what its mistakes cost.

32 items compete for three resources. Their values are not known when we have to choose, only five features that
influence them. A linear model predicts the values, a knapsack solver chooses. The truth is not linear (features act
through a polynomial of degree 4), so every linear model is wrong somewhere; the question is where.

- Two-stage: least squares on the values. Wrong evenly, whether or not it matters for the choice.
- End to end: the loss is the regret of the choice itself, its gradient goes through the solver by I-MLE.

Values are noisy too: the last line of the table is the regret of one who knows the truth but not the day's noise, which
no model can be expected to beat.

    python examples/knapsack.py             # five instances, half a minute
    python examples/knapsack.py --quick     # one, seconds
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

FEATURES, ITEMS, RESOURCES, CAPACITY = 5, 32, 3, 20.0
DEGREE, NOISE = 4, 0.5
TRAIN, TEST = 1000, 1000
BATCH, EPOCHS, LEARNING_RATE = 25, 6, 0.03

SETTINGS: dict[str, dict[str, Any]] = {
    "end to end, defaults": {},
    # One draw per row makes a noisy gradient: it takes 20 epochs to do as well as ten draws do in 6, and a solve takes
    # microseconds here. Gaussian noise was a little better than the default Gumbel. Temperatures of 0.3 and 3, beta of
    # 0.3 and 3, dividing by the step (scale=True), "aimle", "identity" and "blackbox" did no better, or worse.
    "end to end, 10 samples": {"nb_samples": 10, "noise": "gaussian"},
}


@dataclass(frozen=True)
class Data:
    """Days with their features `[N, 5]`, the items' values `[N, 32]`, and what these values are without noise."""

    features: Tensor
    values: Tensor
    expected: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Data:
        return Data(self.features[rows], self.values[rows], self.expected[rows])


@dataclass(frozen=True)
class Result:
    """Normalised regret on held-out days, by method, for one instance."""

    seed: int
    regrets: dict[str, float]


def make_instance(seed: int, days: int) -> tuple[Tensor, Data]:
    """Weights `[3, 32]` and data.

    The generator is that of predict-then-optimise benchmarks (Elmachtoub and Grigas 2022; PyEPO): with B a random
    0/1 matrix, values are `(5 / 3.5^degree) ((B x / sqrt(5) + 3)^degree + 1)`, times noise in 1 +- 0.5, rounded up.
    """
    rng = np.random.default_rng(seed)
    weights = rng.integers(300, 800, size=(RESOURCES, ITEMS)) / 100
    mixing = rng.binomial(1, 0.5, size=(ITEMS, FEATURES))
    features = rng.normal(size=(days, FEATURES))
    expected = ((features @ mixing.T / np.sqrt(FEATURES) + 3) ** DEGREE + 1) * 5 / 3.5**DEGREE
    values = np.ceil(expected * rng.uniform(1 - NOISE, 1 + NOISE, size=(days, ITEMS)))
    return torch.from_numpy(weights), Data(*(torch.from_numpy(a).float() for a in (features, values, expected)))


def regret(choose: Callable[[Tensor], Tensor], predicted: Tensor, values: Tensor) -> float:
    """What is lost by choosing with `predicted` instead of the true values, as a share of the best total."""
    best, got = ((values * choose(v)).sum() for v in (values, predicted))
    return float((best - got) / best)


def two_stage(data: Data) -> Callable[[Tensor], Tensor]:
    """The linear model of least squared error on the values, exactly."""
    solution: Tensor = torch.linalg.lstsq(_with_one(data.features), data.values).solution
    return lambda features: _with_one(features) @ solution


def _with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1)], dim=1)


def end_to_end(model: nn.Linear, layer: nn.Module, data: Data) -> None:
    """Train the model on the regret of the layer's choices."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(data.values)).reshape(-1, BATCH):
            chosen = layer(model(data.features[rows]))  # [B, 32]
            # regret is the best total, which no parameter changes, minus this one
            loss = -(data.values[rows] * chosen).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def run_instance(seed: int, settings: Sequence[str]) -> Result:
    """Regrets of all methods on one random instance."""
    weights, data = make_instance(seed, TRAIN + TEST)
    seen, unseen = data[:TRAIN], data[TRAIN:]
    instance: dict[str, Any] = {"weights": weights.numpy(), "capacity": [CAPACITY] * RESOURCES}
    choose = imle.layer("knapsack", **instance).eval()

    @torch.no_grad()
    def held_out(predict: Callable[[Tensor], Tensor]) -> float:
        return regret(choose, predict(unseen.features), unseen.values)

    torch.manual_seed(seed)
    untrained = nn.Linear(FEATURES, ITEMS)
    regrets = {"before training": held_out(untrained), "two-stage": held_out(two_stage(seen))}
    for name in settings:
        torch.manual_seed(seed)  # each setting starts alike
        model = copy.deepcopy(untrained)
        end_to_end(model, imle.layer("knapsack", **instance, **SETTINGS[name]), seen)
        regrets[name] = held_out(model)
    regrets["truth without its noise"] = regret(choose, unseen.expected, unseen.values)
    return Result(seed, regrets)


def plot(regrets: Mapping[str, Sequence[float]], path: Path) -> None:
    """A bar per method."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    baselines = [name for name in regrets if name not in SETTINGS]
    bars(figure.subplots(), regrets, "normalised regret on held-out days, %", baselines=baselines)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> list[Result]:
    """Run the example; returns what it shows."""
    quick = "one instance, the better settings only"
    parser = arguments(__doc__, plot="knapsack.png", quick=quick, seeds=5)
    options = parser.parse_args(argv)
    settings = list(SETTINGS)[-1:] if options.quick else list(SETTINGS)
    results = [run_instance(seed, settings) for seed in with_progress(seeds_of(options), "learning to pack")]
    regrets = {name: [100 * result.regrets[name] for result in results] for name in results[0].regrets}
    show("Normalised regret on held-out days, in %", {"regret": regrets})
    plot(regrets, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
