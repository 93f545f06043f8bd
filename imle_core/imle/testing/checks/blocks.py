"""Blocks and labels: what an instance says of the entries of its objective fits the spec, and is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from imle.solvers.blocks import BlockData, BlockLayout, blocks_of, labels_of
from imle.testing.failure import CheckFailure
from imle.testing.subject import Case

_FIX = "make the spec's blocks, and blocks, labels and objective_shape of what prepare() returns, agree"


def check_blocks(case: Case) -> None:
    """Blocks are those of the spec, fill the objective, and every entry has a label if one has."""
    prepared = case.prepare()
    layout, labels = blocks_of(prepared), labels_of(prepared)
    prepared.close()
    declared = {block.name: block.optional for block in case.spec.blocks}
    names = [] if layout is None else list(layout)
    needed = {name for name, optional in declared.items() if not optional}
    if not needed <= set(names) <= set(declared):
        _fail(case, f"blocks {', '.join(declared) or 'none'}, as the spec says", ", ".join(names) or "none")
    if layout is None:
        if labels is not None:
            _check_labels(case, labels, int(np.prod(case.shape)), "labels")
        return
    if case.shape != layout.objective_shape:
        _fail(case, f"the objective_shape of the blocks, {layout.objective_shape}", str(case.shape))
    for name, data in layout.items():
        _check_data(case, name, data)
    if labels is not None:
        _check_names(case, layout, labels)


def _check_data(case: Case, name: str, data: BlockData) -> None:
    for field in ("offset", "gradient_scale"):
        values = getattr(data, field)
        if values is not None and not np.isfinite(values).all():
            _fail(case, f"{name}: {field}: finite numbers", "others")
    for table, own in data.tables.items():
        cells = int(np.prod(own.shape))
        if own.start < 0 or own.start + own.size > data.size:
            _fail(case, f"table {table}: entries of {name}, which has {data.size}", f"{own.start} and {own.size} more")
        if own.cells is not None and (len(own.cells) and not 0 <= own.cells.min() <= own.cells.max() < cells):
            _fail(case, f"table {table}: cells below {cells}", f"{own.cells.min()} to {own.cells.max()}")
        if own.cells is not None and (own.known is None or own.known().shape != own.shape):
            _fail(case, f"table {table}: known() of shape {own.shape}, for not all cells are entries", "none such")


def _check_names(case: Case, layout: BlockLayout, labels: object) -> None:
    if not isinstance(labels, Mapping) or not set(labels) <= set(layout):
        _fail(case, f"labels by block ({', '.join(layout)})", type(labels).__name__)
    for name, own in labels.items():
        _check_labels(case, own, layout[name].size, f"labels of {name}")


def _check_labels(case: Case, labels: object, size: int, where: str) -> None:
    if not isinstance(labels, Sequence) or len(labels) != size:
        found = str(len(labels)) if isinstance(labels, Sequence) else type(labels).__name__
        _fail(case, f"{where}: {size}, one per entry", found)


def _fail(case: Case, expected: str, found: str) -> NoReturn:
    raise CheckFailure(expected, found, where=case.where, fix=_FIX)
