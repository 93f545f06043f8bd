"""Solvers over an explicit list of solutions: the definition of argmax, and the oracle of the exact tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.solvers import SolveResult, SolveStatus


def k_subsets(n: int, k: int) -> np.ndarray:
    """All 0/1 vectors of length n with k ones."""
    return np.array([[float(i in chosen) for i in range(n)] for chosen in itertools.combinations(range(n), k)])


def knapsacks(sizes: list[float], capacity: float) -> np.ndarray:
    """All 0/1 vectors whose total size fits."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=len(sizes))))
    return vectors[vectors @ np.array(sizes) <= capacity]


def lattice_paths(size: int) -> np.ndarray:
    """All monotone paths from corner to corner of a size x size grid, as 0/1 vectors over its edges."""
    edges = [((i, j), (i + 1, j)) for i in range(size - 1) for j in range(size)]
    edges += [((i, j), (i, j + 1)) for i in range(size) for j in range(size - 1)]
    paths = []
    for downs in itertools.combinations(range(2 * size - 2), size - 1):
        cell, path = (0, 0), np.zeros(len(edges))
        for step in range(2 * size - 2):
            following = (cell[0] + 1, cell[1]) if step in downs else (cell[0], cell[1] + 1)
            path[edges.index((cell, following))] = 1
            cell = following
        paths.append(path)
    return np.array(paths)


def assignments(n: int) -> np.ndarray:
    """All n x n permutation matrices, flattened."""
    return np.array([np.eye(n)[list(order)].ravel() for order in itertools.permutations(range(n))])


@dataclass(frozen=True)
class EnumerationSolver:
    """Optimise over the rows of `solutions`; the first of equals wins. A solution list may be empty: infeasible."""

    sense: str = "max"
    array: ClassVar[str] = "numpy"

    def prepare(self, solutions):
        solutions = np.asarray(solutions, dtype=float)
        if solutions.ndim != 2:
            raise InstanceError(f"enumeration: solutions: expected [M, n], found {list(solutions.shape)}")
        return PreparedEnumeration(solutions, self.sense)


class PreparedEnumeration:
    def __init__(self, solutions, sense):
        self.solutions = solutions
        self.sense = sense
        self.hints = []
        self.closed = 0
        self.objective_shape = (solutions.shape[1],)

    def solve(self, objective, *, hint=None):
        assert objective.dtype == np.float64
        assert objective.flags.c_contiguous
        assert objective.ndim == 2
        self.hints.append(hint)
        if not len(self.solutions):
            rows = len(objective)
            status = np.full(rows, SolveStatus.INFEASIBLE, dtype=np.int8)
            return SolveResult(np.full(objective.shape, np.nan), status, messages={0: "the list is empty"})
        values = objective @ self.solutions.T
        best = values.argmax(axis=1) if self.sense == "max" else values.argmin(axis=1)
        return SolveResult(self.solutions[best])

    def close(self):
        self.closed += 1


@dataclass(frozen=True)
class ThresholdSolver:
    """Picks every positive score, but fails on rows whose first score is above `limit`, as a backend would."""

    limit: float = 10.0
    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"

    def prepare(self):
        return PreparedThreshold(self.limit)


@dataclass(frozen=True)
class PreparedThreshold:
    limit: float
    objective_shape: ClassVar[tuple[None]] = (None,)
    homogeneous: ClassVar[bool] = False

    def solve(self, objective, *, hint=None):
        bad = objective[:, 0] > self.limit
        solutions = np.where(bad[:, None], np.nan, objective > 0)
        status = np.where(bad, SolveStatus.TIMEOUT, SolveStatus.OPTIMAL).astype(np.int8)
        return SolveResult(solutions, status, counters={"positive": int((objective > 0).sum())})

    def close(self):
        pass


@dataclass(frozen=True)
class Worst:
    """Always the worst of the listed solutions."""

    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"

    def prepare(self, solutions):
        return PreparedEnumeration(np.asarray(solutions, dtype=float), "min")
