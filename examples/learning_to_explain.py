"""Learning to explain (L2X): which of ten features does the label depend on? Nobody says, and it may differ by row.

One network, the explainer, scores the features of a row; the layer keeps the k best; another network, the predictor,
has to tell the label's probability from these alone. Both learn together, from how wrong the predictor is, so the
explainer learns what is worth seeing. The gradient for its scores goes through the choice of k: that is what the
methods differ in. "Concrete" is the original's: a relaxation, whose masks are not 0/1 in training.

The four sets of the paper (Chen et al. 2018; `imle.datasets.learning_to_explain`, as printed there) have k = 2, 4, 4
and 5 true features per row. The table shows how many of them the k best scores find on rows not seen in training.

The third set is the hard one: one term decides all but a few rows, for most of which the other features are useless.

    python examples/learning_to_explain.py             # four sets, three seeds, minutes
    python examples/learning_to_explain.py --quick     # one set, one seed, seconds
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

import imle
from common import arguments, layers, methods_of, save, seeds_of, show, with_progress
from imle.datasets import ExplainData, learning_to_explain
from imle.datasets.l2x import FEATURES, ExplainName
from imle.estimators import IMLE

SETS: tuple[ExplainName, ...] = get_args(ExplainName)
TRAIN, TEST, TEST_SEED = 20_000, 5000, 1000
"""Rows, and what is added to the seed of training rows."""

BATCH, STEPS, QUICK_STEPS, RATE, HIDDEN = 500, 1000, 400, 0.001, 100
WEIGHT_DECAY = 0.01
"""Of the explainer. Without, it can betray the label by which features it picks, useless ones too."""


class Concrete(nn.Module):
    """The original's relaxation: the largest of k draws of a softmax with Gumbel noise, entry by entry."""

    def __init__(self, k: int, temperature: float = 0.1) -> None:
        super().__init__()
        self.k, self.temperature = k, temperature

    def forward(self, scores: Tensor) -> Tensor:
        """`[B, n]` scores to `[B, 1, n]` masks."""
        noise = -torch.empty(len(scores), self.k, scores.shape[1]).exponential_().log()
        draws = ((scores.unsqueeze(1) + noise) / self.temperature).softmax(dim=2)
        return draws.amax(dim=1, keepdim=True)


def topk(rule: str | imle.estimators.Estimator, **options: Any) -> Callable[..., nn.Module]:
    """Given k, a layer from `[B, n]` scores to `[B, S, n]` masks."""
    return layers("topk", rule, output="samples", temperature=1.0, **options)


METHODS: dict[str, Callable[..., nn.Module]] = {
    "concrete": Concrete,
    "imle": topk(IMLE()),
    "imle, not divided": topk(IMLE(beta=0.1, scale=False)),
    "aimle": topk("aimle"),
    "simple": topk("simple"),
    "straight-through": topk("straight-through"),
    "identity": topk("identity"),
    "perturbed": topk("perturbed", nb_samples=4),
}
IN_QUICK = ("imle", "simple")
CHANCE = "chance"


@dataclass(frozen=True)
class Result:
    """What the explainer found on test rows.

    Attributes:
        found: share of the true features among the k best.
        loss: cross entropy of the predictor, given only these, above the best possible one.
        chosen: `[n]` how often each feature is among the k best.
        relevant: `[n]` how often it is a true one.
    """

    found: float
    loss: float
    chosen: Tensor
    relevant: Tensor


class Model(nn.Module):
    """Explainer and predictor."""

    def __init__(self) -> None:
        super().__init__()
        self.explainer = _network(FEATURES, HIDDEN, FEATURES)
        self.predictor = _network(2 * FEATURES, 2 * HIDDEN, 1)

    def groups(self) -> list[dict[str, Any]]:
        """Parameters, with weight decay on those of the explainer."""
        return [
            {"params": self.explainer.parameters(), "weight_decay": WEIGHT_DECAY},
            {"params": self.predictor.parameters()},
        ]

    def predict(self, features: Tensor, masks: Tensor) -> Tensor:
        """Logits `[B, S]` from features `[B, n]` through masks `[B, S, n]`; it is told which ones it sees."""
        seen = torch.cat([features.unsqueeze(1) * masks, masks], dim=2)
        logits: Tensor = self.predictor(seen).squeeze(2)
        return logits


def _network(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def cross_entropy(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Of predictions `[B, S]` for true probabilities `[B]`, as if all labels of a row had been seen."""
    return F.binary_cross_entropy_with_logits(logits, probabilities.unsqueeze(1).expand_as(logits))


def train(model: Model, layer: nn.Module, data: ExplainData, steps: int) -> None:
    """Both networks, from the predictor's mistakes."""
    optimizer = torch.optim.Adam(model.groups(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(len(data.labels), (BATCH,))
        masks = layer(model.explainer(data.features[rows]))
        loss = cross_entropy(model.predict(data.features[rows], masks), data.probabilities[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


@torch.no_grad()
def evaluate(model: Model, k: int, data: ExplainData) -> Result:
    """The k best features against the true ones."""
    chosen = imle.layer("topk", k=k, noise=None)(model.explainer(data.features))
    best = F.binary_cross_entropy(data.probabilities, data.probabilities)
    loss = cross_entropy(model.predict(data.features, chosen.unsqueeze(1)), data.probabilities)
    return Result(
        found=float((chosen * data.relevant).sum() / data.relevant.sum()),
        loss=float(loss - best),
        chosen=chosen.mean(dim=0),
        relevant=data.relevant.mean(dim=0),
    )


def run(name: ExplainName, method: str, seed: int, steps: int) -> Result:
    """Train on one set by one method."""
    data, unseen = (learning_to_explain(n, name, seed=s) for n, s in ((TRAIN, seed), (TEST, seed + TEST_SEED)))
    k = int(data.relevant[0].sum())
    torch.manual_seed(seed)
    model = Model()
    train(model, METHODS[method](k=k), data, steps)
    return evaluate(model, k, unseen)


def chance(name: ExplainName, seed: int) -> Result:
    """k features picked blindly; no predictor."""
    relevant = learning_to_explain(TEST, name, seed=seed).relevant
    share = float(relevant.mean())
    return Result(share, float("nan"), torch.full((FEATURES,), share), relevant.mean(dim=0))


Results = Mapping[str, Mapping[str, Sequence[Result]]]
"""By set, method and seed."""


def columns(results: Results, value: Callable[[Result], float]) -> dict[str, dict[str, list[float]]]:
    """One number per result, by set and method; methods without one are left out."""
    numbers = {
        name.replace("-", " "): {method: [value(result) for result in runs] for method, runs in found.items()}
        for name, found in results.items()
    }
    return {name: {m: v for m, v in found.items() if not math.isnan(v[0])} for name, found in numbers.items()}


def plot(results: Results, path: Path) -> None:
    """How often each method chooses each feature, mean over seeds, and beside it the share of true features found.

    The first line is how often each feature is a true one.
    """
    height = 1.2 + 0.4 * len(next(iter(results.values())))
    figure = Figure(figsize=(4.4 * len(results) + 1, height), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        methods = [method for method in found if method != CHANCE]
        lines = [found[CHANCE][0].relevant]
        lines += [torch.stack([result.chosen for result in found[method]]).mean(dim=0) for method in methods]
        axes.imshow(torch.stack(lines).numpy(), vmin=0, vmax=1, cmap="Blues", aspect="auto")
        axes.set_xticks(range(FEATURES), [f"X{i + 1}" for i in range(FEATURES)])
        axes.set_yticks(range(len(lines)), ["true", *methods])
        for place, method in enumerate(methods, start=1):
            share = sum(result.found for result in found[method]) / len(found[method])
            axes.text(FEATURES - 0.4, place, f"{share:.0%}", va="center")
        axes.set_title(f"{name}: how often each feature is chosen", fontsize=11)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[Result]]]:
    """Run the example; returns what it shows: results by set, method and seed."""
    quick = "one set, one seed, fewer methods and steps"
    parser = arguments(__doc__, METHODS, plot="learning_to_explain.png", quick=quick)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="some only")
    options = parser.parse_args(argv)
    sets: Sequence[ExplainName] = ["switch"] if options.quick else options.sets
    methods = methods_of(options, METHODS, IN_QUICK)
    seeds, steps = seeds_of(options), QUICK_STEPS if options.quick else STEPS
    results: dict[str, dict[str, list[Result]]] = {
        name: {CHANCE: [chance(name, seed + TEST_SEED) for seed in seeds], **{method: [] for method in methods}}
        for name in sets
    }
    for name, method, seed in with_progress(list(itertools.product(sets, methods, seeds)), "explaining"):
        results[name][method].append(run(name, method, seed, steps))
    show("True features found, in %", columns(results, lambda result: 100 * result.found), ends=CHANCE)
    show("Cross entropy above the best possible, in 0.001", columns(results, lambda result: 1000 * result.loss))
    plot(results, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
