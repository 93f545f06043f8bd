"""Environments made offline, as on a machine without a network."""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path
from typing import NamedTuple

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = ["--no-deps", "--no-index"]


class Folders(NamedTuple):
    """Of a virtual environment: its interpreter and commands, and its packages."""

    scripts: Path
    site: Path


def empty_environment(folder: Path) -> Folders:
    """A virtual environment with nothing in it, pip neither."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    return Folders(Path(paths["scripts"]), Path(paths["purelib"]))
