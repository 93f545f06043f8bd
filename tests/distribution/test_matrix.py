"""What users install, in clean environments: the core alone, each plugin alone, all together, and bad company."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.release.projects import PLUGINS

from distribution.environments import needed
from imle.plugins.known import KNOWN

SMOKE = str(Path(__file__).with_name("smoke.py"))
OK = {f"{distribution}/{solver_id}": "ok" for solver_id, distribution in KNOWN.items()}

CORE = """
import imle, torch
torch.manual_seed(0)
layer = imle.layer(lambda scores: torch.nn.functional.one_hot(scores.argmax(1), scores.shape[1]), nb_samples=8)
scores = torch.zeros(2, 3, requires_grad=True)
layer(scores)[:, 0].sum().backward()
print(bool(scores.grad.isfinite().all() and scores.grad.any()))
try:
    imle.layer("topk", k=2)
except imle.errors.UnknownSolverError as error:
    print(error.message, "|", error.hint)
"""

COMPANY = """
import imle, torch
scores = torch.tensor([[1.0, 3.0, 2.0]])
print(imle.layer("imle-topk/topk", k=2).eval()(scores).tolist())
print(imle.layer("fixture-argmax").eval()(scores).tolist())
for name in ("topk", "fixture-broken", "fixture-future"):
    try:
        imle.layer(name, k=2)
    except imle.errors.SolverUnavailableError as error:
        print(error.message)
"""


LIBRARIES = ("imle-linear", "imle-gallery")
"""Distributions without solvers: what others build on, and what brings commands."""


def solvers_of(*distributions: str) -> dict[str, str]:
    return {name: state for name, state in OK.items() if name.partition("/")[0] in distributions}


def test_the_core_without_any_plugin(installed):
    core = installed()
    assert core.solvers() == {}
    assert "none installed: pip install imle-topk is the smallest one" in core.run("imle", "doctor")
    core.run("imle", "demo", code=1)
    assert core.run("python", "-c", CORE).splitlines() == [
        "True",
        "unknown solver 'topk': it is not installed | pip install imle-topk",
    ]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_alone(installed, wheels, plugin):
    """With what it declares to need, and nothing else: other plugins only if it builds on them."""
    below = sorted(needed([wheels[plugin]]) & set(PLUGINS))
    alone = installed(plugin, *below)
    assert alone.solvers() == solvers_of(plugin, *below)
    own = list(solvers_of(plugin))
    assert own or plugin in LIBRARIES
    assert alone.run("python", SMOKE, *own).splitlines() == own


def test_the_gallery_alone(installed, tmp_path):
    """Its commands, the files that come with its wheel among them."""
    alone = installed("imle-gallery", "imle-networkx")
    assert "Sample paths on a map" in alone.run("imle", "demo", "--help")
    alone.run("imle", "gallery", "--quick", "--only", "noise", "--out", str(tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"index.html", "results.json", "sum-of-gamma.png"}


def test_all_together(installed):
    together = installed(*PLUGINS)
    together.pip("check")
    assert together.solvers() == OK
    doctor = together.json("doctor")
    assert (doctor["problems"], doctor["warnings"]) == ([], [])
    one_each = [next(iter(solvers_of(plugin))) for plugin in PLUGINS if plugin not in LIBRARIES]
    assert together.run("python", SMOKE, *one_each).splitlines() == one_each  # in one process


def test_with_broken_clashing_incompatible_and_slow_plugins(installed):
    company = installed(
        "imle-topk",
        "imle-fixture-good",
        "imle-fixture-broken",
        "imle-fixture-clashing",
        "imle-fixture-incompatible",
        "imle-fixture-slow",
    )
    assert company.solvers() == {
        "imle-topk/topk": "conflict",
        "imle-fixture-clashing/topk": "conflict",
        "imle-fixture-good/fixture-argmax": "ok",
        "imle-fixture-broken/fixture-broken": "broken",
        "imle-fixture-incompatible/fixture-future": "incompatible api",
        "imle-fixture-slow/fixture-slow": "ok",
    }
    doctor = company.json("doctor", code=1)
    assert {problem["subject"].partition("/")[2] for problem in doctor["problems"]} == {
        "topk",
        "fixture-broken",
        "fixture-future",
    }
    # on a loaded machine others may be slow, too
    (slow,) = (warning for warning in doctor["warnings"] if warning["subject"].startswith("imle-fixture-slow: "))
    assert "imports torch" in slow["text"]
    assert company.run("python", "-c", COMPANY).splitlines() == [
        "[[0.0, 1.0, 1.0]]",
        "[[0.0, 1.0, 0.0]]",
        "solver 'topk': the id is claimed by imle-fixture-clashing and imle-topk",
        "solver 'fixture-broken' of imle-fixture-broken cannot be used (broken): "
        "RuntimeError: this plugin breaks on purpose",
        "solver 'fixture-future' of imle-fixture-incompatible cannot be used (incompatible api): "
        "made for plugin api 99, this imle has 1",
    ]
