"""All methods on one problem: what is not on file is trained, then learning rates by validation, regret by test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median

from benchmarks.energy.methods import OURS, RATES, Maker
from benchmarks.energy.problems import PROBLEMS, Problem
from benchmarks.energy.published import CHOICES, MAKERS
from benchmarks.energy.training import train
from benchmarks.results import RESULTS
from benchmarks.trainings import Book

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
        test, last: regrets as of `train`, one per seed.
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
    parameters: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method}, {self.settings}"

    @property
    def recipe(self) -> str:
        return f"rates {self.rates}, parameters {self.parameters}"


def entries(name: str) -> list[Entry]:
    """Who takes part in a problem. Schedules are too slow for rules of many samples."""
    ours = {method: make for method, make in OURS.items() if "samples" not in method or "schedule" not in name}
    return [
        *(Entry(method, "ours", make, RATES) for method, make in ours.items()),
        *(
            Entry(method, "published", MAKERS[method](*parameters), (rate,), tuple(parameters))
            for method, (rate, *parameters) in CHOICES[name].items()
        ),
    ]


def book(name: str, folder: Path = RESULTS / "energy") -> Book:
    """What is on file about one of `PROBLEMS`."""
    return Book(folder / f"{name.replace(',', '').replace(' ', '-')}.json", name)


def hold(make: Callable[[int], Problem], taking_part: Sequence[Entry], seeds: int, kept: Book) -> None:
    """Train every method on every seed, but for what is on file.

    Args:
        make: a seed's problem.
        taking_part: methods and settings.
        seeds: how many.
        kept: what is on file; every training is added as it ends.
    """
    made = cache(make)
    for upto in (TUNED, *range(TUNED + 1, seeds + 1)):  # a seed at a time, so that its problem is made once
        made.cache_clear()
        for entry in taking_part:
            page = kept.page(entry.name, entry.recipe)
            while missing := next(page.missing(entry.rates, range(min(TUNED, seeds)), min(upto, seeds)), None):
                problem = made(missing[1])
                page = page.and_run(train(problem, entry.make(problem), *missing))
                kept.save(entry.name, page)


def hold_by_name(name: str, methods: Collection[str], seeds: int) -> None:
    """These methods, where they take part, on one of `PROBLEMS`."""
    taking_part = [entry for entry in entries(name) if entry.method in methods]
    hold(PROBLEMS[name], taking_part, seeds, book(name))


def standings(taking_part: Sequence[Entry], kept: Book) -> list[Standing]:
    """Of all that have a learning rate, on the seeds that are on file; the best first."""
    found = []
    for entry in taking_part:
        page = kept.page(entry.name, entry.recipe)
        tuning = range(min(TUNED, len({run.seed for run in page.runs})))
        if not tuning or (rate := page.rate(entry.rates, tuning)) is None:
            continue
        runs = page.chosen(rate)
        test, last = [run.test for run in runs], [run.test if run.last is None else run.last for run in runs]
        found.append(Standing(entry.method, entry.settings, rate, test, last, median(run.seconds for run in runs)))
    return sorted(found, key=lambda standing: standing.regret)
