"""PreparedModel: many objectives over one model, whose parameters may differ from row to row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from imle.errors import ObjectiveError
from imle.solvers import (
    BasePrepared,
    FindsNormalCones,
    FixedTerms,
    NormalCones,
    PreparedSolver,
    RowResults,
    Sense,
    SolveResult,
)
from imle_linear.arrays import Floats
from imle_linear.normal_cones import joined
from imle_linear.parametric.affine import Longs
from imle_linear.parametric.program import LearnedTerms, ParametricProgram
from imle_linear.parametric.values import Values
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
        bind_quadratic: makes one of a linear program and Q, `[n, n]`; see `QuadraticTerm`. None if there are no such.

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
        bind: Callable[[LinearProgram], PreparedSolver],
        bind_quadratic: Callable[[LinearProgram, Floats], PreparedSolver] | None = None,
    ) -> None:
        self._who, self._sense, self._shape, self._values = who, sense, learned.shape, values
        self._bind, self._bind_quadratic = bind, bind_quadratic
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
        return self._program.quadratic is None and not (costs.row < costs.size - 1).any()

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """What terms add that are not learned, see `PreparedProgram.fixed_terms`; None if nothing does."""
        nothing = self._program.quadratic is None and not len(self._program.costs.row)
        return None if nothing else self._fixed_terms

    def solve(
        self, objective: Floats, *, values: Sequence[Any] | None = None, duals: Sequence[str] = ()
    ) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, *shape]`.
            values: N mappings from names of parameters to values, or vectors of all their values.
            duals: ("values",) if the result is to have how much optimal values change with each entry of such a
                vector; of models with integers, those of their linear relaxation do.

        Raises:
            InstanceError: a value is missing, unknown or of another shape (names the row).
        """
        found = RowResults(self._who, self._sense, objective, self.objective_shape)
        flat = found.objective.reshape(len(objective), -1)
        solutions, known = found.solutions.reshape(flat.shape), np.zeros(len(flat))
        slopes = np.zeros((len(flat), len(self._values.order)))
        asked = {"duals": self._program.duals} if duals else {}
        for rows, inner, own in self._groups(values, len(flat)):
            result = inner.solve(flat[rows], **own, **asked)
            if duals:
                slopes[rows] = self._program.slopes(result.duals)[:, self._values.order]
            lost = found.status[rows] > 0  # objectives that are not finite
            assert result.values is not None
            solutions[rows], known[rows] = result.solutions, result.values
            found.status[rows] = np.where(lost, found.status[rows], 0 if result.status is None else result.status)
            if result.bound is not None:
                found.bounds[rows] = result.bound
            for row, message in result.messages.items():
                found.messages.setdefault(int(rows[row]), message)
            found.counters.update(result.counters)
        whole = found.result(known)
        return replace(whole, duals={"values": slopes}) if duals else whole

    def solution_vjp(
        self, objective: Floats, cotangents: Floats, *, solutions: Floats, values: Sequence[Any] | None = None
    ) -> Floats:
        """The derivative of solutions in the objective, transposed, times cotangents; 0 of linear programs.

        Args:
            objective, cotangents: `[N, *shape]`.
            solutions: `[N, *shape]` what `solve` gave, rounded or not.
            values: as for `solve`.

        Returns:
            `[N, *shape]`.
        """
        found = np.zeros(np.shape(cotangents))
        flat = found.reshape(len(found), -1)
        given, moved, at = (np.reshape(part, flat.shape) for part in (objective, cotangents, solutions))
        for rows, inner, own in self._groups(values, len(flat)):
            vjp = getattr(inner, "solution_vjp", None)
            if vjp is not None:
                flat[rows] = vjp(given[rows], moved[rows], solutions=at[rows], **own)
        return found

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """Of the linear relaxation, see `PreparedProgram.normal_cones`; None where not all variables are learned."""
        told = self._program.quadratic is None and len(self._numbers) == len(self._program.names)
        return self._normal_cones if told else None

    def close(self) -> None:
        """Free the native models."""
        self._kept.cache_clear()
        if self._common is not None:
            self._common.close()

    def _fixed_terms(self, solutions: Floats, *, values: Sequence[Any] | None = None) -> Floats:
        flat = np.reshape(solutions, (len(solutions), -1))
        found = np.full(len(flat), np.nan)
        for rows, inner, own in self._groups(values, len(flat)):
            terms = getattr(inner, "fixed_terms", None)
            found[rows] = 0.0 if terms is None else terms(flat[rows], **own)
        return found

    def _normal_cones(self, solutions: Floats, *, values: Sequence[Any] | None = None) -> NormalCones:
        flat = np.reshape(solutions, (len(solutions), -1))
        parts = []
        for rows, inner, own in self._groups(values, len(flat)):
            find: FindsNormalCones = inner.normal_cones  # type: ignore[attr-defined]  # of a linear program: it has one
            try:
                parts.append((rows, find(flat[rows], **own)))
            except ObjectiveError as error:
                error.row = None if error.row is None else int(rows[error.row])
                raise
        return joined(parts, solutions.shape)

    def _groups(self, values: Sequence[Any] | None, count: int) -> list[tuple[Longs, PreparedSolver, dict[str, Any]]]:
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
        groups: list[tuple[Longs, PreparedSolver, dict[str, Any]]] = []
        for number, key in enumerate(shared):
            rows = np.flatnonzero(inverse.ravel() == number)
            groups.append((rows, self._kept(key.tobytes()), self._own(p[rows])))
        return groups

    def _own(self, p: Floats) -> dict[str, Any]:
        below, equal = self._program.right_sides(p)
        own: dict[str, Any] = {"b_ub": below} if below.shape[1] else {}
        if equal.shape[1]:
            own["b_eq"] = equal
        if self._program.bounds_vary:
            own["bounds"] = self._program.bounds(p)
        return own

    def _bound_to(self, key: bytes) -> PreparedSolver:
        p = np.full(self._program.width, np.nan)
        p[-1] = 1.0
        p[:-1][self._structural] = np.frombuffer(key)
        return self._bound(p)

    def _bound(self, p: Floats) -> PreparedSolver:
        linear, quadratic = self._program.at(self._who, self._numbers, p), self._program.quadratic
        if quadratic is None:
            return self._bind(linear)
        assert self._bind_quadratic is not None
        return self._bind_quadratic(linear, quadratic.at(p, len(linear.costs)))
