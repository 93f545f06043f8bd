"""What a layer's gradients look like over repeated draws, at its own setting and at others."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle.diagnosis.report import Cell
from imle.errors import ObjectiveError, OptionError
from imle.estimators.base import Trace
from imle.estimators.imle import IMLE
from imle.estimators.samples import Solutions, Solve
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats
from imle.noise import BaseNoiseDistribution
from imle.progress import Bar

Loss = Callable[[Any], Tensor]
"""From what the layer returns to a loss: a scalar, or one value per row."""

STEPS = {"lambda_": "lambda_", "beta": "beta", "relative_beta": "beta"}
"""Where estimators keep how far the target lies from theta, and the option that sets it."""

INFINITE = 1e4
"""A factor on the step at which dy outweighs theta and noise."""


class Pass(NamedTuple):
    """One backward pass.

    Attributes:
        trace: of the forward pass.
        dy: `[B, 1 or S, *event]` what the loss sent.
        gradient: `[B, *event]` the estimator's answer, for theta.
        targets: `[B, S, *event]` each: the solutions of the backward solves.
    """

    trace: Trace
    dy: Tensor
    gradient: Tensor
    targets: list[Tensor]

    @property
    def theta(self) -> Tensor:
        """`[B, *event]` what is solved."""
        return self.trace.theta.detach()

    def unchanged(self) -> Tensor:
        """`[B]` whether all target solves of a row agree with what they are compared with."""
        one, *others = self.targets if len(self.targets) > 1 else [self.trace.z, *self.targets]
        return torch.stack([(one == other).flatten(1).all(dim=1) for other in others]).all(dim=0)


@dataclass
class RecordedSolve:
    """A solve that keeps what it found.

    Args:
        solve: does the work. No rule tiles or parts the solve of a whole batch, and what would is not recorded.
        targets: what it found.
    """

    solve: Solve
    targets: list[Tensor] = field(default_factory=list)

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        """Solve, and keep the solutions."""
        found = self.solve(theta, hint, phase=phase, known=known)
        self.targets.append(found.z)
        return found

    def tile(self, times: int) -> Solve:
        return self.solve.tile(times)

    def part(self, rows: slice) -> Solve:
        return self.solve.part(rows)

    def solution_vjp(self, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
        return self.solve.solution_vjp(theta, z, dy)

    def own(self, values: Tensor) -> Tensor | None:
        return self.solve.own(values)


class Measurement(NamedTuple):
    """One setting, over R draws.

    Attributes:
        cell: in numbers.
        gradients: `[R, B, n]`.
        pulled: `[R, B]` rows whose loss has a gradient: only these can be expected to get one.
        weights: `[R, B]` the norm of the loss's gradient for a solution.
        last: the last pass.
        failed: solves that failed, by status.
        failures: rows with such solves, by status.
        stats: what the layer counted.
        seconds: wall time of the R passes.
    """

    cell: Cell
    gradients: Tensor
    pulled: Tensor
    weights: Tensor
    last: Pass
    failed: Counter[str]
    failures: dict[str, tuple[int, ...]]
    stats: LayerStats
    seconds: float


class Negated(NamedTuple):
    """What the negative of an objective would do.

    Attributes:
        gain: how much the loss would fall, as a share of its range over these solutions and the worst and best as far
            as its gradient tells (about 0 where the objective knows nothing of the loss, 1 where it takes the worst for
            the best, -1 where it is right); nan where solutions are not told apart, or not to be had.
        empty: solutions are all empty now, and would not be.
        alike: all these solutions have the same number of ones: a constant on all entries tells none apart.
    """

    gain: float
    empty: bool
    alike: bool


class Probe:
    """Tries settings on a copy of a layer, with the same draws for each: differences are those of the settings.

    Args:
        layer: a copy of one's own, whose options may be changed.
        objective: `[*batch, *event]`.
        loss: of what the layer returns.
        rows: instance parameters that differ per row.

    Attributes:
        option: the keyword that sets the estimator's step, "beta" or "lambda_"; None for rules without one.
        step: the one in force.
        noisy: whether the layer draws anything.
    """

    def __init__(self, layer: SolverLayer, objective: Tensor, loss: Loss, rows: Mapping[str, Sequence[Any]]) -> None:
        self.rule = layer.estimator
        self._attribute = next((name for name in STEPS if getattr(self.rule, name, None) is not None), "")
        self.option = STEPS.get(self._attribute)
        self.step = float(getattr(self.rule, self._attribute)) if self.option else None
        self.temperatures = layer.temperature, layer.target_temperature
        self.noisy = layer._mode().perturbed
        layer.memory_limit = None  # a batch is one backward pass, so that there is one to record
        self._layer, self._loss, self._rows = layer, loss, rows
        self._objective = objective.detach()
        self._size = len(layer.read(self._objective, **rows).theta)
        self._state = {name: value.clone() for name, value in self.rule.state_dict().items()}
        self._generator = None if layer.generator is None else layer.generator.get_state()
        self._global = torch.get_rng_state()
        self._passes: list[Pass] = []
        self._failures: defaultdict[str, set[int]] = defaultdict(set)
        self._limits: dict[tuple[int, float], Tensor | None] = {}
        self._record()

    def _record(self) -> None:
        """Keep what the estimator is given, what it solves and what it answers."""
        answer = self.rule.gradient

        def gradient(trace: Trace, dy: Tensor) -> Tensor:
            solve = RecordedSolve(trace.call.solve)
            found = answer(replace(trace, call=replace(trace.call, solve=solve)), dy)
            self._passes.append(Pass(trace, dy, found, solve.targets))
            return found

        self.rule.gradient = gradient  # type: ignore[method-assign]  # of this copy alone

    def fitting_step(self, last: Pass) -> float | None:
        """The step at which targets lie as far from theta as what was solved varies; None for rules without one.

        Args:
            last: a pass.
        """
        step = float(getattr(self.rule, self._attribute)) if self.option else 0.0
        if not step or not isinstance(self.rule, IMLE):
            return None
        with torch.no_grad():
            shift = self.rule.step(last.trace, last.dy).times(last.dy).double()
            norms, size = last.trace.variation()
        varies = (norms if size is None else norms * size) / (2 if last.trace.noiseless else 1)
        reach = shift.flatten(2).square().sum(dim=2).mean(dim=1).sqrt()
        told = (reach > 0) & (varies > 0)
        return step * float((varies[told] / reach[told]).median()) if bool(told.any()) else None

    @property
    def noise(self) -> BaseNoiseDistribution | None:
        """What the copy draws from, its unit measured."""
        return self._layer.noise

    def survey(self, steps: Iterable[float], temperatures: Iterable[float], draws: int, shown: Bar) -> tuple[Cell, ...]:
        """Try every pair of factors, 1 always among them. Temperatures of 0 have nothing to vary, nor have rules
        without a step."""
        scales = sorted({1.0, *temperatures}) if max(self.temperatures) > 0 else [1.0]
        factors = sorted({1.0, *steps}) if self.step else [1.0]
        pairs = [(scale, self.step and self.step * factor) for scale in scales for factor in factors]
        cells = []
        for scale, step in pairs:
            cells.append(self.read(step, draws, scale).cell)
            shown.set(len(cells), len(pairs), f"temperature x {scale:g}")
        return tuple(cells)

    def read(self, step: float | None, draws: int, scale: float = 1.0) -> Measurement:
        """Try one setting.

        Args:
            step: lambda or beta; None for rules without one.
            draws: R.
            scale: a factor on both temperatures.

        Raises:
            OptionError: the loss is not a loss of the layer's output.
        """
        infinite = self._infinite(draws, scale)
        self._layer.stats = stats = LayerStats()
        self._failures.clear()
        start = time.perf_counter()
        passes = self._draw(step, draws, scale)
        seconds = time.perf_counter() - start
        gradients = torch.stack([p.gradient.flatten(1) for p in passes])
        weights = torch.stack([p.dy.flatten(2).double().square().sum(dim=2).mean(dim=1).sqrt() for p in passes])
        pulled = torch.stack([p.dy.flatten(1).ne(0).any(dim=1) for p in passes])
        unchanged = saturated = None
        if passes[0].targets:
            unchanged = _share(torch.stack([p.unchanged() for p in passes]), pulled)
            if infinite is not None:
                saturated = _share((_targets(passes) == infinite).all(dim=2), pulled)
        nonzeros = gradients.ne(0).sum(dim=2)
        # some solvers count entries besides rows
        clipped = stats.events["clipped_rows"] or sum(n for name, n in stats.events.items() if "clip" in name)
        failed = stats.failed
        cell = Cell(
            step=step,
            temperature=self._layer.temperature,
            zero=_share(nonzeros == 0, pulled),
            unchanged=unchanged,
            saturated=saturated,
            cosine=self.agreement(gradients.flatten(1).unsqueeze(1)).item(),
            nonzeros=nonzeros.double().mean().item(),
            failed=failed.total() / max(stats.solves, 1),
            clipped=min(clipped / max(stats.solves, 1), 1.0),
        )
        rows = {name: tuple(sorted(rows)) for name, rows in self._failures.items()}
        return Measurement(cell, gradients, pulled, weights, passes[-1], failed, rows, stats, seconds)

    def _infinite(self, draws: int, scale: float) -> Tensor | None:
        """The target solutions `[R, B, m]` of an infinite step with these draws; None for rules without targets."""
        if (draws, scale) not in self._limits:
            passes = self._draw(self.step * INFINITE, draws, scale) if self.step else []
            self._limits[draws, scale] = _targets(passes) if passes and passes[0].targets else None
        return self._limits[draws, scale]

    def _draw(self, step: float | None, draws: int, scale: float) -> list[Pass]:
        """Passes from the same random numbers each time."""
        layer = self._layer
        layer.temperature, layer.target_temperature = (tau * scale for tau in self.temperatures)
        torch.set_rng_state(self._global)
        if layer.generator is not None and self._generator is not None:
            layer.generator.set_state(self._generator)
        return [self._pass(step) for _ in range(draws)]

    def _pass(self, step: float | None) -> Pass:
        """Forward and backward, once, from the estimator's original state."""
        self.rule.load_state_dict(self._state)
        if step is not None:
            present = getattr(self.rule, self._attribute)
            setattr(self.rule, self._attribute, torch.full_like(present, step) if torch.is_tensor(present) else step)
        self._passes.clear()
        leaf = self._objective.clone().requires_grad_()
        with torch.enable_grad():
            value = self._loss(self._layer(leaf, **self._rows))
            if not isinstance(value, Tensor):
                raise OptionError(f"loss: expected it to return a tensor, found {type(value).__name__}")
            if value.numel() not in (1, self._size):
                raise OptionError(
                    f"loss: expected a scalar or one value per row, {self._size} in all, found {list(value.shape)}",
                    hint="reduce the solution's own dimensions, as in lambda z: (z - gold).abs().sum(dim=-1)",
                )
            if value.requires_grad:
                torch.autograd.grad(value.sum(), leaf, allow_unused=True)
        for failure in self._layer.failures:
            self._failures[failure.status.name.lower()].add(failure.row)
        if not self._passes:
            raise OptionError(
                "loss: its value does not depend on what it is given by differentiable operations",
                hint="pass a function of the layer's output, such as lambda z: (z - gold).abs().mean()",
            )
        return self._passes[-1]

    def negated(self) -> Negated:
        """What the negative of the objective would do, without noise."""
        dy = self._passes[-1].dy.mean(dim=1).reshape(self._objective.shape).to(self._objective)
        worst = -dy if self._layer.solver.sense == "min" else dy
        self._layer.temperature = self._layer.target_temperature = 0.0
        found, losses = [], []
        for objective in (self._objective, -self._objective, -worst, worst):
            try:
                with torch.no_grad():
                    z = self._layer(objective, **self._rows)
            except ObjectiveError:  # the solver takes no negative ones
                return Negated(math.nan, False, False)
            if self._layer.failures:
                return Negated(math.nan, False, False)
            found.append(z)
            losses.append(self._loss(z).double().mean().item())
        reach = max(losses) - min(losses)
        gain = (losses[0] - losses[1]) / reach if reach > 0 else math.nan
        sizes = torch.cat([z.reshape(self._size, -1).sum(dim=1) for z in found if isinstance(z, Tensor)] or [dy[:0]])
        return Negated(
            gain,
            bool(found[1].any()) and not bool(found[0].any()),
            bool(len(sizes)) and bool((sizes == sizes[0]).all()),
        )

    def agreement(self, gradients: Tensor) -> Tensor:
        """The mean cosine of all pairs of draws that are not zero; nan where there is no pair, or nothing is drawn.

        Args:
            gradients: `[R, B, n]`.

        Returns:
            `[B]`, in float64.
        """
        drawn = (gradients if self.noisy else gradients[:1]).double()
        norms = torch.linalg.vector_norm(drawn, dim=2, keepdim=True)
        units = torch.where(norms > 0, drawn / norms, 0.0)
        count = (norms > 0).sum(dim=0).squeeze(1).to(units.dtype)
        total = units.sum(dim=0).square().sum(dim=1)  # the diagonal, and every pair twice
        agreement: Tensor = (total - count) / (count * (count - 1))
        return torch.where(count > 1, agreement, float("nan"))  # of one draw, rounding would leave +-inf


def _targets(passes: Sequence[Pass]) -> Tensor:
    """`[R, B, m]` all target solutions of a row."""
    return torch.stack([torch.cat([z.flatten(1) for z in p.targets], dim=1) for p in passes])


def _share(found: Tensor, among: Tensor) -> float:
    """How many of the marked rows are found; nan of none."""
    total = int(among.sum())
    return int((found & among).sum()) / total if total else float("nan")
