"""`imle doctor`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from imle.cli.installation import SLOW_SECONDS, InstallationReport, PluginReport, inspect
from imle.cli.metadata import Finding
from imle.cli.output import echo_json, finding, make_console, pairs, show, state_text, table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


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
    from rich.text import Text

    console = make_console()
    parts: list[RenderableType] = [
        Text("installation", "bold"),
        pairs(
            {
                "imle": f"{report.imle}, {report.location}",
                "Python": f"{report.python}, {report.executable}",
                "platform": report.platform,
            }
        ),
        Text(),
        Text("libraries", "bold"),
        pairs({name: found or Text("not installed", "dim") for name, found in report.versions.items()}),
        *(_section("devices", report.devices) if report.devices else []),
        *_section("environment", report.environment),
        *_section("threads", report.threads),
        Text(),
        *_plugins(report.plugins, console.width),
        *_findings(console, "problem", "bold red", report.problems),
        *_findings(console, "warning", "bold yellow", report.warnings),
    ]
    if not report.problems:
        parts += [Text(), Text("no problems found", "bold green")]
    show(console, *parts)


def _section(title: str, values: Mapping[str, str | int | None]) -> list[RenderableType]:
    from rich.text import Text

    shown = {
        name.replace("_", " ") if name.islower() else name: Text("not set", "dim") if value is None else str(value)
        for name, value in values.items()
    }
    return [Text(), Text(title, "bold"), pairs(shown)]


def _plugins(plugins: Sequence[PluginReport], width: int) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    if not plugins:
        return [Text("plugins", "bold"), Text("  none installed: pip install imle-topk is the smallest one")]
    rows = [
        [
            Text(plugin.name, "bold cyan"),
            state_text(plugin.status),
            _load_time(plugin),
            Text(f"{plugin.distribution} {plugin.version}".strip()),
            Text(", ".join(solver["id"] for solver in plugin.solvers)),
            Text(plugin.file or f"{plugin.module} (no file found)", "dim"),
        ]
        for plugin in plugins
    ]
    lines = table(("plugin", "status", "load", "distribution", "solvers", "file"), rows, width - 2)
    return [Text("plugins", "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]


def _load_time(plugin: PluginReport) -> Text:
    from rich.text import Text

    slow = plugin.load_ms > SLOW_SECONDS * 1e3
    return Text(f"{plugin.load_ms:.1f} ms" if plugin.load_ms else "-", "yellow" if slow else "")


def _findings(console: Console, kind: str, style: str, findings: Sequence[Finding]) -> list[RenderableType]:
    from rich.text import Text

    if not findings:
        return []
    lines = [Text(), Text(f"{len(findings)} {kind}{'s' if len(findings) > 1 else ''}", style)]
    for found in findings:
        lines += finding(console, found.subject, found.text, found.fix, indent=2)
    return [*lines]
