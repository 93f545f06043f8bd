"""Rows that were not solved, and the error that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from imle.errors import SolveError
from imle.layers.shapes import row_name
from imle.solvers.result import SolveResult, SolveStatus

SHOWN = 5
"""Failed rows an error names; the rest are counted."""


class Failure(NamedTuple):
    """One row and sample that was not solved.

    Attributes:
        row: its number, all batch dimensions taken together.
        sample: which of its S samples.
        status: how the solve ended.
        message: what the solver said, or "".
        phase: "forward" or "backward".
        replaced: whether another solution stands in for it (on_failure="last").
    """

    row: int
    sample: int
    status: SolveStatus
    message: str
    phase: str
    replaced: bool = False


class Unproven(NamedTuple):
    """One row and sample whose solution is feasible, and perhaps not the best.

    Attributes:
        row: its number, all batch dimensions taken together.
        sample: which of its S samples.
        gap: how far off its value may be, relative to its size (`SolveResult.gap`).
        message: what the solver said, or "".
        phase: "forward" or "backward".
    """

    row: int
    sample: int
    gap: float
    message: str
    phase: str


def unproven(result: SolveResult, row_of: Callable[[int], int], samples: int, phase: str) -> list[Unproven]:
    """Rows of a result that are feasible and have a bound.

    Args:
        result: of some rows of a batch, sample by sample.
        row_of: their numbers in the batch.
        samples: S.
        phase: "forward" or "backward".
    """
    gaps = None if result.status is None else result.gap
    if gaps is None:
        return []
    found = np.flatnonzero((np.asarray(result.status) == SolveStatus.FEASIBLE) & ~np.isnan(gaps)).tolist()
    return [
        Unproven(row_of(n // samples), n % samples, float(gaps[n]), result.messages.get(n, ""), phase) for n in found
    ]


def solve_error(
    solver_id: str, failures: Iterable[Failure], lead: Sequence[int], *, samples: int, total: int, phase: str
) -> SolveError:
    """The error for failed rows under on_failure="raise"."""
    ordered = sorted(failures)
    lines = []
    for failure in ordered[:SHOWN]:
        where = place(failure.row, failure.sample, lead, samples)
        lines.append(f"  {where}: {failure.status.name.lower()}: {failure.message or failure.status.advice}")
    if len(ordered) > SHOWN:
        lines.append(f"  ... and {len(ordered) - SHOWN} more")
    return SolveError(
        f"{solver_id}: {len(ordered)} of {total} {phase} solves failed\n" + "\n".join(lines),
        hint='on_failure="zero-grad" skips such rows, "last" puts an earlier solution in their place',
    )


def place(row: int, sample: int, lead: Sequence[int], samples: int) -> str:
    """Row and sample as a user finds them; the sample only if there are several."""
    return row_name(row, lead) + (f", sample {sample}" if samples > 1 else "")
