"""Writing a plugin from templates: names, files, and refusals."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import imle
from imle.errors import OptionError
from imle.plugins import solvers
from imle.plugins.known import KNOWN

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")

LONGEST = 64
"""Letters of an id: it becomes the name of folders, modules and wheels."""

FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "LICENSE.txt": "LICENSE",
    "gitignore.txt": ".gitignore",
    "test.yml.txt": ".github/workflows/test.yml",
    "init.py.txt": "src/@PACKAGE@/__init__.py",
    "plugin.py.txt": "src/@PACKAGE@/plugin.py",
    "solver.py.txt": "src/@PACKAGE@/solver.py",
    "conformance.py.txt": "src/@PACKAGE@/conformance.py",
    "test_conformance.py.txt": "tests/test_conformance.py",
    "test_training.py.txt": "tests/test_training.py",
}
"""Template and where it goes. Templates end in .txt so that no tool takes them for code."""


def names_of(name: str) -> dict[str, str]:
    """What a plugin's parts are called: what stands for @NAME@, @PACKAGE@ and so on in the templates.

    Args:
        name: of the solver; "imle-bus-routes" is "bus-routes" too.

    Raises:
        OptionError: it cannot be an id, a package name, or it is taken.
    """
    solver = name.removeprefix("imle-")
    if not _NAME.match(solver):
        raise OptionError(
            f"name: expected lower-case words joined by dashes, such as bus-routes, found {name!r}",
            hint=_suggestion(solver),
        )
    if len(solver) > LONGEST:
        raise OptionError(
            f"name: expected at most {LONGEST} letters, found {len(solver)}",
            hint="take a short one, such as bus-routes",
        )
    taken = KNOWN.get(solver) or next((r.distribution for r in solvers() if r.id == solver), None)
    if taken:
        raise OptionError(
            f"name: {solver!r} is a solver of {taken} already", hint="two solvers with one id are a conflict"
        )
    words = solver.split("-")
    stem = "".join(word.capitalize() for word in words)
    return {
        "NAME": solver,
        "DISTRIBUTION": f"imle-{solver}",
        "PACKAGE": "_".join(["imle", *words]),
        "TITLE": " ".join(words).capitalize(),
        "CLASS": f"{stem}Solver",
        "STEM": stem,
        "CONSTANT": "_".join(words).upper(),
        "IMLE": ".".join(imle.__version__.split(".")[:2]),
    }


def _suggestion(name: str) -> str:
    close = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-0123456789")
    return f"imle new-plugin {close}" if _NAME.match(close) else "imle new-plugin --help shows examples"


def write(names: Mapping[str, str], parent: Path) -> Path:
    """Write the plugin into a new folder.

    Args:
        names: see `names_of`.
        parent: the folder it is put into.

    Returns:
        The new folder.

    Raises:
        OptionError: it is there already, or cannot be written.
    """

    def fill(text: str) -> str:
        return re.sub(r"@([A-Z]+)@", lambda match: names[match[1]], text)

    folder = Path(os.path.expanduser(parent)) / names["DISTRIBUTION"]  # pathlib's own raises where there is no home
    templates = files("imle.cli") / "templates" / "plugin"
    try:
        if folder.exists():
            raise OptionError(
                f"{folder}: expected a folder that is still to be made, found one",
                hint="nothing was written; take another name, or another --path",
            )
        for template, place in FILES.items():
            path = folder / fill(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fill((templates / template).read_text("utf-8")), "utf-8")
        (folder / "src" / names["PACKAGE"] / "py.typed").touch()
    except OSError as error:
        raise OptionError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder
