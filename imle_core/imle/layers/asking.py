"""Asking a solver for the solutions of some rows, whatever it makes of single ones of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from imle.errors import ImleError, SolverContractError
from imle.solvers.combinators.rows import Part, between, join
from imle.solvers.contract import checked
from imle.solvers.protocol import PreparedSolver
from imle.solvers.result import SolveResult, SolveStatus
from imle.solvers.stopping import first_failure_ends

log = logging.getLogger("imle.layers")


class Answer(NamedTuple):
    """What a solver said.

    Attributes:
        result: of all rows, checked.
        cause: the exception of the first row that has one.
    """

    result: SolveResult
    cause: Exception | None = None


def ask(prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], *, tolerant: bool) -> Answer:
    """Solve rows. Those for which the solver raises are found, and have status `error`, as if it had said so.

    The solver is asked again for ever smaller halves of what it raised for, down to single rows. `Parallel` does the
    same with chunks, so that executors change nothing.

    Args:
        prepared: the solver.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`, one entry per row each.
        tolerant: errors of imle that name a row are that row's, too; else they are raised.

    Raises:
        ImleError: what the solver raises about all rows.
        SolverContractError: it returned something else than the protocol asks for.
    """
    token = first_failure_ends.set(not tolerant)
    try:
        try:
            return Answer(checked(prepared.solve(objective, **given), objective.shape))
        except Exception as error:  # a third-party solver may raise anything
            if isinstance(error, ImleError) and not _of_a_row(error, tolerant):
                raise
            first = error
        search = _Search(prepared, objective, given, tolerant)
        search.divide(0, len(objective), first)
        return Answer(search.result(), search.cause)
    finally:
        first_failure_ends.reset(token)


@dataclass
class _Search:
    """Rows of one call that raised, while the ones to blame are looked for."""

    prepared: PreparedSolver
    objective: Any
    given: Mapping[str, Any]
    tolerant: bool
    cause: Exception | None = None
    parts: list[Part] = field(default_factory=list)
    repeated: int = 0

    def divide(self, start: int, stop: int, error: Exception) -> None:
        """Rows for which the solver raised."""
        if stop - start > 1:
            middle = (start + stop) // 2
            self.repeated += stop - start
            self._solve(start, middle)
            self._solve(middle, stop)
            return
        self.cause, first = self.cause or error, self.cause is None
        if isinstance(error, ImleError):
            message = error.message
        else:
            message = f"{type(error).__name__}: {error}"
            if first and self.tolerant:  # else it is raised; one traceback tells more than hundreds
                log.warning("row %d: %s", start, "".join(traceback.format_exception(error)))
        self.parts.append(Part(start, stop, None, SolveStatus.ERROR, message))

    def _solve(self, start: int, stop: int) -> None:
        objective = self.objective[start:stop]
        try:
            found = self.prepared.solve(objective, **between(self.given, start, stop))
        except ImleError as error:
            if error.row is not None:
                error.row += start
            if not _of_a_row(error, self.tolerant):
                raise
            raised: Exception = error
        except Exception as error:
            raised = error
        else:
            self.parts.append(Part(start, stop, checked(found, objective.shape)))
            return
        self.divide(start, stop, raised)  # out here, errors do not become the context of others

    def result(self) -> SolveResult:
        """Of all rows."""
        joined = join(self.parts, self.objective)
        counters = {**joined.counters, "repeated_rows": joined.counters.get("repeated_rows", 0) + self.repeated}
        return replace(joined, counters=counters)


def _of_a_row(error: ImleError, tolerant: bool) -> bool:
    """Whether an error is how a row failed. A broken contract never is."""
    return tolerant and error.row is not None and not isinstance(error, SolverContractError)
