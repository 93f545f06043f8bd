"""Clean environments made of wheels.

Nothing is downloaded: dependencies are links to what is installed beside these tests, and only to those that the
wheels declare, with what these declare in turn. An undeclared import thus fails as it would for a user.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.environments import OFFLINE, PIP, empty_environment


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        scripts: where its interpreter and its commands are.
    """

    scripts: Path

    def run(self, command: str, *arguments: str, code: int = 0, compiled: bool = False) -> str:
        """Run one of its commands, which must end with this code, and return what it prints.

        Kernels are compiled anew in each environment, for most of a minute; without that, they run as Python.
        """
        done = subprocess.run(
            [self.scripts / command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.scripts,
            env={"PATH": os.environ["PATH"], "NUMBA_DISABLE_JIT": "0" if compiled else "1"},
        )
        assert done.returncode == code, f"{command} {arguments} ends with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def pip(self, *arguments: str) -> None:
        """Run pip on it; there is none in it."""
        subprocess.run([*PIP, "--python", self.scripts / "python", *arguments], check=True)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command of imle answers."""
        return json.loads(self.run("imle", *arguments, "--json", code=code))

    def solvers(self) -> dict[str, str]:
        """State of each solver, by its qualified id."""
        return {row["qualified_id"]: row["status"] for row in self.json("list-solvers")["solvers"]}


def environment(folder: Path, wheels: Sequence[Path], *, beside: Sequence[str] = ()) -> Environment:
    """A clean environment with wheels installed and what they need, and with other packages named."""
    scripts, site = empty_environment(folder)
    for name in needed(wheels, beside):
        _link(distribution(name), site)
    made = Environment(scripts)
    made.pip("install", *OFFLINE, "--no-compile", *map(str, wheels))
    return made


def needed(wheels: Sequence[Path], beside: Sequence[str] = ()) -> set[str]:
    """Distributions that the wheels and `beside` require, directly or not, and that are not among the wheels."""
    given = _metadata(wheels)
    found: set[str] = set()
    queue = [*beside]
    queue += [requirement for metadata in given.values() for requirement in metadata.requires or ()]
    while queue:
        requirement = Requirement(queue.pop())
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and name not in found and name not in given:
            found.add(name)
            queue += distribution(name).requires or ()
    return found


def _metadata(wheels: Sequence[Path]) -> dict[str, PathDistribution]:
    """Metadata of wheels, by the name of the distribution."""
    named: dict[str, PathDistribution] = {}
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        named[canonicalize_name(name)] = PathDistribution(zipfile.Path(wheel, f"{name}-{version}.dist-info/"))
    return named


def _link(installed: Distribution, site: Path) -> None:
    """Make a distribution appear in another site-packages."""
    for name in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
        target = Path(str(installed.locate_file(name)))
        if target.suffix != ".pth" and not (site / name).exists():  # namespace packages belong to several
            (site / name).symlink_to(target)
