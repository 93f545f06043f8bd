"""Noise distributions for perturb-and-MAP: sum-of-gamma, Gumbel, Gaussian, logistic, multiplicative.

`sample(shape)` is the API of the original torch-imle. Layers call `draw`, which also follows the dtype, device
and generator of the objective, so that noise never moves or widens a computation.
"""

from __future__ import annotations

import difflib
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from imle._buffers import WideBuffers
from imle._checks import kind
from imle._configured import build, name_and_options
from imle._sizes import row_spreads
from imle._sum_of_gamma import KAPPAS, sample_sum_of_gamma
from imle.errors import OptionError

__all__ = [
    "BaseNoiseDistribution",
    "GaussianNoiseDistribution",
    "GumbelNoiseDistribution",
    "LogisticNoiseDistribution",
    "MultiplicativeNoiseDistribution",
    "RelativeNoiseDistribution",
    "SumOfGammaNoiseDistribution",
]


class BaseNoiseDistribution(ABC):
    """A distribution of i.i.d. noise. Subclasses need only `sample`."""

    @abstractmethod
    def sample(self, shape: Sequence[int]) -> Tensor:
        """Draw noise.

        Args:
            shape: of the draws, such as `[B, S, *event]`.
        """

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw noise as a layer needs it.

        Args:
            shape: of the draws, such as `[B, S, *event]`.
            dtype: theirs.
            device: theirs.
            generator: what they come from; by default torch's own.

        Raises:
            OptionError: a generator was given, but this distribution only has `sample`, which cannot use one.
        """
        if generator is not None:
            raise OptionError(
                f"{type(self).__name__} cannot use a generator: it only implements sample(shape)",
                hint="implement draw(shape, *, dtype, device, generator), or seed with torch.manual_seed",
            )
        return self.sample(torch.Size(shape)).to(device=device, dtype=dtype)

    def observe(self, theta: Tensor) -> None:
        """Look at what noise is to be put on, before it is drawn.

        Args:
            theta: `[B, *event]`, all rows of a batch.
        """
        del theta

    def perturb(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        """Put noise on theta: `theta + temperature * eps`, entry by entry.

        Args:
            theta: `[B, 1 or S, *event]`.
            eps: `[B, S, *event]` draws.
            temperature: tau.

        Returns:
            `[B, S, *event]`.
        """
        return torch.add(theta, eps, alpha=temperature)

    def score(self, theta: Tensor, eps: Tensor, temperature: float) -> Tensor:
        """The gradient in theta of log p(perturbed theta), at `perturb(theta, eps, temperature)`.

        Args:
            theta: `[B, 1, *event]`.
            eps: `[B, S, *event]` draws.
            temperature: tau > 0.

        Returns:
            `[B, S, *event]`; its expectation is 0.

        Raises:
            OptionError: this distribution has no density in closed form.
        """
        del theta
        return self._slope(eps) / temperature

    def _slope(self, eps: Tensor) -> Tensor:
        """-d log p(eps) / d eps."""
        raise OptionError(
            f"{type(self).__name__} has no density in closed form, which this estimator needs",
            hint="use Gaussian, Gumbel, logistic or multiplicative noise",
        )

    def mirror(self, eps: Tensor) -> Tensor:
        """The antithetic draws: F^-1(1 - F(eps)), entry by entry.

        Args:
            eps: draws of any shape.

        Returns:
            draws of the same shape.

        Raises:
            OptionError: this distribution cannot tell them.
        """
        raise OptionError(
            f"{type(self).__name__} has no antithetic draws",
            hint="use Gaussian, Gumbel, logistic or multiplicative noise, or antithetic=False",
        )


def perturb(noise: BaseNoiseDistribution | None, theta: Tensor, eps: Tensor | None, temperature: float) -> Tensor:
    """theta with noise on it, as its distribution does it; theta itself without noise or at temperature 0."""
    if eps is None or temperature == 0:
        return theta
    if noise is None or not hasattr(noise, "perturb"):  # any object with the original's `sample`
        return torch.add(theta, eps, alpha=temperature)
    return noise.perturb(theta, eps, temperature)


def check_noise(where: str, noise: object) -> None:
    """Refuse what is not a noise distribution; any object with the original's `sample` is one.

    Raises:
        OptionError: what was found instead.
    """
    if isinstance(noise, type) or not hasattr(noise, "sample"):
        raise OptionError(f"{where}: expected a name or a noise distribution, found {kind(noise)}")


def draw_like(
    noise: BaseNoiseDistribution, theta: Tensor, samples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Noise for `samples` draws of every row of theta, `[B, *event]` to `[B, S, *event]`, in its dtype, on its device.

    `noise` may also be any object with the original's `sample(shape)`.
    """
    shape = (theta.shape[0], samples, *theta.shape[1:])
    return draw_of(noise)(shape, dtype=theta.dtype, device=theta.device, generator=generator)


def draw_of(noise: BaseNoiseDistribution) -> Callable[..., Tensor]:
    """`noise.draw`, also of an object with the original's `sample(shape)` alone."""
    return noise.draw if hasattr(noise, "draw") else functools.partial(BaseNoiseDistribution.draw, noise)


def observe_of(noise: BaseNoiseDistribution) -> Callable[[Tensor], None]:
    """`noise.observe`, likewise."""
    return noise.observe if hasattr(noise, "observe") else functools.partial(BaseNoiseDistribution.observe, noise)


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
        # where theta is 0 its perturbation is 0 for certain: no density, and no gradient
        return torch.where(theta == 0, 0.0, eps / (temperature * theta))

    def mirror(self, eps: Tensor) -> Tensor:
        return -eps


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
                f"relative noise: expected a distribution that adds its draws to theta, found {self.noise!r}",
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
    def observe(self, theta: Tensor) -> None:
        if self._measured or not len(theta):
            return
        if not theta.isfinite().all():  # it is about to be refused
            return
        unit = _mean_size(row_spreads(theta)) or _mean_size(theta.flatten(1).abs().amax(dim=1)) or 1.0
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


def adds(noise: object) -> bool:
    """Whether a distribution adds its draws to theta."""
    return getattr(type(noise), "perturb", BaseNoiseDistribution.perturb) is BaseNoiseDistribution.perturb


def draws_again(noise: object) -> bool:
    """Whether what a distribution draws on the CPU is decided by its generator alone, number after number.

    Known of the distributions here, not of classes that derive from them.
    """
    inner = noise.noise if isinstance(noise, RelativeNoiseDistribution) else noise
    return type(inner) in _BY_NAME.values()


def noise_by_name(given: str | Mapping[str, Any]) -> BaseNoiseDistribution:
    """The noise a name stands for, with its defaults or, in a mapping, with options.

    Args:
        given: such as "gumbel", or `{"name": "gumbel", "scale": 2.0}`.

    Raises:
        OptionError: no noise has this name, or an option is unknown, missing or not valid.
    """
    name, options = name_and_options("noise", given)
    if name == "sum-of-gamma" and "k" not in options:
        raise OptionError(
            "sum-of-gamma noise needs kappa, the expected number of ones in a solution",
            hint="pass noise=imle.noise.SumOfGammaNoiseDistribution(k=...)",
        )
    if name not in _BY_NAME:
        close = difflib.get_close_matches(name, _BY_NAME, n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        alone = sorted(_BY_NAME.keys() - {"sum-of-gamma"})
        raise OptionError(f"unknown noise {name!r}{guess}", hint=f"valid names: {', '.join(alone)}, none")
    return build(f"noise {name!r}", _BY_NAME[name], options)
