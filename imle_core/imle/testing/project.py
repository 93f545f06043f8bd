"""A plugin's project folder, checked before it is installed: as if `pip install -e` had been run, for this process."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from imle.errors import PluginError, UnknownSolverError
from imle.plugins import ENTRY_POINT_GROUP, PluginState, SolverRecord, registry
from imle.plugins.installed import normal


def solvers_of(folder: Path) -> list[SolverRecord]:
    """The solvers a project contributes.

    Args:
        folder: with a pyproject.toml; packages are in `src` or in the folder itself.

    Raises:
        UnknownSolverError: it is no project of a plugin.
        PluginError: its plugin cannot be read.
    """
    project = _project(folder)
    name, points = project["name"], project.get("entry-points", {}).get(ENTRY_POINT_GROUP, {})
    if not points:
        raise UnknownSolverError(
            f"{folder}: its pyproject.toml has no entry point of the group {ENTRY_POINT_GROUP!r}",
            hint=f'[project.entry-points."{ENTRY_POINT_GROUP}"]',
        )
    _lay_out(folder, project, points)
    records = [record for record in registry.refresh() if normal(record.distribution) == normal(name)]
    for record in records:
        if record.spec is None:
            mend = record.fix
            if record.state is PluginState.BROKEN:  # the user is its author
                module = record.entry_point.partition(" = ")[2]
                mend = f"mend {module}; IMLE_PLUGINS_STRICT=1 imle --debug check {folder} shows the traceback"
            raise PluginError(f"{folder}: plugin {record.id!r} is {record.state}: {record.reason}", hint=mend)
    if not records:
        raise UnknownSolverError(f"{folder}: its plugin is not read", hint="imle list-solvers shows what is, and why")
    return records


def _project(folder: Path) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    if not file.is_file():
        raise UnknownSolverError(f"{folder}: expected a pyproject.toml, found none")
    try:
        project: dict[str, Any] = tomllib.loads(file.read_text())["project"]
        project["name"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise UnknownSolverError(f"{file}: expected [project] with a name: {error}") from error
    return project


def _lay_out(folder: Path, project: dict[str, Any], points: dict[str, str]) -> None:
    """Put the packages, and metadata that name the entry points and dependencies, first on `sys.path`."""
    name, version = project["name"], str(project.get("version", "0"))
    site = Path(tempfile.mkdtemp(prefix="imle-check-"))
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    needed = "".join(f"Requires-Dist: {line}\n" for line in project.get("dependencies", []))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
    lines = [f"[{ENTRY_POINT_GROUP}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    source = folder / "src" if (folder / "src").is_dir() else folder
    packages = [path.parent.name for path in source.glob("*/__init__.py")]
    (info / "top_level.txt").write_text("\n".join(packages))
    sys.path[:0] = [str(site), os.fspath(source)]
    importlib.invalidate_caches()
