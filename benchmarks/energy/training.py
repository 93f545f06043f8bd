"""One training: Adam, the epoch with the least validation regret, and the regret of its decisions on the test rows."""

from __future__ import annotations

import copy
import time
from statistics import median

import torch
from torch import nn

import imle
from benchmarks.energy.methods import Loss
from benchmarks.energy.problems import Part, Problem
from benchmarks.trainings import Run
from imle import metrics


def train(problem: Problem, loss: Loss, rate: float, seed: int) -> Run:
    """Train a model.

    Args:
        problem: rows and solver.
        loss: made for this training.
        rate: Adam's.
        seed: of the model and of all noise.

    Returns:
        the least mean relative regret on the validation rows, over epochs; that on the test rows, of the model after
        that epoch and of the model after the last one; the median seconds of an epoch's training steps.
    """
    torch.manual_seed(seed)
    model = problem.model()
    decide = problem.solver(noise=None).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    batches = torch.arange(len(problem.train.objectives)).split(problem.batch)
    least, best, seconds = float("inf"), copy.deepcopy(model), []
    for _ in range(problem.epochs):
        begun = time.perf_counter()
        for rows in batches:
            part = problem.train
            value = loss(model(part.features[rows]), part.objectives[rows], part.best[rows])
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
        seconds.append(time.perf_counter() - begun)
        regret = relative_regret(decide, model, problem.validation)
        if regret < least:
            least, best = regret, copy.deepcopy(model)
    test, last = (relative_regret(decide, m, problem.test) for m in (best, model))
    return Run(rate, seed, least, test, round(median(seconds), 6), last)


@torch.no_grad()
def relative_regret(decide: imle.SolverLayer, model: nn.Module, part: Part) -> float:
    """Regret of each row as a share of its optimum; the mean over rows, as the benchmark has it."""
    found = decide(model(part.features))
    lost = metrics.regret(part.objectives, found, part.best, layer=decide)
    optimum = (part.objectives * part.best).sum(dim=1)
    return float((lost / optimum.abs()).mean())
