"""What all distributions say alike.

The root's pyproject.toml says it; the plugins' repeat it, as do the citations and the licences, so that each file is
whole by itself. `python -m tools.release sync` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import Requirement

from tools.release.projects import FOLDERS, ROOT

KEYS = ("version", "readme", "requires-python", "license", "license-files", "authors", "classifiers", "urls")


def repeated() -> dict[Path, str]:
    """The files that repeat what the root says, with the text they have to have."""
    root = _read(ROOT)
    core = root["project"]
    texts = {}
    for folder in FOLDERS.values():
        document = _read(folder)
        document["build-system"] = root["build-system"]
        project = document["project"]
        for key in KEYS:
            if project.get(key) != core[key]:
                project[key] = core[key]
        for requirements in (project["dependencies"], *project.get("optional-dependencies", {}).values()):
            _require_this_version(requirements, core["version"])
        texts[folder / "pyproject.toml"] = tomlkit.dumps(document)
        texts[folder / "LICENSE"] = (ROOT / "LICENSE").read_text("utf-8")
    for file in (ROOT / "CITATION.cff", ROOT / "docs" / "citing.md"):
        texts[file] = _with_version_and_url(file.read_text("utf-8"), core["version"], core["urls"]["Source"])
    return texts


def _read(folder: Path) -> Any:
    return tomlkit.parse((folder / "pyproject.toml").read_text("utf-8"))


def _require_this_version(requirements: list[str], version: str) -> None:
    """Distributions of this repository go together: this version, or a later one that only mends it."""
    for position, line in enumerate(requirements):
        needed = Requirement(line)
        if needed.name in FOLDERS and not needed.extras:
            pinned = f"{needed.name}~={version}"
            if line != pinned:
                requirements[position] = pinned


def _with_version_and_url(text: str, version: str, url: str) -> str:
    """In the form of CITATION.cff, `version: 1.0`, and in that of BibTeX, `version = {1.0}`."""
    for key, value in {"version": version, "url": url, "repository-code": url}.items():
        text = re.sub(rf"^({key}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        text = re.sub(rf"(@software\{{[^@]*?\b{key} *= \{{)[^}}]*", rf"\g<1>{value}", text)
    return text
