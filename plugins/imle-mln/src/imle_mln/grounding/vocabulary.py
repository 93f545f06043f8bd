"""Types and their constants: the numbers grounding computes with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.errors import missing_domain
from imle_mln.grounding.formulas import variable_types
from imle_mln.logic import Atom, Constant, Database, Equal, Formula, Program, Rule, Variable, children

_DIGITS = re.compile(r"[0-9]+")
# Not what float() takes: "Nan" and "Inf" are names, and nan would break the order.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names sorted: numbers by value and before all others; digits inside names by value too, P2 before P10."""
    listed = list(names)
    if listed and _numbered(listed):
        listed.sort()
        listed.sort(key=len)
        return tuple(listed)
    numbers: list[str] = []
    others: list[str] = []
    for name in listed:
        (numbers if _NUMBER.fullmatch(name) else others).append(name)
    return (*sorted(numbers, key=lambda name: (float(name), name)), *sorted(others, key=_key))


def _numbered(names: Sequence[str]) -> bool:
    """Whether all are one prefix and a number, as most large domains are: then shorter ones come first."""
    prefix = names[0].rstrip("0123456789")
    if prefix and prefix[0] in "+-.0123456789":  # such as 1.5 and 1.25
        return False
    return re.fullmatch(rf"(?:{re.escape(prefix)}(?:0|[1-9][0-9]*)\n)*", "\n".join([*names, ""])) is not None


def _key(name: str) -> str:
    # One string and no tuples, which the garbage collector would count. Longer numbers are larger; the zero in front
    # sorts before all that could stand there instead. The name itself tells P1 from P01.
    return f"{_DIGITS.sub(_sortable, name)}\0\0{name}"


def _sortable(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"\0{len(digits):06}{digits}"


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The constants of each type, in order: constant k of a type has code k.

    Attributes:
        constants: names by type. Declared domains keep their order, all others are in natural order.
    """

    constants: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, program: Program, *databases: Database) -> Vocabulary:
        """Collect the constants of a program and of all databases that are to share their codes.

        Raises:
            InstanceError: if a type has no constants, or a constant is not in its declared domain.
        """
        found: dict[str, dict[str, None]] = {
            name: {} for predicate in program.predicates.values() for name in predicate.types
        }
        for rule in program.rules:
            types = variable_types(rule, program.predicates)
            for name in types.values():
                found.setdefault(name, {})
            for name, constant in _mentioned(rule, program, types):
                found[name][constant] = None
        for database in databases:
            for name, listed in database.domains.items():
                found.setdefault(name, {}).update(dict.fromkeys(listed))
            for predicate, atoms in database.atoms.items():
                if predicate in program.predicates and atoms:
                    kinds = program.predicates[predicate].types
                    for name, column in zip(kinds, columns(atoms, len(kinds)), strict=True):
                        found[name].update(dict.fromkeys(column))
        constants: dict[str, tuple[str, ...]] = {}
        for name, seen in found.items():
            if name in program.domains:
                constants[name] = tuple(dict.fromkeys(program.domains[name]))
                _check_closed(name, constants[name], seen)
            else:
                constants[name] = natural_order(seen)
            if not constants[name]:
                raise missing_domain(name, program)
        return cls(constants)

    @cached_property
    def _codes(self) -> dict[str, dict[str, int]]:
        return {name: {c: code for code, c in enumerate(members)} for name, members in self.constants.items()}

    def size(self, type_name: str) -> int:
        """How many constants a type has."""
        return len(self.constants[type_name])

    def code(self, type_name: str, constant: str) -> int:
        """The code of a constant, or -1 if the type does not have it."""
        return self._codes[type_name].get(constant, -1)

    def encode(self, type_name: str, constants: Iterable[str]) -> NDArray[np.int32]:
        """The codes `[n]` of n constants, -1 for those the type does not have."""
        codes = self._codes[type_name]
        return np.fromiter(map(codes.get, constants, repeat(-1)), np.int32)

    def numbers(
        self, type_name: str, use: str = "are compared or computed with", hint: str | None = None
    ) -> NDArray[np.float64]:
        """The constants of a type as numbers, `[size]`.

        Args:
            type_name: the type.
            use: what they are needed for, for the error.
            hint: what to do if they are no numbers.

        Raises:
            InstanceError: one of them is no finite number.
        """
        if type_name not in self._numbers:
            names = self.constants[type_name]
            found = np.array([name if _NUMBER.fullmatch(name) else "nan" for name in names], np.float64)
            wrong = np.flatnonzero(~np.isfinite(found))
            if len(wrong):
                other = names[int(wrong[0])]
                raise InstanceError(
                    f"expected numbers as constants of type {type_name!r}, which {use}, found {other!r}",
                    hint=hint,
                )
            self._numbers[type_name] = found
        return self._numbers[type_name]

    def distinct(self, type_name: str) -> bool:
        """Whether no two constants of a type of numbers are the same number, as 1 and 1.0 are."""
        numbers, order = self._ordered(type_name)
        return bool((np.diff(numbers[order]) > 0).all())

    def of_numbers(self, type_name: str, values: NDArray[np.float64]) -> NDArray[np.int32]:
        """The codes of numbers, -1 for those that the type does not have."""
        numbers, order = self._ordered(type_name)
        at = order[np.minimum(np.searchsorted(numbers, values, sorter=order), len(numbers) - 1)]
        return np.where(numbers[at] == values, at, -1).astype(np.int32)

    def _ordered(self, type_name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The constants of a type as numbers, and their order."""
        if type_name not in self._orders:
            self._orders[type_name] = np.argsort(self.numbers(type_name), kind="stable")
        return self.numbers(type_name), self._orders[type_name]

    @cached_property
    def _orders(self) -> dict[str, NDArray[np.int64]]:
        return {}

    @cached_property
    def _numbers(self) -> dict[str, NDArray[np.float64]]:
        return {}

    def translate(self, source: str, target: str) -> NDArray[np.int32]:
        """For each code of type `source` the code of the constant of the same name in `target`, or -1."""
        return self.encode(target, self.constants[source])


def columns(atoms: Sequence[Sequence[str]], arity: int) -> list[list[str]]:
    """The constants of atoms by position; atoms of another arity spoil the order, and are refused elsewhere."""
    # Not zip(*atoms), which makes an iterator for each atom.
    flat = list(chain.from_iterable(atoms))
    return [flat[position::arity] for position in range(arity)]


def _check_closed(type_name: str, domain: tuple[str, ...], seen: Mapping[str, None]) -> None:
    members = set(domain)
    strangers = [constant for constant in seen if constant not in members]
    if strangers:
        raise InstanceError(
            f"{strangers[0]} is not in the domain of type {type_name}: {_short(domain)}",
            hint=f"add it to `{type_name} = {{...}}`, or leave that declaration out",
        )


def _short(domain: tuple[str, ...]) -> str:
    return "{" + ", ".join(domain[:8]) + (", ..." if len(domain) > 8 else "") + "}"


def _mentioned(rule: Rule, program: Program, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(type, constant) for every constant of a rule that has a type."""
    stack: list[Formula] = [rule.formula, *rule.where]
    while stack:
        node = stack.pop()
        if isinstance(node, Atom):
            for name, term in zip(program.predicates[node.predicate].types, node.arguments, strict=True):
                if isinstance(term, Constant):
                    yield name, term.name
        elif isinstance(node, Equal):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, Variable) and isinstance(other, Constant):
                    yield types[one.name], other.name
        else:
            stack.extend(children(node))
