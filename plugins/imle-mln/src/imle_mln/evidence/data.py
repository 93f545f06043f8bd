"""Evidence as Python data: tuples, mappings, frames, arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import compress, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.evidence.tables import ASKED, Literals
from imle_mln.logic import Predicate

Read = tuple[list[Any], list[int]]
"""Atoms as they were given, and their truths."""


class DataLiterals(Literals):
    """What was given for one predicate; rows are counted from 0.

    Args:
        predicate: the declaration.
        values: see `database_from`.
        domains: those that are declared.

    Raises:
        InstanceError: something that is no such data.
    """

    def __init__(self, predicate: Predicate, values: Any, domains: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(predicate)
        pandas = sys.modules.get("pandas")  # who passes a DataFrame has imported it
        if pandas is not None and isinstance(values, pandas.DataFrame):
            rows, self.truth = self._from_frame(values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "bf":
            rows, self.truth = self._from_array(values, domains)
        elif isinstance(values, Mapping) and predicate.function:
            rows = [(*(key if isinstance(key, tuple) else (key,)), value) for key, value in values.items()]
            self.truth = [1] * len(rows)
        elif isinstance(values, Mapping):
            rows, self.truth = list(values), self._truths(values.values())
        else:
            rows = self._listed(values)
            self.truth = [1] * len(rows)
        self.rows = [self._row(k, row) for k, row in enumerate(rows)]

    def place(self, row: int) -> str:
        return f"row {row}"

    def error(
        self, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str | None = None
    ) -> InstanceError:
        return self._refusal(problem, hint, f", {self.place(row)}")

    def _refusal(self, problem: str, hint: str | None = None, place: str = "") -> InstanceError:
        return InstanceError(f"evidence on {self.predicate.name}{place}: {problem}", hint=hint)

    def _listed(self, values: Any) -> list[Any]:
        if isinstance(values, str) or not isinstance(values, Iterable):
            problem = f"expected an iterable of tuples, a mapping, a DataFrame or a bool array, found {values!r}"
            raise self._refusal(problem, f"for one true atom write [{values!r}]")
        return list(values)

    def _from_frame(self, frame: Any) -> Read:
        arity = len(self.predicate.types)
        columns = [frame.iloc[:, k].tolist() for k in range(frame.shape[1])]
        truth = self._truths(columns.pop()) if len(columns) == arity + 1 else [1] * len(frame)
        if len(columns) != arity:
            hint = "one for each argument, and perhaps a last one with truth values"
            raise self._refusal(f"expected {arity} columns, found {len(columns)}", hint)
        return list(zip(*columns, strict=True)), truth

    def _from_array(self, values: NDArray[Any], domains: Mapping[str, tuple[str, ...]]) -> Read:
        types = self.predicate.types
        if values.dtype != np.bool_:
            problem = f"expected an array of dtype bool, found {values.dtype}"
            raise self._refusal(problem, "fuzzy truth values are not supported")
        for name in types:
            if name not in domains:
                problem = f"an array needs the declared domain of {name!r}, found none"
                raise self._refusal(problem, f"declare it in the program: {name} = {{A, B, ...}}")
        sides = [domains[name] for name in types]
        shape = tuple(map(len, sides))
        if values.shape != shape:
            problem = f"expected an array of shape {shape}, found {values.shape}"
            raise self._refusal(problem, f"one axis for each argument: {', '.join(types)}")
        truth = values.ravel().tolist()
        if self.predicate.closed:  # what is not true is false anyway
            return list(compress(product(*sides), truth)), [1] * sum(truth)
        return list(product(*sides)), list(map(int, truth))

    def _truths(self, values: Iterable[Any]) -> list[int]:
        return [self._truth(row, value) for row, value in enumerate(values)]

    def _truth(self, row: int, value: Any) -> int:
        if value is None:
            return ASKED
        if isinstance(value, int | float | np.bool_ | np.integer | np.floating) and 0 <= value <= 1:
            if value in (0, 1):
                return int(value)
            self.probability[row] = float(value)
            return ASKED
        problem = f"expected True, False, None or a probability between 0 and 1, found {value!r}"
        raise self.error(row, problem)

    def _row(self, row: int, value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, tuple | list | np.ndarray) else (value,)
        return tuple(item if type(item) is str else self._constant(row, item) for item in values)

    def _constant(self, row: int, value: Any) -> str:
        if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float | np.floating) and np.isfinite(value):
            return repr(float(value))
        raise self.error(row, f"expected a constant (a string or a number), found {value!r}")
