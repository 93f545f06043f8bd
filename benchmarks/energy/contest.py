"""All methods on one problem: learning rates by validation, regret by test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from benchmarks.energy.methods import OURS, RATES, Maker
from benchmarks.energy.problems import PROBLEMS, Problem
from benchmarks.energy.published import CHOICES, MAKERS
from benchmarks.energy.training import Training, train

METHODS = tuple(dict.fromkeys([*OURS, *MAKERS]))
"""All names, of our settings or of published ones."""

TUNED = 2
"""Seeds whose validation rows choose the learning rate."""


@dataclass(frozen=True)
class Standing:
    """How a method did.

    Attributes:
        method: its name.
        settings: "ours" or "published".
        rate: Adam's learning rate.
        test, last: as of `Training`, one per seed.
        seconds: of an epoch's training steps; the median over seeds.
    """

    method: str
    settings: str
    rate: float
    test: list[float]
    last: list[float]
    seconds: float

    @property
    def regret(self) -> float:
        """On test rows, the mean over seeds."""
        return mean(self.test)


@dataclass(frozen=True)
class Entry:
    """A method with its settings, and the learning rates that it may have."""

    method: str
    settings: str
    make: Maker
    rates: tuple[float, ...]


def entries(name: str) -> list[Entry]:
    """Who takes part in a problem. Schedules are too slow for rules of many samples."""
    ours = {method: make for method, make in OURS.items() if "samples" not in method or "schedule" not in name}
    return [
        *(Entry(method, "ours", make, RATES) for method, make in ours.items()),
        *(
            Entry(method, "published", MAKERS[method](*parameters), (rate,))
            for method, (rate, *parameters) in CHOICES[name].items()
        ),
    ]


def hold(make: Callable[[int], Problem], taking_part: Sequence[Entry], seeds: int) -> list[Standing]:
    """Train every method on every seed; the best first.

    Args:
        make: a seed's problem.
        taking_part: methods and settings.
        seeds: how many.
    """
    found = [Trials(entry) for entry in taking_part]
    for seed in range(seeds):
        problem = make(seed)
        for trials in found:
            trials.add(problem, seed)
    return sorted((trials.standing() for trials in found), key=lambda standing: standing.regret)


def hold_by_name(name: str, methods: Collection[str], seeds: int) -> list[Standing]:
    """These methods, where they take part, on one of `PROBLEMS`."""
    return hold(PROBLEMS[name], [entry for entry in entries(name) if entry.method in methods], seeds)


class Trials:
    """The trainings of one entry, seed after seed."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.trainings: Mapping[float, list[Training]] = {rate: [] for rate in entry.rates}

    def add(self, problem: Problem, seed: int) -> None:
        """Train on one more seed: with every rate while that is open, then with the one that was best."""
        for rate in self.entry.rates if seed < TUNED else [self.rate]:
            self.trainings[rate].append(train(problem, self.entry.make(problem), rate, seed))

    @property
    def rate(self) -> float:
        """That with the least validation regret, over the first seeds."""
        return min(self.entry.rates, key=lambda rate: mean(t.validation for t in self.trainings[rate][:TUNED]))

    def standing(self) -> Standing:
        chosen = self.trainings[self.rate]
        test, last = [t.test for t in chosen], [t.last for t in chosen]
        seconds = median(t.seconds for t in chosen)
        return Standing(self.entry.method, self.entry.settings, self.rate, test, last, seconds)
