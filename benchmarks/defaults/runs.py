"""One training of the contest."""

from __future__ import annotations

import math
import time
import warnings

import torch

from benchmarks.defaults.contestants import Contestant
from benchmarks.defaults.problem import Problem, Task
from benchmarks.trainings import Run
from imle.errors import ObjectiveError, SolverWarning

MODELS = 1000
"""Added to a seed for models and batches: their numbers shall not be those of the data."""


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
