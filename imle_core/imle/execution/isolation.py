"""Failing rows are isolated: whatever a solver makes of single rows of a batch, the others are solved."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from imle.errors import ImleError, SolverContractError
from imle.solvers.cancellation import first_failure_ends
from imle.solvers.contract import checked
from imle.solvers.protocol import PreparedSolver
from imle.solvers.result import SolveResult, SolveStatus
from imle.solvers.rows import Part, between, join

log = logging.getLogger("imle.execution")


class CheckedRows(NamedTuple):
    """What a solver said.

    Attributes:
        result: of all rows, checked.
        cause: the exception of the first row that has one.
    """

    result: SolveResult
    cause: Exception | None = None


def solve_isolating_failures(
    prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], *, tolerant: bool
) -> CheckedRows:
    """Solve rows. Those for which the solver raises are found, and have status `error`, as if it had said so.

    Args:
        prepared: the solver.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`.
        tolerant: errors of imle that name a row are that row's, too; else they are raised.

    Raises:
        ImleError: what the solver raises about all rows.
        SolverContractError: it returned something else than the protocol asks for.
    """
    token = first_failure_ends.set(not tolerant)
    try:
        try:
            return CheckedRows(checked(prepared.solve(objective, **given), objective.shape))
        except Exception as error:  # a third-party solver may raise anything
            if not _is_of_rows(error, tolerant):
                raise
            first = error
        return _isolated(prepared, objective, given, first, tolerant)
    finally:
        first_failure_ends.reset(token)


def _isolated(
    prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], first: Exception, tolerant: bool
) -> CheckedRows:
    """Solve rows for which the solver raised when it was asked for all of them."""
    search, cause = FailureBisection(), None
    raised: Exception | None = first
    todo: list[tuple[int, int]] = []
    start, stop = 0, len(objective)
    while True:
        if raised is not None:
            cause = cause or (raised if stop - start == 1 else None)
            # what is raised in the end needs no log
            trace = "" if search.told or not tolerant or isinstance(raised, ImleError) else _trace(raised)
            todo = [*search.raised(start, stop, _message(raised), trace), *todo]
        if not todo:
            break
        start, stop = todo.pop(0)
        part, raised = objective[start:stop], None
        try:
            found = checked(prepared.solve(part, **between(given, start, stop)), part.shape)
            search.parts.append(Part(start, stop, found))
        except Exception as error:
            if isinstance(error, ImleError) and error.row is not None:
                error.row += start
            if not _is_of_rows(error, tolerant):
                raise
            raised = error
    joined = join(search.parts, objective)
    repeated = joined.counters.get("repeated_rows", 0) + search.repeated
    return CheckedRows(replace(joined, counters={**joined.counters, "repeated_rows": repeated}), cause)


@dataclass
class FailureBisection:
    """Rows for which a solver raises are halved, and solved again, until those to blame stand alone.

    Attributes:
        parts: what became of rows.
        repeated: how many rows were to be solved again.
        told: whether a traceback was logged: one tells more than hundreds.
    """

    parts: list[Part] = field(default_factory=list)
    repeated: int = 0
    told: bool = False

    def raised(self, start: int, stop: int, message: str, trace: str = "") -> list[tuple[int, int]]:
        """The solver raised for consecutive rows.

        Args:
            start: the first row.
            stop: the row after the last one.
            message: type and text of the exception.
            trace: its traceback, for the log; "" for none.

        Returns:
            which rows are to be solved next, [start, stop) each; none if the row to blame is found.
        """
        if stop - start > 1:
            self.repeated += stop - start
            middle = (start + stop) // 2
            return [(start, middle), (middle, stop)]
        if trace:
            log.log(logging.DEBUG if self.told else logging.WARNING, "row %d: %s\n%s", start, message, trace)
            self.told = True
        self.parts.append(Part(start, stop, None, SolveStatus.ERROR, message))
        return []


def _message(error: Exception) -> str:
    return error.message if isinstance(error, ImleError) else f"{type(error).__name__}: {error}"


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


def _is_of_rows(error: Exception, tolerant: bool) -> bool:
    """Whether an error is how rows failed: one of imle only if it names its row, and never a broken contract."""
    if not isinstance(error, ImleError):
        return True
    return tolerant and error.row is not None and not isinstance(error, SolverContractError)
