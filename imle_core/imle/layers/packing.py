"""How the blocks of a batch lie in one tensor: tensors by name in and out, whatever instance each row has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError, SolverContractError
from imle.layers.instances import Group, PreparedInstance
from imle.layers.shapes import check_objective
from imle.layers.tables import TableView
from imle.plugins.spec import Block
from imle.solvers.blocks import BlockLayout, blocks_of

Given = Tensor | Mapping[str, Tensor]
"""A block as a user gives it: a tensor, or tables by name."""


class Packed(NamedTuple):
    """What blocks became.

    Attributes:
        theta: `[*batch, m]`, in a dtype that holds the numbers of solutions.
        lead: the batch dimensions.
        dtype: that of the blocks, the widest where they differ: none is rounded to that of another one.
        blocks: `[*batch, *shape]` as given, or filled in.
    """

    theta: Tensor
    lead: torch.Size
    dtype: torch.dtype
    blocks: Mapping[str, Tensor]


class Packing:
    """The blocks of a batch whose rows may have different instances; each block is as wide as the widest of them.

    It consists of shapes and constants, so that what a layer returns can keep it, and be pickled with it.

    Args:
        solver_id: for messages.
        blocks: those of the spec.
        groups: rows by instance.
        batch: how many rows there are, if instance parameters tell.

    Attributes:
        order: the blocks there are, in the order in which users give them.
        shapes: of each block, in the order of the objective.
        places: where each block is in `[m]`.
        largest: the largest number of each block's solutions.
        noisy: `[n]` which entries of `[m]` take noise; None for all.
        baseline: `[n]` or `[B, n]`, for the entries that take noise, whose second draw is taken off theirs, or -1 for
            none; None if it is that for all.

    Raises:
        InstanceError: rows differ in their blocks, or in the number of dimensions of one.
        SolverContractError: a prepared solver has other blocks than the spec declares.
    """

    def __init__(
        self, solver_id: str, blocks: Sequence[Block], groups: Sequence[Group], batch: int | None = None
    ) -> None:
        self.solver_id = solver_id
        self.batch = batch
        self.layouts = [self._checked(group, blocks) for group in groups]
        self.rows = [group.rows for group in groups]
        self._lines = () if self.alone else (sum(len(own or ()) for own in self.rows),)
        first = self.layouts[0]
        for layout in self.layouts:
            if list(layout) != list(first) or any(len(layout[k].shape) != len(first[k].shape) for k in first):
                raise InstanceError(f"{solver_id}: expected the same blocks in every row, found others")
        self.order = tuple(block for block in blocks if block.name in first)
        self.declared = tuple(blocks)
        self.shapes = {
            name: tuple(map(max, zip(*(layout[name].shape for layout in self.layouts), strict=True))) for name in first
        }
        wide = BlockLayout(**self.shapes)
        self.places = wide.places
        self.size = wide.objective_shape[0]
        self.ragged = any(layout[k].shape != self.shapes[k] for layout in self.layouts for k in first)
        self.largest = {name: max(layout[name].largest for layout in self.layouts) for name in first}
        self.noisy = self._noisy()
        with torch.inference_mode(False):  # autograd saves some of them
            self._defaults = {name: self._gathered(name, "default", 0.0) for name in first}
            self._scales = {name: self._gathered(name, "gradient_scale", 1.0) for name in first}
            self._offset = self._of_all("offset")
            self.baseline = self._baselines()
        self._columns = {id(group.kept): self._own(layout) for group, layout in zip(groups, self.layouts, strict=True)}
        self._kept = [group.kept for group in groups]  # so that no other gets their ids

    def _checked(self, group: Group, blocks: Sequence[Block]) -> BlockLayout:
        layout = blocks_of(group.prepared)
        if layout is None:
            raise SolverContractError(
                f"{self.solver_id}: expected blocks of the prepared solver, as the spec declares them, found none",
                hint="blocks = imle.solvers.BlockLayout(...)",
            )
        known = {block.name for block in blocks}
        needed = {block.name for block in blocks if not block.optional}
        if not needed <= set(layout) <= known:
            raise SolverContractError(
                f"{self.solver_id}: expected blocks {', '.join(sorted(known))}, as the spec declares them, found "
                f"{', '.join(layout)}"
            )
        if group.prepared.objective_shape != layout.objective_shape:
            raise SolverContractError(
                f"{self.solver_id}: expected the objective_shape of the blocks, {layout.objective_shape}, found "
                f"{group.prepared.objective_shape}"
            )
        return layout

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_columns": {}, "_kept": []}  # prepared solvers stay behind

    @property
    def alone(self) -> bool:
        """Whether all rows have one instance."""
        return self.rows[0] is None

    def columns(self, kept: PreparedInstance) -> Tensor:
        """`[n]` which entries of `[m]` are those of an instance."""
        return self._columns[id(kept)]

    def _own(self, layout: BlockLayout) -> Tensor:
        parts = [_corner(self.shapes[name], block.shape) + self.places[name].start for name, block in layout.items()]
        return torch.from_numpy(np.concatenate([np.zeros(0, np.int64), *parts]))

    def pack(self, given: Mapping[str, Given | None], *, rescale: bool = True) -> Packed:
        """Blocks to one objective.

        Args:
            given: `[*batch, *shape]`, `[*shape]` for shared blocks, or tables; None for what is left out.
            rescale: gradients of blocks are multiplied by their `gradient_scale`.

        Raises:
            ObjectiveError: a block of another shape or dtype, or batches that do not fit; names the block.
        """
        for block in self.declared:
            if given.get(block.name) is not None and block.name not in self.shapes:
                raise ObjectiveError(
                    f"{self.solver_id}: {block.name}: expected none, the instance has no such block",
                    hint=block.doc or None,
                )
        found = {
            block.name: self._tensor(block, value)
            for block in self.order
            if not ((value := given.get(block.name)) is None or (isinstance(value, Mapping) and not value))
        }
        lead = self._lead(found)
        like = next(iter(found.values()), torch.zeros(0))
        dtype = reduce(torch.promote_types, (part.dtype for part in found.values()), like.dtype)
        like = like.new_empty(0, dtype=dtype)
        for block in self.order:
            if block.name not in found:
                found[block.name] = self._default(block, like, lead)
        wide = self.holding(dtype, like)
        parts = []
        for name, shape in self.shapes.items():
            flat = found[name].reshape(*self._rows_of(name, found[name]), math.prod(shape)).to(wide)
            scale = self._scales[name]
            if rescale and scale is not None and torch.is_grad_enabled():
                flat = scaled(flat, _along(scale, lead).to(flat))
            parts.append(flat.expand(*lead, -1))
        return Packed(torch.cat(parts, dim=-1), lead, dtype, found)

    def pack_solutions(self, given: Mapping[str, Tensor]) -> Tensor:
        """Solutions by block, as users see them, to one tensor `[*batch, m]`."""
        found = {block.name: self._fitting(block, block.solution, given.get(block.solution)) for block in self.order}
        lead = self._lead(found)
        flat = [found[name].expand(*lead, *shape).reshape(*lead, -1) for name, shape in self.shapes.items()]
        return torch.cat(flat, dim=-1)

    def complete(self, solutions: Tensor, lead: Sequence[int]) -> Tensor:
        """What a solver returned, `[*lead, m]` or `[*lead, S, m]`, with the constants of its instances."""
        return solutions if self._offset is None else solutions + self._spread(solutions, lead)

    def incomplete(self, solutions: Tensor, lead: Sequence[int]) -> Tensor:
        """The inverse of `complete`."""
        return solutions if self._offset is None else solutions - self._spread(solutions, lead)

    def _spread(self, like: Tensor, lead: Sequence[int]) -> Tensor:
        assert self._offset is not None
        offset = _along(self._offset, lead).to(like)
        return offset.unsqueeze(-2) if like.ndim - len(lead) > 1 else offset

    def unpack(self, solutions: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
        """`[..., m]` to `[..., *shape]` of each block, in the dtype or one that holds its numbers."""
        return {
            block.name: solutions[..., self.places[block.name]]
            .reshape(*solutions.shape[:-1], *self.shapes[block.name])
            .to(holding(dtype, self.largest[block.name], solutions))
            for block in self.order
        }

    def holding(self, dtype: torch.dtype, like: Tensor) -> torch.dtype:
        """A dtype that holds the numbers of all blocks."""
        return holding(dtype, max(self.largest.values()), like)

    def _noisy(self) -> Tensor | None:
        if all(block.noise for block in self.order):
            return None
        places = [self.places[block.name] for block in self.order if block.noise]
        return torch.from_numpy(np.concatenate([np.zeros(0, np.int64), *(np.arange(p.start, p.stop) for p in places)]))

    def _baselines(self) -> Tensor | None:
        numbers = self._of_all("baseline")
        if numbers is None or not bool(numbers.any()):
            return None
        sizes = torch.tensor([place.stop - place.start for place in self.places.values()], device="cpu")
        firsts = torch.tensor([place.start for place in self.places.values()], device="cpu")
        starts = firsts.repeat_interleave(sizes)
        found = torch.where(numbers > 0, starts + numbers.long() - 1, -1)
        if self.noisy is None:
            return found
        place = torch.zeros(self.size, dtype=torch.int64, device="cpu")
        place[self.noisy] = torch.arange(len(self.noisy), device="cpu")
        found = found[..., self.noisy]
        return torch.where(found < 0, -1, place[found])

    def _of_all(self, field: str) -> Tensor | None:
        """A field of all blocks, `[m]` or `[B, m]`; None if no block has it."""
        parts = {name: self._gathered(name, field, 0.0) for name in self.shapes}
        if all(part is None for part in parts.values()):
            return None
        filled = [
            torch.zeros(*self._lines, math.prod(shape), dtype=torch.float64, device="cpu") if part is None else part
            for shape, part in zip(self.shapes.values(), parts.values(), strict=True)
        ]
        return torch.cat(filled, dim=-1)

    def _gathered(self, name: str, field: str, fill: float) -> Tensor | None:
        """A field of a block, `[n]`, or `[B, n]` where rows have instances of their own; None if no row has it."""
        values = [getattr(layout[name], field) for layout in self.layouts]
        if all(value is None for value in values):
            return None
        filled = [
            np.broadcast_to(np.asarray(fill if value is None else value, np.float64), layout[name].shape).ravel()
            for layout, value in zip(self.layouts, values, strict=True)
        ]
        if self.alone:
            return torch.from_numpy(filled[0].copy())
        found = np.full((*self._lines, math.prod(self.shapes[name])), fill)
        for layout, own, part in zip(self.layouts, self.rows, filled, strict=True):
            found[np.ix_(own or [], _corner(self.shapes[name], layout[name].shape))] = part
        return torch.from_numpy(found)

    def _default(self, block: Block, like: Tensor, lead: torch.Size) -> Tensor:
        found = self._defaults[block.name]
        if found is None:
            raise ObjectiveError(f"{self.solver_id}: {block.name}: {self._expected(block)}, found none")
        shape = self.shapes[block.name]
        return found.to(like).reshape(*(() if self.alone else lead), *shape)

    def _tensor(self, block: Block, given: Given) -> Tensor:
        if isinstance(given, Mapping):
            given = self.view(block.name).entries(block.name, given)
        return self._fitting(block, block.name, given)

    def view(self, name: str) -> TableView:
        """The tables of a block."""
        parts = [(layout[name], rows) for layout, rows in zip(self.layouts, self.rows, strict=True)]
        return TableView(self.solver_id, math.prod(self.shapes[name]), parts)

    def _fitting(self, block: Block, name: str, given: Any) -> Tensor:
        shape = self.shapes[block.name]
        try:
            check_objective(given)
        except ObjectiveError as error:
            told = error.message.removeprefix("objective: ")
            raise ObjectiveError(f"{self.solver_id}: {name}: {told}", hint=error.hint) from None
        if given.ndim < len(shape) or tuple(given.shape[given.ndim - len(shape) :]) != shape:
            raise ObjectiveError(
                f"{self.solver_id}: {name}: {self._expected(block)}, found {list(given.shape)}; an objective is "
                f"{', '.join(map(self._described, self.order))}",
                hint="layer.labels lists the entries" if math.prod(shape) else None,
            )
        return given  # type: ignore[no-any-return]  # checked

    def _rows_of(self, name: str, part: Tensor) -> torch.Size:
        """`*batch` of `[*batch, *shape]`."""
        return part.shape[: part.ndim - len(self.shapes[name])]

    def _lead(self, found: Mapping[str, Tensor]) -> torch.Size:
        """The batch dimensions."""
        leads = {name: self._rows_of(name, part) for name, part in found.items()}
        try:
            lead = torch.broadcast_shapes(*leads.values())  # type: ignore[no-untyped-call]  # torch's own
        except RuntimeError:
            told = " and ".join(f"{name} {list(part.shape)}" for name, part in found.items())
            raise ObjectiveError(f"{self.solver_id}: expected blocks of the same batch, found {told}") from None
        if not lead and self.batch is not None:
            lead = torch.Size((self.batch,))
        if self.batch is not None and lead.numel() != self.batch:  # in this order: numel() fixes B in a graph
            raise InstanceError(
                f"{self.solver_id}: expected one value of each instance parameter per row, {lead.numel()} in all, "
                f"found {self.batch}"
            )
        for block in self.order:
            if block.name in leads and not block.shared and leads[block.name] != lead:
                raise ObjectiveError(
                    f"{self.solver_id}: {block.name}: expected shape {list(lead) + list(self.shapes[block.name])}, one "
                    f"for each row of the batch, found {list(found[block.name].shape)}"
                )
        if self.ragged:
            self._refuse_shared(leads, lead)
        return lead  # type: ignore[no-any-return]  # torch's own

    def _refuse_shared(self, leads: Mapping[str, torch.Size], lead: torch.Size) -> None:
        """A block that is given once has the same entries in every row."""
        for name, own in leads.items():
            sizes = sorted({layout[name].shape for layout in self.layouts})
            if len(sizes) > 1 and own != lead:
                raise InstanceError(
                    f"{self.solver_id}: {name}: expected as many entries in every row, for it is given once, found "
                    f"shapes {' and '.join(str(list(size)) for size in sizes)}",
                    hint=f"give {name} for each row, padded",
                )

    def _expected(self, block: Block) -> str:
        shape, rows = self._inner(block), "*batch" + (", " if self.shapes[block.name] else "")
        if any(layout[block.name].tables for layout in self.layouts):
            return f"expected a tensor [{rows}{shape}] or a mapping of tables"
        return f"expected shape [{shape}] or [{rows}{shape}]" if block.shared else f"expected shape [{rows}{shape}]"

    def _described(self, block: Block) -> str:
        """A block, in words."""
        shape = self._inner(block)
        tables = self.layouts[0][block.name].tables if self.alone else {}
        inner = ", ".join(f"{name} {table.size}" for name, table in tables.items() if table.size)
        if block.shared and not tables:
            return f"{block.name} [{shape}] or [*batch, {shape}]"
        return f"{block.name} [*batch, {shape}]{f' ({inner})' if inner else ''}"

    def _inner(self, block: Block) -> str:
        return ", ".join(map(str, self.shapes[block.name]))

    @property
    def listed(self) -> str:
        """One tensor of all blocks, in words."""
        parts = ", then ".join(f"{math.prod(shape)} of {name}" for name, shape in self.shapes.items())
        return f"[*batch, {self.size}]: {parts}"


def holding(dtype: torch.dtype, largest: float, like: Tensor) -> torch.dtype:
    """The narrowest dtype from one on that holds all whole numbers up to a largest, or else the widest."""
    widest = torch.float32 if like.device.type == "mps" else torch.float64  # MPS has no float64
    wider = (one for one in (dtype, torch.float32) if largest <= 2 / torch.finfo(one).eps)
    return next(wider, widest)


def _corner(wide: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Which entries of a flat block are those of a narrower one in its corner."""
    return np.arange(math.prod(wide)).reshape(wide)[tuple(map(slice, shape))].reshape(-1)


def _along(numbers: Tensor, lead: Sequence[int]) -> Tensor:
    """`[n]`, or `[B, n]` as `[*batch, n]`."""
    return numbers if numbers.ndim == 1 else numbers.reshape(*lead, -1)


def scaled(values: Tensor, scale: Tensor) -> Tensor:
    """The same values, bit by bit; what flows back to them is multiplied by a scale."""
    own = values * scale
    return values.detach() + (own - own.detach())
