"""Which block of theta is not finite, and where: the core only sees all of them in one tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from imle.errors import ObjectiveError

Block = tuple[str, Tensor, Sequence[str]]
"""Its name, `[*batch, n]`, and what its n entries are called; nothing where rows differ in that."""


def refuse_non_finite(who: str, blocks: Iterable[Block]) -> None:
    """Raise if an entry of a block is not finite.

    Raises:
        ObjectiveError: names the block, the row, the entry, and how many there are.
    """
    for name, values, entries in blocks:
        try:
            bad = (~values.isfinite()).nonzero()
        except RuntimeError:  # under vmap, which can tell what is wrong but not where
            return
        if not len(bad):
            continue
        *row, at = bad[0].tolist()
        entry = f"position {at}" + (f" ({entries[at]})" if len(entries) else "")
        where = f"row {row[0] if len(row) == 1 else tuple(row)}, {entry}" if row else entry
        raise ObjectiveError(
            f"{who}: {name}: found {float(values[tuple(bad[0])])} in {where}; {len(bad)} of {values.numel()} entries "
            "are not finite",
            hint="check the network's output",
        )
