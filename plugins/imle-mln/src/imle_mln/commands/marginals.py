"""`imle mln marginals`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from imle_mln.commands.inputs import echo_json, inputs, say, shown_progress
from imle_mln.probability import METHODS

DISAGREE = 1.05
"""R-hat from which chains have not come to the same distribution (Vehtari et al. 2021 ask for less still)."""


@click.command("marginals", short_help="Tell how probable atoms are.")
@click.option("--query", "-q", multiple=True, metavar="P", help="Print atoms of this predicate only; repeatable.")
@click.option(
    "--method",
    "-m",
    type=click.Choice(METHODS),
    default="exact",
    show_default=True,
    help="Exact where little hangs together.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Of each chain, or of perturb-and-map.",
)
@click.option(
    "--seed", type=click.IntRange(min=0, max=2**31 - 1), default=0, show_default=True, help="Of what is random."
)
@inputs
def marginals_command(
    program: Path,
    evidence: list[Path],
    query: tuple[str, ...],
    closed_world: tuple[str, ...],
    engine: str,
    limit: int,
    method: str,
    samples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Print the probability of each open atom of PROGRAM (.mln) given EVIDENCE (.db), the most probable first.

    gibbs and mc-sat run Markov chains, and say where these do not agree. perturb-and-map tells how often an atom is
    true in MAP states of perturbed scores: that is another model.

    \b
    Examples:
      imle mln marginals smokers.mln friends.db
      imle mln marginals smokers.mln friends.db --query Cancer --json
    """
    from imle_mln.probability.marginals import marginals

    start = time.perf_counter()
    with shown_progress(limit) as shown:
        found = marginals(
            program,
            evidence,
            query=query or None,
            closed_world=closed_world,
            method=method,  # type: ignore[arg-type]  # one of METHODS, says click
            samples=samples,
            seed=seed,
            engine=engine,
            watch=lambda done, total: shown.set(done, total, "states"),
        )
    if as_json:
        summary = {
            "method": method,
            "log_partition": found.log_partition,
            "marginals": dict(zip(found.atoms, found.probabilities.tolist(), strict=True)),
            "errors": dict(zip(found.atoms, found.errors.tolist(), strict=True)),
            "rhat": max(found.rhat.tolist(), default=1.0),
            "counts": dict(zip(found.formulas, found.counts.tolist(), strict=True)),
        }
        echo_json(summary)
        return
    for at in sorted(range(len(found.atoms)), key=lambda at: -found.probabilities[at]):
        error = f" ± {found.errors[at]:.6f}" if found.errors[at] else ""
        click.echo(f"{found.probabilities[at]:.6f}{error}  {found.atoms[at]}")
    rhat = max(found.rhat.tolist(), default=1.0)
    how = {
        "exact": "exact",
        "perturb-and-map": f"perturb-and-map, {samples:,} samples: another model than p(y)",
    }.get(method, f"{method}, chains of {samples:,}, R-hat {rhat:.3f}{'' if rhat < DISAGREE else ': they disagree'}")
    value = "" if found.log_partition is None else f"log Z {found.log_partition:.6g}; "
    say(f"{value}{len(found.atoms):,} open atoms; {how}; {time.perf_counter() - start:.2f} s")
