"""Small feasible sets whose solutions can all be listed, and layers over them."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import nnls

import imle
from support.solvers import EnumerationSolver, assignments, k_subsets, knapsacks, lattice_paths

SETS = {
    "3-of-6": k_subsets(6, 3),
    "knapsack of 8": knapsacks([2, 3, 4, 5, 6, 7, 8, 9], 20),
    "paths on 3x3": lattice_paths(3),
    "assignments 4x4": assignments(4),
}


def layer_over(solutions: np.ndarray, sense: str = "max", **options: object) -> imle.SolverLayer:
    return imle.layer(EnumerationSolver(sense), solutions=solutions, **options)


def table(name: str) -> torch.Tensor:
    """All solutions of a set, `[M, n]`."""
    return torch.from_numpy(SETS[name])


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def best(theta: torch.Tensor, solutions: torch.Tensor) -> torch.Tensor:
    """argmax <theta, z> by enumeration, `[*, n]` to `[*, n]`."""
    return solutions[(theta @ solutions.T).argmax(dim=-1)]


def nearest(theta: torch.Tensor, solutions: torch.Tensor) -> torch.Tensor:
    """The points of the hull of all solutions that are nearest to theta, `[B, n]`, by non-negative least squares.

    The least |sum_k w_k (z_k - theta)|^2 + (sum_k w_k - 1)^2 with w >= 0 has its weights, times a factor.
    """
    points = []
    for row in theta.numpy():
        corners = solutions.numpy()
        system = np.concatenate([(corners - row).T, np.ones((1, len(corners)))])
        weights, _ = nnls(system, np.append(np.zeros(len(row)), 1.0))
        points.append(weights @ corners / weights.sum())
    return torch.from_numpy(np.array(points))
