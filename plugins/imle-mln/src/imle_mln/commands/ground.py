"""`imle mln ground`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imle_mln.commands.inputs import echo_json, inputs, shown_progress, used

if TYPE_CHECKING:
    from imle_mln.grounding import Grounding


@click.command("ground", short_help="Show what grounding makes of a program.")
@inputs
def ground_command(
    program: Path, evidence: list[Path], closed_world: tuple[str, ...], engine: str, limit: int, as_json: bool
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
        problem = MLNSolver(engine=engine).prepare(program, evidence, closed_world=closed_world)
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
        "at-most-one blocks": len(network.optional),
        "seconds": seconds,
        "formulas": _formulas(grounding),
        "status": found.status.name.lower(),
        "message": found.message,
        "engines": dict(found.engines),
    }
    if as_json:
        echo_json(statistics)
    else:
        _show(statistics)
    if not found.status.ok:
        click.get_current_context().exit(1)


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
    names = ("atoms", "ground clauses", "hard clauses", "exactly-one blocks", "at-most-one blocks")
    values = {name: f"{statistics[name]:,}" for name in names}
    values["grounded in"] = f"{1000 * statistics['seconds']:.1f} ms"
    values["solved by"] = used(statistics["engines"])
    if statistics["message"]:
        values[statistics["status"]] = statistics["message"]
    if statistics["formulas"]:
        show(console, table, "")
    show(console, pairs(values))
