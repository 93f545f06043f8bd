"""A run of benchmark modules: nothing that one of them does costs the others their results."""

from __future__ import annotations

import importlib
import io
from dataclasses import replace

import pytest
from benchmarks.__main__ import MODULES
from benchmarks.results import load
from benchmarks.running import INTERRUPTED, Run, documented
from rich.console import Console

CLAIM = "Claim('{name}', ours=1.0, reference={reference}, target=2.0)"
MODULE = (
    '''"""What {name} measures.

How it does so.
"""
from benchmarks.harness import Claim


def claims():
    {before}
    yield '''
    + CLAIM
)

KINDS = {
    "fast": ("pass", 3.0),
    "slow": ("pass", 1.0),
    "broken": ("raise ValueError('no such thing')", 3.0),
    "stopped": ("raise KeyboardInterrupt", 3.0),
}


@pytest.fixture
def run(tmp_path, monkeypatch, request):
    """Make a run of modules of the kinds above; its console's text is in `run.console.file`."""
    package = f"benched_{request.node.name}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, (before, reference) in KINDS.items():
        (folder / f"{name}.py").write_text(MODULE.format(name=name, before=before, reference=reference))
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(*names: str) -> Run:
        return Run(Console(file=io.StringIO(), width=200), names, tmp_path, package)

    return make


def saved(run: Run) -> dict[str, list[str]]:
    return {s.module: [claim.name for claim in s.claims] for s in load(tuple(KINDS), run.results)}


def test_a_good_run_is_saved_and_ends_with_0(run):
    it = run("fast")
    (section,) = it.sections()
    assert (section.title, section.about) == ("What fast measures", "How it does so.")
    assert saved(it) == {"fast": ["fast"]}
    assert it.close() == 0


def test_a_claim_that_is_not_met_is_named_and_ends_with_1(run):
    it = run("slow", "fast")
    assert len(list(it.sections())) == 2
    assert it.close() == 1
    assert "not met: slow 1 s 1 s 1x at least 2x" in it.console.file.getvalue()


def test_a_module_that_fails_keeps_its_earlier_results_and_those_of_others(run):
    (first,) = run("fast").sections()
    it = run("broken", "fast")
    replace(first, module="broken").save(it.results)
    assert [section.module for section in it.sections()] == ["fast"]
    assert saved(it) == {"fast": ["fast"], "broken": ["fast"]}
    assert it.close() == 1
    assert "failed: broken (ValueError: no such thing)" in it.console.file.getvalue()


def test_ctrl_c_keeps_what_was_measured_and_names_the_rest(run):
    it = run("fast", "stopped", "slow")
    assert [section.module for section in it.sections()] == ["fast"]
    assert saved(it) == {"fast": ["fast"]}
    assert it.close() == INTERRUPTED
    assert "interrupted, not measured: stopped, slow" in it.console.file.getvalue()


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_claims_and_says_what_it_measures(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.claims)
    assert all(callable(getattr(module, part, len)) for part in ("tables", "figures", "notes"))
    title, _ = documented(module)
    assert title
    assert title != module.__name__
