"""Learning to rank: pictures that find others of their digit, trained on the ranks these have.

A linear map makes four numbers of each picture of a digit, for a small index. A query ranks all other pictures by the
angle between these; those of the same digit shall come first. Half of the pictures are trained on, the others ranked.

What counts are ranks: average precision, and whether the first picture found is right (recall at 1). Ranks are the
solution of a combinatorial problem, argmin <scores, ranks> over all permutations, so both can be losses. A query whose
order is right has no gradient: a margin asks for more than the right order.

- Pixels: the pictures themselves, nothing is learned.
- Untrained: the map as it starts.
- Pairs, lists: cross-entropy of every pair on its own, or of a softmax over all that a query is compared with, as
  supervised contrastive learning has it. They know nothing of ranks. Their temperatures are the best of several for
  these pictures.
- Average precision, recall: `imle.losses.AveragePrecisionLoss` and `RecallLoss`, through ranks by blackbox
  differentiation, as Rolinek et al. (CVPR 2020) train; or by I-MLE.

    python examples/learning_to_rank.py             # three splits of the pictures, half a minute
    python examples/learning_to_rank.py --quick     # one, fewer steps, seconds
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

DIGITS, OF_EACH, LEARNING_RATE = 10, 6, 0.01
"""A batch has so many pictures of each digit: each of them looks for the five like it among 59."""
LAMBDA, MARGIN = 4.0 * (DIGITS * OF_EACH - 1), 0.05
"""The authors' lambda of 4, which is for ranks divided by their number; of the angles' cosines."""
OF_PAIRS, OF_LISTS, ALIKE = 0.05, 0.4, 0.8
"""Temperatures of cosines as logits, and the cosine from which on a pair is taken for alike."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""From scores `[B, n]` of what each query is compared with, and whether it is alike, to a loss."""


class Pictures(NamedTuple):
    """Pictures `[N, 64]`, and the digit that each shows."""

    pixels: Tensor
    digit: Tensor

    def at(self, rows: Tensor) -> Pictures:
        """Some of them."""
        return Pictures(self.pixels[rows], self.digit[rows])

    def batch(self, generator: torch.Generator) -> Pictures:
        """`OF_EACH` of every digit."""
        rows = [torch.nonzero(self.digit == one).squeeze(1) for one in range(DIGITS)]
        return self.at(torch.cat([own[torch.randperm(len(own), generator=generator)[:OF_EACH]] for own in rows]))


def load_pictures() -> Pictures:
    """1797 pictures of 8 x 8 pixels."""
    digits = load_digits()
    return Pictures(torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target))


def queries(embedded: Tensor, digit: Tensor) -> tuple[Tensor, Tensor]:
    """Every picture as a query: cosines to the others, `[N, N - 1]`, and which of these show the same digit."""
    unit = nn.functional.normalize(embedded, dim=1)
    count = len(unit)
    others = ~torch.eye(count, dtype=torch.bool)

    def without_itself(square: Tensor) -> Tensor:
        return square[others].reshape(count, count - 1)

    return without_itself(unit @ unit.T), without_itself(digit.unsqueeze(1) == digit)


def of_pairs() -> Loss:
    """Cross-entropy of "alike", pair by pair, with cosines as logits."""

    def loss(scores: Tensor, alike: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits((scores - ALIKE) / OF_PAIRS, alike.float())

    return loss


def of_lists() -> Loss:
    """Cross-entropy of each list: a softmax of cosines shall choose what is alike."""

    def loss(scores: Tensor, alike: Tensor) -> Tensor:
        chances = nn.functional.log_softmax(scores / OF_LISTS, dim=1)
        return -(chances * alike).sum(dim=1).div(alike.sum(dim=1)).mean()

    return loss


def by_blackbox() -> imle.SolverLayer:
    return imle.layer("ranking", estimator={"name": "blackbox", "lambda_": LAMBDA})


METHODS: dict[str, Callable[[], Loss]] = {
    "pairs": of_pairs,
    "lists": of_lists,
    "average precision": lambda: imle.losses.AveragePrecisionLoss(by_blackbox(), margin=MARGIN),
    "average precision, I-MLE": lambda: imle.losses.AveragePrecisionLoss(
        imle.layer("ranking", noise=None), margin=MARGIN
    ),
    "recall": lambda: imle.losses.RecallLoss(by_blackbox(), margin=MARGIN),
}
BASELINES = ("pixels", "untrained", "pairs", "lists")


def train(model: nn.Module, pictures: Pictures, loss: Loss, steps: int, seed: int) -> None:
    """Each step takes a batch whose pictures are queries to one another."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(steps):
        pixels, digit = pictures.batch(generator)
        optimizer.zero_grad()
        torch.autograd.backward(loss(*queries(model(pixels), digit)))
        optimizer.step()


@torch.no_grad()
def test(model: nn.Module, pictures: Pictures) -> dict[str, float]:
    """Mean average precision and recall at 1 over all pictures as queries, in %."""
    scores, alike = queries(model(pictures.pixels), pictures.digit)
    ranks = imle.layer("ranking").eval()(scores)
    return {
        "average precision": 100 * float(imle.metrics.average_precision(ranks, alike).mean()),
        "recall at 1": 100 * float(imle.metrics.recall_at(ranks, alike, 1).mean()),
    }


def run(seed: int, steps: int) -> dict[str, dict[str, float]]:
    """What all methods reach on pictures that they were not trained on."""
    torch.manual_seed(seed)
    every = load_pictures()
    seen, unseen = map(every.at, torch.randperm(len(every.digit)).chunk(2))
    start = nn.Linear(64, 4)
    found = {"pixels": test(nn.Identity(), unseen), "untrained": test(start, unseen)}
    for name, make in METHODS.items():
        model = copy.deepcopy(start)
        train(model, seen, make(), steps, seed)
        found[name] = test(model, unseen)
    return found


def main(argv: Sequence[str] | None = None) -> list[dict[str, dict[str, float]]]:
    """Run the example; returns what it shows, by seed, method and metric."""
    parser = arguments(__doc__, plot="learning_to_rank.png", quick="one split of the pictures, fewer steps")
    options = parser.parse_args(argv)
    steps = 60 if options.quick else 300
    results = [run(seed, steps) for seed in with_progress(list(seeds_of(options)), "learning to rank")]
    columns = {
        metric: {name: [found[name][metric] for found in results] for name in results[0]}
        for metric in ("average precision", "recall at 1")
    }
    show("On pictures never seen, in %", columns, ends=BASELINES[-1])
    plot(columns, options.plot)
    return results


def plot(columns: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A panel per metric, a bar per method."""
    figure = Figure(figsize=(6.5 * len(columns), 2.6), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns.items(), strict=True):
        bars(axes, found, f"{name}, %", baselines=BASELINES)
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
