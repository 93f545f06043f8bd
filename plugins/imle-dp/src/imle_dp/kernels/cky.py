"""Best derivations of binary grammars, and best trees without one, by the algorithm of Cocke, Kasami and Younger.

With a grammar, a cell first gets the best split for each pair of symbols that some rule has on its right, then the best
rule for each symbol: that is cheaper than to try all rules at each split. Grammars that have many of all possible rules
are tables, in which what is added lies side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.solvers.compiled import Flags, Floats, Ints, Longs, Masks, compiled
from imle_dp.kernels.maximum import larger, largest_sum

Places = NDArray[np.uint32]
"""Unsigned, so that indices need not be looked at for negative ones, which count from the end: four times as fast."""


class Grammar(NamedTuple):
    """Binary rules, sorted by their parents, then by their pairs.

    Attributes:
        table: the pairs are all there can be, by left and right symbol, and a parent has rules for all of them or for
            none: if need be, some that never apply.
        left, right: `[P]` the symbols of each pair that is the right side of a rule. In no table: first pairs of which
            only the right symbol has rules of its own, then both, then only the left one, then neither.
        pair: `[R]` of each rule.
        ends: `[4]` where pairs of these kinds end.
        start: `[S + 1]` where the rules of each parent begin.
        number: `[R]` which rule of the user it is; -1 for one that never applies.
    """

    table: bool
    left: Places
    right: Places
    pair: Places
    ends: Longs
    start: Longs
    number: Longs


@compiled
def derivations(
    scores: Floats,
    bars: Floats,
    words: int,
    lengths: Longs,
    table: bool,
    left: Places,
    right: Places,
    pair: Places,
    ends: Longs,
    start: Longs,
    number: Longs,
    solutions: Ints,
    found: Flags,
) -> None:
    """Solve `[N, n * n * S + R]` scores.

    Args:
        scores, lengths, solutions, found: see `imle_dp.kernels`. Scores are those of symbols over the words from the
            first index to the second one, then those of rules. A solution has the nodes of a best derivation, and how
            often it uses each rule.
        bars: `[4, S]` what is added to scores of symbols, 0 or -inf, see `kind_of`.
        words: n.
        table, left, right, pair, ends, start, number: the fields of `Grammar`.
    """
    symbols = len(start) - 1
    base = words * words * symbols
    chart = np.empty((words, words, symbols))
    weights, splits = np.empty(len(number)), np.empty(len(left))
    waiting = np.empty((2 * words, 3), np.int64)
    for row in range(len(scores)):
        length = lengths[row, 0]
        own, rules = scores[row, :base].reshape((words, words, symbols)), scores[row, base:]
        tree, counts = solutions[row, :base].reshape((words, words, symbols)), solutions[row, base:]
        for rule in range(len(number)):
            weights[rule] = rules[number[rule]] if number[rule] >= 0 else -np.inf
        for word in range(length):
            for symbol in range(symbols):
                chart[word, word, symbol] = own[word, word, symbol] + bars[kind_of(1, length), symbol]
        for width in range(2, length + 1):
            bar = bars[kind_of(width, length)]
            for first in range(length + 1 - width):
                last = first + width - 1
                split(chart, first, last, table, left, right, ends, splits)
                for symbol in range(symbols):
                    begin, end = start[symbol], start[symbol + 1]
                    if table:
                        value = largest_sum(weights[begin:end], splits)
                    else:
                        value = best_rule(splits, pair[begin:end], weights[begin:end])
                    chart[first, last, symbol] = value + (own[first, last, symbol] + bar[symbol])
        top = best_symbol(chart[0, length - 1], bars[0])
        found[row] = chart[0, length - 1, top] > -np.inf
        if not found[row]:
            continue
        waiting[0] = (0, length - 1, top)
        count = 1
        while count:
            count -= 1
            first, last, symbol = waiting[count]
            tree[first, last, symbol] = 1
            if first == last:
                continue
            split(chart, first, last, table, left, right, ends, splits)
            most, rule = -np.inf, 0
            for place in range(start[symbol], start[symbol + 1]):
                if splits[pair[place]] + weights[place] > most:
                    most, rule = splits[pair[place]] + weights[place], place
            counts[number[rule]] += 1
            one, two = np.int64(left[pair[rule]]), np.int64(right[pair[rule]])
            most, between = -np.inf, first
            for middle in range(first, last):
                if chart[first, middle, one] + chart[middle + 1, last, two] > most:
                    most, between = chart[first, middle, one] + chart[middle + 1, last, two], middle
            waiting[count] = (first, between, one)
            waiting[count + 1] = (between + 1, last, two)
            count += 2


@compiled
def trees(spans: Floats, bars: Floats, lengths: Longs, solutions: Masks, found: Flags) -> None:
    """Solve N rows where any two spans make a larger one.

    Args:
        spans: `[N, n, n, S]` scores of symbols over the words from the first index to the second one.
        bars: `[4, S]` what is added to them, 0 or -inf, see `kind_of`.
        lengths, found: see `imle_dp.kernels`.
        solutions: `[N, n, n, S]` zeros; the nodes of the best tree are written.
    """
    words = spans.shape[1]
    chart, mirror = np.empty((words, words)), np.empty((words, words))  # by first and last word, and by last and first
    waiting = np.empty((2 * words, 2), np.int64)
    for row in range(len(spans)):
        own, length = spans[row], lengths[row, 0]
        for width in range(1, length + 1):
            for first in range(length + 1 - width):
                last = first + width - 1
                value, bar = -np.inf, bars[kind_of(width, length)]
                for symbol in range(len(bar)):
                    other = own[first, last, symbol] + bar[symbol]
                    value = other if other > value else value
                if width > 1:
                    value += best_split(chart[first, first:last], mirror[last, first + 1 : last + 1])[0]
                chart[first, last] = mirror[last, first] = value
        found[row] = chart[0, length - 1] > -np.inf
        waiting[0] = (0, length - 1)
        count = 1 if found[row] else 0
        while count:
            count -= 1
            first, last = waiting[count]
            bar = bars[kind_of(last - first + 1, length)]
            solutions[row, first, last, best_symbol(own[first, last], bar)] = 1
            if first < last:
                _, place = best_split(chart[first, first:last], mirror[last, first + 1 : last + 1])
                waiting[count] = (first, first + place)
                waiting[count + 1] = (first + place + 1, last)
                count += 2


@compiled
def kind_of(width: int, length: int) -> int:
    """Which symbols a span may have: 0 any, 1 those of words, 2 those of sentences, 3 both, where a word is one."""
    return (width == 1) + 2 * (width == length)


@compiled
def best_symbol(scores: Floats, bar: Floats) -> int:
    """Of one span."""
    best = 0
    for symbol in range(1, len(scores)):
        if scores[symbol] + bar[symbol] > scores[best] + bar[best]:
            best = symbol
    return best


@compiled
def best_split(left: Floats, right: Floats) -> tuple[float, int]:
    """The best value of two spans side by side, and where they meet."""
    best, place = left[0] + right[0], 0
    for k in range(1, len(left)):
        if left[k] + right[k] > best:
            best, place = left[k] + right[k], k
    return best, place


@compiled
def split(
    chart: Floats, first: int, last: int, table: bool, left: Places, right: Places, ends: Longs, splits: Floats
) -> None:
    """The best values of all pairs over a span. Over more than one word, only symbols with rules have any."""
    splits[:] = -np.inf
    symbols = np.uint64(chart.shape[2])  # see `Places`
    for middle in range(first, last):
        one, two = chart[first, middle], chart[middle + 1, last]
        if table:
            for symbol in range(symbols):
                value, line = one[symbol], symbol * symbols
                if value > -np.inf:
                    for other in range(symbols):
                        splits[line + other] = larger(splits[line + other], value + two[other])
            continue
        begin = ends[0] if middle > first else 0
        stop = ends[1] if middle + 1 < last else ends[2] if middle > first else ends[3]
        for place in range(begin, stop):
            splits[place] = larger(splits[place], one[left[place]] + two[right[place]])


@compiled
def best_rule(splits: Floats, pair: Places, weights: Floats) -> float:
    """The best value of some rules."""
    value = -np.inf
    for place in range(len(pair)):
        value = larger(value, splits[pair[place]] + weights[place])
    return value
