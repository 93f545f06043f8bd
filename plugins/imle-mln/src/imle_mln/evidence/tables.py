"""Literals as they were read, and the checks that all evidence has to pass."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from imle.errors import InstanceError
from imle_mln.errors import DuplicateEvidenceWarning, did_you_mean
from imle_mln.logic import Database, Predicate, Program
from imle_mln.printing import declaration_text, ground_atom_text

ASKED = -1
_WORDS = {1: "true", 0: "false", ASKED: "asked for"}


class Literals(ABC):
    """The literals of one predicate.

    Attributes:
        predicate: the declaration.
        rows: the constants of each atom.
        truth: of each atom: 1, 0 or `ASKED`.
        probability: of each atom that has soft evidence, by row.
    """

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.rows: list[tuple[str, ...]] = []
        self.truth: list[int] = []
        self.probability: dict[int, float] = {}

    def add(self, row: tuple[str, ...], truth: int, probability: float | None = None) -> None:
        """One more literal."""
        if probability is not None:
            self.probability[len(self.rows)] = probability
        self.rows.append(row)
        self.truth.append(truth)

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
        """Refuse wrong numbers of arguments, unknown constants and contradictions; drop doubles, with a warning.

        Raises:
            InstanceError: at the first of these.
        """
        self._check_arity()
        self._check_domains(domains)
        self._drop_doubles()
        choice = (len(self.predicate.types) - 1,) if self.predicate.function else self.predicate.optional
        if self.predicate.unique or choice:
            self._check_blocks(self.predicate.unique or choice)

    def _check_arity(self) -> None:
        name, types = self.predicate.name, self.predicate.types
        lengths = [*map(len, self.rows)]
        if set(lengths) != {len(types)}:
            row = next(k for k, length in enumerate(lengths) if length != len(types))
            expected = f"{len(types)} argument{'s' * (len(types) != 1)}"
            hint = f"declared as {declaration_text(self.predicate)}"
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

    def _drop_doubles(self) -> None:
        if len(set(self.rows)) == len(self.rows):
            return
        first: dict[tuple[str, ...], int] = {}
        doubles = [
            (before, row) for row, atom in enumerate(self.rows) if (before := first.setdefault(atom, row)) != row
        ]
        for before, row in doubles:
            if self._said(before) != self._said(row):
                problem = f"contradictory evidence: {self.atom(row)} is {self._said(row)} here"
                problem += f", and {self._said(before)} in {self.place(before)}"
                raise self.error(row, problem, expected="each atom once", hint="keep one of them")
        before, row = doubles[0]
        more = f", and {len(doubles) - 1:,} more" if len(doubles) > 1 else ""
        problem = f"{self.atom(row)} stands twice in the evidence: in {self.place(before)} and {self.place(row)}{more}"
        warnings.warn(problem, DuplicateEvidenceWarning, stacklevel=_outside())
        kept = [*first.values()]
        self.probability = {new: self.probability[row] for new, row in enumerate(kept) if row in self.probability}
        self.rows, self.truth = [self.rows[row] for row in kept], [self.truth[row] for row in kept]

    def _said(self, row: int) -> str:
        probability = self.probability.get(row)
        return _WORDS[self.truth[row]] if probability is None else f"true with probability {probability:g}"

    def _check_blocks(self, choice: Sequence[int]) -> None:
        """At most one true atom in each block of atoms of which at most one is true."""
        types = self.predicate.types
        true = [k for k, truth in enumerate(self.truth) if truth == 1]
        blocks = [tuple(self.rows[k][at] for at in range(len(types)) if at not in choice) for k in true]
        if len(set(blocks)) < len(blocks):
            first, again = (true[k] for k in _first_repeated(blocks))
            problem = f"contradictory evidence: {self.atom(again)} is true here"
            problem += f", and {self.atom(first)} in {self.place(first)}"
            most = "exactly one is true" if self.predicate.unique else "at most one is true"
            if self.predicate.function:
                most = "it has one value for its arguments"
            hint = f"declared as {declaration_text(self.predicate)}: {most}"
            raise self.error(again, problem, expected="one true atom in each block", hint=hint)


def _outside() -> int:
    """The stack level, for `warnings.warn` one frame up, of the first caller outside imle."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in ("imle", "imle_mln"):
        frame, level = frame.f_back, level + 1
    return level


def _first_repeated(rows: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    seen: dict[tuple[str, ...], int] = {}
    return next((first, again) for again, row in enumerate(rows) if (first := seen.setdefault(row, again)) != again)


def database(
    tables: Iterable[Literals], program: Program, domains: Mapping[str, tuple[str, ...]] | None = None
) -> Database:
    """The literals, checked."""
    kept = {table.predicate.name: table for table in tables if table.rows}
    for table in kept.values():
        table.check(program.domains)
    return Database(
        {name: tuple(table.rows) for name, table in kept.items()},
        {name: tuple(table.truth) for name, table in kept.items()},
        {
            name: tuple(table.probability.get(row) for row in range(len(table.rows)))
            for name, table in kept.items()
            if table.probability
        },
        domains or {},
    )
