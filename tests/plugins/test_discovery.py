"""Discovery: every plugin ends in one state, with a reason and a fix, and none stops another."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import imle
from fixtures.install import write_dist_info
from imle.errors import PluginError, SolverUnavailableError, UnknownSolverError
from imle.plugins import PluginState, SolverRecord, discovery, installed, registry
from imle.plugins.discovery import discover, strays
from imle.plugins.spec import Capabilities, Parameter, SolverSpec

EVERYTHING = ("good", "broken", "clashing", "incompatible", "missing-dependency", "imle-topk")
PLAIN = {"id": "solver", "summary": "One line", "problem": "kind", "sense": "max", "target": "module:Class"}


def states(records):
    return {record.qualified_id: record.state.value for record in records}


def test_every_plugin_ends_in_its_state_whatever_the_others_do(install):
    assert states(discover({"IMLE_DISABLE_PLUGINS": "imle-networkx"}, install(*EVERYTHING))) == {
        "imle-fixture-broken/fixture-broken": "broken",
        "imle-fixture-clashing/topk": "conflict",
        "imle-fixture-good/fixture-argmax": "ok",
        "imle-fixture-incompatible/fixture-future": "incompatible api",
        "imle-fixture-missing/fixture-missing": "missing dependency",
        "imle-topk/topk": "conflict",
    }


def test_records_are_sorted_and_say_where_they_come_from(install):
    records = discover({}, install(*EVERYTHING))
    assert [record.id for record in records] == sorted(record.id for record in records)
    (good,) = [record for record in records if record.id == "fixture-argmax"]
    assert good.distribution == "imle-fixture-good"
    assert good.version == "1.2"
    assert good.entry_point == "fixture-argmax = imle_fixture_good.plugin"
    assert (good.reason, good.fix) == ("", "")
    assert good.load_seconds > 0
    assert good.heavy_imports == ()


def test_reasons_and_fixes(install):
    told = {record.qualified_id: (record.reason, record.fix) for record in discover({}, install(*EVERYTHING))}
    assert told["imle-fixture-broken/fixture-broken"] == (
        "RuntimeError: this plugin breaks on purpose",
        "IMLE_PLUGINS_STRICT=1 imle --debug list-solvers shows the traceback; then upgrade imle-fixture-broken",
    )
    assert told["imle-fixture-incompatible/fixture-future"] == (
        "made for plugin api 99, this imle has 1",
        "pip install --upgrade imle",
    )
    assert told["imle-fixture-missing/fixture-missing"] == (
        "cannot find the module imle_fixture_absent_backend",
        "pip install imle-fixture-missing installs what it needs",
    )
    conflict = (
        "the id is claimed by imle-fixture-clashing and imle-topk",
        "use imle-fixture-clashing/topk or imle-topk/topk",
    )
    assert told["imle-fixture-clashing/topk"] == told["imle-topk/topk"] == conflict


def test_reading_plugins_imports_no_solver(install):
    discover({}, install("good", "clashing"))
    assert "imle_fixture_good.plugin" in sys.modules
    assert "imle_fixture_good.argmax" not in sys.modules


@pytest.mark.parametrize("name", ["imle-fixture-good", "imle_fixture.GOOD", "fixture-argmax", "other, fixture_argmax"])
def test_deny_list_names_distributions_or_entry_points_in_any_spelling(install, name):
    (record,) = discover({"IMLE_DISABLE_PLUGINS": name}, install("good"))
    assert record.state is PluginState.DISABLED
    assert record.reason == "named in IMLE_DISABLE_PLUGINS"
    assert record.fix == "take it out of IMLE_DISABLE_PLUGINS"
    assert "imle_fixture_good" not in sys.modules, "a disabled plugin was loaded all the same"


def test_allow_list(install):
    records = discover({"IMLE_PLUGINS": "imle-fixture-good"}, install("good", "broken"))
    assert states(records) == {
        "imle-fixture-broken/fixture-broken": "disabled",
        "imle-fixture-good/fixture-argmax": "ok",
    }
    assert records[1].fix == "add fixture-broken to IMLE_PLUGINS"
    assert "imle_fixture_broken" not in sys.modules


def test_names_in_the_lists_that_nobody_has(install):
    points = install("good")
    (record,) = discover({"IMLE_PLUGINS": "fixture-argmaks, imle-topk"}, points)
    assert record.reason == "not named in IMLE_PLUGINS, which names fixture-argmaks: no plugin is called that"
    environ = {"IMLE_PLUGINS": "Fixture_Argmax, tpk", "IMLE_DISABLE_PLUGINS": "zzz imle-topk"}
    assert strays(environ, points) == {"IMLE_PLUGINS": ["tpk"], "IMLE_DISABLE_PLUGINS": ["zzz"]}
    assert strays({"IMLE_PLUGINS": ""}) == {}


def test_empty_allow_list_allows_nothing(install):
    assert [record.state for record in discover({"IMLE_PLUGINS": ""}, install("good"))] == [PluginState.DISABLED]


def test_deny_beats_allow(install):
    both = {"IMLE_PLUGINS": "fixture-argmax", "IMLE_DISABLE_PLUGINS": "fixture-argmax"}
    assert [record.state for record in discover(both, install("good"))] == [PluginState.DISABLED]


def test_strict_raises_with_the_cause(install):
    points = install("broken", "good")
    with pytest.raises(PluginError) as caught:
        discover({"IMLE_PLUGINS_STRICT": "1"}, points)
    assert str(caught.value) == (
        "plugin 'fixture-broken' of imle-fixture-broken: RuntimeError: this plugin breaks on purpose\n"
        "  hint: IMLE_PLUGINS_STRICT=1 makes this fatal; unset it to go on without the plugin"
    )
    assert isinstance(caught.value.__cause__, RuntimeError)
    for off in ("", "0"):
        assert len(discover({"IMLE_PLUGINS_STRICT": off}, points)) == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("def (", "SyntaxError: invalid syntax (imle_fixture_odd.py, line 1)"),
        ("", "PluginError: imle_fixture_odd implements no hook: expected imle_solvers() marked @imle.hookimpl"),
        (
            "import imle\n@imle.hookimpl\ndef imle_solvers(): return []",
            "PluginError: imle_solvers() returned no solvers",
        ),
        (
            "import imle\n@imle.hookimpl\ndef imle_solvers(): return ['topk']",
            "PluginError: imle_solvers() must return SolverSpec objects, found str",
        ),
        (
            "import imle\ns = imle.SolverSpec('one', 'a', 'b', 'max', 'm:C')\n@imle.hookimpl\n"
            "def imle_solvers(): return [s, s]",
            "PluginError: imle_solvers() returned more than one solver with the id one",
        ),
        (
            "import imle\n@imle.hookimpl\ndef imle_solvers(): yield imle.SolverSpec('A b', 'a', 'b', 'max', 'm:C')",
            "PluginError: solver id: expected lower-case words joined by dashes, found 'A b'",
        ),
        ("class Odd(BaseException): pass\nraise Odd('out of line')", "Odd: out of line"),
        ("imle_api_version = '2'", "PluginError: imle_api_version: expected int, found '2'"),
        ("imle_api_version = None\nraise ValueError('other')", "ValueError: other"),
        ("raise GeneratorExit", "GeneratorExit: without a message"),
        (
            "class Mute(Exception):\n    def __str__(self): raise ValueError('no')\nraise Mute",
            "Mute: (its message cannot be read: str() raises ValueError)",
        ),
        ("raise ValueError('red \\x1b[31m, back \\u202e, \\u200b')", r"ValueError: red \x1b[31m, back \u202e, \u200b"),
        ("raise ValueError('first\\rsecond')", r"ValueError: first\rsecond"),
    ],
)
def test_whatever_a_plugin_does_wrong_is_its_own_problem(install, site, source, reason):
    (site / "imle_fixture_odd.py").write_text(source)
    odd = EntryPoint("odd", "imle_fixture_odd", "imle.solvers")
    records = discover({}, [odd, *install("good")])
    assert [record.state.value for record in records] == ["ok", "broken"]
    assert records[1].reason == reason
    assert records[1].distribution == "unknown"


def test_interrupting_discovery_interrupts_it(site):
    (site / "imle_fixture_interrupted.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover({}, [EntryPoint("odd", "imle_fixture_interrupted", "imle.solvers")])


def test_one_distribution_that_claims_an_id_twice(install, site):
    write_dist_info(
        site,
        "imle-fixture-double",
        "1.0",
        entry_points="[imle.solvers]\na = imle_fixture_good.plugin\nb = imle_fixture_good.plugin",
    )
    points = [point for point in install("good") if point.dist.name == "imle-fixture-double"]
    records = discover({}, points)
    assert [record.state.value for record in records] == ["conflict", "conflict"]
    assert records[0].reason == "imle-fixture-double claims the id more than once"
    assert records[0].fix == "name one of its entry points in IMLE_DISABLE_PLUGINS: a, b"
    assert states(discover({"IMLE_DISABLE_PLUGINS": "b"}, points))["imle-fixture-double/fixture-argmax"] == "ok"


@pytest.mark.parametrize("content", [b"[imle.solvers]\nnot a pair\n", b"\xff\xfe[imle.solvers]\nx = y\n"])
def test_unreadable_metadata_of_one_distribution_hides_no_other(install, site, content):
    install("good")
    folder = write_dist_info(site, "imle-fixture-garbled", "0.1", entry_points="")
    (folder / "entry_points.txt").write_bytes(content)
    records = {record.distribution: record for record in discover({})}
    assert records["imle-fixture-good"].state is PluginState.OK
    assert records["imle-topk"].state is PluginState.OK
    garbled = records["imle-fixture-garbled"]
    assert (garbled.state.value, garbled.reason) == ("broken", "its entry_points.txt cannot be read")
    assert garbled.fix == "pip install --force-reinstall --no-deps imle-fixture-garbled"
    with pytest.raises(PluginError, match=r"plugin imle-fixture-garbled: its entry_points.txt cannot be read"):
        discover({"IMLE_PLUGINS_STRICT": "1"})
    assert "imle-fixture-garbled" not in {
        record.distribution for record in discover({"IMLE_DISABLE_PLUGINS": "imle-fixture-garbled"})
    }


def test_metadata_without_a_name(install, site):
    folder = write_dist_info(site, "imle-fixture-nameless", "0.1", entry_points="[imle.solvers]\nx = no_such_module")
    (folder / "METADATA").unlink()
    records = discover({}, install("good"))
    assert {record.state.value: record.distribution for record in records} == {
        "ok": "imle-fixture-good",
        "broken": "unknown",
    }


def test_heavy_imports_are_noticed(install, site, monkeypatch):
    (site / "imle_fixture_heavy_backend.py").write_text("")
    (site / "imle_fixture_heavy.py").write_text("import imle_fixture_heavy_backend")
    monkeypatch.setattr(discovery, "HEAVY", frozenset({"imle_fixture_heavy_backend"}))
    heavy = EntryPoint("a", "imle_fixture_heavy", "imle.solvers")
    records = {record.id: record for record in discover({}, [heavy, *install("good")])}
    assert records["a"].heavy_imports == ("imle_fixture_heavy_backend",)
    assert records["fixture-argmax"].heavy_imports == ()


def test_locate_imports_no_parent(site):
    package = site / "imle_fixture_parent"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "child.py").write_text("")
    assert installed.locate("imle_fixture_parent.child").origin == str(package / "child.py")
    for absent in ("imle_fixture_parent.other", "imle_fixture_absent", "imle_fixture_absent.child", ""):
        assert installed.locate(absent) is None
    assert "imle_fixture_parent" not in sys.modules


def test_a_conflict_is_an_error_that_names_both_and_the_qualified_id_works(only):
    only("clashing", "imle-topk")
    with pytest.raises(SolverUnavailableError) as caught:
        registry.find("topk")
    assert str(caught.value) == (
        "solver 'topk': the id is claimed by imle-fixture-clashing and imle-topk\n"
        "  hint: use imle-fixture-clashing/topk or imle-topk/topk"
    )
    for name, cls in [("imle-topk/topk", "TopKSolver"), ("imle_fixture_clashing/topk", "SortingTopKSolver")]:
        assert registry.load(registry.find(name)).__name__ == cls


def test_layers_of_both_sides_of_a_conflict(only):
    import torch

    only("clashing", "imle-topk")
    scores = torch.tensor([[0.1, 0.9, 0.5]])
    for name in ("imle-topk/topk", "imle-fixture-clashing/topk"):
        assert imle.layer(name, k=2).eval()(scores).tolist() == [[0.0, 1.0, 1.0]]


def test_the_only_usable_claim_wins(only, monkeypatch):
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "imle-fixture-clashing")
    only("clashing", "imle-topk")
    assert registry.find("topk").distribution == "imle-topk"


def test_when_no_claim_is_usable(only, monkeypatch):
    monkeypatch.setenv("IMLE_PLUGINS", "")
    only("clashing", "imle-topk")
    with pytest.raises(SolverUnavailableError) as caught:
        registry.find("topk")
    assert str(caught.value) == (
        "solver 'topk': none of its plugins can be used: imle-fixture-clashing (disabled) and imle-topk (disabled)\n"
        "  hint: imle list-solvers shows why, and what mends it"
    )


@pytest.mark.parametrize(
    ("solver_id", "message"),
    [
        (
            "fixture-future",
            "solver 'fixture-future' of imle-fixture-incompatible cannot be used (incompatible api): "
            "made for plugin api 99, this imle has 1\n  hint: pip install --upgrade imle",
        ),
        (
            "fixture-missing",
            "solver 'fixture-missing' of imle-fixture-missing cannot be used (missing dependency): "
            "cannot find the module imle_fixture_absent_backend\n"
            "  hint: pip install imle-fixture-missing installs what it needs",
        ),
        (
            "fixture-broken",
            "solver 'fixture-broken' of imle-fixture-broken cannot be used (broken): "
            "RuntimeError: this plugin breaks on purpose\n  hint: IMLE_PLUGINS_STRICT=1 imle --debug list-solvers "
            "shows the traceback; then upgrade imle-fixture-broken",
        ),
    ],
)
def test_building_a_layer_of_an_unusable_solver(only, solver_id, message):
    only(*EVERYTHING)
    with pytest.raises(SolverUnavailableError) as caught:
        imle.layer(solver_id)
    assert str(caught.value) == message


def test_known_solver_whose_plugin_is_not_installed(only):
    only("good")
    with pytest.raises(UnknownSolverError) as caught:
        registry.find("topk")
    assert str(caught.value) == "unknown solver 'topk': it is not installed\n  hint: pip install imle-topk"


def test_known_solver_whose_plugin_is_disabled(only, monkeypatch):
    only("imle-topk")
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "imle-topk")
    monkeypatch.setattr(registry, "KNOWN", {"topk-of-another-name": "imle-topk"})
    for name in ("topk-of-another-name", "imle-topk/topk-of-another-name"):
        with pytest.raises(SolverUnavailableError) as caught:
            registry.find(name)
        assert str(caught.value) == (
            f"solver {name!r}: its plugin imle-topk is disabled: named in IMLE_DISABLE_PLUGINS\n"
            "  hint: take it out of IMLE_DISABLE_PLUGINS"
        )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("fixture-armgax", "unknown solver 'fixture-armgax'; did you mean fixture-argmax?"),
        ("topkk", "unknown solver 'topkk'; did you mean topk (pip install imle-topk)?"),
        ("zzz", "unknown solver 'zzz'; installed solvers: fixture-argmax"),
        ("imle-fixture-good/zzz", "unknown solver 'imle-fixture-good/zzz'; installed solvers: fixture-argmax"),
    ],
)
def test_unknown_solver(only, asked, message):
    only("good")
    with pytest.raises(UnknownSolverError) as caught:
        registry.find(asked)
    assert str(caught.value) == f"{message}\n  hint: imle list-solvers shows all"


def test_unknown_solver_mentions_plugins_that_could_not_be_read(only):
    only("good", "broken")
    with pytest.raises(UnknownSolverError) as caught:
        registry.find("zzz")
    assert caught.value.hint == "imle list-solvers shows all; not read: fixture-broken (broken)"


def test_a_solver_class_that_cannot_be_imported(only, site):
    only("good")
    (site / "imle_fixture_good" / "argmax.py").write_text("raise OSError('libsolver.so.1 is missing')")
    with pytest.raises(SolverUnavailableError) as caught:
        registry.load(registry.find("fixture-argmax"))
    assert str(caught.value) == (
        "solver 'fixture-argmax' of imle-fixture-good 1.2 cannot be imported: OSError: libsolver.so.1 is missing\n"
        "  hint: pip install imle-fixture-good installs what it needs; imle doctor shows more"
    )


def test_a_target_that_is_no_class(only, site):
    only("good")
    (site / "imle_fixture_good" / "argmax.py").write_text("ArgmaxSolver = 3")
    with pytest.raises(PluginError, match=r"'imle_fixture_good.argmax:ArgmaxSolver': expected a class, found 3"):
        registry.load(registry.find("fixture-argmax"))


def test_plugins_are_read_once_until_refresh(only, site):
    only("good")
    first = registry.solvers()
    assert registry.solvers() is first
    assert registry.refresh() is not first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 3}, "solver id: expected lower-case words joined by dashes, found 3"),
        ({"summary": None}, "solver: summary: expected str, found None"),
        ({"summary": "two\nlines"}, "solver: summary: expected one line, found 'two\\nlines'"),
        ({"sense": "up"}, "solver: sense: expected 'max' or 'min', found 'up'"),
        ({"target": "module.Class"}, "solver: target: expected 'package.module:Class', found 'module.Class'"),
        ({"requires": "numpy"}, "solver: requires: expected a tuple of str, found 'numpy'"),
        ({"options": ("k",)}, "solver: options: expected a tuple of Parameter, found ('k',)"),
        ({"instance": [Parameter("k", "int")]}, "solver: instance: expected a tuple of Parameter, found [Parameter("),
        ({"capabilities": None}, "solver: capabilities: expected Capabilities, found None"),
        ({"api_version": "1"}, "solver: api_version: expected int, found '1'"),
        ({"api_version": True}, "solver: api_version: expected int, found True"),
        ({"exact": "yes"}, "solver: exact: expected bool, found 'yes'"),
        ({"url": None}, "solver: url: expected str, found None"),
        ({"tolerances": "1e-6\n1e-7"}, "solver: tolerances: expected one line, found '1e-6\\n1e-7'"),
        ({"requires": ("numpy>=2",)}, "solver: requires: expected names of modules, found 'numpy>=2'"),
        ({"sense": ["max"]}, "solver: sense: expected 'max' or 'min', found ['max']"),
        (
            {"instance": (Parameter("k", "int"),), "options": (Parameter("k", "int"),)},
            "solver: parameters declared more than once: k",
        ),
    ],
)
def test_specs_refuse_what_the_listing_or_a_layer_would_trip_over(change, message):
    SolverSpec(**PLAIN, capabilities=Capabilities())
    with pytest.raises(PluginError) as caught:
        SolverSpec(**{**PLAIN, **change})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Capabilities(thread_safe="yes"), "capabilities: thread_safe: expected bool, found 'yes'"),
        (lambda: Capabilities(releases_gil=1), "capabilities: releases_gil: expected bool, found 1"),
        (lambda: Capabilities(warm_start=None), "capabilities: warm_start: expected bool, found None"),
        (
            lambda: Capabilities(negative_objectives="no"),
            "capabilities: negative_objectives: expected bool, found 'no'",
        ),
        (lambda: Capabilities(array="jax"), "capabilities: array: expected 'numpy' or 'torch', found 'jax'"),
        (lambda: Parameter("time limit", "int"), "parameter name: expected a keyword such as 'time_limit', found "),
        (lambda: Parameter(3, "int"), "parameter name: expected a keyword such as 'time_limit', found 3"),
        (lambda: Parameter("k", int), "parameter k: type: expected str, found <class 'int'>"),
        (lambda: Parameter("k", "int", doc=None), "parameter k: doc: expected str, found None"),
        (
            lambda: Parameter("k", "int", choices=[1, 2]),
            "parameter k: choices: expected a tuple of object, found [1, 2]",
        ),
        (lambda: Parameter("k", "int", minimum="0"), "parameter k: minimum: expected a number or None, found '0'"),
        (lambda: Parameter("k", "int", finite=1), "parameter k: finite: expected bool, found 1"),
        (
            lambda: Parameter("k", "float", learned=True),
            "parameter k: learned: expected '', 'real' or 'positive', found True",
        ),
        (lambda: Parameter("k", "int", per_row="yes"), "parameter k: per_row: expected bool, found 'yes'"),
    ],
)
def test_parts_of_specs_are_of_their_types(make, message):
    with pytest.raises(PluginError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_texts_of_specs_are_printable():
    r"""\x1b starts an escape sequence, \u202e turns the direction of reading, \u2028 and \r end a line."""
    wild = "a\x1b[31mb\u202ec\rd\u2028e"
    tame = r"a\x1b[31mb\u202ec\rd\u2028e"
    spec = SolverSpec(**{**PLAIN, "summary": wild, "problem": wild, "licence": wild, "url": wild, "tolerances": wild})
    assert {spec.summary, spec.problem, spec.licence, spec.url, spec.tolerances} == {tame}
    assert SolverSpec(**PLAIN, example="one\n\ttwo\x07").example == "one\n\ttwo\\x07"
    parameter = Parameter("k", wild, doc=wild)
    assert (parameter.type, parameter.doc) == (tame, tame)
    assert SolverSpec(**{**PLAIN, "summary": "Größe 数 «ok»\u00a0!"}).summary == "Größe 数 «ok»\u00a0!"


NEWER = "made for plugin api 2, this imle has 1"


@pytest.mark.parametrize(
    "source",
    [
        "{spec}(**PLAIN, api_version=2, colour='red')",
        "{spec}(**PLAIN, api_version=2)",
        "{spec}(**PLAIN)\nimle_api_version = 2",
        "imle_api_version = 2; {spec}(**PLAIN, colour='red')",
        "imle_api_version = 2; imle.plugins.Parameter('k', 'int', unit='s')",
        "imle_api_version = 2; from imle.plugins import Learned",
        "{spec}(**PLAIN, api_version=2)\n@imle.hookimpl\ndef imle_datasets(): return []",
        "imle_api_version = 2\n@imle.hookimpl\ndef imle_datasets(): return []",
    ],
)
def test_a_plugin_for_a_later_contract_needs_a_later_imle(site, source):
    spec = "SPEC = imle.SolverSpec"
    text = f"import imle, imle.plugins\nPLAIN = {PLAIN}\nSPEC = None\n{source.format(spec=spec)}\n"
    (site / "imle_fixture_later.py").write_text(f"{text}@imle.hookimpl\ndef imle_solvers(): return [SPEC]\n")
    (record,) = discover({"IMLE_PLUGINS_STRICT": "1"}, [EntryPoint("later", "imle_fixture_later", "imle.solvers")])
    assert (record.state.value, record.reason) == ("incompatible api", NEWER)
    assert record.fix == "pip install --upgrade imle"


def test_no_line_of_a_plugin_for_another_contract_runs(site):
    (site / "imle_fixture_later.py").write_text("raise SystemExit\nimle_api_version = 2  # of the contract\n")
    (record,) = discover({}, [EntryPoint("later", "imle_fixture_later", "imle.solvers")])
    assert (record.state.value, record.reason) == ("incompatible api", NEWER)
    assert "imle_fixture_later" not in sys.modules


def test_a_hook_of_a_later_contract_with_more_arguments(site):
    (site / "imle_fixture_later.py").write_text(
        "import imle\nimle_api_version = 2\n@imle.hookimpl\ndef imle_solvers(settings): return []\n"
    )
    (record,) = discover({}, [EntryPoint("later", "imle_fixture_later", "imle.solvers")])
    assert (record.state.value, record.reason) == ("incompatible api", NEWER)


def test_an_unknown_field_of_this_contract_is_a_mistake(site):
    (site / "imle_fixture_typo.py").write_text(f"import imle\nimle.SolverSpec(**{PLAIN}, sumary='x')")
    (record,) = discover({}, [EntryPoint("typo", "imle_fixture_typo", "imle.solvers")])
    assert record.state is PluginState.BROKEN
    assert "unexpected keyword argument 'sumary'" in record.reason


def test_a_plugin_cannot_change_which_others_are_read(install, site, monkeypatch):
    for name in ("IMLE_PLUGINS", "IMLE_DISABLE_PLUGINS", "IMLE_PLUGINS_STRICT"):
        monkeypatch.delenv(name, raising=False)
    (site / "imle_fixture_jealous.py").write_text(
        "import os\nos.environ['IMLE_PLUGINS'] = 'jealous'\nos.environ['IMLE_PLUGINS_STRICT'] = '1'\n"
    )
    jealous = EntryPoint("jealous", "imle_fixture_jealous", "imle.solvers")
    records = discover(points=[jealous, *install("good")])
    assert {record.id: record.state.value for record in records} == {"fixture-argmax": "ok", "jealous": "broken"}
    assert "IMLE_PLUGINS" not in os.environ
    assert "IMLE_PLUGINS_STRICT" not in os.environ


def test_a_plugin_that_takes_long_is_named(site, capsys, monkeypatch):
    monkeypatch.setattr(discovery, "PATIENCE", 0.05)
    (site / "imle_fixture_sleepy.py").write_text("import time\ntime.sleep(0.5)")
    discover({}, [EntryPoint("sleepy", "imle_fixture_sleepy", "imle.solvers")])
    assert capsys.readouterr().err == "imle: still reading the plugin sleepy of unknown after 0.05 s\n"


def test_environment_is_that_of_the_process_by_default(install, monkeypatch):
    monkeypatch.setitem(os.environ, "IMLE_DISABLE_PLUGINS", "fixture-argmax")
    assert [record.state for record in discover(points=install("good"))] == [PluginState.DISABLED]


def test_the_package_importlib_metadata_does_not_hide_the_plugins():
    """Once it is imported, `importlib.metadata` of the standard library returns its types."""
    pytest.importorskip("importlib_metadata")
    code = (
        "import importlib_metadata, imle.cli\n"
        "from imle.plugins.discovery import command_points\n"
        "assert 'imle-topk' in {point.dist.name for point, _ in command_points()}\n"
        "raise SystemExit(imle.cli.main(['list-solvers']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "topk" in done.stdout


def test_an_id_of_before_finds_the_solver_and_says_its_name(monkeypatch):
    spec = SolverSpec(**{**PLAIN, "id": "new", "aliases": ("old",)})
    record = SolverRecord("new", PluginState.OK, "imle-new", "1.0", "new = new", spec=spec)
    monkeypatch.setattr(registry, "solvers", lambda: (record,))
    with pytest.warns(DeprecationWarning, match=r"^the solver 'old' is called 'new' now$"):
        assert registry.find("old") is record
    assert registry.find("new") is record
    with pytest.raises(UnknownSolverError):
        registry.find("older")
