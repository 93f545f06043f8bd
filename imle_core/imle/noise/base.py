"""What a noise distribution is, and how a layer uses any object with the original's `sample`."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from imle._checks import kind
from imle.errors import OptionError


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

    def observe(self, theta: Tensor, own: Tensor | None = None) -> None:
        """Look at what noise is to be put on, before it is drawn.

        Args:
            theta: `[B, *event]`, all rows of a batch.
            own: `[B, *event]` which entries are no padding of a row whose instance is smaller; None for all.
        """
        del theta, own

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
    """theta with noise on it, as its distribution does it; theta itself without noise or at temperature 0.

    Args:
        noise: the distribution, or any object with the original's `sample`, whose draws are added.
        theta: `[B, 1 or S, *event]`.
        eps: `[B, S, *event]` draws; None for none.
        temperature: tau.

    Returns:
        `[B, S, *event]`.
    """
    if eps is None or temperature == 0:
        return theta
    if noise is None or not hasattr(noise, "perturb"):  # any object with the original's `sample`
        return torch.add(theta, eps, alpha=temperature)
    return noise.perturb(theta, eps, temperature)


def check_noise(where: str, noise: object) -> None:
    """Refuse what is not a noise distribution; any object with the original's `sample` is one.

    Args:
        where: what messages begin with.
        noise: anything.

    Raises:
        OptionError: what was found instead.
    """
    if isinstance(noise, type) or not hasattr(noise, "sample"):
        raise OptionError(f"{where}: expected a name or a noise distribution, found {kind(noise)}")


def draw_like(
    noise: BaseNoiseDistribution,
    theta: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
    *,
    antithetic: bool = False,
) -> Tensor:
    """Noise for some draws of every row of theta, in its dtype, on its device.

    Args:
        noise: the distribution, or any object with the original's `sample(shape)`.
        theta: `[B, *event]`.
        samples: S.
        generator: what draws come from; by default torch's own.
        antithetic: whether sample s + S / 2 mirrors sample s; S is then even.

    Returns:
        `[B, S, *event]`.
    """
    if antithetic:
        half = draw_like(noise, theta, samples // 2, generator)
        return torch.cat([half, noise.mirror(half)], dim=1)
    shape = (theta.shape[0], samples, *theta.shape[1:])
    return draw_of(noise)(shape, dtype=theta.dtype, device=theta.device, generator=generator)


def draw_of(noise: BaseNoiseDistribution) -> Callable[..., Tensor]:
    """`noise.draw`, also of an object with the original's `sample(shape)` alone."""
    return noise.draw if hasattr(noise, "draw") else functools.partial(BaseNoiseDistribution.draw, noise)


def observe_of(noise: BaseNoiseDistribution) -> Callable[[Tensor, Tensor | None], None]:
    """`noise.observe`, likewise."""
    return noise.observe if hasattr(noise, "observe") else functools.partial(BaseNoiseDistribution.observe, noise)


def adds(noise: object) -> bool:
    """Whether a distribution adds its draws to theta.

    Args:
        noise: a distribution.
    """
    return getattr(type(noise), "perturb", BaseNoiseDistribution.perturb) is BaseNoiseDistribution.perturb
