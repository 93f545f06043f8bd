"""`imle mln map` and `imle mln ground`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import click

from imle_mln.plugin import MAP

_ENGINES = next(option.choices for option in MAP.options if option.name == "engine")


@click.group()
def mln() -> None:
    """Markov Logic Networks: the most probable world, and what grounding makes of a program."""


def _inputs(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands read."""
    for decorate in (
        click.option("--closed-world", "-c", multiple=True, metavar="P", help="False wherever evidence does not say."),
        click.option("--engine", type=click.Choice(_ENGINES), default="auto", show_default=True),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.argument("evidence", type=click.Path(exists=True, dir_okay=False), required=False),
        click.argument("program", type=click.Path(exists=True, dir_okay=False)),
    ):
        command = decorate(command)
    return command


@mln.command("map")
@_inputs
@click.option("--query", "-q", multiple=True, metavar="P", help="Print atoms of this predicate only; repeatable.")
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write all open atoms as evidence (.db).")
def map_command(
    program: str,
    evidence: str | None,
    query: tuple[str, ...],
    closed_world: tuple[str, ...],
    engine: str,
    time_limit: float | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Print the true atoms of a most probable world of PROGRAM (.mln) given EVIDENCE (.db), and its score."""
    from pathlib import Path

    from imle_mln.maps import map as most_probable

    found = most_probable(
        Path(program),
        None if evidence is None else Path(evidence),
        query=query or None,
        closed_world=closed_world,
        engine=engine,
        time_limit=time_limit,
    )
    if output:
        found.write(output)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "status": found.status.name.lower(),
                    "score": found.score,
                    "bound": found.bound,
                    "true": found.true_atoms,
                    "counts": dict(zip(found.formulas, found.counts.tolist(), strict=True)),
                    "engines": dict(found.engines),
                }
            )
        )
        return
    for atom in found.true_atoms:
        click.echo(atom)
    # the listing can be piped: what is about it goes to stderr
    proof = "optimal" if found.status.name == "OPTIMAL" else f"not proven, at most {found.bound:g}"
    click.echo(
        f"score {found.score:g} ({proof}); {len(found.true_atoms)} of {len(found.atoms)} open atoms true", err=True
    )


@mln.command("ground")
@_inputs
def ground_command(
    program: str, evidence: str | None, closed_world: tuple[str, ...], engine: str, as_json: bool
) -> None:
    """Print what grounding makes of PROGRAM (.mln) on EVIDENCE (.db): atoms, formulas, and how it is solved."""
    from pathlib import Path

    import numpy as np

    from imle_mln.solver import MLNSolver, PreparedMLN, clause_weights

    start = time.perf_counter()
    problem = MLNSolver(engine=engine).prepare(
        Path(program), {} if evidence is None else Path(evidence), closed_world=closed_world
    )
    assert isinstance(problem, PreparedMLN)  # evidence is given
    seconds = time.perf_counter() - start
    grounding, network = problem.grounding, problem.grounding.network
    merged = np.bincount(network.count_formulas, minlength=problem.formulas)
    weights = clause_weights(network, grounding.formulas.weights)
    found = problem.engine().solve(np.zeros(network.atoms), weights)
    statistics: dict[str, Any] = {
        "atoms": network.atoms,
        "ground clauses": len(network.clauses),
        "hard clauses": int(network.hard.sum()),
        "exactly-one blocks": len(network.blocks),
        "seconds": seconds,
        "formulas": [
            {"formula": name, "weight": weight, "groundings": int(count), "undecided": int(left)}
            for name, weight, count, left in zip(
                grounding.formulas.names,
                grounding.formulas.weights.tolist(),
                network.groundings.tolist(),
                merged.tolist(),
                strict=True,
            )
        ],
        "engines": dict(found.engines),
    }
    if as_json:
        click.echo(json.dumps(statistics))
        return
    _show(statistics)


def _show(statistics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in ("weight", "groundings", "undecided"):
        table.add_column(name, justify="right")
    table.add_column("formula")
    for row in statistics["formulas"]:
        table.add_row(f"{row['weight']:g}", f"{row['groundings']:,}", f"{row['undecided']:,}", row["formula"])
    console.print(table)
    for name in ("atoms", "ground clauses", "hard clauses", "exactly-one blocks"):
        console.print(f"{name}: {statistics[name]:,}", highlight=False)
    console.print(f"grounded in {1000 * statistics['seconds']:.1f} ms", highlight=False)
    used = ", ".join(f"{engine} {count:,}" for engine, count in statistics["engines"].items()) or "nothing to decide"
    console.print(f"solved by: {used}", highlight=False)
