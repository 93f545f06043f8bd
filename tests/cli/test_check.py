"""`imle check`: what it prints, and when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fixtures.install import HERE
from imle.cli import check_process

RUN = "import sys; from imle.cli import main; sys.exit(main())"
FAST = ("--only", "contract", "--only", "ties")


@pytest.fixture
def only(install, monkeypatch):
    """Make the named plugins the only ones, for the process that makes the checks too."""

    def run(*names):
        install(*names)
        monkeypatch.setenv("IMLE_PLUGINS", ",".join(f"imle-fixture-{name}" for name in names))

    return run


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
    assert "-  optimality  not applicable                the instance has neither solutions nor oracle\n" in out


def test_a_check_that_cannot_tell_is_no_success(imle, only):
    only("faulty")
    code, out, _ = imle("check", "faulty-optimality", "--only", "negative-objectives")
    assert code == 1
    assert "?  negative-objectives  inconclusive                  optimality[two of five] failed\n" in out
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


DOES = """
import os, signal, sys, threading, time
import numpy as np
from imle.solvers import SolveResult
from imle.testing import Instance
class Does:
    sense, array = "max", "numpy"
    objective_shape = (2,)
    def prepare(self):
        {in_prepare}
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


@pytest.fixture
def does(tmp_path, monkeypatch):
    """A solver in a file, which does something besides solving."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(**what):
        file = tmp_path / "imle_fixture_does.py"
        file.write_text(DOES.format(**{"in_prepare": "", "in_solve": "", "at_import": "", **what}))
        return file

    return write


@pytest.mark.parametrize("code", ["0", "", "'bye'"])
def test_a_solver_that_ends_the_program(imle, does, code):
    file = does(in_solve=f"sys.exit({code})")
    found = imle("check", str(file), "--only", "contract")
    assert found.code == 1
    assert "found     SystemExit: " in found.out
    assert f"{file}:" in found.out
    assert "a solver must not end the program" in found.out
    found = imle("check", str(does(at_import=f"sys.exit({code})  # at import")))
    assert found.code != 0
    assert found.err.startswith("error: ImportError: importing imle_fixture_does ends the program: SystemExit(")


@pytest.mark.parametrize("place", ["in_prepare", "in_solve"])
@pytest.mark.parametrize(
    ("what", "found"),
    [("os._exit(0)", "exit code 0"), ("os.kill(os.getpid(), signal.SIGSEGV)", "signal SIGSEGV")],
)
def test_a_solver_that_ends_the_process(imle, does, place, what, found):
    code, out, err = imle("check", str(does(**{place: what})), "--only", "contract", "--only", "ties")
    assert (code, err) == (1, "")
    assert f"found     the process has ended: {found}\n" in out
    assert "?  ties      inconclusive                  contract[two] failed\n" in out
    assert out.splitlines()[-1].startswith("1 failed, 1 inconclusive in ")


def test_the_process_is_started_anew_a_few_times_only(imle, does):
    file = does(in_solve="os._exit(0) if len(objective) != 5 and len(objective) != 1 else 0")
    names = ("contract", "values", "batch-equals-loop", "row-permutation", "reuse", "hint", "close")
    code, out, _ = imle("check", str(file), *(word for name in names for word in ("--only", name)))
    assert code == 1
    results = {line.split()[1]: line.split()[2] for line in out.splitlines() if line[2:3] in "✓✗?-" and line[2:3]}
    assert results == {
        "contract": "passed",
        "values": "failed",
        "batch-equals-loop": "failed",
        "row-permutation": "failed",
        "reuse": "inconclusive",
        "hint": "inconclusive",
        "close": "inconclusive",
    }
    assert "not made: the process was lost 3 times" in out


@pytest.mark.parametrize(
    ("what", "found"), [("os._exit(0)", "the process has ended: exit code 0"), ("time.sleep(1e6)", "no end within 8 s")]
)
def test_an_import_that_ends_or_blocks_the_process(imle, does, what, found):
    file = does(at_import=what)
    code, out, err = imle("check", str(file), "--limit", "8")
    assert (code, out) == (4, "")
    assert err.startswith(f"error: {file}: {found}, while solver and instances were read\nhint: ")


def test_a_prepare_that_blocks(imle, does):
    code, out, _ = imle("check", str(does(in_prepare="time.sleep(1e6)")), "--only", "contract", "--limit", "8")
    assert code == 1
    assert "found     no end within 8 s\n" in out
    assert "where     the process that makes the check 'contract'\n" in out


def test_a_copy_of_the_process_that_goes_on(imle, does):
    code, out, _ = imle("check", str(does(in_prepare="os.fork()")), "--only", "contract")
    assert code == 1
    assert "found     a copy of it that does so, too\n" in out
    found = imle("check", str(does(at_import="os.fork()")), "--only", "contract")
    assert found.code == 4
    assert "a copy of the process goes on, while solver and instances were read\nhint: " in found.err


def test_a_thread_that_does_not_end(imle, does, monkeypatch):
    """It keeps no command from ending; the check of a new process tells of it."""
    monkeypatch.setattr(check_process, "ENDING", 0.5)
    start = "threading.Thread(target=threading.Event().wait).start()"
    patience = "import imle.testing.process; imle.testing.process.ENDING = 1"
    file = does(in_prepare=start, at_import=f"{patience}; {start}")
    code, out, _ = imle("check", str(file), "--only", "contract", "--only", "spawn")
    assert code == 1
    assert "✓  contract" in out
    assert "expected  a process that has answered to end within 1 s\n" in out


def test_outcomes_come_as_checks_are_made(does, tmp_path):
    """The second check waits for what this test does after the first one."""
    mark = tmp_path / "mark"
    wait = f"while len(objective) == 8 and not os.path.exists({str(mark)!r}): time.sleep(0.01)"
    request = {"solver": str(does(in_solve=wait)), "instances": None, "only": ["contract", "values"], "expected": {}}
    events = check_process.Checking({**request, "debug": False}, limit=100).run()
    (subject,) = next(events)
    assert subject.checks == (("contract", "two", ""), ("values", "two", ""))
    assert next(events).outcome.check.name == "contract"
    mark.touch()
    assert [event.outcome.check.name for event in events] == ["values"]


def test_a_lost_check_may_be_expected(imle, does):
    file = str(does(in_solve="os._exit(0)"))
    code, out, _ = imle("check", file, "--only", "contract", "--expect-failure", "contract=it always does that")
    assert code == 0
    assert "x  contract  failed as expected            it always does that\n" in out


def test_an_interrupt_ends_both_processes(does, tmp_path):
    mark = tmp_path / "pid"
    file = does(in_prepare=f"open({str(mark)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(1e6)")
    process = subprocess.Popen([sys.executable, "-c", RUN, "check", str(file), "--only", "contract"])
    while not (mark.exists() and mark.read_text().endswith("\n")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    end = time.monotonic() + 60
    while is_alive(int(mark.read_text())):  # the system takes its time to clear up after a process
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_is_printed_to_the_descriptor_does_not_reach_json(imle, does):
    file = does(in_prepare="os.write(1, b'hello')", at_import="os.write(1, b'hello')")
    found = imle("check", str(file), "--only", "contract", "--json")
    assert json.loads(found.out)["ok"]
    assert set(found.err.split("hello")) == {""}


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
