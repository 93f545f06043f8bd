"""One setting of a layer, tried: what its gradients look like over repeated draws."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imle.diagnosis.knob import Knob
from imle.diagnosis.witness import Record, changed, watch
from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats

Loss = Callable[[Any], Tensor]
"""From what the layer returns to a loss: a scalar, or one value per row."""


@dataclass(frozen=True)
class Setting:
    """What a probe varies.

    Attributes:
        step: lambda or beta; None for rules without one.
        scale: a factor on both temperatures.
    """

    step: float | None
    scale: float = 1.0


@dataclass(frozen=True)
class Reading:
    """What gradients look like at one setting, over R draws.

    Attributes:
        gradients: `[R, B, n]`, for theta.
        pulled: `[R, B]` rows whose loss has a gradient: only these can be expected to get one.
        changed: `[R, B]` rows whose target solve changed something, or None for rules without one.
        targets: `[R, B, m]` all target solutions of a row, or None.
        stats: what the layer counted.
        seconds: wall time of the R passes.
        noisy: whether anything is drawn.
    """

    gradients: Tensor
    pulled: Tensor
    changed: Tensor | None
    targets: Tensor | None
    stats: LayerStats
    seconds: float
    noisy: bool

    @property
    def zero(self) -> float:
        """Share of rows with a zero gradient among those whose loss has one."""
        return share(~self.gradients.ne(0).any(dim=2), self.pulled)

    @property
    def unchanged(self) -> float | None:
        """Share of rows whose target solve changed nothing among those whose loss has a gradient."""
        return None if self.changed is None else share(~self.changed, self.pulled)

    @property
    def nonzeros(self) -> Tensor:
        """`[B]` non-zero entries of a row's gradient, mean over draws."""
        return self.gradients.ne(0).sum(dim=2).double().mean(dim=0)

    @property
    def cosine(self) -> float:
        """Mean cosine between two draws of the whole batch's gradient; nan without noise, or of zeros."""
        if not self.noisy:
            return float("nan")
        flat = self.gradients.flatten(1).double()
        return _agreement(flat.unsqueeze(1)).item()

    @property
    def row_cosines(self) -> Tensor:
        """`[B]` mean cosine between two draws of a row's gradient; nan if fewer than two are not zero."""
        if not self.noisy:
            return torch.full((self.gradients.shape[1],), float("nan"), dtype=torch.float64)
        return _agreement(self.gradients.double())


def share(found: Tensor, among: Tensor) -> float:
    """How many of the marked rows are found; nan of none."""
    total = int(among.sum())
    return int((found & among).sum()) / total if total else float("nan")


def _agreement(gradients: Tensor) -> Tensor:
    """`[R, B, n]` to `[B]`: the mean cosine of all pairs of draws that are not zero; nan where there is no pair."""
    norms = torch.linalg.vector_norm(gradients, dim=2, keepdim=True)
    units = torch.where(norms > 0, gradients / norms, 0.0)
    count = (norms > 0).sum(dim=0).squeeze(1).to(units.dtype)
    total = units.sum(dim=0).square().sum(dim=1)  # the diagonal, and every pair twice
    agreement: Tensor = (total - count) / (count * (count - 1))
    return torch.where(count > 1, agreement, float("nan"))  # of one draw, rounding would leave +-inf


class Probe:
    """Tries settings on a copy of a layer, with the same draws for each: differences are those of the settings.

    Args:
        layer: a copy of one's own, whose options may be changed.
        objective: `[*batch, *event]`.
        loss: of what the layer returns.
        rows: instance parameters that differ per row.
        knob: the estimator's step, if it has one.
    """

    def __init__(
        self, layer: SolverLayer, objective: Tensor, loss: Loss, rows: Mapping[str, Sequence[Any]], knob: Knob | None
    ) -> None:
        self.layer = layer
        self.objective = objective.detach()
        self.loss = loss
        self.rows = rows
        self.knob = knob
        self.temperatures = layer.temperature, layer.target_temperature
        self._estimator = layer.estimator.state_dict(), None if knob is None else knob.read(layer.estimator)
        self._generator = None if layer.generator is None else layer.generator.get_state()
        self._global = torch.get_rng_state()

    @property
    def noisy(self) -> bool:
        """Whether the layer draws anything."""
        return self.layer._mode().perturbed

    @property
    def step(self) -> float | None:
        """The step the layer came with."""
        return self._estimator[1]

    def read(self, setting: Setting, draws: int) -> Reading:
        """Try one setting.

        Raises:
            OptionError: the loss is not a loss of the layer's output.
        """
        layer = self.layer
        layer.temperature, layer.target_temperature = (tau * setting.scale for tau in self.temperatures)
        torch.set_rng_state(self._global)
        if layer.generator is not None and self._generator is not None:
            layer.generator.set_state(self._generator)
        layer.stats = LayerStats()
        gradients, pulled, moved, targets = [], [], [], []
        start = time.perf_counter()
        for _ in range(draws):
            record = self._pass(setting)
            assert record.gradient is not None
            assert record.dy is not None
            rows = len(record.gradient)
            gradients.append(record.gradient.reshape(rows, -1))
            pulled.append(record.dy.reshape(rows, -1).ne(0).any(dim=1))
            different = changed(record)
            if different is not None:
                moved.append(different)
                targets.append(torch.cat([z.reshape(rows, -1) for z in record.targets], dim=1))
        return Reading(
            torch.stack(gradients),
            torch.stack(pulled),
            torch.stack(moved) if moved else None,
            torch.stack(targets) if targets else None,
            layer.stats,
            time.perf_counter() - start,
            self.noisy,
        )

    def _pass(self, setting: Setting) -> Record:
        """Forward and backward, once, from the estimator's original state."""
        self.layer.estimator.load_state_dict(self._estimator[0])
        if self.knob is not None and setting.step is not None:
            self.knob.turn(self.layer.estimator, setting.step)
        record = Record()
        watch(self.layer, record)
        leaf = self.objective.clone().requires_grad_()
        with torch.enable_grad():
            value = self.loss(self.layer(leaf, **self.rows))
            if not isinstance(value, Tensor):
                raise OptionError(f"loss: expected it to return a tensor, found {type(value).__name__}")
            if value.numel() not in (1, record.rows):
                raise OptionError(
                    f"loss: expected a scalar or one value per row, {record.rows} in all, found {list(value.shape)}",
                    hint="reduce the solution's own dimensions, as in lambda z: (z - gold).abs().sum(dim=-1)",
                )
            if value.requires_grad:
                torch.autograd.grad(value.sum(), leaf, allow_unused=True)
        if record.gradient is None:
            raise OptionError(
                "loss: its value does not depend on what it is given by differentiable operations",
                hint="pass a function of the layer's output, such as lambda z: (z - gold).abs().mean()",
            )
        return record


def troubles(stats: LayerStats) -> tuple[Counter[str], Counter[str]]:
    """Solves that failed, by status; and what solvers reported."""
    failed = Counter({name: count for name, count in stats.status.items() if name not in ("optimal", "feasible")})
    return failed, Counter(stats.events)
