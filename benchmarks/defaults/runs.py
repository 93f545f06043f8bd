"""Runs: one training each, kept in a file per task, so that what was measured is not measured again."""

from __future__ import annotations

import json
import math
import statistics
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from benchmarks.defaults.contestants import Contestant
from benchmarks.defaults.problem import Problem, Task
from imle.errors import ObjectiveError, SolverWarning

MODELS = 1000
"""Added to a seed for models and batches: their numbers shall not be those of the data."""


@dataclass(frozen=True)
class Run:
    """What one training gave.

    Attributes:
        rate: of learning.
        seed: of data, model and batches.
        validation: less is better; infinite where predictions were.
        test: in the task's measure.
        seconds: of one core.
    """

    rate: float
    seed: int
    validation: float
    test: float
    seconds: float


def train(task: Task, problem: Problem, contestant: Contestant, rate: float, seed: int) -> Run:
    """Train a new model, and judge it."""
    torch.manual_seed(seed + MODELS)
    start = time.process_time()
    model, loss = problem.model(), contestant.prepare(problem)
    optimiser = torch.optim.Adam(problem.groups(model), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, task.steps)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverWarning)  # costs below zero count as zero, for everybody
            for _ in range(task.steps):
                optimiser.zero_grad()
                loss(model, problem.draw()).backward()
                optimiser.step()
                schedule.step()
            _, validation, test = task.sizes.parts
            scores = problem.choose(model, validation), problem.judge(model, test)
    except ObjectiveError:  # weights that overflow
        scores = math.inf, math.nan
    return Run(rate, seed, *scores, round(time.process_time() - start, 3))


@dataclass(frozen=True)
class Tuned:
    """All runs of a contestant on a task, and which of them count.

    Attributes:
        recipe: of the contestant.
        runs: of any rate and seed.
    """

    recipe: str
    runs: tuple[Run, ...] = ()

    def found(self, rate: float, seed: int) -> Run | None:
        return next((run for run in self.runs if (run.rate, run.seed) == (rate, seed)), None)

    def rate(self, rates: Iterable[float], seeds: Sequence[int]) -> float | None:
        """The rate with the best mean on validation data over some seeds; None if one was not measured."""
        means = {}
        for rate in rates:
            found = [self.found(rate, seed) for seed in seeds]
            if any(run is None for run in found):
                return None
            means[rate] = statistics.fmean(run.validation for run in found if run)
        return min(means, key=lambda rate: means[rate])

    def scores(self, rate: float) -> dict[int, float]:
        """On test data, by seed."""
        return {run.seed: run.test for run in self.runs if run.rate == rate}

    def and_run(self, run: Run) -> Tuned:
        return replace(self, runs=(*self.runs, run))


class Book:
    """The runs of one task on file.

    Args:
        file: JSON.
        budget: of the task, in words: runs on another budget are forgotten, and so are those of another recipe.
    """

    def __init__(self, file: Path, budget: str) -> None:
        self.file, self.budget = file, budget
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        pages = found["contestants"] if found.get("budget") == budget else {}
        self.pages = {
            name: Tuned(page["recipe"], tuple(Run(**run) for run in page["runs"])) for name, page in pages.items()
        }

    def page(self, name: str, recipe: str) -> Tuned:
        page = self.pages.get(name, Tuned(recipe))
        return page if page.recipe == recipe else Tuned(recipe)

    def save(self, name: str, page: Tuned) -> None:
        """Write a contestant's page, whole or not at all."""
        self.pages[name] = page
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".new")
        content = {"budget": self.budget, "contestants": {name: asdict(page) for name, page in self.pages.items()}}
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.file)
