"""Programs and evidence in any form a user may have them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle_mln.errors import did_you_mean
from imle_mln.evidence import database_from, parse_database
from imle_mln.logic import Database, Program
from imle_mln.network import Floats
from imle_mln.printing import rule_text
from imle_mln.syntax import parse_program
from imle_mln.syntax.declarations import with_closed_world

if TYPE_CHECKING:
    from imle_mln.grounding import Grounding


def read_program(given: Any, closed_world: Collection[str] = (), *, unweighted: bool = False) -> Program:
    """A program from a path, text, or one that is parsed already.

    Args:
        given: that.
        closed_world: see `parse_program`.
        unweighted: whether formulas may have no weight.

    Raises:
        MLNSyntaxError: the text is not a program.
        InstanceError: something else was given, or a name in `closed_world` is no predicate.
    """
    if isinstance(closed_world, str):
        raise InstanceError(f"closed_world: expected a list of predicate names, found {closed_world!r}")
    if isinstance(given, (str, os.PathLike)):
        given = parse_program(given, unweighted=unweighted)
    if not isinstance(given, Program):
        raise InstanceError(f"program: expected a path, text or imle_mln Program, found {type(given).__name__}")
    for rule in given.rules:
        if rule.unweighted and not unweighted:
            raise InstanceError(
                f"line {rule.line}: weight missing: {rule_text(rule)}",
                hint="learn the weights, put a number in front, or a '.' at the end if it must hold",
            )
    return with_closed_world(given, closed_world)


def read_evidence(given: Any, program: Program) -> Database:
    """Evidence from a path, text, or several of these taken together, a mapping of predicates, or one that is parsed
    already; None is no evidence.

    Raises:
        InstanceError: something else was given, or it does not fit the program.
    """
    if given is None:
        return Database({}, {})
    if isinstance(given, Database):
        return given
    if isinstance(given, (str, os.PathLike)) or (isinstance(given, list | tuple) and _all_texts(given)):
        return parse_database(given, program)
    if isinstance(given, Mapping):
        return database_from(given, program)
    raise InstanceError(
        f"evidence: expected a path, text, mapping or imle_mln Database, found {type(given).__name__}",
        hint='a mapping looks like {"Friends": [("Ann", "Ben")]}',
    )


def _all_texts(given: Sequence[Any]) -> bool:
    return all(isinstance(one, (str, os.PathLike)) for one in given)


def check_query(query: Collection[str], grounding: Grounding) -> None:
    """Refuse query predicates that are closed, so that there is nothing to ask.

    Raises:
        InstanceError: evidence and the closed world decide every atom of one.
    """
    for name in query:
        atoms = grounding.atoms[name]
        if atoms.known.predicate.closed and atoms.start == atoms.stop:
            raise InstanceError(
                f"query: {name} is closed: all its atoms are decided, those evidence does not name are false",
                hint=f"declare it without *, take it out of closed_world, or ask for single atoms in the evidence: "
                f"?{name}({', '.join(atoms.known.predicate.types)})",
            )


def check_soft_evidence(query: Collection[str], grounding: Grounding) -> None:
    """Refuse soft evidence on atoms that the query hides: they have no unary that it could be.

    Raises:
        InstanceError: there is some.
    """
    for name, atoms in grounding.atoms.predicates.items():
        if name not in query and grounding.soft_evidence[atoms.start : atoms.stop].any():
            raise InstanceError(
                f"query: expected {name} in it, because evidence gives probabilities of its atoms, found {list(query)}"
            )


def read_query(given: Any, program: Program) -> tuple[str, ...]:
    """The predicates of a query, in the program's order; all of them for None.

    Raises:
        InstanceError: this is no list of predicates of the program.
    """
    if given is None:
        return tuple(program.predicates)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InstanceError(f"query: expected a list of predicate names, found {given!r}")
    for name in given:
        if name not in program.predicates:
            known = ", ".join(program.predicates)
            guess = did_you_mean(str(name), program.predicates)
            raise InstanceError(
                f"query: expected predicates of the program ({known}), found {name!r}",
                hint=None if guess.startswith("known") else guess,
            )
    return tuple(name for name in program.predicates if name in given)


def read_vector(name: str, given: ArrayLike | None, default: Floats) -> Floats:
    """As many finite numbers as `default` has; `default` itself for None.

    Raises:
        InstanceError: another number of them, or something else.
        ObjectiveError: one is not finite.
    """
    if given is None:
        return default
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InstanceError(f"{name}: expected {len(default)} numbers, found {given!r}") from None
    if values.shape != default.shape:
        raise InstanceError(f"{name}: expected {len(default)} numbers, found shape {list(values.shape)}")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ObjectiveError(f"{name}: expected finite numbers, found {values[bad[0]]} at position {bad[0]}")
    return values


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse an option that is not a whole number of at least `least`.

    Raises:
        OptionError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise OptionError(f"{name}: expected a whole number, found {value!r}")
    if value < least:
        raise OptionError(f"{name}: expected at least {least}, found {value!r}")


def check_positive(name: str, value: float | None) -> None:
    """Refuse an option that is neither None nor a positive number whose square and inverse are numbers, too.

    Raises:
        OptionError: it is none of these.
    """
    if value is not None and not 1e-100 < value < 1e100:
        raise OptionError(f"{name}: expected a positive number or None, found {value!r}")


def check_method(what: str, method: object, known: Sequence[str]) -> None:
    """Refuse an unknown method.

    Raises:
        OptionError: it is unknown.
    """
    if method not in known:
        expected = f"{what}: expected a method of {', '.join(known)}, found {method!r}"
        raise OptionError(expected, hint=did_you_mean(str(method), known))
