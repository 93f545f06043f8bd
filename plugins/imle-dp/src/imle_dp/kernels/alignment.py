"""Best alignments of two sequences: with gaps, of all of them (Needleman and Wunsch, 1970) or of a part (Smith and
Waterman, 1981); and by warping time (Sakoe and Chiba, 1978).
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, compiled


@compiled
def alignments(scores: Floats, lengths: Longs, bars: Floats, local: bool, solutions: Masks, found: Flags) -> None:
    """Solve `[N, n * m + n + m]` scores: of pairs, of items of the first that have none, and of the second.

    Args:
        scores, lengths, solutions, found: see `imle_dp.kernels`.
        bars: `[n, m]` what is added to pairs: 0 or -inf.
        local: an alignment may begin and end anywhere; what lies outside scores nothing.
    """
    n, m = bars.shape
    gaps_first, gaps_second = n * m, n * m + n
    best = np.zeros((n + 1, m + 1))  # of alignments of the items before; of those that end here, if they are local
    for row in range(len(scores)):
        own, rows, columns = scores[row], lengths[row, 0], lengths[row, 1]
        floor = 0.0 if local else -np.inf  # an alignment may begin here
        for one in range(rows):
            best[one + 1, 0] = max(best[one, 0] + own[gaps_first + one], floor)
        for two in range(columns):
            best[0, two + 1] = max(best[0, two] + own[gaps_second + two], floor)
        for one in range(rows):
            pairs, bar, gaps = own[one * m : (one + 1) * m], bars[one], own[gaps_second : gaps_second + m]
            above, here = best[one], best[one + 1]
            gap, value = own[gaps_first + one], here[0]
            for two in range(columns):
                pair, first = above[two] + (pairs[two] + bar[two]), above[two + 1] + gap
                value += gaps[two]
                before = pair if pair > first else first
                value = before if before > value else value
                value = value if value > floor else floor
                here[two + 1] = value
        i, j = rows, columns
        if local:
            for one in range(rows + 1):
                for two in range(columns + 1):
                    if best[one, two] > best[i, j]:
                        i, j = one, two
        found[row] = True
        solution = solutions[row]
        while i + j > 0 and not (local and best[i, j] <= 0.0):
            pair, first, second = -np.inf, -np.inf, -np.inf
            if i > 0 and j > 0:
                pair = best[i - 1, j - 1] + (own[(i - 1) * m + j - 1] + bars[i - 1, j - 1])
            if i > 0:
                first = best[i - 1, j] + own[gaps_first + i - 1]
            if j > 0:
                second = best[i, j - 1] + own[gaps_second + j - 1]
            if pair >= first and pair >= second:
                i, j = i - 1, j - 1
                solution[i * m + j] = 1
            elif first >= second:
                i -= 1
                solution[gaps_first + i] = 1
            else:
                j -= 1
                solution[gaps_second + j] = 1


@compiled
def warpings(scores: Floats, lengths: Longs, bars: Floats, solutions: Masks, found: Flags) -> None:
    """Solve `[N, n * m]` scores of cells: the best path through a matrix, by steps along, down or both at once.

    Args:
        scores, lengths, solutions, found: see `imle_dp.kernels`.
        bars: `[n, m]` what is added to cells: 0 or -inf.
    """
    n, m = bars.shape
    best = np.full((n + 1, m + 1), -np.inf)  # of paths to the cell before
    best[0, 0] = 0.0
    for row in range(len(scores)):
        own, i, j = scores[row], lengths[row, 0], lengths[row, 1]
        for one in range(i):
            cells, bar = own[one * m : (one + 1) * m], bars[one]
            above, here = best[one], best[one + 1]
            value = -np.inf
            for two in range(j):
                before = above[two] if above[two] > above[two + 1] else above[two + 1]
                value = (before if before > value else value) + (cells[two] + bar[two])
                here[two + 1] = value
        found[row] = best[i, j] > -np.inf
        if not found[row]:
            continue
        solution = solutions[row]
        while i > 0:  # and j > 0: the path comes from the corner
            i, j = i - 1, j - 1
            solution[i * m + j] = 1
            if best[i, j] >= best[i, j + 1] and best[i, j] >= best[i + 1, j]:
                continue
            if best[i, j + 1] >= best[i + 1, j]:
                j += 1
            else:
                i += 1
