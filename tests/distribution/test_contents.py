"""What is in the files that are published, and what must not be."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import PurePosixPath

import pytest
from packaging.requirements import Requirement
from tools.release.build import build, staged, with_absolute_links
from tools.release.projects import FOLDERS, ROOT, files_in, project

CORE = project(ROOT)
RELATIVE = re.compile(r"\]\((?!\w+:|#)[^)]*\)")


@pytest.fixture(params=FOLDERS)
def name(request) -> str:
    return request.param


@pytest.fixture
def wheel(published, name) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(files_in(published, ".whl")[name]) as archive:
        yield archive


def is_test(path: PurePosixPath) -> bool:
    return "tests" in path.parts or path.match("test_*.py") or path.match("conftest.py")


def test_a_wheel_holds_one_typed_package_and_no_tests(wheel, name):
    paths = [PurePosixPath(entry) for entry in wheel.namelist()]
    package = name.replace("-", "_")
    assert {path.parts[0] for path in paths} == {package, f"{package}-{CORE['version']}.dist-info"}
    assert PurePosixPath(package, "py.typed") in paths
    assert [path for path in paths if is_test(path)] == []


def test_the_metadata_is_whole(wheel, name):
    info = f"{name.replace('-', '_')}-{CORE['version']}.dist-info"
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    own = project(FOLDERS[name])
    assert metadata["Version"] == CORE["version"]
    assert metadata["Summary"] == own["description"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Author"] == "The imle developers"
    assert metadata["Keywords"].split(",") == sorted(own["keywords"])
    assert sorted(metadata.get_all("Classifier")) == sorted(CORE["classifiers"])
    assert dict(line.split(", ") for line in metadata.get_all("Project-URL")) == CORE["urls"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    readme = metadata.get_payload()
    assert readme.startswith(f"# {name}\n")
    assert not RELATIVE.search(readme)


def test_siblings_are_of_one_version(wheel, name):
    info = f"{name.replace('-', '_')}-{CORE['version']}.dist-info"
    metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    siblings = [needed for needed in map(Requirement, metadata.get_all("Requires-Dist")) if needed.name in FOLDERS]
    assert siblings
    assert {str(needed.specifier) for needed in siblings if not needed.extras} == {f"~={CORE['version']}"}


def test_a_source_distribution_holds_the_package_and_what_goes_with_it(published, wheel, name):
    with tarfile.open(files_in(published, ".tar.gz")[name]) as archive:
        paths = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {"LICENSE", "README.md", "pyproject.toml"} <= paths
    source = "imle_core" if name == "imle" else "src"
    packed = {f"{source}/{entry}" for entry in wheel.namelist() if ".dist-info/" not in entry}
    assert {path for path in paths if path.startswith(f"{source}/")} == packed


def test_an_index_would_take_them(published):
    files = sorted(map(str, published.glob("*.*")))
    assert len(files) == 2 * len(FOLDERS)
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_sources_give_the_same_bytes(tmp_path):
    """Whatever the times and modes of the files, and whatever is beside them."""
    for attempt in ("first", "second"):
        copy = staged("imle-topk", tmp_path / attempt)
        (copy / "pyproject.toml").chmod(0o600 if attempt == "first" else 0o644)
        build(copy, tmp_path / f"{attempt}-files", time="1700000000")
    first, second = (sorted((tmp_path / f"{attempt}-files").iterdir()) for attempt in ("first", "second"))
    assert [path.suffix for path in first] == [".whl", ".gz"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_links_lead_to_this_version():
    source, version = CORE["urls"]["Source"], CORE["version"]
    text = """\
[imle](../../README.md#solvers), [here](#here), [there](https://example.org), ![a map](map.svg)
[![a film](film.gif)](LICENSE)
```python
values[0](1)
```
"""
    assert (
        with_absolute_links(text, ROOT / "plugins" / "imle-topk")
        == f"""\
[imle]({source}/blob/v{version}/README.md#solvers), [here](#here), [there](https://example.org), \
![a map]({source}/raw/v{version}/plugins/imle-topk/map.svg)
[![a film]({source}/raw/v{version}/plugins/imle-topk/film.gif)]({source}/blob/v{version}/plugins/imle-topk/LICENSE)
```python
values[0](1)
```
"""
    )
