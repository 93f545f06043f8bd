"""Rows of a batch: picking some, and putting results of parts together again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.solvers.result import SolveResult, SolveStatus

Index = NDArray[np.intp]


def some(given: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """The arguments of `solve` for some rows: `duals` as it is, entries of all others, which have one per row."""
    return {
        name: value
        if name == "duals"
        else value[index]
        if hasattr(value, "shape")
        else [value[n] for n in index.tolist()]
        for name, value in given.items()
    }


def between(given: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
    """The arguments of `solve` for consecutive rows; see `some`."""
    return {name: value if name == "duals" else value[start:stop] for name, value in given.items()}


def row_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `solve` on which solutions depend: all but `hint` and `duals`."""
    return {name: value for name, value in given.items() if name not in ("hint", "duals")}


def to_numpy(values: Any) -> NDArray[Any]:
    """A numpy array from one, or from a tensor on any device."""
    return np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)


def like(objective: Any, solutions: NDArray[Any]) -> Any:
    """Numpy solutions as the kind of array the objective is."""
    return objective.new_tensor(solutions) if hasattr(objective, "new_tensor") else solutions


class Part(NamedTuple):
    """What became of consecutive rows of a batch.

    Attributes:
        start: the first row.
        stop: the row after the last one.
        result: what the solver returned; None if it returned nothing.
        status: of all its rows, where there is no result.
        message: likewise.
    """

    start: int
    stop: int
    result: SolveResult | None
    status: SolveStatus = SolveStatus.OPTIMAL
    message: str = ""


def join(parts: Sequence[Part], objective: Any) -> SolveResult:
    """One result from parts that cover a batch; the same however it was split.

    Args:
        parts: in any order.
        objective: `[N, *shape]` of the batch.
    """
    parts = sorted(parts, key=lambda part: part.start)
    results = [part.result for part in parts if part.result is not None]
    if len(results) == len(parts) == 1:
        return results[0]
    counters: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    messages: dict[int, str] = {}
    for part in parts:
        if part.result is None:
            messages |= dict.fromkeys(range(part.start, part.stop), part.message)
        else:
            counters.update(part.result.counters)
            for name, value in part.result.seconds.items():
                seconds[name] = seconds.get(name, 0.0) + value
            messages |= {part.start + n: message for n, message in part.result.messages.items()}
    return SolveResult(
        _solutions(parts, results, objective),
        _status(parts),
        _column(parts, "values"),
        messages,
        counters,
        tuple(dict.fromkeys(advice for result in results for advice in result.advice)),
        seconds,
        _column(parts, "bound"),
        _duals(parts),
    )


def _solutions(parts: Sequence[Part], results: Sequence[SolveResult], objective: Any) -> Any:
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(result.solutions, torch.Tensor) for result in results):
        return torch.cat(
            [torch.zeros_like(objective[p.start : p.stop]) if p.result is None else p.result.solutions for p in parts]
        )
    kind = np.result_type(*(np.asarray(result.solutions).dtype for result in results)) if results else np.float64
    joined = np.zeros((sum(part.stop - part.start for part in parts), *objective.shape[1:]), dtype=kind)
    for part in parts:
        if part.result is not None:
            joined[part.start : part.stop] = part.result.solutions
    return joined


def _status(parts: Sequence[Part]) -> NDArray[np.int8] | None:
    if all(part.result is not None and part.result.status is None for part in parts):
        return None
    joined = np.zeros(parts[-1].stop, dtype=np.int8)
    for part in parts:
        status = part.status if part.result is None else part.result.status
        if status is not None:
            joined[part.start : part.stop] = status
    return joined


def _column(parts: Sequence[Part], name: str) -> NDArray[np.float64] | None:
    """`values` or `bound` of all parts."""
    found = [(part, getattr(part.result, name)) for part in parts if part.result is not None]
    if all(column is None for _, column in found):
        return None
    joined = np.full(parts[-1].stop, np.nan)
    for part, column in found:
        if column is not None:
            joined[part.start : part.stop] = column
    return joined


def _duals(parts: Sequence[Part]) -> dict[str, NDArray[np.float64]]:
    """`duals` of all parts that have some; nan in the rows of others."""
    joined: dict[str, NDArray[np.float64]] = {}
    for part in parts:
        for name, own in ({} if part.result is None else part.result.duals).items():
            if name not in joined:
                joined[name] = np.full((parts[-1].stop, *own.shape[1:]), np.nan)
            joined[name][part.start : part.stop] = own
    return joined
