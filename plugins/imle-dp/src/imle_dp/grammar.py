"""Binary grammars as a user writes them: rules of symbols with names."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers.compiled import Flags, read_only
from imle_dp.kernels.cky import Grammar
from imle_dp.reading import names

Rule = tuple[Hashable, Hashable, Hashable]


def read_rules(who: str, grammar: Any) -> tuple[Rule, ...]:
    """Rules as tuples (parent, left, right).

    Args:
        who: the solver, for messages.
        grammar: rules as the user gave them, or an array `[R, 3]` of ints.

    Raises:
        InstanceError: none, or something that is no such rule, or one twice.
    """
    expected = f"{who}: grammar: expected rules (parent, left, right) that differ"
    if isinstance(grammar, str) or not hasattr(grammar, "__iter__"):
        raise InstanceError(f"{expected}, found {grammar!r}")
    given = grammar.tolist() if hasattr(grammar, "tolist") else grammar
    found: dict[Rule, None] = {}
    for number, rule in enumerate(given):
        try:
            one, two, three = rule
            whole = isinstance(rule, (tuple, list)) and (one, two, three) not in found
            found[one, two, three] = None
        except (TypeError, ValueError):
            whole = False
        if not whole:
            raise InstanceError(
                f"{expected}, found {rule!r} as rule {number}",
                hint="longer rules become several of two symbols: A -> B C D is A -> B X and X -> C D",
            )
    if not found:
        raise InstanceError(f"{expected}, found none")
    return tuple(found)


def read_symbols(who: str, symbols: Any, rules: Sequence[Rule] | None) -> tuple[Hashable, ...]:
    """Symbols in the order of scores; by default that in which rules name them, or 0, 1, ... where they are numbers.

    Raises:
        InstanceError: no such names, or a rule with another one.
    """
    if rules is None:
        return names(who, "symbols", symbols)
    named = dict.fromkeys(symbol for rule in rules for symbol in rule)
    if symbols is None and all(isinstance(symbol, int) and symbol >= 0 for symbol in named):
        return tuple(range(max(symbol for symbol in named if isinstance(symbol, int)) + 1))
    found = tuple(named) if symbols is None else names(who, "symbols", symbols)
    for rule in rules:
        for symbol in rule:
            if symbol not in found:
                raise InstanceError(f"{who}: grammar: expected symbols {_listed(found)}, found {symbol!r} in {rule!r}")
    return found


def some(who: str, name: str, given: Any, symbols: Sequence[Hashable]) -> Flags:
    """`[S]` which symbols are among those given; None for all.

    Raises:
        InstanceError: not a sequence of symbols, or none.
    """
    if given is None:
        return np.ones(len(symbols), np.bool_)
    expected = f"{who}: {name}: expected symbols among {_listed(symbols)}"
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InstanceError(f"{expected}, found {given!r}", hint=f"a list: {name}=[...]")
    for symbol in given:
        if symbol not in symbols:
            raise InstanceError(f"{expected}, found {symbol!r}")
    return np.array([symbol in given for symbol in symbols])


_DENSE = 4
"""A rule in a table takes less than this part of the time that one in a list takes."""


def sorted_rules(rules: Sequence[Rule], symbols: Sequence[Hashable]) -> Grammar:
    """Rules as the kernel takes them: a table if a quarter of it or more is filled."""
    place, size = {symbol: number for number, symbol in enumerate(symbols)}, len(symbols)
    sides = np.array([[place[symbol] for symbol in rule] for rule in rules])
    parents, parent = np.unique(sides[:, 0], return_inverse=True)
    table = len(parents) * size**2 <= _DENSE * len(rules)
    if table:
        pairs, ends = np.indices((size, size)).reshape(2, -1).T, np.zeros(4, np.int64)
        numbers = np.full((len(parents), size, size), -1)
        numbers[parent, sides[:, 1], sides[:, 2]] = np.arange(len(rules))
        number, pair = numbers.reshape(-1), np.tile(np.arange(size**2), len(parents))
        parent = np.repeat(parents, size**2)
    else:
        has_rules = np.isin(np.arange(size), parents)
        kind = np.array([[3, 0], [2, 1]])[has_rules[sides[:, 1]].astype(int), has_rules[sides[:, 2]].astype(int)]
        kinds, pair = np.unique(np.column_stack([kind, sides[:, 1:]]), axis=0, return_inverse=True)
        pairs, ends = kinds[:, 1:], np.searchsorted(kinds[:, 0], np.arange(4), side="right")
        number = np.lexsort((pair.reshape(-1), sides[:, 0]))
        pair, parent = pair.reshape(-1)[number], sides[number, 0]
    start = np.searchsorted(parent, np.arange(size + 1))
    left, right, of_rule = (read_only(one.astype(np.uint32)) for one in (*pairs.T, pair))
    longs = (read_only(one.astype(np.int64)) for one in (ends, start, number))
    return Grammar(table, left, right, of_rule, *longs)


def _listed(symbols: Sequence[Hashable]) -> str:
    """The first of them, in words."""
    shown = ", ".join(map(repr, symbols[:8]))
    return shown if len(symbols) <= 8 else f"{shown}, ... ({len(symbols)})"
