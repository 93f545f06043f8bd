"""A program and its evidence to a ground network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.grounding.assemble import Features
from imle_mln.grounding.atoms import AtomTable
from imle_mln.grounding.canonical import Index
from imle_mln.grounding.clauses import ClauseGrounder, Piece
from imle_mln.grounding.evidence import Evidence
from imle_mln.grounding.formulas import FormulaTable, free_variables, quoted, text, variable_types
from imle_mln.grounding.normal import feature, hard_clauses, normal
from imle_mln.grounding.relations import Bindings
from imle_mln.grounding.store import Store
from imle_mln.grounding.vocabulary import Vocabulary
from imle_mln.grounding.world import Meter, Scope, World
from imle_mln.logic import Database, Program, Rule
from imle_mln.network import GroundNetwork

# The most bindings one rule may make grounding look at.
LIMIT = 200_000_000
MAX_FORMULAS = 2**24
# So many conflicts are told; more would not help.
_TOLD = 5

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, eq=False)
class Grounding:
    """A program grounded on its evidence.

    Attributes:
        network: what inference sees.
        atoms: the meaning of its A atoms.
        formulas: the meaning of its F formulas, and the hard rules.
        vocabulary: the constants.
        evidence: what is known of each predicate.
        hard_clauses: which clauses are hard.
        hard_rules: for each of these, position by position, the rule in `formulas.hard` that makes it so; a clause is
            listed once for each such rule.
    """

    network: GroundNetwork
    atoms: AtomTable
    formulas: FormulaTable
    vocabulary: Vocabulary
    evidence: Evidence
    hard_clauses: NDArray[np.int32]
    hard_rules: NDArray[np.int32]


def ground(
    program: Program,
    database: Database | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    limit: int = LIMIT,
    progress: Progress | None = None,
) -> Grounding:
    """Ground a program on its evidence.

    Args:
        program: the formulas.
        database: the evidence, none by default.
        vocabulary: the constants, if several databases are to have the same; by default those of program and database.
        limit: the most bindings to look at for one rule; those that joins with evidence skip are not looked at.
        progress: called as `progress(rule, rules, bindings looked at so far for this rule)` during long groundings.

    Raises:
        InstanceError: if program and evidence do not fit each other, a type has no constants, or a rule has too many
            groundings.
    """
    database = database or Database({}, {})
    vocabulary = vocabulary or Vocabulary.of(program, database)
    evidence = Evidence.of(program, vocabulary, database)
    atoms = AtomTable.of(program, vocabulary, evidence)
    formulas = _formulas(program, vocabulary)
    store = Store()
    features = Features(store, len(atoms), len(formulas), len(formulas.hard))
    world = World(vocabulary, atoms)
    groundings = np.zeros(len(formulas))
    conflicts = list(evidence.conflicts)
    soft = hard = 0
    for at, rule in enumerate(program.rules):
        where = f"line {rule.line}: {text(rule.formula)}"
        meter = Meter(where, limit, _report(progress, at, len(program.rules)))
        scope = Scope(world, variable_types(rule, program.predicates), meter)
        grounder = ClauseGrounder(scope, store)
        if rule.weight is None:
            violation = _ground_hard(rule, grounder, features, len(formulas) + hard)
            if violation is not None and len(conflicts) < _TOLD:
                conflicts.append(f"{where} is false{violation}")
            hard += 1
        else:
            start, stop = (int(number) for number in formulas.starts[soft : soft + 2])
            groundings[start:stop] = _ground_soft(rule, grounder, features, start, stop - start)
            soft += 1
    network, (hard_ids, hard_rules) = features.network(groundings, atoms.blocks, "\n".join(conflicts))
    return Grounding(network, atoms, formulas, vocabulary, evidence, hard_ids, hard_rules)


def _report(progress: Progress | None, at: int, rules: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda seen: progress(at, rules, seen)


def _formulas(program: Program, vocabulary: Vocabulary) -> FormulaTable:
    soft = tuple(rule for rule in program.rules if rule.weight is not None)
    domains = []
    for rule in soft:
        types = variable_types(rule, program.predicates)
        free = free_variables(rule.formula)
        for name in rule.plus:
            if name not in free:
                raise InstanceError(f"line {rule.line}: +{name} is not a free variable of {text(rule.formula)}")
        domains.append(tuple(vocabulary.constants[types[name]] for name in rule.plus))
    sizes = [prod(len(domain) for domain in each) for each in domains]
    for rule, size in zip(soft, sizes, strict=True):
        if size > MAX_FORMULAS:
            raise InstanceError(
                f"line {rule.line}: + makes {size:,} formulas of {text(rule.formula)}, at most {MAX_FORMULAS:,} are "
                "supported",
                hint="use fewer + variables",
            )
    starts = np.cumsum(np.array([0, *sizes], np.int64))
    return FormulaTable(soft, starts, tuple(domains), tuple(rule for rule in program.rules if rule.weight is None))


def _ground_soft(rule: Rule, grounder: ClauseGrounder, features: Features, start: int, formulas: int) -> float:
    """Ground a rule with a weight into formulas `start` to `start + formulas`; returns the groundings each has."""
    scope = grounder.scope
    sign, parts = feature(normal(rule.formula))
    free = free_variables(rule.formula)
    needed = {name for part in parts for name in part.free} | set(rule.plus)
    variables = [name for name in free if name in needed]
    # Variables that simplification removed only multiply.
    copies = float(prod(scope.size(name) for name in free if name not in needed))
    groundings = float(prod(scope.size(name) for name in free if name not in rule.plus))
    # A grounding contributes offset + sign * (truth of its clause).
    offset = 0.0 if sign > 0 else 1.0
    constants = np.full(formulas, groundings * (offset + sign))
    for piece in grounder.ground(parts, variables, Bindings.start({}, 1)):
        which = _combination(rule.plus, scope, piece.bindings)
        left = np.bincount(which, minlength=formulas)
        constants -= copies * sign * left
        if len(piece.always):
            constants += copies * sign * np.bincount(which[piece.always], minlength=formulas)
        for group in piece.groups:
            if len(group.codes):
                count = group.codes.shape[1]
                # Views of one number where it is the same for all: there may be millions.
                one = np.broadcast_to(np.int32(start), count)
                numbers = one if formulas == 1 else (group.of(which) + start).astype(np.int32)
                features.add(group.codes, numbers, np.broadcast_to(np.float64(sign * copies), count))
    features.constants[start : start + formulas] += constants
    return groundings


def _combination(plus: tuple[str, ...], scope: Scope, bindings: Bindings) -> Index:
    """Which combination of the constants of the `+` variables each binding has."""
    which = np.zeros(bindings.rows, np.int64)
    for name in plus:
        which = which * scope.size(name) + bindings.columns[name]
    return which


def _ground_hard(rule: Rule, grounder: ClauseGrounder, features: Features, formula: int) -> str | None:
    """Ground a hard rule; returns the first binding that evidence makes false, as text, if there is one."""
    violation: str | None = None
    part = normal(rule.formula)
    for parts in hard_clauses(part, frozenset(part.free)):
        variables = sorted({name for one in parts for name in one.free})
        for piece in grounder.ground(parts, variables, Bindings.start({}, 1)):
            for group in piece.groups:
                if not len(group.codes):
                    violation = violation or _binding(
                        grounder.scope, piece, int(group.of(np.arange(piece.bindings.rows))[0])
                    )
                else:
                    count = group.codes.shape[1]
                    features.add(
                        group.codes,
                        np.broadcast_to(np.int32(formula), count),
                        np.broadcast_to(np.float64(1), count),
                    )
    return violation


def _binding(scope: Scope, piece: Piece, row: int) -> str:
    vocabulary = scope.world.vocabulary
    values = [
        f"{name} = {quoted(vocabulary.constants[scope.type(name)][int(column[row])])}"
        for name, column in piece.bindings.columns.items()
    ]
    return f" for {', '.join(values)}" if values else ""
