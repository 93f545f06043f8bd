"""`imle mln explain`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from imle_mln.commands.inputs import echo_json, inputs, say, shown_progress


@click.command("explain", short_help="Say why a most probable world is as it is.")
@click.option("--atom", "-a", "atoms", multiple=True, metavar="ATOM", help='Such as "Smokes(Ann)"; repeatable.')
@click.option("--most", type=click.IntRange(min=1), default=10, show_default=True, help="Ground formulas to list.")
@inputs
def explain_command(
    program: Path,
    evidence: list[Path],
    atoms: tuple[str, ...],
    closed_world: tuple[str, ...],
    engine: str,
    limit: int,
    most: int,
    as_json: bool,
) -> None:
    """Say why a most probable world of PROGRAM (.mln) given EVIDENCE (.db) is as it is.

    With --atom: what the other truth of an atom would cost, and which formulas say so. Without: the ground formulas
    that cost the world most.

    \b
    Examples:
      imle mln explain smokers.mln friends.db --atom "Smokes(Ann)"
      imle mln explain smokers.mln friends.db --most 20
    """
    from imle_mln.maps import map_inference

    with shown_progress(limit):
        found = map_inference(program, evidence, closed_world=closed_world, engine=engine)
    if atoms:
        told = [found.explain(atom) for atom in atoms]
        if as_json:
            echo_json([asdict(one) for one in told])
        else:
            click.echo("\n\n".join(map(str, told)))
        return
    violated = found.violated(most)
    if as_json:
        echo_json([one._asdict() for one in violated])
        return
    for one in violated:
        click.echo(f"{one.cost:10.4g}  {one.text}")
    say(f"score {found.score:g}; {len(violated):,} ground formulas that cost it most")
