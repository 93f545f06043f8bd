"""The site of several versions: each is built from its own tag, and the switch leads from one to the other."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.chromium import Tab, needs_chromium, opened
from tools import site

DOCS = Path(__file__).parents[2] / "docs"
CONF = """\
import importlib.metadata

project, release = "small", importlib.metadata.version("small-project")
html_theme = "furo"
templates_path = [{templates!r}]
html_sidebars = {{"**": ["versions.html"]}}
"""
IDENTITY = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
IDENTITY |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in IDENTITY.items()}


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, **IDENTITY})


def release(folder: Path, version: str, *pages: str) -> None:
    """Commit a version with these pages, each of which says the version of the package that was there."""
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "small-project"\nversion = "{version}"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["small_project"]\n'
    )
    for page in pages:
        (folder / "docs" / f"{page}.rst").write_text(f":orphan:\n\n{page}\n=====\n\nPages of |release|.\n")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "--quiet", "-m", version)
    run(folder, "git", "tag", f"v{version}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases and a checkout, of a project with one module."""
    pytest.importorskip("furo")
    root = tmp_path_factory.mktemp("project")
    for folder in ("docs", "small_project"):
        (root / folder).mkdir()
    (root / "small_project" / "__init__.py").touch()
    (root / "docs" / "conf.py").write_text(CONF.format(templates=str(DOCS / "_templates")))
    run(root, "git", "init", "--quiet")
    release(root, "0.9.0", "index")
    release(root, "0.10.0", "index", "guide")
    run(root, "git", "tag", "vendored")
    assert site.releases(root) == ["0.10.0", "0.9.0"]
    result = root.parent / "site"
    for name in site.releases(root):
        site.build_release(root, name, result / name)
    site.index(result, site.releases(root))
    return result


def test_every_version_is_built_from_its_own_sources(built: Path):
    assert "Pages of 0.9.0." in (built / "0.9.0" / "index.html").read_text()
    assert "Pages of 0.10.0." in (built / "0.10.0" / "guide.html").read_text()
    assert not (built / "0.9.0" / "guide.html").exists()
    assert 'url=0.10.0/index.html"' in (built / "index.html").read_text()


def arrived(tab: Tab, ending: str) -> None:
    """Wait for a page; while the browser goes there, it has no answer to questions."""
    for _ in range(600):
        with suppress(AssertionError):
            if tab.value(f"location.pathname.endsWith({ending!r}) && document.readyState === 'complete'"):
                return
        time.sleep(0.1)
    raise TimeoutError(f"the browser is not at {ending}")


@needs_chromium
def test_the_switch_leads_to_the_same_page_or_to_the_start(built: Path):
    pick = """(name) => {
      const select = document.querySelector(".versions select")
      const seen = [select.value, [...select.options].map((option) => option.value)]
      select.value = name
      select.dispatchEvent(new Event("change"))
      return seen
    }"""
    with opened(built / "0.10.0" / "guide.html") as tab:
        assert tab.value(f"({pick})('0.9.0')") == ["0.10.0", ["0.10.0", "0.9.0"]]
        arrived(tab, "/0.9.0/index.html")
        assert tab.value(f"({pick})('0.10.0')")[0] == "0.9.0"
        arrived(tab, "/0.10.0/index.html")
        assert tab.console == []
