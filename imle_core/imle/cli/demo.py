"""`imle demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imle.cli.drawing import out_option, require_pillow, seed_option

if TYPE_CHECKING:
    from rich.table import Table

    from imle.demo.showcase import Plan, Showcase


@click.command("demo")
@out_option("imle-demo")
@seed_option
@click.option("--quick", is_flag=True, help="Two of the five noise settings and fewer steps, in seconds.")
def command(out: Path, seed: int, quick: bool) -> None:
    """Sample paths on a map, then learn the map from one path.

    Writes index.html (open it in a browser), pictures, animations and results.json.

    \b
    Examples:
      imle demo
      imle demo --quick --out /tmp/imle-demo --seed 7
    """
    require_pillow("demo")
    from imle.cli.output import make_console, show
    from imle.demo.page import page
    from imle.demo.pictures import pictures
    from imle.demo.results import results_json
    from imle.demo.showcase import FULL, QUICK
    from imle.drawing.files import make_folder, write_files

    make_folder(out)
    showcase = _run(QUICK if quick else FULL, seed)
    drawn = pictures(showcase)
    again = f"imle demo{' --quick' if quick else ''} --seed {seed}"
    write_files(out, {**drawn, "results.json": results_json(showcase), "index.html": page(showcase, drawn, again)})
    show(make_console(), _table(showcase))
    click.echo(out / "index.html")


def _run(plan: Plan, seed: int) -> Showcase:
    """Run the plan under a progress bar."""
    from imle.cli.progress import progress
    from imle.demo.showcase import run

    with progress("Sampling", len(plan.settings) * (plan.steps + 1)) as tick:
        return run(plan, seed=seed, on_step=lambda setting: tick(setting.title))


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
