"""`imle check`: what it prints, and when it fails."""

from __future__ import annotations

import json
import sys

import pytest

from fixtures.install import HERE

FAST = ("--only", "contract", "--only", "ties")


def test_a_sound_solver(imle, only):
    only("good")
    code, out, err = imle("check", "fixture-argmax", *FAST)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == [
        "fixture-argmax: The largest of n scores, one-hot",
        "  checked on  example (the example in its spec)",
    ]
    assert [line.split()[:3] for line in lines[4:6]] == [["✓", "contract", "passed"], ["✓", "ties", "passed"]]
    assert lines[-1].startswith("2 passed in ")


def test_a_failure_is_shown_with_its_fix(imle, only):
    only("faulty")
    code, out, _ = imle("check", "faulty-ties", *FAST)
    assert code == 1
    detail = out.partition("✗ ties[two of five]\n")[2].splitlines()
    assert [line.split()[0] for line in detail[:4]] == ["expected", "found", "where", "fix"]
    assert out.splitlines()[-1].startswith("1 passed, 1 failed in ")


def test_json(imle, only):
    only("faulty")
    code, out, err = imle("check", "faulty-ties", *FAST, "--json")
    answer = json.loads(out)
    assert (code, err, answer["schema"], answer["ok"]) == (1, "", 1, False)
    (report,) = answer["reports"]
    assert (report["solver"], report["instances"]) == ("faulty-ties", ["two of five"])
    assert report["counts"] == {
        "passed": 1,
        "failed": 1,
        "inconclusive": 0,
        "failed as expected": 0,
        "not applicable": 0,
    }
    contract, ties = report["outcomes"]
    assert (contract["check"], contract["theme"], contract["state"], contract["failure"]) == (
        "contract",
        "arrays",
        "passed",
        None,
    )
    assert (ties["instance"], ties["state"]) == ("two of five", "failed")
    assert set(ties["failure"]) == {"expected", "found", "where", "fix"}


def test_expected_failures_are_strict(imle, only):
    only("faulty")
    code, out, _ = imle("check", "faulty-ties", *FAST, "--expect-failure", "ties=by chance")
    assert code == 0
    assert "x  ties" in out
    assert "by chance" in out
    code, out, _ = imle("check", "faulty-nothing", *FAST, "--expect-failure", "ties=by chance")
    assert code == 1
    assert "found     the check passes" in out


def test_checks_that_do_not_apply_say_why(imle, only):
    only("good")
    code, out, _ = imle("check", "fixture-argmax", "--only", "optimality")
    assert code == 0
    assert "-  optimality  not applicable        the instance has neither solutions nor oracle\n" in out


def test_a_check_that_cannot_tell_is_no_success(imle, only):
    only("faulty")
    code, out, _ = imle("check", "faulty-optimality", "--only", "negative-objectives")
    assert code == 1
    assert "?  negative-objectives  inconclusive        optimality[two of five] failed\n" in out
    assert out.splitlines()[-1].startswith("1 inconclusive in ")


def test_a_narrow_terminal_is_not_told_what_passed(imle, only, terminal):
    only("good")
    terminal(80)
    _, out, _ = imle("check", "fixture-argmax", "--only", "ties")
    assert "Ties are broken" not in out
    assert max(map(len, out.splitlines())) < 200  # colours included


def test_list(imle):
    code, out, _ = imle("check", "--list")
    assert code == 0
    assert "\nties\n  ties  Ties are broken the same way each time" in out
    names = [check["check"] for check in json.loads(imle("check", "--list", "--json").out)["checks"]]
    assert names[0] == "light-import"
    assert names[-1] == "gradients"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "error: Missing argument 'SOLVER'.\n"),
        (["no-such"], 3, "error: unknown solver 'no-such'"),
        (["./no-such"], 3, "there is no such file or folder"),
        ([str(HERE / "broken")], 4, "plugin 'fixture-broken' is broken: RuntimeError: this plugin breaks on purpose"),
        (["topk", "--only", "no-such"], 2, "error: unknown check 'no-such'"),
        (["topk", "--expect-failure", "ties"], 2, "expected CHECK=REASON, found 'ties'"),
        (["topk", "--instances", "no-such.py"], 2, "there is no file 'no-such.py'"),
    ],
)
def test_usage_errors(imle, arguments, code, message, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = imle("check", *arguments)
    assert (found.code, found.out) == (code, "")
    assert message in found.err
    assert "hint: " in found.err


EXITS = """
import sys
import numpy as np
from imle.solvers import SolveResult
from imle.testing import Instance
class Exits:
    sense, array = "max", "numpy"
    objective_shape = (2,)
    def prepare(self):
        return self
    def solve(self, objective, *, hint=None):
        {in_solve}
        return SolveResult(objective * 0)
    def close(self):
        pass
def instances(solver_id):
    return [Instance("two")]
{at_import}
"""


@pytest.mark.parametrize("code", ["0", "", "'bye'"])
def test_a_solver_that_ends_the_program(imle, tmp_path, monkeypatch, code):
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("imle_fixture_exits", None)
    file = tmp_path / "imle_fixture_exits.py"
    file.write_text(EXITS.format(in_solve=f"sys.exit({code})", at_import=""))
    found = imle("check", str(file), "--only", "contract")
    assert found.code == 1
    assert "found     SystemExit: " in found.out
    assert f"{file}:" in found.out
    assert "a solver must not end the program" in found.out
    monkeypatch.delitem(sys.modules, "imle_fixture_exits")
    file.write_text(EXITS.format(in_solve="", at_import=f"sys.exit({code})  # at import"))
    found = imle("check", str(file))
    assert found.code != 0
    assert found.err.startswith("error: ImportError: importing imle_fixture_exits ends the program: SystemExit(")


def test_instances_that_end_the_program(imle, only, tmp_path):
    only("good")
    file = tmp_path / "ends.py"
    file.write_text("raise SystemExit(0)")
    code, out, err = imle("check", "fixture-argmax", "--instances", str(file))
    assert (code, out) == (4, "")
    assert err == (
        f"error: a solver or its plugin ended the program: SystemExit(0) in {file}:1\n"
        "hint: it must raise an error instead; imle --debug COMMAND shows the traceback\n"
    )
    assert "SystemExit: 0" in imle("--debug", "check", "fixture-argmax", "--instances", str(file)).err


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("def f(:\n", "SyntaxError: ", "it is for the authors of imle-fixture-good to mend, at {file}:1"),
        ("import nmupy", "ModuleNotFoundError: ", "check the spelling at {file}:1; if nmupy is missing, install it: "),
        (
            "raise SystemExit(0)",
            "ImportError: importing",
            "it is for the authors of imle-fixture-good to mend, at {file}:1",
        ),
        ("x = 1", "has no 'ArgmaxSolver'", ""),
        ("class Argmax: pass", "has no 'ArgmaxSolver'; did you mean 'Argmax'?", ""),
    ],
)
def test_a_project_whose_solver_cannot_be_imported(imle, only, site, text, error, hint):
    only("good")
    file = site / "imle_fixture_good" / "argmax.py"
    file.write_text(text)
    code, out, err = imle("check", "fixture-argmax")
    assert (code, out) == (4 if "has no" in error else 3, "")
    assert error in err
    assert "pip install" not in err
    assert (f"hint: {hint.format(file=file)}" in err) if hint else ("hint: " not in err)


def test_the_hint_of_a_broken_project_is_about_the_project(imle, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    err = imle("check", str(HERE / "broken")).err
    assert "upgrade" not in err
    assert f"hint: mend imle_fixture_broken.plugin; IMLE_PLUGINS_STRICT=1 imle --debug check {HERE / 'broken'}" in err


def test_what_solvers_print_does_not_reach_json(imle, only, tmp_path):
    only("good")
    noisy = tmp_path / "noisy.py"
    noisy.write_text(
        "from imle.testing import Instance\n"
        "def instances(solver_id):\n    print('hello')\n    return [Instance('two', shape=(2,))]\n"
    )
    _, out, err = imle("check", "fixture-argmax", "--only", "contract", "--json", "--instances", str(noisy))
    assert json.loads(out)["ok"]
    assert err == "hello\n"
