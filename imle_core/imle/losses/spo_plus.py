"""SPO+, the convex surrogate of regret: Elmachtoub & Grigas, Management Science 2022."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle.estimators.samples import both
from imle.losses.base import Maximum, SolverLoss, advantage, interpreted, maximise


class SPOPlus(SolverLoss):
    """How much the best solution for 2 c^ - c beats the true optimum w* there: an upper bound of the regret of c^.

    With predicted costs c^ and true costs c it is ``-min_w <2 c^ - c, w> + 2 <c^, w*> - <c, w*>``, with subgradient
    ``2 (w* - w(2 c^ - c))`` for c^; for scores to maximise, the same of their negatives. Never negative, convex in
    c^, 0 with a zero gradient at the truth; it grows with the scale of c, as the regret does. Terms that no objective
    gives, such as costs of variables that are not learned, count in the minimum and for w*.

    2 c^ - c may have negative entries where both c^ and c are positive: solvers without negative costs cannot take
    this loss in good faith, and say so or clip.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Source: section 3.2, definition 3 and proposition 3.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.SPOPlus(imle.layer("topk", k=1))
        >>> truth = torch.tensor([[3.0, 1.0, 2.0]])
        >>> loss(truth, truth).item(), round(loss(torch.tensor([[1.0, 2.0, 3.0]]), truth).item(), 4)
        (0.0, 5.0)
    """

    @interpreted
    def forward(
        self, objective: Tensor, true_objective: Tensor, solution: Tensor | None = None, **rows: Sequence[Any]
    ) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]` predicted scores or costs, as the layer takes it.
            true_objective: `[*batch, *event]`, in the same sense.
            solution: `[*batch, *event]` optimal solutions for the true objective, if they are known; None solves.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        theta = self.scores("true_objective", true_objective, batch, objective)
        if solution is None:
            optimal = maximise(batch, theta)
        else:
            given = self.solutions(solution, batch, objective)
            optimal = Maximum(given, None, self.fixed_terms("solution", given, batch))
        shifted = 2 * batch.theta - theta
        best = maximise(batch, shifted)
        lost = advantage(shifted, best.z, optimal.z, best.fixed, optimal.fixed)
        return self.reduced(lost, both(optimal.valid, best.valid), batch)
