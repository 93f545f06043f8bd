"""Rows that were not solved, and the error that names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from imle.errors import SolveError
from imle.layers.boundary import Boundary
from imle.layers.shapes import row_name
from imle.solvers.result import SolveResult, SolveStatus

SHOWN = 5
"""Failed rows an error names; the rest are counted."""

_NO_TENSOR = re.compile(r"invalid combination of arguments|\bTensor\b")
"""What exceptions say where numpy code is given a tensor."""


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


def unproven(result: SolveResult, where: Callable[[int], tuple[int, int]], phase: str) -> list[Unproven]:
    """Rows of a result that are feasible and have a bound.

    Args:
        result: of some rows of a batch, sample by sample.
        where: which row and sample of the batch each is.
        phase: "forward" or "backward".
    """
    gaps = None if result.status is None else result.gap
    if gaps is None:
        return []
    found = np.flatnonzero((np.asarray(result.status) == SolveStatus.FEASIBLE) & ~np.isnan(gaps)).tolist()
    return [Unproven(*where(n), float(gaps[n]), result.messages.get(n, ""), phase) for n in found]


def solve_error(
    boundary: Boundary,
    failures: Iterable[Failure],
    lead: Sequence[int],
    *,
    samples: int,
    total: int,
    phase: str,
    cause: Exception | None,
    noisy: Sequence[str] = (),
) -> SolveError:
    """The error for failed rows under on_failure="raise", from what the solver raised, if it did.

    Args:
        boundary: names the solver.
        failures: rows and samples.
        lead: the batch dimensions.
        samples: S.
        total: how many were solved.
        phase: "forward" or "backward".
        cause: what the solver raised.
        noisy: instance parameters with noise on them, which may be why there is no solution.
    """
    ordered = sorted(failures)
    first = ordered[0]
    if len(ordered) == total and all(_same_error(first, other) for other in ordered):
        return SolveError(
            f"{boundary.solver_id}: {_first_line(first.message)}\n  {total} of {total} {phase} solves failed like this",
            hint=_to_mend(boundary, first, cause),
        )
    lines = []
    for failure in ordered[:SHOWN]:
        where = place(failure.row, failure.sample, lead, samples)
        lines.append(f"  {where}: {failure.status.name.lower()}: {failure.message or failure.status.advice}")
    if len(ordered) > SHOWN:
        lines.append(f"  ... and {len(ordered) - SHOWN} more")
    return SolveError(
        f"{boundary.solver_id}: {len(ordered)} of {total} {phase} solves failed\n" + "\n".join(lines),
        hint=noise_on(noisy)
        if noisy
        else 'on_failure="zero-grad" skips such rows, "last" puts an earlier solution in their place',
    )


def noise_on(names: Sequence[str]) -> str:
    """What to do about samples whose instances noise has made infeasible, or such that the solver refuses them."""
    return (
        f"noise on {' and '.join(names)} may have done it: take a smaller sigma, or on_failure='zero-grad', which "
        "leaves such samples out, or gives them the penalty= of layer.expected_loss"
    )


def _same_error(one: Failure, other: Failure) -> bool:
    """Whether both failed with a message that begins alike: "KeyError: ..." is the fault of no row."""
    kinds = [failure.message.partition(":")[0] for failure in (one, other)]
    return one.status == other.status == SolveStatus.ERROR and kinds[0] == kinds[1] != ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _to_mend(boundary: Boundary, failure: Failure, cause: Exception | None) -> str:
    """What to do about a solver that fails for every row."""
    if boundary.array == "torch" and _NO_TENSOR.search(failure.message):
        return 'the solver is given torch tensors: array="numpy" hands it numpy arrays'
    if cause is not None:
        return "the traceback above says where the solver raises it; no row is to blame"
    return "no row is to blame: look into the solver and its instance"


def place(row: int, sample: int, lead: Sequence[int], samples: int) -> str:
    """Row and sample as a user finds them; the sample only if there are several."""
    return row_name(row, lead) + (f", sample {sample}" if samples > 1 else "")
