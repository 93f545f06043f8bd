"""Instances: which rows share a feasible set, and the prepared solvers that are kept for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError, OptionError, SolverContractError
from imle.execution.time_slices import time_sliced
from imle.plugins.parameters import ARRAYS, accepts_all, check_value, unknown
from imle.plugins.spec import Parameter, SolverSpec
from imle.solvers.keys import InstanceKeys, ObjectKey, value_key
from imle.solvers.protocol import PreparedSolver, Shape, Solver
from imle.solvers.rows import between, some

_PLAIN = {int, float, bool, str, type(None)}

Refused = Callable[[InstanceError, int], PreparedSolver]
"""Told why a solver refuses the instance of a row, and which: raises, or gives what has a status for it."""

CAPACITY = 256
"""Prepared solvers a layer keeps; the least recently used is dropped first."""


@dataclass
class PreparedInstance:
    """A prepared solver, and what its layer remembers of it.

    Attributes:
        prepared: the solver bound to one instance.
        last: `[*shape]` the last solution of this instance, or None.
        shape: of one objective, as the solver gives it, asked once.
    """

    prepared: PreparedSolver
    last: Tensor | None = None
    shape: Shape | None = field(init=False)

    def __post_init__(self) -> None:
        self.shape = self.prepared.objective_shape


@dataclass(frozen=True)
class Group:
    """Rows solved together: they share a prepared solver.

    Attributes:
        kept: the solver bound to the instance they share.
        rows: their row numbers, or None for all rows.
        values: row parameters (`Parameter.per_row`), each with one value per row of the group: a list, or an
            array whose first dimension are the rows.
    """

    kept: PreparedInstance
    rows: list[int] | None = None
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def prepared(self) -> PreparedSolver:
        """The solver bound to the instance they share."""
        return self.kept.prepared

    def row(self, position: int) -> int:
        """The batch row of the group's n-th row."""
        return position if self.rows is None else self.rows[position]

    def only(self, row: int) -> Group:
        """The group with a single row of the batch."""
        at = row if self.rows is None else self.rows.index(row)
        return Group(self.kept, [row], self._values([at]))

    def per_sample(self, samples: int) -> dict[str, Sequence[Any]]:
        """Row parameters, each value once per sample of its row."""
        count = len(next(iter(self.values.values()), ()))
        return some(self.values, np.repeat(np.arange(count), samples))

    def without(self, skipped: Sequence[bool]) -> Group:
        """The group without some rows of the batch."""
        kept = [n for n in range(len(skipped) if self.rows is None else len(self.rows)) if not skipped[self.row(n)]]
        return Group(self.kept, [self.row(n) for n in kept], self._values(kept))

    def between(self, start: int, stop: int) -> Group:
        """The group within consecutive rows of the batch, which are counted from `start` on."""
        if self.rows is None:
            return Group(self.kept, None, between(self.values, start, stop))
        kept = [n for n, row in enumerate(self.rows) if start <= row < stop]
        return Group(self.kept, [self.rows[n] - start for n in kept], self._values(kept))

    def tile(self, times: int, batch: int) -> Group:
        """The same rows in each of `times` copies of a batch of `batch` rows."""
        rows = None if self.rows is None else [copy * batch + row for copy in range(times) for row in self.rows]
        count = batch if self.rows is None else len(self.rows)
        return Group(self.kept, rows, some(self.values, np.tile(np.arange(count), times)))

    def _values(self, kept: Sequence[int]) -> dict[str, Sequence[Any]]:
        """Row parameters of some of the group's rows."""
        return some(self.values, np.array(kept, np.intp))


class InstanceCache:
    """Prepares a solver for the instances it meets, and keeps the most recent ones.

    Args:
        solver: the options.
        spec: names and kinds of the instance parameters.
        fixed: instance parameters that hold for every row.
        learned: names of those that every call brings, with values that never come again.
    """

    def __init__(self, solver: Solver, spec: SolverSpec, fixed: Mapping[str, Any], learned: Iterable[str] = ()) -> None:
        self.solver = solver
        self.spec = spec
        self.fixed = dict(fixed)
        self.learned = frozenset(learned)
        for name, value in fixed.items():
            self._refuse_gradient(name, value)
        self._always: PreparedInstance | None = None  # of the fixed instance
        self._everyone: Sequence[Group] | None = None  # the groups of a batch whose rows all have it
        self._names: InstanceKeys | None = None
        self._kept: OrderedDict[Hashable, PreparedInstance] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        # native models stay behind; they are rebuilt on demand
        return {**self.__dict__, "_always": None, "_everyone": None, "_kept": OrderedDict()}

    def key(self, own: Mapping[str, Any] = MappingProxyType({})) -> str | None:
        """The name of an instance, by which solutions are kept (see `SolutionPool`).

        Args:
            own: what a call gives for its row, besides what holds for all rows.

        Returns:
            None if the content of what the call gives cannot be read.
        """
        if self._names is None:
            self._names = InstanceKeys(self.fixed, unreadable="unreadable")
        return self._names.of(own)

    def columns(self, given: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        """Row parameters of a call with one value per row each: lists, and arrays where rows have arrays of numbers.

        Raises:
            OptionError: a name that is not an instance parameter.
            InstanceError: not sequences with one value per row, or a number out of range (names its row).
        """
        return {name: self._column(name, values) for name, values in given.items()}

    def missing(self, given: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
        """Instance parameters without which nothing can be prepared, and that neither the layer nor the call gives."""
        needed = [p.name for p in self.spec.instance if p.required or (p.name in self.learned and not p.per_row)]
        return [name for name in needed if name not in self.fixed and name not in given]

    @property
    def _native(self) -> set[str]:
        """Instance parameters that solvers take row by row."""
        return {parameter.name for parameter in self.spec.instance if parameter.per_row}

    @property
    def is_prepared(self) -> bool:
        """Whether there is a prepared solver of the fixed instance."""
        return self._always is not None

    def common(self) -> PreparedSolver:
        """The prepared solver of the fixed instance, which is read once: changes of the user's object come too late."""
        return self._common().prepared

    def _common(self) -> PreparedInstance:
        if self._always is None:
            self._always = self._prepare(self.fixed)
        return self._always

    def _prepare(self, instance: Mapping[str, Any]) -> PreparedInstance:
        # arrays are copied: a prepared solver must not change when the user's array does
        prepared = self.solver.prepare(**{name: _own(value) for name, value in instance.items()})
        if not isinstance(prepared, PreparedSolver):
            raise SolverContractError(
                f"{self.spec.id}: prepare() returned {type(prepared).__name__}, which lacks "
                "objective_shape, solve or close",
                hint="see imle.solvers.PreparedSolver",
            )
        # native code hears no Ctrl-C
        return PreparedInstance(time_sliced(prepared) if self.spec.capabilities.releases_gil else prepared)

    def prepared_for(self, own: Mapping[str, Any], shared: Mapping[str, Any], *, keep: bool = True) -> PreparedInstance:
        """The prepared solver of rows with an instance of their own, from an earlier call if its content is known.

        Args:
            own: what the call gives for these rows.
            shared: what holds for every row of the layer.
            keep: another call may have the same instance.
        """
        if not keep or not self.learned.isdisjoint(own):
            return self._prepare({**shared, **own})  # it never comes again
        key = {name: value_key(value) for name, value in own.items()}
        if any(isinstance(part, ObjectKey) for part in key.values()):
            return self._prepare({**shared, **own})  # a graph or a model may have changed since the last call
        content = (frozenset(key.items()), frozenset(shared))
        if content not in self._kept:
            self._kept[content] = self._prepare({**shared, **own})
            if len(self._kept) > CAPACITY:
                self._kept.popitem(last=False)  # not closed: the current batch may still use it
        self._kept.move_to_end(content)
        return self._kept[content]

    def groups(
        self,
        given: Mapping[str, Sequence[Any]],
        shared: Mapping[str, Any] = MappingProxyType({}),
        *,
        keep: bool = True,
    ) -> Sequence[Group]:
        """Sort the rows of a batch by instance.

        Args:
            given: instance parameters of this call, each a sequence with one value per row.
            shared: those that hold for all rows of this call.
            keep: what is prepared may be of use in another call.

        Raises:
            OptionError: a name that is not an instance parameter.
            InstanceError: a required parameter is missing, or two sequences have different lengths.
        """
        if not given and not shared and self._everyone is not None:
            return self._everyone
        return self._sorted(self.columns(given), shared, keep=keep)

    def groups_of_samples(
        self, given: Mapping[str, Sequence[Any]], learned: Mapping[str, Sequence[Any]], samples: int, refused: Refused
    ) -> Sequence[Group]:
        """Sort samples by instance, as rows: sample s of row b is row b S + s.

        Args:
            given: instance parameters of this call, each with one value per row.
            learned: those of which every sample has its own: B S values each, checked.
            samples: S.
            refused: gives what stands for a sample whose instance the solver refuses.

        Raises:
            OptionError, InstanceError: as `groups`.
        """
        columns = self.columns(given)
        rows = len(next(iter(learned.values()))) // samples
        return self._sorted({**some(columns, np.repeat(np.arange(rows), samples)), **learned}, refused=refused)

    def shape_of(self, own: Mapping[str, Any]) -> Shape | None:
        """The shape of an objective of a row with an instance of its own; None if any will do.

        Raises:
            InstanceError: the instance is not valid.
        """
        return self._prepare({**self.fixed, **own}).shape

    def _sorted(
        self,
        columns: Mapping[str, Sequence[Any]],
        shared: Mapping[str, Any] = MappingProxyType({}),
        *,
        keep: bool = True,
        refused: Refused | None = None,
    ) -> Sequence[Group]:
        """Sort rows by instance."""
        missing = self.missing({**columns, **shared})
        if missing:
            raise InstanceError(
                f"{self.spec.id}: instance parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing",
                hint="give it to imle.layer(...) for all rows, or to the call, one per row",
            )
        if not columns and not shared:
            self._everyone = [Group(self._common())]
            return self._everyone
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{length} of {name}" for name, length in lengths.items())
            raise InstanceError(
                f"{self.spec.id}: expected as many values of each parameter as rows, found {found}",
                hint=_row_by_row(columns),
            )
        native = self._native & columns.keys()
        grouping = [name for name in columns if name not in native]
        fixed = {name: value for name, value in self.fixed.items() if name not in columns and name not in shared}
        if not grouping:
            own = not shared and len(fixed) == len(self.fixed)
            everyone = self._common() if own else self.prepared_for(shared, fixed, keep=keep)
            return [Group(everyone, None, columns)]
        members: dict[Hashable, list[int]] = {}
        fresh = not self.learned.isdisjoint(grouping)  # noise makes every row an instance of its own
        for row in range(next(iter(lengths.values()))):
            key = row if fresh else tuple(value_key(columns[name][row]) for name in grouping)
            members.setdefault(key, []).append(row)
        return [
            Group(
                self._of_rows(
                    {**shared, **{name: columns[name][rows[0]] for name in grouping}},
                    fixed,
                    rows[0],
                    keep=keep,
                    refused=refused,
                ),
                rows,
                some({name: columns[name] for name in native}, np.array(rows)),
            )
            for rows in members.values()
        ]

    def _of_rows(
        self, own: Mapping[str, Any], shared: Mapping[str, Any], row: int, *, keep: bool, refused: Refused | None
    ) -> PreparedInstance:
        """`prepared_for`, with errors that name the row and say how calls give instances."""
        try:
            return self.prepared_for(own, shared, keep=keep)
        except InstanceError as error:
            if refused is not None:
                return PreparedInstance(refused(error, row))
            hint = "; ".join(part for part in (error.hint, _row_by_row(own)) if part)
            raise InstanceError(f"{error.message} (row {row})", hint=hint) from error

    def close(self) -> None:
        """Close every prepared solver that is kept."""
        for kept in [*self._kept.values(), *([self._always] if self._always else [])]:
            kept.prepared.close()
        self._kept.clear()
        self._always = self._everyone = None

    def _column(self, name: str, values: Any) -> Sequence[Any]:
        known = {parameter.name: parameter for parameter in self.spec.instance}
        if name not in known:
            if name in {option.name for option in self.spec.options}:
                raise OptionError(
                    f"{self.spec.id}: {name!r} is an option, the same for all rows",
                    hint="give it to imle.layer(...)",
                )
            raise unknown(self.spec.id, name, self.spec.instance)
        if torch.is_grad_enabled():  # where nothing is recorded, no gradient is lost
            self._refuse_gradient(name, values)
        if isinstance(values, Tensor):
            values = values.detach().cpu()
            values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()  # numpy has no bfloat16
        if isinstance(values, np.ndarray) and values.ndim and accepts_all(known[name], values):
            # numbers become Python's own; arrays are copied, as backward passes read them, too
            return list(values.tolist()) if values.ndim == 1 else cast("Sequence[Any]", values.copy())
        if isinstance(values, np.ndarray):
            values = values.tolist() if values.ndim < 2 else list(values)
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise InstanceError(
                f"{self.spec.id}: {name}: expected a sequence with one value per row, found {type(values).__name__}",
                hint=f"a value for all rows goes to imle.layer(..., {name}=...)",
            )
        for row, value in enumerate(values):
            self._refuse_number(known[name], value, row)
        return [check_value(self.spec.id, known[name], v, wrong=InstanceError, row=row) for row, v in enumerate(values)]

    def _refuse_gradient(self, name: str, value: Any) -> None:
        if not _requires_gradient(value):
            return
        parameter = next(p for p in self.spec.instance if p.name == name)
        relaxed = ", relaxation=True" if parameter.dual == "relaxation" else ""
        ways = [
            *([f"imle.layer(..., learned={{{name!r}: sigma}}) has one, by noise on it"] if parameter.learned else []),
            *([f"layer.value(...{relaxed}) has that of the optimal value"] if parameter.dual else []),
            f"{name}.detach() says that none is wanted",
        ]
        known = "its objective and what learned= names" if parameter.learned else "its objective"
        raise InstanceError(
            f"{self.spec.id}: {name}: expected constants, found a tensor that requires a gradient: a layer has "
            f"gradients for {known} only",
            hint="; ".join(ways),
        )

    def _refuse_number(self, parameter: Parameter, value: Any, row: int) -> None:
        """Where every row has a vector of its own, one vector for all is no sequence of vectors."""
        what = parameter.type.partition(" ")[0]
        if what in ARRAYS and (isinstance(value, Real) or getattr(value, "ndim", None) == 0):
            name = parameter.name
            raise InstanceError(
                f"{self.spec.id}: {name}: expected one {what} for each row of the batch, found a number (row {row})",
                hint=f"one {what} for all rows goes to imle.layer(..., {name}=...), or to the call as [{what}] * B",
            )


def _row_by_row(names: Iterable[str]) -> str:
    return (
        f"a call gives {', '.join(names)} as a sequence with one value per row; what holds for all goes to imle.layer"
    )


def _requires_gradient(value: Any) -> bool:
    """Whether a tensor, or one in nested sequences and mappings, requires a gradient."""
    if isinstance(value, Tensor):
        return value.requires_grad
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or set(map(type, value)) <= _PLAIN:
        return False
    return any(_requires_gradient(entry) for entry in value)


def _own(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    return value.detach().clone() if isinstance(value, Tensor) else value
