"""Regularised maximisers over the hull of all solutions, and their Fenchel-Young loss: Dalle et al. 2022."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imle._checks import not_negative, positive, positive_int
from imle._copies import check_layer
from imle.errors import OptionError
from imle.estimators.function import OnceDifferentiable
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss, inner, interpreted, plain, refuse_transforms
from imle.losses.nearest import Hull, nearest


class Regularisation:
    """How far maximisers are drawn towards 0, and how they are found.

    Args:
        who: for messages.
        layer: lends its solver.
        strength: lambda.
        max_solves: how often a row is solved at most.
        tolerance: of the gap.

    Raises:
        OptionError: an option is not valid, or the solver does not solve every objective.
    """

    def __init__(self, who: str, layer: SolverLayer, strength: float, max_solves: int, tolerance: float) -> None:
        check_layer(f"{who}: layer", layer)
        self.strength = positive(f"{who}: strength", strength)
        self.max_solves = positive_int(f"{who}: max_solves", max_solves)
        self.tolerance = not_negative(f"{who}: tolerance", tolerance)
        self._who = who
        if not layer.spec.capabilities.negative_objectives:
            raise OptionError(
                f"{who}: expected a solver for objectives of any sign, found {layer.spec.id!r}, for which entries of "
                "one sign are out of bounds",
                hint="noise that keeps signs smooths these: PerturbedFenchelYoung(layer, noise='multiplicative')",
            )

    def maximisers(self, batch: Batch) -> Hull:
        """``argmax <theta, y> - lambda |y|^2 / 2`` over the hull of all solutions: the nearest point to theta / lambda.

        Raises:
            OptionError: the solver has terms of its own, whose hull is another.
        """
        refuse_transforms(self._who)
        if not batch.solve.homogeneous:
            raise OptionError(
                f"{self._who}: expected a solver whose objective is all given, found one with terms of its own, such "
                "as costs of variables that are not learned",
                hint="estimator='implicit' differentiates quadratic programs; PerturbedFenchelYoung takes any solver",
            )
        with torch.no_grad():
            goal = batch.theta.detach() / self.strength
            return nearest(goal, batch.solve, steps=self.max_solves, tolerance=self.tolerance)

    def __repr__(self) -> str:
        return f"strength={self.strength:g}, max_solves={self.max_solves}, tolerance={self.tolerance:g}"


class RegularisedFrankWolfe(nn.Module):
    """``argmax <theta, y> - lambda |y|^2 / 2`` over the convex hull of all solutions, with its derivative.

    A smoothed solver without noise: the nearest point of the hull to theta / lambda, a mean of a few solutions, which
    moves continuously with theta. It is found by solves alone, about as many as solutions are in the mean, each in one
    batch. The derivative is ``P / lambda``, P the projection onto the directions between these solutions; it takes no
    solve. The larger lambda, the more solutions are mixed; as it falls, the best solution alone is left.

    The layer lends its solver, instance and sense; its estimator, noise, output and mode do not matter. Its own
    `layer.eval()` gives decisions.

    Args:
        layer: a layer made by `imle.layer`, of a solver for objectives of any sign without terms of its own.
        strength: lambda, in units of the objective.
        max_solves: how often a row is solved at most.
        tolerance: a row is done once no solution is better than its point by more, relative to the sizes of both.

    Raises:
        OptionError: an option is not valid, or the solver is none for this.

    Source: Dalle, Baty, Bouvier & Parmentier 2022, section 3.2, with ``|y|^2 / 2`` for Omega and Wolfe's corrections;
    it is SparseMAP, Niculae et al. 2018.

    Example::

        >>> import imle, torch
        >>> smooth = imle.losses.RegularisedFrankWolfe(imle.layer("topk", k=1), strength=1.0)
        >>> scores = torch.tensor([[0.5, 0.2, -1.0]], requires_grad=True)
        >>> mean = smooth(scores)
        >>> mean[0, 0].backward()
        >>> [round(x, 2) for x in mean[0].tolist()], scores.grad.tolist()
        ([0.65, 0.35, 0.0], [[0.5, -0.5, 0.0]])
    """

    def __init__(
        self, layer: SolverLayer, *, strength: float = 1.0, max_solves: int = 1000, tolerance: float = 1e-8
    ) -> None:
        super().__init__()
        self.regularisation = Regularisation(type(self).__name__, layer, strength, max_solves, tolerance)
        self.layer = layer

    @interpreted
    def forward(self, objective: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The regularised maximisers of a batch.

        Args:
            objective: `[*batch, *event]`, scores or costs, as the layer takes it.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            `[*batch, *event]`; 0 in rows that failed, with on_failure="zero-grad".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = plain(self.layer, objective, rows)
        hull = self.regularisation.maximisers(batch)
        mean: Tensor = Nearest.apply(batch.theta, hull, self.regularisation.strength)  # type: ignore[no-untyped-call]
        seen = self.layer.as_seen(mean, batch.solve, objective.dtype)
        return seen.reshape(objective.shape)

    def extra_repr(self) -> str:
        return repr(self.regularisation)


class RegularisedFenchelYoung(SolverLoss):
    """Omega*(theta) + Omega(y) - <theta, y> for ``Omega(y) = lambda |y|^2 / 2`` on the hull of all solutions.

    With y^ the regularised maximiser (see `RegularisedFrankWolfe`) it is
    ``<theta, y^ - y> + lambda (|y|^2 - |y^|^2) / 2``: never negative, convex in theta, and 0 only where y^ = y, so that
    the known solution y may be any point of the hull.
    The gradient is ``y^ - y``, exact and without noise; its entries are in [-1, 1] for 0/1 solutions.

    A row's value and gradient depend on nothing but its own theta and y.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        strength, max_solves, tolerance: as for `RegularisedFrankWolfe`.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid, or the solver is none for this.

    Source: Blondel, Martins & Niculae 2020, definition 2 and proposition 2; Dalle et al. 2022, section 3.2.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.RegularisedFenchelYoung(imle.layer("topk", k=1))
        >>> scores = torch.tensor([[0.5, 0.2, -1.0]], requires_grad=True)
        >>> value = loss(scores, torch.tensor([[1, 0, 0]]))
        >>> value.backward()
        >>> round(value.item(), 4), [round(x, 2) for x in scores.grad[0].tolist()]
        (0.1225, [-0.35, 0.35, 0.0])
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        strength: float = 1.0,
        max_solves: int = 1000,
        tolerance: float = 1e-8,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, reduction=reduction)
        self.regularisation = Regularisation(type(self).__name__, layer, strength, max_solves, tolerance)

    @interpreted
    def forward(self, objective: Tensor, solution: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]`, scores or costs, as the layer takes it.
            solution: `[*batch, *event]` known solutions y, any real dtype.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        y = self.solutions(solution, batch, objective)
        hull = self.regularisation.maximisers(batch)
        mean = hull.point.reshape(y.shape).to(y)
        squares = (y.square() - mean.square()).flatten(1).sum(dim=1)
        values = inner(batch.theta, mean - y) + self.regularisation.strength * squares / 2
        return self.reduced(values, hull.valid, batch)

    def extra_repr(self) -> str:
        return f"{self.regularisation!r}, {super().extra_repr()}"


class Nearest(torch.autograd.Function):
    """The point of a hull that is nearest to theta / lambda: `[B, *event]`."""

    @staticmethod
    def forward(theta: Tensor, hull: Hull, strength: float) -> Tensor:
        return hull.point.reshape(theta.shape).to(theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        theta, ctx.hull, ctx.strength = inputs
        ctx.save_for_backward(theta)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        gradient: Tensor = NearestGradient.apply(dy, *ctx.saved_tensors, ctx.hull, ctx.strength)  # type: ignore[no-untyped-call]
        return gradient, None, None


class NearestGradient(OnceDifferentiable):
    """Its gradient."""

    @staticmethod
    def forward(dy: Tensor, theta: Tensor, hull: Hull, strength: float) -> Tensor:
        """dy times the derivative in theta, at which only torch looks, to find what it must not do."""
        moved = hull.projected(dy.flatten(1)) / strength
        if hull.valid is not None:
            moved = torch.where(hull.valid.unsqueeze(1), moved, torch.zeros_like(moved))
        return moved.reshape(dy.shape)
