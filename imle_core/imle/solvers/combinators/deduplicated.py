"""Deduplicated: rows that occur more than once in a batch are solved once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper, solve_checked, solve_rows
from imle.solvers.keys import duplicates, name_rows
from imle.solvers.protocol import Solver
from imle.solvers.result import SolveResult
from imle.solvers.rows import row_parameters


@dataclass(frozen=True)
class Deduplicated(Wrapper):
    """Solves rows once whose objectives and row parameters are the same, bit by bit.

    The counter `duplicate_rows` says how many rows were not solved for that reason.

    Args:
        solver: solves the rows that are left, in their order; a hint is that of the first of equal rows.

    Raises:
        OptionError: not a solver.
    """

    solver: Solver

    def prepare(self, **instance: Any) -> PreparedDeduplicated:
        """Bind the solver inside to an `instance`."""
        return PreparedDeduplicated(self.solver.prepare(**instance))


class PreparedDeduplicated(PreparedWrapper):
    """A prepared solver that is given no row twice."""

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve `[N, *shape]` objectives, equal ones once.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        found = duplicates(name_rows(objective, row_parameters(given)))
        if found is None:
            return solve_checked(self.inner, objective, given)
        first, inverse = found
        result = solve_rows(self.inner, objective, given, first)
        messages = result.messages
        if messages:
            messages = {n: messages[m] for n, m in enumerate(inverse.tolist()) if m in messages}
        return SolveResult(
            result.solutions[inverse],
            None if result.status is None else result.status[inverse],
            None if result.values is None else result.values[inverse],
            messages,
            {**result.counters, "duplicate_rows": len(inverse) - len(first)},
            result.advice,
            result.seconds,
            None if result.bound is None else result.bound[inverse],
            {name: own[inverse] for name, own in result.duals.items()},
        )
