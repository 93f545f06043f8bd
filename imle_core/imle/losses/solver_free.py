"""The solver-free loss for learning rows from solutions: Nandwani, Ranjan, Mausam & Singla, NeurIPS 2022."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, relu

from imle._checks import not_negative, positive
from imle._excess import excess_of_points, linear_rows, real
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.losses.base import REDUCTIONS, Reduction, check_shape
from imle.solvers.protocol import Sense

_ROUNDING = 1e-6
"""A known row is kept if it is exceeded by no more than this."""


class SolverFree(nn.Module):
    """Rows ``A_ub z <= b_ub`` as hyperplanes between known solutions and points that are none; nothing is solved.

    With ``d_k(z) = (b_k - <a_k, z>) / ||a_k||``, the distance by which z keeps row k, the loss of a solution y and its
    negatives z_j is ``w+ L+ + w- L- + wv Lv``:

    - ``L+ = mean_k relu(margin - d_k(y))``: y keeps all rows, with a margin;
    - ``L- = mean_j sum_k s_jk relu(margin + d_k(z_j))``, ``s_j = softmin_k(d_k(z_j) / temperature)``, through which no
      gradient goes: each z_j violates a row, above all the one that it violates most, or nearly violates;
    - ``Lv = mean_i (mean_k a_ki / ||a_k||)^2``: rows look in different directions.

    Negatives count if they differ from y, are at least as good as y by the objective, and keep the rows known: what is
    worse than y may well be feasible. An objective that requires a gradient is learned as one more hyperplane,
    ``<c, z> <= <c, y>``, which negatives may be on the wrong side of as of any row, and then all that differ count.

    Never negative; without Lv and at temperature 0 it is 0 where y and every negative that counts keep their margins.
    Rows times positive numbers have the same loss. Equations are two rows with some room between them,
    ``A z <= b + 0.1`` and ``-A z <= -b + 0.1``. Where negatives come from: `imle.losses.negatives`.

    Args:
        sense: "max" or "min", of the objective; `layer.solver.sense`.
        margin: in units of variables.
        temperature: of the soft minimum, in the same units; 0 takes the row violated most alone. To be lowered while
            training; the authors' code begins at 1, and divides by 10 whenever validation stalls.
        weights: w+, w- and wv. The authors' code balances the three by their coefficients of variation instead; with a
            constant weight, Lv kept rows from settling in our experiments, and has none by default.
        reduction: "none" gives `[*batch]`, "mean" and "sum" the mean and the sum of that.

    Attributes:
        temperature: may be set between steps.

    Raises:
        OptionError: an option is not valid.

    Source: arXiv 2210.09082; the terms and what counts are those of the authors' code, where rows are ``A z + b >= 0``.

    Example::

        >>> import torch
        >>> loss = SolverFree(sense="max", margin=0.1, temperature=0.0, weights=(1.0, 1.0, 0.0))
        >>> values, packed = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[1.0, 0.0, 1.0]])
        >>> better = torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]])
        >>> loss(values, packed, better, A_ub=torch.tensor([[2.0, 2.0, 1.0]]), b_ub=torch.tensor([3.5])).item()
        0.0
    """

    def __init__(
        self,
        *,
        sense: Sense,
        margin: float = 0.01,
        temperature: float = 0.1,
        weights: Sequence[float] = (1.0, 1.0, 0.0),
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if sense not in ("max", "min"):
            raise OptionError(
                f"SolverFree: sense: expected 'max' (scores) or 'min' (costs), found {sense!r}",
                hint="layer.solver.sense",
            )
        if reduction not in REDUCTIONS:
            raise OptionError(f"SolverFree: reduction: expected 'mean', 'sum' or 'none', found {reduction!r}")
        if not isinstance(weights, Sequence) or len(weights) != 3:
            raise OptionError(f"SolverFree: weights: expected three numbers, found {weights!r}")
        self.sense: Sense = sense
        self.margin = positive("SolverFree: margin", margin)
        self.temperature = not_negative("SolverFree: temperature", temperature)
        self.weights = tuple(not_negative("SolverFree: weights", weight) for weight in weights)
        self.reduction: Reduction = reduction

    def forward(
        self,
        objective: Tensor | None,
        solution: Tensor,
        negatives: Tensor,
        *,
        A_ub: Tensor,  # noqa: N803 - as solvers name them
        b_ub: Tensor,
        known: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, n]` costs or scores; None if all negatives that differ are infeasible.
            solution: `[*batch, n]` y, best by the objective among what is feasible.
            negatives: `[*batch, N, n]`.
            A_ub: `[m, n]`, or `[*batch, m, n]`: the rows that are learned, m at least 1.
            b_ub: `[m]` or `[*batch, m]`.
            known: rows that hold in any case, `A_ub`, `b_ub`, `A_eq`, `b_eq` as `imle.metrics.excess` takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none"; 0 for L- of a solution whose negatives all do not count.

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            InstanceError: there are no rows, or their shapes do not fit.
        """
        y, z, a, b, c = self._read(objective, solution, negatives, A_ub, b_ub)
        counts = (z != y.unsqueeze(-2)).any(dim=-1)
        if known:
            counts &= (excess_of_points(z, known) <= _ROUNDING).all(dim=-1)
        learned = a.shape[-2]
        if c is not None and c.requires_grad:
            a = torch.cat([a.expand(*y.shape[:-1], *a.shape[-2:]), c.unsqueeze(-2)], dim=-2)
            b = torch.cat([b.expand(*y.shape[:-1], b.shape[-1]), (c * y).sum(dim=-1, keepdim=True)], dim=-1)
        elif c is not None:
            counts &= (z @ c.unsqueeze(-1)).squeeze(-1) <= (c * y).sum(dim=-1, keepdim=True)
        size = torch.linalg.vector_norm(a, dim=-1).clamp(min=torch.finfo(a.dtype).tiny)
        a, b = a / size.unsqueeze(-1), b / size
        kept = (b - (y.unsqueeze(-2) @ a.mT).squeeze(-2))[..., :learned]  # y is on the hyperplane of its own objective
        kept_by_negatives = b.unsqueeze(-2) - z @ a.mT  # [*batch, N, m]
        positive_loss = relu(self.margin - kept).mean(dim=-1)
        hinges = (self._shares(kept_by_negatives) * relu(self.margin + kept_by_negatives)).sum(dim=-1)
        negative_loss = torch.where(counts, hinges, 0.0).sum(dim=-1) / counts.sum(dim=-1).clamp(min=1)
        variety = a.mean(dim=-2).square().mean(dim=-1)
        parts = (positive_loss, negative_loss, variety)
        values = sum((w * part for w, part in zip(self.weights, parts, strict=True)), torch.zeros_like(positive_loss))
        if self.reduction == "none":
            return values
        total = values.sum()
        return total / max(values.numel(), 1) if self.reduction == "mean" else total

    def _shares(self, distances: Tensor) -> Tensor:
        """How much each row is asked to exclude each negative: `[*batch, N, m]`, of sum 1 over rows."""
        distances = distances.detach()
        if self.temperature:
            return torch.softmax(-distances / self.temperature, dim=-1)
        return one_hot(distances.argmin(dim=-1), distances.shape[-1]).to(distances)

    def _read(
        self, objective: Any, solution: Any, negatives: Any, left: Any, right: Any
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
        """y, its negatives, both sides of the rows and the costs to minimise, checked and in one dtype."""
        if not isinstance(solution, Tensor) or not solution.ndim:
            found = list(solution.shape) if isinstance(solution, Tensor) else type(solution).__name__
            raise ObjectiveError(f"SolverFree: solution: expected a torch tensor [*batch, n], found {found}")
        shape = solution.shape
        if not isinstance(negatives, Tensor) or (*negatives.shape[:-2], negatives.shape[-1]) != shape:
            found = list(negatives.shape) if isinstance(negatives, Tensor) else type(negatives).__name__
            expected = ", ".join(map(str, (*shape[:-1], "N", shape[-1])))
            raise ObjectiveError(f"SolverFree: negatives: expected [{expected}], found {found}")
        if objective is not None:
            check_shape("SolverFree: objective", objective, shape, "the solution")
        given = [torch.as_tensor(side) for side in (left, right) if side is not None]
        wide = real(solution, negatives, *given, *([] if objective is None else [objective]))
        y, z = solution.detach().to(wide), negatives.detach().to(wide)
        a, b = linear_rows("ub", left, right, y, shape)
        if not a.shape[-2]:
            raise InstanceError("SolverFree: A_ub: expected at least one row to learn, found none")
        c = None if objective is None else objective.to(wide) * (-1.0 if self.sense == "max" else 1.0)
        for name, tensor in (("objective", c), ("solution", y), ("negatives", z), ("A_ub", a), ("b_ub", b)):
            if tensor is not None and not bool(tensor.isfinite().all()):
                raise ObjectiveError(f"SolverFree: {name}: found nan or infinity")
        return y, z, a, b, c

    def extra_repr(self) -> str:
        return (
            f"sense={self.sense!r}, margin={self.margin:g}, temperature={self.temperature:g}, "
            f"weights={self.weights}, reduction={self.reduction!r}"
        )
