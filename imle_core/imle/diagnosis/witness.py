"""Looking over an estimator's shoulder: what it is given, what it solves, what it answers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from imle.estimators.base import Estimator
from imle.estimators.trace import Call, Solutions, Solve, Trace
from imle.layers.module import SolverLayer


@dataclass
class Record:
    """One forward and backward pass.

    Attributes:
        rows: B.
        dy: `[B, 1 or S, *event]` what the loss sent.
        forward: `[B, S, *event]` forward solutions.
        targets: `[B, S, *event]` each: the solutions of the backward solves.
        gradient: `[B, *event]` the estimator's answer, for theta.
    """

    rows: int = 0
    dy: Tensor | None = None
    forward: Tensor | None = None
    targets: list[Tensor] = field(default_factory=list)
    gradient: Tensor | None = None


class Witness(Estimator):
    """An estimator that does what another does, and records it."""

    name: ClassVar[str] = "witness"

    def __init__(self, inner: Estimator, record: Record) -> None:
        super().__init__()
        self.inner = inner
        self.record = record

    def sample(self, theta: Tensor, noise: Tensor | None, call: Call) -> Solutions:
        self.record.rows = len(theta)
        return self.inner.sample(theta, noise, replace(call, estimator=self.inner))

    def backward_pass(self) -> AbstractContextManager[None]:
        return self.inner.backward_pass()

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        solve = _Recorded(trace.call.solve, self.record.targets)
        call = replace(trace.call, estimator=self.inner, solve=solve)
        found = self.inner.gradient(replace(trace, call=call), dy)
        self.record.dy, self.record.forward, self.record.gradient = dy.detach(), trace.z.detach(), found.detach()
        return found


@dataclass
class _Recorded:
    """A solve whose solutions are kept."""

    inner: Solve
    kept: list[Tensor]

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        found = self.inner(theta, hint, phase=phase, known=known)
        self.kept.append(found.z.detach())
        return found

    def tile(self, times: int) -> Solve:
        return _Recorded(self.inner.tile(times), self.kept)

    def part(self, rows: slice) -> Solve:
        return _Recorded(self.inner.part(rows), self.kept)


def watch(layer: SolverLayer, record: Record) -> None:
    """Have the next passes of a layer (a copy of one's own) recorded."""

    def call(plan: Any, mode: Any) -> Call:
        made = type(layer).call(layer, plan, mode)
        return replace(made, estimator=Witness(made.estimator, record))

    layer.__dict__["call"] = call


def changed(record: Record) -> Tensor | None:
    """`[B]` whether any target solve of a row differs from what it is compared with; None without such solves."""
    assert record.forward is not None
    if not record.targets:
        return None
    one, *others = record.targets if len(record.targets) > 1 else [record.forward, *record.targets]
    different = torch.zeros(len(one), dtype=torch.bool, device=one.device)
    for other in others:
        different |= (one != other).flatten(1).any(dim=1)
    return different
