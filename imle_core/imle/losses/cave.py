"""CaVE, cone-aligned vector estimation: Tang & Khalil, CPAIOR 2024."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle._checks import is_number, positive_int, scalar
from imle._generators import check_generator, ready_to_draw
from imle.errors import ObjectiveError, OptionError
from imle.layers.module import Batch, SolverLayer
from imle.layers.shapes import row_name
from imle.losses.base import Reduction, SolverLoss, inner, interpreted, refuse_transforms
from imle.losses.cone_projection import Generators, project

_NOTHING = 1e-6
"""Projections of scores of size 1 that are smaller are round-off, and stand for 0."""


class CaVE(SolverLoss):
    """1 - cos(theta, p): the angle between scores and the cone of those for which constraints prove y best.

    The cone of a known solution y is spanned by the normals of the constraints that hold with equality there
    (`imle.solvers.NormalCones`), and p is a point of it: a constant, through which no gradient goes. Training solves
    no program of the layer, only small projections, the whole batch at once. The value is between 0 and 2, 0 where
    theta is in the cone, and the same for theta at any scale. Variants, by the paper's names:

    - CaVE-E, ``iterations=None``: p is the point of the cone nearest to theta, and the gradient is the derivative.
      Scores opposite to the whole cone have p = 0, value 1 and no gradient.
    - CaVE+, the default: three iterations of an interior-point method towards that point, which end inside the cone.
      The target is then off its boundary, where several solutions are best.
    - CaVE-H, ``solve_ratio < 1``: that for a share of the batches. For others p is cheap,
      ``(1 - inner_ratio) theta / |theta| + inner_ratio m`` with m the mean of the normals, each at length 1.

    The layer's constraints have to be known: those of linear programs, of which all variables are learned, of top-k,
    of assignments, of paths in directed graphs and of closed tours are. Where the linear relaxation has further
    corners, as of most integer programs, the cone is smaller than that of all scores for which y is best, and the loss
    asks for more than it needs.

    Rows of zeros have no direction: their value is 1, their gradient one step towards m.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        iterations: of the projection; None for the nearest point.
        solve_ratio: the share of batches that are projected, from 0 to 1.
        inner_ratio: the share of m in p for the others, from 0 to 1.
        generator: where that choice comes from; by default torch's global generator.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: arXiv 2312.07718. Projections are those of PyEPO, which calls Clarabel for each row; theta is brought to a
    root mean square of 1 before, so that CaVE+ does not depend on its scale.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.CaVE(imle.layer("topk", k=1), iterations=None)
        >>> best = torch.tensor([[1.0, 0.0, 0.0]])
        >>> loss(torch.tensor([[3.0, 2.0, -1.0]]), best).item()
        0.0
        >>> loss(torch.tensor([[-1.0, 1.0, 0.0]]), best).item() > 0.5
        True
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        iterations: int | None = 3,
        solve_ratio: float = 1.0,
        inner_ratio: float = 0.2,
        generator: torch.Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, reduction=reduction)
        self.iterations = None if iterations is None else positive_int("CaVE: iterations", iterations)
        self.solve_ratio = _share("solve_ratio", solve_ratio)
        self.inner_ratio = _share("inner_ratio", inner_ratio)
        check_generator("CaVE: generator", generator)
        self.generator = generator

    @interpreted
    def forward(self, objective: Tensor, solution: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]`, scores or costs, as the layer takes it.
            solution: `[*batch, *event]` known solutions y, best for the true objective.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, not finite, or a solution that breaks a constraint, or that none
                binds; names the row.
            OptionError: the solver does not know its constraints.
        """
        refuse_transforms(type(self).__name__)
        batch = self.read(objective, rows)
        y = self.solutions(solution, batch, objective)
        theta = batch.solve.inside(batch.theta)
        if not theta.numel():
            return self.reduced(theta.flatten(1).sum(dim=1), None, batch)
        aim = self._aim(theta.detach(), y, batch).to(theta)
        size = torch.linalg.vector_norm(theta.flatten(1), dim=1)
        lengths = torch.linalg.vector_norm(aim.flatten(1), dim=1)
        cosine = inner(theta, aim) / (size.where(size > 0, 1.0) * lengths.where(lengths > 0, 1.0))
        return self.reduced(1 - cosine, None, batch)

    def _aim(self, theta: Tensor, y: Tensor, batch: Batch) -> Tensor:
        """`[B, *event]` points of the cones of solutions that scores are compared with."""
        normals = batch.solve.normals(y)
        cones = Generators(normals)
        if (unbound := (cones.count == 0).nonzero()).numel():
            raise ObjectiveError(
                "CaVE: solution: expected one at a corner of the constraints, found one that none of them binds, for "
                f"{row_name(int(unbound[0, 0]), batch.solve.lead)}",
                hint="it is best for no objective, unless all solutions are",
            )
        own = batch.solve.own(theta)
        entries = theta[0].numel() if own is None else own.flatten(1).sum(dim=1, keepdim=True)
        wide = theta.flatten(1).double()
        size = torch.linalg.vector_norm(wide, dim=1, keepdim=True) / entries**0.5
        scores = wide / size.where(size > 0, 1.0)
        mean = cones.at_length_1.mean
        if self._projects():
            aim = project(scores, cones, self.iterations)
            aim = aim * (torch.linalg.vector_norm(aim, dim=1, keepdim=True) > _NOTHING)
        else:
            aim = (1 - self.inner_ratio) * scores / entries**0.5 + self.inner_ratio * mean
        return torch.where(size > 0, aim, mean).reshape(theta.shape)

    def _projects(self) -> bool:
        """Whether this batch is projected."""
        if self.solve_ratio in (0.0, 1.0):
            return bool(self.solve_ratio)
        ready_to_draw("CaVE", self.generator)
        device = None if self.generator is None else self.generator.device
        return bool(torch.rand((), generator=self.generator, device=device) < self.solve_ratio)

    def extra_repr(self) -> str:
        options = f"iterations={self.iterations}, solve_ratio={self.solve_ratio:g}, inner_ratio={self.inner_ratio:g}"
        return f"{options}, {super().extra_repr()}"


def _share(name: str, value: Any) -> float:
    number = scalar(value)
    if not is_number(number) or not 0 <= number <= 1:
        raise OptionError(f"CaVE: {name}: expected a number from 0 to 1, found {value!r}")
    return float(number)
