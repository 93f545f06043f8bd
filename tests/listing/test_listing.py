"""What `imle.list_solvers`, `imle.list_estimators` and `imle.info` return: objects, texts and HTML."""

from __future__ import annotations

import copy
import json
import pickle
import re

import pytest
import torch

import imle
from imle.cli import main
from imle.errors import UnknownSolverError
from imle.plugins import PluginState, solvers
from support.html import parsed


def test_a_list_of_solvers_is_a_sequence():
    found = imle.list_solvers()
    assert len(found) == len(list(found)) == len(solvers())
    assert found[0] is solvers()[0]
    assert found["topk"] is found["imle-topk/topk"]
    assert found["topk"].spec.problem == "k-subset"
    assert found.ids == [record.id for record in found]
    with pytest.raises(KeyError):
        found["nothing"]


def test_words_are_searched_in_all_that_is_said():
    assert imle.list_solvers("knapsack", available=True).ids == ["knapsack"]
    assert imle.list_solvers("K-SUBSET largest").ids == imle.list_solvers("*opk").ids == ["topk"]
    of_one = set(imle.list_solvers(problem="Shortest path").ids)
    assert set(imle.list_solvers("shortest path").ids) == {*of_one, "k-shortest-paths"}
    assert "highs-lp" in imle.list_solvers("highspy", "A_ub").ids
    assert not imle.list_solvers("knapsack", "tree")


def test_gradient_rules_are_listed_likewise():
    assert imle.list_estimators("berthet").ids == ["perturbed"]
    assert imle.list_estimators("perturbed*").ids == ["perturbed", "perturbed-multiplicative"]
    assert imle.list_estimators()["blackbox"].spec.stochastic is False


def test_the_command_line_prints_these_objects(capsys):
    for arguments, shown in {
        ("list-solvers", "tree"): imle.list_solvers("tree"),
        ("list-estimators", "simple"): imle.list_estimators("simple"),
        ("info", "topk"): imle.info("topk"),
        ("info", "aimle"): imle.info("aimle"),
    }.items():
        main(arguments)
        words = capsys.readouterr().out.split()
        assert set(str(shown).split()) - {"·"} <= set(words)
        main([*arguments, "--json"])
        (name,) = (answer := json.loads(capsys.readouterr().out)).keys() - {"schema"}
        assert answer[name] == json.loads(json.dumps(shown.as_json()))


def test_all_about_a_solver_is_an_attribute():
    found = imle.info("TopK")
    assert (found.id, found.problem, found.state) == ("topk", "k-subset", PluginState.OK)
    assert [parameter.name for parameter in found.instance] == ["k"]
    exec(found.example, {})
    with pytest.raises(AttributeError):
        found.nothing  # noqa: B018  # asked for
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other == found


def test_all_about_a_rule():
    found = imle.info("score_function")
    assert (found.id, found.solves) == ("score-function", 0)
    assert "Williams 1992" in repr(found)


def test_an_id_of_nothing():
    with pytest.raises(UnknownSolverError, match=r"unknown solver 'tpok'; did you mean topk\?"):
        imle.info("tpok")


def test_rows_that_may_differ_are_told_apart():
    text = repr(imle.info("networkx-shortest-path"))
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")}
    assert "together" in lines["source"]
    assert "in groups" in lines["graph"] or "in groups" in text


def diagnosis():
    layer = imle.layer("topk", k=1, temperature=0.0, estimator=imle.estimators.IMLE(beta=0.1))
    return imle.diagnose(layer, torch.tensor([[2.0, 0.0]]), lambda z: z[..., 0].sum(), draws=2)


def calibration():
    return imle.calibrate(imle.layer("topk", k=1), torch.tensor([[2.0, 0.0, 1.0]]), entropy=0.5, nb_samples=8)


REPORTS = [
    imle.list_solvers,
    imle.list_estimators,
    lambda: imle.info("topk"),
    lambda: imle.info("mln-map"),
    diagnosis,
    calibration,
]


@pytest.mark.parametrize("shown", REPORTS)
def test_html_has_the_words_of_the_text(shown):
    found = shown()
    html = found._repr_html_()
    words = " ".join(parsed(html).texts).split()
    assert {word for word in repr(found).split() if word.isalnum()} <= set(words)
    assert repr(found) == str(found)
    assert not re.search(r"[^-]color:(?!inherit)", html)  # texts have the colour of the page, light or dark


def test_html_of_plugins_texts_is_escaped(only, site):
    only("good")
    plugin = site / "imle_fixture_good" / "plugin.py"
    wild = "<script>alert(1)</script>&"
    plugin.write_text(
        plugin.read_text()
        .replace("The largest of n scores", wild)
        .replace('licence="MIT"', f'licence="MIT", url=\'"><img src=x onerror=alert(1)>\', aliases=("{wild}",)')
    )
    for shown in (imle.list_solvers(), imle.info("fixture-argmax")):
        html = shown._repr_html_()
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert "<img" not in html


def test_broken_plugins_are_listed_with_what_mends_them(only):
    only("broken", "missing-dependency")
    found = imle.list_solvers()
    assert [record.state.value for record in found] == ["broken", "missing dependency"]
    assert "fix: pip install imle-fixture-missing installs what it needs" in str(found)
    assert "pip install imle-fixture-missing installs what it needs" in found._repr_html_()
    assert not imle.list_solvers(available=True)
