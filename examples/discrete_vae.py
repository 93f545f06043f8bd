"""A discrete variational autoencoder: pictures of digits as codes of ten ones among thirty bits.

The encoder scores the bits, a code is drawn from q(z) ~ exp <scores, z> over all codes with ten ones, and the decoder
says how likely each pixel is to be ink. Minus ELBO, in nats per picture, is what drawing the picture from the code
costs, plus KL(q || uniform), which is exact here. It bounds minus the log likelihood.

The KL's gradient needs no sampling. That of the drawing goes through the code: this is what the methods differ in.
All are judged alike: pictures not seen in training, with codes drawn exactly from q (what "simple" does). Others train
with what they can draw: the ten largest of scores with noise, which is not quite q. Sum-of-gamma noise is made for it,
but varies too little at temperature 1.

    python examples/discrete_vae.py             # three seeds, minutes
    python examples/discrete_vae.py --quick     # one, fewer methods and epochs, seconds
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional as F

import imle
from imle.estimators import IMLE
from imle.estimators.subset_law import marginals_along, prefixes
from imle.noise import SumOfGammaNoiseDistribution

PIXELS, INK = 64, 8
"""Of a picture, and the least of 0..16 that counts as ink."""

BITS, ONES, HIDDEN = 30, 10, 128
BATCH, RATE, EPOCHS, QUICK_EPOCHS = 50, 0.005, 50, 12
HELD_OUT = 4
"""One picture in four is for tests."""

DRAWS = 20
"""Codes per test picture."""


def topk(rule: str | imle.estimators.Estimator, **options: Any) -> Callable[[], imle.SolverLayer]:
    """A layer from scores `[B, n]` to codes."""
    return lambda: imle.layer("topk", k=ONES, estimator=copy.deepcopy(rule), **options)


STEP: dict[str, Any] = {"beta": 0.1, "scale": True}
"""Divided by lambda, the gradient is in nats, like the KL's, and the two can be added; without, the codes grow long."""

METHODS: dict[str, Callable[[], imle.SolverLayer]] = {
    "imle, not divided": topk(IMLE(beta=0.1)),
    "imle": topk(IMLE(**STEP)),
    "imle, symmetric": topk(IMLE(symmetric=True, **STEP)),
    "imle, sum of gamma": topk(IMLE(**STEP), noise=SumOfGammaNoiseDistribution(k=ONES)),
    "imle, sum of gamma, tau 4": topk(IMLE(**STEP), noise=SumOfGammaNoiseDistribution(k=ONES), temperature=4.0),
    "aimle": topk("aimle"),
    "simple": topk("simple"),
    "straight-through": topk("straight-through"),
    "identity": topk("identity"),
    "perturbed": topk("perturbed", nb_samples=10),
    "score-function": topk("score-function", nb_samples=10),
}
IN_QUICK = ("imle", "simple")
SAME = "every pixel's share of ink"


@dataclass(frozen=True)
class Result:
    """On test pictures.

    Attributes:
        bound: minus ELBO, in nats per picture.
        kl: the part of it that the codes take.
        drawn: `[N, 64]` pictures that the decoder makes of one code each.
    """

    bound: float
    kl: float
    drawn: Tensor


class Autoencoder(nn.Module):
    """Scores of bits from pictures, and pictures from codes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, BITS))
        self.decoder = nn.Sequential(nn.Linear(BITS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS))

    def cost(self, codes: Tensor, pictures: Tensor) -> Tensor:
        """Nats to draw pictures `[B, 64]` from codes `[B, S, n]`: `[B, S]`."""
        logits = self.decoder(codes)
        found = F.binary_cross_entropy_with_logits(logits, pictures.unsqueeze(1).expand_as(logits), reduction="none")
        return found.sum(dim=2)

    def bound(self, layer: imle.SolverLayer, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Minus ELBO of pictures `[B, 64]`, and the KL in it: `[B]` each."""
        scores = self.encoder(pictures)
        divergence = kl(scores)
        return layer.expected_loss(scores, lambda codes: self.cost(codes, pictures)) + divergence, divergence


def kl(scores: Tensor) -> Tensor:
    """KL(q || uniform) of q(z) ~ exp <scores, z>: <marginals, scores> - log Z + log (n over k). `[B, n]` to `[B]`.

    Its gradient is the Jacobian of the marginals times the scores. Both come from recursions over bits.
    """
    theta = scores.detach().double()
    marginals, gradient = marginals_along(theta, torch.full((len(theta),), ONES), theta)
    value = (marginals * theta).sum(dim=1) - prefixes(theta, ONES)[:, -1, -1] + math.log(math.comb(BITS, ONES))
    linear = (gradient * (scores - theta)).sum(dim=1)  # zero, but for its gradient
    return (value + linear).to(scores.dtype)


def load() -> tuple[Tensor, Tensor]:
    """Pictures `[N, 64]` of 0 and 1 to train with, and to test with."""
    pixels, _ = load_digits(return_X_y=True)
    pictures = torch.from_numpy(pixels >= INK).float()
    held_out = torch.arange(len(pictures)) % HELD_OUT == 0
    return pictures[~held_out], pictures[held_out]


def train(model: Autoencoder, layer: imle.SolverLayer, pictures: Tensor, epochs: int) -> None:
    """Minimise minus ELBO."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    batches = [rows for _ in range(epochs) for rows in torch.split(torch.randperm(len(pictures)), BATCH)]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    for rows in batches:
        bound, _ = model.bound(layer, pictures[rows])
        optimizer.zero_grad()
        bound.mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


@torch.no_grad()
def evaluate(model: Autoencoder, pictures: Tensor) -> Result:
    """With codes drawn exactly from q."""
    bound, divergence = model.bound(imle.layer("topk", k=ONES, estimator="simple", nb_samples=DRAWS), pictures)
    codes = imle.layer("topk", k=ONES, estimator="simple")(model.encoder(pictures))
    return Result(float(bound.mean()), float(divergence.mean()), model.decoder(codes).sigmoid())


def without_code(pictures: Tensor, unseen: Tensor) -> Result:
    """Each pixel drawn by how often it is ink: what a decoder does that ignores its code."""
    share = ((pictures.sum(dim=0) + 1) / (len(pictures) + 2)).expand_as(unseen)
    cost = F.binary_cross_entropy(share, unseen, reduction="none").sum(dim=1).mean()
    return Result(float(cost), 0.0, share)


def run(method: str, seed: int, pictures: Tensor, unseen: Tensor, epochs: int) -> Result:
    """Train by one method."""
    torch.manual_seed(seed)
    model = Autoencoder()
    train(model, METHODS[method](), pictures, epochs)
    return evaluate(model, unseen)


def show(results: Mapping[str, Sequence[Result]], console: Console) -> None:
    """A line per method: mean and spread over seeds."""
    table = Table("", "-ELBO", "of which KL", title="Nats per test picture", title_justify="left", box=SIMPLE)
    for name, found in results.items():
        values = torch.tensor([[result.bound, result.kl] for result in found])
        spread = f" ± {values[:, 0].std():.2f}" if len(found) > 1 else ""
        table.add_row(
            name, f"{values[:, 0].mean():.2f}{spread}", f"{values[:, 1].mean():.1f}", end_section=name == SAME
        )
    console.print(table)


def plot(results: Mapping[str, Sequence[Result]], unseen: Tensor, path: Path, count: int = 12) -> None:
    """Some test pictures, and below what becomes of them by each method (the first seed)."""
    lines = {"test pictures": unseen} | {name: found[0].drawn for name, found in results.items() if name != SAME}
    figure = Figure(figsize=(count + 2.5, len(lines)), layout="constrained")
    for row, (name, pictures) in zip(figure.subplots(len(lines), count), lines.items(), strict=True):
        for axes, picture in zip(row, pictures, strict=False):
            axes.imshow(picture.reshape(8, 8).numpy(), vmin=0, vmax=1, cmap="Greys")
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def main(argv: Sequence[str] | None = None) -> dict[str, list[Result]]:
    """Run the example; returns what it shows: results by method, one per seed."""
    parser = argparse.ArgumentParser(description="A variational autoencoder with k-hot codes.")
    parser.add_argument("--quick", action="store_true", help="one seed, fewer methods and epochs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=None, help="some methods only")
    parser.add_argument(
        "--plot", type=Path, default=Path("build/examples/discrete_vae.png"), help="where the plot goes"
    )
    options = parser.parse_args(argv)
    methods = options.methods or (IN_QUICK if options.quick else list(METHODS))
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    seeds = range(options.seed, options.seed + (1 if options.quick else options.seeds))
    pictures, unseen = load()
    results: dict[str, list[Result]] = {SAME: [without_code(pictures, unseen)], **{name: [] for name in methods}}
    jobs = [(name, seed) for seed in seeds for name in methods]
    for name, seed in track(jobs, "training", console=Console(stderr=True), transient=True):
        results[name].append(run(name, seed, pictures, unseen, epochs))
    console = Console()
    show(results, console)
    plot(results, unseen, options.plot)
    console.print(f"plot: {options.plot}")
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
