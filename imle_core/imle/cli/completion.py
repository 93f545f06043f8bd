"""Completion in shells: of commands, those of plugins too, solver ids and checks. Nothing but words is ever printed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem, shell_complete


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


def matching(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The names that begin so."""
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]


def solver_ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers."""
    from imle.plugins import solvers

    with contextlib.redirect_stdout(io.StringIO()):  # what plugins print would be taken for words to complete
        return matching((record.id for record in solvers()), incomplete)


def ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers and gradient rules."""
    from imle.plugins import estimators

    with contextlib.redirect_stdout(io.StringIO()):
        rules = matching((record.id for record in estimators()), incomplete)
    return solver_ids(ctx, parameter, incomplete) + rules


def solver_ids_and_files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of all solvers, else files."""
    return solver_ids(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


def check_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the checks of the conformance kit."""
    from imle.testing.catalogue import CHECKS

    return matching((check.name for check in CHECKS), incomplete)
