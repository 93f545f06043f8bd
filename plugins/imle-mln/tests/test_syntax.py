"""Programs in Alchemy's syntax: what each construct means."""

from __future__ import annotations

import math

import pytest

from imle.errors import InstanceError
from imle_mln.errors import missing_domain
from imle_mln.logic import (
    And,
    Arithmetic,
    Atom,
    Compare,
    Constant,
    Equal,
    Exists,
    ForAll,
    Iff,
    Implies,
    Not,
    Or,
    Predicate,
    Program,
    Rule,
    Variable,
)
from imle_mln.printing import program_text
from imle_mln.syntax import parse_program

DECLARED = "A(thing)\nB(thing)\nC(thing)\nD(thing)\nFriends(person, person)\nSmokes(person)\nCancer(person)\nRain()\n"
MANUAL = """\
// comment  /* comment */
person = {Ann, Ben, Cat}            // domains; constants also come from evidence and formulas
*Friends(person, person)            // closed-world, observed
Smokes(person)
Topic(paper, topic!)                // exactly one topic per paper
Cites(paper, paper)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
0.7  Cites(p,q) ^ Topic(p,+t) => Topic(q,+t)
-0.3 EXIST x Smokes(x)
Friends(x,y) => Friends(y,x).       // hard
"""


def atom(name, *arguments):
    return Atom(name, tuple(Variable(a) if a[0].islower() or a[0] == "_" else Constant(a) for a in arguments))


A, B, C, D = (atom(name, "x") for name in "ABCD")


def rule(text, declared=DECLARED):
    """The only rule of a program."""
    (found,) = parse_program(declared + text).rules
    return found


def formula(text):
    return rule(f"1 {text}").formula


def test_the_example_of_the_manual():
    program = parse_program(MANUAL)
    assert program.domains == {"person": ("Ann", "Ben", "Cat")}
    assert program.predicates == {
        "Friends": Predicate("Friends", ("person", "person"), closed=True),
        "Smokes": Predicate("Smokes", ("person",)),
        "Topic": Predicate("Topic", ("paper", "topic"), unique=(1,)),
        "Cites": Predicate("Cites", ("paper", "paper")),
    }
    people, papers = {"x": "person", "y": "person"}, {"p": "paper", "q": "paper", "t": "topic"}
    assert program.rules == (
        Rule(
            Implies(And((atom("Friends", "x", "y"), atom("Smokes", "x"))), atom("Smokes", "y")),
            weight=1.1,
            types=people,
        ),
        Rule(
            Implies(And((atom("Cites", "p", "q"), atom("Topic", "p", "t"))), atom("Topic", "q", "t")),
            weight=0.7,
            plus=("t",),
            types=papers,
        ),
        Rule(Exists(("x",), atom("Smokes", "x")), weight=-0.3, types={"x": "person"}),
        Rule(Implies(atom("Friends", "x", "y"), atom("Friends", "y", "x")), weight=None, types=people),
    )
    assert [rule.line for rule in program.rules] == [7, 8, 9, 10]


def test_an_empty_program():
    assert parse_program("") == parse_program("\n // nothing\n\n") == Program({}, {}, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!A(x) ^ B(x)", And((Not(A), B))),
        ("!!A(x)", Not(Not(A))),
        ("A(x) ^ B(x) v C(x)", Or((And((A, B)), C))),
        ("A(x) v B(x) ^ C(x)", Or((A, And((B, C))))),
        ("A(x) v B(x) => C(x)", Implies(Or((A, B)), C)),
        ("A(x) => B(x) v C(x)", Implies(A, Or((B, C)))),
        ("A(x) => B(x) <=> C(x)", Iff(Implies(A, B), C)),
        ("A(x) <=> B(x) => C(x)", Iff(A, Implies(B, C))),
        ("A(x) => B(x) => C(x)", Implies(Implies(A, B), C)),
        ("A(x) <=> B(x) <=> C(x)", Iff(Iff(A, B), C)),
        ("A(x) => (B(x) => C(x))", Implies(A, Implies(B, C))),
        ("A(x) ^ B(x) ^ C(x)", And((A, B, C))),
        ("A(x) v B(x) v C(x)", Or((A, B, C))),
        ("(A(x) ^ B(x)) ^ C(x)", And((And((A, B)), C))),
        ("(A(x) v B(x)) ^ C(x)", And((Or((A, B)), C))),
        ("!(A(x) v B(x))", Not(Or((A, B)))),
        ("((A(x)))", A),
        ("!A(x) ^ B(x) v C(x) => D(x) <=> A(x)", Iff(Implies(Or((And((Not(A), B)), C)), D), A)),
    ],
)
def test_precedence(text, expected):
    assert formula(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EXIST x A(x) ^ B(x)", Exists(("x",), And((A, B)))),
        ("EXIST x A(x) <=> B(x)", Exists(("x",), Iff(A, B))),
        ("(EXIST y A(y)) ^ B(x)", And((Exists(("y",), atom("A", "y")), B))),
        ("B(x) ^ EXIST y A(y) v C(y)", And((B, Exists(("y",), Or((atom("A", "y"), atom("C", "y"))))))),
        ("B(x) => FORALL y A(y) => C(x)", Implies(B, ForAll(("y",), Implies(atom("A", "y"), C)))),
        ("!EXIST x A(x) ^ B(x)", Not(Exists(("x",), And((A, B))))),
        ("FORALL x EXIST y Friends(x,y)", ForAll(("x",), Exists(("y",), atom("Friends", "x", "y")))),
        ("FORALL x, y Friends(x,y)", ForAll(("x", "y"), atom("Friends", "x", "y"))),
        ("EXIST x (A(x))", Exists(("x",), A)),
    ],
)
def test_quantifiers_bind_weakest(text, expected):
    assert formula(text) == expected


@pytest.mark.parametrize("word", ["EXIST", "Exist", "exist"])
def test_spellings_of_exist(word):
    assert formula(f"{word} x A(x)") == Exists(("x",), A)


@pytest.mark.parametrize("word", ["FORALL", "Forall", "forall"])
def test_spellings_of_forall(word):
    assert formula(f"{word} x A(x)") == ForAll(("x",), A)


def test_v_is_an_operator_and_a_variable():
    smokes, cancer = atom("Smokes", "v"), atom("Cancer", "v")
    assert formula("Smokes(v) v Cancer(v)") == Or((smokes, cancer))
    assert formula("EXIST v v = Ann ^ Smokes(v)") == Exists(
        ("v",), And((Equal(Variable("v"), Constant("Ann")), smokes))
    )
    v, x = Variable("v"), Variable("x")
    assert formula("x = v v v = x v Friends(x,v)") == Or((Equal(x, v), Equal(v, x), atom("Friends", "x", "v")))
    assert rule("Smokes(v)\nv v(v).", "Smokes(t)\nv(t)\n").formula == Or((smokes, atom("v", "v")))


def test_words_of_the_syntax_as_names():
    """Where a quantifier or a weight cannot stand, or is not followed by what it needs, the word is a name."""
    assert rule("exist = Ann v Smokes(exist).").formula == Or(
        (Equal(Variable("exist"), Constant("Ann")), atom("Smokes", "exist"))
    )
    assert rule("inf != nan v Friends(inf, nan).").types == {"inf": "person", "nan": "person"}
    assert rule("1 inf(x)", "inf(t)\n").formula == atom("inf", "x")


def test_equalities():
    x, y = Variable("x"), Variable("y")
    assert formula("Friends(x,y) => x = y") == Implies(atom("Friends", "x", "y"), Equal(x, y))
    assert formula("Friends(x,y) => x != y") == Implies(atom("Friends", "x", "y"), Not(Equal(x, y)))
    assert formula("Smokes(x) ^ !x = Ann") == And((atom("Smokes", "x"), Not(Equal(x, Constant("Ann")))))
    assert formula('Smokes(x) ^ "Ann" != x') == And((atom("Smokes", "x"), Not(Equal(Constant("Ann"), x))))
    assert formula("Ann = Ben v Rain()") == Or((Equal(Constant("Ann"), Constant("Ben")), Atom("Rain", ())))
    assert rule("Smokes(x) v x = 1.").formula == Or((atom("Smokes", "x"), Equal(x, Constant("1"))))
    assert formula("1 = x v Smokes(x)") == Or((Equal(Constant("1"), x), atom("Smokes", "x")))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Ann", "Ann"),
        ("Ünal", "Ünal"),
        ("A_1", "A_1"),
        ('"ann lee"', "ann lee"),
        ('"http://x/*y*/"', "http://x/*y*/"),
        (r'"a \"b\" \\ \n"', r'a "b" \ \n'),
        ('"1"', "1"),
        ("1", "1"),
        ("-2.5", "-2.5"),
        ("1e-3", "1e-3"),
    ],
)
def test_constants(written, name):
    assert formula(f"A({written})") == Atom("A", (Constant(name),))


@pytest.mark.parametrize("name", ["x", "person_1", "_x", "ünal"])
def test_variables(name):
    assert rule(f"1 A({name})").types == {name: "thing"}


@pytest.mark.parametrize("written", ["1", "+1.5", "-0.3", "2.", ".5", "1e3", "-1.5E-2", "0"])
def test_weights(written):
    assert rule(f"{written} A(x)").weight == float(written)


@pytest.mark.parametrize(
    ("written", "weight"),
    [
        ("log(0.9/0.1)", math.log(9)),
        ("-log(2)", -math.log(2)),
        ("ln(2)+exp( 0 )", math.log(2) + 1),
        ("logx(0.5)", math.log(0.5)),
        ("logx(0)", -100),
        ("05", 5),
        ("1 + 2*3 - 4/8", 6.5),
        ("(1+2)*-3", -9),
        ("2*(log(1)+(1-0.25))", 1.5),
        ("sqrt(float(4))", 2),
        (".5+1e-1", 0.6),
    ],
)
def test_weights_that_are_computed(written, weight):
    assert rule(f"{written} A(x)").weight == pytest.approx(weight)
    assert rule(f"{written} (A(x) v B(x))").weight == pytest.approx(weight)


def test_a_number_that_a_formula_begins_with_is_no_part_of_the_weight():
    assert rule("1 2 = x v A(x)").weight == 1
    assert rule("1.5 -2 = x v A(x)").formula == Or((Equal(Constant("-2"), Variable("x")), A))
    assert rule("2 < x v A(x).").formula == Or((Compare("<", Constant("2"), Variable("x")), A))
    assert rule("1 2*3 = x v A(x)").weight == 1


@pytest.mark.parametrize(
    ("written", "negated"), [("inf", False), ("Infinity", False), ("-inf", True), ("2*inf", False)]
)
def test_infinite_weights_are_hard(written, negated):
    found = rule(f"{written} A(x)")
    assert found.weight is None
    assert found.formula == (Not(A) if negated else A)


def test_terms_get_definitions():
    found = rule(
        "1 Friends(boss(x), y) ^ Older(x, t+1) => Older(boss(x), t)",
        DECLARED + "person boss(person)\nOlder(person, n)\n",
    )
    assert found.formula == Implies(
        And((atom("Friends", "_1", "y"), atom("Older", "x", "_2"))), atom("Older", "_1", "t")
    )
    assert found.where == (
        atom("boss", "x", "_1"),
        Compare("=", Variable("_2"), Arithmetic("+", Variable("t"), Constant("1"))),
    )
    assert found.types == {"x": "person", "y": "person", "t": "n", "_1": "person", "_2": "n"}


def test_terms_of_quantified_variables_are_defined_inside():
    declared = "T(n)\nS(n)\n"
    plus = Compare("=", Variable("_1"), Arithmetic("+", Variable("t"), Constant("1")))
    assert rule("1 EXIST t T(t) ^ S(t+1)", declared).formula == Exists(
        ("t", "_1"), And((plus, And((atom("T", "t"), atom("S", "_1")))))
    )
    assert rule("1 FORALL t S(t+1) v T(t)", declared).formula == ForAll(
        ("t", "_1"), Implies(plus, Or((atom("S", "_1"), atom("T", "t"))))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A(x) & B(x) | C(x)", Or((And((A, B)), C))),
        ("A(x), B(x) => C(x)", Implies(And((A, B)), C)),
        ("A(x) :- B(x) ^ C(x)", Implies(And((B, C)), A)),
        ("EXISTS x A(x)", Exists(("x",), A)),
        ("A(x) ^ x =/= Ann", And((A, Not(Equal(Variable("x"), Constant("Ann")))))),
        ("A(x) ^ x == Ann", And((A, Equal(Variable("x"), Constant("Ann"))))),
        ("A(x) ^ [x = Ann]", And((A, Equal(Variable("x"), Constant("Ann"))))),
        ("A(x) ^ greaterThanEq(x, 3)", And((A, Compare(">=", Variable("x"), Constant("3"))))),
        ("A(x) ^ x >= 3", And((A, Compare(">=", Variable("x"), Constant("3"))))),
    ],
)
def test_other_spellings(text, expected):
    assert formula(text) == expected


def test_declarations_of_functions_and_of_at_most_one():
    program = parse_program(
        "Fluent meet(Id, Id)\nage = {1, 2}\n* age old(Person)\nTopic(paper, topic?)\nLikes(Person, Id)"
    )
    assert program.predicates == {
        "meet": Predicate("meet", ("Id", "Id", "Fluent"), closed=True, function=True),
        "old": Predicate("old", ("Person", "age"), closed=True, function=True),
        "Topic": Predicate("Topic", ("paper", "topic"), optional=(1,)),
        "Likes": Predicate("Likes", ("Person", "Id")),
    }
    assert program_text(program).splitlines()[1:] == [
        "Fluent meet(Id, Id)",
        "age old(Person)",
        "Topic(paper, topic?)",
        "Likes(Person, Id)",
    ]


def test_names_of_constants():
    constants = [("Ann-Lee", "Ann-Lee"), ("2012-03-04", "2012-03-04"), ("5a", "5a"), ("日本", "日本"), ("1e3", "1e3")]
    for written, name in constants:
        assert formula(f"A({written})") == Atom("A", (Constant(name),))
    assert rule("1 A(x'')").types == {"x''": "thing"}


def test_hard_rules():
    assert rule("A(x) => B(x).").weight is None
    assert rule("A(Ann).").formula == Atom("A", (Constant("Ann"),))


def test_plus_marks_free_variables_in_order_of_appearance():
    found = rule("1 Friends(+y, x) ^ Friends(+x, +y)")
    assert found.plus == ("y", "x")
    assert found.formula == And((atom("Friends", "y", "x"), atom("Friends", "x", "y")))


def test_domains():
    program = parse_program('digit = {1,...,4}\nback = {-1, ..., 1}\nwide = {\n Ann,\n "b c", 3\n}\nlone={Ann}')
    assert program.domains == {
        "digit": ("1", "2", "3", "4"),
        "back": ("-1", "0", "1"),
        "wide": ("Ann", "b c", "3"),
        "lone": ("Ann",),
    }


def test_declarations():
    program = parse_program(
        "*Topic ( paper! , year, topic! )\nRain()\nlower(thing)\nBest(thing!)", closed_world=["Rain"]
    )
    assert program.predicates == {
        "Topic": Predicate("Topic", ("paper", "year", "topic"), closed=True, unique=(0, 2)),
        "Rain": Predicate("Rain", (), closed=True),
        "lower": Predicate("lower", ("thing",)),
        "Best": Predicate("Best", ("thing",), unique=(0,)),
    }


def test_declarations_may_come_last():
    program = parse_program("1 A(x)\nA(thing)\nthing = {Ann}")
    assert program.rules == (Rule(A, 1.0, types={"x": "thing"}),)


def test_closed_world_by_name():
    assert parse_program(DECLARED, closed_world="Smokes").predicates["Smokes"].closed
    with pytest.raises(InstanceError, match=r"found 'Smoke'\n  hint: did you mean 'Smokes'\?"):
        parse_program(DECLARED, closed_world=["Smoke"])


@pytest.mark.parametrize(
    "text",
    [
        "1 A(x) ^\nB(x) =>\n\n C(x)",
        "1 A(x)\n^ B(x)\n\n  => C(x)",
        "1 (A(x)\n ^ B(x)\n)\n => C(x)",
        "1 A(\nx\n) ^ B(x) => C(x)",
        "1 A(x) ^ // and\n B(x)  /* then\n */ => C(x)",
        "1 A(x)\t^\r\n\tB(x)\r\n=> C(x)\r\n",
        "1\nA(x) ^ B(x) => C(x)",
    ],
)
def test_rules_over_several_lines(text):
    program = parse_program(f"{DECLARED}{text}\n2 A(x)\n")
    assert [rule.formula for rule in program.rules] == [Implies(And((A, B)), C), A]


def test_line_ends_at_every_other_operator():
    assert formula("A(x)\n v B(x)\nv\n!\nC(x)\n<=>\nD(x)") == Iff(Or((A, B, Not(C))), D)
    assert formula("EXIST x\n A(x)") == Exists(("x",), A)
    assert formula("Friends(x,y) ^ x\n = y ^ x !=\ny") == And(
        (atom("Friends", "x", "y"), Equal(Variable("x"), Variable("y")), Not(Equal(Variable("x"), Variable("y"))))
    )


def test_a_line_that_begins_with_not_or_the_variable_v_is_a_new_rule():
    rules = parse_program(DECLARED + "1 A(x)\n!A(x).\nv = Ann v A(v).\nv != Ann v A(v).").rules
    assert [rule.line for rule in rules] == [9, 10, 11, 12]


def test_quantified_variables_get_names_of_their_own():
    two = rule("1 (EXIST x A(x)) ^ EXIST x Smokes(x)")
    assert two.formula == And((Exists(("x",), A), Exists(("x_2",), atom("Smokes", "x_2"))))
    assert two.types == {"x": "thing", "x_2": "person"}
    avoided = formula("A(x) ^ B(x_2) ^ EXIST x Smokes(x)")
    assert avoided == And((A, atom("B", "x_2"), Exists(("x_3",), atom("Smokes", "x_3"))))


def test_shadowing():
    found = formula("EXIST x A(x) ^ (FORALL x B(x)) ^ C(x)")
    assert found == Exists(("x",), And((A, ForAll(("x_2",), atom("B", "x_2")), C)))


def test_a_program_in_a_file(tmp_path):
    path = tmp_path / "social.mln"
    path.write_text("\ufeff" + MANUAL, encoding="utf-8")
    assert parse_program(path) == parse_program(str(path)) == parse_program(MANUAL)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(
        InstanceError, match=r"found none that can be read at .*no\.mln': No such file.*\n  hint: relative"
    ):
        parse_program("no.mln")
    with pytest.raises(InstanceError, match="expected a file with the program"):
        parse_program(tmp_path)
    (tmp_path / "latin.mln").write_bytes(b"// \xe9\n")
    with pytest.raises(InstanceError, match=r"expected UTF-8 text in .*latin\.mln, found 0xe9 at byte 4"):
        parse_program(tmp_path / "latin.mln")


def test_the_error_for_a_type_without_constants():
    error = missing_domain("person", parse_program(DECLARED))
    assert "'person'" in error.message
    assert "used by Friends(person, person), Smokes(person), Cancer(person)" in error.message
    assert error.hint == "declare the domain: person = {A, B, ...}"
