"""What a release relies on: one version for all distributions, named by the changelog, tested on what they claim."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from distribution.environments import PLUGINS, ROOT


def project(folder: str) -> dict:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


CORE = project(".")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_has_the_version_of_the_core_and_asks_for_one_that_fits(plugin):
    metadata = project(f"plugins/{plugin}")
    assert metadata["version"] == CORE["version"]
    assert metadata["requires-python"] == CORE["requires-python"]
    for requirement in map(Requirement, metadata["dependencies"]):
        if requirement.name == "imle" or requirement.name in PLUGINS:
            assert requirement.specifier.contains(CORE["version"]), str(requirement)


def test_the_changelog_begins_with_this_version_or_with_what_is_not_released():
    first = re.search(r"^## \[?(.+?)\]?(?: .*)?$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert first is not None
    assert first[1] in ("Unreleased", CORE["version"])


def test_the_workflow_runs_on_the_python_versions_that_are_claimed():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    versions = re.findall(r'"(3\.\d+)"', workflow)
    claimed = SpecifierSet(CORE["requires-python"])
    assert versions == sorted(versions, key=Version)
    assert all(version in claimed for version in versions)
    major, minor = map(int, versions[0].split("."))
    assert f"{major}.{minor - 1}" not in claimed, "the oldest version that is claimed is tested"
