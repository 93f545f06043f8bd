"""Gradient rules of third parties: found, listed, isolated, used."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys

import pytest
import torch

import imle
from fixtures.install import lay_out, write_dist_info
from imle.cli import main
from imle.errors import OptionError, PluginError, SolverUnavailableError
from imle.estimators import AIMLE, Estimator, estimator_by_name
from imle.plugins import EstimatorSpec, PluginState, estimators, registry
from imle.plugins.estimators import OWN


@pytest.fixture
def third_party(site):
    lay_out("estimator", site)
    registry.refresh()
    yield site
    registry.solvers.cache_clear()
    estimators.cache_clear()


def test_the_specs_of_the_core_are_true():
    for spec in OWN:
        rule = estimator_by_name(spec.id)
        assert rule.stochastic is spec.stochastic
        assert rule.name == spec.id


def test_every_rule_of_the_core_is_listed_and_public():
    """What a new file in imle/estimators/ still needs is named here."""
    rules = {
        cls
        for file in pkgutil.iter_modules(imle.estimators.__path__, "imle.estimators.")
        for cls in vars(importlib.import_module(file.name)).values()
        if isinstance(cls, type) and issubclass(cls, Estimator) and not inspect.isabstract(cls)
    }
    assert {f"{cls.__module__}:{cls.__name__}" for cls in rules} == {spec.target for spec in OWN}, "OWN"
    for cls in rules:
        assert getattr(imle.estimators, cls.__name__, None) is cls, f"{cls.__name__} has no import in imle.estimators"
        assert cls.__name__ in imle.estimators.__all__


@pytest.mark.parametrize("spec", [spec for spec in OWN if spec.id != "score-function"], ids=lambda spec: spec.id)
def test_the_number_of_solves_in_a_backward_pass_is_true(spec):
    solver: dict[str, object] = {"solver": "topk", "k": 1}
    if spec.id == "implicit":  # its solutions have to have a derivative
        solver = {"solver": "highs-qp", "Q": torch.eye(4), "bounds": (0, 1)}
    layer = imle.layer(**solver, estimator=spec.id, nb_samples=3 if spec.stochastic else 1)
    out = layer(torch.randn(2, 4, requires_grad=True))
    before = layer.stats.solves
    (out * torch.randn(2, 4)).sum().backward()
    assert layer.stats.solves - before == 2 * layer.nb_samples * spec.solves


def test_a_rule_of_a_plugin_is_used_by_its_name(third_party):
    layer = imle.layer("topk", k=1, estimator="half-identity")
    theta = torch.randn(2, 3, requires_grad=True)
    layer(theta).sum().backward()
    assert (theta.grad == 0.5).all()
    assert type(layer.estimator).__module__ == "imle_fixture_estimator.rules"


def test_names_of_the_core_stay_the_cores(third_party):
    assert type(estimator_by_name("aimle")) is AIMLE
    assert type(estimator_by_name("imle-fixture-estimator/aimle")).__name__ == "HalfIdentity"
    (record,) = [r for r in estimators() if r.qualified_id == "imle-fixture-estimator/aimle"]
    assert record.state is PluginState.CONFLICT
    assert record.reason == "imle itself has an estimator 'aimle'"


def test_what_cannot_be_used_says_why(third_party):
    with pytest.raises(SolverUnavailableError, match="cannot find the module imle_fixture_nowhere"):
        imle.layer("topk", k=1, estimator="far-away")
    with pytest.raises(PluginError, match="NotARule is not a subclass"):
        imle.layer("topk", k=1, estimator="no-rule")
    with pytest.raises(OptionError, match="unknown estimator 'half-identiti'; did you mean 'half-identity'"):
        imle.layer("topk", k=1, estimator="half-identiti")


def test_a_broken_plugin_disturbs_nobody(third_party):
    write_dist_info(third_party, "imle-fixture-bad", "1.0", entry_points="[imle.estimators]\nbad = imle_fixture_bad")
    (third_party / "imle_fixture_bad.py").write_text("raise SystemExit(3)")
    registry.refresh()
    states = {record.id: record.state for record in estimators()}
    assert states["bad"] is PluginState.BROKEN
    assert states["half-identity"] is PluginState.OK
    assert states["imle"] is PluginState.OK


def test_switches_of_the_environment_hold_for_estimators(third_party, monkeypatch):
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "imle-fixture-estimator")
    registry.refresh()
    (record,) = [record for record in estimators() if record.distribution == "imle-fixture-estimator"]
    assert record.state is PluginState.DISABLED
    assert "imle_fixture_estimator.plugin" not in sys.modules


def test_the_listing(third_party, capsys):
    assert main(["list-estimators"]) == 0
    out = capsys.readouterr().out
    assert all(spec.id in out for spec in OWN)
    assert "half-identity" in out
    assert "imle itself has an estimator" in " ".join(out.split())
    assert main(["list-estimators", "half*", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["estimators"]
    assert (row["id"], row["status"], row["solves"]) == ("half-identity", "ok", 0)
    assert main(["list-estimators", "zzz"]) == 0
    assert "no estimator matches 'zzz'" in capsys.readouterr().err


def test_finding_estimators_imports_no_torch(run_python):
    assert run_python("import sys, imle; imle.plugins.estimators(); print('torch' in sys.modules)") == "False"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "Upper"}, "lower-case words"),
        ({"target": "nowhere"}, "package.module:Class"),
        ({"solves": -1}, "expected an int >= 0"),
        ({"summary": "two\nlines"}, "expected one line"),
        ({"requires": "torch"}, "a tuple of str"),
    ],
)
def test_bad_specs(change, message):
    fields = {"id": "fine", "summary": "s", "target": "a.b:C", "solves": 1, **change}
    with pytest.raises(PluginError, match=message):
        EstimatorSpec(**fields)
