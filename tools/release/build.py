"""Source distributions and wheels: from one commit always the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.release.projects import FOLDERS, ROOT, project

_RELATIVE = re.compile(r"^```.*?^```$|(?<=\]\()(?!\w+:|#)[^)\s]+", flags=re.MULTILINE | re.DOTALL)
"""The target of a link or a picture in Markdown; or a block of code, in which nothing is one."""

_PICTURES = (".gif", ".jpg", ".png", ".svg")


def build(folder: Path, into: Path, *, time: str | None = None) -> None:
    """Build a project's source distribution, and from that its wheel.

    Args:
        folder: with a pyproject.toml.
        into: where the two files go.
        time: of all files in them, in seconds since 1970; by default what the build backend takes.
    """
    environment = os.environ | ({} if time is None else {"SOURCE_DATE_EPOCH": time})
    command: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", into, folder]
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{folder}: cannot be built\n{done.stdout.decode()}")


def build_all(into: Path) -> None:
    """Build every distribution of this repository as it is published."""
    time = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct").strip()
    with tempfile.TemporaryDirectory() as folder:
        for name in FOLDERS:
            build(staged(name, Path(folder)), into, time=time)


def staged(name: str, parent: Path) -> Path:
    """Copy a distribution's sources: what git knows of them, and a README whose links work outside this repository."""
    source, copy = FOLDERS[name], parent / name
    settings = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    wanted = [*settings["sdist"]["include"], "pyproject.toml"] if "sdist" in settings else ["."]
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for line in _git(*listing, "--", *wanted, at=source).split("\0"):
        if line and (source / line).exists():  # or it was deleted, and that is not committed yet
            (copy / line).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / line, copy / line)
    readme = copy / "README.md"
    readme.write_text(with_absolute_links(readme.read_text("utf-8"), source), "utf-8")
    return copy


def with_absolute_links(markdown: str, folder: Path) -> str:
    """Point relative links and pictures at this version on the project's site.

    Args:
        markdown: a README.
        folder: where it stands in this repository.
    """
    core = project(ROOT)
    pages, files = (f"{core['urls']['Source']}/{view}/v{core['version']}" for view in ("blob", "raw"))

    def absolute(match: re.Match[str]) -> str:
        if match[0].startswith("```"):
            return match[0]
        path, mark, anchor = match[0].partition("#")
        place = Path(os.path.normpath(folder / path)).relative_to(ROOT).as_posix()
        return f"{files if place.endswith(_PICTURES) else pages}/{place}{mark}{anchor}"

    return _RELATIVE.sub(absolute, markdown)


def _git(*arguments: str | Path, at: Path = ROOT) -> str:
    return subprocess.run(["git", *arguments], cwd=at, check=True, capture_output=True, text=True).stdout
