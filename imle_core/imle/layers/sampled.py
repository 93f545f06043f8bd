"""Batches whose samples have instances of their own, because noise was put on parameters of instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from imle.estimators.samples import Solutions
from imle.layers.instances import Group
from imle.layers.plan import SolvePlan
from imle.solvers.protocol import row_shapes_of


@dataclass(slots=True)
class SampledPlan(SolvePlan):
    """A plan whose groups have samples for rows: sample s of row b is row b S + s. All are solved in one batched call.

    Rows and samples of users, here and in messages, stay what they are.

    Args:
        samples: S.
        noisy: the instance parameters that noise was put on.
    """

    samples: int = 1
    noisy: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: SolvePlan, samples: int, noisy: Sequence[str]) -> Self:
        """A plan whose groups have samples for rows."""
        same = {field.name: getattr(plan, field.name) for field in fields(SolvePlan)}
        return cls(**same, samples=samples, noisy=tuple(noisy))

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        """Solve as `SolvePlan` does, each sample with the instance it has.

        Args:
            theta: `[B, S, *event]`, or `[B, 1, *event]` where samples differ by their instances only.
            hint, phase, known: as there.

        Returns:
            `[B, S, *event]`.
        """
        cells = len(theta), self.samples
        rows, earlier = (
            None if values is None else values.expand(*cells, *values.shape[2:]).flatten(0, 1).unsqueeze(1)
            for values in (theta, hint)
        )
        assert rows is not None
        skipped = None if known is None else known.repeat_interleave(self.samples)
        z, valid = SolvePlan.__call__(self, rows, earlier, phase=phase, known=skipped)
        return Solutions(z.reshape(*cells, *z.shape[2:]), None if valid is None else valid.reshape(cells))

    def solution_vjp(self, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
        rows = (values.flatten(0, 1).unsqueeze(1) for values in (theta, z, dy))
        return SolvePlan.solution_vjp(self, *rows).reshape(z.shape)

    def tile(self, times: int) -> SampledPlan:
        batch = self.lead.numel() * self.samples
        lead = torch.Size((times, *self.lead))
        return replace(self, groups=[group.tile(times, batch) for group in self.groups], lead=lead)

    def part(self, rows: slice) -> SampledPlan:
        groups = [group.between(rows.start * self.samples, rows.stop * self.samples) for group in self.groups]
        kept = [group for group in groups if group.rows is None or group.rows]
        return replace(self, groups=kept, first=self.first + rows.start)

    def own(self, values: Tensor) -> Tensor | None:
        if not self.groups or (self.groups[0].rows is None and row_shapes_of(self.groups[0].prepared) is None):
            return None
        # noise changes no sizes: all samples of a row have the padding of the first
        every = range(len(values) * self.samples)
        first = [
            replace(group, rows=[row // self.samples for row in (every if group.rows is None else group.rows)])
            for group in self.groups
        ]
        return SolvePlan.own(replace(self, groups=first), values)

    def _where(self, group: Group, samples: int, n: int) -> tuple[int, int]:
        row, sample = divmod(group.row(n // samples), self.samples)
        return self.first + row, sample

    def _cells(self, shape: Sequence[int]) -> tuple[int, int]:
        return shape[0] * shape[1] // self.samples, self.samples

    def _refuse_non_finite(self, theta: Tensor, phase: str) -> None:
        samples = theta.reshape(*self._cells(theta.shape), *theta.shape[2:])
        self.boundary.refuse_non_finite(samples, phase, self.lead, self.first)

    def _named_noise(self) -> Sequence[str]:
        return self.noisy
