"""What commands that draw have in common."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import click

from imle.errors import SolverUnavailableError

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def out_option(default: str) -> Decorator:
    """`--out`."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, writable=True, path_type=Path),
        default=default,
        show_default=True,
        help="Folder for the files; other files in it are left alone.",
    )


seed_option: Decorator = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 2), default=0, show_default=True, help="Of all randomness."
)


def require_pillow(who: str) -> None:
    """Raise SolverUnavailableError if Pillow is not installed.

    Args:
        who: draws with it.
    """
    if find_spec("PIL") is None:
        raise SolverUnavailableError(
            f"the {who} draws with Pillow, which is not installed", hint='pip install "imle[demo]"'
        )
