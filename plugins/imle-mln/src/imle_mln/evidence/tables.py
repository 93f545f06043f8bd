"""Literals as they were read, and the checks that all evidence has to pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.logic import Database, Predicate, Program
from imle_mln.printing import ground_atom_text

ASKED = -1
_WORDS = {1: "true", 0: "false", ASKED: "asked for"}


@dataclass
class Literals:
    """The literals of one predicate, and the line or row each comes from."""

    predicate: Predicate
    rows: list[tuple[str, ...]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    places: Sequence[int] = field(default_factory=list)


class Origin(ABC):
    """Where evidence comes from, to say so in errors."""

    @abstractmethod
    def name(self, place: int) -> str:
        """A line or a row, in words."""

    @abstractmethod
    def error(
        self,
        table: Literals,
        row: int,
        problem: str,
        *,
        argument: int | None = None,
        expected: str = "",
        hint: str = "",
    ) -> InstanceError:
        """An error that points at a literal, or at one argument of it."""


def database(tables: Iterable[Literals], program: Program, origin: Origin) -> Database:
    kept = [table for table in tables if table.rows]
    for table in kept:
        _check_arity(table, origin)
        _check_domains(table, program.domains, origin)
        _check_once(table, origin)
        if table.predicate.unique:
            _check_blocks(table, origin)
    return Database(
        {table.predicate.name: tuple(table.rows) for table in kept},
        {table.predicate.name: tuple(table.truth) for table in kept},
    )


def _check_arity(table: Literals, origin: Origin) -> None:
    types = table.predicate.types
    lengths = [*map(len, table.rows)]
    if set(lengths) != {len(types)}:
        row = next(k for k, length in enumerate(lengths) if length != len(types))
        name, expected = table.predicate.name, f"{len(types)} argument{'s' * (len(types) != 1)}"
        hint = f"declared as {name}({', '.join(types)})"
        raise origin.error(table, row, f"{name} has {expected}, found {lengths[row]}", expected=expected, hint=hint)


def _check_domains(table: Literals, domains: Mapping[str, tuple[str, ...]], origin: Origin) -> None:
    for position, (type_name, column) in enumerate(
        zip(table.predicate.types, zip(*table.rows, strict=True), strict=True)
    ):
        if type_name in domains and (outside := set(column).difference(domains[type_name])):
            row = next(k for k, constant in enumerate(column) if constant in outside)
            problem = f"{column[row]!r} is not in the domain {type_name!r}"
            hint = did_you_mean(column[row], domains[type_name])
            expected = f"a constant of {type_name!r}"
            raise origin.error(table, row, problem, argument=position, expected=expected, hint=hint)


def _check_once(table: Literals, origin: Origin) -> None:
    if len(set(table.rows)) == len(table.rows):
        return
    first, again = _first_repeated(table.rows)
    before, now = table.truth[first], table.truth[again]
    kind = "duplicate" if before == now else "contradictory"
    problem = f"{kind} evidence: {_atom(table, again)} is {_WORDS[now]} here"
    problem += f", and {_WORDS[before]} in {origin.name(table.places[first])}"
    raise origin.error(table, again, problem, expected="each atom once", hint="keep one of them")


def _check_blocks(table: Literals, origin: Origin) -> None:
    """At most one true atom in each block of atoms of which exactly one is true."""
    others = [k for k in range(len(table.predicate.types)) if k not in table.predicate.unique]
    true = [k for k, truth in enumerate(table.truth) if truth == 1]
    blocks = [tuple(table.rows[k][position] for position in others) for k in true]
    if len(set(blocks)) < len(blocks):
        first, again = (true[k] for k in _first_repeated(blocks))
        problem = f"contradictory evidence: {_atom(table, again)} is true here"
        problem += f", and {_atom(table, first)} in {origin.name(table.places[first])}"
        arguments = ", ".join(t + "!" * (k in table.predicate.unique) for k, t in enumerate(table.predicate.types))
        hint = f"declared as {table.predicate.name}({arguments}): exactly one is true"
        raise origin.error(table, again, problem, expected="one true atom in each block", hint=hint)


def _first_repeated(rows: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    seen: dict[tuple[str, ...], int] = {}
    return next((first, again) for again, row in enumerate(rows) if (first := seen.setdefault(row, again)) != again)


def _atom(table: Literals, row: int) -> str:
    return ground_atom_text(table.predicate.name, table.rows[row])
