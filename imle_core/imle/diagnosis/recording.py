"""What an estimator is given, what it solves and what it answers, kept."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from torch import Tensor

from imle.estimators.base import Application, Estimator, Trace
from imle.estimators.samples import Solutions, Solve


class Pass(NamedTuple):
    """One backward pass.

    Attributes:
        dy: `[B, 1 or S, *event]` what the loss sent.
        gradient: `[B, *event]` the estimator's answer, for theta.
        forward: `[B, S, *event]` forward solutions.
        targets: `[B, S, *event]` each: the solutions of the backward solves.
    """

    dy: Tensor
    gradient: Tensor
    forward: Tensor
    targets: list[Tensor]


class RecordingEstimator(Estimator):
    """An estimator that does what another does, and keeps `rows`, the latest B, and `latest`, its backward pass."""

    name: ClassVar[str] = "recording"

    def __init__(self, inner: Estimator) -> None:
        super().__init__()
        self.inner = inner
        self.rows = 0
        self.latest: Pass | None = None

    def transform(self, theta: Tensor) -> Tensor:
        return self.inner.transform(theta)

    def check_scale(self, homogeneous: bool) -> None:
        self.inner.check_scale(homogeneous)

    def sample(self, theta: Tensor, noise: Tensor | None, call: Application) -> Solutions:
        self.rows, self.latest = len(theta), None
        return self.inner.sample(theta, noise, replace(call, estimator=self.inner))

    def backward_pass(self) -> AbstractContextManager[None]:
        return self.inner.backward_pass()

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        targets: list[Tensor] = []
        call = replace(trace.call, estimator=self.inner, solve=_RecordingSolve(trace.call.solve, targets))
        found = self.inner.gradient(replace(trace, call=call), dy)
        self.latest = Pass(dy, found, trace.z, targets)
        return found


@dataclass
class _RecordingSolve:
    """A solve whose solutions are kept."""

    inner: Solve
    kept: list[Tensor]

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        found = self.inner(theta, hint, phase=phase, known=known)
        self.kept.append(found.z)
        return found

    def tile(self, times: int) -> Solve:
        return _RecordingSolve(self.inner.tile(times), self.kept)

    def part(self, rows: slice) -> Solve:
        return _RecordingSolve(self.inner.part(rows), self.kept)
