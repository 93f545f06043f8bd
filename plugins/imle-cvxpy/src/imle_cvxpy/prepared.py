"""PreparedProblem: many objectives over one problem, whose other Parameters may differ from row to row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from imle.solvers import BasePrepared, FixedTerms, RowResults, Sense, SolveResult
from imle_cvxpy.canonical import Canonical, Longs
from imle_cvxpy.learned import Learned
from imle_cvxpy.programs import bounds, program, right_sides, separated, structural
from imle_cvxpy.values import Values
from imle_linear.arrays import Floats
from imle_linear.prepared import PreparedProgram
from imle_linear.program import LinearProgram

_KEPT = 32
"""Programs that are kept where Parameters stand in more than right sides and bounds."""


class PreparedProblem(BasePrepared):
    """A problem, canonicalised once.

    Args:
        who: the solver, for messages.
        sense: how objectives are read.
        read: the problem.
        learned: which of its coefficients objectives are.
        values: those of the other Parameters.
        bind: makes a solver of a linear program.

    Raises:
        InstanceError: the problem has coefficients that no engine can keep.
    """

    def __init__(
        self,
        who: str,
        sense: Sense,
        read: Canonical,
        learned: Learned,
        values: Values,
        bind: Callable[[LinearProgram], PreparedProgram],
    ) -> None:
        self._who, self._sense, self._learned, self._values, self._bind = who, sense, learned, values, bind
        self._read, self._numbers = separated(read, learned)
        self._structural = structural(self._read)
        # right sides may still be missing, the matrix may not
        self._common = self._program(values.fixed) if values.known(self._structural) else None
        self._kept = lru_cache(maxsize=_KEPT)(self._program_of)

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """That of the learned Parameter or Variable; of several, and of numbers, `(k,)`."""
        return self._learned.shape

    @property
    def labels(self) -> list[str]:
        """Names of the variables that coefficients belong to; of Parameters' entries where these multiply more."""
        return [self._read.names[number] for number in self._numbers]

    @property
    def homogeneous(self) -> bool:
        """Whether all terms of the objective are learned, but for a constant."""
        return not self._read.objective[:-1].nnz

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """What terms add that are not learned, see `PreparedProgram.fixed_terms`; None if nothing does."""
        return self._fixed_terms if self._read.objective.nnz else None

    def solve(self, objective: Floats, *, values: Sequence[Any] | None = None) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, *shape]`.
            values: N mappings from names of Parameters to values, or vectors of all their values.

        Raises:
            InstanceError: a value is missing, unknown or of another shape (names the row).
        """
        found = RowResults(self._who, self._sense, objective, self.objective_shape)
        flat = found.objective.reshape(len(objective), -1)
        solutions, known = found.solutions.reshape(flat.shape), np.zeros(len(flat))
        for rows, inner, own in self._groups(values, len(flat)):
            result = inner.solve(flat[rows], **own)
            assert result.status is not None
            assert result.values is not None
            solutions[rows], found.status[rows], known[rows] = result.solutions, result.status, result.values
            if result.bound is not None:
                found.bounds[rows] = result.bound
            found.messages.update({int(rows[row]): message for row, message in result.messages.items()})
            found.counters.update(result.counters)
        return found.result(known)

    def close(self) -> None:
        """Free the native models."""
        self._kept.cache_clear()
        if self._common is not None:
            self._common.close()

    def _fixed_terms(self, solutions: Floats, *, values: Sequence[Any] | None = None) -> Floats:
        flat = np.reshape(solutions, (len(solutions), -1))
        found = np.full(len(flat), np.nan)
        for rows, inner, own in self._groups(values, len(flat)):
            terms = inner.fixed_terms
            found[rows] = 0.0 if terms is None else terms(flat[rows], **own)
        return found

    def _groups(self, values: Sequence[Any] | None, count: int) -> list[tuple[Longs, PreparedProgram, dict[str, Any]]]:
        """Rows that share a linear program, each with what they have of their own."""
        every = np.arange(count)
        if values is None:
            self._values.refuse_missing()
            assert self._common is not None
            return [(every, self._common, {})]
        p = self._values.of_rows(values, count)
        if not self._structural.any():
            assert self._common is not None
            return [(every, self._common, self._own(p))]
        shared, inverse = np.unique(p[:, :-1][:, self._structural], axis=0, return_inverse=True)
        groups: list[tuple[Longs, PreparedProgram, dict[str, Any]]] = []
        for number, key in enumerate(shared):
            rows = np.flatnonzero(inverse.ravel() == number)
            groups.append((rows, self._kept(key.tobytes()), self._own(p[rows])))
        return groups

    def _own(self, p: Floats) -> dict[str, Any]:
        below, equal = right_sides(self._read, p)
        own: dict[str, Any] = {"b_ub": below} if below.shape[1] else {}
        if equal.shape[1]:
            own["b_eq"] = equal
        if self._read.bounds_vary:
            own["bounds"] = bounds(self._read, p)
        return own

    def _program_of(self, key: bytes) -> PreparedProgram:
        p = np.full(len(self._structural) + 1, np.nan)
        p[-1] = 1.0
        p[:-1][self._structural] = np.frombuffer(key)
        return self._program(p)

    def _program(self, p: Floats) -> PreparedProgram:
        return self._bind(program(self._who, self._read, self._numbers, p))
