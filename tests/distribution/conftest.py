"""Wheels of every distribution of this repository and of the fixture plugins, built once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from distribution.environments import PLUGINS, ROOT, Environment, environment
from fixtures.install import HERE
from support.wheels import build, wheels_in

FIXTURES = ("good", "broken", "clashing", "incompatible", "slow-to-import")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    """By the name of the distribution; workers share them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "wheels"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            projects = [ROOT, *(ROOT / "plugins" / name for name in PLUGINS), *(HERE / name for name in FIXTURES)]
            return build(projects, folder)
    return wheels_in(folder)


@pytest.fixture
def installed(wheels: dict[str, Path], tmp_path: Path) -> Callable[..., Environment]:
    """A clean environment with the named distributions, the core among them."""

    def run(*names: str) -> Environment:
        return environment(tmp_path / "venv", [wheels[name] for name in ("imle", *names)])

    return run
