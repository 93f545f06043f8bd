"""How large noise is beside what it is put on."""

from __future__ import annotations

from torch import Tensor

from imle.noise import BaseNoiseDistribution, RelativeNoiseDistribution, draw_like, perturb


def unit(values: Tensor) -> float:
    """The mean spread of rows `[N, *event]`, as relative noise measures it: never 0; nan beyond float32."""
    measured = RelativeNoiseDistribution()
    measured.observe(values.detach())
    return measured.unit.item()


def absolute(noise: BaseNoiseDistribution | None) -> tuple[BaseNoiseDistribution | None, float]:
    """The noise that is drawn, and what a temperature of 1 multiplies it with: the unit, where it has been measured."""
    if not isinstance(noise, RelativeNoiseDistribution):
        return noise, 1.0
    kept = noise.unit.item()
    return noise.noise, 1.0 if kept != kept else kept


def fitting_temperature(noise: BaseNoiseDistribution, theta: Tensor, eps: Tensor | None = None) -> float:
    """The temperature, absolute, at which noise is as large as the spread of the scores.

    Args:
        noise: not in units of theta.
        theta: `[B, *event]`.
        eps: `[B, S, *event]` draws; by default new ones.
    """
    theta = theta.detach().double()
    eps = draw_like(noise, theta, 4) if eps is None else eps.double()
    added = perturb(noise, theta.unsqueeze(1), eps, 1.0) - theta.unsqueeze(1)
    return unit(theta) / unit(added.flatten(0, 1))
