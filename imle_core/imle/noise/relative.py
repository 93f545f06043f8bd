"""Noise in units of theta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle._buffers import WideBuffers
from imle._sizes import row_spreads
from imle.errors import OptionError
from imle.noise.base import BaseNoiseDistribution, adds, check_noise, draw_of
from imle.noise.distributions import DRAW_AGAIN, noise_by_name


class RelativeNoiseDistribution(WideBuffers, BaseNoiseDistribution):
    """Noise in units of theta: theta + temperature * unit * eps, with the unit that the first batch has.

    The unit is the mean spread of the rows of the first batch that is perturbed, measured once and then kept: the same
    temperature does the same for scores of size 1e-3 as for scores of size 1e3, and scores that grow while a network
    trains leave the noise behind, as they do with any noise. The spread of a row is the standard deviation of its
    entries. Rows whose entries are all equal do not count; the unit of a first batch of nothing else is their mean
    size, and that of zeros is 1, as scores that a training starts at zero have no scale yet. Sizes that float32 does
    not hold are not measured.

    The unit is a buffer: it travels with `state_dict`, `to()` moves it, and DDP broadcasts that of the first process.

    Args:
        noise: a name or a distribution, which adds its draws to theta.

    Attributes:
        unit: `[]` float32; nan until it is measured.

    Raises:
        OptionError: the distribution does something else with theta than to add to it.
    """

    unit: Tensor

    def __init__(self, noise: str | BaseNoiseDistribution = "gumbel") -> None:
        super().__init__()
        self.noise = noise_by_name(noise) if isinstance(noise, str) else noise
        check_noise("relative noise", self.noise)
        if not adds(self.noise):
            raise OptionError(
                f"relative noise: expected a distribution that adds its draws to the objective, found {self.noise!r}",
                hint="multiplicative noise is relative to every entry as it is",
            )
        self.register_buffer("unit", torch.empty((), dtype=torch.float32))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Forget the unit: the next batch is measured."""
        self._known = math.nan  # without asking a device, and where buffers have no values
        self.rebuild_buffers()

    @torch.no_grad()
    def rebuild_buffers(self) -> None:
        """Write the unit again: an exported program carries no buffers of its layers."""
        self.unit.fill_(self._known)

    @property
    def _measured(self) -> bool:
        return not math.isnan(self._known)

    def __repr__(self) -> str:
        unit = f"unit={self.unit.item():g}" if self._measured else "not measured yet"
        return f"{type(self).__name__}({self.noise!r}, {unit})"

    @torch.no_grad()
    def observe(self, theta: Tensor, own: Tensor | None = None) -> None:
        if self._measured or not theta.numel():
            return
        if not theta.isfinite().all():  # it is about to be refused
            return
        unit = _mean_size(row_spreads(theta, own)) or _mean_size(theta.flatten(1).abs().amax(dim=1)) or 1.0
        kept = torch.finfo(self.unit.dtype)
        if kept.tiny <= unit <= kept.max:
            self._known = unit
            self.rebuild_buffers()

    def sample(self, shape: Sequence[int]) -> Tensor:
        return self.noise.sample(shape)

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return draw_of(self.noise)(shape, dtype=dtype, device=device, generator=generator)

    def perturb(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        if not self._measured:
            return torch.add(theta, eps, alpha=temperature)
        return torch.addcmul(theta, eps, self.unit.to(theta), value=temperature)

    def score(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        score = self.noise.score(theta, eps, temperature)
        return score / self.unit.to(score) if self._measured else score

    def mirror(self, eps: Tensor) -> Tensor:
        return self.noise.mirror(eps)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        state_dict.setdefault(f"{prefix}unit", torch.ones(()))  # states of absolute noise: what it was added in
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._known = self.unit.item()


def _mean_size(sizes: Tensor) -> float:
    """The mean of those that are not 0, without overflow; 0 if there are none."""
    counted = sizes[sizes > 0]
    if not len(counted):
        return 0.0
    largest = counted.amax()
    return float((counted / largest).mean() * largest)


def draws_again(noise: object) -> bool:
    """Whether what a distribution draws on the CPU is decided by its generator alone, number after number.

    Known of the distributions here, not of classes that derive from them.

    Args:
        noise: a distribution.
    """
    inner = noise.noise if isinstance(noise, RelativeNoiseDistribution) else noise
    return type(inner) in DRAW_AGAIN
