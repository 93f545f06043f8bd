"""Who takes part: recipes of a rule or a loss with its noise, a line each, the same for all tasks."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from benchmarks.defaults.problem import Problem
from imle import losses
from imle.estimators import AIMLE, IMLE, Estimator, estimator_by_name
from imle.noise import BaseNoiseDistribution, RelativeNoiseDistribution
from imle.plugins.estimators import OWN

SAMPLES = 4
"""Of all that draw noise, but where a name says something else."""

Loss = Callable[[nn.Module, Tensor], Tensor]
"""From a model and rows to a number."""


class Contestant(ABC):
    """A recipe."""

    @abstractmethod
    def fits(self, problem: Problem) -> bool:
        """Whether it can take part: some need to be told more than others."""

    @abstractmethod
    def prepare(self, problem: Problem) -> Loss:
        """A new loss, which shares no state with others."""

    @property
    @abstractmethod
    def recipe(self) -> str:
        """All that decides its results, in words: results of another recipe are no results of this one."""


@dataclass(frozen=True)
class Rule(Contestant):
    """A gradient rule in a layer, trained on the loss of samples.

    Attributes:
        make: a new rule.
        noise: a new distribution, or None for the rule's own.
        temperature: tau, or None for the layer's default.
        samples: S; rules without noise solve once.
    """

    make: Callable[[], Estimator]
    noise: Callable[[], BaseNoiseDistribution] | None = None
    temperature: float | None = None
    samples: int = SAMPLES

    def _options(self) -> dict[str, Any]:
        rule = self.make()
        found: dict[str, Any] = {"estimator": rule, "temperature": self.temperature}
        if rule.stochastic:
            found["nb_samples"] = self.samples
        if self.noise is not None:
            found["noise"] = self.noise()
        return found

    def fits(self, problem: Problem) -> bool:
        name = self.make().name
        kind = next((spec.problem for spec in OWN if spec.id == name), "")
        return kind in ("", problem.layer().spec.problem)

    def prepare(self, problem: Problem) -> Loss:
        layer = problem.layer(**self._options())

        def loss(model: nn.Module, rows: Tensor) -> Tensor:
            objective = problem.objective(model, rows)
            found = layer.expected_loss(objective, lambda z: problem.losses(model, z, rows))
            return (found + problem.penalty(objective)).mean()

        return loss

    @property
    def recipe(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._options().items())


_OF_ANY_SIGN = (losses.RegularisedFenchelYoung,)
"""Losses that refuse solvers for objectives of one sign."""


@dataclass(frozen=True)
class Surrogate(Contestant):
    """A loss of `imle.losses`, where what it needs to be told is known.

    Attributes:
        kind: of loss.
        told: what.
        options: of the loss.
        noise: a new distribution, or None for the loss's own.
    """

    kind: type[losses.SolverLoss]
    told: tuple[Literal["solutions", "truth"], ...]
    options: dict[str, Any] = field(default_factory=dict)
    noise: Callable[[], BaseNoiseDistribution] | None = None

    def _options(self) -> dict[str, Any]:
        return self.options if self.noise is None else {**self.options, "noise": self.noise()}

    def fits(self, problem: Problem) -> bool:
        told = all(getattr(problem, name) is not None for name in self.told)
        return told and (self.kind not in _OF_ANY_SIGN or problem.layer().spec.capabilities.negative_objectives)

    def prepare(self, problem: Problem) -> Loss:
        module = self.kind(problem.layer(noise=None), **self._options())

        def loss(model: nn.Module, rows: Tensor) -> Tensor:
            known = (getattr(problem, name)[rows] for name in self.told)
            value: Tensor = module(problem.objective(model, rows), *known)
            return value

        return loss

    @property
    def recipe(self) -> str:
        return f"{self.kind.__name__}, {self._options()!r}"


GUMBEL = functools.partial(RelativeNoiseDistribution, "gumbel")
GAUSSIAN = functools.partial(RelativeNoiseDistribution, "gaussian")


def variant(tau: float | None = None, *, samples: int = SAMPLES, **options: Any) -> Rule:
    """The default with other options; tau in units of the first batch."""
    return Rule(functools.partial(IMLE, **options), None if tau is None else GUMBEL, tau, samples)


NOISY: dict[str, Any] = {"nb_samples": SAMPLES}
RELATIVE: dict[str, Any] = {**NOISY, "temperature": 0.5}

DEFAULT = "imle"
"""The one that `imle.layer` is without options, but for the number of samples."""

CONTESTANTS: dict[str, Contestant] = {
    **{spec.id: Rule(functools.partial(estimator_by_name, spec.id)) for spec in OWN},
    "imle, 1 sample": variant(samples=1),
    "imle, symmetric": variant(symmetric=True),
    "imle, undivided": variant(scale=False),
    "imle, absolute noise": Rule(IMLE, temperature=1.0),
    "imle, undivided, absolute noise": Rule(functools.partial(IMLE, scale=False), temperature=1.0),
    "imle, beta .5": variant(beta=0.5),
    "imle, beta 2": variant(beta=2.0),
    "imle, tau 1": variant(1.0),
    "imle, tau 4": variant(4.0),
    "aimle, faster": Rule(functools.partial(AIMLE, step_size=0.01)),
    "aimle, absolute noise": Rule(AIMLE, temperature=1.0),
    "Fenchel-Young": Surrogate(losses.PerturbedFenchelYoung, ("solutions",), NOISY),
    "Fenchel-Young, relative": Surrogate(losses.PerturbedFenchelYoung, ("solutions",), RELATIVE, GAUSSIAN),
    "regularised Fenchel-Young": Surrogate(losses.RegularisedFenchelYoung, ("solutions",)),
    "implicit MLE": Surrogate(losses.ImplicitMLE, ("solutions",), NOISY),
    "structured hinge": Surrogate(losses.StructuredHinge, ("solutions",)),
    "NCE": Surrogate(losses.NCE, ("solutions",)),
    "MAP-contrastive": Surrogate(losses.MAPContrastive, ("solutions",)),
    "SPO+": Surrogate(losses.SPOPlus, ("truth", "solutions")),
    "perturbation gradient": Surrogate(losses.PerturbationGradient, ("truth",)),
    "perturbation gradient, symmetric": Surrogate(losses.PerturbationGradient, ("truth",), {"symmetric": True}),
    "listwise": Surrogate(losses.ListwiseLTR, ("truth", "solutions")),
    "pairwise": Surrogate(losses.PairwiseLTR, ("truth", "solutions")),
    "pointwise": Surrogate(losses.PointwiseLTR, ("truth", "solutions")),
}
