"""Some of `make fuzz`: as many instances of each target as a test run has time for."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace

import pytest

from fuzz.families import DRAWS
from fuzz.listed import Listed
from fuzz.running import Tally, attempt, draw, table

SEED = 0 if os.environ.get("CI") else secrets.randbelow(2**31)
"""In CI always the same cases; elsewhere new ones in each run, and failures say which."""
INSTANCES = {
    "programs": 30,
    "graphs": 40,
    "packing": 40,
    "clauses": 40,
    "sequences": 40,
    "routes": 30,
    "quadratic": 40,
    "networks": 30,
}


@pytest.mark.parametrize("target", DRAWS)
def test_no_answer_is_wrong(target):
    tally = Tally()
    for number in range(INSTANCES[target.partition("/")[0]]):
        findings = list(attempt(draw(DRAWS, target, SEED, number), tally, target, SEED, number))
        assert not findings, str(findings[0])
    assert tally.rows
    assert f"{target}  " in table({target: tally})


def test_a_finding_is_a_program_that_shows_it(capsys):
    """A row whose answer is taken out of the list of solutions is found, and the lines that are printed show it."""
    case = next(
        case
        for number in range(50)
        if (case := draw(DRAWS, "graphs/spanning-tree", 1, number)).way == "prepared" and not case.refusable
    )
    truth = case.truths[0]
    assert isinstance(truth, Listed)
    solution = case.run(case.build()).solutions[3]
    others = truth.points[(truth.points != solution).any(axis=1)]
    broken = replace(case, truths=[Listed(others)], objectives=case.objectives[3:4])
    tally = Tally()
    (finding,) = attempt(broken, tally, "graphs/spanning-tree", 1, 0)
    assert tally.wrong == 1
    assert f"the solution {solution.tolist()} is not feasible: no such solution" in str(finding)
    exec(finding.snippet, {})
    assert str(solution.astype(int).tolist()) in capsys.readouterr().out


def test_cases_are_the_same_for_the_same_numbers():
    one, same, other = (draw(DRAWS, "programs/highs-ilp", 5, number) for number in (3, 3, 4))
    assert one.snippet() == same.snippet() != other.snippet()
