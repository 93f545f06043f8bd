"""Explanations against worlds that are changed by hand and evaluated anew."""

from __future__ import annotations

import itertools
import json
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner

import imle_mln
from imle.cli.group import GlobalOptions, imle
from imle.errors import InstanceError, SolveError
from imle_mln.truths import Evaluator
from support.random_mln import Draw

PROGRAM = """person = {Ann, Ben, Cat}
job = {Nurse, Pilot}
*Friends(person, person)
Smokes(person)
Job(person, job!)
-0.4 Smokes(x)
1.1 Friends(x,y) ^ Smokes(x) => Smokes(y)
0.5 Smokes(x) ^ Job(x,Pilot)
Smokes(Ann).
"""
EVIDENCE = "Friends(Ann,Ben)\nFriends(Ben,Cat)\n"


def scored(found, worlds):
    """Scores `[N]` of worlds, -inf where something hard does not hold."""
    network = found.problem.grounding.network
    evaluated = Evaluator(network)(np.asarray(worlds))
    scores = evaluated.counts @ found.weights + np.asarray(worlds) @ found.unary
    return np.where(evaluated.violated + evaluated.broken > 0, -np.inf, scores)


def changed(found, literals):
    names = list(found.problem.grounding.atoms.names)
    world = found.world.copy()
    for literal in literals:
        world[names.index(literal.lstrip("!"))] = not literal.startswith("!")
    return world


def results(many):
    done = 0
    for seed in itertools.count():
        try:
            text, _ = Draw(seed).program()
            found = imle_mln.map_inference(text)
        except (InstanceError, SolveError):
            continue
        if not 0 < len(found.world) <= 10:
            continue
        yield found
        done += 1
        if done == many:
            return


def test_costs_reasons_and_best_states_are_those_of_changed_worlds():
    forced = several = 0
    for found in results(120):
        atoms = found.problem.grounding.atoms.names
        for name in atoms:
            told = found.explain(name)
            here, there = scored(found, [found.world, changed(found, told.instead)])
            assert told.truth == bool(found.world[atoms.index(name)])
            assert any(literal.lstrip("!") == name for literal in told.instead)
            if told.forced:
                forced += 1
                assert told.cost == np.inf == here - there
            else:
                assert told.cost == pytest.approx(here - there, abs=1e-9)
                assert sum(reason.gain for reason in told.reasons) + told.unary == pytest.approx(told.cost, abs=1e-9)
                assert told.cost >= -1e-9, "the world is a best one"
        best = found.best_states(atoms[0], 4)
        own = list(best[0].atoms)
        every = [
            changed(found, [("" if bit else "!") + name for name, bit in zip(own, bits, strict=True)])
            for bits in itertools.product((False, True), repeat=len(own))
        ]
        scores = scored(found, every)
        here = scored(found, [found.world])[0]
        wanted = np.sort(here - scores[np.isfinite(scores)])[:4]
        assert [one.cost for one in best] == pytest.approx(wanted.tolist(), abs=1e-9)
        several += len(own) > 2
        violated = sum(one.cost for one in found.violated(10_000))
        clause = found.problem.grounding.network.clause_weights(found.weights)
        ideal = np.maximum(clause, 0).sum()
        truths = Evaluator(found.problem.grounding.network)(found.world[None]).truths[0]
        assert violated == pytest.approx(ideal - clause[truths].sum(), abs=1e-9)
    assert min(forced, several) > 20


def test_an_explanation_reads_well():
    found = imle_mln.map_inference(PROGRAM, EVIDENCE)
    assert str(found.explain("Smokes(Ben)")) == (
        "Smokes(Ben) is true; !Smokes(Ben) instead would cost 1.2\n"
        "        +1.1  Friends(x,y) ^ Smokes(x) => Smokes(y) (+1)\n"
        "        +0.5  Smokes(x) ^ Job(x,Pilot) (+1)\n"
        "        -0.4  Smokes(x) (+1)"
    )
    assert str(found.explain("Smokes(Ann)")).splitlines()[:2] == [
        "Smokes(Ann) is true; !Smokes(Ann) instead would break a hard formula",
        "        hard  Smokes(Ann)",
    ]
    assert found.explain("Job(Ben, Nurse)").instead == ("Job(Ben,Nurse)", "!Job(Ben,Pilot)")
    assert [one.text for one in found.violated(2)] == ["!Smokes(Ann)", "!Smokes(Ben)"]
    quoted = imle_mln.map_inference('n = {A, "b  c"}\nP(n)\n1 P(x)\n').explain('P ( "b  c" )')
    assert quoted.atom == 'P("b  c")'
    with_unary = imle_mln.map_inference(PROGRAM, EVIDENCE, unary=[0, 2.0, 0, *[0] * 6])
    assert "+2  unary" in str(with_unary.explain("Smokes(Ben)"))


def test_best_states_of_few_atoms_take_little_memory_in_large_networks():
    found = imle_mln.map_inference("n = {1,...,20000}\nk = {1,...,12}\nP(n)\nQ(k)\n-1 P(x)\n-1 Q(x) ^ Q(y)\n")
    found.explain("Q(1)")
    tracemalloc.start()
    best = found.best_states("Q(1)", 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.cost for one in best] == [0, 1, 1]
    assert list(best[0].atoms) == [f"Q({k})" for k in range(1, 13)]
    assert peak < 20e6, "4,096 states of 20,012 atoms take 80 MB"


def test_what_cannot_be_explained_is_said():
    found = imle_mln.map_inference(PROGRAM, EVIDENCE)
    with pytest.raises(InstanceError, match=r"an open atom, found 'Friends\(Ann,Ben\)', which evidence decides"):
        found.explain("Friends(Ann,Ben)")
    with pytest.raises(InstanceError, match="did you mean"):
        found.explain("Smoke(Ann)")
    chain = imle_mln.map_inference("n = {1,...,20}\nP(n)\n1 P(x) ^ P(y)\n")
    with pytest.raises(InstanceError, match="at most 65,536 states"):
        chain.best_states("P(1)")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "p.mln").write_text(PROGRAM)
    (tmp_path / "e.db").write_text(EVIDENCE)
    (tmp_path / "t.db").write_text(EVIDENCE + "Smokes(Ann)\nJob(Ann,Nurse)\nJob(Ben,Pilot)\nJob(Cat,Pilot)\n")
    return [str(tmp_path / name) for name in ("p.mln", "e.db", "t.db")]


def run(*args):
    return CliRunner().invoke(imle, ["mln", *args], obj=GlobalOptions())


def test_explain_on_the_command_line(files):
    program, evidence, _ = files
    told = run("explain", program, evidence, "--atom", "Smokes(Ben)")
    assert told.exit_code == 0
    assert told.stdout == str(imle_mln.map_inference(PROGRAM, EVIDENCE).explain("Smokes(Ben)")) + "\n"
    (one,) = json.loads(run("explain", program, evidence, "-a", "Smokes(Ben)", "--json").stdout)
    assert one["cost"] == pytest.approx(1.2)
    (forced,) = json.loads(run("explain", program, evidence, "-a", "Smokes(Ann)", "--json").stdout)
    assert forced["cost"] is None, "JSON has no infinity"
    assert run("explain", program, evidence, "--most", "1").stdout.split() == ["0.4", "!Smokes(Ann)"]
    assert json.loads(run("explain", program, evidence, "--json").stdout)[0] == {"text": "!Smokes(Ann)", "cost": 0.4}


def test_marginals_on_the_command_line(files):
    program, evidence, _ = files
    exact = imle_mln.marginals(PROGRAM, EVIDENCE)
    listed = dict(reversed(line.split("  ")) for line in run("marginals", program, evidence).stdout.splitlines())
    assert {atom: float(chance) for atom, chance in listed.items()} == pytest.approx(
        dict(zip(exact.atoms, exact.probabilities, strict=True)), abs=1e-6
    )
    found = json.loads(run("marginals", program, evidence, "-q", "Job", "--json").stdout)
    assert found["log_partition"] == pytest.approx(exact.log_partition)
    assert all(atom.startswith("Job") for atom in found["marginals"])
    sampled = run("marginals", program, evidence, "-m", "perturb-and-map", "--samples", "20")
    assert "another model" in sampled.stderr
    chained = run("marginals", program, evidence, "-m", "gibbs", "--samples", "200")
    assert " ± " in chained.stdout
    again = run("marginals", program, evidence, "-m", "gibbs", "--samples", "200", "--seed", "1")
    assert again.stdout != chained.stdout
    assert "R-hat 1.0" in chained.stderr


def test_learning_on_the_command_line(files, tmp_path):
    program, _, data = files
    found = imle_mln.learn(PROGRAM, (tmp_path / "t.db").read_text())
    told = run("learn", program, data)
    assert told.exit_code == 0
    assert told.stdout == imle_mln.program_text(found.program)
    assert "log-likelihood" in told.stderr
    written = run("learn", program, data, "-o", str(tmp_path / "l.mln"))
    assert written.stdout.splitlines()[0].split() == ["weight", "±", "formula"]
    assert (tmp_path / "l.mln").read_text() == told.stdout
    rows = json.loads(run("learn", program, data, "--json").stdout)["formulas"]
    assert [row["weight"] for row in rows] == pytest.approx(found.weights.tolist())
    assert "--method" in run("learn", "--help").stdout
    assert run("learn", data, program).exit_code == 2
    endless = run("learn", program, data, "--no-prior")
    assert isinstance(endless.exception, InstanceError)
