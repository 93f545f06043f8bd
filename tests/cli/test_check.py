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
    assert report["counts"] == {"passed": 1, "failed": 1, "failed as expected": 0, "not applicable": 0}
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
