"""Read rows of blurred digits whose order has habits: a chain of states, learned with the classifier that scores them.

Each row has 5 to 12 pictures of digits under heavy noise. After a digit, three of the ten follow far more often than
the others; which ones is not known, but can be learned from rows that somebody has read. A linear classifier scores
each picture, a matrix of transitions each pair, and the best path of both is what is read (`viterbi`).

- Digit by digit: the classifier alone, by cross entropy.
- Chain, exact likelihood: a conditional random field, by the forward algorithm. What can be had where sums over all
  paths are as easy as the best path is.
- Chain, Fenchel-Young and chain, I-MLE: from best paths alone, by noise on the classifier's scores. They work for any
  solver; the first learns from the right paths, the second from any loss, here the digits that are wrong.

    python examples/digit_chains.py             # three seeds, a minute
    python examples/digit_chains.py --quick     # one seed, fewer rows, seconds
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import imle
from common import arguments, bars, save, seeds_of, show, with_progress
from imle.layers import BlockLayer

DIGITS, PIXELS, LONGEST, SHORTEST = 10, 64, 12, 5
BLUR = 0.7
"""Standard deviation of the noise on pixels, which are between 0 and 1."""
HABIT = 0.9
"""The share of digits that are followed by one of the three that often do."""
BATCH, LEARNING_RATE, SAMPLES = 32, 0.02, 4


class Rows(NamedTuple):
    """Pictures `[N, T, 64]`, digits `[N, T]`, and how many of them each row has, `[N]`."""

    pictures: Tensor
    digits: Tensor
    lengths: Tensor

    def at(self, rows: slice | Tensor) -> Rows:
        """Some of them."""
        return Rows(*(part[rows] for part in self))

    @property
    def used(self) -> Tensor:
        """`[N, T]` which steps are within the length of their row."""
        return torch.arange(LONGEST) < self.lengths.unsqueeze(1)


def make_rows(count: int, pictures: slice, habits: Tensor, generator: torch.Generator) -> Rows:
    """Rows of some of the pictures, in an order that has habits `[10, 10]`."""
    pixels, labels = (torch.from_numpy(part)[pictures] for part in load_digits(return_X_y=True))
    digits = torch.randint(DIGITS, (count, LONGEST), generator=generator)
    for step in range(1, LONGEST):
        digits[:, step] = torch.multinomial(habits[digits[:, step - 1]], 1, generator=generator).squeeze(1)
    found = torch.empty(count, LONGEST, PIXELS)
    for digit in range(DIGITS):
        here, own = digits == digit, pixels[labels == digit].float() / 16
        found[here] = own[torch.randint(len(own), (int(here.sum()),), generator=generator)]
    found += BLUR * torch.randn(found.shape, generator=generator)
    return Rows(found, digits, torch.randint(SHORTEST, LONGEST + 1, (count,), generator=generator))


def make_habits(generator: torch.Generator) -> Tensor:
    """`[10, 10]` how often a digit follows another."""
    often = torch.rand(DIGITS, DIGITS, generator=generator).topk(3, dim=1).indices
    return HABIT * one_hot(often, DIGITS).sum(1) / 3 + (1 - HABIT) / DIGITS


class Reader(nn.Module):
    """Pictures `[B, T, 64]` to scores of digits `[B, T, 10]`, and a matrix of transitions that all rows share."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(PIXELS, DIGITS)
        self.transitions = nn.Parameter(torch.zeros(DIGITS, DIGITS))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return self.linear(pictures), self.transitions


def chain(**options: Any) -> BlockLayer:
    """A layer that finds the best path of scores and transitions."""
    layer = imle.layer("viterbi", steps=LONGEST, states=DIGITS, **options)
    assert isinstance(layer, BlockLayer)
    return layer


Loss = Callable[[Reader, Rows], Tensor]


def digit_by_digit() -> Loss:
    """Cross entropy of each picture."""

    def loss(reader: Reader, rows: Rows) -> Tensor:
        return cross_entropy(reader(rows.pictures)[0][rows.used], rows.digits[rows.used])

    return loss


def exact_likelihood() -> Loss:
    """The negative log-likelihood of a row, per digit: the forward algorithm less the score of the right path."""

    def loss(reader: Reader, rows: Rows) -> Tensor:
        emissions, transitions = reader(rows.pictures)
        right = emissions.gather(2, rows.digits.unsqueeze(2)).squeeze(2)
        total, score = emissions[:, 0], right[:, 0]
        for step in range(1, LONGEST):
            inside = rows.used[:, step]
            after = torch.logsumexp(total.unsqueeze(2) + transitions, dim=1) + emissions[:, step]
            total = torch.where(inside.unsqueeze(1), after, total)
            move = transitions[rows.digits[:, step - 1], rows.digits[:, step]]
            score = score + torch.where(inside, move + right[:, step], 0.0)
        found: Tensor = (torch.logsumexp(total, dim=1) - score).sum() / rows.lengths.sum()
        return found

    return loss


def fenchel_young() -> Loss:
    """The perturbed Fenchel-Young loss of the right paths."""
    layer = chain()
    per_row = imle.losses.PerturbedFenchelYoung(layer, nb_samples=SAMPLES, reduction="sum")

    def loss(reader: Reader, rows: Rows) -> Tensor:
        path = one_hot(rows.digits, DIGITS) * rows.used.unsqueeze(2)
        counts = torch.einsum("bti,btj->bij", path[:, :-1].float(), path[:, 1:].float())
        scores = layer.pack(*reader(rows.pictures))
        right = layer.pack_solutions(path.float(), counts)
        found: Tensor = per_row(scores, right, lengths=rows.lengths) / rows.lengths.sum()
        return found

    return loss


def imle_hamming() -> Loss:
    """The share of digits that are read wrong, by I-MLE."""
    layer = chain(nb_samples=SAMPLES)

    def loss(reader: Reader, rows: Rows) -> Tensor:
        path = layer(*reader(rows.pictures), lengths=rows.lengths).path
        wrong: Tensor = 1 - path.gather(2, rows.digits.unsqueeze(2)).squeeze(2)
        return wrong[rows.used].mean()

    return loss


METHODS: dict[str, Callable[[], Loss]] = {
    "digit by digit": digit_by_digit,
    "chain, exact likelihood": exact_likelihood,
    "chain, Fenchel-Young": fenchel_young,
    "chain, I-MLE": imle_hamming,
}
UNTRAINED = "untrained"


@torch.no_grad()
def digits_right(reader: Reader, rows: Rows) -> float:
    """The share of digits on the best path that are right, in %."""
    path = chain().eval()(*reader(rows.pictures), lengths=rows.lengths).path.argmax(dim=2)
    return 100 * float((path == rows.digits)[rows.used].float().mean())


def train(loss: Loss, rows: Rows, epochs: int) -> Reader:
    """A reader, by Adam."""
    reader = Reader()
    optimizer = torch.optim.Adam(reader.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        for own in torch.split(torch.randperm(len(rows.lengths)), BATCH):
            optimizer.zero_grad()
            torch.autograd.backward(loss(reader, rows.at(own)))
            optimizer.step()
    return reader


def run(seed: int, *, seen: int, unseen: int, epochs: int) -> dict[str, float]:
    """Digits that are right on held-out rows, of held-out pictures, in %, by method."""
    generator = torch.Generator().manual_seed(seed)
    habits = make_habits(generator)
    known, new = (
        make_rows(seen, slice(1200), habits, generator),
        make_rows(unseen, slice(1200, None), habits, generator),
    )
    torch.manual_seed(seed)
    found = {UNTRAINED: digits_right(Reader(), new)}
    for name, method in METHODS.items():
        torch.manual_seed(seed)  # the same start and order of rows for each method
        found[name] = digits_right(train(method(), known, epochs), new)
    return found


def main(argv: Sequence[str] | None = None) -> list[dict[str, float]]:
    """Run the example; returns what it shows, by seed."""
    parser = arguments(__doc__, plot="digit_chains.png", quick="one seed, fewer rows")
    options = parser.parse_args(argv)
    size = {"seen": 250, "unseen": 200, "epochs": 5} if options.quick else {"seen": 1000, "unseen": 1000, "epochs": 15}
    results = [run(seed, **size) for seed in with_progress(seeds_of(options), "reading digits")]
    columns = {"digits right, %": {name: [found[name] for found in results] for name in results[0]}}
    show("Digits of held-out rows that are read right, in %", columns)
    plot(columns["digits right, %"], options.plot)
    return results


def plot(found: Mapping[str, Sequence[float]], path: Path) -> None:
    """A bar per method."""
    figure = Figure(figsize=(6.5, 2.4), layout="constrained")
    bars(figure.subplots(), found, "digits read right, %", baselines=[UNTRAINED, "digit by digit"])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
