"""`imle new-plugin`: what it writes, what it refuses, and that what it writes is a whole plugin."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tools.release.projects import ROOT
from tools.release.projects import project as metadata_of

from imle.cli.scaffold import FILES


@pytest.fixture
def plugin(imle, tmp_path):
    """A plugin that has just been written."""
    code, out, err = imle("new-plugin", "bus-routes", "--path", str(tmp_path / "made" / "here"))
    assert (code, err) == (0, "")
    return tmp_path / "made" / "here" / "imle-bus-routes", out


def test_everything_is_there_and_nothing_is_left_to_fill_in(plugin):
    folder, out = plugin
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    expected = {place.replace("@PACKAGE@", "imle_bus_routes") for place in FILES.values()}
    assert set(found) == {*expected, "src/imle_bus_routes/py.typed"}
    assert not [name for name, text in found.items() if re.search("@[A-Z]+@", text)]
    for name in found:
        assert f"  {name}\n" in out
    assert f"cd {folder}\n" in out
    project = metadata_of(folder)
    assert project["name"] == "imle-bus-routes"
    ours = metadata_of(ROOT)
    assert {*project} >= {*ours} - {"scripts"}, "its metadata is as whole as ours"
    minor = ".".join(ours["version"].split(".")[:2])
    assert {*project["dependencies"]} == {f"imle~={minor}", *(line for line in ours["dependencies"] if "numpy" in line)}
    assert project["entry-points"] == {"imle.solvers": {"bus-routes": "imle_bus_routes.plugin"}}
    assert "class BusRoutesSolver(BaseSolver, spec=BUS_ROUTES):" in found["src/imle_bus_routes/solver.py"]
    assert "imle check bus-routes" in found[".github/workflows/test.yml"]
    assert "${{ matrix.python }}" in found[".github/workflows/test.yml"]


def test_it_is_clean_for_ruff(plugin):
    folder, _ = plugin
    tools = [sys.executable, "-m"]
    for arguments in (
        ["ruff", "check", "--isolated", "--line-length=120", "--select=E,F,W,I,N,UP,B,D1", "--ignore=D10"],
        ["ruff", "format", "--isolated", "--line-length=120", "--check"],
    ):
        done = subprocess.run([*tools, *arguments, str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "BusRoutes",
            "expected lower-case words joined by dashes, such as bus-routes, found 'BusRoutes'",
            "bus-routes",
        ),
        ("bus_routes", "found 'bus_routes'", "imle new-plugin bus-routes"),
        ("7-routes", "found '7-routes'", "imle new-plugin routes"),
        ("bus--routes", "found 'bus--routes'", "imle new-plugin bus-routes"),
        ("../routes", "found '../routes'", "imle new-plugin routes"),
        ("!", "found '!'", "imle new-plugin --help"),
        ("a" * 300, "expected at most 64 letters, found 300", "such as bus-routes"),
        ("a-" * 32 + "a", "expected at most 64 letters, found 65", "such as bus-routes"),
        ("topk", "'topk' is a solver of imle-topk already", "conflict"),
        ("imle-topk", "'topk' is a solver of imle-topk already", "conflict"),
    ],
)
def test_names_that_are_refused(imle, tmp_path, name, message, hint):
    code, out, err = imle("new-plugin", name, "--path", str(tmp_path))
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(imle, plugin):
    folder, _ = plugin
    (folder / "README.md").write_text("mine")
    code, _, err = imle("new-plugin", "imle-bus-routes", "--path", str(folder.parent))
    assert code == 2
    assert "expected a folder that is still to be made, found one\nhint: nothing was written" in err
    assert (folder / "README.md").read_text() == "mine"


def test_a_place_that_cannot_be_written(imle, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = imle("new-plugin", "bus-routes", "--path", str(tmp_path / "file" / "below"))
    assert code == 2
    assert "cannot be written: Not a directory" in err


def test_a_path_that_cannot_be(imle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = imle("new-plugin", "bus-routes", "--path", "x" * 300)
    assert (code, out) == (2, "")
    assert "cannot be written: File name too long" in err


def test_a_home_that_does_not_exist_is_a_folder_like_others(imle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert imle("new-plugin", "bus-routes", "--path", "~nobody-at-all").code == 0
    assert (tmp_path / "~nobody-at-all" / "imle-bus-routes").is_dir()


def test_the_longest_name_works(imle, tmp_path):
    name = "a" * 64
    assert imle("new-plugin", name, "--path", str(tmp_path)).code == 0
    assert (tmp_path / f"imle-{name}" / "src" / f"imle_{name}" / "plugin.py").is_file()
