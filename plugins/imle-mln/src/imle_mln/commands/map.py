"""`imle mln map`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from imle_mln.commands.inputs import echo_json, inputs, say, shown_progress, used, writable, written


@click.command("map", short_help="Find a most probable world.")
@click.option("--query", "-q", multiple=True, metavar="P", help="Print atoms of this predicate only; repeatable.")
@click.option(
    "--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Then stop at the best so far."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False),
    callback=writable,
    help="Write all open atoms as evidence (.db), whatever the query.",
)
@inputs
def map_command(
    program: Path,
    evidence: list[Path],
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
        with written(output):
            found.write(output, everything=True)
    if as_json:
        counts = zip(found.formulas, found.counts.tolist(), strict=True)
        summary = {"status": found.status.name.lower(), "score": found.score, "bound": found.bound, "gap": found.gap}
        echo_json({**summary, "true": found.true_atoms, "counts": dict(counts), "engines": dict(found.engines)})
        return
    for atom in found.true_atoms:
        click.echo(atom)
    proof = "optimal"
    if found.status.name != "OPTIMAL":
        within = f" within {time_limit:g} s" if time_limit else ""
        proof = f"not proven{within}, at most {found.bound:g}, gap {found.gap:.2g}"
    say(
        f"score {found.score:g} ({proof}); {len(found.true_atoms):,} of {len(found.atoms):,} open atoms true; "
        f"{used(found.engines)}; {time.perf_counter() - start:.2f} s"
    )
