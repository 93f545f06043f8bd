"""Literals as they were read, and the checks that all evidence has to pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.logic import Database, Predicate, Program
from imle_mln.printing import ground_atom_text

ASKED = -1
_WORDS = {1: "true", 0: "false", ASKED: "asked for"}


class Literals(ABC):
    """The literals of one predicate.

    Attributes:
        predicate: the declaration.
        rows: the constants of each atom.
        truth: of each atom: 1, 0 or `ASKED`.
    """

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.rows: list[tuple[str, ...]] = []
        self.truth: list[int] = []

    @abstractmethod
    def place(self, row: int) -> str:
        """Where a literal was read, in words."""

    @abstractmethod
    def error(
        self, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str | None = None
    ) -> InstanceError:
        """An error that points at a literal, or at one argument of it."""

    def atom(self, row: int) -> str:
        """An atom as text."""
        return ground_atom_text(self.predicate.name, self.rows[row])

    def check(self, domains: Mapping[str, tuple[str, ...]]) -> None:
        """Refuse wrong numbers of arguments, unknown constants, doubles and contradictions.

        Raises:
            InstanceError: at the first of these.
        """
        self._check_arity()
        self._check_domains(domains)
        self._check_once()
        if self.predicate.unique:
            self._check_blocks()

    def _check_arity(self) -> None:
        name, types = self.predicate.name, self.predicate.types
        lengths = [*map(len, self.rows)]
        if set(lengths) != {len(types)}:
            row = next(k for k, length in enumerate(lengths) if length != len(types))
            expected = f"{len(types)} argument{'s' * (len(types) != 1)}"
            hint = f"declared as {name}({', '.join(types)})"
            raise self.error(row, f"{name} has {expected}, found {lengths[row]}", expected=expected, hint=hint)

    def _check_domains(self, domains: Mapping[str, tuple[str, ...]]) -> None:
        columns = zip(self.predicate.types, zip(*self.rows, strict=True), strict=True)
        for position, (kind, column) in enumerate(columns):
            if kind in domains and (outside := set(column).difference(domains[kind])):
                row = next(k for k, constant in enumerate(column) if constant in outside)
                problem, hint = (
                    f"{column[row]!r} is not in the domain {kind!r}",
                    did_you_mean(column[row], domains[kind]),
                )
                raise self.error(row, problem, argument=position, expected=f"a constant of {kind!r}", hint=hint)

    def _check_once(self) -> None:
        if len(set(self.rows)) == len(self.rows):
            return
        first, again = _first_repeated(self.rows)
        before, now = self.truth[first], self.truth[again]
        kind = "duplicate" if before == now else "contradictory"
        problem = f"{kind} evidence: {self.atom(again)} is {_WORDS[now]} here"
        problem += f", and {_WORDS[before]} in {self.place(first)}"
        raise self.error(again, problem, expected="each atom once", hint="keep one of them")

    def _check_blocks(self) -> None:
        """At most one true atom in each block of atoms of which exactly one is true."""
        name, types, unique = self.predicate.name, self.predicate.types, self.predicate.unique
        true = [k for k, truth in enumerate(self.truth) if truth == 1]
        blocks = [tuple(self.rows[k][at] for at in range(len(types)) if at not in unique) for k in true]
        if len(set(blocks)) < len(blocks):
            first, again = (true[k] for k in _first_repeated(blocks))
            problem = f"contradictory evidence: {self.atom(again)} is true here"
            problem += f", and {self.atom(first)} in {self.place(first)}"
            arguments = ", ".join(kind + "!" * (k in unique) for k, kind in enumerate(types))
            hint = f"declared as {name}({arguments}): exactly one is true"
            raise self.error(again, problem, expected="one true atom in each block", hint=hint)


def _first_repeated(rows: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    seen: dict[tuple[str, ...], int] = {}
    return next((first, again) for again, row in enumerate(rows) if (first := seen.setdefault(row, again)) != again)


def database(tables: Iterable[Literals], program: Program) -> Database:
    """The literals, checked."""
    kept = {table.predicate.name: table for table in tables if table.rows}
    for table in kept.values():
        table.check(program.domains)
    return Database(
        {name: tuple(table.rows) for name, table in kept.items()},
        {name: tuple(table.truth) for name, table in kept.items()},
    )
