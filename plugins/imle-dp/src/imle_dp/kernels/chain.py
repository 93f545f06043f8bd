"""Best segmentations of sequences into labelled segments; with segments of one step, the algorithm of Viterbi.

The recursion is that of semi-Markov models (Sarawagi and Cohen, Semi-Markov conditional random fields for information
extraction, NIPS 2004), with the best kind before each place computed once for all segments that start there.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, compiled


@compiled
def chains(
    scores: Floats,
    lengths: Longs,
    steps: int,
    longest: int,
    stationary: bool,
    moves: Floats,
    first: Floats,
    last: Floats,
    solutions: Ints,
    found: Flags,
) -> None:
    """Solve `[N, steps * longest * kinds + transitions]` scores.

    Args:
        scores, lengths, solutions, found: see `imle_dp.kernels`. Scores are those of segments by start, length and
            kind, then those of transitions by kind before and kind, in one matrix, or one for each step but the first.
        steps: the most steps of a row.
        longest: the most steps of a segment.
        stationary: whether there is one matrix of transitions.
        moves: `[kinds, kinds]` what is added to transitions: 0 or -inf.
        first, last: `[kinds]` what is added to the first and the last kind.
    """
    kinds = first.size
    square = kinds * kinds
    base, stride = steps * longest * kinds, 0 if stationary else square
    best = np.empty((steps + 1, kinds))  # of all that ends here, by the kind of its last segment
    entry = np.empty((steps, kinds))  # before a segment that starts here, by its kind
    move = np.empty((kinds, kinds))
    for row in range(len(scores)):
        own, length = scores[row], lengths[row, 0]
        best[: length + 1] = -np.inf
        for start in range(length):
            if start == 0:
                entry[0] = first
            else:
                if start == 1 or not stationary:
                    load(own[base + (start - 1) * stride : base + (start - 1) * stride + square], moves, move)
                advance(best[start], move, entry[start])
            for width in range(min(longest, length - start)):
                place = (start * longest + width) * kinds
                close(entry[start], own[place : place + kinds], best[start + width + 1])
        kind, value = -1, -np.inf
        for one in range(kinds):
            if best[length, one] + last[one] > value:
                kind, value = one, best[length, one] + last[one]
        found[row] = kind >= 0
        if kind >= 0:
            back(own, length, kind, longest, base, stride, moves, best, entry, solutions[row])


@compiled
def load(scores: Floats, moves: Floats, move: Floats) -> None:
    """Transitions with those barred that are not allowed."""
    kinds = len(move)
    for before in range(kinds):
        for after in range(kinds):
            move[before, after] = scores[before * kinds + after] + moves[before, after]


@compiled
def advance(best: Floats, move: Floats, entry: Floats) -> None:
    """The best value before each kind. Four kinds before it are tried at a time, for it is passes that take time."""
    entry[:] = -np.inf
    fours = len(best) // 4
    for q in range(fours):
        a, b, c, d = best[4 * q], best[4 * q + 1], best[4 * q + 2], best[4 * q + 3]
        from_a, from_b, from_c, from_d = move[4 * q], move[4 * q + 1], move[4 * q + 2], move[4 * q + 3]
        for kind in range(len(entry)):
            one, two, three, four = a + from_a[kind], b + from_b[kind], c + from_c[kind], d + from_d[kind]
            one, three = one if one > two else two, three if three > four else four
            one = one if one > three else three
            entry[kind] = one if one > entry[kind] else entry[kind]
    for before in range(4 * fours, len(best)):
        extend(move[before], best[before], entry)


@compiled
def extend(scores: Floats, value: float, best: Floats) -> None:
    """Raise values to a score and what comes before it."""
    for kind in range(len(best)):
        other = value + scores[kind]
        best[kind] = other if other > best[kind] else best[kind]


@compiled
def close(entry: Floats, scores: Floats, best: Floats) -> None:
    """Values with one more segment of each kind, where they are better."""
    for kind in range(len(entry)):
        value = entry[kind] + scores[kind]
        best[kind] = value if value > best[kind] else best[kind]


@compiled
def back(
    own: Floats,
    length: int,
    kind: int,
    longest: int,
    base: int,
    stride: int,
    moves: Floats,
    best: Floats,
    entry: Floats,
    solution: Ints,
) -> None:
    """Write the segments, and the transitions between them, that end with a kind; the last one first."""
    kinds = len(moves)
    end = length
    while True:
        value, start, place = -np.inf, 0, 0
        for width in range(min(longest, end)):
            here = ((end - width - 1) * longest + width) * kinds + kind
            if entry[end - width - 1, kind] + own[here] > value:
                value, start, place = entry[end - width - 1, kind] + own[here], end - width - 1, here
        solution[place] += 1
        if start == 0:
            return
        value, before = -np.inf, 0
        matrix = base + (start - 1) * stride
        for one in range(kinds):
            other = best[start, one] + (own[matrix + one * kinds + kind] + moves[one, kind])
            if other > value:
                value, before = other, one
        solution[matrix + before * kinds + kind] += 1
        end, kind = start, before
