"""What the contest needs to know of a contestant."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor


@dataclass
class Spent:
    """Rows solved, and seconds in noise and in solver calls."""

    solves: int = 0
    noise: float = 0.0
    solve: float = 0.0

    def since(self, earlier: Spent) -> Spent:
        return Spent(self.solves - earlier.solves, self.noise - earlier.noise, self.solve - earlier.solve)


class Meter:
    """Times the calls of third-party functions from outside."""

    def __init__(self) -> None:
        self.spent = Spent()

    @contextmanager
    def timed(self, part: Literal["noise", "solve"], solves: int = 0) -> Iterator[None]:
        start = time.perf_counter()
        yield
        setattr(self.spent, part, getattr(self.spent, part) + time.perf_counter() - start)
        self.spent.solves += solves

    def wrap(
        self, part: Literal["noise", "solve"], function: Callable[..., Any], solves: int = 0
    ) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.timed(part, solves):
                return function(*args, **kwargs)

        return timed


class Peer(ABC):
    """A library, or a way to write the loop, bound to one workload.

    Attributes:
        name: as shown.
    """

    name: str

    @abstractmethod
    def layer(self, objectives: Tensor) -> Tensor:
        """I-MLE: the mean solution of the samples, with a gradient. `[B, *event]` to `[B, *event]`."""

    @abstractmethod
    def decide(self, objectives: Tensor) -> Tensor:
        """The best solution for each row, no noise, no gradient. `[N, *event]` to `[N, *event]`."""

    @property
    @abstractmethod
    def spent(self) -> Spent:
        """Since the beginning; a copy."""


class Metered(Peer):
    """A contestant whose solver and noise are timed from outside."""

    def __init__(self) -> None:
        self.meter = Meter()

    @property
    def spent(self) -> Spent:
        return replace(self.meter.spent)
