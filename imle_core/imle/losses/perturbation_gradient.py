"""Perturbation gradients: Huang & Gupta, "Decision-focused learning with directional gradients", NeurIPS 2024."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle._checks import positive
from imle.errors import OptionError
from imle.estimators.samples import both
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss, inner, interpreted, maximise


class PerturbationGradient(SolverLoss):
    """What the decision costs in truth, <c, w(c^)>, as a difference quotient of the optimal value V(c^) along c.

    With predicted costs c^, true costs c and ``V(c) = min_w <c, w>``, by Danskin's theorem the derivative of V at c^ in
    direction c. For scores to maximise, the same of their negatives: minus the true score of the decision.

    - one-sided: ``(V(c^) - V(c^ - h c)) / h``, never below the true cost of the decision, and so an upper bound of its
      regret plus V(c), which is constant;
    - symmetric: ``(V(c^ + h c) - V(c^ - h c)) / (2 h)``, closer to it on average, and no bound.

    The gradient for c^, ``(w(c^) - w(c^ - h c)) / h``, moves it away from decisions that are worse in truth and within
    h of being taken; the symmetric one, ``(w(c^ + h c) - w(c^ - h c)) / (2 h)``, also towards better ones. Unlike
    `SPOPlus` this needs no optimal solution, and approaches the true cost as h goes to 0, also where no prediction of
    the model is right; the price is that it is not convex. Terms that no objective gives, such as costs of variables
    that are not learned, count in V, and move along with c: they are taken 1 - h or 1 + h times.

    c^ - h c may have negative entries where c^ and c are positive: solvers without negative costs cannot take this
    loss in good faith, and say so or clip.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        step: h, as a share of the true objective. The gradient is up to ``1 / h`` times the difference of two
            solutions. Theory takes it down with the number N of training rows, as ``N ** -0.25``.
        symmetric: take the difference on both sides.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: arXiv 2402.03256, the backward and the central PG loss.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.PerturbationGradient(imle.layer("topk", k=1), step=0.5)
        >>> scores = torch.tensor([[1.0, 0.9]], requires_grad=True)
        >>> value = loss(scores, torch.tensor([[3.0, 1.0]]))  # the first is right, but not by much
        >>> value.backward()
        >>> round(value.item(), 4), scores.grad.tolist()
        (-1.2, [[-2.0, 2.0]])
    """

    def __init__(
        self, layer: SolverLayer, *, step: float = 0.1, symmetric: bool = False, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(layer, reduction=reduction)
        self.step = positive("PerturbationGradient: step", step)
        if not isinstance(symmetric, bool):
            raise OptionError(f"PerturbationGradient: symmetric: expected True or False, found {symmetric!r}")
        self.symmetric = symmetric

    @interpreted
    def forward(self, objective: Tensor, true_objective: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]` predicted scores or costs, as the layer takes it.
            true_objective: `[*batch, *event]`, in the same sense.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            OptionError: the step is 1 or more, and the solver has terms that no objective gives.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        true = self.scores("true_objective", true_objective, batch, objective)
        behind, valid = self._value(batch, true, -self.step)
        ahead, also_valid = self._value(batch, true, self.step if self.symmetric else 0.0)
        width = 2 * self.step if self.symmetric else self.step
        return self.reduced((behind - ahead) / width, both(valid, also_valid), batch)

    def _value(self, batch: Batch, true: Tensor, step: float) -> tuple[Tensor, Tensor | None]:
        """The greatest <theta, z> + h(z) of `[B, *event]` theta and h moved by a step along the truth: `[B]`."""
        theta = batch.theta + step * true
        share = 1.0 + step if batch.solve.has_fixed_terms else 1.0
        if share <= 0:
            raise OptionError(
                f"PerturbationGradient: step: expected less than 1, found {self.step:g}: the solver has terms that no "
                "objective gives, which would change their sign"
            )
        best = maximise(batch, theta / share)
        value = inner(theta, best.z)
        return value if best.fixed is None else value + (share * best.fixed).to(value.dtype), best.valid

    def extra_repr(self) -> str:
        return f"step={self.step:g}, symmetric={self.symmetric}, {super().extra_repr()}"
