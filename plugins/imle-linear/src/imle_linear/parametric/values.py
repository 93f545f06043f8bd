"""Values: those of a model's parameters that are not learned, for all rows and per row."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import missing_instance
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.parametric.affine import Longs


@dataclass(frozen=True, eq=False)
class InstanceParameter:
    """A parameter of a model.

    Attributes:
        name: as its author knows it.
        places: `[size]` of its entries in p, in C order.
        shape: `()` for a number.
        own: `[size]` its own values; nan where it has none.
        keys: `[size]` what its author calls the entries, if not by their positions.
        least, most: between which they have to be.
    """

    name: str
    places: Longs
    shape: tuple[int, ...]
    own: Floats
    keys: tuple[Hashable, ...] = ()
    least: float = -math.inf
    most: float = math.inf


class Values:
    """Reads values of parameters into vectors p `[P + 1]`, which end with a 1.

    Args:
        who: the solver, for messages.
        parameters: those that may be given.
        width: P + 1.
        given: values for all rows, or None.
        refused: why others of the model may not be given, by name.

    Attributes:
        fixed: p of rows that bring no values; nan where there is none.
        order: places in p of a vector of all values.

    Raises:
        InstanceError: see `of_rows`.
    """

    def __init__(
        self,
        who: str,
        parameters: Sequence[InstanceParameter],
        width: int,
        given: Any,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self._who = f"{who}: values"
        self._parameters = {parameter.name: parameter for parameter in parameters}
        self._refused = refused or {}
        self.order = np.concatenate([np.zeros(0, np.int64), *(parameter.places for parameter in parameters)])
        self.fixed = np.zeros(width)
        self.fixed[-1] = 1.0
        for parameter in parameters:
            self.fixed[parameter.places] = parameter.own
        if given is not None:
            self.fixed = self._read(given)
            self._refuse_out_of_range(self.fixed[None])

    def known(self, wanted: NDArray[np.bool_]) -> bool:
        """Whether all of some entries `[P]` have values for all rows."""
        return not np.isnan(self.fixed[:-1][wanted]).any()

    def refuse_missing(self, p: Floats | None = None) -> None:
        """Refuse vectors in which a value is missing.

        Args:
            p: `[N, P + 1]`; None for what holds for all rows.

        Raises:
            InstanceError: names the parameter.
        """
        missing = np.isnan(self.fixed if p is None else p.sum(axis=0))
        for name, parameter in self._parameters.items():
            if missing[parameter.places].any():
                raise missing_instance(self._who, f"value of {name!r} missing", f"values={{{name!r}: ...}}")

    def of_rows(self, given: Sequence[Any], count: int) -> Floats:
        """`[N, P + 1]` of N mappings from names to values, or of N vectors with all values in the parameters' order.

        Raises:
            InstanceError: another number of rows, an unknown name, another shape, a value that is not finite or out of
                range, or none at all (names the row).
        """
        if len(given) != count:
            raise InstanceError(
                f"{self._who}: expected one mapping or vector per row, {count} in all, found {len(given)}"
            )
        found = None if any(isinstance(own, Mapping) for own in given) else arrays.together(self._who, given)
        size = len(self.order)
        if found is not None and found.size == count * size and np.isfinite(found).all() and size:
            p = np.tile(self.fixed, (count, 1))
            p[:, self.order] = found.reshape(count, size)
        else:
            p = np.array(arrays.row_by_row(given, self._read)).reshape(count, len(self.fixed))
        self._refuse_out_of_range(p)
        self.refuse_missing(p)
        return p

    def _read(self, given: Any) -> Floats:
        """p of one row."""
        p = self.fixed.copy()
        if isinstance(given, Mapping):
            for name, value in given.items():
                parameter = self._named(name)
                p[parameter.places] = self._numbers(parameter, value)
            return p
        vector = arrays.finite(self._who, given)
        size = len(self.order)
        if vector.size != size or not size:
            names = ", ".join(self._parameters) or "none"
            raise InstanceError(
                f"{self._who}: expected {size} numbers, those of all parameters that are not learned ({names}), "
                f"found shape {list(vector.shape)}",
                hint="a dictionary gives some of them by name",
            )
        p[self.order] = vector.ravel()
        return p

    def _named(self, name: Any) -> InstanceParameter:
        found = self._parameters.get(name)
        if found is None:
            known = "no values, as there are none to give"
            if self._parameters:
                known = f"names among {', '.join(map(repr, self._parameters))}"
            why = f", {self._refused[name]}" if name in self._refused else ""
            raise InstanceError(f"{self._who}: expected {known}, found {name!r}{why}")
        return found

    def _numbers(self, parameter: InstanceParameter, value: Any) -> Floats:
        where = f"{self._who}: {parameter.name!r}"
        if isinstance(value, Mapping):
            if value.keys() != set(parameter.keys):
                odd = next(iter(value.keys() ^ set(parameter.keys)))
                found = f"no {odd!r}" if odd in parameter.keys else repr(odd)
                raise InstanceError(
                    f"{where}: expected a value for each of its {len(parameter.keys)} keys, found {found}"
                )
            value = [value[key] for key in parameter.keys]
        numbers = arrays.finite(where, value.toarray() if hasattr(value, "toarray") else value)
        if numbers.shape != parameter.shape:
            raise InstanceError(f"{where}: expected shape {list(parameter.shape)}, found {list(numbers.shape)}")
        return numbers.ravel()

    def _refuse_out_of_range(self, p: Floats) -> None:
        for parameter in self._parameters.values():
            part = p[:, parameter.places]
            bad = (part < parameter.least) | (part > parameter.most)
            if bad.any():
                row, entry = np.argwhere(bad)[0].tolist()
                raise InstanceError(
                    f"{self._who}: {parameter.name!r}: expected numbers from {parameter.least:g} to "
                    f"{parameter.most:g}, as it is declared, found {part[row, entry]:g}",
                    row=row if len(p) > 1 else None,
                )
