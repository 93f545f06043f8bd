"""Stale metadata: what the installed distributions say of themselves, and what is really there."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlparse

from imle.plugins import COMMAND_GROUP, ENTRY_POINT_GROUP, ESTIMATOR_GROUP
from imle.plugins.installed import name_and_version, normal


class Finding(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        subject: what it is about.
        text: what is wrong.
        fix: what mends it.
        fatal: whether imle cannot work because of it, or may do something else than it seems.
    """

    subject: str
    text: str
    fix: str
    fatal: bool = False


_GROUPS = (ENTRY_POINT_GROUP, ESTIMATOR_GROUP, COMMAND_GROUP)


def stale_metadata(found: Iterable[Distribution] | None = None) -> list[Finding]:
    """Look at imle and its plugins.

    Args:
        found: in the order of `sys.path`; by default all there are.
    """
    ours: dict[str, list[Distribution]] = {}
    for distribution in distributions() if found is None else found:
        if _is_ours(distribution):
            ours.setdefault(normal(name_and_version(distribution)[0]), []).append(distribution)
    return [
        finding for name, copies in sorted(ours.items()) for finding in (*_copies(name, copies), *_editable(copies[0]))
    ]


def _is_ours(distribution: Distribution) -> bool:
    name = normal(name_and_version(distribution)[0])
    points = _text(distribution, "entry_points.txt") or ""
    return name == "imle" or any(group in points for group in _GROUPS)


def _copies(name: str, copies: list[Distribution]) -> Iterator[Finding]:
    """More than one installation: Python takes the first, whatever was meant."""
    places = {str(Path(str(copy.locate_file("")))): name_and_version(copy)[1] for copy in reversed(copies)}
    versions = sorted({name_and_version(copy)[1] for copy in copies})
    if len(copies) > len(places):
        listed = " and ".join(versions) if len(versions) > 1 else f"{versions[0]} twice"
        yield Finding(
            name,
            f"has metadata of more than one installation in one place: {listed}",
            f"pip uninstall {name} until nothing is left, then install it again",
            fatal=True,
        )
    elif len(places) > 1:
        listed = ", ".join(f"{version} in {place}" for place, version in reversed(places.items()))
        yield Finding(name, f"is installed more than once: {listed}", f"pip uninstall {name} takes the first away")


def _editable(distribution: Distribution) -> Iterator[Finding]:
    """An editable installation: what its pyproject.toml says now, and what it said when it was installed."""
    name, version = name_and_version(distribution)
    folder = _folder(distribution)
    if folder is None:
        return
    again = f"pip install --no-deps -e {folder}"
    if not folder.is_dir():
        yield Finding(
            name, f"is an editable installation of {folder}, which is gone", f"pip uninstall {name}", fatal=True
        )
        return
    project = _project(folder)
    if project is None:
        return
    declared = project.get("version", version)
    if declared != version:
        yield Finding(name, f"is installed as {version}, but its pyproject.toml says {declared}", again)
    tables = [project.get("entry-points", {}).get(group, {}) for group in _GROUPS]
    wanted = {f"{key} = {value}" for points in tables for key, value in points.items()}
    installed = {f"{p.name} = {p.value}" for group in _GROUPS for p in distribution.entry_points.select(group=group)}
    if "entry-points" not in project.get("dynamic", ()) and wanted != installed:
        differing = ", ".join(sorted(wanted ^ installed))
        yield Finding(name, f"has other entry points than its pyproject.toml: {differing}", again, fatal=True)


def _folder(distribution: Distribution) -> Path | None:
    """Where an editable installation comes from."""
    try:
        origin: dict[str, Any] = json.loads(_text(distribution, "direct_url.json") or "{}")
        if not origin.get("dir_info", {}).get("editable"):
            return None
        return Path(unquote(urlparse(origin["url"]).path))
    except (ValueError, KeyError, AttributeError):
        return None


def _project(folder: Path) -> dict[str, Any] | None:
    try:
        project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return None
    return project


def _text(distribution: Distribution, name: str) -> str | None:
    try:
        return distribution.read_text(name)
    except Exception:  # unreadable: discovery says so where it concerns us
        return None
