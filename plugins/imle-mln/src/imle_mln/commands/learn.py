"""`imle mln learn`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imle_mln.commands.inputs import echo_json, reads, say, writable, written
from imle_mln.learning import METHODS

if TYPE_CHECKING:
    from imle_mln.learning.learn import LearnedProgram


@click.command("learn", short_help="Learn weights from training databases.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False),
    callback=writable,
    help="Write the program (.mln), and print a table.",
)
@click.option(
    "--method",
    "-m",
    type=click.Choice(METHODS),
    default="pll",
    show_default=True,
    help="Pseudo-log-likelihood, exact likelihood, or three by MAP.",
)
@click.option(
    "--prior",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SD",
    help="Standard deviation of a Gaussian around 0 on each weight.",
)
@click.option("--no-prior", is_flag=True, help="No prior: weights may grow for ever.")
@click.option("--query", "-q", multiple=True, metavar="P", help="Explain this predicate only; repeatable.")
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Of methods by MAP.")
@reads("databases", required=True)
def learn_command(
    program: Path,
    databases: list[Path],
    output: str | None,
    method: str,
    prior: float,
    no_prior: bool,
    query: tuple[str, ...],
    closed_world: tuple[str, ...],
    steps: int,
    limit: int,
    as_json: bool,
) -> None:
    """Learn the weights of PROGRAM (.mln) from training DATABASES (.db): what these do not mention is false.

    Prints the program with its weights, or with --output writes it and prints a table.

    \b
    Examples:
      imle mln learn smokers.mln train.db -o learned.mln
      imle mln learn smokers.mln monday.db tuesday.db --query Cancer
      imle mln learn smokers.mln train.db --method imle --json
    """
    from imle_mln.learning.learn import learn
    from imle_mln.printing import program_text

    begin = time.perf_counter()
    with _watched(limit) as watch:
        found = learn(
            program,
            databases,
            method=method,  # type: ignore[arg-type]  # one of METHODS, says click
            prior=None if no_prior else prior,
            query=query or None,
            closed_world=closed_world,
            steps=steps,
            watch=watch,
        )
    if output:
        with written(output):
            found.write(output)
    if as_json:
        echo_json(_summary(found))
    elif output:
        _show(found)
    else:
        click.echo(program_text(found.program), nl=False)
    value = "" if found.value is None else f"log-likelihood {found.value:.6g}; "
    said = f"{value}{method}, {found.iterations:,} steps; {time.perf_counter() - begin:.2f} s"
    say(said)


@contextmanager
def _watched(limit: int) -> Iterator[Callable[[int, float], None] | None]:
    """Ground within a limit; on terminals with the step and the value, on one line."""
    from rich.console import Console

    from imle_mln.grounding import grounding_options

    console = Console(stderr=True)
    with grounding_options(limit=limit):
        if not console.is_terminal:
            yield None
            return
        with console.status("reading and grounding") as status:
            yield lambda step, value: status.update(f"step {step:,}: {value:.6g}")


def _summary(found: LearnedProgram) -> dict[str, object]:
    rows = zip(found.formulas, found.weights.tolist(), found.errors.tolist(), strict=True)
    formulas = [{"formula": name, "weight": weight, "error": error} for name, weight, error in rows]
    return {"formulas": formulas, "value": found.value, "iterations": found.iterations}


def _show(found: LearnedProgram) -> None:
    from rich.table import Table

    from imle.cli.output import make_console, show

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("weight", justify="right", no_wrap=True)
    if not all(map(math.isnan, found.errors.tolist())):
        table.add_column("±", justify="right", no_wrap=True)
    table.add_column("formula", overflow="fold", style="cyan")
    for name, weight, error in zip(found.formulas, found.weights.tolist(), found.errors.tolist(), strict=True):
        cells = [f"{weight:.4g}", f"{error:.2g}", name]
        table.add_row(*cells[: len(table.columns) - 1], name)
    show(make_console(), table, "")
