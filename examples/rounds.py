"""Learn what drivers know: streets' speeds from the rounds that were driven, to plan the rounds to come.

A courier delivers to ten other customers every day. How far apart they are stands on the map; how long the way takes
depends on the districts it leads through, which nobody has measured. Drivers know: every evening there is the round of
the day, as it was driven, and no times. A round is the shortest tour of the day's customers by the true times, so the
times that explain all rounds are learned through the solver: one number per district, its slowness.

- By distance: the shortest round on the map, as a planner would have it who never drove.
- Learned: perturbed Fenchel-Young loss of the rounds; its gradient is the difference between how often a way is taken
  and whether it was.

Roads also have a chance of their own, up to a tenth of their time, which no model of districts can know: the last line
of the table knows the slowness of the districts exactly, and no more.

    python examples/rounds.py             # three seeds, ten seconds
    python examples/rounds.py --quick     # one seed, fewer days, seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, save, seeds_of, show, with_progress

CUSTOMERS, STOPS = 30, 10
DISTRICTS = 4
"""In each direction: a town of 4 x 4 districts."""
CHANCE = 0.1
BATCH, LEARNING_RATE, SAMPLES, TEMPERATURE = 20, 0.1, 4, 0.03


class Town(NamedTuple):
    """A depot, place 0, and customers.

    Attributes:
        through: `[n, n, 16]` how far the straight way between two places leads through each district.
        slowness: `[16]` minutes per unit of distance, which nobody has measured.
        minutes: `[n, n]` what ways take.
    """

    through: Tensor
    slowness: Tensor
    minutes: Tensor


class Days(NamedTuple):
    """Which places are visited, `[N, n]`, and the rounds, `[N, n, n]`: 1 for each way that was taken."""

    visit: Tensor
    rounds: Tensor


def make_town(generator: torch.Generator) -> Town:
    """Places anywhere in a unit square; a district is up to seven times as slow as another one."""
    places = torch.rand(CUSTOMERS + 1, 2, generator=generator)
    steps = (torch.arange(200) + 0.5) / 200
    along = places[:, None, None] + (places[None, :, None] - places[:, None, None]) * steps[:, None]  # [n, n, 200, 2]
    cell = (along * DISTRICTS).long().clamp(max=DISTRICTS - 1)
    number = cell[..., 0] * DISTRICTS + cell[..., 1]
    share = nn.functional.one_hot(number, DISTRICTS**2).float().mean(dim=2)
    through = (share + share.transpose(0, 1)) / 2 * torch.cdist(places, places).unsqueeze(-1)
    slowness = torch.exp(2 * (torch.rand(DISTRICTS**2, generator=generator) - 0.5))
    own = torch.rand(CUSTOMERS + 1, CUSTOMERS + 1, generator=generator)
    minutes = (through @ slowness) * (1 + CHANCE * (own + own.T) / 2)
    return Town(through, slowness, minutes)


def planner(**options: Any) -> imle.SolverLayer:
    """Times `[B, n, n]` and places to visit to rounds, which are driven in either direction."""
    return imle.layer("tsp", directed=False, **options)


def drive(minutes: Tensor, visit: Tensor) -> Tensor:
    """The best rounds by times `[n, n]` that all days share."""
    rounds: Tensor = planner(noise=None).eval()(minutes.expand(len(visit), -1, -1), visit=visit)
    return rounds


def make_days(town: Town, count: int, generator: torch.Generator) -> Days:
    """Random customers, and what drivers who know the town make of them."""
    order = torch.rand(count, CUSTOMERS, generator=generator).argsort(dim=1)[:, :STOPS] + 1
    visit = torch.zeros(count, CUSTOMERS + 1, dtype=torch.bool).scatter_(1, order, True)
    visit[:, 0] = True
    return Days(visit, drive(town.minutes, visit))


class Times(nn.Module):
    """Minutes for all ways, from how far they lead through each district: `[n, n]`; at first, one speed everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.log_slowness = nn.Parameter(torch.zeros(DISTRICTS**2))

    def forward(self, through: Tensor) -> Tensor:
        return through @ self.log_slowness.exp()


def learn(town: Town, days: Days, epochs: int) -> Times:
    """Find the slowness of districts that explains the rounds."""
    times = Times()
    loss = imle.losses.PerturbedFenchelYoung(planner(), nb_samples=SAMPLES, temperature=TEMPERATURE)
    optimizer = torch.optim.Adam(times.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(days.visit)), BATCH):
            minutes = times(town.through).expand(len(rows), -1, -1)
            value = loss(minutes, days.rounds[rows], visit=days.visit[rows])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        schedule.step()
    return times


class Score(NamedTuple):
    """How much longer than the driver's the planned rounds take, and how many are the same; shares."""

    excess: float
    same: float


@torch.no_grad()
def judge(town: Town, days: Days, minutes: Tensor) -> Score:
    """Plan by some times `[n, n]`, drive by the true ones."""
    planned = drive(minutes, days.visit)
    took, best = ((rounds * town.minutes).sum(dim=(1, 2)) for rounds in (planned, days.rounds))
    return Score(float(took.sum() / best.sum()) - 1, float((planned == days.rounds).all(dim=(1, 2)).float().mean()))


BEFORE, LEARNED, KNOWN = "by distance", "learned from rounds", "districts known"


def run(seed: int, *, train: int, test: int, epochs: int) -> dict[str, Score]:
    """All ways to plan, on days that were not learned from."""
    generator = torch.Generator().manual_seed(seed)
    town = make_town(generator)
    seen, unseen = make_days(town, train, generator), make_days(town, test, generator)
    torch.manual_seed(seed)
    times = learn(town, seen, epochs)
    planned_by = {BEFORE: Times()(town.through), LEARNED: times(town.through), KNOWN: town.through @ town.slowness}
    return {name: judge(town, unseen, minutes) for name, minutes in planned_by.items()}


def main(argv: Sequence[str] | None = None) -> list[dict[str, Score]]:
    """Run the example; returns what it shows: scores by seed and way to plan."""
    parser = arguments(__doc__, plot="rounds.png", quick="one seed, fewer days")
    options = parser.parse_args(argv)
    train, test, epochs = (50, 50, 5) if options.quick else (300, 300, 8)
    jobs = with_progress(seeds_of(options), "driving")
    results = [run(seed, train=train, test=test, epochs=epochs) for seed in jobs]
    columns = {
        title: {name: [100 * getattr(found[name], field) for found in results] for name in results[0]}
        for title, field in {"time above the drivers', %": "excess", "the same round, %": "same"}.items()
    }
    show("Rounds of days that were not learned from", columns)
    plot(columns, options.plot)
    return results


def plot(columns: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """A panel per score, a bar per way to plan."""
    figure = Figure(figsize=(9, 2.2), layout="constrained")
    for axes, (title, found) in zip(figure.subplots(1, 2), columns.items(), strict=True):
        bars(axes, found, title, baselines=[BEFORE, KNOWN])
    save(figure, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
