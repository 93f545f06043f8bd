"""`imle mln map`, `imle mln ground` and `imle mln engines`."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imle_mln.engines import AUTO, choices, engines

if TYPE_CHECKING:
    from rich.console import Console

    from imle_mln.grounding import Grounding, GroundingProgress

_LIMIT = 200_000_000
_PATIENCE = 0.5
"""Seconds before a bar is shown: most groundings are done by then."""


@click.group()
def mln() -> None:
    """Markov Logic Networks: the most probable world, what grounding makes of a program, and the engines there are."""


def _inputs(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands read."""

    @functools.wraps(command)
    def checked(program: str, evidence: str | None, **options: Any) -> Any:
        if program.endswith(".db") and evidence is not None and evidence.endswith(".mln"):
            raise click.UsageError(f"expected PROGRAM (.mln), then EVIDENCE (.db), found {program} {evidence}")
        return command(Path(program), None if evidence is None else Path(evidence), **options)

    for decorate in (
        click.option("--closed-world", "-c", multiple=True, metavar="P", help="False wherever evidence does not say."),
        click.option("--engine", type=click.Choice(choices()), default=AUTO, show_default=True),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            default=_LIMIT,
            metavar="N",
            show_default=True,
            help="Refuse to look at more groundings.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.argument("evidence", type=click.Path(exists=True, dir_okay=False), required=False),
        click.argument("program", type=click.Path(exists=True, dir_okay=False)),
    ):
        checked = decorate(checked)
    return checked


def _writable(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Refuse, before anything is solved, a file that cannot be written."""
    folder = Path(path or ".").absolute().parent
    if not folder.is_dir():
        raise click.BadParameter(f"expected a file in a folder that exists, found {path!r}", ctx, parameter)
    if not os.access(path if path and Path(path).exists() else folder, os.W_OK):
        raise click.BadParameter(f"expected a file that may be written, found {path!r}", ctx, parameter)
    return path


@contextmanager
def shown_progress(limit: int, console: Console | None = None, patience: float = _PATIENCE) -> Iterator[None]:
    """Ground inside this context with a progress bar, on terminals only.

    Args:
        limit: as in `grounding_options`.
        console: where the bar goes; by default stderr.
        patience: seconds before it appears.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from imle_mln.grounding import grounding_options

    console = console or Console(stderr=True)
    if not console.is_terminal:
        with grounding_options(limit=limit):
            yield
        return
    columns = (
        TextColumn("grounding {task.fields[number]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[formula]}", style="dim", markup=False),
    )
    bar = Bar(*columns, console=console, transient=True)
    task = bar.add_task("", number="", formula="")
    begin = time.perf_counter()

    def watch(progress: GroundingProgress) -> None:
        if not bar.live.is_started and time.perf_counter() - begin > patience:
            bar.start()
        number = f"{progress.number}/{progress.formulas}"
        bar.update(task, completed=progress.seen, total=progress.expected, number=number, formula=progress.formula)

    try:
        with grounding_options(limit=limit, progress=watch):
            yield
    finally:
        if bar.live.is_started:
            bar.stop()


@mln.command("map")
@click.option("--query", "-q", multiple=True, metavar="P", help="Print atoms of this predicate only; repeatable.")
@click.option(
    "--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Then stop at the best so far."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False),
    callback=_writable,
    help="Write all open atoms as evidence (.db), whatever the query.",
)
@_inputs
def map_command(
    program: Path,
    evidence: Path | None,
    query: tuple[str, ...],
    closed_world: tuple[str, ...],
    engine: str,
    limit: int,
    time_limit: float | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Print the true atoms of a most probable world of PROGRAM (.mln) given EVIDENCE (.db), and its score.

    The atoms are evidence themselves, one a line; what is said about them goes to stderr.

    \b
    Examples:
      imle mln map smokers.mln friends.db
      imle mln map smokers.mln friends.db --query Cancer --json
      imle mln map hard.mln --time-limit 10 --output best.db
    """
    from imle_mln.maps import map_inference

    start = time.perf_counter()
    with shown_progress(limit):
        found = map_inference(
            program, evidence, query=query or None, closed_world=closed_world, engine=engine, time_limit=time_limit
        )
    if output:
        try:
            found.write(output, everything=True)
        except OSError as error:
            raise click.FileError(output, error.strerror) from error
    if as_json:
        counts = zip(found.formulas, found.counts.tolist(), strict=True)
        summary = {"status": found.status.name.lower(), "score": found.score, "bound": found.bound, "gap": found.gap}
        click.echo(
            json.dumps({**summary, "true": found.true_atoms, "counts": dict(counts), "engines": dict(found.engines)})
        )
        return
    for atom in found.true_atoms:
        click.echo(atom)
    proof = "optimal" if found.status.name == "OPTIMAL" else f"not proven, at most {found.bound:g}, gap {found.gap:.2g}"
    _say(
        f"score {found.score:g} ({proof}); {len(found.true_atoms):,} of {len(found.atoms):,} open atoms true; "
        f"{_used(found.engines)}; {time.perf_counter() - start:.2f} s"
    )


@mln.command("ground")
@_inputs
def ground_command(
    program: Path, evidence: Path | None, closed_world: tuple[str, ...], engine: str, limit: int, as_json: bool
) -> None:
    """Print what grounding makes of PROGRAM (.mln) on EVIDENCE (.db): atoms, formulas, and how it is solved.

    \b
    Examples:
      imle mln ground smokers.mln friends.db
      imle mln ground smokers.mln friends.db --closed-world Friends --json

    Exits with 1 if no world satisfies the hard formulas, as `imle mln map` does.
    """

    from imle_mln.solver import MLNSolver, PreparedMLN

    start = time.perf_counter()
    with shown_progress(limit):
        problem = MLNSolver(engine=engine).prepare(
            program, {} if evidence is None else evidence, closed_world=closed_world
        )
    assert isinstance(problem, PreparedMLN)  # evidence is given
    seconds = time.perf_counter() - start
    grounding, network = problem.grounding, problem.grounding.network
    weights = network.clause_weights(grounding.formulas.weights)
    found = problem.engine().solve(grounding.soft_evidence, weights)
    statistics: dict[str, Any] = {
        "atoms": network.atoms,
        "ground clauses": len(network.clauses),
        "hard clauses": int(network.hard.sum()),
        "exactly-one blocks": len(network.blocks),
        "seconds": seconds,
        "formulas": _formulas(grounding),
        "status": found.status.name.lower(),
        "message": found.message,
        "engines": dict(found.engines),
    }
    if as_json:
        click.echo(json.dumps(statistics))
    else:
        _show(statistics)
    if not found.status.ok:
        click.get_current_context().exit(1)


@mln.command("engines")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engines_command(as_json: bool) -> None:
    """List the engines, what each does, which components `--engine auto` gives it, and what it lacks here.

    \b
    Examples:
      imle mln engines
      imle mln engines --json
    """
    rows = {
        one.name: {"how": one.how, "auto": one.where, "time_limit": one.timed, "missing": list(one.missing)}
        for one in engines()
    }
    if as_json:
        click.echo(json.dumps(rows))
        return
    from imle.cli.output import make_console, pairs, show

    told = {}
    for one in engines():
        lacks = f"; missing {', '.join(one.missing)}: pip install 'imle-mln[{one.extra}]'" if one.missing else ""
        told[one.name] = f"{one.how}; auto: {one.where}{'' if one.timed else '; keeps no time limit'}{lacks}"
    show(make_console(), pairs(told))


def _formulas(grounding: Grounding) -> list[dict[str, Any]]:
    """What became of each formula, in file order; None for the weight of a hard one."""
    import numpy as np

    formulas, network = grounding.formulas, grounding.network
    soft = zip(
        formulas.lines.tolist(),
        formulas.names,
        formulas.weights.tolist(),
        network.groundings.tolist(),
        np.bincount(network.count_formulas, minlength=len(formulas)).tolist(),
        strict=True,
    )
    hard = zip(
        [rule.line for rule in formulas.hard],
        formulas.hard_names,
        [None] * len(formulas.hard),
        grounding.hard_groundings.tolist(),
        np.bincount(grounding.hard_rules, minlength=len(formulas.hard)).tolist(),
        strict=True,
    )
    rows = sorted([*soft, *hard], key=lambda row: row[0])
    return [
        {"line": line, "formula": name, "weight": weight, "groundings": int(groundings), "features": features}
        for line, name, weight, groundings, features in rows
    ]


def _show(statistics: dict[str, Any]) -> None:
    from rich.table import Table

    from imle.cli.output import make_console, pairs, show

    console = make_console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("line", "weight", "groundings", "features"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("formula", overflow="fold", style="cyan")
    for row in statistics["formulas"]:
        weight = "hard" if row["weight"] is None else f"{row['weight']:g}"
        table.add_row(str(row["line"]), weight, f"{row['groundings']:,}", f"{row['features']:,}", row["formula"])
    names = ("atoms", "ground clauses", "hard clauses", "exactly-one blocks")
    values = {name: f"{statistics[name]:,}" for name in names}
    values["grounded in"] = f"{1000 * statistics['seconds']:.1f} ms"
    values["solved by"] = _used(statistics["engines"])
    if statistics["message"]:
        values[statistics["status"]] = statistics["message"]
    if statistics["formulas"]:
        show(console, table, "")
    show(console, pairs(values))


def _used(engines: Any) -> str:
    return ", ".join(f"{engine} {count:,}" for engine, count in engines.items()) or "nothing to decide"


def _say(text: str) -> None:
    # The listing can be piped: what is about it goes to stderr.
    click.echo(click.style(text, dim=True), err=True)
