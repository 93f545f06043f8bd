"""`imle demo`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imle.errors import SolverUnavailableError

if TYPE_CHECKING:
    from rich.table import Table

    from imle.demo.learning import Setting
    from imle.demo.showcase import Plan, Showcase


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default="imle-demo",
    show_default=True,
    help="Folder for the files; other files in it are left alone.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 2), default=0, show_default=True, help="Of all randomness.")
@click.option("--quick", is_flag=True, help="Two of the five noise settings and fewer steps, in seconds.")
def command(out: Path, seed: int, quick: bool) -> None:
    """Sample paths on a map, then learn the map from one path.

    Writes index.html (open it in a browser), pictures, animations and results.json.

    \b
    Examples:
      imle demo
      imle demo --quick --out /tmp/imle-demo --seed 7
    """
    _require_pillow()
    from imle.cli.output import make_console, show
    from imle.demo.output import make_folder, write_files
    from imle.demo.page import page
    from imle.demo.pictures import pictures
    from imle.demo.results import results_json
    from imle.demo.showcase import FULL, QUICK

    make_folder(out)
    showcase = _run(QUICK if quick else FULL, seed)
    drawn = pictures(showcase)
    again = f"imle demo{' --quick' if quick else ''} --seed {seed}"
    write_files(out, {**drawn, "results.json": results_json(showcase), "index.html": page(showcase, drawn, again)})
    show(make_console(), _table(showcase))
    click.echo(out / "index.html")


def _require_pillow() -> None:
    if find_spec("PIL") is None:
        raise SolverUnavailableError(
            "the demo draws with Pillow, which is not installed", hint='pip install "imle[demo]"'
        )


def _run(plan: Plan, seed: int) -> Showcase:
    """Run the plan under a progress bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from imle.demo.showcase import run

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with progress:
        task = progress.add_task("Sampling", total=len(plan.settings) * (plan.steps + 1))

        def on_step(setting: Setting) -> None:
            progress.update(task, description=setting.title, advance=1)

        return run(plan, seed=seed, on_step=on_step)


def _table(showcase: Showcase) -> Table:
    """What each setting came to, with the timings that results.json leaves out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=f"After {showcase.plan.steps} steps", title_justify="left", title_style="bold")
    table.add_column("input / target noise")
    for heading in ("steps to gold MAP path", "final loss", "solves per second"):
        table.add_column(heading, justify="right")
    for recording in showcase.recordings:
        setting = recording.setting
        table.add_row(
            f"{setting.temperature:g} / {setting.target_temperature:g}",
            "not reached" if recording.reached is None else str(recording.reached),
            f"{recording.loss[-1]:.2f}",
            f"{recording.solves_per_second:,.0f}",
        )
    return table
