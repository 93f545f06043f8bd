"""Adaptive I-MLE (AIMLE), Minervini, Franceschi & Niepert, AAAI 2023."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor

from imle._checks import not_negative, positive
from imle._sizes import row_norms
from imle.errors import OptionError
from imle.estimators.base import Trace
from imle.estimators.imle import IMLE
from imle.estimators.samples import difference
from imle.target import Step, relative_step


class AIMLE(IMLE):
    """I-MLE whose relative step is adapted until the gradient is as dense as asked for.

    The step is lambda_i = beta ||theta_i|| / ||dy_i|| for each row i, and the gradient is divided by it. After each
    backward pass

    - n <- decay n + (1 - decay) (mean number of non-zero entries of z_s - z'_s over all that were solved), and
    - beta moves by `step_size`, up while n < `target`, else down, never below 0.

    beta and n are buffers: they travel with `state_dict`, and DDP broadcasts them.

    Args:
        beta: beta to start from.
        step_size: how far beta moves each time.
        target: non-zero entries per row and sample to aim for.
        decay: weight of the past in the running mean.
        symmetric: central differences.

    Raises:
        OptionError: an option is not valid.

    Source: AIMLE, section 4, equations 8 to 10.
    """

    name: ClassVar[str] = "aimle"
    default_temperature: ClassVar[float] = 1.0
    beta: Tensor
    nonzeros: Tensor

    def __init__(
        self,
        *,
        beta: float = 1.0,
        step_size: float = 1e-3,
        target: float = 1.0,
        decay: float = 0.9,
        symmetric: bool = False,
    ) -> None:
        super().__init__(symmetric=symmetric, scale=True)
        if not 0 <= decay < 1:
            raise OptionError(f"estimator: decay: expected a number in [0, 1), found {decay!r}")
        self.step_size = positive("estimator: step_size", step_size)
        self.target = positive("estimator: target", target)
        self.decay = decay
        self.initial_beta = not_negative("estimator: beta", beta)
        self._changed: list[Tensor] = []  # in the backward pass under way: entries that differ, part by part
        self._solved = 0
        self.register_buffer("beta", torch.empty((), dtype=torch.float64))
        self.register_buffer("nonzeros", torch.empty((), dtype=torch.float64))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start again from the beta given.

        To be called after `to_empty()`, which gives a model on the meta device memory but no values; FSDP does so.
        """
        self.beta.fill_(self.initial_beta)
        self.nonzeros.fill_(self.target)

    def extra_repr(self) -> str:
        beta = "on the meta device" if self.beta.is_meta else f"{self.beta.item():g}"
        return (
            f"beta={beta}, step_size={self.step_size:g}, target={self.target:g}, "
            f"decay={self.decay:g}, symmetric={self.symmetric}"
        )

    def step(self, trace: Trace, dy: Tensor) -> Step:
        return relative_step(row_norms(trace.theta), dy, self.beta.to(dy.device), trace.samples_of(dy))

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        step = self.step(trace, dy)
        found = difference(*self.solutions(trace, step.times(dy)))
        self._changed.append(torch.count_nonzero(found.z))
        self._solved += math.prod(found.z.shape[:2]) if found.valid is None else int(found.valid.sum())
        return self.finish(trace.mean(*found), step)

    def finish(self, difference: Tensor, step: Step) -> Tensor:
        return torch.where(self.beta.to(difference.device) == 0, 0.0, super().finish(difference, step))

    @contextmanager
    def backward_pass(self) -> Iterator[None]:
        self._changed, self._solved = [], 0
        yield
        if self._solved:
            self._adapt(torch.stack(self._changed).sum(), self._solved)

    @torch.no_grad()
    def _adapt(self, changed: Tensor, solved: int) -> None:
        per_row = changed.to(self.nonzeros) / solved
        self.nonzeros.mul_(self.decay).add_((1 - self.decay) * per_row)
        direction = torch.where(self.nonzeros < self.target, 1.0, -1.0).to(self.beta)
        self.beta.add_(direction * self.step_size).clamp_(min=0.0)
