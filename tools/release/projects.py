"""The distributions of this repository."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))
FOLDERS = {"imle": ROOT, **{name: ROOT / "plugins" / name for name in PLUGINS}}
"""By the name of the distribution, the core first."""


def project(folder: Path) -> dict[str, Any]:
    """The `[project]` table of a folder's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def files_in(folder: Path, ending: str) -> dict[str, Path]:
    """Wheels (".whl") or source distributions (".tar.gz") of a folder, by the name of the distribution."""
    return {canonicalize_name(path.name.partition("-")[0]): path for path in folder.glob(f"*{ending}")}
