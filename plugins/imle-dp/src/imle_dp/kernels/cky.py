"""Best derivations of binary grammars by the algorithm of Cocke, Kasami and Younger.

A cell first gets the best split for each pair of symbols that some rule has on its right, then the best rule for each
symbol: that is cheaper than to try all rules at each split.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.solvers.compiled import Flags, Floats, Ints, Longs, compiled

Places = NDArray[np.uint32]
"""Unsigned, so that indices need not be looked at for negative ones, which count from the end: four times as fast."""


class Grammar(NamedTuple):
    """Binary rules, sorted by their parents.

    Attributes:
        left, right: `[P]` the symbols of each pair that is the right side of a rule: first pairs of which only the
            right symbol has rules of its own, then both, then only the left one, then neither.
        ends: `[4]` where pairs of these kinds end.
        start: `[S + 1]` where the rules of each parent begin.
        pair: `[R]` of each rule.
        number: `[R]` which rule of the user it is.
    """

    left: Places
    right: Places
    ends: Longs
    start: Longs
    pair: Places
    number: Longs


@compiled
def derivations(
    spans: Floats,
    rules: Floats,
    lengths: Longs,
    left: Places,
    right: Places,
    ends: Longs,
    start: Longs,
    pair: Places,
    number: Longs,
    trees: Ints,
    counts: Ints,
    found: Flags,
) -> None:
    """Solve N rows.

    Args:
        spans: `[N, n, n, S]` scores of symbols over the words from the first index to the second one; -inf bars them.
        rules: `[N, R]` scores of rules.
        lengths, found: see `imle_dp.kernels`.
        left, right, ends, start, pair, number: the fields of `Grammar`.
        trees: `[N, n, n, S]` zeros; the nodes of the best derivation are written.
        counts: `[N, R]` zeros; how often it uses each rule is written.
    """
    _, words, _, symbols = spans.shape
    chart = np.empty((words, words, symbols))
    weights, splits = np.empty(len(number)), np.empty(len(left))
    waiting = np.empty((2 * words, 3), np.int64)
    for row in range(len(spans)):
        length = lengths[row, 0]
        own = spans[row]
        for rule in range(len(number)):
            weights[rule] = rules[row, number[rule]]
        for word in range(length):
            chart[word, word] = own[word, word]
        for width in range(2, length + 1):
            for first in range(length + 1 - width):
                last = first + width - 1
                split(chart, first, last, left, right, ends, splits)
                for symbol in range(symbols):
                    here = slice(start[symbol], start[symbol + 1])
                    chart[first, last, symbol] = best_rule(splits, pair[here], weights[here]) + own[first, last, symbol]
        top, most = 0, -np.inf
        for symbol in range(symbols):
            if chart[0, length - 1, symbol] > most:
                top, most = symbol, chart[0, length - 1, symbol]
        found[row] = most > -np.inf
        if not found[row]:
            continue
        waiting[0] = (0, length - 1, top)
        count = 1
        while count:
            count -= 1
            first, last, symbol = waiting[count]
            trees[row, first, last, symbol] = 1
            if first == last:
                continue
            split(chart, first, last, left, right, ends, splits)
            most, rule = -np.inf, 0
            for place in range(start[symbol], start[symbol + 1]):
                if splits[pair[place]] + weights[place] > most:
                    most, rule = splits[pair[place]] + weights[place], place
            counts[row, number[rule]] += 1
            one, two = np.int64(left[pair[rule]]), np.int64(right[pair[rule]])
            most, between = -np.inf, first
            for middle in range(first, last):
                if chart[first, middle, one] + chart[middle + 1, last, two] > most:
                    most, between = chart[first, middle, one] + chart[middle + 1, last, two], middle
            waiting[count] = (first, between, one)
            waiting[count + 1] = (between + 1, last, two)
            count += 2


@compiled
def split(chart: Floats, first: int, last: int, left: Places, right: Places, ends: Longs, splits: Floats) -> None:
    """The best values of all pairs over a span. Over more than one word, only symbols with rules have any."""
    splits[:] = -np.inf
    for middle in range(first, last):
        one, two = chart[first, middle], chart[middle + 1, last]
        begin = ends[0] if middle > first else 0
        stop = ends[1] if middle + 1 < last else ends[2] if middle > first else ends[3]
        for place in range(begin, stop):
            value = one[left[place]] + two[right[place]]
            splits[place] = value if value > splits[place] else splits[place]


@compiled
def best_rule(splits: Floats, pair: Places, weights: Floats) -> float:
    """The best value of some rules; four maxima at a time, which need not wait for each other."""
    a, b, c, d = -np.inf, -np.inf, -np.inf, -np.inf
    quarter = len(pair) // 4
    for q in range(quarter):
        one, two = splits[pair[4 * q]] + weights[4 * q], splits[pair[4 * q + 1]] + weights[4 * q + 1]
        three, four = splits[pair[4 * q + 2]] + weights[4 * q + 2], splits[pair[4 * q + 3]] + weights[4 * q + 3]
        a, b = one if one > a else a, two if two > b else b
        c, d = three if three > c else c, four if four > d else d
    for q in range(4 * quarter, len(pair)):
        a = max(a, splits[pair[q]] + weights[q])
    return max(max(a, b), max(c, d))
