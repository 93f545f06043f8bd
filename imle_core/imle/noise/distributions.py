"""Sum-of-gamma, Gumbel, Gaussian, logistic and multiplicative noise, and their names."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from imle._configured import build, name_and_options
from imle._names import closest, meant
from imle._sum_of_gamma import KAPPAS, sample_sum_of_gamma
from imle.errors import OptionError
from imle.noise.base import BaseNoiseDistribution


class _TorchNoise(BaseNoiseDistribution):
    """A distribution that draws natively on any device, dtype and generator."""

    device: torch.device | None = None

    def sample(self, shape: Sequence[int]) -> Tensor:
        """Draw noise in torch's default dtype on `self.device` (torch's default device if None)."""
        device = torch.empty(0, device=self.device).device
        return self.draw(shape, dtype=torch.get_default_dtype(), device=device)


class SumOfGammaNoiseDistribution(_TorchNoise):
    """Sum-of-gamma noise (Niepert et al. 2021, section 3.2): the sum of `k` draws tends to Gumbel(0, 1).

    One draw is ``1/k [ sum_{i=1..s} Gamma(1/k, k/i) - log s ]``, with Gamma(shape, scale).
    The whole sum is drawn at once from its tabulated quantile function, so the cost does not grow with `s`.

    Args:
        k: kappa, the expected number of ones in a solution; any positive number.
        nb_iterations: s, the number of terms.
        device: where `sample(shape)` puts its draws; layers follow the objective instead.

    Raises:
        OptionError: k or the number of terms is not valid.

    Example::

        >>> noise = SumOfGammaNoiseDistribution(k=5, nb_iterations=100)
        >>> noise.sample(torch.Size([5])).shape
        torch.Size([5])
    """

    def __init__(self, k: float, nb_iterations: int = 10, device: torch.device | None = None) -> None:
        smallest, largest = KAPPAS
        if not smallest <= k <= largest:
            raise OptionError(f"sum-of-gamma noise: k: expected {smallest:g} <= k <= {largest:g}, found {k!r}")
        if isinstance(nb_iterations, bool) or int(nb_iterations) != nb_iterations or nb_iterations < 1:
            raise OptionError(f"sum-of-gamma noise: nb_iterations: expected an int >= 1, found {nb_iterations!r}")
        self.k = k
        self.nb_iterations = int(nb_iterations)
        self.device = device

    def __repr__(self) -> str:
        return f"{type(self).__name__}(k={self.k}, nb_iterations={self.nb_iterations})"

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return sample_sum_of_gamma(self.k, self.nb_iterations, shape, dtype=dtype, device=device, generator=generator)


class _LocationScaleNoise(_TorchNoise):
    """`location + scale * standard`, with the standard distribution left to subclasses.

    Args:
        location: in units of theta / tau.
        scale: in the same units; positive.
        device: where `sample(shape)` puts its draws; layers follow the objective instead.

    Raises:
        OptionError: the location is not finite, or the scale not positive.
    """

    def __init__(self, location: float = 0.0, scale: float = 1.0, device: torch.device | None = None) -> None:
        if not (math.isfinite(scale) and scale > 0 and math.isfinite(location)):
            raise OptionError(
                f"{type(self).__name__}: expected a finite location and a positive scale, "
                f"found location={location!r}, scale={scale!r}"
            )
        self.location = location
        self.scale = scale
        self.device = device

    def __repr__(self) -> str:
        return f"{type(self).__name__}(location={self.location}, scale={self.scale})"

    @abstractmethod
    def _standard(self, out: Tensor, generator: torch.Generator | None) -> Tensor:
        """Fill `out` with standard draws."""

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        # half precision has too few mantissa bits for the tails: draw in float32, then round
        wide = dtype if dtype in (torch.float32, torch.float64) else torch.float32
        draws = self._standard(torch.empty(tuple(shape), dtype=wide, device=device), generator)
        if self.scale != 1.0:
            draws *= self.scale
        if self.location != 0.0:
            draws += self.location
        return draws.to(dtype)


class GumbelNoiseDistribution(_LocationScaleNoise):
    """Gumbel(location, scale) noise: perturb-and-MAP of a one-of-n choice samples softmax(theta / scale) exactly."""

    def _slope(self, eps: Tensor) -> Tensor:
        return (1 - torch.exp((self.location - eps) / self.scale)) / self.scale

    def mirror(self, eps: Tensor) -> Tensor:
        uniform = torch.exp(-torch.exp((self.location - eps) / self.scale))
        smallest = torch.finfo(eps.dtype).tiny  # where 1 - F(eps) rounds to 0 or 1
        return self.location - self.scale * torch.log(-torch.log1p(-uniform.clamp(smallest, _below_one(eps))))

    def _standard(self, out: Tensor, generator: torch.Generator | None) -> Tensor:
        # twice as fast as exponential_().log_().neg_(), and the same law
        return _open_uniform(out, generator).log_().neg_().log_().neg_()


class GaussianNoiseDistribution(_LocationScaleNoise):
    """Normal noise with mean `location` and standard deviation `scale` (Berthet et al. 2020)."""

    def _slope(self, eps: Tensor) -> Tensor:
        return (eps - self.location) / self.scale**2

    def mirror(self, eps: Tensor) -> Tensor:
        return 2 * self.location - eps

    def _standard(self, out: Tensor, generator: torch.Generator | None) -> Tensor:
        return out.normal_(generator=generator)


class LogisticNoiseDistribution(_LocationScaleNoise):
    """Logistic(location, scale) noise, the difference of two Gumbels: exact for a free binary choice."""

    def _slope(self, eps: Tensor) -> Tensor:
        return torch.tanh((eps - self.location) / (2 * self.scale)) / self.scale

    def mirror(self, eps: Tensor) -> Tensor:
        return 2 * self.location - eps

    def _standard(self, out: Tensor, generator: torch.Generator | None) -> Tensor:
        return _open_uniform(out, generator).logit_()


class MultiplicativeNoiseDistribution(_TorchNoise):
    """Log-normal factors: theta * exp(tau Z - tau^2 / 2) with standard normal Z, which keep every entry's sign.

    The expected factor is 1. For solvers that take no negative costs (shortest paths), where additive noise would
    have to be clipped; the factor of a zero changes nothing.

    Args:
        device: where `sample(shape)` puts its draws; layers follow the objective instead.

    Source: Dalle, Baty, Bouvier & Parmentier 2022, "Learning with combinatorial optimization layers", section 3.3.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return GaussianNoiseDistribution().draw(shape, dtype=dtype, device=device, generator=generator)

    def perturb(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        return theta * torch.exp(temperature * eps - temperature**2 / 2)

    def score(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        # where theta is 0 its perturbation is 0 for certain: no density, and no gradient; so near to it none has digits
        largest = torch.finfo(theta.dtype).max
        none = theta.abs() < torch.finfo(theta.dtype).tiny
        return torch.where(none, 0.0, (eps / (temperature * theta)).clamp(-largest, largest))

    def mirror(self, eps: Tensor) -> Tensor:
        return -eps


def _open_uniform(out: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform on (0, 1): torch draws multiples of 2^-24 (2^-53), 0 included; half of one stands in for it."""
    return out.uniform_(generator=generator).clamp_(min=2.0 ** (-25 if out.dtype is torch.float32 else -54))


def _below_one(like: Tensor) -> float:
    return 1.0 - torch.finfo(like.dtype).eps / 2


_BY_NAME: dict[str, type[BaseNoiseDistribution]] = {
    "gumbel": GumbelNoiseDistribution,
    "gaussian": GaussianNoiseDistribution,
    "logistic": LogisticNoiseDistribution,
    "multiplicative": MultiplicativeNoiseDistribution,
    "sum-of-gamma": SumOfGammaNoiseDistribution,
}

DRAW_AGAIN = tuple(_BY_NAME.values())
"""Those whose draws on the CPU are decided by their generator alone, number after number."""


def noise_by_name(given: str | Mapping[str, Any]) -> BaseNoiseDistribution:
    """The noise a name stands for, with its defaults or, in a mapping, with options.

    Args:
        given: such as "gumbel", or `{"name": "gumbel", "scale": 2.0}`.

    Raises:
        OptionError: no noise has this name, or an option is unknown, missing or not valid.
    """
    name, options = name_and_options("noise", given)
    name = meant(name, _BY_NAME)
    if name == "sum-of-gamma" and "k" not in options:
        raise OptionError(
            "sum-of-gamma noise needs kappa, the expected number of ones in a solution",
            hint="pass noise=imle.noise.SumOfGammaNoiseDistribution(k=...)",
        )
    if name not in _BY_NAME:
        close = closest(name, _BY_NAME)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        alone = sorted(_BY_NAME.keys() - {"sum-of-gamma"})
        raise OptionError(f"unknown noise {name!r}{guess}", hint=f"valid names: {', '.join(alone)}, none")
    return build(f"noise {name!r}", _BY_NAME[name], options)
