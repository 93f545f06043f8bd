"""What a release relies on: metadata that is alike everywhere, and tested on what it claims."""

from __future__ import annotations

import re

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from tools.release.lowest import constraints, declared
from tools.release.projects import FOLDERS, ROOT, project
from tools.release.shared import repeated

CORE = project(ROOT)


@pytest.mark.parametrize("path", repeated(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_repeat_what_the_root_says(path):
    assert path.read_text() == repeated()[path], "python -m tools.release sync"


def test_the_changelog_begins_with_this_version_or_with_what_is_not_released():
    first = re.search(r"^## \[?(.+?)\]?(?: .*)?$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert first is not None
    assert first[1] in ("Unreleased", CORE["version"])


def test_the_workflow_runs_on_the_python_versions_that_are_claimed():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    tested = re.search(r"python: \[(.*)\]", workflow)
    assert tested is not None
    versions = re.findall(r'"(3\.\d+)"', tested[1])
    assert versions == sorted(versions, key=Version)
    claimed = [line.rpartition(" ")[2] for line in CORE["classifiers"] if line.startswith("Programming Language")]
    assert versions == [version for version in claimed if "." in version]
    assert all(version in SpecifierSet(CORE["requires-python"]) for version in versions)
    assert f"3.{int(versions[0][2:]) - 1}" not in SpecifierSet(CORE["requires-python"]), "the oldest one is tested"
    assert "make dist" in workflow
    assert "make lowest" in workflow


def test_packages_have_one_lower_bound_each():
    """So that one environment, that of `make lowest`, tests the bounds of all distributions."""
    assert {name: bounds for name, bounds in declared().items() if len(bounds) > 1} == {}
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in constraints()), constraints()


@pytest.mark.parametrize("name", FOLDERS)
def test_keywords_are_given(name):
    assert project(FOLDERS[name])["keywords"]
