"""Learn what a committee values: which patients it lets exchange kidneys, seen from the exchanges of past meetings.

Somebody wants to give a kidney to a relative, but blood groups or antibodies do not agree. Two such pairs can help each
other, each donor giving to the other's patient: a matching of pairs, in a graph that is not bipartite. At every meeting
a committee arranges exchanges for those who wait. What it values shows only in what it arranged: how long patients have
waited, how rarely a donor suits them, children, ages that agree, a short way between hospitals. Blood groups and
antibodies are as frequent as in Saidman et al. (2006), the rest is made up. A model gives every exchange points.

- All alike: as many exchanges as possible, whose it does not matter.
- One by one: logistic regression on whether a possible exchange was arranged; its log-odds, raised until none are below
  zero, are the points. It takes patients who have few alternatives for patients whom the committee prefers.
- Learned: perturbed Fenchel-Young loss of whole matchings, of which those alternatives are part.

The committee also knows what stands in no file: it adds a number of its own to every exchange, which nobody can learn.
The last line of the table knows its points exactly, and no more.

    python examples/kidney_exchange.py             # three seeds, six seconds
    python examples/kidney_exchange.py --quick     # one seed, fewer meetings, seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

PAIRS = 24
EXCHANGES = torch.triu_indices(PAIRS, PAIRS, offset=1)
"""`[2, E]`, every exchange that can be thought of: of one pair with another one."""
BLOOD_GROUPS = torch.tensor([0.4814, 0.3373, 0.1428, 0.0385])
"""Shares of O, A, B, AB. The number of a group has a bit for each antigen, so O is 0 and AB is 3."""
ANTIBODIES = torch.tensor([0.05, 0.45, 0.90])
"""How likely a patient's antibodies attack a kidney of a suitable blood group, for these shares of patients:"""
ANTIBODY_SHARES = torch.tensor([0.7019, 0.2000, 0.0981])
USUAL_POINTS = torch.tensor([1.0, 0.3, 1.0, 1.0, -0.3, 0.5])
"""For a transplant, a year of waiting, antibodies, a child, ten years between the ages, the same hospital."""
ALL_ALIKE = torch.eye(len(USUAL_POINTS))[0]
"""Only transplants count."""
ADULT = 1.8
"""In decades, as all ages."""
OWN = 0.3
"""Standard deviation of what the committee adds to an exchange."""
IMPOSSIBLE = -100.0
"""A matching leaves out what scores less than nothing; noise does not come near this."""
BATCH, LEARNING_RATE, SAMPLES, TEMPERATURE = 20, 0.1, 4, 0.5


class Meetings(NamedTuple):
    """What is known of exchanges, what the committee finds, and what it arranges.

    Attributes:
        terms: `[N, E, 6]` what points are given for, sums over both transplants.
        possible: `[N, E]` whether both donors suit.
        points: `[N, E]` the committee's.
        arranged: `[N, E]` a 0/1 mask.
    """

    terms: Tensor
    possible: Tensor
    points: Tensor
    arranged: Tensor


def planner(**options: Any) -> imle.SolverLayer:
    """Points `[B, E]` to the exchanges with the most points in all, no pair in two of them."""
    return imle.layer("max-weight-matching", edges=EXCHANGES.T, **options)


def only(possible: Tensor, points: Tensor) -> Tensor:
    """The same points, but none that matter for what is not possible."""
    return torch.where(possible, points, IMPOSSIBLE)


def arrange(possible: Tensor, points: Tensor) -> Tensor:
    """The best plans by points `[N, E]`."""
    plans: Tensor = planner(noise=None).eval()(only(possible, points))
    return plans


def draw(shares: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers of groups, as often as their shares say."""
    return (torch.rand(*shape, 1, generator=generator) > shares.cumsum(0)[:-1]).sum(-1)


def suits(donor: Tensor, patient: Tensor, antibodies: Tensor, generator: torch.Generator) -> Tensor:
    """Whether patients can have kidneys: the donor has no antigen that they have not, and no antibody attacks it."""
    attacked = torch.rand(donor.shape, generator=generator) < antibodies
    return ((donor & ~patient) == 0) & ~attacked


def make_meetings(count: int, committee: Tensor, generator: torch.Generator) -> Meetings:
    """Pools of pairs that cannot help themselves, and what a committee with points `[6]` of its own makes of them."""
    many = (count, 5 * PAIRS)  # half of those who come cannot help themselves
    donor, patient = (draw(BLOOD_GROUPS, many, generator) for _ in range(2))
    antibodies = ANTIBODIES[draw(ANTIBODY_SHARES, many, generator)]
    own_suits = suits(donor, patient, antibodies, generator)
    chosen = own_suits.int().argsort(dim=1, stable=True)[:, :PAIRS]
    donor, patient, antibodies = (part.gather(1, chosen) for part in (donor, patient, antibodies))

    shape = (count, PAIRS)
    waiting = 2 * torch.empty(shape).exponential_(generator=generator).clamp(max=4)
    age = 8 * torch.rand(shape, generator=generator)
    donor_age = 2 + 5 * torch.rand(shape, generator=generator)
    hospital = torch.randint(3, shape, generator=generator)

    def transplants(to: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:  # patients of some pairs, donors of others
        terms = [
            torch.ones(count, len(to)),
            waiting[:, to],
            antibodies[:, to],
            (age[:, to] < ADULT).float(),
            (age[:, to] - donor_age[:, of]).abs(),
            (hospital[:, to] == hospital[:, of]).float(),
        ]
        return torch.stack(terms, dim=-1), suits(donor[:, of], patient[:, to], antibodies[:, to], generator)

    (there, first), (back, second) = transplants(*EXCHANGES), transplants(*EXCHANGES.flip(0))
    terms, possible = there + back, first & second
    points = terms @ committee + OWN * torch.randn(possible.shape, generator=generator)
    return Meetings(terms, possible, points, arrange(possible, points))


def learn_one_by_one(meetings: Meetings) -> Tensor:
    """The points `[6]` that make up the log-odds of a possible exchange being arranged, and enough for a transplant."""
    terms, arranged = (part[meetings.possible] for part in (meetings.terms, meetings.arranged))
    # nearly no regularisation; the first term is constant, and takes the part of an intercept
    model = LogisticRegression(C=1e6, fit_intercept=False).fit(terms.numpy(), arranged.numpy())
    points = torch.from_numpy(model.coef_[0]).float()
    # most possible exchanges are less likely than not, and a matching would leave them out
    return points - ALL_ALIKE * (terms @ points / terms[:, 0]).min()


def learn(meetings: Meetings, epochs: int) -> Tensor:
    """Find points `[6]` that explain what was arranged."""
    points = nn.Parameter(ALL_ALIKE.clone())
    loss = imle.losses.PerturbedFenchelYoung(planner(), nb_samples=SAMPLES, temperature=TEMPERATURE)
    optimizer = torch.optim.Adam([points], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(meetings.terms)), BATCH):
            terms, possible, _, arranged = (part[rows] for part in meetings)
            optimizer.zero_grad()
            loss(only(possible, terms @ points), arranged).backward()
            optimizer.step()
        schedule.step()
    return points.detach()


BEFORE, SINGLY, LEARNED, KNOWN = "all alike", "one by one", "learned from matchings", "points known"
LOST, SAME, WEIGHT = "points lost, %", "same exchanges, %", "weight of antibodies, %"


def run(seed: int, *, train: int, test: int, epochs: int) -> dict[str, dict[str, float]]:
    """All ways to arrange, at meetings that were not learned from: percentages by score and way.

    Scores are the share of the committee's points that plans lose, how far exchanges are the same (F1), and the share
    of antibodies in the (absolute) points for all that makes a difference between transplants.
    """
    generator = torch.Generator().manual_seed(seed)
    committee = USUAL_POINTS * torch.exp(torch.rand(len(USUAL_POINTS), generator=generator) - 0.5)
    seen, unseen = (make_meetings(count, committee, generator) for count in (train, test))
    torch.manual_seed(seed)
    points = {BEFORE: ALL_ALIKE, SINGLY: learn_one_by_one(seen), LEARNED: learn(seen, epochs), KNOWN: committee}
    scores: dict[str, dict[str, float]] = {LOST: {}, SAME: {}, WEIGHT: {}}
    for name, found in points.items():
        plans = arrange(unseen.possible, unseen.terms @ found)
        made, best = ((chosen * unseen.points).sum() for chosen in (plans, unseen.arranged))
        both = (plans * unseen.arranged).sum()
        scores[LOST][name] = 100 * float(1 - made / best)
        scores[SAME][name] = 100 * float(2 * both / (plans.sum() + unseen.arranged.sum()))
        if name != BEFORE:
            scores[WEIGHT][name] = 100 * float(found[2] / found[1:].abs().sum())
    return scores


def main(argv: Sequence[str] | None = None) -> list[dict[str, dict[str, float]]]:
    """Run the example; returns what it shows: by seed, score and way to arrange."""
    parser = arguments(__doc__, plot="kidney_exchange.png", quick="one seed, fewer meetings")
    options = parser.parse_args(argv)
    train, test, epochs = (60, 60, 5) if options.quick else (300, 300, 8)
    jobs = with_progress(seeds_of(options), "meeting")
    results = [run(seed, train=train, test=test, epochs=epochs) for seed in jobs]
    columns = {
        title: {name: [found[title][name] for found in results] for name in ways} for title, ways in results[0].items()
    }
    show("Exchanges at meetings that were not learned from", columns)
    plot(columns, options.plot)
    return results


def plot(columns: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A panel per score, a bar per way to arrange."""
    figure = Figure(figsize=(12, 2.2), layout="constrained")
    for axes, (title, found) in zip(figure.subplots(1, 3), columns.items(), strict=True):
        bars(axes, found, title, baselines=[BEFORE, SINGLY, KNOWN])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
