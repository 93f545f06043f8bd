"""Atoms by predicate: tables over the domains instead of lists of atoms, for rows that may differ in their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle_mln.solver import PreparedMLN


@dataclass(frozen=True)
class Rows:
    """Which grounding each row of a batch has.

    Attributes:
        parts: groundings, each with its rows; None are all of them.
    """

    parts: Sequence[tuple[PreparedMLN, Sequence[int] | None]]

    @property
    def problems(self) -> list[PreparedMLN]:
        """The different groundings."""
        return [problem for problem, _ in self.parts]

    @property
    def widest(self) -> int:
        """The most query atoms of any row."""
        return max(len(problem.shown) for problem in self.problems)

    def tile(self, total: int) -> Rows:
        """The same rows for as many copies of the batch, one after the other, as make `total` rows."""
        size = sum(len(rows or ()) for _, rows in self.parts)
        if size == total:
            return self
        starts = range(0, total, size)
        return Rows(
            [(problem, [start + row for start in starts for row in rows or ()]) for problem, rows in self.parts]
        )

    def shape(self, predicate: str) -> tuple[int, ...]:
        """The number of constants for each argument.

        Raises:
            InstanceError: rows differ in it, or it is no query predicate.
        """
        for problem in self.problems:
            _start(problem, predicate)
        shapes = {problem.grounding.atoms[predicate].shape for problem in self.problems}
        if len(shapes) > 1:
            found = " and ".join(str(list(shape)) for shape in sorted(shapes))
            raise InstanceError(
                f"mln-map: {predicate}: expected domains of the same sizes in every row, found tables of shape {found}",
                hint="declare the domains in the program, or use the atoms of each row, padded: [B, A]",
            )
        return shapes.pop()

    def table(self, state: Tensor, predicate: str) -> Tensor:
        """States `[B, ..., A]` as `[B, ..., *domains]` of one predicate, with what evidence decides filled in.

        Raises:
            InstanceError: rows differ in their domains, or it is no query predicate.
        """
        shape = self.shape(predicate)
        if self.parts[0][1] is None:
            return _table(self.parts[0][0], state, predicate)
        found = state.new_zeros(*state.shape[:-1], *shape)
        for problem, rows in self._indexed(state):
            found = found.index_copy(0, rows, _table(problem, state[rows], predicate))
        return found

    def unaries(self, tables: Mapping[str, Tensor]) -> Tensor:
        """Tables `[*batch, *domains]` by predicate to unaries `[*batch, A]`, zero for predicates that are not there.

        Raises:
            InstanceError: rows differ in their domains, or a name is no query predicate.
            ObjectiveError: a table has another shape.
        """
        flat = {name: self._flat(name, table) for name, table in tables.items()}
        lead = torch.broadcast_shapes(*(part.shape[:-1] for part in flat.values()))  # type: ignore[no-untyped-call]
        flat = {name: part.expand(*lead, -1) for name, part in flat.items()}
        like = next(iter(flat.values()))
        if self.parts[0][1] is None:
            return _columns(self.parts[0][0], flat, like)
        rows = {name: part.reshape(-1, part.shape[-1]) for name, part in flat.items()}
        found = like.new_zeros(lead.numel(), self.widest)
        for problem, own in self._indexed(like):
            mine = {name: table[own] for name, table in rows.items()}
            part = _columns(problem, mine, next(iter(mine.values())))
            padded = torch.nn.functional.pad(part, (0, self.widest - part.shape[-1]))
            found = found.index_copy(0, own, padded)
        return found.reshape(*lead, -1)

    def _indexed(self, like: Tensor) -> Iterator[tuple[PreparedMLN, Tensor]]:
        for problem, rows in self.parts:
            assert rows is not None
            yield problem, torch.tensor(rows, device=like.device)

    def _flat(self, name: str, table: Tensor) -> Tensor:
        shape = self.shape(name)
        lead = table.shape[: table.ndim - len(shape)]
        if tuple(table.shape[len(lead) :]) != shape:
            raise ObjectiveError(
                f"mln-map: unary: {name}: expected shape [*batch, {', '.join(map(str, shape))}], found "
                f"{list(table.shape)}"
            )
        return table.reshape(*lead, -1)


def _columns(problem: PreparedMLN, flat: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """Cells `[*batch, cells]` by predicate to unaries of the open atoms."""
    columns = []
    for name in problem.query:
        atoms = problem.grounding.atoms[name]
        if name not in flat:
            columns.append(like.new_zeros(*like.shape[:-1], atoms.stop - atoms.start))
        elif atoms.complete:
            columns.append(flat[name])
        else:
            columns.append(flat[name][..., torch.from_numpy(atoms.cells).to(like.device)])
    return torch.cat(columns, dim=-1)


def _table(problem: PreparedMLN, state: Tensor, predicate: str) -> Tensor:
    start = _start(problem, predicate)
    atoms = problem.grounding.atoms[predicate]
    own = state[..., start : start + atoms.stop - atoms.start]
    if atoms.complete:
        return own.reshape(*state.shape[:-1], *atoms.shape)
    table = torch.from_numpy((atoms.known.truth() == 1).reshape(-1)).to(state)
    table = table.expand(*state.shape[:-1], -1)
    cells = torch.from_numpy(atoms.cells).to(state.device)
    filled = table.index_copy(-1, cells, own) if state.ndim > 1 else table.clone().index_copy(0, cells, own)
    return filled.reshape(*state.shape[:-1], *atoms.shape)


def _start(problem: PreparedMLN, predicate: str) -> int:
    """The first query atom of a predicate."""
    start = 0
    for name in problem.query:
        if name == predicate:
            return start
        start += problem.grounding.atoms[name].stop - problem.grounding.atoms[name].start
    raise InstanceError(f"expected a query predicate ({', '.join(problem.query)}), found {predicate!r}")
