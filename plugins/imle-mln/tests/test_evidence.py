"""Evidence from text and from Python data."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from imle.errors import InstanceError
from imle_mln.errors import DuplicateEvidenceWarning, MLNSyntaxError
from imle_mln.evidence import database_from, parse_database
from imle_mln.logic import Database
from imle_mln.maps import map_inference
from imle_mln.printing import database_text
from imle_mln.syntax import parse_program

PROGRAM = parse_program("""
person = {Ann, Ben, Cat}
hour = {1,...,2}
*Friends(person, person)
Smokes(person)
Works(person, hour)
Topic(paper, topic!)
Seat(person!, hour, place!)
Title(paper, title)
Size(paper, size)
Rain()
person sister(person)
Owns(person, thing?)
""")


# Text -----------------------------------------------------------------------------------------------------------------


def test_signs_comments_and_spaces():
    text = """
    Friends(Ann,Ben)   // a comment
    /* another
       one */ Friends ( Ben , Cat )
    !Smokes(Ann)
    ? Smokes(\tBen )
    Works(Ann, 1)
    !Rain()
    """
    assert parse_database(text, PROGRAM) == Database(
        {
            "Friends": (("Ann", "Ben"), ("Ben", "Cat")),
            "Smokes": (("Ann",), ("Ben",)),
            "Works": (("Ann", "1"),),
            "Rain": ((),),
        },
        {"Friends": (1, 1), "Smokes": (0, -1), "Works": (1,), "Rain": (0,)},
    )


def test_no_evidence():
    assert parse_database("", PROGRAM) == parse_database("\n// none\n", PROGRAM) == Database({}, {})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("P1", "P1"),
        ("Übung", "Übung"),
        ("12", "12"),
        ("-1.5e3", "-1.5e3"),
        ('"lower, (case)"', "lower, (case)"),
        ('"http://x"', "http://x"),
        (r'"a \"b\" \\"', r'a "b" \ '.rstrip()),
        ('""', ""),
        ('"Ann"', "Ann"),
        ("ann", "ann"),
        ("ann-lee", "ann-lee"),
        ("O'Neil", "O'Neil"),
        ("2012-03-04", "2012-03-04"),
        ("12:30", "12:30"),
        ("5a", "5a"),
        ("+3", "+3"),
        ("v1.2/x_y", "v1.2/x_y"),
        ("a@b.org", "a@b.org"),
        ("日本", "日本"),
        ("Åse", "Åse"),
        ("50%", "50%"),
    ],
)
def test_constants_in_evidence(written, name):
    assert parse_database(f"Title({written}, {written})", PROGRAM).atoms["Title"] == ((name, name),)


def test_line_ends_of_other_systems():
    assert parse_database("Smokes(Ann)\r\nSmokes(Ben)\r\n", PROGRAM).atoms["Smokes"] == (("Ann",), ("Ben",))


def test_a_database_in_a_file(tmp_path):
    path = tmp_path / "social.db"
    path.write_text("Smokes(Ann)\nSmokes(Zoe)\n")
    with pytest.raises(MLNSyntaxError, match=r"social\.db, line 2, column 8: 'Zoe' is not in the domain 'person'"):
        parse_database(path, PROGRAM)
    path.write_text("Smokes(Ann)\n")
    assert parse_database(str(path), PROGRAM) == parse_database(path, PROGRAM) == parse_database("Smokes(Ann)", PROGRAM)
    with pytest.raises(
        InstanceError, match=r"expected a file with the evidence, found none that can be read at 'no\.db'"
    ):
        parse_database("no.db", PROGRAM)


# Line, column, found, problem, part of the hint.
REFUSED = [
    ("# a comment", 1, "# a comment", "expected a ground literal, found '# a comment'", "comments begin with //"),
    ("7 Smokes(Cat)", 1, "7", "expected a probability between 0 and 1, found '7'", ""),
    ("-0.5 Smokes(Cat)", 1, "-0.5", "expected a probability between 0 and 1, found '-0.5'", ""),
    ("1.2.3 Smokes(Cat)", 1, "1.2.3", "expected a probability between 0 and 1, found '1.2.3'", ""),
    ("yes Smokes(Cat)", 1, "yes", "expected a ground literal, found 'yes'", "a probability, '!' or '?' may stand"),
    ("!0.5 Smokes(Cat)", 2, "0.5", "expected an atom, found '0.5'", ""),
    ("0.5 Smokes(Ann)", 5, "0.5 Smokes(Ann)", "contradictory evidence: Smokes(Ann) is true with probability 0.5 here",
     "keep one"),
    ("person = {Zoe}", 11, "Zoe", "Zoe is not in the domain 'person'", "known: Ann, Ben, Cat"),
    ("persn = {Zoe}", 1, "persn", "unknown type 'persn'", "did you mean 'person'?"),
    ("paper = {P1, P1}", 14, "P1", "P1 is in the domain 'paper' twice", ""),
    ("sister(Ann) = Eve", 15, "Eve", "'Eve' is not in the domain 'person'", "known: Ann, Ben, Cat"),
    ("Eve = sister(Ann)", 1, "Eve", "'Eve' is not in the domain 'person'", "known: Ann, Ben, Cat"),
    ("sister(Ann, Ben) = Cat", 1, "sister(Ann, Ben) = Cat", "sister has 2 arguments, found 3", "person sister(person)"),
    ("sister(Ann)", 1, "sister(Ann)", "sister has 2 arguments, found 1", "declared as person sister(person)"),
    ("?sister(Ann, Ben)", 1, "?sister(Ann, Ben)", "sister is a function, whose values are known", "predicate with '!'"),
    ("Rain() = Ann", 1, "Rain", "expected a function before or behind '=', found the predicate 'Rain'", ""),
    ("!sister(Ann) = Ben", 14, "=", "expected '.' or the end of the line, found '='", ""),
    ("Smoke(Cat)", 1, "Smoke", "evidence on the undeclared predicate 'Smoke'", "did you mean 'Smokes'?"),
    ("!Smoke(Cat)", 2, "Smoke", "evidence on the undeclared predicate 'Smoke'", "did you mean 'Smokes'?"),
    ("Smokes(Ann, Cat)", 1, "Smokes(Ann, Cat)", "Smokes has 1 argument, found 2", "declared as Smokes(person)"),
    ("Friends(Ann)", 1, "Friends(Ann)", "Friends has 2 arguments, found 1", "Friends(person, person)"),
    ("Rain(Ann)", 1, "Rain(Ann)", "Rain has 0 arguments, found 1", "declared as Rain()"),
    ("Friends(Ann, Cut)", 14, "Cut", "'Cut' is not in the domain 'person'", "did you mean 'Cat'?"),
    ("! Works(Ann, 3)", 14, "3", "'3' is not in the domain 'hour'", "known: 1, 2"),
    (" !Smokes(Ann)", 3, "!Smokes(Ann)", "contradictory evidence: Smokes(Ann) is false here, and true in", "keep"),
    ("?Smokes(Ann)", 2, "?Smokes(Ann)", "contradictory evidence: Smokes(Ann) is asked for here, and true", "keep one"),
    ("Topic(P1, Ai)", 1, "Topic(P1, Ai)", "contradictory evidence: Topic(P1,Ai) is true here, and Topic(P1,Ml) in"
     " line 2", "declared as Topic(paper, topic!): exactly one is true"),
    ("Smokes(cat)", 8, "cat", "'cat' is not in the domain 'person'", "did you mean 'Cat'?"),
    ("Smokes(+Cat)", 8, "+", "expected a constant or ')', found '+'", ""),
    ("Smokes(Cat!)", 11, "!", "expected ')' or ',', found '!'", ""),
    ("Smokes(Cat) Smokes(Ben)", 13, "Smokes", "expected '.', '=' or the end of the line, found 'Smokes'", ""),
    ("Smokes(Cat)..", 13, ".", "expected the end of the line, found '.'", ""),
    ("Smokes(Cat", 11, "", "expected ')' or ',', found the end of the line", "the '(' at line 3, column 7"),
    ("Mother(Cat) = Ann", 1, "Mother", "evidence on the undeclared predicate 'Mother'", "known: "),
    ("Smokes(Mother(Cat))", 14, "(", "expected ')' or ',', found '('", "a function's value is given as"),
    ("Smokes(Cat) :- Rain()", 13, ":-", "expected '.', '=' or the end of the line, found ':-'", "rules stand in"),
    ("conf: Smokes(Cat)", 5, ":", "expected '=' or an atom, found ':'", "0.7 A(X) is a probability"),
    ('Smokes("Cat)', 8, '"', "expected a constant or ')', found", "a quoted constant ends on its line"),
    ("/* Smokes(Cat)", 1, "/*", "this comment does not end", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "found", "problem", "hint"), REFUSED)
def test_what_is_refused_in_evidence(text, column, found, problem, hint):
    with pytest.raises(MLNSyntaxError) as caught:
        parse_database(f"Smokes(Ann)  // one\nTopic(P1, Ml)\n{text}  // here\nSmokes(Ben)\n", PROGRAM)
    error = caught.value
    place, source, caret, *_ = str(error).split("\n")
    assert place.startswith(f"evidence, line 3, column {column}: {problem}")
    assert source == f"    {text}  // here"
    assert caret.index("^") == len(caret) - 1 == 4 + column - 1
    assert (error.line, error.column, error.found) == (3, column, found)
    assert error.problem.startswith(problem)
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("one", "other", "told", "declared"),
    [
        (
            "sister(Ben) = Ann",
            "Cat = sister(Ben)",
            ("sister(Ben,Cat)", "sister(Ben,Ann)"),
            "person sister(person): it has",
        ),
        (
            "Owns(Ann, Car)",
            "Owns(Ann, House)",
            ("Owns(Ann,House)", "Owns(Ann,Car)"),
            "Owns(person, thing?): at most one",
        ),
    ],
)
def test_more_than_one_where_one_is_the_most(one, other, told, declared):
    with pytest.raises(MLNSyntaxError) as caught:
        parse_database(f"{one}\n{other}", PROGRAM)
    again, first = told
    assert caught.value.problem == f"contradictory evidence: {again} is true here, and {first} in line 1"
    assert caught.value.line == 2
    assert declared in caught.value.hint


def test_what_stands_twice_is_told_and_dropped(tmp_path):
    with pytest.warns(
        DuplicateEvidenceWarning, match=r"Smokes\(Ann\) stands twice .*: in line 1 and line 2, and 1 more$"
    ):
        found = parse_database("Smokes(Ann)\nSmokes(Ann)\n!Smokes(Ben)\n!Smokes(Ben)", PROGRAM)
    assert found == parse_database("Smokes(Ann)\n!Smokes(Ben)", PROGRAM)
    with pytest.warns(
        DuplicateEvidenceWarning, match=r"Works\(Ann,1\) stands twice in the evidence: in row 0 and row 2$"
    ):
        found = database_from({"Works": [("Ann", 1), ("Ann", 2), ("Ann", 1)]}, PROGRAM)
    assert found == parse_database("Works(Ann,1)\nWorks(Ann,2)", PROGRAM)
    with pytest.warns(DuplicateEvidenceWarning) as warned:
        map_inference("Smokes(person)", "0.7 Smokes(Ann)\n0.7 Smokes(Ann)")
    assert warned[0].filename == __file__


def test_several_texts_are_taken_together(tmp_path):
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    one.write_text("Smokes(Ann)\npaper = {P1}\nsister(Ann) = Ben")
    other.write_text("// more\n!Smokes(Ben)\npaper = {P2, P1}")
    together = "Smokes(Ann)\n!Smokes(Ben)\npaper = {P1, P2}\nBen = sister(Ann)"
    assert parse_database([one, str(other)], PROGRAM) == parse_database(together, PROGRAM)
    other.write_text("\n!Smokes(Ann)")
    with pytest.raises(MLNSyntaxError, match=r"other\.db, line 2, .*is false here, and true in .*one\.db, line 1"):
        parse_database([one, other], PROGRAM)
    other.write_text("Smokes(Zoe)")
    with pytest.raises(MLNSyntaxError, match=r"other\.db, line 1, column 8: 'Zoe' is not in the domain"):
        parse_database([other, "Smokes(Ann)"], PROGRAM)


@pytest.mark.parametrize(
    ("text", "probability"),
    [("0.7 Smokes(Ann)", 0.7), ("  .25\tSmokes( Ann )", 0.25), ("1e-3 Smokes(Ann).", 1e-3)],
)
def test_probabilities(text, probability):
    found = parse_database(f"!Smokes(Ben)\n{text}", PROGRAM)
    assert found.truth == {"Smokes": (0, -1)}
    assert found.probability == {"Smokes": (None, probability)}


def test_probabilities_of_one_and_zero_are_plain_evidence():
    assert parse_database("1.0 Smokes(Ann)\n0 Smokes(Ben)", PROGRAM) == parse_database(
        "Smokes(Ann)\n!Smokes(Ben)", PROGRAM
    )


def test_values_of_functions():
    texts = (
        "sister(Ann) = Ben",
        "Ben = sister(Ann)",
        "sister( Ann )=Ben.",
        'sister("Ann") = "Ben"',
        "sister(Ann, Ben)",
    )
    assert {parse_database(text, PROGRAM).atoms["sister"] for text in texts} == {(("Ann", "Ben"),)}


def test_constants_that_are_listed():
    found = parse_database('paper = {p-1, "P 2", 3}\nsize = {1,...,3}', PROGRAM)
    assert found.domains == {"paper": ("p-1", "P 2", "3"), "size": ("1", "2", "3")}
    assert parse_database(database_text(found), PROGRAM) == found


def test_blocks_with_several_exclusive_arguments():
    """One place and person per hour: other hours do not matter, and false atoms may be many."""
    assert parse_database("Seat(Ann, 1, A)\nSeat(Ben, 2, A)\n!Seat(Cat, 1, A)\n?Seat(Cat, 2, A)", PROGRAM)
    with pytest.raises(MLNSyntaxError, match=r"Seat\(Ben,1,B\) is true here, and Seat\(Ann,1,A\) in line 1"):
        parse_database("Seat(Ann, 1, A)\nSeat(Ben, 1, B)", PROGRAM)


def test_types_without_domain_take_any_constant():
    assert parse_database("Topic(P1, New)", PROGRAM).atoms["Topic"] == (("P1", "New"),)


# Python data ----------------------------------------------------------------------------------------------------------


def test_iterables_of_true_atoms():
    found = database_from(
        {
            "Friends": [("Ann", "Ben"), ["Ben", "Cat"]],
            "Smokes": {"Ann"},
            "Works": (("Ann", n) for n in (1, np.int64(2))),
            "Size": np.array([["P1", "2"], ["P2", "3"]]),
            "Title": [],
            "Rain": [()],
        },
        PROGRAM,
    )
    assert found == Database(
        {
            "Friends": (("Ann", "Ben"), ("Ben", "Cat")),
            "Smokes": (("Ann",),),
            "Works": (("Ann", "1"), ("Ann", "2")),
            "Size": (("P1", "2"), ("P2", "3")),
            "Rain": ((),),
        },
        {"Friends": (1, 1), "Smokes": (1,), "Works": (1, 1), "Size": (1, 1), "Rain": (1,)},
    )
    assert all(type(constant) is str for atoms in found.atoms.values() for atom in atoms for constant in atom)


def test_numbers_are_constants():
    sizes = [("P1", 1), ("P2", 0.5), ("P3", np.float64(2)), ("P4", -3)]
    assert [size for _, size in database_from({"Size": sizes}, PROGRAM).atoms["Size"]] == ["1", "0.5", "2.0", "-3"]


def test_mappings_to_truth():
    found = database_from({"Smokes": {"Ann": True, ("Ben",): np.False_, "Cat": None}}, PROGRAM)
    assert found == Database({"Smokes": (("Ann",), ("Ben",), ("Cat",))}, {"Smokes": (1, 0, -1)})


def test_mappings_to_probabilities_and_values():
    found = database_from({"Smokes": {"Ann": 0.7, "Ben": True}, "sister": {"Ann": "Ben", ("Cat",): "Ann"}}, PROGRAM)
    text = "0.7 Smokes(Ann)\nSmokes(Ben)\nsister(Ann) = Ben\nsister(Cat) = Ann"
    assert found == parse_database(text, PROGRAM)


def test_frames():
    pandas = pytest.importorskip("pandas")
    people = pandas.DataFrame({"who": ["Ann", "Ben"], "hour": [1, 2]})
    assert database_from({"Works": people}, PROGRAM) == parse_database("Works(Ann, 1)\nWorks(Ben, 2)", PROGRAM)
    known = people.assign(known=[True, False])
    assert database_from({"Works": known}, PROGRAM) == parse_database("Works(Ann, 1)\n!Works(Ben, 2)", PROGRAM)
    with pytest.raises(
        InstanceError, match=r"evidence on Works: expected 2 columns, found 1\n  hint: one for each arg"
    ):
        database_from({"Works": people[["who"]]}, PROGRAM)
    soft = database_from({"Works": people.assign(known=[True, 0.25]).astype({"known": object})}, PROGRAM)
    assert soft == parse_database("Works(Ann, 1)\n0.25 Works(Ben, 2)", PROGRAM)


def test_arrays_over_declared_domains():
    works = np.array([[1, 0], [0, 0], [0, 1]], dtype=bool)
    text = "Works(Ann,1)\n!Works(Ann,2)\n!Works(Ben,1)\n!Works(Ben,2)\n!Works(Cat,1)\nWorks(Cat,2)"
    assert database_from({"Works": works}, PROGRAM) == parse_database(text, PROGRAM)
    assert database_from({"Rain": np.array(True)}, PROGRAM) == parse_database("Rain()", PROGRAM)


def test_arrays_for_closed_predicates_give_true_atoms_only():
    friends = np.zeros((3, 3), dtype=bool)
    assert database_from({"Friends": friends}, PROGRAM) == Database({}, {})
    friends[0, 2] = True
    assert database_from({"Friends": friends}, PROGRAM) == parse_database("Friends(Ann, Cat)", PROGRAM)


@pytest.mark.parametrize("value", [1, 1.0, np.True_, np.int64(1), np.float32(1.0)])
def test_truths_as_numbers(value):
    assert database_from({"Smokes": {"Ann": value}}, PROGRAM) == parse_database("1 Smokes(Ann)", PROGRAM)
    assert database_from({"Smokes": {"Ann": 1 - float(value)}}, PROGRAM) == parse_database("0 Smokes(Ann)", PROGRAM)


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ({"Smoke": []}, "expected evidence on declared predicates, found 'Smoke'\n  hint: did you mean 'Smokes'?"),
        ({"Smokes": "Ann"}, "evidence on Smokes: expected an iterable of tuples, a mapping, a DataFrame or"),
        ({"Smokes": True}, "evidence on Smokes: expected an iterable of tuples"),
        ({"Friends": ["Ann"]}, "evidence on Friends, row 0: Friends has 2 arguments, found 1"),
        ({"Smokes": ["Ann", "Zoe"]}, "evidence on Smokes, row 1: 'Zoe' is not in the domain 'person'"),
        ({"Smokes": {"Ann": True, ("Ann",): False}}, "evidence on Smokes, row 1: contradictory evidence: Smokes(Ann) "
         "is false here, and true in row 0"),
        ({"Topic": [("P1", "A"), ("P1", "B")]}, "evidence on Topic, row 1: contradictory evidence: Topic(P1,B) is "
         "true here, and Topic(P1,A) in row 0"),
        ({"Smokes": {"Ann": float("nan")}}, "evidence on Smokes, row 0: expected True, False, None or a probability"),
        ({"Smokes": {"Ann": 2}}, "evidence on Smokes, row 0: expected True, False, None or a probability between 0 an"),
        ({"Smokes": {"Ann": 1.7}}, "evidence on Smokes, row 0: expected True, False, None or a probability between "
         "0 and 1, found 1.7"),
        ({"Smokes": {"Ann": "yes"}}, "evidence on Smokes, row 0: expected True, False, None or a probability between 0 "
         "and 1, found 'yes'"),
        ({"sister": {"Ann": "Zoe"}}, "evidence on sister, row 0: 'Zoe' is not in the domain 'person'"),
        ({"sister": [("Ann", "Ben"), ("Ann", "Cat")]}, "evidence on sister, row 1: contradictory evidence: "
         "sister(Ann,Cat) is true here, and sister(Ann,Ben) in row 0"),
        ({"Smokes": [("Ann", 0.7)]}, "evidence on Smokes, row 0: Smokes has 1 argument, found 2"),
        ({"Smokes": [None]}, "evidence on Smokes, row 0: expected a constant (a string or a number), found None"),
        ({"Smokes": [True]}, "evidence on Smokes, row 0: expected a constant (a string or a number), found True"),
        ({"Size": [("P1", float("nan"))]}, "evidence on Size, row 0: expected a constant (a string or a number)"),
        ({"Smokes": np.ones(3)}, "evidence on Smokes: expected an array of dtype bool, found float64\n  hint: fuzzy"),
        ({"Smokes": np.ones(2, dtype=bool)}, "evidence on Smokes: expected an array of shape (3,), found (2,)"),
        ({"Topic": np.ones((2, 2), dtype=bool)}, "evidence on Topic: an array needs the declared domain of 'paper'"),
    ],
)  # fmt: skip
def test_what_is_refused_in_python_data(evidence, message):
    with pytest.raises(InstanceError) as caught:
        database_from(evidence, PROGRAM)
    assert str(caught.value).startswith(message)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
