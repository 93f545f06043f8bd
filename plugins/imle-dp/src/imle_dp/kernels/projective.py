"""Best projective dependency trees by the algorithm of Eisner (Three new probabilistic models for dependency parsing,
COLING 1996): spans whose head is at one of their ends, with and without the arc between their ends.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, compiled


@compiled
def projective_trees(
    scores: Floats, lengths: Longs, bars: Floats, single_root: bool, solutions: Masks, found: Flags
) -> None:
    """Solve `[N, n + 1, n + 1]` scores of arcs from heads to words; 0 is the root.

    Args:
        scores, lengths, solutions, found: see `imle_dp.kernels`.
        bars: `[n + 1, n + 1]` what is added to arcs: 0 or -inf.
        single_root: the root has one word at most.
    """
    size = len(bars)
    # of spans from i to j, whose head is i (right) or j (left), with an arc between both that is the last one (joined);
    # left tables are [j, i], so that the inner loops run along lines
    right, right_joined = np.zeros((size, size)), np.zeros((size, size))
    left, left_joined = np.zeros((size, size)), np.zeros((size, size))
    spans = np.empty((2 * size + 2, 3), np.int64)
    for row in range(len(scores)):
        own, words = scores[row], lengths[row, 0]
        for width in range(1, words + 1):
            for i in range(words + 1 - width):
                j = i + width
                between = right[i, i] + left[j, i + 1]
                if i > 0 or not single_root:
                    for k in range(i + 1, j):
                        between = max(between, right[i, k] + left[j, k + 1])
                right_joined[i, j] = between + (own[i, j] + bars[i, j])
                # nothing is the head of the root
                left_joined[j, i] = between + (own[j, i] + bars[j, i]) if i > 0 else -np.inf
                value, other = -np.inf, -np.inf
                for k in range(i + 1, j + 1):
                    value = max(value, right_joined[i, k] + right[k, j])
                for k in range(i, j):
                    other = max(other, left[k, i] + left_joined[j, k])
                right[i, j], left[j, i] = value, other
        found[row] = right[0, words] > -np.inf
        if found[row]:
            back(words, single_root, right, left, right_joined, left_joined, spans, solutions[row])


RIGHT, LEFT, RIGHT_JOINED, LEFT_JOINED = 0, 1, 2, 3
"""Kinds of spans."""


@compiled
def back(
    words: int,
    single_root: bool,
    right: Floats,
    left: Floats,
    right_joined: Floats,
    left_joined: Floats,
    spans: Longs,
    solution: Masks,
) -> None:
    """Write the arcs of the best tree; `spans` are those still to be taken apart, as (kind, from, to)."""
    spans[0] = (RIGHT, 0, words)
    waiting = 1
    while waiting:
        waiting -= 1
        kind, i, j = spans[waiting]
        if i == j:
            continue
        best, place = -np.inf, -1
        if kind == RIGHT:
            for k in range(i + 1, j + 1):
                if right_joined[i, k] + right[k, j] > best:
                    best, place = right_joined[i, k] + right[k, j], k
            spans[waiting] = (RIGHT_JOINED, i, place)
            spans[waiting + 1] = (RIGHT, place, j)
        elif kind == LEFT:
            for k in range(i, j):
                if left[k, i] + left_joined[j, k] > best:
                    best, place = left[k, i] + left_joined[j, k], k
            spans[waiting] = (LEFT, i, place)
            spans[waiting + 1] = (LEFT_JOINED, place, j)
        else:
            if kind == RIGHT_JOINED:
                solution[i, j] = 1
            else:
                solution[j, i] = 1
            for k in range(i, j if i > 0 or not single_root else i + 1):
                if right[i, k] + left[j, k + 1] > best:
                    best, place = right[i, k] + left[j, k + 1], k
            spans[waiting] = (RIGHT, i, place)
            spans[waiting + 1] = (LEFT, place + 1, j)
        waiting += 2
