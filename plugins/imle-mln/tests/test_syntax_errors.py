"""What is refused in a program: each error points at its place and says what to do."""

from __future__ import annotations

import copy
import pickle

import pytest

from imle.errors import ImleError, InstanceError
from imle_mln.errors import MLNSyntaxError
from imle_mln.syntax import parse_program

DECLARED = "person = {Ann, Ben}\nSmokes(person)\nFriends(person, person)\nTopic(paper, topic!)\n"
LINE = DECLARED.count("\n") + 1
OPERATOR = "an operator (^, v, =>, <=>)"
AFTER = f"{OPERATOR}, '.' or the end of the line"
COMPARISON = "a comparison (=, !=, <, <=, >, >=)"
FUNCTIONS = "a function is declared with the type of its value in front: type mother(...)"
WORDS = "the operators are ! (not)"


def refused(text):
    """The error that a program makes, with its three lines checked: place, source, caret."""
    with pytest.raises(MLNSyntaxError) as caught:
        parse_program(text)
    error = caught.value
    place, source, caret, *_ = str(error).split("\n")
    assert place == f"program, line {error.line}, column {error.column}: {error.problem}"
    assert source == "    " + text.split("\n")[error.line - 1] == "    " + error.source_line
    assert caret.index("^") == len(caret) - 1 == 4 + error.column - 1
    assert str(error).partition("\n  hint: ")[2] == (error.hint or "")
    return error


def check(text, place, found, problem, hint):
    error = refused(text)
    assert (error.line, error.column) == place
    assert error.found == found
    assert error.problem.startswith(problem)
    assert hint in (error.hint or "")
    return error


# Rule, column, found, expected, part of the hint.
GRAMMAR = [
    ("1 Smokes(x) ^", 14, "", "a formula", ""),
    ("1 Smokes(x) ^ => Smokes(x)", 15, "=>", "a formula", ""),
    ("1 Smokes(x) Smokes(y)", 13, "Smokes", AFTER, ""),
    ("1 Smokes(x))", 12, ")", "'.' or the end of the line", ""),
    ("1 Smokes", 9, "", COMPARISON, "an atom has its arguments in parentheses"),
    ("1 Smokes(x", 11, "", "'!', ')' or ','", f"the '(' at line {LINE}, column 9 is not closed"),
    ("1 Smokes(x,)", 12, ")", "a variable or a constant or '+'", ""),
    ("1 Smokes(+Ann, +1)", 17, "1", "a variable", ""),
    ('1 Smokes("Ann)', 10, '"', "a variable or a constant, ')' or '+'", "a quoted constant ends on its line"),
    ("1 EXIST x", 10, "", "a formula or ','", ""),
    ("1 SOME x Smokes(x)", 8, "x", COMPARISON, WORDS),
    ("1 EXISTS(x) Smokes(x)", 13, "Smokes", AFTER, "a quantifier is written EXIST x, y P(x, y)"),
    ("% a comment", 1, "%", "a declaration, a rule or the end of the line", "comments begin with //"),
    ("-- a comment", 1, "--", "a declaration, a rule or the end of the line", "comments begin with //"),
    ("1,5 Smokes(x)", 2, ",", "a formula", "a weight is a number such as -1.5, or computed"),
    ("0.5.Smokes(x)", 4, ".", COMPARISON, "and a blank follows it"),
    ("0x10 Smokes(x)", 6, "Smokes", COMPARISON, "a weight is a number"),
    ("1 Smokes(x) and Smokes(x)", 13, "and", AFTER, WORDS),
    ("1 Smokes(x) && Smokes(x)", 14, "&", "a formula", WORDS),
    ("1 Smokes(x) || Smokes(x)", 14, "|", "a formula", WORDS),
    ("1 Smokes(x) -> Smokes(x)", 14, ">", "a variable or a constant", WORDS),
    ("1 ~Smokes(x)", 3, "~", "a formula", WORDS),
    ("1 Smokes(x) \N{LOGICAL AND} Smokes(x)", 13, "\N{LOGICAL AND}", AFTER, WORDS),
    ("Smokes(x) :- Smokes(y) :- Smokes(x).", 24, ":-", "'.' or the end of the line", ""),
    (":-1 Smokes(x)", 1, ":-", "a declaration, a rule or the end of the line", "utilities and decision networks"),
    ("-2:20 Smokes(x)", 3, ":", "a formula", "utilities and decision networks"),
    ("1 Friends(x,y) ^ x <", 21, "", "a variable or a constant", ""),
    ("1 Friends(x,y) ^ x < y < x", 24, "<", AFTER, "what is compared or computed with are variables, numbers"),
    ("1 Friends(x,y) ^ x +", 21, "", "a variable or a constant", ""),
    ("1 Friends(x,y) ^ x + y", 23, "", COMPARISON, "an atom has its arguments in parentheses"),
    ("1 Friends(x, y + )", 18, ")", "a variable or a constant", ""),
    ("|x| Smokes(x) <= 1 <= 2", 20, "<=", AFTER, "what is compared or computed with"),
    ("|x| (Smokes(x)) <= x", 20, "x", "a number", ""),
    ("1 Smokes(x) * -(Friends(x,y) - 3)^2", 15, "-", "a variable or a constant", "what is compared or computed"),
    ("1 Smokes(?x)", 10, "?", "a variable or a constant, ')' or '+'", "without the '?' of pracmln's PRACGrammar"),
    ("Likes(person, thing?!)", 21, "!", "')' or ','", ""),
    ("1 +x = Ann", 3, "+", "a formula", "'+' belongs in the arguments of an atom"),
    ("1 Smokes(x) ^ +Smokes(x)", 15, "+", "a formula", "'+' belongs in the arguments of an atom"),
    ("1 **Smokes(x)", 4, "*", "an atom", "'*' declares a closed-world predicate, or stands before an atom"),
    (
        "1 Smokes(x) #include a.mln",
        13,
        "#include a.mln",
        AFTER,
        'a directive is a line of its own, such as #include "file.mln"',
    ),
    ("digit = {}", 10, "}", "a variable or a constant or '...'", ""),
    ("digit = {1", 11, "", "',' or '}'", f"the '{{' at line {LINE}, column 9 is not closed"),
    ("1 Smokes(x) \N{PILCROW SIGN}", 13, "\N{PILCROW SIGN}", AFTER, ""),
    (
        "log($n) Smokes(x)",
        5,
        "$",
        "a variable or a constant, ')' or '+'",
        "constants of a program such as $n are not supp",
    ),
]


@pytest.mark.parametrize(("text", "column", "found", "expected", "hint"), GRAMMAR)
def test_what_the_grammar_refuses(text, column, found, expected, hint):
    error = check(DECLARED + text + "\n", (LINE, column), found, f"expected {expected}, found ", hint)
    assert error.expected == expected
    assert (error.hint is None) == (hint == "")


# Rule, column, found, problem, part of the hint.
MEANING = [
    ("1 Smoke(x)", 3, "Smoke", "unknown predicate 'Smoke'", "did you mean 'Smokes'?"),
    ("1 Zzz(x)", 3, "Zzz", "unknown predicate 'Zzz'", "known: Friends, Smokes, Topic"),
    ("1 Smokes(x) ^ Friends(x)", 15, "Friends", "Friends has 2 arguments, found 1", "Friends(person, person)"),
    ("1 Smokes(x, y)", 3, "Smokes", "Smokes has 1 argument, found 2", "declared as Smokes(person)"),
    ("1 Smokes()", 3, "Smokes", "Smokes has 1 argument, found 0", "declared as Smokes(person)"),
    ("1 Smokes(x) => Topic(x,y)", 22, "x", "type clash: variable 'x' is a paper here and a person before", ""),
    ("1 Smokes(x) ^ Topic(y,t) ^ x != y", 33, "y", "type clash: 'x' is a person, 'y' a paper", ""),
    ("1 Smokes(Bob)", 10, "Bob", "Bob is not in the domain 'person'", "known: Ann, Ben"),
    ("1 Smokes(Anna)", 10, "Anna", "Anna is not in the domain 'person'", "did you mean 'Ann'?"),
    ('1 Smokes(x) ^ x = "Bob"', 19, '"Bob"', "\"Bob\" is not in the domain 'person'", "known"),
    ("1 Smokes(x) ^ Cat = x", 15, "Cat", "Cat is not in the domain 'person'", "known"),
    ("1 Smokes(x) ^ x = y", 19, "y", "unsafe variable 'y': it occurs only in equalities", "use it in an atom"),
    ("1 EXIST y Smokes(x)", 9, "y", "unsafe variable 'y': it is quantified but in no atom", "use it in an atom"),
    ("1 EXIST y y = x ^ Smokes(x)", 11, "y", "unsafe variable 'y': it occurs only in equalities", "use it in an atom"),
    ("1 (EXIST x Smokes(x)) ^ x = Ann", 25, "x", "unsafe variable 'x'", "use it in an atom"),
    ("1 EXIST x Smokes(+x)", 19, "x", "'+' on the quantified variable 'x'", ""),
    ("1 EXIST x, x Friends(x, x)", 12, "x", "variable 'x' stands twice after its quantifier", ""),
    ("1 EXIST Ann Smokes(Ann)", 9, "Ann", "expected a variable, found 'Ann'", "variables are lower-case"),
    ("1 Smokes(+Ann)", 11, "Ann", "expected a variable after '+', found 'Ann'", "variables are lower-case"),
    ("Smokes(x) ^ Friends(+x,y).", 22, "x", "'+x' asks for one weight per constant, but", "drop the '+'"),
    ("1 Topic(p, t!)", 12, "t", "'!' marks arguments in declarations only", ""),
    (
        "1 Smokes(x) == Smokes(y)",
        3,
        "Smokes",
        "a predicate where a term has to stand: 'Smokes'",
        "atoms are compared by <=> and =>",
    ),
    ("# a comment", 1, "# a comment", "unknown directive '#a'", "comments begin with //"),
    ("1 Smokes(mother(x))", 10, "mother", "unknown function 'mother'", FUNCTIONS),
    ("1 Smokes(x) ^ x = mother(y)", 19, "mother", "unknown function 'mother'", FUNCTIONS),
    ("1 mother(x) != y", 3, "mother", "unknown function 'mother'", FUNCTIONS),
    ("1 mother(x) > 3", 3, "mother", "unknown function 'mother'", FUNCTIONS),
    (
        "1 Smokes(Smokes(x))",
        10,
        "Smokes",
        "a predicate where a term has to stand: 'Smokes'",
        "the type of its value in front",
    ),
    ("person sister(person)\n1 Smokes(sistr(x))", 10, "sistr", "unknown function 'sistr'", "did you mean 'sister'?"),
    ("person sister(person)\n1 Smokes(sister(x, y))", 10, "sister", "sister has 1 argument, found 2", "person sister"),
    (
        "person sister(person)\n1 sister(x)",
        3,
        "sister",
        "expected a comparison of sister's value",
        "as in sister(...) = x",
    ),
    ("paper by(person)\n1 Smokes(by(x))", 10, "by", "type clash: by is a paper, here stands a person", ""),
    (
        "person by(paper!)",
        11,
        "paper",
        "expected a type without a mark, found 'paper'",
        "a function has one value anyway",
    ),
    ("person Smokes(person)", 8, "Smokes", "predicate 'Smokes' is declared twice, first on line 2", ""),
    ("Owns(person!, thing?)", 15, "thing", "expected either '!' or '?' in a declaration, found both", ""),
    ("1 Topic(p, t?)", 12, "t", "'?' marks arguments in declarations only", ""),
    ("Owns(person, thing??)", 20, "?", "expected ')' or ',', found '?'", ""),
    ("Owns(person, ?thing)", 14, "?", "expected a variable or a constant or '+', found '?'", "pracmln"),
    ("person owner(thing?)", 14, "thing", "expected a type without a mark, found 'thing'", "one value anyway"),
    ("1 Smokes(x) ^ x < Ann", 19, "Ann", "expected a number, found 'Ann'", "only numbers are compared"),
    ('1 Smokes(x) ^ x < "3"', 19, '"3"', "expected a number, found '\"3\"'", "only numbers are compared"),
    ("1 Smokes(x) ^ y > 3", 15, "y", "unsafe variable 'y': it occurs only in comparisons", "use it in an atom"),
    ("1 Smokes(x) ^ y = z + 3", 15, "y", "unsafe variable 'y': it occurs only in comparisons", "use it in an atom"),
    ("log(0) Smokes(x)", 1, "log(0)", "expected a weight, found 'log(0)': math domain error", "logx(0) is -100"),
    ("1/0 Smokes(x)", 1, "1/0", "expected a weight, found '1/0': float division by zero", ""),
    ("inf-inf Smokes(x)", 1, "inf-inf", "expected a finite weight, found 'inf-inf'", "ends in '.'"),
    ("inf Smokes(+x)", 13, "x", "'+x' asks for one weight per constant, but a hard formula", "drop the '+'"),
    ("P(Smokes(x)) = 1", 16, "1", "expected a probability between 0 and 1, found '1'", "ends in '.'"),
    ("P(Smokes(x)) = y", 16, "y", "expected a probability between 0 and 1, found 'y'", "ends in '.'"),
    ("1 P(Smokes(x)) = 0.5", 1, "1", "expected nothing but P(atom) = probability, found '1'", ""),
    ("conf: Smokes(x)", 1, "conf", "expected a variable of the formula before the ':', found 'conf'", "such as *Score"),
    ("x: Smokes(x).", 13, ".", "expected a weight or a '.', found both", "'.' means hard"),
    ("|x| Smokes(x)", 14, "", "expected a number that bounds the count", "written |x| P(x, y) <= 2"),
    ("|x| Smokes(x) <= 1.5", 18, "1.5", "expected a whole number, found '1.5'", "written |x|"),
    ("|x| Smokes(x) <= -1", 18, "-1", "expected a whole number, found '-1'", "written |x|"),
    (
        "|x| Smokes(x) < 0",
        17,
        "0",
        "expected a number up to 11 that can hold, found '0'",
        "with the formula written out",
    ),
    (
        "|x| Smokes(x) v Smokes(x) >= 13",
        30,
        "13",
        "expected a number up to 11 that can hold, found '13'",
        "written out",
    ),
    ("|x| Smokes(x) >= 13", 18, "13", "expected a number up to 11 that can hold, found '13'", "written out"),
    ("|x| (*Smokes(x)) <= 1", 6, "*", "expected a literal of one sign in a count, found one of both", ""),
    (
        "|x| Friends(x, +y) <= 1",
        17,
        "y",
        "'+y' asks for one weight per constant, but a count has no weight",
        "drop the '+'",
    ),
    ("|y| Smokes(x) <= 1", 2, "y", "unsafe variable 'y': it is quantified but in no atom", "use it in an atom"),
    ("|x, x| Friends(x, x) <= 1", 5, "x", "variable 'x' stands twice after its quantifier", ""),
    ("A(person)\n1 " + " ^ ".join(["*A(x)"] * 11), 83, "*", "expected at most 10 literals of both signs, found 11", ""),
    ("#fixWeights", 1, "#fixWeights", "unknown directive '#fixWeights'", 'the one directive is #include "file.mln"'),
    ("#include", 1, "#include", "expected a file name after #include", "the one directive"),
    ('#include "a.mln"', 1, '#include "a.mln"', "a text has no folder in which", "give the program as a file"),
    ("*Smokes(x) ^ Smokes(y)", 1, "*Smokes(x) ^ Smokes(y)", "weight missing", "put a number in front"),
    ("Smokes(x) => Friends(x,y)", 1, "Smokes(x) => Friends(x,y)", "weight missing", "put a number in front"),
    ("(Smokes(x))", 1, "(Smokes(x))", "weight missing", "or a '.' at the end"),
    ("Smokes(Ann)", 1, "Smokes(Ann)", "weight missing", "declarations have lower-case types"),
    ("  !Smokes(x)", 3, "!Smokes(x)", "weight missing", "put a number in front"),
    ("1 Smokes(x).", 12, ".", "expected a weight or a '.', found both", "'.' means hard"),
    ("nan Smokes(x)", 1, "nan", "expected a finite weight, found 'nan'", "ends in '.'"),
    ("1e999 Smokes(x)", 1, "1e999", "expected a finite weight, found '1e999'", "ends in '.'"),
    ("Smokes(x)", 1, "Smokes", "predicate 'Smokes' is declared twice, first on line 2", "a formula needs a weight"),
    ("*Smokes(person)", 2, "Smokes", "predicate 'Smokes' is declared twice, first on line 2", ""),
    ("*Likes(person, Ann)", 16, "Ann", "expected a type, found 'Ann'", "lower-case types"),
    ("*Likes(person, +thing)", 17, "thing", "expected a type, found 'thing'", "lower-case types"),
    ("person = {Cat}", 1, "person", "domain 'person' is declared twice, first on line 1", ""),
    ("paper = {P1, p2}", 14, "p2", "expected a constant, found 'p2'", 'P2 or "p2"'),
    ('paper = {P1, "P1"}', 14, '"P1"', "\"P1\" is in the domain 'paper' twice", ""),
    ("digit = {1,...}", 12, "...", "expected constants, or one range, found '...'", "{1,...,10}"),
    ("digit = {..., 1, 2}", 10, "...", "expected constants, or one range, found '...'", "{1,...,10}"),
    ("digit = {A,...,C}", 10, "A", "expected a whole number, found 'A'", "{1,...,10}"),
    ("digit = {1,...,2.5}", 16, "2.5", "expected a whole number, found '2.5'", "{1,...,10}"),
    ("digit = {5,...,1}", 16, "1", "expected a number that is 5 or more, found '1'", "{1,...,10}"),
    ("/* no end", 1, "/*", "this comment does not end", ""),
]


@pytest.mark.parametrize(("text", "column", "found", "problem", "hint"), MEANING)
def test_what_has_no_meaning(text, column, found, problem, hint):
    check(DECLARED + text + "\n", (LINE + text.count("\n"), column), found, problem, hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 Smoke(x)", "a declared predicate"),
        ("1 Friends(x)", "2 arguments"),
        ("1 Smokes(x) => Topic(x,y)", "a variable of type 'person'"),
        ("1 Smokes(Bob)", "a constant of 'person'"),
        ("1 Smokes(x) ^ x = y", "a variable of an atom"),
        ("1 EXIST x Smokes(+x)", "a free variable after '+'"),
        ("Smokes(x) v Smokes(y)", "a weight or a '.'"),
        ("nan Smokes(x)", "a finite weight"),
        ("/* no end", "*/"),
    ],
)
def test_what_could_have_stood_there(text, expected):
    assert refused(DECLARED + text).expected == expected


def test_places_in_rules_of_several_lines():
    check(DECLARED + "1 Smokes(x) ^\n  Smoke(x)", (LINE + 1, 3), "Smoke", "unknown predicate", "Smokes")
    check(DECLARED + "/* one\ntwo */ 1 Smoke(x)", (LINE + 1, 10), "Smoke", "unknown predicate", "Smokes")


def test_a_parenthesis_left_open_is_named_from_the_line_that_breaks():
    text = DECLARED + '1 (Smokes(x) ^ x != "("\n2 Smokes(x)\n'
    check(text, (LINE + 1, 1), "2", f"expected {OPERATOR} or ')'", f"the '(' at line {LINE}, column 3 is not closed")


def test_a_tab_moves_the_caret_as_far_as_the_text():
    error = refused(DECLARED + "1\tSmoke(x)")
    assert error.column == 3
    assert str(error).split("\n")[1:3] == ["    1\tSmoke(x)", "     \t^"]


def test_the_whole_message():
    assert str(refused("Smokes(person)\n1.5 Smoke(x)  // here")) == (
        "program, line 2, column 5: unknown predicate 'Smoke'\n"
        "    1.5 Smoke(x)  // here\n"
        "        ^\n"
        "  hint: did you mean 'Smokes'?"
    )


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "social.mln"
    path.write_text("Smokes(x) v Smokes(y)")
    with pytest.raises(MLNSyntaxError, match=r"social\.mln, line 1, column 1: weight missing") as caught:
        parse_program(path)
    assert caught.value.source == str(path)


def test_many_known_names_are_cut_short():
    hint = refused("digit = {1,...,99}\nD(digit)\n1 D(Zero)").hint
    assert hint == "known: 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, ..."


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_travel_between_processes(again):
    error = refused(DECLARED + "1 Smoke(x)")
    other = again(error)
    assert isinstance(other, MLNSyntaxError)
    assert isinstance(other, InstanceError)
    assert isinstance(other, ImleError)
    assert str(other) == str(error)
    assert vars(other) == vars(error)
