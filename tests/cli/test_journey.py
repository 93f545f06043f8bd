"""A user's journey: build a plugin's wheel, install it, see it listed, train with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fixtures.install import HERE
from support.wheels import build, install_into

TRAIN = """
import imle, torch
weight = torch.zeros(3, requires_grad=True)
optimiser = torch.optim.SGD([weight], lr=1.0)
layer = imle.layer("fixture-argmax", nb_samples=8, generator=torch.Generator().manual_seed(0))
gold = torch.tensor([[0.0, 0.0, 1.0]])
loss = ((layer(weight.expand(1, 3)) - gold) ** 2).sum()
loss.backward()
optimiser.step()
print(bool(weight.argmax() == 2), bool(torch.isfinite(weight).all()))
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """The directory into which the good plugin was installed, from its own wheel and without a network."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("target")
    (wheel,) = build([HERE / "good"], wheels).values()
    install_into(target, wheel)
    return target


def run(target, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(target)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_plugin_is_listed(target):
    code = "import sys; from imle.cli import main; sys.exit(main())"
    rows = json.loads(run(target, "-c", code, "list-solvers", "fixture-*", "--json"))["solvers"]
    assert [(row["qualified_id"], row["version"], row["status"]) for row in rows] == [
        ("imle-fixture-good/fixture-argmax", "1.2", "ok")
    ]


def test_a_training_step_with_it(target):
    assert run(target, "-c", TRAIN) == "True True\n"
