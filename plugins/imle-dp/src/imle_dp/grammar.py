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


def sorted_rules(rules: Sequence[Rule], symbols: Sequence[Hashable]) -> Grammar:
    """Rules as the kernel takes them."""
    place = {symbol: number for number, symbol in enumerate(symbols)}
    sides = np.array([[place[symbol] for symbol in rule] for rule in rules])
    number = np.argsort(sides[:, 0], kind="stable")
    parents = np.isin(np.arange(len(symbols)), sides[:, 0])
    kind = np.array([[3, 0], [2, 1]])[parents[sides[:, 1]].astype(int), parents[sides[:, 2]].astype(int)]
    pairs, pair = np.unique(np.column_stack([kind, sides[:, 1:]])[number], axis=0, return_inverse=True)
    ends = np.searchsorted(pairs[:, 0], np.arange(4), side="right")
    start = np.searchsorted(sides[number, 0], np.arange(len(symbols) + 1))
    left, right, of_rule = (read_only(one.astype(np.uint32)) for one in (pairs[:, 1], pairs[:, 2], pair.reshape(-1)))
    longs = (read_only(one.astype(np.int64)) for one in (ends, start, number))
    return Grammar(left, right, next(longs), next(longs), of_rule, next(longs))


def _listed(symbols: Sequence[Hashable]) -> str:
    """The first of them, in words."""
    shown = ", ".join(map(repr, symbols[:8]))
    return shown if len(symbols) <= 8 else f"{shown}, ... ({len(symbols)})"
