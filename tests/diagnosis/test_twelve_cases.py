"""Twelve setups with a mistake each: the first advice, followed without thought, trains as well as the best setting."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import imle
from imle.errors import SolveError
from imle.estimators import IMLE
from imle.solvers import SolveResult
from support.solvers import EnumerationSolver, PreparedEnumeration, assignments, knapsacks

ROWS, HELD_OUT, BATCH, STEPS, RATE, SAMPLES = 256, 500, 32, 100, 0.1, 4
SEEDS = 0, 1


@dataclass(frozen=True)
class Clipping:
    """The cheapest of the listed solutions; negative costs count as 0, and are counted."""

    sense: ClassVar[str] = "min"
    array: ClassVar[str] = "numpy"

    def prepare(self, solutions):
        return PreparedClipping(np.asarray(solutions, dtype=float), "min")


class PreparedClipping(PreparedEnumeration):
    def solve(self, objective, *, hint=None):
        clipped = int((objective < 0).any(axis=1).sum())
        found = super().solve(objective.clip(min=0))
        return SolveResult(found.solutions, counters={"clipped_rows": clipped} if clipped else {})


class Problem:
    """Values of items that a linear model nearly tells, and the best solutions for them."""

    def __init__(self, table: np.ndarray, sign: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.table, self.sign = torch.from_numpy(table).float(), sign
        n = self.table.shape[1]
        weight = torch.randn(4, n, generator=generator) / 2
        self.x = torch.randn(ROWS + HELD_OUT, 4, generator=generator)
        scores = self.x @ weight
        noise = torch.exp(0.2 * torch.randn(scores.shape, generator=generator))
        self.values = (1 + scores / 2).abs() ** 3 * noise
        self.values = self.values / self.values.std()
        self.best = self.solve(self.values)
        self.mixed = torch.eye(n) + 0.4 * torch.randn(n, n, generator=generator) / n**0.5

    def solve(self, objective: Tensor) -> Tensor:
        return self.table[(self.sign * objective @ self.table.T).argmax(dim=1)]

    def regret(self, solutions: Tensor) -> float:
        """Of the rows held out, relative to the value of the best solutions."""
        values, best = self.values[ROWS:], self.best[ROWS:]
        return float(self.sign * ((best - solutions) * values).sum() / (best * values).sum())


KNAPSACK = Problem(knapsacks([2, 3, 4, 5, 6, 7, 8, 9], 20), 1)
MATCHING = Problem(assignments(3), -1)

Loss = Callable[[Problem, Tensor, Tensor], Tensor]


def distance(problem: Problem, z: Tensor, rows: Tensor) -> Tensor:
    """Of what solutions do, which items do together."""
    return ((z - problem.best[rows]) @ problem.mixed).square().sum(dim=1)


def rounded(problem: Problem, z: Tensor, rows: Tensor) -> Tensor:
    return distance(problem, z.round(), rows)


def weighted(problem: Problem, z: Tensor, rows: Tensor) -> Tensor:
    return distance(problem, z, rows) * torch.where(rows % 32 == 0, 1.0, 1e-6)


@dataclass(frozen=True)
class Setup:
    """What a user wrote. The objective is factor * model(x) + shift."""

    problem: Problem = KNAPSACK
    solver: Any = field(default_factory=EnumerationSolver)
    options: dict[str, Any] = field(default_factory=dict)
    estimator: dict[str, Any] = field(default_factory=dict)
    factor: float = 1.0
    shift: float = 0.0
    positive: bool = False
    start: float | None = None
    loss: Loss = distance
    impossible: bool = False

    def model(self, seed: int) -> torch.nn.Linear:
        torch.manual_seed(seed)
        model = torch.nn.Linear(4, self.problem.table.shape[1])
        if self.start is not None:
            torch.nn.init.zeros_(model.weight)
            torch.nn.init.constant_(model.bias, self.start)
        return model

    def layer(self) -> imle.SolverLayer:
        options = {"estimator": IMLE(**self.estimator), "nb_samples": SAMPLES, **self.options}
        instance = {} if self.impossible else {"solutions": self.problem.table.numpy()}
        return imle.layer(self.solver, **instance, **options)

    def objective(self, model: torch.nn.Linear, rows: Sequence[int] | Tensor) -> Tensor:
        scores = model(self.problem.x[rows])
        return self.factor * (torch.nn.functional.softplus(scores) if self.positive else scores) + self.shift

    def instances(self, rows: Tensor) -> dict[str, Any]:
        """Every 16th row has no solution at all."""
        table = self.problem.table.numpy()
        return {"solutions": [table[:0] if row % 16 == 0 else table for row in rows]} if self.impossible else {}


def train(setup: Setup, seed: int) -> float:
    """The regret of solutions without noise, mean over the last steps."""
    model, layer = setup.model(seed), setup.layer()
    shown = replace(setup, impossible=False).layer().eval()
    held_out = torch.arange(ROWS, ROWS + HELD_OUT)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    regrets = []
    for step in range(1, STEPS + 1):
        rows = torch.randint(ROWS, (BATCH,))
        try:
            z = layer(setup.objective(model, rows), **setup.instances(rows))
        except SolveError:
            return math.inf
        optimiser.zero_grad()
        setup.loss(setup.problem, z, rows).mean().backward()
        optimiser.step()
        if step > 0.7 * STEPS and step % 5 == 0:
            with torch.no_grad():
                regrets.append(setup.problem.regret(shown(setup.objective(model, held_out))))
    return sum(regrets) / len(regrets)


def first_advice(setup: Setup) -> imle.diagnosis.Advice:
    """For the untrained model."""
    rows = torch.arange(64)
    objective = setup.objective(setup.model(0), rows).detach()
    report = imle.diagnose(
        setup.layer(), objective, lambda z: setup.loss(setup.problem, z, rows), draws=4, **setup.instances(rows)
    )
    return report.advice[0]


def follow(setup: Setup, advice: imle.diagnosis.Advice) -> Setup:
    """Without thought."""
    if advice.where == "loss":
        return replace(setup, loss=distance)
    assert advice.change
    change = dict(advice.change)
    factor, shift = change.pop("factor", 1.0), change.pop("shift", 0.0)
    rule = inspect.signature(IMLE).parameters
    return replace(
        setup,
        factor=factor * setup.factor,
        shift=factor * setup.shift + shift,
        estimator=setup.estimator | {name: value for name, value in change.items() if name in rule},
        options=setup.options | {name: value for name, value in change.items() if name not in rule},
    )


CASES: dict[str, tuple[str, Setup]] = {
    "temperature too small": ("quiet-noise", Setup(options={"temperature": 1e-3})),
    "temperature too large": ("loud-noise", Setup(options={"temperature": 1e3})),
    "step too small": ("short-step", Setup(estimator={"beta": 1e-3})),
    "step too large": ("long-step", Setup(estimator={"beta": 1e3})),
    "offset": ("offset", Setup(options={"temperature": 1.0}, factor=10.0, shift=100.0)),
    "clipped costs": ("clipped", Setup(MATCHING, Clipping(), {"temperature": 10.0}, positive=True)),
    "constant objective": ("constant-objective", Setup(start=100.0)),
    "wrong sense": ("wrong-sense", Setup(solver=EnumerationSolver("min"), positive=True)),
    "forgotten noise": ("no-noise", Setup(options={"noise": None})),
    "loss blind to the solution": ("blind-loss", Setup(loss=rounded)),
    "gradient starved by weights": ("starved", Setup(loss=weighted)),
    "infeasible rows": ("failed-rows", Setup(impossible=True)),
}


def mean_regret(setup: Setup) -> float:
    return sum(train(setup, seed) for seed in SEEDS) / len(SEEDS)


@cache
def best(problem: Problem, positive: bool) -> float:
    """What the best of some sensible settings gives."""
    default = Setup(problem, EnumerationSolver("max" if problem.sign > 0 else "min"), positive=positive)
    others = replace(default, estimator={"beta": 0.5}), replace(default, options={"temperature": 0.25})
    return min(mean_regret(setup) for setup in (default, *others))


@pytest.mark.parametrize("case", CASES)
def test_the_first_advice_is_the_cure(case):
    name, setup = CASES[case]
    advice = first_advice(setup)
    assert advice.name == name
    goal = 1.2 * best(setup.problem, setup.positive)
    assert train(setup, SEEDS[0]) > goal
    assert mean_regret(follow(setup, advice)) <= goal
