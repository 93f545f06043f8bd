"""Values: those of the Parameters that are not learned, for all rows and per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import missing_instance
from imle_cvxpy.canonical import Canonical, in_c_order
from imle_cvxpy.learned import Learned
from imle_linear import arrays
from imle_linear.arrays import Floats


class Values:
    """Reads values of Parameters into vectors p `[P + 1]`, which end with a 1.

    Args:
        who: the solver, for messages.
        problem: the cvxpy.Problem; a Parameter's own value counts where no other is given.
        read: the same.
        learned: the other Parameters, whose entries are 0.
        given: values for all rows, or None.

    Attributes:
        fixed: p of rows that bring no values; nan where there is none.

    Raises:
        InstanceError: a Parameter whose entries are not free, or without a name of its own; or see `of_rows`.
    """

    def __init__(self, who: str, problem: Any, read: Canonical, learned: Learned, given: Any) -> None:
        self._who = f"{who}: values"
        chosen = {parameter.id for parameter in learned.parameters}
        self._parameters = [p for p in problem.parameters() if p.id not in chosen]
        names = [parameter.name() for parameter in self._parameters]
        for parameter in self._parameters:
            if parameter.id not in read.places:
                raise InstanceError(
                    f"{who}: problem: expected Parameters whose entries are free, found {parameter.name()!r}, whose "
                    "attributes tie some to others"
                )
            if names.count(parameter.name()) > 1:
                raise InstanceError(
                    f"{who}: problem: expected Parameters with names of their own, found {parameter.name()!r} twice"
                )
        self._places = {p.name(): read.places[p.id][in_c_order(p)] for p in self._parameters}
        self.fixed = np.zeros(read.sides.shape[1])
        self.fixed[-1] = 1.0
        for parameter in self._parameters:
            own = parameter.value
            self.fixed[self._places[parameter.name()]] = np.nan if own is None else np.ravel(own)
        if given is not None:
            self.fixed = self._read(given)

    def known(self, wanted: NDArray[np.bool_]) -> bool:
        """Whether all of some entries `[P]` have values for all rows."""
        return not np.isnan(self.fixed[:-1][wanted]).any()

    def refuse_missing(self, p: Floats | None = None) -> None:
        """Refuse vectors in which a value is missing.

        Args:
            p: `[N, P + 1]`; None for what holds for all rows.

        Raises:
            InstanceError: names the Parameter.
        """
        missing = np.isnan(self.fixed if p is None else p.sum(axis=0))
        for name, places in self._places.items():
            if missing[places].any():
                raise missing_instance(self._who, f"value of Parameter {name!r} missing", f"values={{{name!r}: ...}}")

    def of_rows(self, given: Sequence[Any], count: int) -> Floats:
        """`[N, P + 1]` of N mappings from names to values, or of N vectors with all values in the Parameters' order.

        Raises:
            InstanceError: another number of rows, an unknown name, another shape, a value that is not finite or has
                the wrong sign, or none at all (names the row).
        """
        if len(given) != count:
            raise InstanceError(
                f"{self._who}: expected one mapping or vector per row, {count} in all, found {len(given)}"
            )
        found = None if any(isinstance(own, Mapping) for own in given) else arrays.together(self._who, given)
        size = sum(map(len, self._places.values()))
        if found is not None and found.size == count * size and np.isfinite(found).all() and size:
            p = np.tile(self.fixed, (count, 1))
            p[:, np.concatenate([*self._places.values()])] = found.reshape(count, size)
        else:
            p = np.array(arrays.row_by_row(given, self._read)).reshape(count, len(self.fixed))
        self._refuse_signs(p)
        self.refuse_missing(p)
        return p

    def _read(self, given: Any) -> Floats:
        """p of one row."""
        p = self.fixed.copy()
        if not isinstance(given, Mapping):
            size = sum(map(len, self._places.values()))
            vector = arrays.finite(self._who, given)
            if vector.size != size or not size:
                names = ", ".join(self._places) or "none"
                raise InstanceError(
                    f"{self._who}: expected {size} numbers, those of all Parameters that are not learned ({names}), "
                    f"found shape {list(vector.shape)}",
                    hint="a dictionary gives some of them by name",
                )
            p[np.concatenate([*self._places.values()])] = vector.ravel()
        else:
            for name, value in given.items():
                parameter = next((p for p in self._parameters if p.name() == name), None)
                if parameter is None:
                    known = ", ".join(repr(name) for name in self._places) or "no other Parameter"
                    raise InstanceError(f"{self._who}: expected names among {known}, found {name!r}")
                numbers = arrays.finite(f"{self._who}: {name!r}", value)
                if numbers.shape != parameter.shape:
                    raise InstanceError(
                        f"{self._who}: {name!r}: expected shape {list(parameter.shape)}, found {list(numbers.shape)}"
                    )
                p[self._places[name]] = numbers.ravel()
        self._refuse_signs(p[None])
        return p

    def _refuse_signs(self, p: Floats) -> None:
        for parameter in self._parameters:
            part = p[:, self._places[parameter.name()]]
            bad = (part < 0) if parameter.is_nonneg() else (part > 0) if parameter.is_nonpos() else None
            if bad is not None and bad.any():
                row, entry = np.argwhere(bad)[0].tolist()
                sign = "nonneg" if parameter.is_nonneg() else "nonpos"
                raise InstanceError(
                    f"{self._who}: {parameter.name()!r}: expected numbers that are {sign}, as it is declared, found "
                    f"{part[row, entry]:g}",
                    row=row if len(p) > 1 else None,
                )
