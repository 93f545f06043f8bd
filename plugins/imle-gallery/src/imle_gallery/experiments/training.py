"""Gradient descent on the objective of a solver, and what happens meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.layers import SolverLayer


@dataclass(kw_only=True)
class Training:
    """Objectives while they are learned from their solutions. State t is the one after t updates.

    Attributes:
        name: of what is learned, or how.
        every: a frame is kept of states 0, every, 2 every, ...
        best: per frame, the noise-free (MAP) solutions `[B, *event]`.
        objective: per frame, what the solver was given `[B, *event]`.
        loss: per state.
        sparsity: per state, the share of gradient entries that are exactly zero.
        wrong: per state, the entries on which the MAP solutions differ from those to learn.
        right: per state, the rows that have no such entry.
        seconds: per state, the wall time of forward, backward and update; a timing, hence never among the results.
        solves: rows solved, forward and backward.
    """

    name: str = ""
    every: int
    best: list[NDArray[Any]] = field(default_factory=list)
    objective: list[NDArray[Any]] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    solves: int = 0

    @property
    def steps(self) -> int:
        """Updates made."""
        return len(self.loss) - 1

    @property
    def reached(self) -> int | None:
        """Updates until the MAP solutions first were those to learn."""
        return self.wrong.index(0) if 0 in self.wrong else None

    @property
    def settled(self) -> int | None:
        """Updates from which on they were so to the end."""
        if self.wrong[-1]:
            return None
        return next((t + 1 for t in range(self.steps, -1, -1) if self.wrong[t]), 0)

    @property
    def mean_sparsity(self) -> float:
        """Over all states."""
        return sum(self.sparsity) / len(self.sparsity)

    @property
    def step_seconds(self) -> float:
        """Of a step, the median."""
        return median(self.seconds)

    @property
    def frame_due(self) -> bool:
        """Whether a frame is kept of the state that is coming up."""
        return len(self.loss) % self.every == 0

    def run(
        self,
        weights: Tensor,
        objective: Callable[[Tensor], Tensor],
        solve: Callable[[Tensor], Tensor],
        layer: SolverLayer,
        loss: Callable[[Tensor], Tensor],
        gold: Tensor,
        *,
        steps: int,
        rate: float,
        on_step: Callable[[], None],
    ) -> None:
        """Minimise a loss with Adam.

        Args:
            weights: where to start.
            objective: of the solver, from the weights.
            solve: solves an objective without noise.
            layer: the layer that is differentiated.
            loss: of an objective, through that layer.
            gold: the solutions to learn.
            steps: updates.
            rate: of learning.
            on_step: called once per state, to show progress.
        """
        learned = torch.nn.Parameter(weights)
        optimizer = torch.optim.Adam([learned], lr=rate)
        for _ in range(steps + 1):
            with torch.no_grad():
                best = solve(objective(learned))
            if self.frame_due:
                self.best.append(best.numpy())
                self.objective.append(objective(learned).detach().numpy().copy())
            start = time.perf_counter()
            optimizer.zero_grad()
            value = loss(objective(learned))
            value.backward()  # type: ignore[no-untyped-call]
            gradient = learned.grad
            assert gradient is not None
            self.sparsity.append(1 - int(gradient.count_nonzero()) / gradient.numel())
            optimizer.step()
            self.seconds.append(time.perf_counter() - start)
            same = torch.isclose(best, gold, atol=1e-6).flatten(1)
            self.wrong.append(same.numel() - int(same.sum()))
            self.right.append(int(same.all(dim=1).sum()))
            self.loss.append(value.item())
            on_step()
        self.solves = layer.stats.solves
