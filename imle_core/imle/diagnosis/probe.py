"""Settings of a layer, tried: what its gradients look like over repeated draws."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imle.diagnosis.recording import Pass, RecordingEstimator
from imle.diagnosis.report import Cell
from imle.diagnosis.step import StepParameter
from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats

Loss = Callable[[Any], Tensor]
"""From what the layer returns to a loss: a scalar, or one value per row."""

INFINITE = 1e4
"""A factor on the step at which dy outweighs theta and noise."""


@dataclass(frozen=True)
class Measurement:
    """What gradients look like at one setting, over R draws.

    Attributes:
        cell: in numbers.
        entries: n, of a gradient.
        pulled: `[R, B]` rows whose loss has a gradient: only these can be expected to get one.
        nonzeros: `[B]` non-zero entries of a row's gradient, mean over draws.
        row_cosines: `[B]` mean cosine between two draws of a row's gradient; nan if fewer than two are not zero.
        targets: `[R, B, m]` all target solutions of a row, or None for rules without them.
        failed: solves that failed, by status.
        stats: what the layer counted.
        seconds: wall time of the R passes.
    """

    cell: Cell
    entries: int
    pulled: Tensor
    nonzeros: Tensor
    row_cosines: Tensor
    targets: Tensor | None
    failed: Counter[str]
    stats: LayerStats
    seconds: float


class Probe:
    """Tries settings on a copy of a layer, with the same draws for each: differences are those of the settings.

    Args:
        layer: a copy of one's own, whose options may be changed.
        objective: `[*batch, *event]`.
        loss: of what the layer returns.
        rows: instance parameters that differ per row.
    """

    def __init__(self, layer: SolverLayer, objective: Tensor, loss: Loss, rows: Mapping[str, Sequence[Any]]) -> None:
        self.rule = layer.estimator
        self.parameter = StepParameter.of(self.rule)
        self.step = None if self.parameter is None else self.parameter.get(self.rule)
        self.temperatures = layer.temperature, layer.target_temperature
        self._layer = layer
        self._recorder = layer.estimator = RecordingEstimator(self.rule)
        self._objective = objective.detach()
        self._loss = loss
        self._rows = rows
        self._state = {name: value.clone() for name, value in self.rule.state_dict().items()}
        self._generator = None if layer.generator is None else layer.generator.get_state()
        self._global = torch.get_rng_state()

    @property
    def noisy(self) -> bool:
        """Whether the layer draws anything."""
        return self._layer._mode().perturbed

    def survey(self, steps: Iterable[float], temperatures: Iterable[float], draws: int) -> tuple[Cell, ...]:
        """Try every pair of factors, 1 always among them. Temperatures of 0 have nothing to vary, nor have rules
        without a step."""
        scales = sorted({1.0, *temperatures}) if max(self.temperatures) > 0 else [1.0]
        factors = sorted({1.0, *steps}) if self.step else [1.0]
        cells = []
        for scale in scales:
            limit = self.infinite(draws, scale) if self.step else None
            cells += [self.read(self.step and self.step * factor, draws, scale, limit=limit).cell for factor in factors]
        return tuple(cells)

    def infinite(self, draws: int, scale: float = 1.0) -> Tensor | None:
        """The target solutions `[R, B, m]` of an infinite step."""
        return None if self.step is None else self.read(self.step * INFINITE, draws, scale).targets

    def read(self, step: float | None, draws: int, scale: float = 1.0, *, limit: Tensor | None = None) -> Measurement:
        """Try one setting.

        Args:
            step: lambda or beta; None for rules without one.
            draws: R.
            scale: a factor on both temperatures.
            limit: the target solutions of an infinite step with the same draws.

        Raises:
            OptionError: the loss is not a loss of the layer's output.
        """
        layer = self._layer
        layer.temperature, layer.target_temperature = (tau * scale for tau in self.temperatures)
        layer.stats = stats = LayerStats()
        torch.set_rng_state(self._global)
        if layer.generator is not None and self._generator is not None:
            layer.generator.set_state(self._generator)
        start = time.perf_counter()
        passes = [self._pass(step) for _ in range(draws)]
        seconds = time.perf_counter() - start
        gradients = torch.stack([p.gradient.flatten(1) for p in passes])
        pulled = torch.stack([p.dy.flatten(1).ne(0).any(dim=1) for p in passes])
        targets = unchanged = saturated = None
        if passes[0].targets:
            targets = torch.stack([torch.cat([z.flatten(1) for z in p.targets], dim=1) for p in passes])
            unchanged = _share(torch.stack([_unchanged(p) for p in passes]), pulled)
            saturated = None if limit is None else _share((targets == limit).all(dim=2), pulled)
        nonzeros = gradients.ne(0).sum(dim=2).double()
        drawn = (gradients if self.noisy else gradients[:1]).double()  # of one draw there is no cosine
        failed = Counter({name: n for name, n in stats.status.items() if name not in ("optimal", "feasible")})
        # some solvers count entries besides rows
        clipped = stats.events["clipped_rows"] or sum(n for name, n in stats.events.items() if "clip" in name)
        cell = Cell(
            step=step,
            temperature=layer.temperature,
            zero=_share(nonzeros == 0, pulled),
            unchanged=unchanged,
            saturated=saturated,
            cosine=_agreement(drawn.flatten(1).unsqueeze(1)).item(),
            nonzeros=nonzeros.mean().item(),
            failed=failed.total() / max(stats.solves, 1),
            clipped=min(clipped / max(stats.solves, 1), 1.0),
        )
        cosines = _agreement(drawn)
        return Measurement(
            cell, gradients.shape[2], pulled, nonzeros.mean(dim=0), cosines, targets, failed, stats, seconds
        )

    def _pass(self, step: float | None) -> Pass:
        """Forward and backward, once, from the estimator's original state."""
        self.rule.load_state_dict(self._state)
        if self.parameter is not None and step is not None:
            self.parameter.set(self.rule, step)
        leaf = self._objective.clone().requires_grad_()
        with torch.enable_grad():
            value = self._loss(self._layer(leaf, **self._rows))
            if not isinstance(value, Tensor):
                raise OptionError(f"loss: expected it to return a tensor, found {type(value).__name__}")
            if value.numel() not in (1, rows := self._recorder.rows):
                raise OptionError(
                    f"loss: expected a scalar or one value per row, {rows} in all, found {list(value.shape)}",
                    hint="reduce the solution's own dimensions, as in lambda z: (z - gold).abs().sum(dim=-1)",
                )
            if value.requires_grad:
                torch.autograd.grad(value.sum(), leaf, allow_unused=True)
        if self._recorder.latest is None:
            raise OptionError(
                "loss: its value does not depend on what it is given by differentiable operations",
                hint="pass a function of the layer's output, such as lambda z: (z - gold).abs().mean()",
            )
        return self._recorder.latest


def _unchanged(found: Pass) -> Tensor:
    """`[B]` whether all target solves of a row agree with what they are compared with."""
    one, *others = found.targets if len(found.targets) > 1 else [found.forward, *found.targets]
    return torch.stack([(one == other).flatten(1).all(dim=1) for other in others]).all(dim=0)


def _share(found: Tensor, among: Tensor) -> float:
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
