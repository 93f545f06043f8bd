"""Where formulas come from: lists of clauses, WCNF text and files, pysat's WCNF objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imle.errors import InstanceError
from imle_pysat.formula import Clause, Formula, literals, shown, weight
from imle_pysat.wcnf import parse, read_file

__all__ = ["from_lists", "from_wcnf", "parse"]


def from_lists(who: str, hard: Any, soft: Any, weights: Any) -> Formula:
    """Clauses as lists of literals: variable 3 is 3 where it is true and -3 where it is false.

    Raises:
        InstanceError: not such lists; as many weights as soft clauses are expected, or none.
    """
    formula = Formula(_clauses(who, "hard", hard), _clauses(who, "soft", soft))
    if weights is not None:
        formula.weights = [weight(f"{who}: soft_weights", one) for one in weights]
        if len(formula.weights) != len(formula.soft):
            raise InstanceError(
                f"{who}: soft_weights: expected one per soft clause, {len(formula.soft)} in all, "
                f"found {len(formula.weights)}"
            )
    return formula.count_variables()


def from_wcnf(who: str, given: Any, *, plain: str = "soft") -> Formula:
    """A path, the text itself (it has line breaks), or an object with `hard`, `soft` and `wght` such as pysat's WCNF.

    Args:
        who: for messages.
        given: where the formula is.
        plain: see `parse`.

    Raises:
        InstanceError: no such file, or not WCNF; names the line.
    """
    if all(hasattr(given, name) for name in ("hard", "soft", "wght")):
        if getattr(given, "atms", None):
            raise InstanceError(
                f"{who}: wcnf: expected clauses only, found {len(given.atms)} cardinality constraints (atms)",
                hint="pysat.card.CardEnc writes them as clauses",
            )
        formula = from_lists(who, given.hard, given.soft, given.wght)
        return formula.count_variables(int(getattr(given, "nv", 0)))
    if isinstance(given, str) and ("\n" in given or "\r" in given):
        return parse(f"{who}: wcnf", given, plain=plain)
    if not isinstance(given, (str, os.PathLike)):
        raise InstanceError(
            f"{who}: wcnf: expected a path, the text of a WCNF file or pysat's WCNF, found {type(given).__name__}"
        )
    return parse(f"{who}: {Path(given).name}", read_file(who, given), plain=plain)


def _clauses(who: str, name: str, given: Any) -> list[Clause]:
    found = []
    for number, clause in enumerate(() if given is None else given):
        if isinstance(clause, (str, bytes)) or not hasattr(clause, "__iter__"):
            raise InstanceError(
                f"{who}: {name}: expected a list of clauses, each a list of literals, found {shown(clause)} "
                f"at position {number}"
            )
        found.append(literals(f"{who}: {name}: clause {number}", clause))
    return found
