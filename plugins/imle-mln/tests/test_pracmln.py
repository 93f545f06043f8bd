"""Side by side with pracmln: MAP, exact marginals and learned weights. Its answers are on file; it is asked again where
PRACMLN_PYTHON names a Python that has it.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path

import pytest

import imle_mln

SCRIPT = Path(__file__).parent / "pracmln_answers.py"
CASES = runpy.run_path(str(SCRIPT))["CASES"]
ANSWERS = json.loads(SCRIPT.with_suffix(".json").read_text())
# In pracmln, v binds tighter than ^, which binds tighter here and in Alchemy; and a quantifier ends with its
# parentheses, instead of taking all that follows.
READINGS = {
    "or before and": (
        "Smokes(x) ^ Cancer(x) v Friends(x,Ann) ^ !Cancer(Ben)",
        "Smokes(x) ^ (Cancer(x) v Friends(x,Ann)) ^ !Cancer(Ben)",
    ),
    "a quantifier ends": (
        "EXIST y (Friends(x,y) ^ Smokes(y)) => Cancer(x)",
        "(EXIST y Friends(x,y) ^ Smokes(y)) => Cancer(x)",
    ),
}
# Its optimisers stop where a step gains little.
CLOSE = 3e-5


def case(name):
    program, evidence, training, given = CASES[name]
    return program.replace(*READINGS.get(name, ("", ""))), evidence, training, given


@pytest.mark.parametrize("name", CASES)
def test_states_and_marginals_are_pracmlns(name):
    program, evidence, _, given = case(name)
    theirs = ANSWERS[name]["marginals"]
    ours = imle_mln.marginals(program, evidence, closed_world=given)
    assert {atom: theirs[atom] for atom in ours.atoms} == pytest.approx(
        dict(zip(ours.atoms, ours.probabilities, strict=True)), abs=1e-12
    )
    assert all(chance in (0, 1) for atom, chance in theirs.items() if atom not in ours.atoms), "evidence decides them"
    if "map" in ANSWERS[name]:  # several states may be best
        best = imle_mln.map_inference(program, evidence, closed_world=given)
        state = "\n".join(f"{'' if truth else '!'}{atom}" for atom, truth in ANSWERS[name]["map"].items())
        told = "\n".join(line for line in evidence.splitlines() if line.startswith(tuple(given)))
        theirs = imle_mln.map_inference(program, f"{told}\n{state}", closed_world=given)
        assert theirs.score == pytest.approx(best.score, abs=1e-9)


@pytest.mark.parametrize("name", [name for name, one in CASES.items() if one[2]])
@pytest.mark.parametrize("method", ["pll", "pll given", "likelihood"])
def test_learned_weights_are_pracmlns(name, method):
    program, _, training, given = case(name)
    kind, _, only = method.partition(" ")
    found = imle_mln.learn(program, training, method=kind, closed_world=given if only else (), prior=2.0)
    assert found.weights == pytest.approx(ANSWERS[name][method], abs=CLOSE)


@pytest.mark.parametrize("name", READINGS)
def test_where_pracmln_reads_something_else(name):
    program, evidence, _, given = CASES[name]
    assert READINGS[name][0] in program
    found = imle_mln.marginals(program, evidence, closed_world=given)
    theirs = ANSWERS[name]["marginals"]
    assert max(abs(theirs[atom] - chance) for atom, chance in zip(found.atoms, found.probabilities, strict=True)) > 0.05


@pytest.mark.skipif("PRACMLN_PYTHON" not in os.environ, reason="PRACMLN_PYTHON names no Python that has pracmln")
def test_what_is_on_file_is_what_pracmln_says():
    done = subprocess.run([os.environ["PRACMLN_PYTHON"], str(SCRIPT)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == ANSWERS.keys()
    for name, own in found.items():
        assert own.keys() == ANSWERS[name].keys()
        for key, values in own.items():
            assert values == pytest.approx(ANSWERS[name][key], abs=CLOSE), name
