"""Grounding on small examples: names, orders, evidence, joins, errors."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from imle.errors import InstanceError
from imle_mln.evidence import parse_database
from imle_mln.grounding import Grounding, GroundingProgress, Vocabulary, ground, grounding_options
from imle_mln.grounding.vocabulary import natural_order
from imle_mln.logic import (
    And,
    Atom,
    Constant,
    Database,
    Equal,
    Exists,
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
from imle_mln.syntax import parse_program
from imle_mln.truths import Evaluator


def term(name: str) -> Term:
    return Variable(name) if name[0].islower() else Constant(name)


def atom(predicate: str, *arguments: str) -> Atom:
    return Atom(predicate, tuple(map(term, arguments)))


def predicates(*declared: Predicate) -> dict[str, Predicate]:
    return {predicate.name: predicate for predicate in declared}


def rule(formula: Formula, weight: float | None = 1.0, plus: Sequence[str] = (), line: int = 1) -> Rule:
    return Rule(formula, weight, tuple(plus), {}, line)


def facts(**literals: Sequence[tuple[str, ...]]) -> Database:
    return Database(
        {name: tuple(atoms) for name, atoms in literals.items()},
        {name: (1,) * len(atoms) for name, atoms in literals.items()},
    )


def clauses(grounding: Grounding) -> list[list[int]]:
    lists = grounding.network.clauses
    return [lists.items[lists.starts[at] : lists.starts[at + 1]].tolist() for at in range(len(lists))]


PEOPLE = ("Ann", "Ben", "Cat")
FRIENDS = Predicate("Friends", ("person", "person"), closed=True)
SMOKES = Predicate("Smokes", ("person",))
SPREAD = Implies(And((atom("Friends", "x", "y"), atom("Smokes", "x"))), atom("Smokes", "y"))


def test_smokers() -> None:
    program = Program({"person": PEOPLE}, predicates(FRIENDS, SMOKES), (rule(SPREAD, 1.1),))
    grounding = ground(program, facts(Friends=[("Ann", "Ben"), ("Ben", "Cat"), ("Cat", "Cat")]))
    assert grounding.atoms.names == ("Smokes(Ann)", "Smokes(Ben)", "Smokes(Cat)")
    assert sorted(clauses(grounding)) == [[~1, 2], [~0, 1]]
    # 9 bindings, of which evidence satisfies 6 and Friends(Cat,Cat) makes one a tautology.
    assert grounding.network.groundings.tolist() == [9]
    assert grounding.network.constants.tolist() == [7]
    assert Evaluator(grounding.network)([[1, 0, 0], [1, 1, 1]]).counts.tolist() == [[8], [9]]


def test_plus_makes_a_formula_of_each_constant() -> None:
    cites = Predicate("Cites", ("paper", "paper"), closed=True)
    topic = Predicate("Topic", ("paper", "topic"), unique=(1,))
    formula = Implies(And((atom("Cites", "p", "q"), atom("Topic", "p", "t"))), atom("Topic", "q", "t"))
    program = Program({"topic": ("Logic", "Nets")}, predicates(cites, topic), (rule(formula, 0.7, ["t"], 4),))
    grounding = ground(program, facts(Cites=[("P10", "P2")]))
    assert grounding.formulas.names == (
        "Cites(p,q) ^ Topic(p,Logic) => Topic(q,Logic)",
        "Cites(p,q) ^ Topic(p,Nets) => Topic(q,Nets)",
    )
    assert grounding.formulas.weights.tolist() == [0.7, 0.7]
    assert grounding.formulas.lines.tolist() == [4, 4]
    assert grounding.vocabulary.constants["paper"] == ("P2", "P10")
    assert grounding.atoms.names == ("Topic(P2,Logic)", "Topic(P2,Nets)", "Topic(P10,Logic)", "Topic(P10,Nets)")
    assert grounding.network.blocks.items.tolist() == [0, 1, 2, 3]
    assert grounding.network.blocks.starts.tolist() == [0, 2, 4]
    table = grounding.atoms["Topic"]
    assert table.complete
    assert table.cells.reshape(table.shape).tolist() == [[0, 1], [2, 3]]
    assert grounding.atoms.names.index("Topic(P10,Nets)") == 3


def test_evidence_completes_exactly_one_blocks() -> None:
    topic = Predicate("Topic", ("paper", "topic"), unique=(1,))
    program = Program({"topic": ("A", "B", "C")}, predicates(topic), ())
    database = Database(
        {"Topic": (("P1", "B"), ("P2", "A"), ("P2", "C"), ("P3", "A"))},
        {"Topic": (1, 0, 0, 0)},
    )
    grounding = ground(program, database)
    assert grounding.atoms.names == ("Topic(P3,B)", "Topic(P3,C)")
    assert grounding.atoms["Topic"].lookup(np.array([0, 4])).tolist() == [-1, -2]  # Topic(P1,A), Topic(P2,B)
    assert grounding.atoms["Topic"].known.truth().tolist() == [[0, 1, 0], [0, 1, 0], [0, -1, -1]]
    assert grounding.atoms["Topic"].cells.tolist() == [7, 8]


@pytest.mark.parametrize("dense", [50_000_000, 3])
def test_evidence_completes_at_most_one_blocks(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imle_mln.grounding.evidence.DENSE_CELLS", dense)
    database = Database(
        {
            "Topic": (("P1", "B"), ("P2", "A"), ("P2", "C"), ("P3", "A")),
            "Near": (("P1", "A"), ("P1", "C"), ("P3", "B")),
        },
        {"Topic": (1, 0, 0, 0), "Near": (1, -1, -1)},
    )
    topic = Predicate("Topic", ("paper", "topic"), optional=(1,))
    near = Predicate("Near", ("paper", "topic"), closed=True, optional=(1,))
    domains = {"topic": ("A", "B", "C"), "paper": ("P1", "P2", "P3", "P4")}
    grounding = ground(Program(domains, predicates(topic, near), ()), database)
    names = ["Topic(P2,B)", "Topic(P3,B)", "Topic(P3,C)", "Topic(P4,A)", "Topic(P4,B)", "Topic(P4,C)", "Near(P3,B)"]
    assert list(grounding.atoms.names) == names, "one of a block is free by itself, one more than is true is false"
    optional = grounding.network.optional
    assert [optional[block].tolist() for block in range(len(optional))] == [[1, 2], [3, 4, 5]]
    assert grounding.atoms["Topic"].known.truth().tolist() == [[0, 1, 0], [0, -1, 0], [0, -1, -1], [-1, -1, -1]]
    twice = Database({"Near": (("P1", "A"), ("P1", "C"))}, {"Near": (1, 1)})
    conflict = ground(Program(domains, predicates(near), ()), twice).network.conflict
    assert conflict == "Near takes at most one value, but more than one is true for Near(P1,A)"


def test_several_marks_make_one_block_of_all_choices() -> None:
    seat = Predicate("Seat", ("row", "guest", "side"), optional=(0, 2))
    domains = {"row": ("R1", "R2"), "guest": ("Ann", "Ben"), "side": ("L", "R")}
    grounding = ground(Program(domains, predicates(seat), ()), facts(Seat=[("R2", "Ben", "L")]))
    optional = grounding.network.optional
    assert [[grounding.atoms.name(atom) for atom in optional[block]] for block in range(len(optional))] == [
        ["Seat(R1,Ann,L)", "Seat(R1,Ann,R)", "Seat(R2,Ann,L)", "Seat(R2,Ann,R)"]
    ]
    assert grounding.network.atoms == 4


def test_natural_order_of_constants() -> None:
    names = ("P10", "P2", "10", "9.5", "-1", "Ann", "ann lee")
    program = Program({}, predicates(SMOKES), ())
    vocabulary = Vocabulary.of(program, facts(Smokes=[(name,) for name in names]))
    assert vocabulary.constants["person"] == ("-1", "9.5", "10", "Ann", "P2", "P10", "ann lee")
    assert ground(program, None, vocabulary=vocabulary).atoms.names[-1] == 'Smokes("ann lee")'


def test_a_conjunction_is_counted_through_its_negation() -> None:
    formula = And((atom("Smokes", "x"), atom("Smokes", "y"), Not(Equal(Variable("x"), Variable("y")))))
    grounding = ground(Program({"person": PEOPLE}, predicates(SMOKES), (rule(formula),)))
    assert clauses(grounding) == [[~1, ~0], [~2, ~0], [~2, ~1]]
    assert grounding.network.count_values.tolist() == [-2, -2, -2]
    assert grounding.network.constants.tolist() == [6]


def test_existentials_become_longer_clauses() -> None:
    formula = Implies(atom("Smokes", "x"), Exists(("y",), And((atom("Friends", "x", "y"), atom("Smokes", "y")))))
    program = Program({"person": PEOPLE}, predicates(FRIENDS, SMOKES), (rule(formula),))
    grounding = ground(program, facts(Friends=[("Ann", "Ben"), ("Ann", "Cat")]))
    assert sorted(clauses(grounding)) == [[~0, 1, 2], [1], [2]]


def test_equal_subformulas_are_one_clause() -> None:
    q = Predicate("Q", ("thing",))
    both = And((atom("Smokes", "x"), atom("Smokes", "y")))
    program = Program({"person": PEOPLE, "thing": ("T",)}, predicates(SMOKES, q), (rule(Iff(both, atom("Q", "t"))),))
    grounding = ground(program)
    # Three pairs and three units of people, each once, whatever the order of x and y.
    nested = [clause for clause in clauses(grounding) if all(v < 3 for v in clause) and all(~v < 3 for v in clause)]
    assert sorted(nested) == [[~2, ~1], [~2, ~0], [~1, ~0]]


def test_hard_conjunctions_are_several_clauses() -> None:
    formula = And((atom("Smokes", "Ann"), Or((atom("Smokes", "Ben"), atom("Smokes", "Cat")))))
    grounding = ground(Program({"person": PEOPLE}, predicates(SMOKES), (rule(formula, None, line=7),)))
    assert clauses(grounding) == [[0], [1, 2]]
    assert grounding.network.hard.all()
    assert len(grounding.formulas) == 0
    assert grounding.hard_rules.tolist() == [0, 0]
    found = Evaluator(grounding.network)([[1, 0, 0], [1, 1, 0]])
    assert found.violated.tolist() == [1, 0]
    assert (grounding.network.hard & ~found.truths).tolist() == [[False, True], [False, False]]


def test_a_hard_rule_evidence_breaks_is_a_conflict() -> None:
    symmetric = rule(Implies(atom("Friends", "x", "y"), atom("Friends", "y", "x")), None, line=3)
    program = Program({"person": PEOPLE}, predicates(FRIENDS), (symmetric,))
    grounding = ground(program, facts(Friends=[("Ann", "Ben")]))
    assert grounding.network.conflict == "line 3: Friends(x,y) => Friends(y,x) is false for x = Ann, y = Ben"
    assert not ground(program, facts(Friends=[("Ann", "Ben"), ("Ben", "Ann")])).network.conflict


@pytest.mark.parametrize(
    ("atoms", "truth", "message"),
    [
        ((("P1", "A"), ("P1", "B")), (1, 1), "more than one value is true for Topic.P1,A."),
        ((("P1", "A"), ("P1", "B")), (0, 0), "no value is left for Topic.P1,A."),
        ((("P1", "A"), ("P1", "A")), (1, 0), "Topic.P1,A. is both true and false"),
    ],
)
def test_contradictory_evidence(atoms: tuple[tuple[str, ...], ...], truth: tuple[int, ...], message: str) -> None:
    topic = Predicate("Topic", ("paper", "topic"), unique=(1,))
    program = Program({"topic": ("A", "B")}, predicates(topic), ())
    conflict = ground(program, Database({"Topic": atoms}, {"Topic": truth})).network.conflict
    assert re.search(message, conflict)


def chain(people: int) -> Database:
    return facts(Friends=[(f"P{at}", f"P{at + 1}") for at in range(people - 1)])


@pytest.mark.parametrize(
    "formula",
    [
        SPREAD,
        # Two joins, and a filter that no join needs to wait for.
        Implies(And((atom("Friends", "x", "y"), atom("Friends", "y", "z"), Not(Equal(term("x"), term("z"))))), SPREAD),
        # A quantified premise drives the join too.
        Implies(
            Exists(("z",), And((atom("Friends", "x", "z"), atom("Friends", "z", "y")))),
            Iff(atom("Smokes", "x"), atom("Smokes", "y")),
        ),
        # So does an equality.
        Implies(And((Equal(term("x"), term("y")), atom("Smokes", "x"))), Not(atom("Smokes", "y"))),
        And((atom("Friends", "x", "y"), atom("Friends", "y", "z"), atom("Smokes", "z"))),
    ],
)
def test_joins_look_at_few_bindings(formula: Formula) -> None:
    program = Program({}, predicates(FRIENDS, SMOKES), (rule(formula),))
    seen: list[int] = []
    expected: list[int] = []

    def watch(progress: GroundingProgress) -> None:
        seen.append(progress.seen)
        expected.append(progress.expected)

    with grounding_options(progress=watch):
        ground(program, chain(1000))
    assert max(seen) < 10_000
    assert expected[0] < 10_000


def test_type_without_constants() -> None:
    with pytest.raises(InstanceError, match="constants of type 'person', found none") as caught:
        ground(Program({}, predicates(SMOKES), (rule(atom("Smokes", "x")),)))
    assert "person = {" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("database", "message"),
    [
        (facts(Drinks=[("Ann",)]), "evidence about Drinks"),
        (facts(Smokes=[("Ann", "Ben")]), "expected 1 arguments"),
        (facts(Smokes=[("Dan",)]), "Dan is not in the domain of type person"),
    ],
)
def test_evidence_that_does_not_fit(database: Database, message: str) -> None:
    with pytest.raises(InstanceError, match=message):
        ground(Program({"person": PEOPLE}, predicates(SMOKES), ()), database)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (atom("Drinks", "x"), "expected a declared predicate"),
        (atom("Smokes", "x", "y"), "expected 1 arguments"),
        (And((atom("Smokes", "x"), atom("Likes", "x"))), "x is of type"),
        (Equal(Variable("x"), Variable("y")), "nothing says which type"),
    ],
)
def test_formulas_that_do_not_fit(formula: Formula, message: str) -> None:
    known = predicates(SMOKES, Predicate("Likes", ("food",)))
    with pytest.raises(InstanceError, match=message):
        ground(Program({"person": PEOPLE, "food": ("Bread",)}, known, (rule(formula),)))


def test_a_variable_that_simplification_removes_multiplies() -> None:
    same = Equal(Variable("y"), Variable("y"))
    formula = And((atom("Smokes", "x"), Or((same, atom("Smokes", "y")))))
    grounding = ground(Program({"person": PEOPLE}, predicates(SMOKES), (rule(formula),)))
    assert grounding.network.groundings.tolist() == [9]
    assert Evaluator(grounding.network)([[1, 0, 0]]).counts.tolist() == [[3]]


@pytest.mark.parametrize(
    "name", ["ann", "Ann Lee", 'so "called"', "back\\slash", "a,b", "(x)", "Forall", "-3.5", "Ünal"]
)
def test_names_of_atoms_are_found_again(name: str) -> None:
    program = Program({"person": (name, "Other")}, predicates(Predicate("Likes", ("person", "person"))), ())
    atoms = ground(program).atoms
    read = parse_database("".join(f"{written}\n" for written in atoms.names), program).atoms["Likes"]
    assert read == ((name, name), (name, "Other"), ("Other", name), ("Other", "Other"))
    assert [atoms.name(at) for at in range(4)] == list(atoms.names)


def test_programs_as_parsed() -> None:
    program = parse_program("""
        person = {Ann, Ben, Cat}
        *Friends(person, person)
        Smokes(person)
        Topic(paper, topic!)
        *Cites(paper, paper)
        1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
        0.7  Cites(p,q) ^ Topic(p,+t) => Topic(q,+t)
        -0.3 EXIST x Smokes(x)
        Friends(x,y) => Friends(y,x).
    """)
    database = parse_database(
        "Friends(Ann,Ben)\nFriends(Ben,Ann)\nCites(P1,P2)\nTopic(P3,Logic)\nTopic(P4,Nets)\n!Smokes(Cat)\n", program
    )
    grounding = ground(program, database)
    topics = [f"Topic({paper},{topic})" for paper in ("P1", "P2") for topic in ("Logic", "Nets")]
    assert list(grounding.atoms.names) == ["Smokes(Ann)", "Smokes(Ben)", *topics]
    assert grounding.formulas.weights.tolist() == [1.1, 0.7, 0.7, -0.3]
    assert grounding.formulas.hard_names == ("Friends(x,y) => Friends(y,x)",)
    assert grounding.network.groundings.tolist() == [9, 16, 16, 1]
    assert grounding.network.constants.tolist() == [7, 15, 15, 0]
    assert grounding.network.conflict == ""


def test_states_of_the_wrong_shape() -> None:
    grounding = ground(Program({"person": PEOPLE}, predicates(SMOKES), ()))
    with pytest.raises(ValueError, match=r"\[N, 3\], found \[2\]"):
        Evaluator(grounding.network)([0, 1])


def test_names_that_float_would_take_for_numbers_are_names():
    """nan compares with nothing: it would make the order of constants depend on the order they came in."""
    huge = "P1" + 5000 * "0"
    names = ["2", "Nan", "3", "1", "Inf", "P10", "P2", "1e3", "-1", "P", "P 1", "P02", huge, "P2b10", "P2b9"]
    expected = ["-1", "1", "2", "3", "1e3", "Inf", "Nan", "P", "P02", "P2", "P2b9", "P2b10", "P10", huge, "P 1"]
    for given in (names, list(reversed(names))):
        assert list(natural_order(given)) == expected


@pytest.mark.parametrize("prefix", ["", "P", "P-", "P1Q"])
def test_numbered_names_sort_by_their_numbers(prefix):
    expected = [f"{prefix}{number}" for number in (0, 1, 2, 9, 10, 11, 100)]
    assert list(natural_order(sorted(expected))) == expected
    assert list(natural_order([f"{prefix}{number}" for number in ("10", "1", "01")]))[-1] == f"{prefix}10"
    assert natural_order(["1.5", "1.25", "1.125"]) == ("1.125", "1.25", "1.5")


CHAIN = """person = {Ann, Ben}
A(person)
B(person)
C(person)
A(x) => B(x).
B(x) => C(x).
1 A(x)
"""


@pytest.mark.parametrize(
    ("evidence", "conflict"),
    [
        ("A(Ben)\n!C(Ben)", "!B(Ben) by line 6: B(x) => C(x); B(Ben) by line 5: A(x) => B(x)"),
        ("A(Ben)\n!B(Ben)", "line 5: A(x) => B(x) is false for x = Ben"),
        ("A(Ben)\n!C(Ann)", ""),
        ("", ""),
    ],
)
def test_contradictions_between_hard_formulas_are_named(evidence: str, conflict: str) -> None:
    program = parse_program(CHAIN)
    found = ground(program, parse_database(evidence, program)).network.conflict
    assert sorted(
        found.removeprefix("given the evidence, hard formulas contradict each other: ").split("; ")
    ) == sorted(conflict.split("; "))


@pytest.mark.parametrize(
    ("mark", "rules", "conflict"),
    [
        (
            "?",
            "T(A,X).\nT(A,Y).\n",
            "T(A,Y) by line 5: T(A,Y); T(A,X) by line 4: T(A,X); at most one by line 3: T(n, t?)",
        ),
        ("?", "!T(A,X).\n!T(A,Y).\n!T(A,Z).\n", ""),
        (
            "!",
            "!T(A,X).\n!T(A,Y).\n!T(A,Z).\n",
            "!T(A,Z) by line 6: !T(A,Z); !T(A,Y) by line 5: !T(A,Y); !T(A,X) by line 4: !T(A,X); "
            "exactly one by line 3: T(n, t!)",
        ),
        (
            "?",
            "T(A,X).\nT(A,Y) v T(A,Z).\n",
            "T(A,X) by line 4: T(A,X); at most one by line 3: T(n, t?); T(A,Y) v T(A,Z) by line 5: T(A,Y) v T(A,Z)",
        ),
    ],
)
def test_contradictions_with_blocks_name_the_declaration(mark: str, rules: str, conflict: str) -> None:
    told = ground(parse_program(f"n = {{A}}\nt = {{X, Y, Z}}\nT(n, t{mark})\n{rules}")).network.conflict
    assert told.removeprefix("given the evidence, hard formulas contradict each other: ") == conflict


def test_a_contradiction_over_several_clauses_is_told_in_order() -> None:
    rules = "".join(f"S({k}) => S({k + 1}).\n" for k in range(1, 5))
    program = parse_program("n = {1,...,5}\nS(n)\n" + rules + "S(1).\n!S(5).\n")
    told = ground(program).network.conflict
    assert told.startswith("given the evidence, hard formulas contradict each other: ")
    assert told.endswith("; and 1 more")
    assert "S(2) v !S(1)" in told or "!S(1) v S(2)" in told or "!S(2) v S(3)" in told


def test_memory_is_in_proportion_to_undecided_groundings() -> None:
    """A million million groundings, of which evidence leaves a few thousand; and four times as many of these."""

    def peak(people: int) -> int:
        program = Program({}, predicates(FRIENDS, SMOKES), (rule(SPREAD),))
        database = chain(people)
        ground(program, database)
        tracemalloc.start()
        grounding = ground(program, database)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(grounding.network.clauses) == people - 1
        assert grounding.network.groundings.tolist() == [people**2]
        return most

    small, large = peak(10_000), peak(40_000)
    assert large < 6 * small
    assert large < 40_000 * 2_000
