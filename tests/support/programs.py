"""Small integer programs, solved by looking at every point of their box: matrix and right side can be learned."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from imle.errors import InstanceError
from imle.plugins import Parameter, SolverSpec
from imle.solvers import BasePrepared, BaseSolver, SolveResult, SolveStatus

BOX = SolverSpec(
    id="box-program",
    summary="max <c, x> with A x <= b over whole numbers from 0 to 3",
    problem="ilp",
    sense="max",
    target="support.programs:BoxProgramSolver",
    instance=(
        Parameter("A", "matrix", doc="left side", learned="real"),
        Parameter("b", "vector | None", None, "right side", per_row=True, learned="real"),
    ),
)
LARGEST = 3


@dataclass(frozen=True)
class BoxProgramSolver(BaseSolver, spec=BOX):
    """Refuses matrices with a negative entry, and has no solution where a right side is negative."""

    def prepare(self, A, b=None):
        matrix = np.asarray(A, float)
        if matrix.ndim != 2:
            raise InstanceError(f"box-program: A: expected a matrix, found shape {list(matrix.shape)}")
        if (matrix < 0).any():
            raise InstanceError(f"box-program: A: expected no negative entries, found {matrix.min():g}")
        return PreparedBox(matrix, None if b is None else np.asarray(b, float))


class PreparedBox(BasePrepared):
    def __init__(self, matrix, right):
        self.right = right
        self.points = np.array(list(itertools.product(range(LARGEST + 1), repeat=matrix.shape[1])), float)
        self.loads = self.points @ matrix.T

    @property
    def objective_shape(self):
        return (self.points.shape[1],)

    def solve(self, objective, *, b=None):
        right = np.tile(self.right, (len(objective), 1)) if b is None else np.asarray(b, float)
        fits = (self.loads <= right[:, None, :]).all(axis=2)
        values = np.where(fits, objective @ self.points.T, -np.inf)
        status = np.where(fits.any(axis=1), SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE).astype(np.int8)
        messages = {int(n): "no point fits" for n in np.flatnonzero(status)}
        return SolveResult(self.points[values.argmax(axis=1)], status, values.max(axis=1), messages)
