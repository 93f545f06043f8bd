"""The structured hinge loss with a margin: Tsochantaridis, Joachims, Hofmann & Altun, JMLR 2005; Taskar et al. 2003."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle._checks import not_negative
from imle.errors import ObjectiveError
from imle.layers.module import Batch, SolverLayer
from imle.layers.shapes import row_name
from imle.losses.base import Maximum, Reduction, SolverLoss, advantage, interpreted, maximise


class StructuredHinge(SolverLoss):
    """max_z [ <theta, z> + margin d(z, y) ] - <theta, y>: y shall win by a margin for each entry in which z differs.

    d(z, y) is the Hamming distance of 0/1 solutions, ``sum_i |z_i - y_i|``. It is linear in z, so that the maximum is
    one solve with ``theta + margin (1 - 2 y)``: loss-augmented inference, with margin rescaling. The gradient is the
    difference of that maximiser and y. Convex in theta; at least margin d(z, y) for the solution z of theta itself, and
    0 exactly where y beats every other z by margin d(z, y). A margin of 0 gives the structured perceptron.

    The margin is in units of the objective: scores times 10 need 10 times the margin. Entries of costs below it may get
    negative on the way: solvers without negative costs cannot take this loss in good faith, and say so or clip.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used. Solutions lie between 0 and 1.
        margin: per entry in which solutions differ, at least 0.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: Tsochantaridis et al. 2005, section 2.2, margin re-scaling with one slack for each row.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.StructuredHinge(imle.layer("topk", k=1), margin=0.5)
        >>> scores = torch.tensor([[2.0, 1.5, 0.0]], requires_grad=True)
        >>> value = loss(scores, torch.tensor([[1, 0, 0]]))  # the second is ahead by 0.5 of the margin of 1
        >>> value.backward()
        >>> value.item(), scores.grad.tolist()
        (0.5, [[-1.0, 1.0, 0.0]])
    """

    def __init__(self, layer: SolverLayer, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(layer, reduction=reduction)
        self.margin = not_negative("StructuredHinge: margin", margin)

    @interpreted
    def forward(self, objective: Tensor, solution: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]`, scores or costs, as the layer takes it.
            solution: `[*batch, *event]` known solutions y of 0 and 1, any real dtype.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, not finite, or a solution of other numbers than 0 and 1.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        y = self.solutions(solution, batch, objective)
        if self.margin:
            _refuse_other_numbers(y, batch)
        known = Maximum(y, None, self.fixed_terms("solution", y, batch))
        augmented = batch.theta + self.margin * (1 - 2 * y)
        worst = maximise(batch, augmented)
        lost = advantage(augmented, worst.z, known.z, worst.fixed, known.fixed)
        return self.reduced(lost, worst.valid, batch)

    def extra_repr(self) -> str:
        return f"margin={self.margin:g}, {super().extra_repr()}"


def _refuse_other_numbers(y: Tensor, batch: Batch) -> None:
    """The distance from a solution is linear only if its entries are at the ends, 0 and 1."""
    other = (y != 0) & (y != 1)
    if other.any():
        row, found = int(other.nonzero()[0, 0]), float(y[other][0])
        raise ObjectiveError(
            f"StructuredHinge: solution: expected 0 and 1, found {found:g} in {row_name(row, batch.solve.lead)}",
            hint="PerturbedFenchelYoung takes solutions of any numbers",
        )
