"""What `imle check` checks the solvers on; imported by checks and by nothing else. All solutions are listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from imle.testing import Floats, Instance

TOO_LARGE = 1e305
"""Finite; sums of a few thousand of them are not."""


def instances(solver_id: str) -> list[Instance]:
    """Small instances, and all their solutions."""
    offered: dict[str, Callable[[], list[Instance]]] = {"viterbi": _paths, "segmentation": _segmentations}
    return offered[solver_id]()


def _paths() -> list[Instance]:
    tagging = np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]])  # nothing inside of what has not begun
    return [
        Instance(
            "three steps",
            {"steps": 3, "states": 2},
            solutions=segmentations(3, 1, 2),
            rows={"lengths": [3, 1, 2, None]},
            bad_objective=np.full(10, TOO_LARGE),
        ),
        Instance(
            "costs, a length, transitions of each step",
            {"steps": 4, "states": 2, "lengths": 3, "stationary": False},
            {"sense": "min"},
            solutions=segmentations(4, 1, 2, 3, stationary=False),
        ),
        Instance(
            "named states, some moves",
            {"steps": 3, "states": ["O", "B", "I"], "allowed": tagging, "starts": [1, 1, 0], "ends": [1, 0, 1]},
            solutions=segmentations(3, 1, 3, allowed=tagging, starts=[0, 1], ends=[0, 2]),
        ),
    ]


def _segmentations() -> list[Instance]:
    other = 1 - np.eye(2)
    return [
        Instance(
            "four steps",
            {"steps": 4, "longest": 3, "kinds": 2},
            solutions=segmentations(4, 3, 2),
            rows={"lengths": [4, 1, 3, None]},
            bad_objective=np.full(28, TOO_LARGE),
        ),
        Instance(
            "costs, one kind",
            {"steps": 5, "longest": 2, "kinds": ["segment"], "lengths": 4, "stationary": False},
            {"sense": "min"},
            solutions=segmentations(5, 2, 1, 4, stationary=False),
        ),
        Instance(
            "kinds differ from one segment to the next",
            {"steps": 4, "longest": 4, "kinds": 2, "allowed": other, "starts": [1, 0]},
            solutions=segmentations(4, 4, 2, allowed=other, starts=[0]),
        ),
    ]


def segmentations(
    steps: int,
    longest: int,
    kinds: int,
    length: int | None = None,
    *,
    stationary: bool = True,
    allowed: Floats | None = None,
    starts: list[int] | None = None,
    ends: list[int] | None = None,
) -> Floats:
    """`[M, m]` all segmentations of a sequence, written out from what the blocks mean."""
    length = steps if length is None else length
    allowed = np.ones((kinds, kinds)) if allowed is None else np.asarray(allowed)
    found = []
    for cuts in itertools.product((False, True), repeat=length - 1):
        edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), length]
        widths = [end - start for start, end in itertools.pairwise(edges)]
        if max(widths) > longest:
            continue
        for labels in itertools.product(range(kinds), repeat=len(widths)):
            pairs = list(itertools.pairwise(labels))
            if not all(allowed[pair] for pair in pairs):
                continue
            if (starts is not None and labels[0] not in starts) or (ends is not None and labels[-1] not in ends):
                continue
            segments = np.zeros((steps, longest, kinds))
            moves = np.zeros((1 if stationary else steps - 1, kinds, kinds))
            for start, width, kind in zip(edges, widths, labels, strict=False):
                segments[start, width - 1, kind] += 1
            for start, pair in zip(edges[1:], pairs, strict=False):
                moves[0 if stationary else start - 1][pair] += 1
            found.append(np.concatenate([segments.ravel(), moves.ravel()]))
    return np.array(found)
