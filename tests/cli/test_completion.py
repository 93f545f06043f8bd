"""What a shell is told at a TAB: words and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imle.cli.group import COMMANDS
from imle.cli.plugin_commands import plugin_commands


@pytest.fixture(autouse=True)
def fresh():
    """Commands of plugins are read once per process."""
    plugin_commands.cache_clear()
    yield
    plugin_commands.cache_clear()


@pytest.fixture
def tab(imle, monkeypatch):
    """Words offered for the last word of a line that is being typed, and what went to stderr."""

    def press(line):
        monkeypatch.setenv("_IMLE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        _, out, err = imle()
        assert err == ""
        return out.split()

    return press


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("imle in", ["plain,info"]),
        ("imle list-", ["plain,list-estimators", "plain,list-solvers"]),
        ("imle --d", ["plain,--debug"]),
        ("imle info fix", ["plain,fixture-argmax", "plain,fixture-broken"]),
        ("imle list-solvers fixture-a", ["plain,fixture-argmax"]),
        ("imle list-solvers one-hot fixture-a", ["plain,fixture-argmax"]),
        ("imle list-solvers --av", ["plain,--available"]),
        ("imle check fixture-a", ["plain,fixture-argmax"]),
        ("imle check ./fixt", ["file,./fixt"]),
        ("imle check fixture-argmax --only gra", ["plain,gradients", "plain,gradients-finite"]),
        ("imle info nothing-like", []),
        ("imle info score", ["plain,score-function"]),
        ("imle list-estimators per", ["plain,perturbed", "plain,perturbed-multiplicative"]),
        ("imle nonsense ", []),
    ],
)
def test_words(only, tab, line, words):
    only("good", "broken")
    assert tab(line) == words


def test_all_commands(only, tab):
    only("good")
    assert tab("imle ") == [f"plain,{name}" for name in sorted(COMMANDS)]


def test_commands_of_plugins(tab):
    assert tab("imle ml") == ["plain,mln"]
    assert tab("imle mln gr") == ["plain,ground"]


@pytest.mark.parametrize("said", ["print('hello')", "import sys; sys.stderr.write('hello')", "raise SystemExit(3)"])
def test_what_plugins_do_is_not_seen(only, site, tab, said):
    only("good")
    plugin = site / "imle_fixture_good" / "plugin.py"
    plugin.write_text(f"{plugin.read_text()}\n{said}")
    assert tab("imle info fix") == ["plain,fixture-argmax"]  # the name of its entry point, too
    assert tab("imle inf") == ["plain,info"]


def test_a_broken_plugin_under_strict_is_no_error_at_a_tab(only, tab, monkeypatch):
    only("broken")
    monkeypatch.setenv("IMLE_PLUGINS_STRICT", "1")
    assert tab("imle info fix") == []


PRESS_TAB = {
    "bash": """
eval "$(_IMLE_COMPLETE=bash_source imle)"
complete -p imle | grep -o "[_a-z]*completion" > function
COMP_WORDS=(%s) COMP_CWORD=%d
$(cat function) imle
printf '%%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { completer=$1 }
_describe() { print -l -- ${${(P)3}%%%%:*} }
eval "$(_IMLE_COMPLETE=zsh_source imle)"
words=(%s) CURRENT=$((%d + 1))
$completer
""",
    "fish": """
_IMLE_COMPLETE=fish_source imle | source
complete --do-complete "%s" # %d
""",
}
"""What a shell does at a TAB, without a terminal: for a line and the number of its last word."""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("imle in", "info"),
        ("imle info top", "topk"),
        ("imle info score-f", "score-function"),
        ("imle check to", "topk"),
    ],
)
@pytest.mark.parametrize("shell", sorted(PRESS_TAB))
def test_tab_in_a_shell(shell, line, found, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shell, *options, "-c", PRESS_TAB[shell] % (line, line.count(" "))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "IMLE_PLUGINS": "topk"},
    )
    assert done.stderr == ""
    assert found in done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_of_shells(imle, monkeypatch, shell):
    monkeypatch.setenv("_IMLE_COMPLETE", f"{shell}_source")
    code, out, err = imle()
    assert (code, err) == (0, "")
    assert "_IMLE_COMPLETE" in out
