"""Grounding against a brute-force reading of the semantics: all bindings, formulas evaluated recursively."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from imle_mln.grounding import Grounding, ground
from imle_mln.grounding import evidence as evidence_module
from imle_mln.logic import (
    And,
    Atom,
    Constant,
    Database,
    Equal,
    Exists,
    ForAll,
    Formula,
    Iff,
    Implies,
    Not,
    Or,
    Predicate,
    Program,
    Rule,
    Term,
    Variable,
)
from imle_mln.printing import ground_atom_text
from imle_mln.truths import Evaluator

World = Mapping[tuple[str, tuple[str, ...]], bool]


# The reference.


def truth(formula: Formula, binding: Mapping[str, str], world: World, rule: Rule, program: Program) -> bool:
    def value(term: Term) -> str:
        return binding[term.name] if isinstance(term, Variable) else term.name

    def again(inner: Formula, more: Mapping[str, str] | None = None) -> bool:
        return truth(inner, {**binding, **(more or {})}, world, rule, program)

    match formula:
        case Atom(predicate, arguments):
            return world[predicate, tuple(map(value, arguments))]
        case Equal(left, right):
            return value(left) == value(right)
        case Not(body):
            return not again(body)
        case And(parts):
            return all(again(part) for part in parts)
        case Or(parts):
            return any(again(part) for part in parts)
        case Implies(premise, conclusion):
            return not again(premise) or again(conclusion)
        case Iff(left, right):
            return again(left) == again(right)
        case ForAll(variables, body):
            return all(again(body, more) for more in bindings(variables, rule, program))
        case Exists(variables, body):
            return any(again(body, more) for more in bindings(variables, rule, program))


def bindings(variables: tuple[str, ...], rule: Rule, program: Program) -> Iterator[dict[str, str]]:
    domains = [program.domains[rule.types[name]] for name in variables]
    for values in itertools.product(*domains):
        yield dict(zip(variables, values, strict=True))


def free(formula: Formula) -> set[str]:
    match formula:
        case Atom(_, arguments):
            return {term.name for term in arguments if isinstance(term, Variable)}
        case Equal(left, right):
            return {term.name for term in (left, right) if isinstance(term, Variable)}
        case Not(body):
            return free(body)
        case And(parts) | Or(parts):
            return {name for part in parts for name in free(part)}
        case Implies(left, right) | Iff(left, right):
            return free(left) | free(right)
        case ForAll(variables, body) | Exists(variables, body):
            return free(body) - set(variables)


def known(program: Program, database: Database) -> dict[tuple[str, tuple[str, ...]], int]:
    """The truth of every ground atom, or -1; raises ValueError for contradictions."""
    table: dict[tuple[str, tuple[str, ...]], int] = {}
    for name, predicate in program.predicates.items():
        domains = [program.domains[kind] for kind in predicate.types]
        for constants in itertools.product(*domains):
            table[name, constants] = 0 if predicate.closed else -1
        for constants, said in zip(database.atoms.get(name, ()), database.truth.get(name, ()), strict=True):
            table[name, constants] = said
        if predicate.unique:
            blocks: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
            for constants in itertools.product(*domains):
                rest = tuple(c for at, c in enumerate(constants) if at not in predicate.unique)
                blocks.setdefault(rest, []).append(constants)
            for block in blocks.values():
                trues = [atom for atom in block if table[name, atom] == 1]
                opens = [atom for atom in block if table[name, atom] == -1]
                if len(trues) > 1 or not (trues or opens):
                    raise ValueError(name)
                for atom in opens:
                    if trues or len(opens) == 1:
                        table[name, atom] = 0 if trues else 1
    return table


def expansions(rule: Rule, program: Program) -> list[tuple[dict[str, str], list[dict[str, str]]]]:
    """For each combination of constants of the + variables all bindings."""
    rest = tuple(sorted(free(rule.formula) - set(rule.plus)))
    others = list(bindings(rest, rule, program))
    return [(plus, [{**plus, **other} for other in others]) for plus in bindings(rule.plus, rule, program)]


# Random programs.


class Draw:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        domains = {"a": ("A1", "A2", "A3")[: self.random.randint(1, 3)], "b": ("B1", "B2")[: self.random.randint(1, 2)]}
        predicates = {}
        for name in ("P", "Q", "R", "S")[: self.random.randint(1, 4)]:
            arity = self.random.choice((0, 1, 1, 2, 2, 2, 3))
            types = tuple(self.random.choice("aab") for _ in range(arity))
            unique = tuple(
                sorted(self.random.sample(range(arity), self.random.choice((0, 0, 1, min(2, arity))) if arity else 0))
            )
            predicates[name] = Predicate(name, types, self.random.random() < 0.3, unique)
        self.predicates, self.domains = predicates, domains
        self.names = 0
        self.types: dict[str, str] = {}

    def term(self, kind: str, scope: list[str]) -> Term:
        fitting = [name for name in scope if self.types[name] == kind]
        if self.random.random() < 0.2:
            return Constant(self.random.choice(self.domains[kind]))
        if fitting and self.random.random() < 0.75:
            return Variable(self.random.choice(fitting))
        return Variable(self.fresh(kind, scope))

    def fresh(self, kind: str, scope: list[str]) -> str:
        # At most three free variables of a type keep the reference fast.
        self.names += 1
        name = f"{kind}{self.names}"
        self.types[name] = kind
        scope.append(name)
        return name

    def formula(self, depth: int, scope: list[str]) -> Formula:
        pick = self.random.random()
        if depth == 0 or pick < 0.15:
            if self.random.random() < 0.15 and scope:
                kind = self.types[scope[0]]
                return Equal(self.term(kind, scope), self.term(kind, scope))
            predicate = self.random.choice(list(self.predicates.values()))
            return Atom(predicate.name, tuple(self.term(kind, scope) for kind in predicate.types))
        if pick < 0.25:
            return Not(self.formula(depth - 1, scope))
        if pick < 0.55:
            parts = tuple(self.formula(depth - 1, scope) for _ in range(self.random.randint(2, 3)))
            return self.random.choice((And, Or))(parts)
        if pick < 0.75:
            return self.random.choice((Implies, Implies, Iff))(
                self.formula(depth - 1, scope), self.formula(depth - 1, scope)
            )
        inner = list(scope)
        bound = tuple(self.fresh(self.random.choice("ab"), inner) for _ in range(self.random.choice((1, 1, 2))))
        body = self.formula(depth - 1, inner)
        scope.extend(name for name in inner if name not in scope and name not in bound)
        return self.random.choice((ForAll, Exists))(bound, body)

    def rule(self) -> Rule:
        while True:
            self.types, self.names = {}, 0
            formula = self.formula(self.random.choice((1, 2, 2, 3, 3)), [])
            loose = sorted(free(formula))
            if np.prod([len(self.domains[self.types[name]]) for name in self.types] or [1]) <= 3000:
                break
        plus = tuple(name for name in loose if self.random.random() < 0.2)
        weight = None if self.random.random() < 0.3 else self.random.choice((1.5, -0.5))
        return Rule(formula, weight, plus if weight is not None else (), dict(self.types), self.random.randint(1, 99))

    def database(self) -> Database:
        atoms, said = {}, {}
        for name, predicate in self.predicates.items():
            rate = self.random.choice((0.0, 0.0, 0.3, 0.7))
            all_atoms = list(itertools.product(*(self.domains[kind] for kind in predicate.types)))
            chosen = [atom for atom in all_atoms if self.random.random() < rate]
            self.random.shuffle(chosen)
            atoms[name] = tuple(chosen)
            said[name] = tuple(self.random.choice((1, 0, 0, -1) if predicate.unique else (1, 0, -1)) for _ in chosen)
        return Database(atoms, said)


def draw(seed: int) -> tuple[Program, Database, dict[tuple[str, tuple[str, ...]], int], np.random.Generator]:
    for attempt in itertools.count():
        maker = Draw(seed * 1000 + attempt)
        rules = tuple(maker.rule() for _ in range(maker.random.randint(1, 3)))
        program = Program(maker.domains, maker.predicates, rules)
        database = maker.database()
        try:
            return program, database, known(program, database), np.random.default_rng(seed)
        except ValueError:
            continue
    raise AssertionError


def check(seed: int) -> None:
    program, database, table, rng = draw(seed)
    grounding = ground(program, database)
    atoms = [(name, constants) for (name, constants), said in table.items() if said == -1]
    assert len(atoms) == grounding.network.atoms == len(grounding.atoms)
    assert grounding.atoms.names == tuple(ground_atom_text(name, constants) for name, constants in atoms)
    well_formed(grounding)
    states = rng.random((4, len(atoms))) < rng.random((4, 1))
    found = Evaluator(grounding.network)(states)
    for row, state in enumerate(states):
        world = {**{atom: said == 1 for atom, said in table.items()}, **dict(zip(atoms, map(bool, state), strict=True))}
        counts, sizes, broken = [], [], []
        for rule in program.rules:
            cases = expansions(rule, program)
            true = [sum(truth(rule.formula, b, world, rule, program) for b in each) for _, each in cases]
            if rule.weight is None:
                broken.append(sum(true) < sum(len(each) for _, each in cases))
            else:
                counts += true
                sizes += [len(each) for _, each in cases]
        assert found.counts[row].tolist() == counts, seed
        assert grounding.network.groundings.tolist() == sizes
        violated = np.zeros(len(broken), bool)
        false = ~found.truths[row][grounding.hard_clauses]
        violated[grounding.hard_rules[false]] = True
        for at, rule in enumerate(grounding.formulas.hard):
            # A rule evidence alone makes false is in the conflict; the clauses left say the rest.
            assert violated[at] <= broken[at], seed
            if broken[at] and not violated[at]:
                assert f"line {rule.line}: " in grounding.network.conflict, seed
        blocks = {}
        for (name, constants), value in world.items():
            predicate = program.predicates[name]
            if predicate.unique:
                rest = (name, *(c for at, c in enumerate(constants) if at not in predicate.unique))
                blocks[rest] = blocks.get(rest, 0) + value
        wrong = sum(count != 1 for count in blocks.values())
        assert found.broken[row] == wrong
        if grounding.network.conflict:
            assert any(broken) or wrong, seed


def well_formed(grounding: Grounding) -> None:
    network = grounding.network
    seen = set()
    for at in range(len(network.clauses)):
        clause = network.clauses.items[network.clauses.starts[at] : network.clauses.starts[at + 1]].tolist()
        assert clause, "empty"
        assert clause == sorted(set(clause))
        assert not any(~literal in clause for literal in clause), "tautology"
        assert all((literal if literal >= 0 else ~literal) < network.atoms + at for literal in clause)
        assert tuple(clause) not in seen, "twice"
        seen.add(tuple(clause))
    pairs = list(zip(network.count_clauses.tolist(), network.count_formulas.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert (network.count_values != 0).all()
    used = set(network.count_clauses.tolist()) | set(np.flatnonzero(network.hard).tolist())
    used |= {
        int(v) - network.atoms
        for v in np.where(network.clauses.items < 0, ~network.clauses.items, network.clauses.items)
    }
    assert used >= set(range(len(network.clauses))), "unused"
    assert len(network.constants) == len(network.groundings) == len(grounding.formulas)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_counts_and_violations_equal_brute_force(block: int) -> None:
    for seed in range(25):
        check(block * 25 + seed)


@pytest.mark.parametrize("block", range(4))
def test_sparse_tables_and_small_pieces_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imle_mln.grounding.relations.CHUNK", 2)
    monkeypatch.setattr("imle_mln.grounding.assemble._PENDING", 3)
    monkeypatch.setattr("imle_mln.grounding.canonical._NETWORK", 1)
    for seed in range(25):
        program, _, _, _ = draw(block * 25 + seed)
        # Exactly-one tables are always dense.
        if not any(predicate.unique for predicate in program.predicates.values()):
            monkeypatch.setattr(evidence_module, "DENSE_CELLS", 0)
        check(block * 25 + seed)
        monkeypatch.undo()
        monkeypatch.setattr("imle_mln.grounding.relations.CHUNK", 2)


@pytest.mark.parametrize("block", range(2))
def test_hash_collisions_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def useless(codes: np.ndarray) -> np.ndarray:
        return (codes.sum(axis=0) % 2).astype(np.uint64)

    monkeypatch.setattr("imle_mln.grounding.merge.hashed", useless)
    monkeypatch.setattr("imle_mln.grounding.store.hashed", useless)
    monkeypatch.setattr("imle_mln.grounding.merge.KEY_BITS", 0)
    for seed in range(25):
        check(500 + block * 25 + seed)
