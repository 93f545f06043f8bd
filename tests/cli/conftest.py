"""Fixtures for the tests of the command line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import pytest

from fixtures.install import install, only, site
from imle.cli import main

__all__ = ["bare_imle", "bare_site", "imle", "install", "only", "site", "terminal"]

RUN = "import sys; from imle.cli import main; sys.exit(main())"


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def imle(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process, where stdout is no terminal; processes that it starts write to the same files."""

    def run(*arguments: str) -> Outcome:
        code = main(arguments)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site directory with imle and what its command line needs, but with no plugin and no torch: only links."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("imle", "click", "pluggy", "rich"):
        package = importlib.import_module(name)
        (folder / name).symlink_to(Path(str(package.__file__)).parent)
        found = distribution(name)
        metadata = Path(str(found.locate_file(f"{found.name}-{found.version}.dist-info")))
        (folder / metadata.name).symlink_to(metadata)
    return folder


@pytest.fixture
def bare_imle(bare_site: Path) -> Callable[..., Outcome]:
    """Run a command in a process of its own that sees `bare_site` and the given directories, and nothing else."""

    def run(*arguments: str, path: Path | None = None, env: Mapping[str, str] | None = None) -> Outcome:
        paths = [*([str(path)] if path else []), str(bare_site)]
        # -S: no site-packages, hence no plugins but those in PYTHONPATH
        command = [sys.executable, "-S", "-W", "error", "-c", RUN, *arguments]
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths), **(env or {})}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make rich take stdout for a colour terminal of the given width."""

    def be(columns: int) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(columns))
        for name in ("NO_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)

    return be
