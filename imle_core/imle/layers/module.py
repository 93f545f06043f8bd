"""SolverLayer: a combinatorial solver as an nn.Module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from imle.errors import InstanceError
from imle.estimators.base import Estimator
from imle.estimators.function import estimate
from imle.estimators.trace import Call
from imle.layers.boundary import Boundary
from imle.layers.instances import InstanceCache
from imle.layers.plan import OnFailure, SolvePlan
from imle.layers.shapes import check_objective, split_shape
from imle.layers.stats import LayerStats
from imle.noise import BaseNoiseDistribution, draw_like
from imle.plugins.spec import SolverSpec
from imle.solvers.protocol import Solver

Output = Literal["mean", "samples", "map"]


class Batch(NamedTuple):
    """A batch as the estimators see it.

    Attributes:
        theta: `[B, *event]` scores to maximise, float32 or 64, differentiable in the objective.
        solve: argmax <theta, z> for `[B, S, *event]` rows.
    """

    theta: Tensor
    solve: SolvePlan


class SolverLayer(nn.Module):
    """argmax (or argmin) over a feasible set, with gradients. Made by `imle.layer`.

    The objective is read in the solver's own sense: scores for "max", costs for "min". Any number of leading
    batch dimensions, none included; float64, 32, 16 and bf16; the output has the input's dtype and device.

    - `train()` mode: `[*batch, *event]` for output="mean" (an estimate of the marginals) and "map",
      `[*batch, S, *event]` for "samples".
    - `eval()` mode: the noise-free solution, whatever the output; with "samples" it keeps a sample axis of size 1.

    Attributes:
        solver: the solver's options.
        spec: what the plugin says about it.
        estimator: the gradient rule.
        stats: solves, failures and solver events since construction; see `LayerStats`.
    """

    def __init__(
        self,
        solver: Solver,
        spec: SolverSpec,
        instance: Mapping[str, Any],
        estimator: Estimator,
        *,
        noise: BaseNoiseDistribution | None,
        nb_samples: int,
        temperature: float,
        target_temperature: float,
        output: Output,
        on_failure: OnFailure,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.solver = solver
        self.spec = spec
        self.estimator = estimator
        self.noise = noise
        self.nb_samples = nb_samples
        self.temperature = temperature
        self.target_temperature = target_temperature
        self.output: Output = output
        self.on_failure: OnFailure = on_failure
        self.generator = generator
        self.stats = LayerStats()
        self._warned: set[str] = set()
        self._instances = InstanceCache(solver, spec, instance)
        if not self._instances.missing():
            self._instances.common()  # a bad instance is an error now, not in an hour

    def forward(self, objective: Tensor, **rows: Sequence[Any]) -> Tensor:
        """Solve a batch.

        Args:
            objective: `[*batch, *event]`, finite, floating-point.
            rows: instance parameters that differ per row, each a sequence of length B (the number of rows, all
                batch dimensions taken together). Where instances have different sizes, the objective is padded
                to the widest; solutions are zero on the padding.

        Returns:
            `[*batch, *event]`, or `[*batch, S, *event]` for output="samples".

        Raises:
            ObjectiveError: wrong shape or type, or not finite.
            InstanceError: a row's instance is missing or not valid.
            SolveError: rows failed and on_failure is "raise".
        """
        batch = self.read(objective, **rows)
        out = self._estimate(batch.theta, batch.solve)
        return out.reshape(*batch.solve.lead, *out.shape[1:]).to(objective.dtype)

    def read(self, objective: Tensor, **rows: Sequence[Any]) -> Batch:
        """The same input as `forward`'s, as losses need it: scores, and the solver that maximises them.

        Raises:
            ObjectiveError: wrong shape or type.
            InstanceError: a row's instance is missing or not valid.
        """
        check_objective(objective)
        plan, lead, event = self._plan(objective, rows)
        return Batch(self._theta(objective, lead, event), plan)

    def _theta(self, objective: Tensor, lead: torch.Size, event: torch.Size) -> Tensor:
        """The objective as `[B, *event]` scores to maximise, in float32 or 64."""
        wide = objective.dtype if objective.dtype in (torch.float32, torch.float64) else torch.float32
        theta = objective.reshape(lead.numel(), *event).to(wide)
        return self.estimator.transform(-theta if self.solver.sense == "min" else theta)

    def _plan(self, objective: Tensor, rows: Mapping[str, Sequence[Any]]) -> tuple[SolvePlan, torch.Size, torch.Size]:
        """Find out which rows share an instance, and which dimensions are the batch's."""
        groups = self._instances.groups(rows)
        ragged = any(group.rows is not None for group in groups)
        lead, event = objective.shape[:1], objective.shape[1:]
        for group in groups:
            lead, event = split_shape(objective.shape, group.prepared.objective_shape, padded=ragged)
        for name, values in rows.items():
            if len(values) != lead.numel():
                raise InstanceError(
                    f"{self.spec.id}: {name}: expected one value per row, {lead.numel()} in all, found {len(values)}"
                )
        plan = SolvePlan(
            boundary=Boundary(self.spec.id, self.solver.sense, self.solver.array),
            groups=groups,
            lead=lead,
            on_failure=self.on_failure,
            stats=self.stats,
            warned=self._warned,
        )
        return plan, lead, event

    def _estimate(self, theta: Tensor, plan: SolvePlan) -> Tensor:
        """theta `[B, *event]` to `[B, *event]` or `[B, S, *event]`."""
        out = estimate(theta, self._call(plan))
        if self.output == "samples" and not self.perturbed:  # nothing to tell the samples apart: solved once
            out = out.unsqueeze(1).expand(-1, self.nb_samples if self.training else 1, *out.shape[1:])
        return out

    def _call(self, plan: SolvePlan) -> Call:
        """What the estimator needs to know of this layer, in its present mode."""
        samples = self.perturbed and self.output == "samples"
        return Call(
            estimator=self.estimator,
            solve=plan,
            draw=lambda theta: self._draw(theta, plan),
            output="samples" if samples else "mean",
            noise=self.noise,
            temperature=self.temperature,
            target_temperature=self.target_temperature,
            sample_weight=float(self.nb_samples) if samples else 1.0,
        )

    @property
    def perturbed(self) -> bool:
        """Whether the next forward pass draws noise."""
        quiet = self.temperature == 0 and self.target_temperature == 0
        return self.noise is not None and not quiet and self.training and self.output != "map"

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        """Noise `[B, S, *event]`, or None where the solve is deterministic. The plan is for subclasses."""
        del plan
        if self.noise is None or not self.perturbed:
            return None
        return draw_like(self.noise, theta, self.nb_samples, self.generator)

    def close(self) -> None:
        """Free the native models; they are built again if the layer is used again."""
        self._instances.close()

    def extra_repr(self) -> str:
        noise = "none" if self.noise is None else f"{self.noise!r}"
        return (
            f"{self.spec.id!r}, {self.solver.sense}, noise={noise}, nb_samples={self.nb_samples}, "
            f"temperature={self.temperature:g}, target_temperature={self.target_temperature:g}, "
            f"output={self.output!r}, on_failure={self.on_failure!r}"
        )
