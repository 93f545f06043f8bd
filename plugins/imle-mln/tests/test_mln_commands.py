"""`imle mln map` and `imle mln ground`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from imle.cli.group import LazyGroup, Settings, imle

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
    return CliRunner().invoke(imle, list(args), obj=Settings())


def test_map_prints_the_true_atoms(files):
    result = run("mln", "map", *files, "--query", "Smokes")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Smokes(Ben)\nSmokes(Cat)\n"
    assert result.stderr == "score 13.5 (optimal); 2 of 2 open atoms true\n"


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


@pytest.mark.parametrize("engine", ["auto", "highs", "cp-sat", "min-cut", "enumeration"])
def test_every_engine_finds_the_same_score(files, engine):
    assert json.loads(run("mln", "map", *files, "--json", "--engine", engine).stdout)["score"] == pytest.approx(13.5)


def test_ground_prints_statistics(files):
    result = run("mln", "ground", *files)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["1.1", "9", "2", "Friends(x,y)", "^", "Smokes(x)", "=>", "Smokes(y)"] in lines
    assert ["atoms:", "5"] in lines
    assert json.loads(run("mln", "ground", *files, "--json").stdout)["atoms"] == 5


def test_errors_name_the_place(files, tmp_path):
    bad = tmp_path / "bad.mln"
    bad.write_text("Smokes(person)\n1.0 Smoke(x)\n")
    result = run("mln", "map", str(bad))
    assert result.exit_code != 0
    assert "line 2" in str(result.exception)
    assert run("mln", "map", "nowhere.mln").exit_code == 2
