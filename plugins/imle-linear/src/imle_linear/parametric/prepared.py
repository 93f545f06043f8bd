"""PreparedModel: many objectives over one model, whose parameters may differ from row to row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from imle.solvers import BasePrepared, FixedTerms, RowResults, Sense, SolveResult
from imle_linear.arrays import Floats
from imle_linear.parametric.affine import Longs
from imle_linear.parametric.program import LearnedTerms, ParametricProgram
from imle_linear.parametric.values import Values
from imle_linear.prepared import PreparedProgram
from imle_linear.program import LinearProgram

_KEPT = 32
"""Programs that are kept where parameters stand in more than right sides and bounds."""


class PreparedModel(BasePrepared):
    """A model, read once.

    Args:
        who: the solver, for messages.
        sense: how objectives are read.
        program: the model.
        learned: which of its coefficients objectives are.
        values: those of the parameters.
        bind: makes a solver of a linear program.

    Raises:
        InstanceError: the model has coefficients that no engine can keep.
    """

    def __init__(
        self,
        who: str,
        sense: Sense,
        program: ParametricProgram,
        learned: LearnedTerms,
        values: Values,
        bind: Callable[[LinearProgram], PreparedProgram],
    ) -> None:
        self._who, self._sense, self._shape, self._values, self._bind = who, sense, learned.shape, values, bind
        self._program, self._numbers = learned.as_variables(program)
        self._structural = self._program.structural
        # right sides may still be missing, the matrix may not
        self._common = self._bound(values.fixed) if values.known(self._structural) else None
        self._kept = lru_cache(maxsize=_KEPT)(self._bound_to)

    @property
    def objective_shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def labels(self) -> list[str]:
        """Names of the variables that coefficients belong to; of the coefficients where these multiply more."""
        return [self._program.names[number] for number in self._numbers]

    @property
    def homogeneous(self) -> bool:
        """Whether all terms of the objective are learned, but for a constant."""
        costs = self._program.costs
        return not (costs.row < costs.size - 1).any()

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """What terms add that are not learned, see `PreparedProgram.fixed_terms`; None if nothing does."""
        return self._fixed_terms if len(self._program.costs.row) else None

    def solve(self, objective: Floats, *, values: Sequence[Any] | None = None) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, *shape]`.
            values: N mappings from names of parameters to values, or vectors of all their values.

        Raises:
            InstanceError: a value is missing, unknown or of another shape (names the row).
        """
        found = RowResults(self._who, self._sense, objective, self.objective_shape)
        flat = found.objective.reshape(len(objective), -1)
        solutions, known = found.solutions.reshape(flat.shape), np.zeros(len(flat))
        for rows, inner, own in self._groups(values, len(flat)):
            result = inner.solve(flat[rows], **own)
            lost = found.status[rows] > 0  # objectives that are not finite
            assert result.status is not None  # as PreparedProgram has it
            solutions[rows], known[rows] = result.solutions, result.values
            found.status[rows] = np.where(lost, found.status[rows], result.status)
            if result.bound is not None:
                found.bounds[rows] = result.bound
            for row, message in result.messages.items():
                found.messages.setdefault(int(rows[row]), message)
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
        below, equal = self._program.right_sides(p)
        own = {"b_ub": below} if below.shape[1] else {}
        if equal.shape[1]:
            own["b_eq"] = equal
        if self._program.bounds_vary:
            own["bounds"] = self._program.bounds(p)
        return own

    def _bound_to(self, key: bytes) -> PreparedProgram:
        p = np.full(self._program.width, np.nan)
        p[-1] = 1.0
        p[:-1][self._structural] = np.frombuffer(key)
        return self._bound(p)

    def _bound(self, p: Floats) -> PreparedProgram:
        return self._bind(self._program.at(self._who, self._numbers, p))
