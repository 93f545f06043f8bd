"""What an estimator works with: the solve it may call, and the trace the forward pass left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.estimators.replay import Replay
from imle.noise import BaseNoiseDistribution, perturb

if TYPE_CHECKING:
    from imle.estimators.base import Estimator


class Solutions(NamedTuple):
    """Solutions of `[B, S]` rows.

    Attributes:
        z: `[B, S, *event]`; rows that failed hold zeros.
        valid: `[B, S]` whether the row was solved, or None if all were.
    """

    z: Tensor
    valid: Tensor | None


class Solve(Protocol):
    """argmax <theta, z> for `[B, S, *event]` rows."""

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        """Solve; rows marked in `known` `[B]` are not solved again, their solutions are the hint's."""

    def tile(self, times: int) -> Solve:
        """The same for `times` copies of the batch, one after the other: `[times * B, S, *event]`."""

    def part(self, rows: slice) -> Solve:
        """The same for some rows of the batch."""


Outputs = tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]
"""What a forward pass gives: its result, and noise, solutions (None where the result is them) and validity."""


def no_replay() -> None:
    """Noise that cannot be drawn again."""


@dataclass(slots=True)
class Application:
    """What one application of an estimator needs besides theta.

    Attributes:
        estimator: the gradient rule.
        solve: the solver, as maximisation.
        draw: noise `[B, S, *event]` for theta `[B, *event]`, or None where the solve is deterministic.
        output: "mean" gives `[B, *event]`, "samples" `[B, S, *event]`.
        noise: the distribution of what `draw` returns; says how it is put on theta.
        temperature: tau, of the input noise.
        target_temperature: tau', of the target noise.
        sample_weight: what dL/dz_s is multiplied with to give the dy_s of the formulas. S for "samples": it
            undoes the 1/S of a mean over samples, so that output="mean" and a mean over output="samples" have
            the same gradient, whatever S is. Where samples failed, `per_sample` takes those solved for S.
    """

    estimator: Estimator
    solve: Solve
    draw: Callable[[Tensor], Tensor | None]
    output: Literal["mean", "samples"]
    noise: BaseNoiseDistribution | None
    temperature: float
    target_temperature: float
    sample_weight: float = 1.0
    stand_ins: bool = False
    """Whether rows that failed hold another solution, which counts in the mean (but has no gradient)."""
    antithetic: bool = False
    """Whether the noise of sample s + S / 2 mirrors that of sample s: the two are not independent."""
    homogeneous: bool = True
    """Whether no solution depends on the scale of theta."""
    samples: int = 1
    """S."""
    limit: int | None = None
    """How many entries of `[B, S, *event]` are worked on at a time; see `imle.estimators.parts`."""
    replay: Callable[[], Replay | None] = no_replay
    """Gives what draws the same noise again, where that can be done."""
    whole: bool = False
    """Whether noise and solutions are kept as tensors of all rows, also where rows are worked on in parts."""

    def part(self, rows: slice) -> Application:
        """The same for some rows of the batch."""
        return replace(self, solve=self.solve.part(rows))

    def perturb(self, theta: Tensor, eps: Tensor | None) -> Tensor:
        """theta with the input noise on it. `[B, 1 or S, *event]` to `[B, S, *event]`."""
        return perturb(self.noise, theta, eps, self.temperature)

    def averaged(self, valid: Tensor | None) -> Tensor | None:
        """The samples that count in a mean: those that were solved, and stand-ins. None means all."""
        return None if self.stand_ins else valid

    def per_sample(self, dy: Tensor, valid: Tensor | None) -> Tensor:
        """What autograd delivers, as the dy_s of the formulas, for samples of which some may have failed.

        They are scaled so that as many equal samples as were solved weigh as much as one.
        """
        if self.output == "mean":
            return dy.unsqueeze(1)
        dy = dy * self.sample_weight
        if valid is None:
            return dy
        dy = torch.where(spread(valid, dy), dy, torch.zeros_like(dy))
        if self.stand_ins:
            return dy
        solved = valid.to(dy.dtype).mean(dim=1, keepdim=True)
        return dy * spread(solved, dy)


@dataclass(frozen=True)
class Trace:
    """What the forward pass leaves for the backward pass.

    Attributes:
        theta: `[B, *event]`.
        noise: `[B, S, *event]`, or None at temperature 0.
        z: `[B, S, *event]` forward solutions; `[B, 1, *event]` where all samples are equal.
        valid: `[B, S]`, or None if every row was solved.
    """

    theta: Tensor
    noise: Tensor | None
    z: Tensor
    valid: Tensor | None
    call: Application

    @property
    def solved(self) -> Tensor | None:
        """`[B]` how many samples of a row were solved, or None if all were."""
        return None if self.valid is None else self.valid.sum(dim=1)

    def solve_target(self, base: Tensor) -> Solutions:
        """Solve `base` with the target noise on it, offering the forward solutions as a hint.

        Args:
            base: `[B, 1 or S, *event]`; without target noise one solve serves all samples that share it.
        """
        call = self.call
        target = perturb(call.noise, base, self.noise, call.target_temperature)
        if self.z.shape != target.shape:
            return call.solve(target, phase="backward")
        same = self.noise is None or call.temperature == call.target_temperature
        return call.solve(target, self.z, phase="backward", known=self._unchanged(base) if same else None)

    def _unchanged(self, base: Tensor) -> Tensor | None:
        """`[B]` rows whose objective is the one they had before, as the loss has no gradient there; None for none.

        On other devices than the CPU, to look would take longer than to solve: they would be waited for.
        """
        if base.device.type != "cpu":
            return None
        now, before = _numbers(base), _numbers(self.theta)[:, None]
        first: Any = (..., *(0,) * (now.ndim - 2))
        if not now.size or not (now[first] == before[first]).any():  # most batches end here
            return None
        same = (now == before).reshape(len(now), -1).all(axis=1)
        return torch.from_numpy(same) if same.any() else None

    def mean(self, values: Tensor, valid: Tensor | None) -> Tensor:
        """Mean of `[B, S, *event]` over the samples that count in the forward mean; those not valid add nothing."""
        if valid is None or self.call.averaged(valid) is not None:
            return average(values, valid)
        return _total(values, valid) / valid.shape[1]


def _numbers(values: Tensor) -> NDArray[Any]:
    """A tensor on the CPU as numpy sees it, which has no bfloat16."""
    return (values.float() if values.dtype is torch.bfloat16 else values).detach().numpy()


def spread(valid: Tensor, like: Tensor) -> Tensor:
    """`[B, S]` to `[B, S, 1, ...]`, to broadcast against `[B, S, *event]`."""
    return valid.reshape(valid.shape + (1,) * (like.ndim - 2))


def both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Samples that hold in both masks; None means all."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def average(values: Tensor, valid: Tensor | None) -> Tensor:
    """Mean over the sample axis of `[B, S, *event]`, over the valid samples only (0 if there are none).

    Where one of the two has a single sample, it stands for all of the other's.
    """
    if valid is None:
        return values.squeeze(1) if values.shape[1] == 1 else values.mean(dim=1)
    return _total(values, valid) / spread(valid, values).sum(dim=1).clamp(min=1)


def _total(values: Tensor, valid: Tensor) -> Tensor:
    """The sum over the valid samples; the others may hold anything, nan included."""
    return torch.where(spread(valid, values), values, torch.zeros_like(values)).sum(dim=1)


def difference(upper: Solutions, lower: Solutions) -> Solutions:
    """upper - lower, valid where both were solved, and 0 elsewhere."""
    z, valid = upper.z - lower.z, both(upper.valid, lower.valid)
    if valid is None:
        return Solutions(z, None)
    return Solutions(torch.where(spread(valid, z), z, torch.zeros_like(z)), valid.expand(z.shape[:2]))
