"""A program and its evidence to a ground network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.grounding.assemble import NetworkBuilder
from imle_mln.grounding.atoms import AtomTable, log_odds
from imle_mln.grounding.budget import FEWER, Budget, options_in_force
from imle_mln.grounding.clauses import ClauseGrounder, Job, Piece
from imle_mln.grounding.contradiction import contradiction
from imle_mln.grounding.evidence import Known, known_atoms
from imle_mln.grounding.formulas import FormulaTable, predicates_of, rule_variables, variable_types
from imle_mln.grounding.normal import Disjunct, feature, hard_clauses, negate, normal
from imle_mln.grounding.relations import Bindings
from imle_mln.grounding.store import Store
from imle_mln.grounding.vocabulary import Vocabulary
from imle_mln.grounding.world import Scope, World
from imle_mln.logic import Atom, Database, Program, Rule
from imle_mln.network import Floats, GroundNetwork, Index
from imle_mln.printing import constant_text, formula_text

MAX_FORMULAS = 2**24
# So many conflicts are told; more would not help.
_TOLD = 5


@dataclass(frozen=True, eq=False)
class Grounding:
    """A program grounded on its evidence.

    Attributes:
        network: what inference sees.
        atoms: the meaning of its A atoms.
        formulas: the meaning of its F formulas, and the hard rules.
        vocabulary: the constants.
        hard_clauses: which clauses are hard.
        hard_groundings: how many groundings each rule of `formulas.hard` has.
        soft_evidence: `[A]` the log-odds of atoms of which evidence gives a probability, 0 for others.
        hard_rules: for each of these, position by position, the rule in `formulas.hard` that makes it so; a clause is
            listed once for each such rule.
    """

    network: GroundNetwork
    atoms: AtomTable
    formulas: FormulaTable
    vocabulary: Vocabulary
    hard_clauses: NDArray[np.int32]
    hard_rules: NDArray[np.int32]
    hard_groundings: Floats
    soft_evidence: Floats


def ground(program: Program, database: Database | None = None, *, vocabulary: Vocabulary | None = None) -> Grounding:
    """Ground a program on its evidence, within the limit of `grounding_options`.

    Args:
        program: the formulas.
        database: the evidence, none by default.
        vocabulary: the constants, if several databases are to have the same; by default those of program and database.

    Raises:
        InstanceError: if program and evidence do not fit each other, or a type has no constants; as
            TooManyGroundingsError if there are more bindings than the limit.
    """
    database = database or Database({}, {})
    vocabulary = vocabulary or Vocabulary.of(program, database)
    known, conflicts = known_atoms(program, vocabulary, database)
    options = options_in_force()
    atoms = AtomTable.of(program, vocabulary, known, options.limit)
    types = [variable_types(rule, program.predicates) for rule in program.rules]
    formulas = _formulas(program, vocabulary, types)
    store = Store()
    builder = NetworkBuilder(store, len(atoms), len(formulas), len(formulas.hard))
    world = World(vocabulary, atoms)
    names = [
        f"line {rule.line}: {formula_text(rule.formula, plus=rule.plus, where=rule.where)}" for rule in program.rules
    ]
    budget = Budget(names, options, lambda at: _advice(program.rules[at], program, known))
    planned = []
    for rule, kinds, meter in zip(program.rules, types, budget.meters, strict=True):
        planned.append(_planned(rule, Scope(world, kinds, meter), store))
        meter.expected = sum(map(planned[-1].grounder.estimate, planned[-1].jobs))
    budget.check_expected()
    groundings, hard_groundings = np.zeros(len(formulas)), np.zeros(len(formulas.hard))
    soft = hard = 0
    for name, rule in zip(names, program.rules, strict=True):
        one = planned.pop(0)  # with its tables
        if rule.weight is None:
            hard_groundings[hard : hard + 1] = _groundings(one, 1)
            violation = _ground_hard(one, builder, len(formulas) + hard)
            if violation is not None and len(conflicts) < _TOLD:
                conflicts.append(f"{name} is false{violation}")
            hard += 1
        else:
            start, stop = (int(number) for number in formulas.starts[soft : soft + 2])
            groundings[start:stop] = _ground_soft(one, builder, start, stop - start)
            soft += 1
    network, (hard_ids, hard_rules) = builder.network(groundings, atoms.blocks, atoms.optional, "\n".join(conflicts))
    if not network.conflict:
        rules = [name for name, rule in zip(names, program.rules, strict=True) if rule.weight is None]
        blame = {clause: rules[at] for clause, at in zip(hard_ids.tolist(), hard_rules.tolist(), strict=True)}
        network = replace(network, conflict=contradiction(network, atoms, blame))
    return Grounding(
        network, atoms, formulas, vocabulary, hard_ids, hard_rules, hard_groundings, log_odds(atoms, database)
    )


@dataclass(frozen=True)
class _Planned:
    """A rule and the clauses to ground for it.

    Attributes:
        sign: 1, or -1 if the rule is the negation of its only clause.
        grounder: of its clauses.
        jobs: the clauses.
        needed: the variables that the clauses bind.
        groundings: if not all bindings are groundings: a clause that is false for those that are.
        defining: the variables of that clause.
    """

    rule: Rule
    sign: int
    grounder: ClauseGrounder
    jobs: tuple[Job, ...]
    needed: frozenset[str]
    groundings: Job | None
    defining: frozenset[str]


def _planned(rule: Rule, scope: Scope, store: Store) -> _Planned:
    grounder = ClauseGrounder(scope, store)
    part = normal(rule.formula)
    undefined = (*(negate(normal(one)) for one in rule.where), *_unrated(rule, part, scope))
    defining = frozenset[str]().union(*(one.free for one in undefined))
    counted = [name for name in rule_variables(rule) if name in defining or name in rule.plus]
    groundings = grounder.job(undefined, counted) if undefined else None
    if rule.weight is None:
        clauses = [(*undefined, *parts) for parts in hard_clauses(part, part.free | defining)]
        jobs = tuple(grounder.job(parts, sorted({name for one in parts for name in one.free})) for parts in clauses)
        return _Planned(rule, 1, grounder, jobs, part.free | defining, groundings, defining)
    sign, own = feature(part)
    parts = tuple(dict.fromkeys((*undefined, *own)))
    needed = frozenset(rule.plus).union(*(one.free for one in parts))
    variables = [name for name in rule_variables(rule) if name in needed]
    return _Planned(rule, sign, grounder, (grounder.job(parts, variables),), needed, groundings, defining)


def _unrated(rule: Rule, part: Disjunct, scope: Scope) -> list[Disjunct]:
    """What is false where a constant is the weight of a grounding: the conditions that give it, if evidence knows them.

    As in RockIt, what has no such weight is no grounding of the rule.
    """
    sign, parts = feature(part)
    return [
        one
        for one in parts
        if rule.weight_variable in one.free
        and not one.positive
        and isinstance(one.body, Atom)
        and sign > 0
        and scope.predicate(one.body).start == scope.predicate(one.body).stop
    ]


def _advice(rule: Rule, program: Program, known: Mapping[str, Known]) -> str:
    """Predicates of a rule that evidence talks about but that are open."""
    used = [name for name in predicates_of(rule.formula) if not known[name].untouched]
    named = [program.predicates[name] for name in used if not program.predicates[name].closed]
    if not named:
        return f"{FEWER}, make the formula more selective"
    shown = " and ".join(f"*{one.name}({', '.join(one.types)})" for one in named)
    return f"if evidence names all true atoms, declare {shown} (or closed_world={[one.name for one in named]})"


def _formulas(program: Program, vocabulary: Vocabulary, types: Sequence[Mapping[str, str]]) -> FormulaTable:
    soft = tuple(rule for rule in program.rules if rule.weight is not None)
    domains = []
    for rule, kinds in zip(program.rules, types, strict=True):
        if rule.weight is None:
            continue
        free = rule_variables(rule)
        for name in rule.plus:
            if name not in free:
                raise InstanceError(f"line {rule.line}: +{name} is not a free variable of {formula_text(rule.formula)}")
        if rule.weight_variable is not None:
            use = f"are the weights of line {rule.line}"
            hint = "what must hold is a formula of its own, without a weight and with a '.'"
            vocabulary.numbers(kinds[rule.weight_variable], use, hint)
        domains.append(tuple(vocabulary.constants[kinds[name]] for name in rule.plus))
    sizes = [prod(len(domain) for domain in each) for each in domains]
    for rule, size in zip(soft, sizes, strict=True):
        if size > MAX_FORMULAS:
            raise InstanceError(
                f"line {rule.line}: + makes {size:,} formulas of {formula_text(rule.formula)}, "
                f"at most {MAX_FORMULAS:,} are supported",
                hint="use fewer + variables",
            )
    starts = np.cumsum(np.array([0, *sizes], np.int64))
    return FormulaTable(soft, starts, tuple(domains), tuple(rule for rule in program.rules if rule.weight is None))


def _ground_soft(planned: _Planned, builder: NetworkBuilder, start: int, formulas: int) -> Floats:
    """Ground a rule with a weight into formulas `start` to `start + formulas`; returns the groundings each has."""
    rule, scope, sign = planned.rule, planned.grounder.scope, planned.sign
    # Variables that simplification removed only multiply.
    copies = float(prod(scope.size(name) for name in rule_variables(rule) if name not in planned.needed))
    groundings = _groundings(planned, formulas)
    # A grounding contributes offset + sign * (truth of its clause).
    offset = 0.0 if sign > 0 else 1.0
    constants = groundings * (offset + sign)
    for piece in planned.grounder.ground(planned.jobs[0], Bindings.start({}, 1)):
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
                builder.add(group.codes, numbers, np.broadcast_to(np.float64(sign * copies), count))
    builder.constants[start : start + formulas] += constants
    return groundings


def _groundings(planned: _Planned, formulas: int) -> Floats:
    """How many groundings each formula of a rule has, `[formulas]`."""
    rule, scope, job = planned.rule, planned.grounder.scope, planned.groundings
    bound = planned.defining.union(rule.plus)
    copies = float(prod(scope.size(name) for name in rule_variables(rule) if name not in bound))
    if job is None:
        return np.full(formulas, copies)
    found = np.zeros(formulas)
    for piece in planned.grounder.ground(job, Bindings.start({}, 1)):
        found += np.bincount(_combination(rule.plus, scope, piece.bindings), minlength=formulas)
    return found * copies


def _combination(plus: tuple[str, ...], scope: Scope, bindings: Bindings) -> Index:
    """Which combination of the constants of the `+` variables each binding has."""
    which = np.zeros(bindings.rows, np.int64)
    for name in plus:
        which = which * scope.size(name) + bindings.columns[name]
    return which


def _ground_hard(planned: _Planned, builder: NetworkBuilder, formula: int) -> str | None:
    """Ground a hard rule; returns the first binding that evidence makes false, as text, if there is one."""
    violation: str | None = None
    for job in planned.jobs:
        for piece in planned.grounder.ground(job, Bindings.start({}, 1)):
            for group in piece.groups:
                if not len(group.codes):
                    violation = violation or _binding(
                        planned.grounder.scope, piece, int(group.of(np.arange(piece.bindings.rows))[0])
                    )
                else:
                    count = group.codes.shape[1]
                    builder.add(
                        group.codes,
                        np.broadcast_to(np.int32(formula), count),
                        np.broadcast_to(np.float64(1), count),
                    )
    return violation


def _binding(scope: Scope, piece: Piece, row: int) -> str:
    vocabulary = scope.world.vocabulary
    values = [
        f"{name} = {constant_text(vocabulary.constants[scope.type(name)][int(column[row])])}"
        for name, column in piece.bindings.columns.items()
    ]
    return f" for {', '.join(values)}" if values else ""
