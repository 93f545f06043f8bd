"""Named blocks: how an instance lays several tensors out in one objective, and what is known of each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle.errors import SolverContractError

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlockTable:
    """A named table over a part of a block, such as the atoms of one predicate over the domains of its arguments.

    A user may give such a block as a mapping of tables, and reads tables in what the layer returns.

    Args:
        shape: of the table.
        start: the first entry of the block that is a cell, in C order.
        cells: `[n]` the cells, in C order, that entries from `start` on are; None if they are all cells in their order.
        known: gives `[*shape]`, what cells hold that are no entries, when a table is read; None where all cells are.
    """

    shape: tuple[int, ...]
    start: int = 0
    cells: Index | None = None
    known: Callable[[], NDArray[Any]] | None = None

    @property
    def size(self) -> int:
        """How many entries of the block are cells."""
        return math.prod(self.shape) if self.cells is None else len(self.cells)


@dataclass(frozen=True, eq=False)
class BlockData:
    """What an instance says of one block.

    Args:
        shape: of the block in one row.
        default: `[*shape]`, or a number for all entries: what stands for a block that a user leaves out. None: it may
            not be left out.
        offset: `[*shape]` a constant that solutions have in addition, as users see them. The solver never sees it, so
            that differences of solutions stay exact however large it is.
        gradient_scale: `[*shape]` what gradients of the block are multiplied by; None for 1.
        baseline: `[*shape]` whole numbers, at most the block's size: entries with the same positive number are values
            of one variable that can also have none of them. That value takes noise, too, so that such an entry has the
            difference of its own draw and of one that they share: of Gumbel noise, and where an entry is alone,
            logistic noise. 0 for other entries; None for all of them.
        largest: the largest number of a solution as users see it. Where the dtype of the input does not hold whole
            numbers up to it, the block comes back in float32 or float64.
        tables: by name.
    """

    shape: tuple[int, ...]
    default: ArrayLike | None = None
    offset: Floats | None = None
    gradient_scale: Floats | None = None
    baseline: Index | None = None
    largest: float = 1.0
    tables: Mapping[str, BlockTable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("default", "offset", "gradient_scale", "baseline"):
            value = getattr(self, name)
            if (
                value is not None
                and np.shape(value) != self.shape
                and not (name == "default" and np.shape(value) == ())
            ):
                raise SolverContractError(
                    f"block: {name}: expected shape {list(self.shape)}, found {list(np.shape(value))}"
                )

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)


class BlockLayout(Mapping[str, BlockData]):
    """The blocks of an instance, one after the other in its objective `[m]`, each in C order.

    A prepared solver whose spec declares blocks has one, as `blocks`.

    Args:
        blocks: by name, in the order of the objective, which need not be that of the spec; a shape, or a number for a
            vector, stands for a block with nothing else to say.

    Example::

        >>> blocks = BlockLayout(weights=2, potentials=(2, 3))
        >>> blocks.objective_shape
        (8,)
        >>> [part.shape for part in blocks.split(np.zeros((5, 8))).values()]
        [(5, 2), (5, 2, 3)]
    """

    def __init__(self, **blocks: BlockData | Sequence[int] | int) -> None:
        self._blocks = {name: _data(block) for name, block in blocks.items()}
        self.places: dict[str, slice] = {}
        stop = 0
        for name, block in self._blocks.items():
            self.places[name] = slice(stop, stop + block.size)
            stop += block.size
        self.objective_shape: tuple[int, ...] = (stop,)

    def __getitem__(self, name: str) -> BlockData:
        return self._blocks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    def split(self, objective: Any) -> dict[str, Any]:
        """One array or tensor to its blocks.

        Args:
            objective: `[N, m]` objectives or solutions, of numpy or torch.

        Returns:
            `[N, *shape]` by name; views of what was given.
        """
        rows = objective.shape[0]
        return {
            name: objective[:, place].reshape(rows, *self._blocks[name].shape) for name, place in self.places.items()
        }

    def join(self, **blocks: Any) -> Floats:
        """The inverse of `split`, for numpy.

        Args:
            blocks: `[N, *shape]` by name, for every block of the layout.

        Returns:
            `[N, m]` float64, a copy.
        """
        return np.concatenate(
            [np.reshape(blocks[name], (len(blocks[name]), block.size)) for name, block in self._blocks.items()], axis=1
        ).astype(np.float64)


def _data(block: BlockData | Sequence[int] | int) -> BlockData:
    if isinstance(block, BlockData):
        return block
    return BlockData((block,) if isinstance(block, int) else tuple(block))


def blocks_of(prepared: Any) -> BlockLayout | None:
    """The blocks of a prepared solver, or None where its objective is one tensor."""
    found: BlockLayout | None = getattr(prepared, "blocks", None)
    return found


Labels = Sequence[Hashable] | Mapping[str, Sequence[Hashable]]
"""Names of the entries of an objective, one for each in C order, by block where there are several: edges as the user
calls them, names of variables or atoms."""


def labels_of(prepared: Any) -> Labels | None:
    """Names of the entries of an objective, or None if they have none."""
    found: Labels | None = getattr(prepared, "labels", None)
    return found
