"""What a task is: data and a model for each seed, a loss of samples, and how a trained model is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

import imle


class Sizes(NamedTuple):
    """Rows to train with, to choose a learning rate by, and to test with: in this order in all data."""

    train: int
    validation: int
    test: int

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def parts(self) -> tuple[slice, slice, slice]:
        """The rows of each."""
        first, second = self.train, self.train + self.validation
        return slice(first), slice(first, second), slice(second, self.total)


@dataclass(frozen=True, kw_only=True)
class Problem(ABC):
    """One seed's data.

    Attributes:
        layer: makes a layer for them, given its options.
        sizes: of the data.
        batch: rows of a step.
        solutions: `[rows, *event]` the best ones, where they are known.
        truth: `[rows, *event]` the true objectives, where they are known.
    """

    layer: Callable[..., imle.SolverLayer]
    sizes: Sizes
    batch: int = 32
    solutions: Tensor | None = None
    truth: Tensor | None = None

    @abstractmethod
    def model(self) -> nn.Module:
        """A new one, from torch's global generator."""

    def groups(self, model: nn.Module) -> list[dict[str, Any]]:
        """Its parameters, as an optimiser takes them."""
        return [{"params": model.parameters()}]

    @abstractmethod
    def objective(self, model: nn.Module, rows: Tensor) -> Tensor:
        """What the solver is given for some rows. `[B, *event]`."""

    @abstractmethod
    def losses(self, model: nn.Module, z: Tensor, rows: Tensor) -> Tensor:
        """Of samples `[B, S, *event]` for some rows: `[B, S]`."""

    @abstractmethod
    def judge(self, model: nn.Module, rows: slice) -> float:
        """How well a trained model does on unseen rows, in the task's measure."""

    def choose(self, model: nn.Module, rows: slice) -> float:
        """What a learning rate is chosen by: less is better, and a user would know it."""
        return self.judge(model, rows)

    def draw(self) -> Tensor:
        """Rows of a step."""
        return torch.randint(self.sizes.train, (self.batch,))

    def penalty(self, objective: Tensor) -> Tensor:
        """What the loss has besides that of samples. `[B]`."""
        return objective.new_zeros(len(objective))


@dataclass(frozen=True)
class Task:
    """One line of the contest's program.

    Attributes:
        make: the data of a seed.
        measure: what `Problem.judge` gives.
        better: whether much or little of it is good.
        steps: of Adam, with rates that fall to zero like a cosine.
        rates: of learning, to choose from.
        sizes: of the data.
    """

    make: Callable[[int, Sizes], Problem]
    measure: str
    better: Literal["low", "high"]
    steps: int
    rates: tuple[float, ...]
    sizes: Sizes
