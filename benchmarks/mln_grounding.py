"""Markov Logic Networks: grounding, and text to proven MAP, against nested loops, fixed bounds and pracmln

Values are compared before anything is timed. A bound on features per second is shown as seconds. pracmln runs in a
Python 3.8 of its own, or is skipped with a message: see `benchmarks/pracmln.py`.
"""

from __future__ import annotations

import numpy as np

import imle_mln
from benchmarks import pracmln
from benchmarks.harness import Claim, race
from benchmarks.mln_models import ADVISORS, PAPERS, SMOKERS, TRANSITIVITY, citations, department, smokers
from benchmarks.mln_references import PlainMIP, bound, by_loops, smokers_by_hand
from imle_mln.grounding import ground
from imle_mln.solver import MLNSolver
from imle_mln.truths import Evaluator


def grounding() -> list[Claim]:
    small, large = (imle_mln.parse_program(TRANSITIVITY.format(n=n)) for n in (20, 100))
    program = imle_mln.parse_program(SMOKERS)
    database = imle_mln.parse_database(smokers(10_000), program)
    people = [str(k) for k in range(1, 21)]
    found, (merged, _) = ground(small).network, by_loops("transitivity", people, {}, "")
    assert len(found.clauses) == len(merged)
    assert found.count_values.sum() == sum(merged.values())
    times = race(
        {
            "20": lambda: ground(small),
            "loops": lambda: by_loops("transitivity", people, {}, ""),
            "100": lambda: ground(large),
            "smokers": lambda: ground(program, database),
        },
        rounds=5,
    )
    results = [Claim("ground transitivity, 20 people, vs nested loops", times["20"], times["loops"], target=3)]
    for name, key, network in (
        ("transitivity, 100 people", "100", ground(large).network),
        ("smokers-friends-cancer, 10,000 people", "smokers", ground(program, database).network),
    ):
        features = len(network.clauses)
        per_second = f"{features / times[key] / 1e6:.2g} M/s"
        results.append(
            bound(f"ground {name}: {features:,} merged", times[key], features / 1e6, f"bound 1 M/s, now {per_second}")
        )
    return results


def from_text() -> list[Claim]:
    """Text to proven MAP."""
    few, many, staff, papers = smokers(100), smokers(1000), department(70), citations(10_000)

    def proven(program: str, evidence: str) -> imle_mln.MAPState:
        state = imle_mln.map_inference(program, evidence)
        assert state.status.name == "OPTIMAL"
        assert state.gap < 1e-6
        return state

    for program, evidence in ((SMOKERS, many), (PAPERS, papers)):
        state = proven(program, evidence)
        network, weights = state.problem.grounding.network, state.problem.grounding.formulas.weights
        assert np.isclose(state.score, PlainMIP(network, weights).solve(np.zeros(network.atoms)), rtol=1e-4)
    assert np.isclose(proven(SMOKERS, few).score, smokers_by_hand(few), rtol=1e-4)
    times = race(
        {
            "100": lambda: proven(SMOKERS, few),
            "hand": lambda: smokers_by_hand(few),
            "1,000": lambda: proven(SMOKERS, many),
        },
        rounds=9,
    )
    slow = race({"staff": lambda: proven(ADVISORS, staff), "papers": lambda: proven(PAPERS, papers)}, rounds=2)
    return [
        bound("smokers, 100 people, text to MAP", times["100"], 0.1, "bound 0.1 s"),
        Claim("smokers, 100 people, vs nested loops and highspy", times["100"], times["hand"], target=3),
        bound("smokers, 1,000 people, text to MAP", times["1,000"], 0.3, "bound 0.3 s"),
        bound(f"advisors, 70 people, {features(ADVISORS, staff)}", slow["staff"], 15.0, "bound 15 s"),
        bound(f"10,000 papers, {features(PAPERS, papers)}", slow["papers"], 8.0, "bound 8 s"),
    ]


def features(program: str, evidence: str) -> str:
    count = len(MLNSolver().prepare(program, evidence).grounding.network.clauses)
    return f"{count:,} merged features"


def against_pracmln() -> list[Claim]:
    """Smokers, text to MAP with the same optimum; nothing where pracmln is not installed."""
    python = pracmln.interpreter()
    if python is None:
        return []
    results = []
    for people in (20, 50, 100):
        evidence = smokers(people)
        theirs = pracmln.best_of(python, SMOKERS, evidence, rounds=1)
        found = imle_mln.map_inference(SMOKERS, evidence)
        same = Evaluator(found.problem.grounding.network)(theirs.state(found.atoms)[None])
        weights = found.problem.grounding.formulas.weights
        assert np.isclose(float((same.counts @ weights)[0]), found.score, rtol=1e-6), (people, found.score)
        ours = race({"ours": lambda text=evidence: imle_mln.map_inference(SMOKERS, text)}, rounds=5)["ours"]
        results.append(Claim(f"smokers, {people} people, text to MAP, vs pracmln", ours, theirs.seconds, target=100))
    return results


def notes() -> list[str]:
    return [] if pracmln.interpreter() else [pracmln.SKIPPED]


def claims() -> list[Claim]:
    return [*grounding(), *from_text(), *against_pracmln()]
