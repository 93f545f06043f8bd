"""'Write a plugin in 15 minutes', done as it says: its commands, in its order, with its files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support.environments import OFFLINE, PIP, empty_environment

PAGE = Path(__file__).parents[2] / "docs" / "write-a-plugin.md"
BLOCK = re.compile(r"```\{code-block\} (\w+)\n(?::caption: (\S+)\n)?\n?(.*?)```\n", flags=re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A file to write, or a command to run with what it must print (if the page shows that)."""

    file: str = ""
    text: str = ""
    command: str = ""
    shown: str = ""


def steps(page: str) -> Iterator[Step]:
    for language, caption, text in BLOCK.findall(page):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                yield Step(command=command, shown=shown)
        else:
            assert caption, f"a block that is neither a command nor a file: {text[:60]!r}"
            yield Step(file=caption, text=text)


def environment(folder: Path) -> Path:
    """A new virtual environment that sees what is installed here; returns the folder of its commands."""
    scripts, site = empty_environment(folder)
    shared = sysconfig.get_paths()["purelib"]
    (site / "shared.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    for name, module in {"imle": "imle.cli", "pytest": "pytest"}.items():
        command = scripts / name
        command.write_text(f"#!{scripts / 'python'}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        command.chmod(0o755)
    return scripts


class Author:
    """Somebody who follows the page."""

    def __init__(self, folder: Path, scripts: Path) -> None:
        self.folder = folder
        self.scripts = scripts

    def do(self, step: Step) -> None:
        words = shlex.split(step.command)
        if step.file:
            path = self.folder / step.file
            assert path.exists() or len(path.relative_to(self.folder).parts) == 1, f"{step.file}: not of the scaffold"
            path.write_text(step.text)
        elif words[0] == "cd":
            self.folder /= words[1]
        elif words[:2] == ["pip", "install"]:  # offline, into the environment
            self.run(
                [*PIP, "--python", self.scripts / "python", "install", *OFFLINE, "--no-build-isolation", *words[2:]]
            )
        else:
            printed = self.run([self.scripts / words[0], *words[1:]])
            if step.shown:
                assert printed.splitlines() == step.shown.splitlines(), step.command

    def run(self, command: list[str | Path]) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={"PATH": f"{self.scripts}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def test_the_tutorial_from_end_to_end(tmp_path):
    todo = list(steps(PAGE.read_text()))
    commands = [step.command.split(" ")[0] for step in todo if step.command]
    assert commands == ["imle", "cd", "pip", "imle", "imle", "pytest", "python"]
    author = Author(tmp_path, environment(tmp_path / "venv"))
    for step in todo:
        author.do(step)
    assert author.folder == tmp_path / "imle-talks"
    tools = [sys.executable, "-m", "ruff"]
    isolated = ["--isolated", "--line-length=120"]
    author.run([*tools, "check", *isolated, "--select=E,F,W,I,N,UP,B", "src", "tests"])
    author.run([*tools, "format", *isolated, "--check", "src", "tests"])


def test_a_mistake_would_be_found(tmp_path):
    """What the page says of its checks: talks that overlap are no solution."""
    author = Author(tmp_path, environment(tmp_path / "venv"))
    for step in steps(PAGE.read_text()):
        if step.command.startswith("pip"):
            break
        author.do(replace(step, text=step.text.replace("first[order] - self.pause", "first[order] + 1.5")))
    with pytest.raises(AssertionError, match=r"expected +a solution of the instance"):
        author.do(Step(command="imle check . --only feasibility"))
