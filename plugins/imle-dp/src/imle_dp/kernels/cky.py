"""Best derivations of binary grammars by the algorithm of Cocke, Kasami and Younger.

A cell first gets the best split for each pair of symbols that some rule has on its right, then the best rule for each
symbol: that is cheaper than to try all rules at each split.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, compiled


class Grammar(NamedTuple):
    """Binary rules, sorted in two ways.

    Attributes:
        pair_start: `[S + 1]` where the pairs with each left symbol begin.
        right: `[P]` the right symbols of the pairs.
        parent, left, other, pair: `[R]` of each rule, its symbols and its pair.
        rule_start: `[S + 1]` where the rules of each parent begin.
        by_parent: `[R]` rules, sorted by their parent.
    """

    pair_start: Longs
    right: Longs
    parent: Longs
    left: Longs
    other: Longs
    pair: Longs
    rule_start: Longs
    by_parent: Longs


@compiled
def derivations(
    spans: Floats,
    rules: Floats,
    lengths: Longs,
    pair_start: Longs,
    right: Longs,
    parent: Longs,
    left: Longs,
    other: Longs,
    pair: Longs,
    rule_start: Longs,
    by_parent: Longs,
    trees: Ints,
    counts: Ints,
    found: Flags,
) -> None:
    """Solve N rows.

    Args:
        spans: `[N, n, n, S]` scores of symbols over the words from the first index to the second one; -inf bars them.
        rules: `[N, R]` scores of rules.
        lengths, found: see `imle_dp.kernels`.
        pair_start, right, parent, left, other, pair, rule_start, by_parent: the fields of `Grammar`.
        trees: `[N, n, n, S]` zeros; the nodes of the best derivation are written.
        counts: `[N, R]` zeros; how often it uses each rule is written.
    """
    _, words, _, symbols = spans.shape
    chart = np.empty((words, words, symbols))
    inner = np.empty(len(right))
    waiting = np.empty((2 * words, 3), np.int64)
    for row in range(len(spans)):
        length = lengths[row, 0]
        own, weights = spans[row], rules[row]
        for word in range(length):
            chart[word, word] = own[word, word]
        for width in range(2, length + 1):
            for first in range(length + 1 - width):
                last = first + width - 1
                inner[:] = -np.inf
                for middle in range(first, last):
                    combine(chart[first, middle], chart[middle + 1, last], pair_start, right, inner)
                cell = chart[first, last]
                cell[:] = -np.inf
                for rule in range(len(parent)):
                    value = inner[pair[rule]] + weights[rule]
                    cell[parent[rule]] = max(cell[parent[rule]], value)
                for symbol in range(symbols):
                    cell[symbol] += own[first, last, symbol]
        top, best = 0, -np.inf
        for symbol in range(symbols):
            if chart[0, length - 1, symbol] > best:
                top, best = symbol, chart[0, length - 1, symbol]
        found[row] = best > -np.inf
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
            best, chosen, split = -np.inf, -1, -1
            for place in range(rule_start[symbol], rule_start[symbol + 1]):
                rule = by_parent[place]
                for middle in range(first, last):
                    value = chart[first, middle, left[rule]] + chart[middle + 1, last, other[rule]] + weights[rule]
                    if value > best:
                        best, chosen, split = value, rule, middle
            counts[row, chosen] += 1
            waiting[count] = (first, split, left[chosen])
            waiting[count + 1] = (split + 1, last, other[chosen])
            count += 2


@compiled
def combine(one: Floats, two: Floats, pair_start: Longs, right: Longs, inner: Floats) -> None:
    """The best values of pairs, one split more."""
    for symbol in range(len(one)):
        value = one[symbol]
        if value > -np.inf:
            for pair in range(pair_start[symbol], pair_start[symbol + 1]):
                whole = value + two[right[pair]]
                inner[pair] = whole if whole > inner[pair] else inner[pair]
