"""Printed programs and evidence read back as the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle_mln.evidence import parse_database
from imle_mln.logic import (
    And,
    Atom,
    Constant,
    Database,
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
from imle_mln.printing import database_text, formula_text, program_text, rule_text
from imle_mln.syntax import parse_program

TYPES = {"P": ("a",), "Q": ("a", "b"), "R": ("b",), "v": ("a",), "Z": ()}
DECLARED = "".join(f"{name}({', '.join(types)})\n" for name, types in TYPES.items())
CONSTANTS = ["Ann", "1", "-2.5", "1e3", "lower", "Two words", 'a "b" \\ c', "FORALL", "", "_x", "Ünal", "5a", "// no"]


def one_rule(text):
    (rule,) = parse_program(DECLARED + text).rules
    return rule


# Formulas -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "P(x) ^ P(y) ^ P(z)",
        "(P(x) ^ P(y)) ^ P(z)",
        "P(x) ^ (P(y) v P(z))",
        "P(x) ^ P(y) v P(z)",
        "!(P(x) v P(y))",
        "!!P(x)",
        "P(x) => P(y) => P(z)",
        "P(x) => (P(y) => P(z))",
        "P(x) <=> P(y) <=> P(z)",
        "P(x) <=> (P(y) <=> P(z))",
        "P(x) => P(y) <=> P(z)",
        "P(x) => (P(y) <=> P(z))",
        "P(x) v x = y v x != z v P(y) v P(z)",
        "!x = y v Q(x,t) v P(y)",
        "EXIST x P(x) ^ P(y)",
        "(EXIST x P(x)) ^ P(y)",
        "P(y) ^ EXIST x P(x)",
        "P(y) ^ (EXIST x P(x)) v P(y)",
        "!EXIST x P(x)",
        "!(EXIST x P(x)) ^ P(y)",
        "(P(y) => EXIST x P(x)) ^ P(y)",
        "FORALL x,t EXIST y Q(x,t) => Q(y,t)",
        'Q("lower",1) ^ P(Ann)',
    ],
)
def test_no_more_parentheses_than_needed(text):
    # `!x = y` is the one spelling that is not printed: `x != y` says the same.
    assert formula_text(one_rule(f"1 {text}").formula) == text.replace("!x = y", "x != y")


def test_rules_and_their_weights():
    for text in (
        "1.5 P(x)",
        "-3 P(x)",
        "1e-05 P(x)",
        "P(x).",
        "0.5 P(+x) v Q(y,+t)",
        "(1 = x v P(x)).",
        "x = 1 v P(x).",
    ):
        assert rule_text(one_rule(text)) == text


def test_a_program_as_text():
    text = 'person = {Ann, "b c", 3}\n*Friends(person, person)\nTopic(paper!, topic!)\n1 Friends(x,y)\nTopic(p,Ml).\n'
    assert program_text(parse_program(text)) == text
    assert program_text(Program({}, {}, ())) == ""


def test_variables_replaced_by_constants():
    formula = one_rule("1 Q(x, t) ^ EXIST y P(x) v P(y) v EXIST x P(x)").formula
    shown = formula_text(formula, values={"x": "Ann", "t": "a b", "y": "Ben"})
    assert shown == 'Q(Ann,"a b") ^ EXIST y P(Ann) v P(y) v EXIST x_2 P(x_2)'


def test_line_ends_in_constants_cannot_be_written():
    rule = Rule(Atom("P", (Constant("a\nb"),)), 1.0)
    with pytest.raises(ValueError, match=r"expected constants without line ends, found one in .* P\(.a.nb.\)"):
        program_text(Program({}, {}, (rule,)))


# Random programs ------------------------------------------------------------------------------------------------------


def _covered(formula, variables):
    """Adds atoms with the variables, so that each has a type."""
    atoms = tuple(Atom("P" if kind == "a" else "R", (Variable(name),)) for name, kind in variables.items())
    return Or((*atoms, formula))


FREE = {"x": "a", "v": "a", "s": "b", "t": "b"}


@st.composite
def formulas(draw, reuse):
    """Formulas with the free variables FREE; quantified ones have names of their own, or `reuse` those of others."""
    fresh = itertools.count()

    def pick(*items):
        return draw(st.sampled_from(items))

    def term(kind, variables):
        return pick(*(Variable(n) for n, other in variables.items() if other == kind), *map(Constant, CONSTANTS))

    def leaf(variables):
        name = pick(*TYPES, "a", "b")
        if name in TYPES:
            return Atom(name, tuple(term(kind, variables) for kind in TYPES[name]))
        return Equal(term(name, variables), term(name, variables))

    def grow(variables, depth):
        kind = pick("leaf", Not, And, Or, Implies, Iff, ForAll, Exists) if depth else "leaf"
        if kind == "leaf":
            return leaf(variables)
        if kind is Not:
            return Not(grow(variables, depth - 1))
        if kind in (And, Or):
            return kind(tuple(grow(variables, depth - 1) for _ in range(pick(2, 3))))
        if kind in (Implies, Iff):
            return kind(grow(variables, depth - 1), grow(variables, depth - 1))
        names = (pick("x", "y", "s", "x_2", "v") if reuse else f"n{next(fresh)}" for _ in range(pick(1, 2)))
        own = {name: pick("a", "b") for name in names}
        return kind(tuple(own), _covered(grow({**variables, **own}, depth - 1), own))

    return _covered(grow(FREE, 3), FREE)


@settings(max_examples=100)
@given(
    formulas(reuse=False),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.sets(st.sampled_from(sorted(FREE))),
)
def test_random_formulas_read_back_as_the_same(formula, weight, plus):
    marked = () if weight is None else tuple(name for name in FREE if name in plus)
    text = formula_text(formula, plus=marked)
    rule = one_rule(f"({text})." if weight is None else f"{weight!r} {text}")
    assert (rule.formula, rule.weight, rule.plus) == (formula, weight, marked)
    assert one_rule(rule_text(rule)) == rule


@settings(max_examples=100)
@given(formulas(reuse=True))
def test_renaming_keeps_the_meaning(formula):
    """Checked by enumeration over two constants a type, in a world where the atoms are anything but regular."""
    rule = one_rule(f"1 {formula_text(formula)}")
    bound = [name for f in _parts(rule.formula) if isinstance(f, ForAll | Exists) for name in f.variables]
    assert len({*bound, *FREE}) == len(bound) + len(FREE) == len(rule.types)
    assert one_rule(rule_text(rule)) == rule
    for values in itertools.product(["Ann", "1"], repeat=len(FREE)):
        world = dict(zip(FREE, values, strict=True))
        assert _holds(formula, world) == _holds(rule.formula, world)


def _parts(formula):
    yield formula
    for value in vars(formula).values():
        for part in value if isinstance(value, tuple) else (value,):
            if not isinstance(part, str | Variable | Constant):
                yield from _parts(part)


def _holds(formula, world):
    match formula:
        case Atom(predicate, arguments):
            return hash_bit(predicate, *(_value(term, world) for term in arguments))
        case Equal(left, right):
            return _value(left, world) == _value(right, world)
        case Not(body):
            return not _holds(body, world)
        case And(parts):
            return all(_holds(part, world) for part in parts)
        case Or(parts):
            return any(_holds(part, world) for part in parts)
        case Implies(left, right):
            return not _holds(left, world) or _holds(right, world)
        case Iff(left, right):
            return _holds(left, world) == _holds(right, world)
        case ForAll(variables, body) | Exists(variables, body):
            worlds = itertools.product(["Ann", "1"], repeat=len(variables))
            truths = [_holds(body, {**world, **dict(zip(variables, values, strict=True))}) for values in worlds]
            return all(truths) if isinstance(formula, ForAll) else any(truths)


def _value(term, world):
    return term.name if isinstance(term, Constant) else world[term.name]


def hash_bit(*names):
    """The truth of an atom: the same in each run, unlike `hash`."""
    return sum(sum(map(ord, name)) * (k + 3) for k, name in enumerate(names)) % 5 < 2


# Programs and evidence ------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(CONSTANTS) | st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=5)


@st.composite
def programs(draw):
    domains = draw(st.dictionaries(st.sampled_from("ab"), st.lists(NAMES, min_size=1, unique=True).map(tuple)))
    predicates = {}
    for name in draw(st.lists(st.sampled_from(["P", "q", "v", "Ünal", "Two_2"]), unique=True)):
        types = tuple(draw(st.lists(st.sampled_from("abc"), max_size=3)))
        unique = tuple(k for k in range(len(types)) if draw(st.booleans()))
        predicates[name] = Predicate(name, types, draw(st.booleans()), unique)
    return Program(domains, predicates, ())


@given(programs())
def test_random_declarations_read_back_as_the_same(program):
    assert parse_program(program_text(program)) == program


@given(st.dictionaries(st.tuples(NAMES, NAMES), st.sampled_from([1, 0, -1])))
def test_random_evidence_reads_back_as_the_same(rows):
    database = Database({"Q": tuple(rows)}, {"Q": tuple(rows.values())}) if rows else Database({}, {})
    text = database_text(database)
    assert parse_database(text, parse_program(DECLARED)) == database
    assert len(text.split("\n")) == len(rows) + 1


def test_evidence_as_text():
    text = 'P(Ann)\n!P("b c")\n?P(3)\nZ()\n'
    assert database_text(parse_database(text, parse_program(DECLARED))) == text


@pytest.mark.parametrize(
    ("elements", "printed"),
    [
        ("{0,...,249999}", "{0,...,249999}"),  # listed, it took 15 s to read back: found by atheris
        ("{-1, 0, 1}", "{-1,...,1}"),
        ("{1, 2}", "{1, 2}"),
        ("{1, 2, 4}", "{1, 2, 4}"),
        ("{3, 2, 1}", "{3, 2, 1}"),
        ("{-0, 1, 2}", "{-0, 1, 2}"),
        ("{01, 02, 03}", "{01, 02, 03}"),
        ("{1.0, 2.0, 3.0}", "{1.0, 2.0, 3.0}"),
        ("{1, 2, Three}", "{1, 2, Three}"),
        ("{One, Two, Three}", "{One, Two, Three}"),
    ],
)
def test_domains_that_are_ranges_are_printed_as_ranges(elements, printed):
    program = parse_program(f"thing = {elements}\nP(thing)\n")
    assert f"thing = {printed}\n" in program_text(program)
    assert parse_program(program_text(program)) == program
