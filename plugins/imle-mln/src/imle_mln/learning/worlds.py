"""Training databases: the worlds that were observed, over atoms that are to be explained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle_mln.changes import Changes
from imle_mln.errors import MissingDomainError
from imle_mln.grounding import Grounding, Vocabulary, ground
from imle_mln.grounding.evidence import Known, known_atoms
from imle_mln.grounding.formulas import variable_types
from imle_mln.logic import Database, Program
from imle_mln.network import Bools
from imle_mln.printing import literal_text


@dataclass(frozen=True, eq=False)
class ObservedWorld:
    """One database.

    Attributes:
        name: of the database, for messages.
        program: with the domains of this database, and all predicates closed that are not asked for.
        evidence: what the database says of these.
        grounding: of the two.
        changes: of what the database says of the atoms that are asked for.
    """

    name: str
    program: Program
    evidence: Database
    grounding: Grounding
    changes: Changes

    @property
    def state(self) -> Bools:
        """`[A]` what the database says of the atoms that are asked for."""
        return self.changes.state


def observed(program: Program, databases: Mapping[str, Database], query: Collection[str]) -> list[ObservedWorld]:
    """The worlds of some databases. What they do not mention is false.

    Types of `+` variables have the constants of all databases together, so that all have the same formulas; other types
    have those of their own database.

    Args:
        program: the formulas.
        databases: what was observed, by name.
        query: predicates whose atoms are to be explained; all others are given.

    Raises:
        InstanceError: a database does not fit the program, contradicts itself or a hard formula, leaves atoms unknown,
            or none says anything of a predicate that is to be explained.
    """
    for name in query:
        if not any(database.atoms.get(name) for database in databases.values()):
            raise InstanceError(
                f"expected atoms of {name} in the training data, found none: hidden predicates cannot be learned",
                hint=f"add them, or leave {name} out with query= or closed_world=",
            )
    shared = {variable_types(rule, program.predicates)[name] for rule in program.rules for name in rule.plus}
    together = Vocabulary.of(program, *databases.values()).constants
    domains = {name: together[name] for name in shared}
    return [_world(name, program, database, set(query), domains) for name, database in databases.items()]


def _world(
    name: str, program: Program, database: Database, query: set[str], shared: Mapping[str, tuple[str, ...]]
) -> ObservedWorld:
    for predicate, truths in database.truth.items():
        if -1 in truths:
            at = truths.index(-1)
            probability = database.probability.get(predicate, (None,) * len(truths))[at]
            found = literal_text(predicate, database.atoms[predicate][at], -1, probability)
            raise InstanceError(
                f"{name}: expected the truth of all atoms, found {found}",
                hint="learn from facts alone; hidden atoms and probabilities cannot be learned from",
            )
    try:
        domains = {**Vocabulary.of(replace(program, domains={**program.domains, **shared}), database).constants}
    except MissingDomainError as error:
        raise InstanceError(f"{name}: {error.message}", hint=error.hint) from None
    closed = replace(program, domains=domains, predicates=_with(program, closed=set(program.predicates)))
    known, conflicts = known_atoms(closed, Vocabulary(domains), database)
    if conflicts:
        raise InstanceError(f"{name}: {conflicts[0]}")
    asked = replace(closed, predicates=_with(program, closed=set(program.predicates) - query))
    given = [one for one in database.atoms if one not in query]
    evidence = Database({one: database.atoms[one] for one in given}, {one: database.truth[one] for one in given})
    grounding = ground(asked, evidence)
    if grounding.network.conflict:
        raise InstanceError(f"{name}: {grounding.network.conflict}")
    state = np.zeros(grounding.network.atoms, np.bool_)
    for predicate, atoms in grounding.atoms.predicates.items():
        state[atoms.start : atoms.stop] = _true(known[predicate], atoms.cells)
    return ObservedWorld(name, asked, evidence, grounding, _changes(name, grounding, state))


def _changes(name: str, grounding: Grounding, state: Bools) -> Changes:
    found = Changes(grounding.network, state)
    if len(found.broken):
        clause = int(found.broken[0])
        at = int(np.flatnonzero(grounding.hard_clauses == clause)[0])
        rule = grounding.formulas.hard_names[int(grounding.hard_rules[at])]
        text = grounding.network.text(clause, grounding.atoms.name)
        raise InstanceError(
            f"{name}: expected a world in which hard formulas hold, found one where {rule} is false: {text}",
            hint="give the formula a weight, or mend the database",
        )
    return found


def _with(program: Program, closed: Collection[str]) -> dict[str, Any]:
    return {name: replace(one, closed=name in closed) for name, one in program.predicates.items()}


def _true(known: Known, cells: Any) -> Bools:
    if known.dense is not None:
        return np.asarray(known.dense[cells] == 1)
    return np.isin(cells, known.keys[known.values == 1])
