"""The page "coming from ...": each line of its table, with the best world and its score by hand and by enumeration.

Scores here are written out in Python for each line, apart from anything that the library does.
"""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import imle_mln
from imle.cli import main
from imle.errors import SolveError

PAGE = Path(__file__).parents[3] / "docs" / "mln-coming-from.md"
Truth = Callable[..., bool]
AB = ("A", "B")


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        shown: what the table shows; it stands in the program or in the evidence.
        program, evidence: texts.
        atoms: what is open.
        score: of a world, None where something hard does not hold.
    """

    shown: str
    program: str
    evidence: str
    atoms: tuple[str, ...]
    score: Callable[[Truth], float | None]


def over(predicate, *domains):
    return tuple(f"{predicate}({','.join(row)})" for row in itertools.product(*domains))


def hard(holds, score=0.0):
    return score if holds else None


PEOPLE = "person = {A, B}\nSmokes(person)\nHappy(person)\n"
TIMES = "time = {1, 2, 3}\nOn(time)\n"
SMOKES, HAPPY, ON = over("Smokes", AB), over("Happy", AB), over("On", "123")
LOGIT = math.log(0.7 / 0.3)

LINES = [
    # Functions.
    Line(
        "HoldsAt(meet(x, y), t)",
        "fluent meet(id, id)\nHoldsAt(fluent, time)\ntime = {1, 2}\n"
        "1 HoldsAt(meet(x, y), t) ^ t = 1 => HoldsAt(meet(y, x), 2)\n-0.25 HoldsAt(f, t) ^ t = 2\n"
        "HoldsAt(meet(A, B), 1).",
        "M1 = meet(A, B)\nM2 = meet(B, A)",
        over("HoldsAt", ("M1", "M2"), "12"),
        lambda w: hard(
            w("HoldsAt", "M1", "1"),
            # Two pairs have a value both ways, and each has two times.
            sum(
                not w("HoldsAt", one, t) or t != "1" or w("HoldsAt", two, "2")
                for one, two in (("M1", "M2"), ("M2", "M1"))
                for t in "12"
            )
            - 0.25 * sum(w("HoldsAt", m, "2") for m in ("M1", "M2")),
        ),
    ),
    Line(
        "mother(x) = y",
        PEOPLE + "person mother(person)\n2 mother(x) = y ^ Smokes(y) => Smokes(x)\n0.5 Smokes(B)\n-0.5 Smokes(A)",
        "mother(A) = B",
        SMOKES + HAPPY,
        lambda w: (
            2 * (3 + (not w("Smokes", "B") or w("Smokes", "A"))) + 0.5 * w("Smokes", "B") - 0.5 * w("Smokes", "A")
        ),
    ),
    Line(
        "age(x) > 17",
        PEOPLE + "int age(person)\n1 Smokes(x) ^ age(x) > 17\n-0.5 Smokes(x)",
        "age(A) = 17\nage(B) = 18",
        SMOKES + HAPPY,
        lambda w: w("Smokes", "B") - 0.5 * w("Smokes", "A") - 0.5 * w("Smokes", "B"),
    ),
    # Numbers.
    Line(
        "t < 3",
        TIMES + "1 On(t) ^ t < 3\n-0.5 On(t)",
        "",
        ON,
        lambda w: w("On", "1") + w("On", "2") - 0.5 * sum(w("On", t) for t in "123"),
    ),
    Line(
        "On(t+1)",
        TIMES + "1 On(t) => On(t+1)\n0.25 !On(t)\nOn(1).",
        "",
        ON,
        # t = 3 has no next time: it is no grounding.
        lambda w: hard(
            w("On", "1"),
            (not w("On", "1") or w("On", "2"))
            + (not w("On", "2") or w("On", "3"))
            + 0.25 * sum(not w("On", t) for t in "123"),
        ),
    ),
    Line(
        "On(t++)",
        TIMES + "1 !On(t) ^ On(t++)",
        "",
        ON,
        lambda w: (not w("On", "1") and w("On", "2")) + (not w("On", "2") and w("On", "3")),
    ),
    Line(
        "On(succ(t))",
        TIMES + "1 !On(t) ^ On(succ(t))",
        "",
        ON,
        lambda w: (not w("On", "1") and w("On", "2")) + (not w("On", "2") and w("On", "3")),
    ),
    Line(
        "On([t+1])",
        TIMES + "!On(t) v On([t+1]).\n-1 On(3)\n0.4 On(t)",
        "",
        ON,
        lambda w: hard(
            (not w("On", "1") or w("On", "2")) and (not w("On", "2") or w("On", "3")),
            0.4 * sum(w("On", t) for t in "123") - w("On", "3"),
        ),
    ),
    Line(
        "u = t + 1",
        TIMES + "1 On(t) ^ On(u) ^ u = t + 1",
        "",
        ON,
        lambda w: (w("On", "1") and w("On", "2")) + (w("On", "2") and w("On", "3")),
    ),
    Line(
        "lessThan(t, u)",
        TIMES + "-1 On(t) ^ On(u) ^ lessThan(t, u)\n0.75 On(t)",
        "",
        ON,
        lambda w: (
            0.75 * sum(w("On", t) for t in "123")
            - sum(w("On", t) and w("On", u) for t in "123" for u in "123" if t < u)
        ),
    ),
    # Spellings.
    Line(
        "Happy(x) :- Smokes(x).",
        PEOPLE + "Happy(x) :- Smokes(x).\n1 Smokes(A)\n-0.25 Happy(x)",
        "",
        SMOKES + HAPPY,
        lambda w: hard(
            all(not w("Smokes", x) or w("Happy", x) for x in AB),
            w("Smokes", "A") - 0.25 * sum(w("Happy", x) for x in AB),
        ),
    ),
    Line(
        "Smokes(x), Happy(x) => Smokes(y)",
        PEOPLE + "1 Smokes(x), Happy(x) => Smokes(y)\nHappy(A).\n0.5 Smokes(A)\n-0.25 Smokes(B)",
        "",
        SMOKES + HAPPY,
        lambda w: hard(
            w("Happy", "A"),
            sum(not (w("Smokes", x) and w("Happy", x)) or w("Smokes", y) for x in AB for y in AB)
            + 0.5 * w("Smokes", "A")
            - 0.25 * w("Smokes", "B"),
        ),
    ),
    Line(
        "EXISTS x Smokes(x) | Happy(x)",
        PEOPLE + "1 EXISTS x Smokes(x) | Happy(x)\n-0.25 Smokes(x)\n-0.5 Happy(x)",
        "",
        SMOKES + HAPPY,
        lambda w: (
            any(w(p, x) for p in ("Smokes", "Happy") for x in AB)
            - sum(0.25 * w("Smokes", x) + 0.5 * w("Happy", x) for x in AB)
        ),
    ),
    Line(
        "Smokes(x) & Smokes(y) & x =/= y",
        PEOPLE + "1 Smokes(x) & Smokes(y) & x =/= y\n-0.5 Smokes(A)",
        "",
        SMOKES + HAPPY,
        lambda w: 2 * (w("Smokes", "A") and w("Smokes", "B")) - 0.5 * w("Smokes", "A"),
    ),
    Line(
        "[x = y]",
        PEOPLE + "!Smokes(x) v !Smokes(y) v [x = y].\n1 Smokes(x)\n0.5 Smokes(A)",
        "",
        SMOKES + HAPPY,
        lambda w: hard(not (w("Smokes", "A") and w("Smokes", "B")), 1.5 * w("Smokes", "A") + w("Smokes", "B")),
    ),
    Line(
        "x' != x",
        PEOPLE + "-1 Smokes(x) ^ Smokes(x') ^ x' != x\n0.75 Smokes(x)\n0.25 Smokes(B)",
        "",
        SMOKES + HAPPY,
        lambda w: 0.75 * w("Smokes", "A") + w("Smokes", "B") - 2 * (w("Smokes", "A") and w("Smokes", "B")),
    ),
    Line(
        "*Smokes(x) ^ *Happy(x)",
        PEOPLE + "1 *Smokes(x) ^ *Happy(x)\n-0.5 Smokes(x)\n0.25 Happy(A)",
        "",
        SMOKES + HAPPY,
        # Of the four rules exactly one is true for each x.
        lambda w: 2 - 0.5 * sum(w("Smokes", x) for x in AB) + 0.25 * w("Happy", "A"),
    ),
    # Weights.
    Line(
        "log(0.7/0.3) Smokes(x)",
        PEOPLE + "log(0.7/0.3) Smokes(x)\n-1 Smokes(B)",
        "",
        SMOKES + HAPPY,
        lambda w: LOGIT * sum(w("Smokes", x) for x in AB) - w("Smokes", "B"),
    ),
    Line(
        "logx(0) Smokes(x)",
        PEOPLE + "logx(0) Smokes(x)\n1.5+2*(1-0.25) Smokes(A)",
        "",
        SMOKES + HAPPY,
        lambda w: -100 * sum(w("Smokes", x) for x in AB) + 3 * w("Smokes", "A"),
    ),
    Line(
        "inf Smokes(x)",
        PEOPLE + "inf Smokes(x)\n-inf Happy(B)\n-1 Smokes(x)\n1 Happy(x)",
        "",
        SMOKES + HAPPY,
        lambda w: hard(
            w("Smokes", "A") and w("Smokes", "B") and not w("Happy", "B"), -2 + w("Happy", "A") + w("Happy", "B")
        ),
    ),
    Line(
        "score: Rated(x, score) => Smokes(x)",
        PEOPLE + "*Rated(person, float_)\nscore: Rated(x, score) => Smokes(x)\n-1 Smokes(x)",
        "Rated(A, 1.5)\nRated(A, -0.25)\nRated(B, 0.5)",
        SMOKES + HAPPY,
        # Without a rating there is no grounding.
        lambda w: (
            sum(score * w("Smokes", x) for x, score in (("A", 1.5), ("A", -0.25), ("B", 0.5)))
            - sum(w("Smokes", x) for x in AB)
        ),
    ),
    Line(
        "P(Smokes(x)) = 0.7",
        PEOPLE + "P(Smokes(x)) = 0.7\n-1 Smokes(B)",
        "",
        SMOKES + HAPPY,
        lambda w: LOGIT * sum(w("Smokes", x) for x in AB) - w("Smokes", "B"),
    ),
    # Declarations.
    Line(
        "*Knows(Person, Person)",
        "Person = {A, B}\nSmokes(Person)\n*Knows(Person, Person)\n"
        "1 Knows(x, y) ^ Smokes(x) => Smokes(y)\n0.5 Smokes(A)\n-0.25 Smokes(B)",
        "Knows(A, B)",
        SMOKES,
        lambda w: 3 + (not w("Smokes", "A") or w("Smokes", "B")) + 0.5 * w("Smokes", "A") - 0.25 * w("Smokes", "B"),
    ),
    Line(
        "Likes(person, food?)",
        "person = {A, B}\nfood = {X, Y}\nLikes(person, food?)\n"
        "1 Likes(x, X)\n0.5 Likes(x, Y)\n-1.5 Likes(B, X)\n-2 Likes(B, Y)",
        "",
        over("Likes", AB, "XY"),
        lambda w: hard(
            all(not (w("Likes", x, "X") and w("Likes", x, "Y")) for x in AB),
            sum(w("Likes", x, "X") + 0.5 * w("Likes", x, "Y") for x in AB)
            - 1.5 * w("Likes", "B", "X")
            - 2 * w("Likes", "B", "Y"),
        ),
    ),
    # Cardinalities.
    Line(
        "|x| Likes(x, f) <= 1",
        "person = {A, B, C}\nfood = {X, Y}\nLikes(person, food)\n"
        "|x| Likes(x, f) <= 1\n1 Likes(x, f)\n0.5 Likes(B, Y)\n-2 Likes(x, X)",
        "",
        over("Likes", "ABC", "XY"),
        lambda w: hard(
            all(sum(w("Likes", x, f) for x in "ABC") <= 1 for f in "XY"),
            sum(w("Likes", x, f) for x in "ABC" for f in "XY")
            + 0.5 * w("Likes", "B", "Y")
            - 2 * sum(w("Likes", x, "X") for x in "ABC"),
        ),
    ),
    Line(
        "|x| !Adult(x) v Smokes(x) <= 1",
        "person = {A, B, C}\n*Adult(person)\nSmokes(person)\n"
        "|x| !Adult(x) v Smokes(x) <= 1\n1 Smokes(x)\n0.5 Smokes(B)",
        "Adult(A)\nAdult(B)",
        over("Smokes", "ABC"),
        lambda w: hard(
            w("Smokes", "A") + w("Smokes", "B") <= 1, sum(w("Smokes", x) for x in "ABC") + 0.5 * w("Smokes", "B")
        ),
    ),
    Line(
        "|x, f| Likes(x, f) >= 2.",
        "person = {A, B}\nfood = {X, Y}\nLikes(person, food)\n"
        "|x, f| Likes(x, f) >= 2.\n-1 Likes(x, f)\n0.5 Likes(B, Y)",
        "",
        over("Likes", AB, "XY"),
        lambda w: hard(
            sum(w("Likes", x, f) for x in AB for f in "XY") >= 2,
            0.5 * w("Likes", "B", "Y") - sum(w("Likes", x, f) for x in AB for f in "XY"),
        ),
    ),
    Line(
        "|t| (On(t) ^ t > 1) = 1",
        TIMES + "|t| (On(t) ^ t > 1) = 1\n1 On(t)\n0.5 On(3)",
        "",
        ON,
        lambda w: hard(w("On", "2") + w("On", "3") == 1, sum(w("On", t) for t in "123") + 0.5 * w("On", "3")),
    ),
    # Constants and evidence.
    Line(
        "Smokes(Ann-Lee)",
        "Smokes(person)\n1 Smokes(Ann-Lee)\n-1 Smokes(2012-03-04)\n1 Smokes(5a) ^ Smokes(日本)",
        "",
        ("Smokes(Ann-Lee)", "Smokes(2012-03-04)", "Smokes(5a)", "Smokes(日本)"),
        lambda w: w("Smokes", "Ann-Lee") - w("Smokes", "2012-03-04") + (w("Smokes", "5a") and w("Smokes", "日本")),
    ),
    Line(
        "Smokes(ann-lee).",
        'Smokes(person)\n1 Smokes(x) => Smokes("b@c.org")\n-0.5 Smokes("b@c.org")',
        "Smokes(ann-lee).",
        ("Smokes(b@c.org)",),
        lambda w: 1 + w("Smokes", "b@c.org") - 0.5 * w("Smokes", "b@c.org"),
    ),
    Line(
        "person = {A, B}",
        "Smokes(person)\n1 Smokes(x)",
        "person = {A, B}\n!Smokes(B)",
        ("Smokes(A)",),
        lambda w: w("Smokes", "A"),
    ),
    Line(
        "0.7 Smokes(A)",
        PEOPLE + "-0.5 Smokes(x)",
        "0.7 Smokes(A)\n0.6 Smokes(B)",
        SMOKES + HAPPY,
        lambda w: (LOGIT - 0.5) * w("Smokes", "A") + (math.log(0.6 / 0.4) - 0.5) * w("Smokes", "B"),
    ),
]


def plain(name):
    return name.replace('"', "")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.shown)
def test_the_best_world_and_its_score(line):
    assert line.shown in line.program + line.evidence
    scores = {}
    for values in itertools.product((False, True), repeat=len(line.atoms)):
        world = dict(zip(line.atoms, values, strict=True))
        score = line.score(lambda name, *row, world=world: world[f"{name}({','.join(row)})"])
        if score is not None:
            scores[frozenset(atom for atom, truth in world.items() if truth)] = score
    found = imle_mln.map_inference(line.program, line.evidence)
    best = float(max(scores.values()))
    assert {plain(atom) for atom in found.atoms} == set(line.atoms)
    assert found.score == pytest.approx(best)
    assert scores[frozenset(map(plain, found.true_atoms))] == pytest.approx(best)
    # What is printed says the same.
    program = imle_mln.parse_program(line.program)
    evidence = imle_mln.parse_database(line.evidence, program)
    again = imle_mln.parse_program(imle_mln.program_text(program))
    assert again == program
    assert imle_mln.parse_database(imle_mln.database_text(evidence), program) == evidence
    assert imle_mln.map_inference(again, evidence).score == pytest.approx(best)


def test_the_table_has_these_lines():
    table, _, _ = PAGE.read_text(encoding="utf-8").partition("## Where answers differ")
    shown = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert [one.replace("\\|", "|") for one in shown] == [line.shown for line in LINES]


def test_groundings_are_counted_where_terms_have_values():
    found = imle_mln.map_inference(TIMES + "1 On(t) => On(t+1)\nOn(t) ^ On(t+1) => On(t+2).")
    assert found.problem.grounding.network.groundings.tolist() == [2.0]
    assert found.problem.grounding.hard_groundings.tolist() == [1.0]
    assert found.formulas == ("On(t) => On(t + 1)",)


def test_terms_and_plus():
    """One weight per food, and groundings for those of whom it is known who is their boss."""
    program = "person = {A, B, C}\nfood = {X, Y}\nLikes(person, food)\nperson boss(person)\n"
    program += "1 Likes(boss(x), +f) ^ !Likes(x, Y)"
    found = imle_mln.map_inference(program, "boss(A) = C\nboss(B) = C\n!Likes(C, Y)", weights=[1, -0.5])
    assert found.formulas == ("Likes(boss(x),X) ^ !Likes(x,Y)", "Likes(boss(x),Y) ^ !Likes(x,Y)")
    assert found.problem.grounding.network.groundings.tolist() == [2, 2]
    assert found.counts.tolist() == [2, 0]
    assert found.score == 2


def test_constants_that_are_the_same_number():
    """1 and 1.0 are two constants and one number: both are what is computed."""
    found = imle_mln.map_inference("time = {0, 1, 1.0}\nOn(time)\n1 On(t+1) ^ t = 0\n-0.25 On(t)")
    assert found.true_atoms == ("On(1)", "On(1.0)")
    assert found.problem.grounding.network.groundings.tolist() == [2, 3]


def test_terms_inside_quantifiers():
    """The next time is sought among those there are: for the last there is none."""
    last = imle_mln.map_inference(TIMES + "(EXIST t On(t) ^ !On(t+1)).\n1 On(t)")
    assert last.score == 2
    every = imle_mln.map_inference(TIMES + "(FORALL t On(t) ^ On(t+1)).\n-1 On(t)")
    assert every.score == -3


def test_cardinalities_that_cannot_hold():
    with pytest.raises(SolveError, match="infeasible"):
        imle_mln.map_inference(TIMES + "|t| On(t) >= 4")
    with pytest.raises(SolveError, match="infeasible"):
        imle_mln.map_inference(TIMES + "|t| On(t) <= 1", "On(1)\nOn(2)")


def test_a_program_in_several_files(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "people.mln").write_text('person = {A, B}\n#include "rules.mln"')
    (tmp_path / "parts" / "rules.mln").write_text("1 Smokes(x)\n")
    main = tmp_path / "main.mln"
    main.write_text('#include "parts/people.mln"\nSmokes(person)\n-2 Smokes(A)')
    assert imle_mln.map_inference(main).score == 1
    assert [rule.weight for rule in imle_mln.parse_program(main).rules] == [1, -2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('#include "main.mln"', r"main\.mln, line 2, column 1: main\.mln includes itself"),
        ('#include "no.mln"', r"main\.mln, line 2, column 1: expected a file with the program, found none .*no\.mln"),
        ('#include "wrong.mln"', r"wrong\.mln, line 3, column 3: unknown predicate 'Smoke'"),
        (
            '#include "twice.mln"',
            r"twice\.mln, line 1, column 1: predicate 'Smokes' is declared twice, first in .*main\.mln, line 1",
        ),
    ],
)
def test_files_that_cannot_be_included(tmp_path, text, problem):
    from imle_mln.errors import MLNSyntaxError

    (tmp_path / "wrong.mln").write_text("\n\n1 Smoke(x)")
    (tmp_path / "twice.mln").write_text("Smokes(person)")
    (tmp_path / "main.mln").write_text(f"Smokes(person)\n{text}")
    with pytest.raises(MLNSyntaxError, match=problem):
        imle_mln.parse_program(tmp_path / "main.mln")


def test_numbers_are_needed_where_they_are_compared():
    from imle.errors import InstanceError

    with pytest.raises(InstanceError, match=r"expected numbers as constants of type 'person', .* found 'A'"):
        imle_mln.map_inference(PEOPLE + "1 Smokes(x) ^ x > 3")


def test_weights_that_are_constants_are_numbers():
    from imle.errors import InstanceError

    program = PEOPLE + "*Rated(person, level)\nscore: Rated(x, score) => Smokes(x)"
    for level in ("High", "inf", "nan", "1e400"):
        with pytest.raises(InstanceError, match=f"of type 'level', which are the weights of line 5, found '{level}'"):
            imle_mln.map_inference(program, f"Rated(A, {level})")


def test_formulas_without_weights_are_read_for_learning_only():
    from imle.errors import InstanceError
    from imle_mln.errors import MLNSyntaxError

    text = PEOPLE + "Smokes(x) => Happy(x)\n!Smokes(x)\nSmokes(x)\n"
    with pytest.raises(MLNSyntaxError, match="line 4, column 1: weight missing"):
        imle_mln.parse_program(text.removesuffix("Smokes(x)\n"))
    program = imle_mln.parse_program(text, unweighted=True)
    assert [rule.unweighted for rule in program.rules] == [True, True, True]
    assert imle_mln.parse_program(imle_mln.program_text(program), unweighted=True) == program
    with pytest.raises(InstanceError, match=r"line 4: weight missing: Smokes\(x\) => Happy\(x\)"):
        imle_mln.map_inference(program)


def test_probabilities_are_those_of_atoms_that_nothing_else_mentions():
    found = imle_mln.marginals(PEOPLE + "P(Happy(x)) = 0.2\n1.5 Smokes(B)", "0.7 Smokes(A)")
    expected = {"Smokes(A)": 0.7, "Smokes(B)": 1 / (1 + math.exp(-1.5)), "Happy(A)": 0.2, "Happy(B)": 0.2}
    assert {atom: found[atom] for atom in found.atoms} == pytest.approx(expected)


def test_soft_evidence_is_the_default_of_unaries_and_needs_its_predicate_in_the_query():
    from imle.errors import InstanceError

    found = imle_mln.map_inference(PEOPLE, "0.7 Smokes(A)\n0.2 Smokes(B)")
    assert found.true_atoms == ("Smokes(A)",)
    assert imle_mln.map_inference(PEOPLE, "0.7 Smokes(A)", unary=[-1, 1, 0, 0]).true_atoms == ("Smokes(B)",)
    with pytest.raises(InstanceError, match=r"query: expected Smokes in it, because evidence gives probabilities"):
        imle_mln.map_inference(PEOPLE, "0.7 Smokes(A)", query=["Happy"])


COMMANDS = re.findall(r"`imle mln (.*?)`", PAGE.read_text(encoding="utf-8").partition("## The same tasks")[2])


def test_each_task_has_its_command():
    tasks = PAGE.read_text(encoding="utf-8").partition("## The same tasks")[2].split("\n\n")[1].splitlines()[2:]
    assert len(tasks) == len(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_page_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("program.mln").write_text(PEOPLE + "*Friends(person, person)\n1 Friends(x, y) ^ Smokes(x) => Smokes(y)\n")
    Path("evidence.db").write_text("Friends(A, B)\nSmokes(A)\n")
    Path("train.db").write_text("Friends(A, B)\nSmokes(A)\nHappy(B)\n")
    assert main(["mln", *shlex.split(command)]) == 0
