"""Feasible sets of which all points are listed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fuzz.judging import Expected
from imle.solvers import SolveStatus

Floats = NDArray[np.float64]


class Listed:
    """What enumeration knows.

    Args:
        points: `[M, *shape]`, all different, also those that only a tolerance lets in.
        fixed: `[M]` what terms that are not learned add, in the solver's sense, at their best; by default nothing.
        sure: `[M]` which points are feasible by any reading of the data; by default all. Of those that are not, the
            best value may be missed.
        precision: how far from the best value an optimum may be, relative to the largest term.
        why: what is wrong with a solution that is not listed.
    """

    def __init__(
        self,
        points: Floats,
        *,
        fixed: Floats | None = None,
        sure: NDArray[np.bool_] | None = None,
        precision: float = 1e-9,
        why: Callable[[Floats], str] = lambda solution: "no such solution",
    ) -> None:
        points = np.asarray(points, np.float64)
        self._shape = points.shape[1:]
        self.points = np.ascontiguousarray(points.reshape(len(points), int(np.prod(self._shape)))) + 0.0
        self._fixed = np.zeros(len(points)) if fixed is None else fixed
        self._sure = np.ones(len(points), bool) if sure is None else sure
        self._precision = precision
        self._why = why
        self._place = {point.tobytes(): place for place, point in enumerate(self.points)}

    def best(self, objectives: Floats, sign: int) -> NDArray[np.int64]:
        """`[N]` the places of best points among those that are sure; there has to be one."""
        return np.flatnonzero(self._sure)[np.argmin(sign * self._values(objectives)[:, self._sure], axis=1)]

    def expected(self, objectives: Floats, sign: int) -> list[Expected]:
        if not self._sure.any():
            kind = "open" if len(self.points) else "infeasible"
            return [Expected(kind, np.nan)] * len(objectives)  # type: ignore[arg-type]
        values = self._values(objectives)
        return [Expected("optimal", float(values[n, place])) for n, place in enumerate(self.best(objectives, sign))]

    def _values(self, objectives: Floats) -> Floats:
        found: Floats = objectives.reshape(len(objectives), -1) @ self.points.T + self._fixed
        return found

    def fault(self, solution: Floats) -> str:
        flat = np.ascontiguousarray(solution, np.float64).ravel() + 0.0
        return "" if flat.tobytes() in self._place else self._why(solution)

    def value(self, objective: Floats, solution: Floats, sign: int) -> float:
        flat = np.ascontiguousarray(solution, np.float64).ravel() + 0.0
        return float(objective.ravel() @ flat + self._fixed[self._place[flat.tobytes()]])

    def pardons(self, objective: Floats, status: SolveStatus, sign: int) -> bool:
        return False

    def slack(self, objective: Floats, solution: Floats) -> float:
        fixed = np.abs(self._fixed[np.isfinite(self._fixed)]).max(initial=0.0)
        terms = np.abs(objective.ravel()) * np.maximum(1.0, np.abs(solution.ravel()))
        return self._precision * float(max(terms.max(initial=0.0), fixed))

    def rounded(self, objective: Floats, solution: Floats, sign: int) -> float:
        del objective, solution, sign
        return 0.0  # the best of a list is found by the same sums
