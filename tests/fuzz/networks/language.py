"""First-order formulas: how they are written, and which worlds they are true in, by their definition.

A formula is a nested tuple: ("atom", predicate, terms), ("=", one, other), ("!", f), (connective, f, g) and
("EXIST" | "FORALL", variable, f). Terms that begin with a lower-case letter are variables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Formula = tuple[Any, ...]
Truths = NDArray[np.bool_]
Table = Mapping[tuple[str, tuple[str, ...]], Truths]
"""For each ground atom, `[W]` the worlds in which it is true."""

CONNECTIVES = ("^", "v", "=>", "<=>")


def text(formula: Formula) -> str:
    """As Alchemy writes it, all parts in parentheses."""
    kind, *parts = formula
    if kind == "atom":
        return f"{parts[0]}({','.join(parts[1])})" if parts[1] else str(parts[0])
    if kind == "=":
        return f"{parts[0]} = {parts[1]}"
    if kind == "!":
        return f"!({text(parts[0])})"
    if kind in CONNECTIVES:
        return f"({text(parts[0])}) {kind} ({text(parts[1])})"
    return f"{kind} {parts[0]} ({text(parts[1])})"


def free(formula: Formula) -> list[str]:
    """Variables that no quantifier binds, in the order they occur."""
    kind, *parts = formula
    if kind in ("atom", "="):
        terms = parts[1] if kind == "atom" else parts
        return list(dict.fromkeys(term for term in terms if term[0].islower()))
    if kind in ("EXIST", "FORALL"):
        return [variable for variable in free(parts[1]) if variable != parts[0]]
    return list(dict.fromkeys(itertools.chain.from_iterable(map(free, parts))))


def bindings(variables: list[str], domains: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """All ways to put constants for variables; `domains` has those of each variable."""
    for constants in itertools.product(*(domains[variable] for variable in variables)):
        yield dict(zip(variables, constants, strict=True))


def holds(formula: Formula, binding: Mapping[str, str], table: Table, domains: Mapping[str, tuple[str, ...]]) -> Truths:
    """`[W]` the worlds in which a formula is true."""
    kind, *parts = formula
    if kind == "atom":
        return table[parts[0], tuple(binding.get(term, term) for term in parts[1])]
    if kind == "=":
        one, other = (binding.get(term, term) for term in parts)
        return np.full(len(next(iter(table.values()))), one == other)
    if kind in ("EXIST", "FORALL"):
        found = [holds(parts[1], {**binding, parts[0]: constant}, table, domains) for constant in domains[parts[0]]]
        return np.any(found, axis=0) if kind == "EXIST" else np.all(found, axis=0)
    truths = [holds(part, binding, table, domains) for part in parts]
    if kind == "!":
        return ~truths[0]
    one, other = truths
    return {"^": one & other, "v": one | other, "=>": ~one | other, "<=>": one == other}[kind]


def count(formula: Formula, table: Table, domains: Mapping[str, tuple[str, ...]]) -> NDArray[np.int64]:
    """`[W]` how many groundings of a formula are true."""
    found = [holds(formula, binding, table, domains) for binding in bindings(free(formula), domains)]
    return np.sum(found, axis=0, dtype=np.int64)
