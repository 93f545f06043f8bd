"""Shortest paths on a grid with costs on its cells: Bellman-Ford by rows, in SIMD lanes, without adjacency lists.

Labels lie in a grid with a border of infinities, so that no cell needs a bounds check. A row is settled from the row
above (or below) it in one flat pass, then from left to right and from right to left, which makes it a fixpoint of its
own. Sweeps run down and up over the rows whose neighbour changed until there is none.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, compiled
from imle_networkx.kernels.lanes import Trail, blank, follow, load, relax


@compiled
def grid_paths(
    objective: Floats,
    solutions: Masks,
    values: Floats,
    found: Flags,
    negatives: Longs,
    breadth: int,
    diagonals: bool,
    sources: Longs,
    targets: Longs,
    width: int,
) -> None:
    """Solve `[N, cells]` costs, `width` rows of the batch at a time; costs below zero count as zero.

    Args:
        objective: costs of the cells, row by row of the grid.
        solutions, values, found, negatives, sources, targets, width: see `imle_networkx.kernels`; nodes are cells.
        breadth: cells in a row of the grid.
        diagonals: eight neighbours instead of four.
    """
    rows, cells = objective.shape
    height, stride = cells // breadth, breadth + 2
    labels = np.empty((height + 2) * stride * width)
    costs = np.empty(cells * width)
    down = np.zeros(height + 2, np.bool_)
    up = np.zeros(height + 2, np.bool_)
    steps = np.array([-stride, -1, 1, stride, -stride - 1, -stride + 1, stride - 1, stride + 1])
    steps = steps if diagonals else steps[:4]
    trail = blank((height + 2) * stride)
    for first in range(0, rows, width):
        lanes = min(width, rows - first)
        load(objective, first, lanes, 0.0, costs, negatives)
        labels[:] = np.inf
        for lane in range(lanes):
            source = sources[first + lane]
            line = source // breadth + 1
            labels[bordered(source, breadth) * lanes + lane] = costs[source * lanes + lane]
            down[line] = down[line + 1] = up[line - 1] = True
        settle(labels, costs, down, up, breadth, diagonals, lanes)
        for lane in range(lanes):
            row = first + lane
            source, target = bordered(sources[row], breadth), bordered(targets[row], breadth)
            found[row] = trace(labels, costs, lanes, lane, breadth, steps, source, target, row, trail)
            if found[row]:
                paid, after, by = sources[row], trail.after, trail.by
                values[row] = follow(objective[row], paid, source, target, after, by, solutions[row])


@compiled
def bordered(cell: int, breadth: int) -> int:
    """The position of a cell in the grid with a border."""
    return (cell // breadth + 1) * (breadth + 2) + cell % breadth + 1


@compiled
def settle(labels: Floats, costs: Floats, down: Flags, up: Flags, breadth: int, diagonals: bool, lanes: int) -> None:
    """Sweep until no label changes.

    `down[line]` says that the line above has changed since this one was settled from it; `up[line]` the line below.
    """
    height = down.size - 2
    active = True
    while active:
        active = False
        for line in range(1, height + 1):
            if down[line]:
                down[line] = False
                if settle_line(labels, costs, line, line - 1, breadth, diagonals, lanes):
                    active = down[line + 1] = up[line - 1] = True
        for line in range(height, 0, -1):
            if up[line]:
                up[line] = False
                if settle_line(labels, costs, line, line + 1, breadth, diagonals, lanes):
                    active = down[line + 1] = up[line - 1] = True


@compiled
def settle_line(
    labels: Floats, costs: Floats, line: int, beside: int, breadth: int, diagonals: bool, lanes: int
) -> bool:
    """Settle one line of the grid from the line beside it and from itself. True if any label changed."""
    here = line * (breadth + 2) + 1
    there = beside * (breadth + 2) + 1
    cell = (line - 1) * breadth
    changed = False
    new = labels[here * lanes : (here + breadth) * lanes]
    straight = labels[there * lanes : (there + breadth) * lanes]
    left = labels[(there - 1) * lanes : (there - 1 + breadth) * lanes] if diagonals else straight
    right = labels[(there + 1) * lanes : (there + 1 + breadth) * lanes] if diagonals else straight
    cost = costs[cell * lanes : (cell + breadth) * lanes]
    for k in range(new.size):
        best = left[k] if left[k] < straight[k] else straight[k]
        best = right[k] if right[k] < best else best
        best += cost[k]
        changed |= best < new[k]
        new[k] = best if best < new[k] else new[k]
    for k in range(1, breadth):
        changed |= relax(labels, here + k, here + k - 1, costs, cell + k, lanes)
    for k in range(breadth - 2, -1, -1):
        changed |= relax(labels, here + k, here + k + 1, costs, cell + k, lanes)
    return changed


@compiled
def trace(
    labels: Floats,
    costs: Floats,
    lanes: int,
    lane: int,
    breadth: int,
    steps: Longs,
    source: int,
    target: int,
    row: int,
    trail: Trail,
) -> bool:
    """Search backwards along tight steps, breadth first, as `imle_networkx.kernels.sweep.trace` does.

    All but `by` are positions in the grid with a border.
    """
    seen, after, by, queue = trail
    stride = breadth + 2
    if not labels[target * lanes + lane] < np.inf:
        return False
    queue[0] = target
    seen[target] = row
    first, end = 0, 1
    while first < end:
        place = queue[first]
        first += 1
        if place == source:
            return True
        cell = (place // stride - 1) * breadth + place % stride - 1
        label, cost = labels[place * lanes + lane], costs[cell * lanes + lane]
        for step in steps:
            before = place + step
            # the border holds infinities, which never add up to a finite label
            if seen[before] != row and labels[before * lanes + lane] + cost == label:
                seen[before] = row
                after[before], by[before] = place, cell
                queue[end] = before
                end += 1
    return False
