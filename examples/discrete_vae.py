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

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional as F

import imle
from common import arguments, bars, layers, methods_of, save, seeds_of, show, with_progress
from imle.estimators import IMLE
from imle.estimators.subset_distribution import marginals_along, prefixes
from imle.noise import SumOfGammaNoiseDistribution

PIXELS, INK = 64, 8
"""Of a picture, and the least of 0..16 that counts as ink."""

BITS, ONES, HIDDEN = 30, 10, 128
BATCH, RATE, EPOCHS, QUICK_EPOCHS = 50, 0.005, 50, 12
HELD_OUT = 4
"""One picture in four is for tests."""

DRAWS = 20
"""Codes per test picture."""


SUM_OF_GAMMA = SumOfGammaNoiseDistribution(k=ONES)
STEP: dict[str, Any] = {"beta": 0.1}
"""Divided by lambda, the gradient is in nats, like the KL's, and the two can be added; without, the codes grow long."""

# Scores are log-odds of a distribution, so that noise is absolute.
METHODS: dict[str, Callable[..., imle.SolverLayer]] = {
    "imle, not divided": layers("topk", IMLE(beta=0.1, scale=False), temperature=1.0),
    "imle": layers("topk", IMLE(**STEP), temperature=1.0),
    "imle, symmetric": layers("topk", IMLE(symmetric=True, **STEP), temperature=1.0),
    "imle, sum of gamma": layers("topk", IMLE(**STEP), noise=SUM_OF_GAMMA),
    "imle, sum of gamma, tau 4": layers("topk", IMLE(**STEP), noise=SUM_OF_GAMMA, temperature=4.0),
    "aimle": layers("topk", "aimle", temperature=1.0),
    "simple": layers("topk", "simple"),
    "straight-through": layers("topk", "straight-through", temperature=1.0),
    "identity": layers("topk", "identity"),
    "perturbed": layers("topk", "perturbed", temperature=1.0, nb_samples=10),
    "score-function": layers("topk", "score-function", temperature=1.0, nb_samples=10),
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
    train(model, METHODS[method](k=ONES), pictures, epochs)
    return evaluate(model, unseen)


def plot(results: Mapping[str, Sequence[Result]], unseen: Tensor, path: Path, count: int = 10) -> None:
    """Some test pictures, and below what becomes of them by each method (the first seed); beside it the bounds."""
    lines = {"test pictures": unseen} | {name: found[0].drawn for name, found in results.items()}
    figure = Figure(figsize=(count + 8, 0.85 * len(lines)), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[count + 2.5, 5.5], squeeze=False)[0]
    for row, (name, pictures) in zip(left.subplots(len(lines), count), lines.items(), strict=True):
        for axes, picture in zip(row, pictures, strict=False):
            axes.imshow(picture.reshape(8, 8).numpy(), vmin=0, vmax=1, cmap="Greys")
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    bounds = {name: [result.bound for result in found] for name, found in results.items()}
    bars(right.subplots(), bounds, "-ELBO, nats per test picture", baselines=[SAME])
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> dict[str, list[Result]]:
    """Run the example; returns what it shows: results by method, one per seed."""
    parser = arguments(__doc__, METHODS, plot="discrete_vae.png", quick="one seed, fewer methods and epochs")
    options = parser.parse_args(argv)
    methods = methods_of(options, METHODS, IN_QUICK)
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    pictures, unseen = load()
    results: dict[str, list[Result]] = {SAME: [without_code(pictures, unseen)], **{name: [] for name in methods}}
    for name, seed in with_progress(list(itertools.product(methods, seeds_of(options))), "training"):
        results[name].append(run(name, seed, pictures, unseen, epochs))
    columns = {
        "-ELBO": {name: [result.bound for result in found] for name, found in results.items()},
        "of which KL": {name: [result.kl for result in found] for name, found in results.items()},
    }
    show("Nats per test picture", columns, digits=2, ends=SAME)
    plot(results, unseen, options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
