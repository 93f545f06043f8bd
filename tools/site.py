"""`make site`: the documentation of every release and of this checkout, side by side, with a switch between them.

A release is a tag such as v1.2.0. It is built once, from its own sources, into a folder of its name; what is built
already is left as it is. Everything is files: any server of files, or none, will do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
CHECKOUT = "dev"
PAGE = """<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={name}/index.html">
<title>imle</title>
<a href="{name}/index.html">imle {name}</a>
"""


def releases(root: Path) -> list[str]:
    """Versions that have a tag, the newest first."""
    tags = subprocess.run(["git", "tag", "--list", "v*"], cwd=root, capture_output=True, text=True, check=True).stdout
    found = {}
    for tag in tags.split():
        with suppress(InvalidVersion):
            found[Version(tag.removeprefix("v"))] = tag.removeprefix("v")
    return [found[version] for version in sorted(found, reverse=True)]


def build_release(root: Path, name: str, into: Path) -> None:
    """Build the pages of a tag, with the packages of that tag before those of this environment."""
    with tempfile.TemporaryDirectory() as folder:
        checkout, packages = f"{folder}/checkout", f"{folder}/packages"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", checkout, f"v{name}"], cwd=root, check=True)
        try:
            projects = [checkout, *(str(path.parent) for path in Path(checkout).glob("plugins/*/pyproject.toml"))]
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            options = ["--no-deps", "--no-index", "--no-build-isolation", "--target", packages]
            subprocess.run([*pip, *options, *projects], check=True)
            build_pages(Path(checkout), name, into, packages)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", checkout], cwd=root, check=True)


def build_pages(checkout: Path, name: str, into: Path, packages: str | None = None) -> None:
    """Build the pages of a folder, with the switch; in the folder, so that only pages end up in the site."""
    path = os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))
    options = ["--quiet", "--builder", "html", "--html-define", f"versioned={name}"]
    options += [] if packages else ["--fail-on-warning", "--keep-going"]  # a newer Sphinx may warn of old pages
    made = checkout / "docs" / "_build"
    folders = ["--doctree-dir", f"{made}/versioned-doctrees", f"{checkout}/docs", f"{made}/versioned"]
    shutil.rmtree(made / "versioned", ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", *options, *folders]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True)
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(made / "versioned", into)


def index(site: Path, names: list[str]) -> None:
    """List the versions for the switch, and lead to the first of them."""
    versions = [
        {"name": name, "pages": sorted(p.relative_to(site / name).as_posix() for p in (site / name).rglob("*.html"))}
        for name in names
    ]
    (site / "versions.js").write_text(f"showVersions({json.dumps(versions)})\n", "utf-8")
    (site / "index.html").write_text(PAGE.format(name=names[0]), "utf-8")


def main(root: Path, site: Path) -> None:
    """Build what is not there yet, and this checkout in any case."""
    names = releases(root)
    for name in names:
        if not (site / name).exists():
            build_release(root, name, site / name)
    build_pages(root, CHECKOUT, site / CHECKOUT)
    index(site, [*names, CHECKOUT])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, nargs="?", default=ROOT / "docs" / "_build" / "site")
    main(ROOT, parser.parse_args().site)
