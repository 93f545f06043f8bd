"""What a layer of several blocks returns: a tuple of tensors with names, and tables."""

from __future__ import annotations

import pickle
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils._pytree import register_pytree_node

from imle.errors import InstanceError
from imle.layers.packing import Packing


class BlockSolutions(tuple[Tensor, ...]):
    """Solutions by block: `y, n = layer(...)`, `out.y`, `out["y"]`, and `out["table"]` where a block has tables.

    The tuple has the blocks that every instance has, in the order of the spec; optional ones are attributes only. To
    `torch.func`, `torch.compile` and `torch.export` it is a tree (pytree) of its tensors.
    """

    _parts: dict[str, Tensor]
    _packing: Packing
    _inner: int

    def __new__(cls, parts: Mapping[str, Tensor], packing: Packing, inner: int = 0) -> BlockSolutions:
        """Args:
        parts: `[*batch, *shape]` by name of the block.
        packing: of the batch.
        inner: how many dimensions are between `*batch` and `*shape`.
        """
        made = super().__new__(cls, tuple(parts[b.name] for b in packing.declared if not b.optional))
        for block in packing.declared:
            made.__dict__[block.solution] = parts.get(block.name)
        made.__dict__.update(_parts=dict(parts), _packing=packing, _inner=inner)
        return made

    if TYPE_CHECKING:  # attributes are there, under the names of the spec

        def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        """A block or a table by name; otherwise as of a tuple.

        Raises:
            InstanceError: there is none of this name, or a table has other sizes in other rows.
        """
        if not isinstance(key, str):
            return super().__getitem__(key)
        packing = self._packing
        names = {block.solution: block.name for block in packing.order}
        if key in names:
            return self._parts[names[key]]
        tables = {table: name for name, data in packing.layouts[0].items() for table in data.tables}
        if key not in tables:
            raise InstanceError(f"{packing.solver_id}: expected one of {', '.join([*names, *tables])}, found {key!r}")
        block = tables[key]
        part, event = self._parts[block], len(packing.shapes[block])
        return packing.view(block).table(key, part.flatten(part.ndim - event), self._inner + 1)

    def __reduce__(self) -> Any:
        return BlockSolutions, (self._parts, self._packing, self._inner)


def _flatten(found: BlockSolutions) -> tuple[list[Tensor], tuple[tuple[str, ...], Packing, int]]:
    return list(found._parts.values()), (tuple(found._parts), found._packing, found._inner)


def _unflatten(parts: Iterable[Any], context: tuple[tuple[str, ...], Packing, int]) -> BlockSolutions:
    names, packing, inner = context
    return BlockSolutions(dict(zip(names, parts, strict=True)), packing, inner)


register_pytree_node(
    BlockSolutions,
    _flatten,
    _unflatten,
    serialized_type_name="imle.layers.BlockSolutions",
    to_dumpable_context=lambda context: b64encode(pickle.dumps(context)).decode(),
    from_dumpable_context=lambda content: pickle.loads(b64decode(content)),
)
