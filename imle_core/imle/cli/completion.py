"""Completion in shells: of commands, those of plugins too, solver ids and checks. Nothing but words is ever printed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, shell_complete

if TYPE_CHECKING:
    from imle.plugins.records import Record


def answer(group: click.Group, settings: object, instruction: str) -> int:
    """Print what a shell asks for, and return the exit code.

    Args:
        group: the whole command line.
        settings: of its context.
        instruction: "bash_complete", "zsh_source", ...
    """
    with contextlib.redirect_stderr(io.StringIO()):  # it would appear in the line that is being typed
        try:
            return shell_complete(group, {"obj": settings}, "imle", "_IMLE_COMPLETE", instruction)
        except Exception:  # such as IMLE_PLUGINS_STRICT and a broken plugin
            return 1


def matching(names: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """The names that begin so, with what they are, which zsh and fish show."""
    return [CompletionItem(name, help=names[name]) for name in sorted(names) if name.startswith(incomplete)]


def solver_ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers."""
    from imle.plugins import solvers

    with contextlib.redirect_stdout(io.StringIO()):  # what plugins print would be taken for words to complete
        return matching(_summaries(solvers()), incomplete)


def rule_ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all gradient rules."""
    from imle.plugins import estimators

    with contextlib.redirect_stdout(io.StringIO()):
        return matching(_summaries(estimators()), incomplete)


def ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers and gradient rules."""
    return solver_ids(ctx, parameter, incomplete) + rule_ids(ctx, parameter, incomplete)


def _summaries(records: Iterable[Record]) -> dict[str, str]:
    return {record.id: record.spec.summary if record.spec else str(record.state) for record in records}


def solver_ids_and_files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers, else files."""
    return solver_ids(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


def check_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the checks of the conformance kit."""
    from imle.testing.catalogue import CHECKS

    return matching({check.name: check.summary for check in CHECKS}, incomplete)
