"""Tables over a block: what a user gives and reads by name, for rows that may have instances of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.solvers.blocks import BlockData, BlockTable


class TableView(NamedTuple):
    """The tables of a block `[n]` of a batch.

    Attributes:
        solver_id: for messages.
        size: n, of the widest row.
        parts: what instances say of the block, each with its rows; None are all of them.
    """

    solver_id: str
    size: int
    parts: Sequence[tuple[BlockData, Sequence[int] | None]]

    def entries(self, block: str, tables: Mapping[str, Tensor]) -> Tensor:
        """Tables `[*batch, *shape]` by name to the block `[*batch, n]`, zero where there is no table.

        Raises:
            InstanceError: a table has other sizes in other rows, or there is none of this name.
            ObjectiveError: a table of another shape.
        """
        flat = {name: self._flat(block, name, table) for name, table in tables.items()}
        lead = torch.broadcast_shapes(*(part.shape[:-1] for part in flat.values()))  # type: ignore[no-untyped-call]
        flat = {name: part.expand(*lead, -1) for name, part in flat.items()}
        like = next(iter(flat.values()), torch.zeros(0))
        if self.parts[0][1] is None:
            return _gathered(self.parts[0][0], flat, like)
        cells = {name: part.reshape(lead.numel(), part.shape[-1]) for name, part in flat.items()}
        found = like.new_zeros(lead.numel(), self.size)
        for data, rows in self._rows(like):
            mine = {name: table[rows] for name, table in cells.items()}
            part = _gathered(data, mine, like.new_zeros(len(rows), 0))
            padded = torch.nn.functional.pad(part, (0, self.size - part.shape[-1]))
            found = found.index_copy(0, rows, padded)
        return found.reshape(*lead, self.size)

    def table(self, name: str, values: Tensor, inner: int) -> Tensor:
        """A table of the block `[*batch, ..., n]`, with what is known of the instances: `[*batch, ..., *shape]`.

        Args:
            name: of the table.
            values: the block.
            inner: how many dimensions of it follow the batch's.

        Raises:
            InstanceError: it has other sizes in other rows.
        """
        shape = self._shape(name)
        if self.parts[0][1] is None:
            return _filled(self.parts[0][0].tables[name], values)
        lead = values.shape[: values.ndim - inner]
        flat = values.reshape(lead.numel(), *values.shape[values.ndim - inner :])
        found = flat.new_zeros(*flat.shape[:-1], *shape)
        for data, rows in self._rows(flat):
            found = found.index_copy(0, rows, _filled(data.tables[name], flat[rows]))
        return found.reshape(*lead, *found.shape[1:])

    def _rows(self, like: Tensor) -> Iterator[tuple[BlockData, Tensor]]:
        """Instances with their rows, in every copy of the batch: vmap puts a dimension before it."""
        size = sum(len(rows or ()) for _, rows in self.parts)
        starts = torch.arange(0, len(like) if like.ndim else 0, max(size, 1), device=like.device)
        for data, rows in self.parts:
            own = torch.tensor(rows, dtype=torch.int64, device=like.device)
            yield data, (starts[:, None] + own).flatten()

    def _shape(self, name: str) -> tuple[int, ...]:
        for data, _ in self.parts:
            if name not in data.tables:
                raise InstanceError(
                    f"{self.solver_id}: expected a table ({', '.join(data.tables) or 'there are none'}), found {name!r}"
                )
        shapes = sorted({data.tables[name].shape for data, _ in self.parts})
        if len(shapes) > 1:
            raise InstanceError(
                f"{self.solver_id}: {name}: expected a table of the same sizes in every row, found tables of shape "
                f"{' and '.join(str(list(shape)) for shape in shapes)}",
                hint="use the whole block of each row, padded, instead of its tables",
            )
        return shapes[0]

    def _flat(self, block: str, name: str, table: Tensor) -> Tensor:
        shape = self._shape(name)
        found = table.shape if isinstance(table, Tensor) else ()
        if not isinstance(table, Tensor) or tuple(found[max(0, len(found) - len(shape)) :]) != shape:
            raise ObjectiveError(
                f"{self.solver_id}: {block}: {name}: expected shape [*batch, {', '.join(map(str, shape))}], found "
                f"{list(found) if isinstance(table, Tensor) else type(table).__name__}"
            )
        return table.reshape(*found[: len(found) - len(shape)], math.prod(shape))  # -1 means nothing in an empty batch


def _gathered(data: BlockData, flat: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """Cells `[*batch, cells]` by table to entries `[*batch, n]`."""
    found = like.new_zeros(*like.shape[:-1], data.size)
    for name, cells in flat.items():
        table = data.tables[name]
        picked = cells if table.cells is None else cells[..., torch.from_numpy(table.cells).to(cells.device)]
        after = data.size - table.start - table.size
        found = found + torch.nn.functional.pad(picked, (table.start, after))
    return found


def _filled(table: BlockTable, values: Tensor) -> Tensor:
    """The block `[*batch, n]` to the table `[*batch, *shape]`, with what is known."""
    own = values[..., table.start : table.start + table.size]
    if table.cells is None:
        return own.reshape(*values.shape[:-1], *table.shape)
    assert table.known is not None  # cells that are no entries are known
    found = torch.from_numpy(table.known().reshape(-1)).to(values).expand(*values.shape[:-1], -1)
    cells = torch.from_numpy(table.cells).to(values.device)
    filled = found.index_copy(-1, cells, own) if values.ndim > 1 else found.clone().index_copy(0, cells, own)
    return filled.reshape(*values.shape[:-1], *table.shape)
