"""What an estimator works with: the solve it may call, and the trace the forward pass left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

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


@dataclass(frozen=True)
class Call:
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
            the same gradient, whatever S is.
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

    def perturb(self, theta: Tensor, eps: Tensor | None) -> Tensor:
        """theta with the input noise on it. `[B, 1 or S, *event]` to `[B, S, *event]`."""
        return perturb(self.noise, theta, eps, self.temperature)


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
    call: Call

    def solve_target(self, base: Tensor) -> Solutions:
        """Solve `base` with the target noise on it, offering the forward solutions as a hint.

        Args:
            base: `[B, 1 or S, *event]`; without target noise one solve serves all samples that share it.
        """
        call = self.call
        target = perturb(call.noise, base, self.noise, call.target_temperature)
        if self.z.shape != target.shape:
            return call.solve(target, phase="backward")
        known = None
        if self.noise is None or call.temperature == call.target_temperature:
            # a row whose loss has no gradient has the objective it had before
            same = (base == self.theta.unsqueeze(1)).flatten(1).all(dim=1)
            known = same if bool(same.any()) else None
        return call.solve(target, self.z, phase="backward", known=known)


def spread(valid: Tensor, like: Tensor) -> Tensor:
    """`[B, S]` to `[B, S, 1, ...]`, to broadcast against `[B, S, *event]`."""
    return valid.reshape(valid.shape + (1,) * (like.ndim - 2))


def sample_differences(upper: Solutions, lower: Solutions) -> Tensor:
    """upper - lower, 0 where either was not solved. `[B, S, *event]`."""
    difference = upper.z - lower.z
    for valid in (upper.valid, lower.valid):
        if valid is not None:
            difference = torch.where(spread(valid, difference), difference, 0.0)
    return difference


def mean_difference(upper: Solutions, lower: Solutions) -> Tensor:
    """Mean over samples of `sample_differences`. `[B, *event]`."""
    if upper.valid is None and lower.valid is None:  # nothing of the size of all samples is made
        return upper.z.mean(dim=1) - lower.z.mean(dim=1)
    return sample_differences(upper, lower).mean(dim=1)
