"""Evidence as Python data: tuples, mappings, frames, arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import compress, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.evidence.tables import ASKED, Literals, Origin
from imle_mln.logic import Predicate


class Data(Origin):
    def name(self, place: int) -> str:
        return f"row {place}"

    def error(
        self,
        table: Literals,
        row: int,
        problem: str,
        *,
        argument: int | None = None,
        expected: str = "",
        hint: str = "",
    ) -> InstanceError:
        return _refusal(table.predicate, problem, row=table.places[row], hint=hint)

    def table(self, predicate: Predicate, values: Any, domains: Mapping[str, tuple[str, ...]]) -> Literals:
        """The literals of one predicate, read but not checked."""
        pandas = sys.modules.get("pandas")  # who passes a DataFrame has imported it
        if pandas is not None and isinstance(values, pandas.DataFrame):
            rows, truth = _from_frame(predicate, values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "bf":
            rows, truth = _from_array(predicate, values, domains)
        elif isinstance(values, Mapping):
            rows, truth = list(values), [_truth(predicate, row, value) for row, value in enumerate(values.values())]
        else:
            rows = _listed(predicate, values)
            truth = [1] * len(rows)
        atoms = [_row(predicate, k, row) for k, row in enumerate(rows)]
        return Literals(predicate, atoms, truth, range(len(atoms)))


def _refusal(predicate: Predicate, problem: str, *, row: int | None = None, hint: str | None = None) -> InstanceError:
    place = "" if row is None else f", row {row}"
    return InstanceError(f"evidence on {predicate.name}{place}: {problem}", hint=hint)


def _listed(predicate: Predicate, values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        problem = f"expected an iterable of tuples, a mapping, a DataFrame or a bool array, found {values!r}"
        raise _refusal(predicate, problem, hint=f"for one true atom write [{values!r}]")
    return list(values)


def _from_frame(predicate: Predicate, frame: Any) -> tuple[list[Any], list[int]]:
    columns = [frame.iloc[:, k].tolist() for k in range(frame.shape[1])]
    truth = [1] * len(frame)
    if len(columns) == len(predicate.types) + 1:
        truth = [_truth(predicate, row, value) for row, value in enumerate(columns.pop())]
    if len(columns) != len(predicate.types):
        problem = f"expected {len(predicate.types)} columns, found {len(columns)}"
        raise _refusal(predicate, problem, hint="one for each argument, and perhaps a last one with truth values")
    return list(zip(*columns, strict=True)), truth


def _from_array(
    predicate: Predicate, values: NDArray[Any], domains: Mapping[str, tuple[str, ...]]
) -> tuple[list[Any], list[int]]:
    if values.dtype != np.bool_:
        hint = "fuzzy truth values are not supported"
        raise _refusal(predicate, f"expected an array of dtype bool, found {values.dtype}", hint=hint)
    for name in predicate.types:
        if name not in domains:
            hint = f"declare it in the program: {name} = {{A, B, ...}}"
            raise _refusal(predicate, f"an array needs the declared domain of {name!r}, found none", hint=hint)
    sides = [domains[name] for name in predicate.types]
    shape = tuple(map(len, sides))
    if values.shape != shape:
        hint = f"one axis for each argument: {', '.join(predicate.types)}"
        raise _refusal(predicate, f"expected an array of shape {shape}, found {values.shape}", hint=hint)
    truth = values.ravel().tolist()
    if predicate.closed:  # what is not true is false anyway
        return list(compress(product(*sides), truth)), [1] * sum(truth)
    return list(product(*sides)), list(map(int, truth))


def _truth(predicate: Predicate, row: int, value: Any) -> int:
    if value is None:
        return ASKED
    if isinstance(value, bool | np.bool_):
        return int(value)
    hint = "fuzzy truth values are not supported" if isinstance(value, int | float) else None
    raise _refusal(predicate, f"expected True, False or None, found {value!r}", row=row, hint=hint)


def _row(predicate: Predicate, row: int, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, tuple | list | np.ndarray) else (value,)
    return tuple(item if type(item) is str else _constant(predicate, row, item) for item in values)


def _constant(predicate: Predicate, row: int, value: Any) -> str:
    if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return repr(float(value))
    raise _refusal(predicate, f"expected a constant (a string or a number), found {value!r}", row=row)
