"""Instances: which rows share a feasible set, and the prepared solvers that are kept for them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

from imle.errors import InstanceError, OptionError, SolverContractError
from imle.plugins.parameters import check_type, unknown
from imle.plugins.spec import SolverSpec
from imle.solvers.protocol import PreparedSolver, Solver

CAPACITY = 256
"""Prepared solvers a layer keeps; the least recently used is closed first."""


@dataclass(frozen=True)
class Group:
    """Rows solved together: they share a prepared solver.

    Attributes:
        prepared: the solver bound to the instance they share.
        rows: their row numbers, or None for all rows.
        values: row parameters (`Parameter.per_row`), each with one value per row of the group.
    """

    prepared: PreparedSolver
    rows: list[int] | None = None
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def row(self, position: int) -> int:
        """The batch row of the group's n-th row."""
        return position if self.rows is None else self.rows[position]


class InstanceCache:
    """Prepares a solver for the instances it meets, and keeps the most recent ones.

    Args:
        solver: the options.
        spec: names and kinds of the instance parameters.
        fixed: instance parameters that hold for every row.
    """

    def __init__(self, solver: Solver, spec: SolverSpec, fixed: Mapping[str, Any]) -> None:
        self.solver = solver
        self.spec = spec
        self.fixed = dict(fixed)
        # the instance is kept beside the prepared solver: keys made of id() stay valid while it lives
        self._kept: OrderedDict[Hashable, tuple[dict[str, Any], PreparedSolver]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "_kept": OrderedDict(),
        }  # native models stay behind; they are rebuilt on demand

    def missing(self, given: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
        """Required instance parameters that neither the layer nor the call gives."""
        return [p.name for p in self.spec.instance if p.required and p.name not in self.fixed and p.name not in given]

    def prepare(self, instance: Mapping[str, Any]) -> PreparedSolver:
        """The prepared solver of an instance, from the cache if it is there."""
        key = self._key(instance)
        if key not in self._kept:
            # arrays are copied: a prepared solver must not change when the user's array does
            prepared = self.solver.prepare(**{name: _own(value) for name, value in instance.items()})
            if not isinstance(prepared, PreparedSolver):
                raise SolverContractError(
                    f"{self.spec.id}: prepare() returned {type(prepared).__name__}, which lacks "
                    "objective_shape, solve or close",
                    hint="see imle.solvers.PreparedSolver",
                )
            self._kept[key] = (dict(instance), prepared)
            if len(self._kept) > CAPACITY:
                _, (_, oldest) = self._kept.popitem(last=False)
                oldest.close()
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def groups(self, given: Mapping[str, Sequence[Any]]) -> list[Group]:
        """Sort the rows of a batch by instance.

        Args:
            given: instance parameters of this call, each a sequence with one value per row.

        Raises:
            OptionError: a name that is not an instance parameter.
            InstanceError: a required parameter is missing, or two sequences have different lengths.
        """
        columns = {name: self._column(name, values) for name, values in given.items()}
        missing = self.missing(given)
        if missing:
            raise InstanceError(
                f"{self.spec.id}: instance parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing",
                hint="give it to imle.layer(...) for all rows, or to the call, one per row",
            )
        if not columns:
            return [Group(self.prepare(self.fixed))]
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{length} of {name}" for name, length in lengths.items())
            raise InstanceError(f"{self.spec.id}: expected as many values of each parameter as rows, found {found}")
        native = {p.name for p in self.spec.instance if p.per_row} & columns.keys()
        grouping = [name for name in columns if name not in native]
        fixed = {name: value for name, value in self.fixed.items() if name not in columns}
        if not grouping:
            return [Group(self.prepare(fixed), None, columns)]
        members: dict[Hashable, list[int]] = {}
        for row in range(next(iter(lengths.values()))):
            key = self._key({name: columns[name][row] for name in grouping})
            members.setdefault(key, []).append(row)
        return [
            Group(
                self.prepare({**fixed, **{name: columns[name][rows[0]] for name in grouping}}),
                rows,
                {name: [columns[name][row] for row in rows] for name in native},
            )
            for rows in members.values()
        ]

    def close(self) -> None:
        """Close every prepared solver that is kept."""
        while self._kept:
            _, (_, prepared) = self._kept.popitem()
            prepared.close()

    def _column(self, name: str, values: Any) -> list[Any]:
        known = {parameter.name: parameter for parameter in self.spec.instance}
        if name not in known:
            if name in {option.name for option in self.spec.options}:
                raise OptionError(
                    f"{self.spec.id}: {name!r} is an option, the same for all rows",
                    hint="give it to imle.layer(...)",
                )
            raise unknown(self.spec.id, name, known)
        if isinstance(values, Tensor):
            values = values.detach().cpu().numpy()
        if isinstance(values, np.ndarray):  # numbers become Python's own, rows of arrays stay arrays
            values = values.tolist() if values.ndim == 1 else list(values)
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise InstanceError(
                f"{self.spec.id}: {name}: expected a sequence with one value per row, found {type(values).__name__}",
                hint=f"a value for all rows goes to imle.layer(..., {name}=...)",
            )
        for value in values:
            check_type(self.spec.id, known[name], value)
        return list(values)

    def _key(self, instance: Mapping[str, Any]) -> Hashable:
        own = getattr(self.solver, "instance_key", None)
        if own is not None:
            return frozenset(instance), own(**instance)
        return frozenset((name, _value_key(value)) for name, value in instance.items())


def _own(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    return value.detach().clone() if isinstance(value, Tensor) else value


def _value_key(value: Any) -> Hashable:
    """Equal content for plain values and arrays, identity for everything else."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return type(value), value
    if isinstance(value, (tuple, list)):
        return type(value), tuple(_value_key(item) for item in value)
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).digest()
        return value.shape, value.dtype.str, digest
    return id(value)
