"""Too many groundings are refused with a number for each formula, before memory is spent; what is done is told."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest

import imle_mln
from imle.errors import SolveError
from imle_mln import parse_database, parse_program
from imle_mln.grounding import GroundingProgress, TooManyGroundingsError, Vocabulary, budget, ground

# 10^12 groundings of the second formula, and no evidence to make them fewer.
HUGE = """person = {1,...,10000}
Friends(person, person)
Smokes(person)
0.5 Smokes(x)
1.0 Friends(x,y) ^ Friends(y,z) => Friends(x,z)
2.0 Friends(x,y) => Friends(y,x)
"""


def refusal(call):
    with pytest.raises(TooManyGroundingsError) as caught:
        call()
    return caught.value


def test_the_message_lists_the_estimates_largest_first():
    error = refusal(lambda: ground(parse_program(HUGE)))
    assert str(error) == (
        "about 1,000,100,010,000 groundings to look at, the limit is 200,000,000:\n"
        "    1,000,000,000,000  line 5: Friends(x,y) ^ Friends(y,z) => Friends(x,z)\n"
        "          100,000,000  line 6: Friends(x,y) => Friends(y,x)\n"
        "               10,000  line 4: Smokes(x)\n"
        "  hint: give evidence and declare observed predicates closed (*), use smaller domains, make the formula more "
        "selective, or raise the limit: imle_mln.grounding_options(limit=...), --limit of the commands"
    )


def test_the_hint_names_what_could_be_closed():
    program = parse_program(HUGE)
    database = parse_database("".join(f"Friends({k},{k + 1})\n" for k in range(1, 10000)), program)
    hint = refusal(lambda: ground(program, database)).hint
    assert hint.startswith("if evidence names all true atoms, declare *Friends(person, person) (or closed_world=['Fri")
    closed = parse_program(HUGE, closed_world=["Friends"])
    assert ground(closed, database).network.groundings.tolist() == [1e4, 1e12, 1e8]


@pytest.mark.parametrize(
    ("constants", "formula"),
    [
        (10_000, "1 Friends(x,y) ^ Friends(y,z) => Friends(x,z)"),
        (10_000, "1 Smokes(x) => EXIST y,z Friends(x,y) ^ Friends(y,z)"),
        (10_000, "1 Smokes(x) ^ Smokes(y) ^ Smokes(z)"),
        (10_000, "(Smokes(x) ^ Smokes(y)) v (Smokes(z) ^ Smokes(y))."),
        (1_000_000, "1 Smokes(x)\nFar(person, person)"),
    ],
)
def test_no_memory_is_spent_on_what_is_refused(constants, formula):
    program = parse_program(f"person = {{1,...,{constants}}}\nFriends(thing, thing)\nSmokes(person)\n{formula}".replace(
        "thing", "person" if constants == 10_000 else "few") + "\nfew = {A}")  # fmt: skip
    vocabulary = Vocabulary.of(program)
    tracemalloc.start()
    refusal(lambda: ground(program, vocabulary=vocabulary))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_atoms_count_too():
    error = refusal(lambda: ground(parse_program("thing = {1,...,20000}\nSame(thing, thing)\nRed(thing)")))
    assert error.message == (
        "400,020,000 open ground atoms, the limit is 200,000,000:\n"
        "    400,000,000  Same(thing, thing)\n"
        "         20,000  Red(thing)"
    )


def test_the_limit_is_an_option():
    program = parse_program("thing = {A,B,C}\nSame(thing, thing)\n1 Same(x,y) ^ Same(y,z) => Same(x,z)")
    with imle_mln.grounding_options(limit=20):
        assert "27 groundings to look at, the limit is 20:" in str(refusal(lambda: ground(program)))
        refusal(lambda: imle_mln.map_inference(program))
        with imle_mln.grounding_options(limit=100):
            assert ground(program).network.atoms == 9
    assert ground(program).network.atoms == 9


def test_what_was_expected_to_be_little_is_stopped_when_it_is_not():
    """All citations go to one paper: the estimate takes them for spread."""
    program = parse_program("*Cites(p, p)\nGood(p)\n1 Cites(x,z) ^ Cites(y,z) ^ Good(x) => Good(y)")
    database = parse_database("".join(f"Cites({k},0)\n" for k in range(1, 1001)), program)
    seen = []
    with imle_mln.grounding_options(limit=50_000, progress=seen.append):
        error = refusal(lambda: ground(program, database))
    assert str(error).startswith(
        "at least 1,001,000 groundings to look at, the limit is 50,000:\n    1,001,000  line 3:"
    )
    assert sum(one.seen for one in seen[-1:]) < 50_000


def test_many_formulas_are_cut_short():
    rules = "".join(f"1 Same(x,y) ^ Same(y,z) ^ Same(z,{k})\n" for k in range(1, 14))
    lines = str(refusal(lambda: ground(parse_program("a = {1,...,5000}\nSame(a, a)\n" + rules)))).split("\n")
    assert lines[0].startswith("about 1,625,000,000,000 groundings")
    assert lines[11] == "    375,000,000,000  3 more"


@pytest.mark.slow
def test_progress_is_told():
    program = parse_program(
        "thing = {1,...,100}\nSame(thing, thing)\n1 Same(x,y) ^ Same(y,z) => Same(x,z)\n-1 Same(x,x)"
    )
    seen: list[GroundingProgress] = []
    with imle_mln.grounding_options(progress=seen.append):
        imle_mln.map_inference(program, engine="auto", weights=[0.0, -1.0])
    assert [one.number for one in seen] == sorted(one.number for one in seen)
    assert seen[-1].formulas == seen[-1].number == 2
    assert seen[-1].formula == "line 4: Same(x,x)"
    assert len(seen) > 4
    assert all(before.seen < after.seen <= after.expected * 1.02 for before, after in pairwise(seen))
    assert seen[-1].seen == pytest.approx(seen[-1].expected, rel=0.02)


def test_a_time_limit_ends_grounding_and_says_how_far_it_came(monkeypatch):
    rule = "1 Friends(x,y) ^ Friends(y,z) => Friends(x,z)"
    program = parse_program(f"person = {{1,...,200}}\nFriends(person, person)\n{rule}")
    with budget.timed_grounding(lambda: 0.0):
        assert ground(parse_program("p = {A}\nS(p)\n1 S(x)")).network.atoms == 1  # what is small is grounded anyway
        monkeypatch.setattr(budget, "_QUICK", 1000)
        with pytest.raises(SolveError, match=r"time limit came while line 3: .* was grounded: .* of about 8,000,000"):
            ground(program)
    assert budget.options_in_force().clock is None
