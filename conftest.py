"""Every code block of every README is executed: Python blocks run, console blocks must print what they show."""

from __future__ import annotations

import gc
import os
import re
import shlex
import subprocess
import sys
import zlib
from collections.abc import Generator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

# on a loaded machine anything may take long; in CI, the same examples every time
settings.register_profile(
    "imle", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("imle")

ROOT = Path(__file__).parent
SLOW = (
    "README.md",
    "docs/*",
    "plugins/*/README.md",
    "plugins/*_brute_force.py",
    "plugins/*_enumeration.py",
    "plugins/*_workers.py",
    "plugins/*/test_conformance.py",
    "plugins/*/test_fuzz.py",
    "plugins/*/test_inference_*.py",
    "plugins/*_torch_home.py",
    "plugins/imle-gallery/*",
    "plugins/imle-ortools/*/test_ilp_*.py",
    "plugins/imle-pulp/*_native.py",
    "tests/benchmarks/*",
    "tests/cli/*",
    "tests/distribution/*",
    "tests/docs/*",
    "tests/examples/*",
    "tests/fuzz/*",
    "tests/mutants/*",
    "tests/parallel/*",
    "tests/testing/*",
    "tests/tools/*",
    "tests/torch_home/*",
)
"""Files whose tests start programs, build things, read all sources or search for long. Single ones elsewhere have the
mark themselves."""


def is_slow(path: Path) -> bool:
    """Whether all tests of a file are slow."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return any(fnmatch(name, pattern) for pattern in SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """A million objects of modules and tests stay to the end: nobody needs to look for garbage among them.

    Otherwise each `gc.collect()` of a test takes half a second, and a check for leaks makes two.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_slow(item.path):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Torch draws the same numbers in a test whatever ran before it, so that what fails fails again."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(zlib.crc32(item.nodeid.encode()))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make quick` does not even import what it leaves out."""
    return True if config.option.markexpr == "not slow" and is_slow(collection_path) else None


SHARED = {
    "tests/docs/test_notebooks.py": "site",
    "tests/docs/test_outside.py": "site",
    "tests/docs/test_site.py": "site",
    "tests/distribution/*": "wheels",
    "*.md": "",
}
"""Files whose tests share what takes long to make, by its name. In documents later blocks use names of earlier ones."""


class Together(LoadScopeScheduling):
    """Spread tests over workers one by one, except those that share something.

    While one worker makes it, the other does not wait for it, nor make another, but runs something else.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return next((name or file for pattern, name in SHARED.items() if fnmatch(file, pattern)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


def run_console(example: Example) -> None:
    """Run `$ command` lines; the lines that follow are its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for part in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, done.stderr
        assert [line.rstrip() for line in done.stdout.strip().splitlines()] == [
            line.rstrip() for line in expected.strip().splitlines()
        ], done.stdout


def check_setup(example: Example) -> None:
    """Set-up lines are not run inside their own environment, but what they name must exist."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for line in example.parsed.strip().replace("\\\n", " ").splitlines():
        command, *words = shlex.split(line, comments=True)
        if command == "make":
            assert {word for word in words if "=" not in word} <= set(targets), line
        else:
            assert [command, words[0]] == ["pip", "install"], line
            for word in words[1:]:
                assert word == "-e" or (ROOT / word.partition("[")[0]).is_dir(), line


pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser("python", PythonEvaluator()),
        CodeBlockParser("console", run_console),
        CodeBlockParser("sh", check_setup),
    ],
    patterns=["*.md"],
    path=str(ROOT),
).pytest()
