"""The frame around all commands: help, errors, exit codes, signals, lazy imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import EntryPoint

import click
import pytest

import imle as package
from fixtures.install import write_dist_info
from imle.cli import group, list_solvers, main, plugin_commands
from imle.errors import ImleError, OptionError, PluginError, SolverUnavailableError, UnknownSolverError
from imle.plugins import registry
from imle.plugins.known import KNOWN_COMMANDS

HEAVY = ("torch", "numpy", "numba", "networkx", "ortools", "pulp", "cvxpy", "scipy")


def test_version(imle):
    assert imle("--version") == (0, f"imle {package.__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_command_in_one_line(imle, arguments):
    code, out, err = imle(*arguments)
    assert (code, err) == (0, "")
    own, _, more = out.partition("Commands:\n")[2].partition("\n\n")
    assert set(KNOWN_COMMANDS) | set(KNOWN_COMMANDS.values()) <= set(re.findall(r"[\w-]+", more))
    lines = own.splitlines()
    assert [re.split(r"  +", line.strip()) for line in lines] == [[*pair] for pair in sorted(group.COMMANDS.items())]


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_command_has_its_own_help(imle, name):
    code, out, err = imle(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: imle {name} ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["lst-solvers"],
            "error: unknown command 'lst-solvers'; did you mean 'list-solvers'?\nhint: imle --help shows the usage\n",
        ),
        (
            ["zzz"],
            f"error: unknown command 'zzz'; expected one of {', '.join(sorted([*group.COMMANDS, *KNOWN_COMMANDS]))}\n"
            "hint: imle --help shows the usage\n",
        ),
        (["info"], "error: Missing argument 'ID'.\nhint: imle info --help shows the usage\n"),
    ],
)
def test_usage_errors(imle, arguments, message):
    assert imle(*arguments) == (2, "", message)


def test_a_command_of_a_plugin_that_is_disabled(imle, monkeypatch):
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "mln")
    registry.refresh()
    plugin_commands.plugin_commands.cache_clear()
    try:
        assert imle("mln", "map") == (
            2,
            "",
            "error: unknown command 'mln': the plugin mln of imle-mln is disabled: named in IMLE_DISABLE_PLUGINS; take "
            "it out of IMLE_DISABLE_PLUGINS\nhint: imle --help shows the usage\n",
        )
    finally:
        monkeypatch.undo()
        registry.refresh()
        plugin_commands.plugin_commands.cache_clear()


def commands_of(monkeypatch, *points):
    """Let these entry points, with why they are excluded, be all that bring commands."""
    monkeypatch.setattr(plugin_commands, "command_points", lambda: iter(points))
    monkeypatch.setattr(registry, "solvers", lambda: ())
    plugin_commands.plugin_commands.cache_clear()
    monkeypatch.setattr(plugin_commands, "plugin_commands", cache(plugin_commands.plugin_commands.__wrapped__))


@pytest.mark.parametrize(("name", "distribution"), KNOWN_COMMANDS.items())
def test_a_known_command_that_is_not_installed(imle, monkeypatch, name, distribution):
    commands_of(monkeypatch)
    assert imle(name, "--quick") == (
        1,
        "",
        f"error: the command {name!r} comes with {distribution}, which is not installed\n"
        f"hint: pip install {distribution}\n",
    )


def test_a_command_of_a_broken_plugin_of_commands(imle, monkeypatch):
    commands_of(monkeypatch, (EntryPoint("gallery", "imle_fixture_nothing", "imle.commands"), None))
    code, out, err = imle("gallery")
    assert (code, out) == (2, "")
    assert "the plugin gallery of unknown is broken: ModuleNotFoundError: No module named 'imle_fixture_nothing'" in err


def test_a_command_of_an_excluded_plugin_of_commands(imle, monkeypatch):
    point = EntryPoint("gallery", "imle_fixture_nothing", "imle.commands")
    commands_of(monkeypatch, (point, ("named in a list", "take it out")))
    code, out, err = imle("gallery")
    assert (code, out) == (2, "")
    assert "the plugin gallery of unknown is disabled: named in a list; take it out" in err


def test_a_plugin_may_bring_commands_and_nothing_else(imle, monkeypatch, site):
    (site / "imle_fixture_says.py").write_text(
        "import click, imle\n@imle.hookimpl\ndef imle_register_commands(cli):\n"
        "    cli.add_command(click.Command('say', callback=lambda: click.echo('said')))"
    )
    monkeypatch.syspath_prepend(site)
    commands_of(monkeypatch, (EntryPoint("says", "imle_fixture_says", "imle.commands"), None))
    assert imle("say") == (0, "said\n", "")


def test_unknown_options_are_usage_errors(imle):
    for arguments in (["list-solvers", "--jsn"], ["--jsn"]):
        code, out, err = imle(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: No such option")
        assert err.count("hint: imle") == 1


def stub(monkeypatch, error):
    def fail(**filters):
        raise error

    monkeypatch.setattr(list_solvers, "list_solvers", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImleError("m"), 1),
        (RuntimeError("m"), 1),
        (click.FileError("f", "m"), 1),
        (OptionError("m"), 2),
        (UnknownSolverError("m"), 3),
        (SolverUnavailableError("m"), 3),
        (PluginError("m"), 4),
    ],
)
def test_exit_codes(imle, monkeypatch, error, code):
    stub(monkeypatch, error)
    found, out, err = imle("list-solvers")
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_errors_have_message_and_hint_without_traceback(imle, monkeypatch):
    stub(monkeypatch, ImleError("it is so", hint="do that"))
    assert imle("list-solvers") == (1, "", "error: it is so\nhint: do that\n")
    stub(monkeypatch, ValueError("odd"))
    assert imle("list-solvers")[2] == "error: ValueError: odd\nhint: imle --debug COMMAND shows the traceback\n"


def test_errors_cannot_steer_the_terminal(imle, monkeypatch):
    shown = "error: {}\\x1b[31m \\u202e\\r\n"
    stub(monkeypatch, ImleError("\x1b[31m \u202e\r", hint="\x07"))
    assert imle("list-solvers") == (1, "", f"{shown.format('')}hint: \\x07\n")
    stub(monkeypatch, ValueError("\x1b[31m \u202e\r"))
    assert imle("list-solvers").err.startswith(shown.format("ValueError: "))


class MuteError(Exception):
    def __str__(self):
        raise ValueError("no")


class Odd(BaseException):
    """Nobody catches it."""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MuteError(), 1, "error: MuteError: (its message cannot be read: str() raises ValueError)\n"),
        (Odd("out"), 4, "error: a solver or its plugin ended the program: Odd: out in "),
        (SystemExit(0), 4, "error: a solver or its plugin ended the program: SystemExit(0) in "),
    ],
)
def test_whatever_is_raised_is_told(imle, monkeypatch, error, code, said):
    stub(monkeypatch, error)
    found = imle("list-solvers")
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(said)


@pytest.mark.parametrize(("error", "code"), [(UnknownSolverError("it is so", hint="do that"), 3), (ValueError("o"), 1)])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(imle, monkeypatch, error, code):
    stub(monkeypatch, error)
    found, out, err = imle("--debug", "list-solvers")
    assert (found, out) == (code, "")
    assert err.startswith("Traceback (most recent call last):")
    assert type(error).__name__ in err


def test_interrupt(imle, monkeypatch):
    stub(monkeypatch, KeyboardInterrupt())
    code, out, err = imle("list-solvers")
    assert (code, out, err.strip()) == (130, "", "")


def test_interrupt_while_a_module_in_cpp_is_imported(imle, monkeypatch):
    """pybind11 raises `ImportError: initialization failed` from it."""
    error = ImportError("initialization failed")
    error.__cause__ = KeyboardInterrupt()
    stub(monkeypatch, error)
    code, out, err = imle("list-solvers")
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of Unix")
def test_interrupt_of_the_process(bare_imle, site):
    # jobs in the background of a script are started with SIGINT ignored
    handle = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    (site / "imle_fixture_waits.py").write_text(f"import os, signal; {handle}; os.kill(os.getpid(), signal.SIGINT)")
    write_dist_info(site, "waits", "1", entry_points="[imle.solvers]\nw = imle_fixture_waits")
    code, out, err = bare_imle("list-solvers", path=site)
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of Unix")
@pytest.mark.parametrize("arguments", [["list-solvers"], ["info", "topk"]])
def test_a_reader_that_goes_away_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    code = "import sys; from imle.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_the_terminal_cannot_encode(bare_imle, site):
    (site / "imle_fixture_greek.py").write_text(
        "import imle\n@imle.hookimpl\n"
        "def imle_solvers(): return [imle.SolverSpec('greek', 'argmax <θ, z>', 'kind', 'max', 'm:C')]",
        encoding="utf-8",
    )
    write_dist_info(site, "greek", "1", entry_points="[imle.solvers]\ng = imle_fixture_greek")
    code, out, err = bare_imle("list-solvers", path=site, env={"PYTHONIOENCODING": "latin-1"})
    assert (code, err) == (0, "")
    assert "argmax <?, z>" in out


# The claim of the design: listing and describing solvers costs no heavy import. In the real environment, where
# everything that could be imported is there.
IMPORTS = """
import sys
from json import dumps
from imle.cli import main
assert main(["--help"]) == 0
commands = {name for name in sys.modules if name.startswith("imle.cli.")}
assert main(["list-solvers", "--json"]) == 0 and main(["info", "topk", "--json"]) == 0
json = set(sys.modules)
assert main(["list-solvers"]) == 0 and main(["info", "topk"]) == 0
text = set(sys.modules)
print()
print(dumps({"commands": sorted(commands), "json": sorted(json), "text": sorted(text)}))
"""


@pytest.fixture(scope="module")
def imported():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: set(modules) for name, modules in json.loads(done.stdout.splitlines()[-1]).items()}


def test_help_imports_no_command(imported):
    assert imported["commands"] == {"imle.cli.group"}


def test_listing_and_describing_import_nothing_heavy(imported):
    assert "imle_topk.plugin" in imported["json"], "no plugin was read: the test would show nothing"
    for when in ("json", "text"):
        assert imported[when].isdisjoint({*HEAVY, "imle_topk.topk", "imle.layers", "imle.solvers"})


def test_json_imports_no_rich(imported):
    assert "rich" not in imported["json"]
    assert "rich" in imported["text"]


def test_text_imports_nothing_of_rich_that_is_slow(imported):
    slow = {"rich.syntax", "rich.markdown", "rich.traceback", "rich.progress", "rich.live", "pygments", "markdown_it"}
    assert imported["text"].isdisjoint(slow)


def test_main_reads_the_arguments_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["imle", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"imle {package.__version__}\n"


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "imle", "info", "nothing"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: unknown solver 'nothing'")
