"""Everything there is, is documented: hooks, public names, commands, solvers with every option, plugins, checks."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import click
import pytest

import imle
from imle.cli.group import COMMANDS
from imle.plugins import hookspecs, registry, solvers
from imle.plugins.estimators import OWN
from imle.plugins.known import KNOWN
from imle.testing import CHECKS

DOCS = Path(__file__).parents[2] / "docs"
PRIVATE = {"imle.cli"}
"""Packages that are programs, not API."""


def rows(text: str) -> dict[str, list[str]]:
    """Tables by what stands in their first column, without code style and escapes."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| "):
            name, *cells = (re.sub(r"\\(.)", r"\1", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            found[name.strip("`")] = cells
    return found


@pytest.mark.parametrize("record", solvers(), ids=lambda record: record.id)
def test_every_option_of_every_solver(generated, record):
    text = generated[f"solvers/{record.id}.md"]
    spec = record.spec
    assert f"pip install {record.distribution}" in text
    assert spec.example.rstrip() in text
    table = rows(text)
    for parameter in spec.parameters:
        type_, default, meaning = table[parameter.name]
        assert type_ == f"`{parameter.type}`"
        assert default == ("required" if parameter.required else f"`{parameter.default!r}`")
        assert parameter.doc, f"{record.id}: {parameter.name} has no doc"
        assert meaning.startswith(parameter.doc)
        assert all(f"`{choice!r}`" in meaning for choice in parameter.choices)
    for name in ("thread_safe", "releases_gil", "warm_start", "solution_vjp", "negative_objectives"):
        assert table[name][0] == ("yes" if getattr(spec.capabilities, name) else "no")
    assert table["array"][0] == spec.capabilities.array


def test_every_solver_is_one_to_choose():
    page = (DOCS / "choosing-a-solver.md").read_text()
    chosen = set(re.findall(r"\]\(solvers/([\w-]+)\.md\)", page))
    assert chosen - {"index"} == set(KNOWN)
    marked = set(re.findall(r"\]\(solvers/([\w-]+)\.md\) †", page))
    assert marked == {record.id for record in solvers() if not record.spec.capabilities.negative_objectives}


def test_every_plugin_is_in_the_directory(generated):
    table = rows(generated["plugins/index.md"])
    for name, distribution in KNOWN.items():
        line = next(cells for head, cells in table.items() if head.startswith(f"[{distribution}]"))
        assert f"[{name}](../solvers/{name}.md)" in line[0]
        assert line[2].startswith(f"`pip install {distribution}`")


def test_ids_that_are_known_but_not_installed(monkeypatch):
    pytest.importorskip("sphinx")
    from imle_docs import directory

    left = [record for record in solvers() if record.distribution != "imle-networkx"]
    for module in (directory, importlib.import_module("imle_docs.solvers")):
        monkeypatch.setattr(module, "solvers", lambda: tuple(left))
    text = directory.directory_page()
    table = rows(text.partition("## Solvers that are known but not installed")[2])
    gone = {name for name, distribution in KNOWN.items() if distribution == "imle-networkx"}
    assert gone <= set(table)
    assert all(table[name][0].startswith("`pip install imle-networkx`") for name in gone)
    assert "topk" not in table
    assert "../solvers/min-cut.md" not in text


def test_every_estimator_is_described(generated):
    table = rows(generated["plugins/index.md"])
    assert {spec.id for spec in OWN} <= set(table)
    page = (DOCS / "choosing-an-estimator.md").read_text()
    assert [spec.id for spec in OWN if f"`{spec.id}`" not in page and f'"{spec.id}"' not in page] == []


def test_every_hook():
    page = rows((DOCS / "write-a-plugin.md").read_text())
    hooks = [name for name in vars(hookspecs) if name.startswith("imle_")]
    assert len(hooks) == 3
    assert {head.partition("(")[0] for head in page} >= set(hooks)


def test_every_check(generated):
    table = rows(generated["_generated/checks.md"])
    assert list(table)[0:1] == ["check"]
    assert [name for name in table if name not in ("check", "---")] == [check.name for check in CHECKS]
    assert all(table[check.name][0] == check.summary for check in CHECKS)
    assert f"There are {len(CHECKS)} checks." in generated["_generated/checks.md"]


def test_every_public_name_has_an_entry(generated):
    from imle_docs.api import MODULES, public_names

    for module in MODULES:
        text = generated[f"api/{module}.md"]
        for name in public_names(module):
            assert re.search(rf"(:: |`)(imle[\w.]*\.)?{name}\b", text), f"{module}.{name}"


def test_every_public_module_is_listed():
    """Whatever has an `__all__`, unless a package above it shows the same names."""
    from imle_docs.api import MODULES, described

    shown = {id(getattr(importlib.import_module(m), n)) for m, n in (full.rsplit(".", 1) for full in described())}
    for found in pkgutil.walk_packages(imle.__path__, "imle."):
        if found.name in MODULES or any(found.name.startswith(private) for private in PRIVATE):
            continue
        source = Path(str(importlib.util.find_spec(found.name).origin)).read_text()
        if "__all__" in source:
            module = importlib.import_module(found.name)
            assert all(id(getattr(module, name)) in shown for name in module.__all__), found.name


@pytest.mark.parametrize("plugin", sorted({*KNOWN.values(), "imle-linear", "imle-gallery"}))
def test_plugins_like_those_of_third_parties_use_what_is_documented(plugin):
    """Third parties can rely on nothing else."""
    from imle_docs.api import MODULES, described

    documented = {*described(), *MODULES}
    files = list((DOCS.parent / "plugins" / plugin / "src").rglob("*.py"))
    used = {
        f"{node.module}.{alias.name}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "imle"
        for alias in node.names
    }
    assert {"imle.plugins.SolverSpec", "imle.plugins.hookimpl", "imle.plugins.Parameter"} & used
    assert used - documented == set()


def test_every_command_with_every_option(generated):
    from imle_docs.commands import commands

    text = generated["_generated/commands.md"]
    listed = dict(commands())
    assert {f"imle {name}" for name in COMMANDS} <= set(listed)
    assert {"imle mln", "imle mln map", "imle mln ground"} <= set(listed)
    for name, command in listed.items():
        section = text.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        options = [opt for p in command.params if isinstance(p, click.Option) and not p.hidden for opt in p.opts]
        assert [option for option in options if option not in section] == [], name


@pytest.mark.parametrize("arguments", [["check"], ["mln", "map"], ["list-solvers"]], ids=" ".join)
def test_help_is_what_the_command_prints(generated, arguments, capsys):
    from imle.cli import main

    assert main([*arguments, "--help"]) == 0
    name = f"imle {' '.join(arguments)}"
    section = generated["_generated/commands.md"].partition(f"## `{name}`\n")[2].partition("\n```\n")[0]
    assert section.partition("text\n")[2].split() == capsys.readouterr().out.split()


def test_the_switches_of_discovery_are_documented():
    from imle.plugins import discovery

    page = (DOCS / "cli.md").read_text()
    assert all(f"`{name}`" in page for name in (discovery.ALLOW, discovery.DENY, discovery.STRICT))


def test_solvers_that_are_looked_up_are_those_with_pages(generated):
    pages = {name[8:-3] for name in generated if name.startswith("solvers/")} - {"index"}
    assert pages == {registry.find(name).id for name in KNOWN} | {record.id for record in solvers()}


def test_contributing_names_files_that_exist():
    """In "Where things live": what follows the first path of a line may be named as seen from there."""
    root = DOCS.parent
    section = (root / "CONTRIBUTING.md").read_text().partition("## Where things live")[2].partition("\n## ")[0]
    places = [cells[0] for name, cells in rows(section).items() if "---" not in name and "go to" not in cells]
    assert len(places) > 10
    for cell in places:
        first, *others = (Path(name) for name in re.findall(r"`([\w./-]+)`", cell))
        folder = root / (first.parent if first.suffix else first)
        assert (root / first).exists(), first
        for name in others:
            seen = (root / name, folder / name, folder / f"{name}.py")
            assert any(path.exists() for path in seen), f"{name}, seen from {first}"
