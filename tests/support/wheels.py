"""Wheels built and environments made offline, as on a machine without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = ["--no-deps", "--no-index"]


class Folders(NamedTuple):
    """Of a virtual environment: its interpreter and commands, and its packages."""

    scripts: Path
    site: Path


def build(projects: Iterable[Path], into: Path) -> dict[str, Path]:
    """Wheels of projects, by the name of the distribution."""
    subprocess.run([*PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", into, *projects], check=True)
    return wheels_in(into)


def wheels_in(folder: Path) -> dict[str, Path]:
    """By the name of the distribution."""
    return {canonicalize_name(wheel.name.partition("-")[0]): wheel for wheel in folder.glob("*.whl")}


def install_into(site: Path, wheel: Path) -> None:
    """Unpack a wheel into a folder of packages."""
    subprocess.run([*PIP, "install", *OFFLINE, "--target", site, wheel], check=True)


def empty_environment(folder: Path) -> Folders:
    """A virtual environment with nothing in it, pip neither."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    return Folders(Path(paths["scripts"]), Path(paths["purelib"]))
