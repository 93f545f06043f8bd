"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL.

Arguments that several of them take, over one graph for all rows:

- `objective`: `[N, items]` costs, which kernels read and never write,
- `solutions`: `[N, items]` 0/1 masks that come in as zeros,
- `tails, heads`: `[E]` node numbers,
- `start, node, item`: the fields of `Arcs`,
- `width`: rows solved together, one per SIMD lane; it affects speed only.

Kernels for shortest paths also take `sources` and `targets`, `[N]` node numbers, and write, per row,

- `values[row]`: the sum of the row's own costs over the mask, before any clipping,
- `found[row]`: whether there is a path of finite cost,
- `negatives[row]`: how many entries are below the floor, and were raised to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Ints, compiled


class Arcs(NamedTuple):
    """Arcs sorted by one of their ends, then by edge; an undirected edge is two arcs.

    Attributes:
        start: `[nodes + 1]`, where the arcs of each node begin.
        node: `[arcs]`, the other end.
        item: `[arcs]`, the position in the objective that the arc costs.
    """

    start: Ints
    node: Ints
    item: Ints


@compiled
def variable(literal: int) -> int:
    """The first value of a number that other kernels are given: numba compiles a kernel anew for every literal."""
    return int(np.int64(literal))
