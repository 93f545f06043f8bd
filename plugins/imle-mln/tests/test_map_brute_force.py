"""Text to MAP against all worlds, on thousands of random programs; the reference shares nothing with the library."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest

import imle_mln
from imle.errors import SolveError
from support.random_mln import ARITIES, LEVELS, Draw, evaluated, worlds


def check(seed):
    """One random program: what it had in it, or None if it was too large or not a program."""
    draw = Draw(seed)
    text, rules = draw.program()
    said = draw.evidence()
    found = worlds(draw, said)
    # `+x` in an atom inside a quantifier over x is refused, as is a variable in equalities only.
    if found is None or any(re.search(rf"(EXIST|FORALL) [^(]*\b{name}\b", t) for _, t, plus in rules for name in plus):
        return None
    world, fine = found
    # Contradictions within the evidence are refused before MAP; test_evidence.py has them.
    for name in draw.unique | draw.optional:
        firsts, seconds = (draw.domains[kind] for kind in ARITIES[name])
        if any(sum(said.get((name, (f, s))) == "" for s in seconds) > 1 for f in firsts):
            return None
    fine, score, counts = evaluated(draw, rules, world, fine)
    literals = "".join(f"{sign}{name}({','.join(atom)})\n" for (name, atom), sign in said.items())
    if not fine.any():
        with pytest.raises(SolveError, match="infeasible"):
            imle_mln.map_inference(text, literals)
        draw.note("infeasible")
        return draw.seen
    state = imle_mln.map_inference(text, literals)
    assert state.score == pytest.approx(score[fine].max(), abs=1e-6), (text, literals)
    true = set(state.true_atoms)
    agrees = fine.copy()
    for (name, atom), values in world.items():
        if f"{name}({','.join(atom)})" in state.atoms:
            agrees &= values == (f"{name}({','.join(atom)})" in true)
    # Exactly-one may decide atoms that the reference leaves open: `fine` has them.
    (at,) = np.flatnonzero(agrees)
    assert state.counts.tolist() == [count[at] for count in counts], (text, literals)
    assert score[at] == pytest.approx(state.score, abs=1e-9)
    for engine in state.engines:
        draw.note(f"engine {engine}")
    return draw.seen


SEEN: Counter[str] = Counter()
EVERYTHING = [
    "hard",
    "negative weight",
    "positive weight",
    "+",
    "EXIST",
    "FORALL",
    "!",
    "=",
    "!=",
    "constant",
    "closed",
]
EVERYTHING += ["!block", "?block", "", "?", "infeasible", "engine closed", "engine min-cut", "engine enumeration"]
PAIRS = [f"{one} {other}" for one in LEVELS for other in LEVELS]


def test_random_programs_find_the_best_world():
    done = 0
    for seed in itertools.count():
        seen = check(seed)
        if seen is not None:
            done += 1
            SEEN.update(seen.keys())
        if done == 2000:
            break
    # In how many programs each occurred: all operators, each before and after each other.
    rare = {name: SEEN[name] for name in (*EVERYTHING, *PAIRS) if SEEN[name] < 40}
    assert not rare, SEEN
