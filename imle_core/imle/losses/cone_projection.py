"""Projecting scores onto the cones of constraints that bind solutions: a batched interior-point method."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from imle.layers.normal_cones import Normals

_ITERATIONS = 60
_COMPLEMENTARY = 1e-13
"""Products of multipliers and their duals, on average, at which a point is called nearest; scores are of size 1."""
_RIDGE, _LEAST_RIDGE = 1e-9, 1e-13
"""Of multipliers, in squares of lengths: without it those of vectors that cancel grow without a limit. It moves
the nearest point by about as much. The least one only keeps factorisations going, and iterates where they are."""
_BOUNDARY = 0.99
"""The share of the way to the boundary of a step."""


class Generators:
    """The vectors that span the cones of a batch as a matrix K `[B, M, n]`, of which unit vectors are not written out.

    Args:
        normals: of solutions with n entries each. Multipliers `[B, M]` are those of its rows, of lower bounds, of upper
            bounds.
    """

    def __init__(self, normals: Normals) -> None:
        self._rows = normals.rows.flatten(2)
        at_lower, at_upper = normals.at_lower.flatten(1), normals.at_upper.flatten(1)
        self._unit = torch.cat([-at_lower.double(), at_upper.double()], dim=1)  # [B, 2 n]

    @cached_property
    def there(self) -> Tensor:
        """`[B, M]` 1 for vectors, 0 for zeros that stand for none."""
        return torch.cat([(self._rows != 0).any(dim=2).double(), self._unit.abs()], dim=1)

    @cached_property
    def count(self) -> Tensor:
        """`[B, 1]` how many vectors there are."""
        return self.there.sum(dim=1, keepdim=True)

    def products(self, vectors: Tensor) -> Tensor:
        """K v: `[B, n]` to `[B, M]`."""
        along = (vectors.unsqueeze(1) @ self._rows.mT).squeeze(1)
        return torch.cat([along, self._unit * vectors.repeat(1, 2)], dim=1)

    def combine(self, multipliers: Tensor) -> Tensor:
        """K' lambda: `[B, M]` to `[B, n]`."""
        rows, unit = self._split(multipliers)
        return (rows.unsqueeze(1) @ self._rows).squeeze(1) + _folded(unit * self._unit)

    def gram(self, weights: Tensor) -> Tensor:
        """K' W K with the `[B, M]` diagonal of W: `[B, n, n]`."""
        rows, unit = self._split(weights)
        return torch.diag_embed(_folded(unit * self._unit.abs())) + (self._rows * rows.unsqueeze(2)).mT @ self._rows

    @property
    def longest(self) -> Tensor:
        """`[B, 1]` the length of the longest vector, at least 1."""
        lengths = torch.linalg.vector_norm(self._rows, dim=2)
        return torch.cat([lengths, lengths.new_ones(len(lengths), 1)], dim=1).amax(dim=1, keepdim=True)

    @property
    def at_length_1(self) -> Generators:
        """The same cones, all vectors at length 1."""
        lengths = torch.linalg.vector_norm(self._rows, dim=2, keepdim=True)
        found = copy(self)
        found._rows = self._rows / lengths.where(lengths > 0, 1.0)
        return found

    @property
    def mean(self) -> Tensor:
        """`[B, n]` that of the vectors."""
        return self.combine(self.there) / self.count.clamp(min=1)

    def _split(self, multipliers: Tensor) -> tuple[Tensor, Tensor]:
        count = self._rows.shape[1]
        return multipliers[:, :count], multipliers[:, count:]


def _folded(values: Tensor) -> Tensor:
    """Of lower bounds plus of upper bounds: `[B, 2 n]` to `[B, n]`."""
    lower, upper = values.chunk(2, dim=1)
    return lower + upper


class _Iterate(NamedTuple):
    """A point of the method, or a step between two: multipliers x, their slacks s, duals z, and the homogenising pair.

    Attributes:
        x, s, z: `[B, M]`.
        tau, kappa: `[B, 1]`.
    """

    x: Tensor
    s: Tensor
    z: Tensor
    tau: Tensor
    kappa: Tensor

    def moved(self, by: _Iterate, share: Tensor) -> _Iterate:
        return _Iterate(*(here + share * step for here, step in zip(self, by, strict=True)))


class _Program:
    """min x' P x / 2 + q' x over x >= 0 with P = 2 K K' + ridge: whose combinations K' x are nearest to scores."""

    def __init__(self, theta: Tensor, cones: Generators, ridge: float) -> None:
        self.cones, self.target = cones, -2 * cones.products(theta)
        self._ridge = ridge * cones.longest.square()

    def curve(self, x: Tensor, combined: Tensor) -> Tensor:
        """P x, where K' x is known."""
        return 2 * self.cones.products(combined) + self._ridge * x

    def curved(self, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
        """x' P y, `[B, 1]`, for (x, K' x) and (y, K' y)."""
        return 2 * _dot(one[1], other[1]) + self._ridge * _dot(one[0], other[0])

    def factor(self, diagonal: Tensor) -> Tensor:
        """What `inverse` solves with: there are more vectors than entries, so that it is `[B, n, n]`."""
        gram = self.cones.gram(self.cones.there / (diagonal + self._ridge))
        gram.diagonal(dim1=1, dim2=2).add_(0.5)
        factor: Tensor = torch.linalg.cholesky(gram)
        return factor

    def inverse(self, factor: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
        """(P + D)^-1 r, by the identity of Woodbury."""
        scaled = right / (diagonal + self._ridge)
        inner = torch.cholesky_solve(self.cones.combine(scaled).unsqueeze(2), factor).squeeze(2)
        return scaled - self.cones.products(inner) / (diagonal + self._ridge)

    def start(self) -> _Iterate:
        """The minimiser for P + 1 without bounds, with slacks and duals moved inside."""
        ones = torch.ones_like(self.target)
        x = self.inverse(self.factor(ones), ones, -self.target)
        return _Iterate(x, self._inside(x), self._inside(-x), ones[:, :1], ones[:, :1])

    def _inside(self, values: Tensor) -> Tensor:
        """Values moved alike, until all are well above 0; 1 where no vector is."""
        there = self.cones.there > 0
        least = values.masked_fill(~there, torch.inf).amin(dim=1, keepdim=True)
        mean = (values.clamp(min=0) * there).sum(dim=1, keepdim=True) / self.cones.count.clamp(min=1)
        goal = (0.1 * mean).clamp(min=1.0)
        return (values + (goal - least).clamp(min=0.0)).masked_fill(~there, 1.0)


class _Steps:
    """The steps from an iterate: one factorisation for all of them."""

    def __init__(self, program: _Program, point: _Iterate) -> None:
        x, s, z, tau, kappa = point
        self._program, self._point = program, point
        self._stiffness = z / s
        self._factor = program.factor(self._stiffness)
        self._toward = program.inverse(self._factor, self._stiffness, -program.target)
        combined, there = program.cones.combine(x), program.cones.there
        self._left = (
            there * (z - program.curve(x, combined)) - program.target * tau,
            there * (s - x),
            _dot(program.target, x) + kappa + program.curved((x, combined), (x, combined)) / tau,
        )
        self._here = x / tau, combined / tau
        toward = self._toward, program.cones.combine(self._toward)
        self._slope = kappa / tau - _dot(program.target, self._toward)
        self._slope += program.curved(self._here, self._here) - 2 * program.curved(self._here, toward)

    def step(self, share: Tensor | float, products: Tensor, product_of_pair: Tensor) -> _Iterate:
        """The step that removes a share of what is left, and brings products of slacks and duals down by these."""
        program, (_, _, z, tau, kappa) = self._program, self._point
        of_x, of_z, of_tau = (share * part for part in self._left)
        offset = program.cones.there * products / z
        middle = offset - of_z
        first = program.inverse(self._factor, self._stiffness, of_x - middle * self._stiffness)
        along = program.curved(self._here, (first, program.cones.combine(first)))
        step_tau = (of_tau - product_of_pair / tau + _dot(program.target, first) + 2 * along) / self._slope
        step_x = first + step_tau * self._toward
        step_z = -(middle + step_x) * self._stiffness
        step_s = -(step_z / self._stiffness + offset)
        return _Iterate(step_x, step_s, step_z, step_tau, -(product_of_pair + kappa * step_tau) / tau)


def project(theta: Tensor, cones: Generators, iterations: int | None = None) -> Tensor:
    """The points of cones that are nearest to scores, or points inside on the way there.

    It solves ``min_x ||K' x - theta||^2, x >= 0`` for all rows at once, by the primal-dual method of the solver
    Clarabel: the homogeneous embedding of the quadratic program with Mehrotra's predictor and corrector, from the same
    start. With a number of iterations it is where Clarabel, without equilibration and presolve, is by then. That
    depends on the lengths of vectors.

    Args:
        theta: `[B, n]` float64, of a size about 1: where iterations are few, points depend on it.
        cones: the vectors K.
        iterations: how many; None goes on until the nearest point is found, up to about 1e-8.

    Returns:
        `[B, n]`; theta itself where there are no vectors.

    Source: Goulart & Chen 2024, arXiv 2405.12762.
    """
    program = _Program(theta, cones, _LEAST_RIDGE) if iterations else _Program(theta, cones.at_length_1, _RIDGE)
    cones, point = program.cones, program.start()
    moving = torch.ones_like(point.tau)
    for iteration in range(iterations or _ITERATIONS):
        _, s, z, tau, kappa = point
        mean_product = (_dot(cones.there * s, z) + tau * kappa) / (cones.count + 1)
        moving = moving * (mean_product > _COMPLEMENTARY * tau.square())
        if not moving.any():
            break
        steps = _Steps(program, point)
        affine = steps.step(1.0, s * z, tau * kappa)
        reach = _reach(point, affine)
        kept = (1 - reach) ** 3
        trust = reach if iteration == 0 else 1.0  # the start may be far from the centre
        products = s * z + trust * affine.s * affine.z - kept * mean_product
        step = steps.step(1 - kept, products, tau * kappa + trust * affine.tau * affine.kappa - kept * mean_product)
        point = point.moved(step, _BOUNDARY * _reach(point, step) * moving)
    return torch.where(cones.count > 0, cones.combine(point.x / point.tau), theta)


def _reach(point: _Iterate, step: _Iterate) -> Tensor:
    """`[B, 1]` the largest share of a step, up to 1, that leaves all positive."""
    here = torch.cat([point.s, point.z, point.tau, point.kappa], dim=1)
    by = torch.cat([step.s, step.z, step.tau, step.kappa], dim=1)
    return torch.where(by < 0, -here / by, 1.0).amin(dim=1, keepdim=True).clamp(max=1.0)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    """`[B, 1]`."""
    return (left * right).sum(dim=1, keepdim=True)
