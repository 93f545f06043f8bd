"""Whatever the text, the parsers end in a program or a database, or in the library's own error that points at a place.

`plugins/imle-mln/fuzz/parsers.py` does the same for as long as one likes, guided by coverage.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError
from imle_mln import parse_database, parse_program
from imle_mln.errors import MLNSyntaxError
from imle_mln.logic import Program
from imle_mln.printing import database_text, program_text

PROGRAM = """// people
person = {Ann, Ben, "Cat"}
hour = {1,...,24}
*Friends(person, person)
Smokes(person)
Topic(paper, topic!)
Rain()
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)  /* spreads */
-0.5e1 EXIST x, y Friends(x,y) ^ !(x = y) v Rain()
0.7  Topic(p,+t) <=> !Topic(q,t) ^ p != q
(FORALL x Smokes(x)) v Smokes("Ann").
person boss(person)
Likes(person, food?)
*Rated(paper, float_)
log(0.9/0.1)+1 Smokes(boss(x)) ^ Works(x, t+1) | t < 3 & x =/= boss(y)
Works(person, hour)
score: Rated(p, score) => Topic(p, Ml)
|x| !Friends(x, y) v Smokes(x) <= 2
0.5 *Smokes(x) ^ *Rain(), Works(x, t++) :- EXISTS y boss(y) = x
P(Smokes(x)) = 0.4
"""
EVIDENCE = 'Friends(Ann, Ben)\n!Smokes(Ben)  // no\n?Smokes("Cat")\n/* a\nb */ Topic(P1, 3.5)\nRain()\n'
EVIDENCE += "boss(Ann) = Ben\nBen = boss(Ben).\n0.7 Likes(Ann, fish-cake)\nfood = {fish-cake, 5a}\n"
DECLARED = parse_program(PROGRAM)
WORDS = re.findall(r"\w+|[^\w\s]|\s+", PROGRAM + EVIDENCE)
WORDS += [
    "|x|",
    "::",
    "?",
    "t++",
    "2012-03-04",
    "0.7 ",
    "=/=",
    "EXISTS x ",
    "P(",
    "inf ",
    "logx(",
    "[",
    "]",
    "x'",
    "%",
    "~",
]
WORDS += ["\ufeff", "\r\n", "\r", "\x00", "\u2028", "\x85", "\t", "\\", '\\"', "'", '"', "é", "Ünal", "日本", "٣"]
WORDS += [
    "...",
    "*",
    "+",
    "!",
    "!=",
    "=",
    "=>",
    "<=>",
    "//",
    "/*",
    "*/",
    "(",
    ")",
    "{",
    "}",
    ":=",
    ":-",
    "-",
    "#include",
]
WORDS += [
    "#include",
    "1e999",
    "nan",
    "inf",
    "1" * 40,
    "v",
    "v ",
    "EXIST ",
    "FORALL",
    "exist x",
    "{1,...,",
    "\U0001f600",
]


def refusal(parse, text):
    """The program or database a text is, or the error it makes."""
    try:
        return parse(text)
    except InstanceError as error:
        return error


def reads(text: str) -> None:
    """Read a text as a program and as evidence."""
    for parse, back in (
        (parse_program, program_text),
        (lambda given: parse_database(given, DECLARED), database_text),
    ):
        found = refusal(parse, text)
        if isinstance(found, MLNSyntaxError):
            assert 1 <= found.line <= text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
            assert 1 <= found.column <= len(found.source_line) + 1
            assert found.problem
            assert len(str(found)) < 2000
        elif isinstance(found, InstanceError):
            assert text.strip().endswith((".mln", ".db")), found
        else:
            assert parse(back(found)) == found


def mutated(text: str):
    """The text with some pieces deleted, doubled, swapped or replaced."""
    pieces = re.findall(r"\w+|[^\w\s]|\s+", text)
    edit = st.tuples(
        st.integers(0, len(pieces) - 1), st.sampled_from(["drop", "double", "swap"]) | st.sampled_from(WORDS)
    )

    def apply(edits):
        out = list(pieces)
        for at, what in edits:
            at = min(at, len(out) - 1)
            if what == "drop":
                out[at] = ""
            elif what == "double":
                out[at] *= 2
            elif what == "swap":
                out[at], out[at - 1] = out[at - 1], out[at]
            else:
                out[at] = what
        return "".join(out)

    return st.lists(edit, max_size=6).map(apply)


PIECES = (
    "A(x) B(x,y) f(x) f(f(x)) t+1 t++ C(t) C(t+1) C(age(x)) age(x) x y t 3 K1 = != < >= ^ v => <=> :- , ! * + ( ) [ ]"
)
PIECES += (
    " 1.5 log(2) inf -inf c: R(x,c) . P(A(x)) 0.3 #include A(+x) p? p! A(Ann-Lee) 2012-03-04 x' |x| |x,y| <= 2 g(x)"
)
TYPED = "A(p)\nB(p,p)\nC(n)\np f(p)\nn age(p)\n*R(p, float_)\n"
slow = settings(max_examples=250)


@slow
@given(
    st.lists(st.sampled_from([*PIECES.split(), "EXIST x ", "FORALL t ", "\n", "\n1 ", " "]), max_size=9), st.booleans()
)
def test_pieces_of_rules(pieces, unweighted):
    def read(text):
        return parse_program(text, unweighted=unweighted)

    found = refusal(read, TYPED + "".join(pieces))
    if isinstance(found, Program):
        assert read(program_text(found)) == found


@slow
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@example("\ufeff" + PROGRAM)
@example(PROGRAM.replace("\n", "\r\n"))
@example(PROGRAM.replace("\n", "\r"))
@example("A\x00.mln")
@example("\ud800.db")
def test_words_of_the_grammar(text):
    reads(text)


@slow
@given(mutated(PROGRAM))
def test_programs_with_mistakes(text):
    reads(text)


@slow
@given(mutated(EVIDENCE))
def test_evidence_with_mistakes(text):
    reads(text)


@slow
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin1")))
def test_noise(text):
    reads(text)


@settings(max_examples=50)
@given(st.binary(max_size=60) | mutated(PROGRAM).map(lambda text: text.encode("utf-16")))
def test_files_of_noise(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("noise") / "noise.mln"
    path.write_bytes(raw)
    found = refusal(parse_program, path)
    assert isinstance(found, Program) or str(path) in str(found)


def test_line_ends_and_byte_order_marks_change_nothing():
    for end in ("\r\n", "\r"):
        assert parse_program("\ufeff" + PROGRAM.replace("\n", end)) == DECLARED
        assert parse_database("\ufeff" + EVIDENCE.replace("\n", end), DECLARED) == parse_database(EVIDENCE, DECLARED)


@pytest.mark.parametrize("size", [102, 5000])
@pytest.mark.parametrize(
    "nested",
    [
        lambda n: "!(" * n + "Rain()" + ")" * n,
        lambda n: " => ".join(["Rain()"] * n),
        lambda n: "(Rain() v (Rain() ^ " * (n // 2) + "Rain()" + "))" * (n // 2),
        lambda n: "".join(f"EXIST x{k} Smokes(x{k}) ^ " for k in range(n)) + "Rain()",
        lambda n: " <=> ".join(["Rain()"] * n),
    ],
)
def test_formulas_nested_too_deep(nested, size):
    with pytest.raises(MLNSyntaxError, match=r"expected a formula (nested at most 100 deep|of at most 20,000 parts)"):
        parse_program(PROGRAM + "1 " + nested(size))


@pytest.mark.parametrize(
    ("one", "operator"), [("Smokes(x)", " v "), ("x = x", " ^ "), ("!", ""), ("EXIST x ", ""), ("FORALL x ", "")]
)
def test_formulas_that_are_too_large_are_refused_while_they_are_read(one, operator):
    """The error points at the first part that is one too many: what comes after it was never looked at."""
    last = "" if operator else "Smokes(x)"
    with pytest.raises(MLNSyntaxError, match="expected a formula of at most 20,000 parts") as caught:
        parse_program(PROGRAM + "1 " + operator.join([one] * 300_000) + last)
    before = 20_000 * len(one + operator)
    assert 0 <= caught.value.column - len("1 ") - 1 - before < len(one)


def test_long_programs_of_small_formulas_are_no_large_formula():
    program = parse_program(PROGRAM + "1 Smokes(x) ^ Rain()\n" * 11_000)
    assert len(program.rules) == len(DECLARED.rules) + 11_000


def test_what_is_not_too_deep_can_be_printed_and_solved():
    import imle_mln

    for formula in ("!(" * 98 + "Rain()" + ")" * 98, " => ".join(["Rain()"] * 99), " <=> ".join(["Rain()"] * 11)):
        program = parse_program(f"Rain()\n1 {formula}")
        assert parse_program(program_text(program)) == program
        assert imle_mln.map_inference(program).status.ok


@pytest.mark.parametrize(
    "text",
    [
        "Rain()\n1 " + "(" * 20_000 + "Rain()" + ")" * 20_000,
        "Rain()\n1 Rain() ^" + "\n" * 100_000 + "^",
        "\n" * 100_000 + "^",
        " " * 200_000 + "$",
        "Rain()\n1 " + " ^ ".join(["Rain()"] * 4000),
        "Rain()\n1 " + "(" * 50_000,
        "Rain()\n1 " + ")" * 50_000,
        '"\\"' * 50_000,
        '"' * 99_999,
        "/* " * 50_000,
        "/" * 100_000,
        "A" * 300_000,
        "1" * 300_000 + " Rain()",
        "thing = {1,...," + "9" * 5000 + "}",
        "thing = {1,...,999999999999}",
        "thing = {" + "A," * 20_000,
        "Rain(" * 20_000,
        "EXIST " * 20_000,
        "v " * 50_000,
        "!" * 100_000,
        "person = {1,...,100000}\nSmokes(person)\n1 Smokes(Zoe)",
    ],
)
def test_long_texts_take_no_longer_than_they_should(text):
    begin = time.process_time()
    reads(text)
    assert time.process_time() - begin < 20  # far above what any takes, far below what a quadratic search would


def test_messages_show_long_lines_in_part():
    with pytest.raises(MLNSyntaxError) as caught:
        parse_program("Rain()\n1 " + "Rain() ^ " * 5000 + "Snow()" + " ^ Rain()" * 5000)
    lines = str(caught.value).split("\n")
    assert caught.value.column == 3 + 9 * 5000
    assert lines[1].startswith("    ... ")
    assert lines[1].endswith(" ...")
    assert lines[1][lines[2].index("^") :].startswith("Snow() ^ Rain()")


def test_messages_show_no_control_characters_and_wide_ones_move_the_caret():
    with pytest.raises(MLNSyntaxError) as caught:
        parse_program('T(t)\n1 T("日本") \x1b[31m T(x)')
    _, source, caret, *_ = str(caught.value).split("\n")
    assert source == '    1 T("日本") \ufffd[31m T(x)'
    assert caret == "    " + " " * len('1 T("日本") ') + "  " + "^"
