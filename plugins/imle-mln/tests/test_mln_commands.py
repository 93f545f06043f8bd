"""`imle mln map` and `imle mln ground`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from imle.cli import main
from imle.cli.group import GlobalOptions, LazyGroup, imle
from imle_mln import parse_program
from imle_mln.commands.inputs import shown_progress
from imle_mln.grounding import ground

PROGRAM = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
Cancer(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
1.5  Smokes(x) => Cancer(x)
-0.3 Cancer(x)
"""
EVIDENCE = "Friends(Ann,Ben)\nFriends(Ben,Cat)\nSmokes(Ann)\n"


@pytest.fixture
def files(tmp_path):
    program, evidence = tmp_path / "smokers.mln", tmp_path / "smokers.db"
    program.write_text(PROGRAM)
    evidence.write_text(EVIDENCE)
    return str(program), str(evidence)


def run(*args):
    assert isinstance(imle, LazyGroup)
    return CliRunner().invoke(imle, list(args), obj=GlobalOptions())


def test_map_prints_the_true_atoms(files):
    result = run("mln", "map", *files, "--query", "Smokes")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Smokes(Ben)\nSmokes(Cat)\n"
    assert re.fullmatch(r"score 13\.5 \(optimal\); 2 of 2 open atoms true; closed 1, min-cut 1; .* s\n", result.stderr)


def test_what_map_prints_is_evidence(tmp_path):
    """Quotes, and parentheses where there is no argument."""
    program, evidence = tmp_path / "p.mln", tmp_path / "e.db"
    program.write_text('Rain()\nSees(who, what)\nwho = {"a b", 3}\nwhat = {Owl}\n1 Rain()\n1 Sees(x,y)')
    listed = run("mln", "map", str(program)).stdout
    assert listed == 'Rain()\nSees("a b",Owl)\nSees(3,Owl)\n'
    evidence.write_text(listed)
    assert json.loads(run("mln", "ground", str(program), str(evidence), "--json").stdout)["atoms"] == 0


def test_the_help_names_each_command_whole():
    listed = run("mln", "--help").stdout.partition("Commands:")[2].splitlines()
    commands = dict(line.split(maxsplit=1) for line in listed if line)
    assert commands.keys() == {"engines", "explain", "ground", "learn", "map", "marginals"}
    assert all(text.endswith(".") and not text.endswith("...") for text in commands.values())


def test_map_as_json_and_as_evidence(files, tmp_path):
    out = tmp_path / "map.db"
    result = run("mln", "map", *files, "--json", "--output", str(out))
    found = json.loads(result.stdout)
    assert found["status"] == "optimal"
    assert found["score"] == pytest.approx(13.5)
    assert found["counts"] == {
        "Friends(x,y) ^ Smokes(x) => Smokes(y)": 9.0,
        "Smokes(x) => Cancer(x)": 3.0,
        "Cancer(x)": 3.0,
    }
    assert sorted(out.read_text().split()) == sorted(found["true"])


@pytest.mark.parametrize("engine", ["auto", "highs", "cp-sat", "toulbar2", "rc2", "min-cut", "enumeration"])
def test_every_engine_finds_the_same_score(files, engine):
    assert json.loads(run("mln", "map", *files, "--json", "--engine", engine).stdout)["score"] == pytest.approx(13.5)


def test_ground_prints_statistics(files):
    result = run("mln", "ground", *files)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["line", "weight", "groundings", "features", "formula"]
    assert ["6", "1.1", "9", "2", "Friends(x,y)", "^", "Smokes(x)", "=>", "Smokes(y)"] in lines
    assert ["atoms", "5"] in lines
    assert ["solved", "by", "closed", "1,", "min-cut", "1"] in lines
    assert json.loads(run("mln", "ground", *files, "--json").stdout)["atoms"] == 5


def test_ground_lists_hard_formulas_too(tmp_path):
    program = tmp_path / "hard.mln"
    program.write_text("p = {A,B,C}\nL(p,p)\n0.5 L(x,x)\nL(x,y) => L(y,x).\n-1 L(x,+y)\n!L(A,B).\nL(B,A).\n")
    rows = json.loads(run("mln", "ground", str(program), "--json").stdout)
    assert [(row["line"], row["weight"], row["groundings"], row["features"]) for row in rows["formulas"]] == [
        (3, 0.5, 3, 3),
        (4, None, 9, 6),
        *[(5, -1.0, 3, 3)] * 3,
        (6, None, 1, 1),
        (7, None, 1, 1),
    ]
    assert rows["status"] == "infeasible"
    assert " hard " in run("mln", "ground", str(program)).stdout


def test_an_empty_program(tmp_path):
    program = tmp_path / "empty.mln"
    program.write_text("// nothing yet\n")
    assert run("mln", "map", str(program)).stdout == ""
    assert run("mln", "ground", str(program)).stdout.split()[:2] == ["atoms", "0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["map", "bad.mln"], ["error: bad.mln, line 2, column 5: unknown predicate 'Smoke'", "    1.0 Smoke(x)",
                              "        ^", "hint: did you mean 'Smokes'?"]),
        (["map", "good.mln", "bad.db"], ["error: bad.db, line 1, column 1: evidence on the undeclared predicate "
                                         "'Smoke'",
                                         "    Smoke(Ann)", "    ^", "hint: did you mean 'Smokes'?"]),
        (["ground", "good.mln", "--query", "Smokes"], ["error: No such option '--query'."]),
        (["map", "good.mln", "-q", "Smoke"], ["error: query: expected predicates of the program (Friends, Smokes), "
                                              "found 'Smoke'", "hint: did you mean 'Smokes'?"]),
        (["map", "good.mln", "-q", "Friends"], ["error: query: Friends is closed: all its atoms are decided, those "
                                                "evidence does not name are false", "hint: declare it without *, take "
                                                "it out of closed_world, or ask for single atoms in the evidence: "
                                                "?Friends(person, person)"]),
        (["map", "good.mln", "-c", "Likes"], ["error: expected declared predicates in closed_world, found 'Likes'",
                                              "hint: known: Friends, Smokes"]),
        (["map", "bad.db", "good.mln"], ["error: expected PROGRAM (.mln), then EVIDENCE (.db), found bad.db good.mln"]),
        (["map", "good.mln", "-o", "nowhere/map.db"], ["error: Invalid value for '--output' / '-o': expected a file in "
                                                       "a folder that exists, found 'nowhere/map.db'",
                                                       "hint: imle mln map --help shows the usage"]),
        (["learn", "good.mln", "facts.db", "-o", "no/l.mln"], ["error: Invalid value for '--output' / '-o': expected a "
                                                               "file in a folder that exists, found 'no/l.mln'"]),
        (["learn", "good.mln", "facts.db", "--limit", "1"], ["error: 2 open ground atoms, the limit is 1:"]),
        (["ground", "bad.mln"], ["error: bad.mln, line 2, column 5: unknown predicate 'Smoke'"]),
        (["map", "nowhere.mln"], ["error: Invalid value for 'PROGRAM': File 'nowhere.mln' does not exist."]),
        (["ground", "good.mln", "--limit", "1"], ["error: 2 open ground atoms, the limit is 1:",
                                                  "    2  Smokes(person)",
                                                  "    0  Friends(person, person)"]),
        (["map", "hard.mln"], ["error: mln-map: infeasible: line 4: Smokes(x) => Smokes(y) is false for x = Ann, "
                               "y = Ben"]),
        (["map", "latin.mln"], ["error: expected UTF-8 text in latin.mln, found 0xe9 at byte 8",
                                "hint: convert it: iconv -f LATIN1 -t UTF-8 latin.mln"]),
    ],
)  # fmt: skip
def test_errors_and_their_hints_are_printed_once(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    good = "person = {Ann, Ben}\n*Friends(person, person)\nSmokes(person)\n1 Smokes(x)\n"
    Path("good.mln").write_text(good)
    Path("hard.mln").write_text("person = {Ann, Ben}\n*Smokes(person)\n\nSmokes(x) => Smokes(y).\n")
    Path("bad.mln").write_text("Smokes(person)\n1.0 Smoke(x)\n")
    Path("facts.db").write_text("Smokes(Ann)\n")
    Path("bad.db").write_text("Smoke(Ann)\n")
    Path("latin.mln").write_bytes("// Andr\xe9".encode("latin1"))
    if arguments[1] == "hard.mln":
        Path("hard.db").write_text("Smokes(Ann)\n")
        arguments = [*arguments, "hard.db"]
    assert main(["mln", *arguments]) == (1 if "infeasible" in message[0] else 2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[: len(message)] == message
    assert sum("hint:" in line for line in lines) <= 1


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("command", ["map", "marginals", "learn"])
def test_warnings_are_told_in_one_line(tmp_path, capsys, command):
    (tmp_path / "p.mln").write_text("person = {Ann, Ben}\nSmokes(person)\n1 Smokes(x)\n")
    (tmp_path / "e.db").write_text("Smokes(Ann)\nSmokes(Ann)\n")
    assert main(["mln", command, str(tmp_path / "p.mln"), str(tmp_path / "e.db")]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "warning: Smokes(Ann) stands twice in the evidence: in line 1 and line 2"
    assert len(told) == 2


def test_both_commands_fail_where_there_is_no_world(tmp_path, capsys):
    program = tmp_path / "hard.mln"
    program.write_text("p = {A, B}\nL(p)\nL(A).\n!L(A) v !L(x).\n")
    assert main(["mln", "map", str(program)]) == 1
    assert main(["mln", "ground", str(program)]) == 1
    assert main(["mln", "ground", str(program), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == "infeasible"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_refused_before_solving(files, tmp_path, capsys):
    out = tmp_path / "map.db"
    out.write_text("kept")
    out.chmod(0o400)
    assert main(["mln", "map", *files, "-o", str(out)]) == 2
    assert "expected a file that may be written" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full")
def test_a_full_disk_is_an_error_with_a_name(files, capsys):
    assert main(["mln", "map", *files, "-o", "/dev/full"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: Could not open file '/dev/full': No space left on device",
    ]


def test_all_open_atoms_are_written_whatever_the_query(files, tmp_path):
    asked, whole = tmp_path / "asked.db", tmp_path / "whole.db"
    listed = run("mln", "map", *files, "-q", "Cancer", "-o", str(asked)).stdout
    everything = run("mln", "map", *files, "-o", str(whole)).stdout
    assert listed.split() == [f"Cancer({name})" for name in ("Ann", "Ben", "Cat")]
    assert everything.split() == ["Smokes(Ben)", "Smokes(Cat)", *listed.split()]
    assert sorted(asked.read_text().split()) == sorted(whole.read_text().split()) == sorted(everything.split())


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_bar_for_long_groundings(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    out = Terminal()
    program = parse_program("thing = {1,...,50}\nSame(thing, thing)\n1 Same(x,y) ^ Same(y,z) => Same(x,z)")
    with shown_progress(10**9, patience=0.0, file=out):
        ground(program)
    assert "grounding" in out.getvalue()
    assert "127550/127550" in out.getvalue()  # the end; what comes before depends on the clock
    assert "1/1 line 3: Same(x,y) ^ Same(y,z) => Same(x,z)" in out.getvalue()
    silent = StringIO()
    with shown_progress(10**9, patience=0.0, file=silent):
        ground(program)
    assert not silent.getvalue()


START = """import signal, sys
from imle.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs are started with SIGINT ignored
print('on', flush=True)
sys.exit(main())"""


LONG = "1 Same(x,y) ^ Same(y,z) => Same(x,z)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "arguments"), [(LONG, ["map"]), ("1 Same(x,y)", ["marginals", "-m", "gibbs", "--samples", "1000000"])]
)
def test_ctrl_c_ends_with_130(tmp_path, formula, arguments):
    program = tmp_path / "long.mln"
    program.write_text(f"thing = {{1,...,580}}\nSame(thing, thing)\n{formula}\n")
    child = subprocess.Popen(
        [sys.executable, "-c", START, "mln", *arguments, str(program)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "on\n"
    time.sleep(1.5 if formula == LONG else 4.0)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in out + err
