"""The contest: which runs are wanted, and those of them that are not on file, by some processes."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.defaults.contestants import CONTESTANTS, Contestant
from benchmarks.defaults.problem import Problem, Task
from benchmarks.defaults.runs import train
from benchmarks.defaults.tasks import TASKS
from benchmarks.trainings import Book, Page

TUNING = 2
"""Seeds on whose validation data learning rates are chosen."""


class Job(NamedTuple):
    """A contestant on a task, and what is on its page already."""

    task: str
    name: str
    page: Page


@dataclass(frozen=True)
class Contest:
    """What is measured, and where it is kept.

    Attributes:
        folder: of a file per task.
        tasks, contestants: names of those wanted, all by default.
        seeds: how many.
        workers: processes; 1 measures in this one.
        fresh: forget what is on file about those wanted.
        program: all tasks.
        entries: all contestants.
    """

    folder: Path
    tasks: Sequence[str] = tuple(TASKS)
    contestants: Sequence[str] = tuple(CONTESTANTS)
    seeds: int = 5
    workers: int = os.cpu_count() or 1
    fresh: bool = False
    program: Mapping[str, Task] = field(default_factory=lambda: TASKS)
    entries: Mapping[str, Contestant] = field(default_factory=lambda: CONTESTANTS)

    def book(self, task: str) -> Book:
        """What is on file about a task."""
        about = self.program[task]
        budget = f"{about.measure}, {about.steps} steps, rates {about.rates}, sizes {tuple(about.sizes)}"
        return Book(self.folder / f"{task.replace(' ', '-')}.json", budget)

    @property
    def tuning(self) -> range:
        """Seeds on which learning rates are chosen."""
        return range(min(TUNING, self.seeds))

    def measure(self) -> None:
        """Run what is wanted and not on file; a contestant's results on a task are saved when it has them all."""
        for job, page in self._results(list(self.jobs())):
            self.book(job.task).save(job.name, page)

    def jobs(self) -> Iterator[Job]:
        """What lacks results."""
        for task in self.tasks:
            book, problem = self.book(task), self.problem(task, 0)
            for name in self.contestants:
                contestant = self.entries[name]
                if not contestant.fits(problem):
                    continue
                page = Page(contestant.recipe) if self.fresh else book.page(name, contestant.recipe)
                if next(self.wanted(task, page), None) is not None:
                    yield Job(task, name, page)

    def wanted(self, task: str, page: Page) -> Iterator[tuple[float, int]]:
        """The rates and seeds that a contestant's page lacks."""
        return page.missing(self.program[task].rates, self.tuning, self.seeds)

    def problem(self, task: str, seed: int) -> Problem:
        """The data of a seed."""
        return _made(self.program[task], seed)

    def complete(self, job: Job) -> Page:
        """A contestant's page with all that is wanted on it."""
        task, page = self.program[job.task], job.page
        while missing := list(self.wanted(job.task, page)):
            for rate, seed in missing:
                page = page.and_run(train(task, self.problem(job.task, seed), self.entries[job.name], rate, seed))
        return page

    def _results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Page]]:
        console = Console(stderr=True)
        if self.workers == 1 or len(jobs) < 2:
            for job in track(jobs, "training", console=console, transient=True):
                yield job, self.complete(job)
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, spawn, torch.set_num_threads, (1,)) as pool:
            running: dict[Future[Page], Job] = {pool.submit(self.complete, job): job for job in jobs}
            try:
                for done in track(as_completed(running), "training", len(running), console=console, transient=True):
                    yield running[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@functools.lru_cache(maxsize=5)
def _made(task: Task, seed: int) -> Problem:
    return task.make(seed, task.sizes)
