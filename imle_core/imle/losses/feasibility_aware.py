"""Losses of predicted parameters of constraints: Mandi, Defresne, Berden & Guns, NeurIPS 2025 (ODECE)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from imle._checks import is_number, positive, scalar
from imle._excess import LINEAR, excess
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss, interpreted, maximise, refuse_transforms

Violation = Callable[..., Tensor]
"""By how much each constraint is exceeded: solutions `[B, *event]` and parameters by name to `[B, m]`."""


class FeasibilityAware(SolverLoss):
    """For predicted parameters p^ of constraints ``g_k(z; p) <= 0``: a weighted sum of two losses.

    - ``I(p^) = mean_{k in V} softplus(margin - g_k(z^; p^))``: z^ is best under p^, and V are the constraints that z^
      violates under the true p: predictions shall forbid what turns out infeasible. 0 if V is empty.
    - ``O(p^) = mean_k softplus(margin + g_k(z*; p^))``: predictions shall allow the true optimum z*, for else it cannot
      be found.

    The loss of a row is ``weight I + (1 - weight) O``. softplus(x) is ``log(1 + exp(sharpness x)) / sharpness``: up to
    that factor the negative log-likelihood of a constraint that is kept with probability ``sigmoid(-sharpness g)``.
    At the truth I is 0, but not O, since z* may lie on the boundary: the two pull predictions inwards and outwards, and
    the weight says which wins. Gradients reach p^ through g alone; z^ is a constant. Where p^ leaves nothing feasible,
    a layer with on_failure="zero-grad" has ``I = 0``, and O makes room.

    The margin is in units of g, and 2 is that of the authors' experiments: fit it to yours. The mean over a batch is
    over all its rows, so that the step of a row does not depend on how many others violate something; the authors'
    code takes that of I over rows that do.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        weight: of I, from 0 to 1: large for decisions that hold, small for decisions that are good. With 0 nothing is
            solved.
        margin: by how much constraints shall be kept, or violated; at least 0.
        sharpness: of the softplus.
        violation: g: `violation(solutions, **parameters)`, `[B, *event]` and the predicted parameters by name to `[B,
            m]`, differentiable. By default `imle.metrics.excess` of the linear rows `A_ub`, `b_ub`, `A_eq`, `b_eq`,
            of which those not predicted are the layer's.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: arXiv 2510.04951; the formulas are those of the authors' code (ODECE), its constants the defaults here.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("knapsack", weights=[[2, 3, 4]])
        >>> size = lambda z, capacity: z @ torch.tensor([[2.0], [3.0], [4.0]]) - capacity.unsqueeze(1)
        >>> loss = imle.losses.FeasibilityAware(layer, margin=0.1, violation=size)
        >>> values, packed = torch.tensor([[2.0, 3.0, 5.0]]), torch.tensor([[1.0, 1.0, 0.0]])
        >>> predicted = torch.tensor([7.0], requires_grad=True)  # packs 7, where 5 is the truth
        >>> loss(values, packed, {"capacity": torch.tensor([5.0])}, capacity=predicted).backward()
        >>> predicted.grad > 0  # a step downhill lowers the capacity
        tensor([True])
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        weight: float = 0.5,
        margin: float = 2.0,
        sharpness: float = 5.0,
        violation: Violation | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, reduction=reduction)
        for name, value, most in (("weight", weight, 1.0), ("margin", margin, float("inf"))):
            number = scalar(value)
            if not is_number(number) or not 0 <= number <= most:
                between = "from 0 to 1" if most == 1 else "of at least 0"
                raise OptionError(f"FeasibilityAware: {name}: expected a number {between}, found {value!r}")
        if violation is not None and not callable(violation):
            raise OptionError(f"FeasibilityAware: violation: expected a function, found {type(violation).__name__}")
        self.weight, self.margin = float(scalar(weight)), float(scalar(margin))
        self.sharpness = positive("FeasibilityAware: sharpness", sharpness)
        self.violation = violation

    @interpreted
    def forward(
        self, objective: Tensor, solution: Tensor, true_parameters: Mapping[str, Any], **predicted: Tensor
    ) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]` scores or costs, as the layer takes them; constants.
            solution: `[*batch, *event]` z*, best under the true parameters.
            true_parameters: the true values of what is predicted, by name, each `[B, *shape]`.
            predicted: the predicted parameters of the layer's instance, each `[B, *shape]`, one per row of the batch.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite; or an objective that requires a gradient.
            InstanceError: nothing is predicted, or something of which the truth is not given; no parameter of the
                solver; shapes do not fit.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        refuse_transforms(type(self).__name__)
        given = self._tensors(predicted, true_parameters)
        if isinstance(objective, Tensor) and objective.requires_grad:
            raise ObjectiveError(
                "FeasibilityAware: objective: expected constants, found a tensor that requires a gradient, of which "
                "this loss has none",
                hint="give objective.detach(), and learn it by a loss of its own, such as SPOPlus",
            )
        constants: dict[str, Any] = {name: value.detach() for name, (value, _) in given.items()}
        batch = self.read(objective, constants)
        optimal = self.solutions(solution, batch, objective)
        wide = batch.theta.dtype
        guess = {name: value.to(batch.theta.device, wide) for name, (value, _) in given.items()}
        values = batch.theta.new_zeros(len(batch.theta))
        if self.weight < 1:
            allowed = softplus(self.margin + self._excess(optimal, guess, batch), beta=self.sharpness)
            values = values + (1 - self.weight) * allowed.mean(dim=1)
        if self.weight > 0:
            best, valid, _ = maximise(batch, batch.theta)
            truth = {name: value.to(batch.theta.device, wide) for name, (_, value) in given.items()}
            with torch.no_grad():
                violated = self._excess(best, truth, batch) > 0
                if valid is not None:
                    violated &= valid.unsqueeze(1)
            forbidden = softplus(self.margin - self._excess(best, guess, batch), beta=self.sharpness)
            shares = violated / violated.sum(dim=1, keepdim=True).clamp(min=1)
            values = values + self.weight * torch.where(violated, shares * forbidden, 0.0).sum(dim=1)
        return self.reduced(values, None, batch)

    def _tensors(self, predicted: Mapping[str, Any], truth: Any) -> dict[str, tuple[Tensor, Tensor]]:
        """What is predicted and what is true, by name, in one shape."""
        if not predicted:
            raise InstanceError("FeasibilityAware: expected predicted parameters by name, such as b_ub=..., found none")
        names = sorted(truth) if isinstance(truth, Mapping) else type(truth).__name__
        if names != sorted(predicted):
            raise InstanceError(
                f"FeasibilityAware: true_parameters: expected those predicted, {sorted(predicted)}, found {names}"
            )
        found = {}
        for name, value in predicted.items():
            if not isinstance(value, Tensor):
                raise InstanceError(f"FeasibilityAware: {name}: expected a torch tensor, found {type(value).__name__}")
            true = torch.as_tensor(truth[name]).detach()
            if true.shape != value.shape:
                raise InstanceError(
                    f"FeasibilityAware: true_parameters: {name}: expected shape {list(value.shape)}, that of what is "
                    f"predicted, found {list(true.shape)}"
                )
            found[name] = value, true
        return found

    def _excess(self, z: Tensor, parameters: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """g of solutions `[B, *event]`: `[B, m]`."""
        if self.violation is None:
            if strange := [name for name in parameters if name not in LINEAR]:
                raise InstanceError(
                    f"FeasibilityAware: {strange[0]}: expected linear rows, {', '.join(LINEAR)}",
                    hint="violation= says by how much a solution exceeds constraints of another form",
                )
            fixed = {name: value for name, value in self.layer._instances.fixed.items() if name in LINEAR}
            return excess(z, **{**fixed, **parameters})
        found = self.violation(z, **parameters)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(z) or not found.shape[1]:
            shown = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InstanceError(f"FeasibilityAware: violation: expected [{len(z)}, m] of it, found {shown}")
        return found

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}, margin={self.margin:g}, sharpness={self.sharpness:g}, {super().extra_repr()}"
