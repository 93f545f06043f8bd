"""The peers solve the same problem, as often, with the same estimator."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import torch
from benchmarks.peers import contest, pictures, roster, rows, workloads
from benchmarks.peers.by_pyepo import PyEPO
from benchmarks.peers.contest import DisagreementError, Outcome, Step, Training
from benchmarks.peers.loop import Loop
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Spent
from benchmarks.peers.scaling import Curve

SMALL = {"batch": 2, "samples": 2}
WORKS = {
    "paths": lambda: replace(workloads.paths(3, rows=20), **SMALL),
    "knapsack": lambda: replace(workloads.knapsack(), **SMALL),
    "tiles": lambda: replace(workloads.tiles(4), **SMALL),
}


@pytest.fixture(params=WORKS)
def work(request):
    return WORKS[request.param]()


def test_all_that_are_installed_find_solutions_of_the_same_value(work):
    peers = roster.contestants(work)
    assert len(peers) >= 2
    contest.check_same_answers(work, peers, contest.probes(work)[::4])


def test_a_solver_with_a_sign_error_is_found_out():
    work = WORKS["paths"]()

    def longest(work):
        solve = rows.networkx(work)
        return lambda costs: solve(-costs)

    peers = {"imle": Ours(work), "longest": Loop("longest", longest, work)}
    with pytest.raises(DisagreementError, match=r"shortest path 3x3: row \d+: imle finds .*, longest one worth"):
        contest.check_same_answers(work, peers, contest.probes(work))


def test_all_solve_as_many_rows_in_a_step(work):
    for name, peer in roster.contestants(work).items():
        spent = Training(work, peer).timed().spent
        assert spent.solves == work.solves == 8, name
        assert spent.noise > 0
        assert spent.solve > 0


def test_a_contestant_that_solves_other_rows_stops_the_race():
    work = WORKS["paths"]()
    with pytest.raises(DisagreementError, match="imle: expected 12 solves in a step, found 8"):
        contest.race_steps(replace(work, samples=3), {"imle": Ours(work)})


def gradients(work, peer):
    untied = 1 + 0.01 * torch.rand(work.objectives[:8].shape, generator=torch.Generator().manual_seed(0))
    objectives = (work.objectives[:8] * untied).requires_grad_()
    (peer.layer(objectives) * work.objectives[8:16]).sum().backward()
    return objectives.grad


def without_noise(work):
    peer = Ours(work)
    peer.solver_layer.temperature = peer.solver_layer.target_temperature = 0.0
    return peer


def test_the_loops_gradient_is_ours_but_for_the_scale(work, monkeypatch):
    monkeypatch.setattr("benchmarks.original_style.gamma_loop", lambda shape, kappa, terms: torch.zeros(shape))
    solver = rows.dijkstra if isinstance(work.problem, workloads.Tiles) else rows.pulp_cbc
    expected = gradients(work, without_noise(work))
    assert expected.any()
    torch.testing.assert_close(gradients(work, Loop("loop", solver, work)) / workloads.LAMBDA, expected)


@pytest.mark.parametrize("name", ["paths", "knapsack"])
def test_pyepos_gradient_is_ours(name):
    pytest.importorskip("pyepo", reason="pip install -r benchmarks/requirements.txt")
    work = WORKS[name]()
    theirs = PyEPO(work, "ortools")
    theirs.module.sigma = 0.0
    torch.testing.assert_close(gradients(work, theirs), gradients(work, without_noise(work)))


def test_training_helps(work):
    judge = Ours(work)
    work = replace(work, batch=8, steps=20)
    torch.manual_seed(0)
    untrained = contest.regret(work, workloads.seeded(work), judge)
    assert contest.regret_after_training(work, Ours(work), judge) < untrained


def test_who_is_not_installed_is_excused_by_name():
    entry = roster.Entry("Somebody", ("no_such_package", "torch"), Ours)
    assert entry.missing == ["no_such_package"]
    assert entry.excuse.startswith("skipped: Somebody: not installed: no_such_package; `pip install -r")


def test_the_parts_of_a_step_add_up():
    step = Step(total=1.0, spent=Spent(8, noise=0.25, solve=0.5))
    assert step.overhead == 0.25


def test_both_pictures_show_every_contestant(tmp_path):
    names = list(pictures.LOOKS)
    found = {name: Outcome(Step(0.1, Spent(8, 0.02, 0.05)), regret=None) for name in names}
    curve = Curve("paths", "batch B", {name: [(4, 0.001), (16, 0.004)] for name in names})
    drawn = pictures.draw(tmp_path, {"paths": found}, [curve])
    assert [figure.file for figure in drawn] == ["peers-split.svg", "peers-scaling.svg"]
    for figure in drawn:
        text = "".join(ET.parse(tmp_path / figure.file).getroot().itertext())
        assert all(name in text for name in names)
