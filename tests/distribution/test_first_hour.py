"""A new user's first hour, with the wheels and nothing else: the README's first example, a notebook, a plugin."""

from __future__ import annotations

import json
import re

import pytest
from tools.release.build import build
from tools.release.projects import PLUGINS, ROOT, files_in

from distribution.environments import Environment, environment, needed
from imle.plugins.known import KNOWN
from support.environments import OFFLINE

README = (ROOT / "README.md").read_text()
EXAMPLE = re.search(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)[1]

CELLS = [
    cell
    for cell in json.loads((ROOT / "docs" / "notebooks" / "first-layer.ipynb").read_text())["cells"]
    if cell["cell_type"] == "code"
]
INSTALL, NOTEBOOK = "".join(CELLS[0]["source"]), "\n".join("".join(cell["source"]) for cell in CELLS[1:])

TRAIN = """
import imle, torch
layer = imle.layer("bus-routes", groups=[0, 0, 1], nb_samples=8, generator=torch.Generator().manual_seed(0))
scores = torch.nn.Parameter(torch.zeros(1, 3))
optimizer = torch.optim.SGD([scores], lr=1.0)
((layer(scores) - torch.tensor([[0.0, 1.0, 1.0]])) ** 2).sum().backward()
optimizer.step()
print(layer.eval()(scores).tolist())
"""


@pytest.fixture(scope="module")
def user(wheels, tmp_path_factory) -> Environment:
    """What the README's first example and the first notebook need, and pytest for the tests of the plugin."""
    plugins = {KNOWN[name] for name in re.findall(r'imle\.layer\(\s*"([\w-]+)"', EXAMPLE + NOTEBOOK)}
    plugins |= needed([wheels[name] for name in plugins]) & {*PLUGINS}
    folder = tmp_path_factory.mktemp("user") / "venv"
    return environment(folder, [wheels[name] for name in ("imle", *sorted(plugins))], beside=["pytest", "matplotlib"])


def test_the_first_example_of_the_readme(user):
    assert user.run("python", "-c", EXAMPLE, compiled=True)


def test_the_first_notebook(user):
    extras = re.search(r"imle\[([\w,]+)\]", INSTALL)[1].split(",")
    assert {*extras} == {"topk", "networkx", "plot"}, "what the environment has"
    user.run("python", "-c", NOTEBOOK, compiled=True)


def test_a_plugin_is_written_checked_built_installed_listed_and_trained(user, tmp_path):
    user.run("imle", "new-plugin", "bus-routes", "--path", str(tmp_path))
    folder = tmp_path / "imle-bus-routes"
    user.run("imle", "check", str(folder))
    build(folder, tmp_path / "dist")
    user.pip("install", *OFFLINE, *map(str, files_in(tmp_path / "dist", ".whl").values()))
    (row,) = user.json("list-solvers", "bus-*")["solvers"]
    assert (row["qualified_id"], row["status"]) == ("imle-bus-routes/bus-routes", "ok")
    report = user.json("check", "bus-routes")
    assert report["ok"]
    assert report["reports"][0]["origin"] == "imle_bus_routes.conformance"
    assert user.run("python", "-c", TRAIN) == "[[0.0, 1.0, 1.0]]\n"
    assert " passed" in user.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))
