"""Random networks, with evidence."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from fuzz.networks.language import CONNECTIVES, Formula, free, text

Generator = np.random.Generator
Atom = tuple[str, tuple[str, ...]]
"""A predicate and constants."""
DOMAINS = {"person": ("Ann", "Ben", "Cat"), "thing": ("Red", "Blue")}
_MOST = 10
"""Ground atoms that evidence leaves open."""


@dataclass(frozen=True)
class Predicate:
    """A predicate: the types of its arguments, closed or open, and whether its last argument is one of many."""

    name: str
    types: tuple[str, ...]
    closed: bool = False
    one_of: bool = False

    def atoms(self) -> list[Atom]:
        """All ground atoms."""
        return [(self.name, constants) for constants in itertools.product(*(DOMAINS[kind] for kind in self.types))]


@dataclass(frozen=True)
class Network:
    """A program and evidence.

    Attributes:
        predicates: of the program.
        soft: formulas with their weights.
        hard: formulas that have to hold.
        evidence: truths of ground atoms.
    """

    predicates: tuple[Predicate, ...]
    soft: tuple[tuple[float, Formula], ...]
    hard: tuple[Formula, ...]
    evidence: dict[Atom, bool]

    def domains(self) -> dict[str, tuple[str, ...]]:
        """Constants of each variable: its first letter is that of its type."""
        return {f"{kind[0]}{number}": constants for kind, constants in DOMAINS.items() for number in range(3)}

    def unknown(self) -> list[Atom]:
        """Ground atoms whose truth neither evidence nor the closed world tells."""
        return [
            atom
            for predicate in self.predicates
            if not predicate.closed
            for atom in predicate.atoms()
            if atom not in self.evidence
        ]

    def blocks(self) -> list[list[Atom]]:
        """Ground atoms of which exactly one is true."""
        found: dict[Atom, list[Atom]] = {}
        for predicate in self.predicates:
            if predicate.one_of:
                for atom in predicate.atoms():
                    found.setdefault((predicate.name, atom[1][:-1]), []).append(atom)
        return list(found.values())

    def program(self) -> str:
        """In Alchemy's syntax."""
        lines = [f"{kind} = {{{', '.join(constants)}}}" for kind, constants in DOMAINS.items()]
        for predicate in self.predicates:
            types = [*predicate.types]
            if predicate.one_of:
                types[-1] += "!"
            lines.append(f"{'*' if predicate.closed else ''}{predicate.name}({', '.join(types)})")
        lines += [f"{weight!r}  {text(formula)}" for weight, formula in self.soft]
        lines += [f"{text(formula)}." for formula in self.hard]
        return "\n".join(lines) + "\n"

    def database(self) -> str:
        """In Alchemy's syntax."""
        return "".join(
            f"{'' if truth else '!'}{name}({','.join(constants)})\n"
            for (name, constants), truth in self.evidence.items()
        )


def network(rng: Generator) -> Network:
    """A random network with at least one open atom."""
    while True:
        predicates = tuple(_predicate(rng, name) for name in ("P", "Q", "R")[: int(rng.integers(1, 4))])
        found = Network(
            predicates,
            tuple((round(float(rng.normal()), 2), _formula(rng, predicates)) for _ in range(int(rng.integers(1, 4)))),
            tuple(_formula(rng, predicates) for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.6 else 0)),
            _evidence(rng, predicates),
        )
        if 0 < len(found.unknown()) <= _MOST:
            return found


def _predicate(rng: Generator, name: str) -> Predicate:
    types = tuple(str(kind) for kind in rng.choice(list(DOMAINS), int(rng.integers(1, 3))))
    closed = bool(rng.random() < 0.3)
    return Predicate(name, types, closed, one_of=not closed and bool(rng.random() < 0.25))


def _evidence(rng: Generator, predicates: tuple[Predicate, ...]) -> dict[Atom, bool]:
    found: dict[Atom, bool] = {}
    for predicate in predicates:
        taken = set()
        for atom in predicate.atoms():
            if rng.random() > (0.5 if predicate.closed else 0.4):
                continue
            truth = bool(rng.random() < (0.9 if predicate.closed else 0.5))
            if predicate.one_of:
                block = atom[1][:-1]
                truth = truth and block not in taken
                last_of_all_false = all(
                    found.get((predicate.name, (*block, value))) is False for value in DOMAINS[predicate.types[-1]][:-1]
                )
                if not truth and last_of_all_false and block not in taken:
                    continue  # one has to be true
                taken |= {block} if truth else set()
            found[atom] = truth
    return found


def _formula(rng: Generator, predicates: tuple[Predicate, ...], depth: int = 2) -> Formula:
    kind = rng.random()
    if depth == 0 or kind < 0.2:
        return _atom(rng, predicates)
    if kind < 0.35:
        return ("!", _formula(rng, predicates, depth - 1))
    if kind < 0.5:
        body = _formula(rng, predicates, depth - 1)
        used = free(body)
        if used:
            return (str(rng.choice(["EXIST", "FORALL"])), str(rng.choice(used)), body)
        return body
    if kind < 0.58:
        body = _formula(rng, predicates, depth - 1)
        used = free(body)
        alike = [pair for pair in itertools.combinations(used, 2) if pair[0][0] == pair[1][0]]
        if alike:
            return (str(rng.choice(["v", "=>"])), ("=", *alike[int(rng.integers(len(alike)))]), body)
        return body
    connective = str(rng.choice(CONNECTIVES))
    return (connective, _formula(rng, predicates, depth - 1), _formula(rng, predicates, depth - 1))


def _atom(rng: Generator, predicates: tuple[Predicate, ...]) -> Formula:
    predicate = predicates[int(rng.integers(len(predicates)))]
    terms = []
    for kind in predicate.types:
        constant = rng.random() < 0.2
        terms.append(str(rng.choice(DOMAINS[kind])) if constant else f"{kind[0]}{int(rng.integers(2))}")
    return ("atom", predicate.name, tuple(terms))
