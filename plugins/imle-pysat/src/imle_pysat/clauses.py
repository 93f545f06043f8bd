"""Clauses, and where they come from: lists, WCNF text and files, pysat's WCNF objects."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from imle.errors import InstanceError

Clause = list[int]
_MOST = 2**30
"""Variables a clause may name; SAT solvers keep literals in 32 bits."""
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".lzma": lzma.open}


@dataclass(eq=False)
class Formula:
    """Weighted partial MaxSAT.

    Attributes:
        hard: clauses that every solution satisfies.
        soft: clauses that may be falsified, in the order of the objective.
        weights: of the soft clauses, as written; None if there are none.
        variables: the largest number of a variable.
    """

    hard: list[Clause] = field(default_factory=list)
    soft: list[Clause] = field(default_factory=list)
    weights: list[Fraction] | None = None
    variables: int = 0


def from_lists(who: str, hard: Any, soft: Any, weights: Any) -> Formula:
    """Clauses as lists of literals: variable 3 is 3 where it is true and -3 where it is false.

    Raises:
        InstanceError: not such lists; as many weights as soft clauses are expected, or none.
    """
    formula = Formula(_clauses(who, "hard", hard), _clauses(who, "soft", soft))
    if weights is not None:
        formula.weights = [_weight(f"{who}: soft_weights", weight) for weight in weights]
        if len(formula.weights) != len(formula.soft):
            raise InstanceError(
                f"{who}: soft_weights: expected one per soft clause, {len(formula.soft)} in all, "
                f"found {len(formula.weights)}"
            )
    return _counted(formula)


def from_wcnf(who: str, given: Any) -> Formula:
    """A path, the text itself (it has line breaks), or an object with `hard`, `soft` and `wght` such as pysat's WCNF.

    Raises:
        InstanceError: no such file, or not WCNF; names the line.
    """
    if all(hasattr(given, name) for name in ("hard", "soft", "wght")):
        formula = from_lists(who, given.hard, given.soft, given.wght)
        formula.variables = max(formula.variables, int(getattr(given, "nv", 0)))
        return formula
    if isinstance(given, str) and "\n" in given:
        return parse(f"{who}: wcnf", given)
    if not isinstance(given, (str, os.PathLike)):
        raise InstanceError(
            f"{who}: wcnf: expected a path, the text of a WCNF file or pysat's WCNF, found {type(given).__name__}"
        )
    path = Path(given)
    try:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError, EOFError, lzma.LZMAError) as error:
        raise InstanceError(f"{who}: wcnf: cannot read {str(path)!r}: {error}") from None
    return parse(f"{who}: {path.name}", text)


def parse(where: str, text: str) -> Formula:
    """WCNF as written before 2022 (a line `p wcnf VARIABLES CLAUSES [TOP]`) or since (hard clauses start with h).

    Plain CNF (`p cnf`) is read as soft clauses of weight 1.

    Raises:
        InstanceError: not that; names the line.
    """
    formula = Formula(weights=[])
    top: Fraction | None = None
    kind = ""
    declared = 0
    pending: list[str] = []
    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("c"):
            continue
        if words[0] == "p":
            kind, declared, top = _header(f"{where}: line {number}", words)
            continue
        for word in words:
            if word != "0" or (not pending and kind != "cnf"):
                pending.append(word)
                continue
            _add(f"{where}: line {number}", formula, pending, kind, top)
            pending = []
    if pending:
        raise InstanceError(f"{where}: line {number}: expected 0 at the end of the last clause, found none")
    if not formula.hard and not formula.soft:
        raise InstanceError(f"{where}: expected clauses, found none")
    _counted(formula)
    formula.variables = max(formula.variables, declared)
    return formula


def _header(where: str, words: list[str]) -> tuple[str, int, Fraction | None]:
    try:
        kind, variables = words[1], int(words[2])
        int(words[3])
        if kind not in ("cnf", "wcnf") or len(words) > 5 or not 0 <= variables < _MOST:
            raise ValueError
        return kind, variables, Fraction(words[4]) if len(words) == 5 else None
    except (IndexError, ValueError):
        raise InstanceError(
            f"{where}: expected 'p wcnf VARIABLES CLAUSES [TOP]' or 'p cnf VARIABLES CLAUSES', "
            f"found {' '.join(words)!r}"
        ) from None


def _add(where: str, formula: Formula, words: list[str], kind: str, top: Fraction | None) -> None:
    assert formula.weights is not None
    if kind == "cnf":
        formula.soft.append(_literals(where, words))
        formula.weights.append(Fraction(1))
        return
    clause = _literals(where, words[1:])
    if words[0] == "h":
        formula.hard.append(clause)
        return
    weight = _weight(where, words[0])
    if top is not None and weight >= top:
        formula.hard.append(clause)
    else:
        formula.soft.append(clause)
        formula.weights.append(weight)


def _literals(where: str, words: Iterable[Any]) -> Clause:
    clause = []
    for word in words:
        try:
            literal = int(word) if isinstance(word, str) else word.__index__()
        except (ValueError, AttributeError, TypeError):
            literal = 0
        if isinstance(word, bool) or not 0 < abs(literal) < _MOST:
            raise InstanceError(
                f"{where}: expected literals, whole numbers other than 0, found {word!r}",
                hint="variable 3 is 3 where it is true and -3 where it is false",
            )
        clause.append(int(literal))
    return clause


def _clauses(who: str, name: str, given: Any) -> list[Clause]:
    found = []
    for number, clause in enumerate(() if given is None else given):
        if isinstance(clause, (str, bytes)) or not hasattr(clause, "__iter__"):
            raise InstanceError(
                f"{who}: {name}: expected a list of clauses, each a list of literals, found {clause!r} "
                f"at position {number}"
            )
        found.append(_literals(f"{who}: {name}: clause {number}", clause))
    return found


def _weight(where: str, given: Any) -> Fraction:
    try:
        return Fraction(given)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return Fraction(float(given))
    except (TypeError, ValueError, OverflowError):
        raise InstanceError(f"{where}: expected a finite weight, found {given!r}") from None


def _counted(formula: Formula) -> Formula:
    clauses = (*formula.hard, *formula.soft)
    formula.variables = max((abs(literal) for clause in clauses for literal in clause), default=0)
    return formula
