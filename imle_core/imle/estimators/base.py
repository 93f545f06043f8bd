"""What an estimator is: a gradient rule for z(theta) = argmax <theta, z>."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, Self
from weakref import WeakSet

from torch import Tensor, nn

from imle.errors import OptionError
from imle.estimators.trace import Application, Solutions, Trace
from imle.noise import BaseNoiseDistribution, noise_by_name
from imle.plugins.spec import SolverSpec


class Estimator(nn.Module, ABC):
    """A gradient rule. Options are plain attributes; adaptive state lives in buffers.

    Subclasses implement `gradient`, and may set `stochastic` and override the other methods. An estimator with
    state belongs to one layer: `imle.layer` refuses to give it to a second.

    `half()`, `bfloat16()` and the like leave buffers as wide as they are, and only move them: small steps would be
    rounded away.
    """

    name: ClassVar[str]
    stochastic: ClassVar[bool] = True
    """Whether the rule perturbs theta with noise; layers of other rules solve once per row."""
    by_row: ClassVar[bool] = False
    """Whether `sample` and `gradient` give a row the same whatever rows come with it: a `memory_limit` then holds."""
    needs_noise: ClassVar[bool] = False
    """Whether a forward pass without noise has no gradient: output="map" is then refused."""

    def default_noise(self) -> BaseNoiseDistribution | None:
        """What a layer draws from where its user names no noise."""
        return noise_by_name("gumbel") if self.stochastic else None

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        """Refuse a solver, a noise or a temperature this rule does not work with.

        Args:
            spec: of the solver.
            noise: what the layer draws from; None for no noise.
            temperature: tau, of the input noise.

        Raises:
            OptionError: what does not fit, and what would.
        """
        del spec, temperature
        if noise is not None and not self.stochastic:
            raise OptionError(f"estimator {self.name!r} is deterministic: it takes no noise", hint="leave noise= out")

    def check_scale(self, homogeneous: bool) -> None:
        """Refuse to train with instances whose solutions depend on the scale of theta, where the gradient would not.

        Args:
            homogeneous: whether no solution depends on it.

        Raises:
            OptionError: what would work.
        """
        del homogeneous

    def sample(self, theta: Tensor, noise: Tensor | None, call: Application) -> Solutions:
        """The forward solutions.

        Args:
            theta: `[B, *event]` scores to maximise.
            noise: `[B, S, *event]`, or None where nothing is drawn.
            call: what else there is to know.

        Returns:
            `[B, S, *event]`; S = 1 without noise.
        """
        return call.solve(call.perturb(theta.unsqueeze(1), noise))

    def transform(self, theta: Tensor) -> Tensor:
        """Change theta before anything else, differentiably.

        In `eval()` mode and with output="map" only the derivative is changed: theta is solved as it was given.

        Args:
            theta: `[B, *event]`.

        Returns:
            `[B, *event]`.
        """
        return theta

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What casts and moves go through."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's own
        for name, now in self._buffers.items():
            was = before[name]
            if was is not None and now is not None and now.element_size() < min(was.element_size(), 4):
                self._buffers[name] = was.to(device=now.device)
        return self

    def backward_pass(self) -> AbstractContextManager[None]:
        """What surrounds one backward pass, in which `gradient` may be asked for some rows after others."""
        return nullcontext()

    @abstractmethod
    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        """The gradient for theta.

        Args:
            trace: theta, noise and forward solutions.
            dy: `[B, 1, *event]` if the samples were averaged, else `[B, S, *event]`: the gradient of the loss
                with respect to a sample, scaled so that S samples weigh as much as one.

        Returns:
            `[B, *event]`.
        """


_owned: WeakSet[Estimator] = WeakSet()


def own(rule: Estimator) -> None:
    """Give an estimator to a layer. One with adaptive state is given once; of others nothing is remembered.

    Raises:
        OptionError: it has state, and belongs to a layer already.
    """
    if next(rule.buffers(), None) is None:
        return
    if rule in _owned:
        raise OptionError(
            f"estimator {rule.name!r}: its adaptive state belongs to one layer, and this object was given to another",
            hint="make one for each layer, or pass copy.deepcopy(estimator) to start from the other's state",
        )
    _owned.add(rule)
