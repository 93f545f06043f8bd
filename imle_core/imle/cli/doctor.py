"""`imle doctor`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from imle._report import Fault, FoldingTable, indented, pairs, section, text
from imle.cli.installation import InstallationReport, PluginReport, inspect
from imle.cli.metadata import Finding
from imle.cli.output import echo_json, make_console, show
from imle.listing.lists import state_text

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check the installation and every solver plugin.

    Exit code 1 if a plugin is broken, incompatible, in conflict or lacks a dependency, or if the installation
    itself is damaged; else 0. Warnings and disabled plugins are not failures. Paste its output in a bug report.
    """
    report = inspect()
    if as_json:
        findings = {kind: [_as_json(f) for f in getattr(report, kind)] for kind in ("problems", "warnings")}
        echo_json({"ok": not report.problems, **dataclasses.asdict(report), **findings})
    else:
        _print(report)
    ctx.exit(1 if report.problems else 0)


def _as_json(found: Finding) -> dict[str, str]:
    return {"subject": found.subject, "text": found.text, "fix": found.fix}


def _print(report: InstallationReport) -> None:
    console = make_console()
    about = {
        "imle": f"{report.imle}, {report.location}",
        "Python": f"{report.python}, {report.executable}",
        "platform": report.platform,
    }
    libraries = {name: found or text(("not installed", "dim")) for name, found in report.versions.items()}
    parts = [
        *section("installation", pairs(about))[1:],
        *section("libraries", pairs(libraries)),
        *(section("devices", _settings(report.devices)) if report.devices else []),
        *section("environment", _settings(report.environment)),
        *section("threads", _settings(report.threads)),
        *section("plugins", _plugins(report.plugins)),
        *(section("extras of plugins", pairs(extras)) if (extras := _extras(report.plugins)) else []),
    ]
    for kind, style, found in ("problem", "bold red", report.problems), ("warning", "bold yellow", report.warnings):
        if found:
            lines = [indented(Fault(f.subject, f.text, f.fix)) for f in found]
            parts += section(f"{len(found)} {kind}{'s' if len(found) > 1 else ''}", *lines, style=style)
    if not report.problems:
        parts += section("no problems found", style="bold green")
    show(console, *parts)


def _settings(values: Mapping[str, str | int | None]) -> RenderableType:
    shown = {name: text(("not set", "dim")) if value is None else str(value) for name, value in values.items()}
    return pairs({name.replace("_", " ") if name.islower() else name: value for name, value in shown.items()})


def _extras(plugins: Sequence[PluginReport]) -> dict[str, str]:
    """What plugins can do with further packages, such as engines of theirs, and the line that installs these."""
    found = {
        f"{plugin.distribution}[{extra}]": lacking for plugin in plugins for extra, lacking in plugin.extras.items()
    }
    return {
        name: f"missing {', '.join(lacking)}: pip install '{name}'" if lacking else "installed"
        for name, lacking in found.items()
    }


def _plugins(plugins: Sequence[PluginReport]) -> RenderableType:
    if not plugins:
        return indented(text("none installed: pip install imle-topk is the smallest one"))
    rows = [
        [
            text((plugin.name, "bold cyan")),
            state_text(plugin.status),
            text((f"{plugin.load_ms:.1f} ms" if plugin.load_ms else "-", "yellow" if plugin.slow else "")),
            text(f"{plugin.distribution} {plugin.version}".strip()),
            text(", ".join(solver["id"] for solver in plugin.solvers)),
            text((plugin.file or f"{plugin.module} (no file found)", "dim")),
        ]
        for plugin in plugins
    ]
    return indented(FoldingTable(("plugin", "status", "load", "distribution", "solvers", "file"), rows))
