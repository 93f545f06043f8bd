"""Wheels of every distribution of this repository and of the fixture plugins, built once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from tools.release.build import build, build_all
from tools.release.projects import files_in

from distribution.environments import Environment, environment
from fixtures.install import HERE

FIXTURES = ("good", "broken", "clashing", "incompatible", "slow-to-import")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of all that is published: IMLE_DIST, which `make dist` has built, or one built here."""
    if "IMLE_DIST" in os.environ:
        return Path(os.environ["IMLE_DIST"])
    return _made_once(tmp_path_factory, worker_id, "dist", build_all)


@pytest.fixture(scope="session")
def wheels(published: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    """What is published and the fixture plugins, by the name of the distribution."""

    def build_fixtures(into: Path) -> None:
        for name in FIXTURES:
            build(HERE / name, into)

    fixtures = _made_once(tmp_path_factory, worker_id, "fixtures", build_fixtures)
    return files_in(published, ".whl") | files_in(fixtures, ".whl")


def _made_once(factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and the others wait for."""
    base = factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(folder)
    return folder


@pytest.fixture
def installed(wheels: dict[str, Path], tmp_path: Path) -> Callable[..., Environment]:
    """A clean environment with the named distributions, the core among them."""

    def run(*names: str) -> Environment:
        return environment(tmp_path / "venv", [wheels[name] for name in ("imle", *names)])

    return run
