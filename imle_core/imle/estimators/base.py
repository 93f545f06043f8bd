"""What an estimator is: a gradient rule for z(theta) = argmax <theta, z>; and what it works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal
from weakref import WeakSet

import torch
from numpy.typing import NDArray
from torch import Tensor

from imle._buffers import WideBuffers
from imle._sizes import varying_norms
from imle.errors import OptionError
from imle.estimators.replay import Replay
from imle.estimators.samples import Solutions, Solve, average, inside, spread, total
from imle.noise import BaseNoiseDistribution, perturb
from imle.plugins import estimators
from imle.plugins.spec import SolverSpec


class Estimator(WideBuffers, ABC):
    """A gradient rule. Options are plain attributes; adaptive state lives in buffers.

    Subclasses implement `gradient`, and may set `stochastic` and override the other methods. An estimator with
    state belongs to one layer: `imle.layer` refuses to give it to a second.
    """

    name: ClassVar[str]
    stochastic: ClassVar[bool] = True
    """Whether the rule perturbs theta with noise; layers of other rules solve once per row."""
    by_row: ClassVar[bool] = False
    """Whether `sample` and `gradient` give a row the same whatever rows come with it: a `memory_limit` then holds."""
    exact_samples: ClassVar[bool] = False
    """Whether samples are drawn without solving: a row is then solved once, whatever their number."""
    default_temperature: ClassVar[float] = 1.0
    """tau of a layer whose user names none, where noise is in units of theta."""
    needs_noise: ClassVar[bool] = False
    """Whether a forward pass without noise has no gradient: output="map" is then refused."""

    @property
    def solves(self) -> int | None:
        """Solves per sample in a backward pass, as the rule's spec says; None where there is no spec."""
        target = f"{type(self).__module__}:{type(self).__qualname__}"
        specs = (record.spec for record in estimators() if record.spec is not None)
        return next((spec.solves for spec in specs if spec.target == target), None)

    def default_noise(self) -> str | BaseNoiseDistribution | None:
        """What a layer draws from where its user names no noise."""
        return "gumbel" if self.stochastic else None

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

    def transform(self, theta: Tensor, own: Tensor | None = None) -> Tensor:
        """Change theta before anything else, differentiably.

        In `eval()` mode and with output="map" only the derivative is changed: theta is solved as it was given.

        Args:
            theta: `[B, *event]`, 0 on the padding.
            own: which entries are no padding, of a shape that broadcasts to that of theta; None for all.

        Returns:
            `[B, *event]`.
        """
        return theta

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


Outputs = tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]
"""What a forward pass gives: its result, and noise, solutions (None where the result is them) and validity."""


def no_replay() -> None:
    """Noise that cannot be drawn again."""


def not_observed(theta: Tensor, own: Tensor | None) -> None:
    """Noise that needs not know theta."""
    del theta, own


def not_counted(gradient: Tensor, solve: Solve) -> None:
    """No statistics of gradients are kept."""
    del gradient, solve


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
    varied: bool = False
    """Whether every sample has an instance of its own: then the solution of one stands for no other."""
    limit: int | None = None
    """How many entries of `[B, S, *event]` are worked on at a time; see `imle.estimators.parts`."""
    replay: Callable[[], Replay | None] = no_replay
    """Gives what draws the same noise again, where that can be done."""
    observe: Callable[[Tensor, Tensor | None], None] = not_observed
    """Shows the noise the theta `[B, *event]` that it is to be put on, and what is no padding, before any is drawn."""
    count: Callable[[Tensor, Solve], None] = not_counted
    """Told the gradient `[B, *event]` of every backward pass, and what was solved."""
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
        dy = inside(dy, self.solve.own(dy))
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

    def samples_of(self, dy: Tensor) -> int | Tensor:
        """How many samples of a row count in `[B, 1 or S, *event]`: 1, or those solved, `[B]` if some were not."""
        return 1 if dy.shape[1] == 1 else dy.shape[1] if self.valid is None else self.valid.sum(dim=1)

    @property
    def noiseless(self) -> bool:
        """Whether theta was solved as it is."""
        return self.noise is None or self.call.temperature == 0

    def variation(self) -> tuple[Tensor, Tensor | None]:
        """How much the objectives vary that were solved, noise included; see `varying_norms`.

        Without noise it is twice as much, the distance to the mirror image, which turns the order of solutions round:
        once as much leads to where all solutions are as good.
        """
        call, theta = self.call, self.theta.unsqueeze(1)
        if self.noiseless:
            norms, size = varying_norms(theta, call.solve.own(self.theta))
            return 2 * norms, size
        return varying_norms(call.perturb(theta, self.noise), call.solve.own(self.theta), self.valid)

    def solve_target(self, base: Tensor) -> Solutions:
        """Solve `base` with the target noise on it, offering the forward solutions as a hint.

        Args:
            base: `[B, 1 or S, *event]`; without target noise one solve serves all samples that share it.
        """
        call = self.call
        target = perturb(call.noise, base, self.noise, call.target_temperature)
        if call.varied:
            target = target.expand_as(self.z)
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
        return total(values, valid) / valid.shape[1]


def _numbers(values: Tensor) -> NDArray[Any]:
    """A tensor on the CPU as numpy sees it, which has no bfloat16."""
    return (values.float() if values.dtype is torch.bfloat16 else values).detach().numpy()


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
