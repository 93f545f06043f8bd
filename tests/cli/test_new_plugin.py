"""`imle new-plugin`: what it writes, what it refuses, and that what it writes is a whole plugin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tomllib

import pytest

from imle.cli.scaffold import FILES
from support.wheels import build, empty_environment, install_into

COMMAND = "import sys; from imle.cli import main; sys.exit(main())"
TRAIN = """
import imle, torch
layer = imle.layer("bus-routes", groups=[0, 0, 1], nb_samples=8, generator=torch.Generator().manual_seed(0))
scores = torch.nn.Parameter(torch.zeros(1, 3))
optimizer = torch.optim.SGD([scores], lr=1.0)
((layer(scores) - torch.tensor([[0.0, 1.0, 1.0]])) ** 2).sum().backward()
optimizer.step()
print(layer.eval()(scores).tolist())
"""


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
    project = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["name"] == "imle-bus-routes"
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


def environment(folder):
    """A new virtual environment that also sees what is installed in this one, and nothing in it yet.

    Returns:
        its interpreter and its site-packages.
    """
    scripts, site = empty_environment(folder)
    shared = sysconfig.get_paths()["purelib"]
    # addsitedir: editable installs are .pth files themselves
    (site / "shared.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    return scripts / "python", site


def test_it_builds_installs_passes_its_tests_and_trains(plugin, tmp_path):
    """The journey of a plugin's author, from the wheel on in a clean environment."""
    folder, _ = plugin
    python, site = environment(tmp_path / "venv")
    (wheel,) = build([folder], tmp_path / "wheels").values()
    install_into(site, wheel)

    def run(*arguments, cwd=tmp_path):
        done = subprocess.run([python, *arguments], capture_output=True, text=True, check=False, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (row,) = json.loads(run("-c", COMMAND, "list-solvers", "bus-*", "--json"))["solvers"]
    assert (row["qualified_id"], row["status"]) == ("imle-bus-routes/bus-routes", "ok")
    report = json.loads(run("-c", COMMAND, "check", "bus-routes", "--json"))
    assert report["ok"]
    assert report["reports"][0]["origin"] == "imle_bus_routes.conformance"
    assert run("-c", TRAIN) == "[[0.0, 1.0, 1.0]]\n"
    assert " passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
