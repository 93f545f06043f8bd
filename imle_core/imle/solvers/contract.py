"""What a third-party solver returned, checked before anything reads it. Free of torch, for worker processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import SolverContractError
from imle.solvers.result import SolveResult, SolveStatus

NUMBERS = "any real numbers will do, in native byte order, numpy or torch like the objective"


def checked(result: Any, shape: Sequence[int]) -> SolveResult:
    """A result whose parts have the types and lengths that `SolveResult` promises; numbers may still be nan.

    Args:
        result: what `solve` returned.
        shape: `[N, *shape]`, that of the objectives it was given.

    Raises:
        SolverContractError: what was expected, what was found; with the row where it is one.
    """
    if not isinstance(result, SolveResult):
        raise SolverContractError(
            f"solve() must return a SolveResult, found {type(result).__name__}",
            hint="return imle.solvers.SolveResult(solutions)",
        )
    rows = shape[0]
    _check_solutions(result.solutions, shape)
    if result.status is not None:
        _check_status(result.status, rows)
    for name, column in (("values", result.values), ("bound", result.bound)):
        if column is not None:
            _check_column(name, column, rows)
    if type(result.duals) is not dict or result.duals:
        _check_duals(result.duals, rows)
    for name, told, key, value in (
        ("messages", result.messages, Integral, str),
        ("counters", result.counters, str, Real),
        ("seconds", result.seconds, str, Real),
    ):
        if type(told) is not dict or told:
            _check_mapping(name, told, key, value)
    advice = result.advice
    if type(advice) is not tuple or (advice and not all(isinstance(sentence, str) for sentence in advice)):
        raise SolverContractError(f"advice: expected a tuple of str, found {result.advice!r}")
    return result


def _check_solutions(solutions: Any, shape: Sequence[int]) -> None:
    if not hasattr(solutions, "detach"):
        found = _check_array(solutions)
    elif solutions.is_complex():
        raise SolverContractError(f"solutions: expected real numbers, found {solutions.dtype}")
    else:
        found = solutions.shape
    if found != shape and tuple(found) != tuple(shape):
        raise SolverContractError(
            f"expected solutions of shape {list(shape)}, one row per objective, found {list(found)}",
            hint="a solver takes [N, *shape] objectives and returns [N, *shape] solutions",
        )


def _check_array(solutions: Any) -> tuple[int, ...]:
    """The shape."""
    array = _array("solutions", solutions)
    dtype = array.dtype
    if dtype.kind == "O":
        for row, entries in enumerate(solutions if np.ndim(solutions) else ()):
            for entry in np.ravel(np.asarray(entries, dtype=object)):
                if not isinstance(entry, Real):
                    raise SolverContractError(f"solutions: expected numbers, found {entry!r}", hint=NUMBERS, row=row)
    if dtype.kind not in "biuf" or not dtype.isnative or dtype.itemsize > 8:
        found = type(solutions).__name__ if dtype.kind == "O" and not np.ndim(solutions) else f"dtype {dtype}"
        raise SolverContractError(f"solutions: expected numbers, found {found}", hint=NUMBERS)
    return array.shape


def _check_status(status: Any, rows: int) -> None:
    codes = _array("status", status)
    if codes.shape != (rows,):
        raise SolverContractError(f"expected one status per row, {rows} in all, found shape {list(codes.shape)}")
    if codes.dtype.kind in "iu" and (not rows or (codes.min() >= 0 and codes.max() < len(SolveStatus))):
        return
    if codes.dtype.kind in "iuf":
        bad = np.flatnonzero(~np.isin(codes, np.arange(len(SolveStatus))))
        if len(bad):
            row = int(bad[0])
            raise SolverContractError(
                f"status: expected a code of SolveStatus, 0 to {len(SolveStatus) - 1}, found {codes[row]}", row=row
            )
    raise SolverContractError(
        f"status: expected integers, found dtype {codes.dtype}", hint="codes of imle.solvers.SolveStatus, as np.int8"
    )


def _check_column(name: str, column: Any, rows: int) -> None:
    found = _array(name, column)
    if found.shape != (rows,) or found.dtype.kind not in "biuf":
        raise SolverContractError(
            f"{name}: expected one number per row, {rows} in all, found shape {list(found.shape)}, dtype {found.dtype}"
        )


def _check_duals(duals: Any, rows: int) -> None:
    _check_mapping("duals", duals, str, object)
    for name, column in duals.items():
        found = _array(f"duals: {name}", column)
        if found.shape[:1] != (rows,) or found.dtype.kind not in "biuf":
            raise SolverContractError(
                f"duals: {name}: expected numbers [{rows}, *shape of {name}], found shape {list(found.shape)}, dtype "
                f"{found.dtype}"
            )


def _array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # rows of different lengths, a tensor on another device
        raise SolverContractError(f"{name}: expected an array, found {type(values).__name__}: {error}") from error


def _check_mapping(name: str, found: Any, key: type, value: type) -> None:
    if not isinstance(found, Mapping):
        raise SolverContractError(f"{name}: expected a mapping, found {type(found).__name__}")
    for left, right in found.items():
        if not (isinstance(left, key) and isinstance(right, value)):
            raise SolverContractError(
                f"{name}: expected a mapping of {key.__name__} to {value.__name__}, found {left!r}: {right!r}"
            )
