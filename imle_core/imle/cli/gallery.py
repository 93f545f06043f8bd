"""`imle gallery`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imle.cli.drawing import out_option, require_pillow, seed_option

if TYPE_CHECKING:
    from rich.table import Table

    from imle.gallery.show import Shown

# Kept here so that `--help` imports neither torch nor Pillow; a test compares them with the real ones.
SECTIONS = ("paths", "marginals", "learning", "noise", "error", "race", "solvers")
FORMATS = ("html", "gif", "png", "mp4")


@click.command("gallery")
@out_option("imle-gallery")
@seed_option
@click.option(
    "--quick", is_flag=True, help="Fewer temperatures, samples and steps, and one solver: under half a minute."
)
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="Just this section; may be repeated.")
@click.option(
    "--solver",
    "ids",
    metavar="ID",
    multiple=True,
    help="Portray this solver (`imle list-solvers`), or 'all'; may be repeated.  [default: all; with --quick: "
    "grid-shortest-path]",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="What to write; may be repeated. mp4 needs ffmpeg.  [default: html, gif, png]",
)
def command(
    out: Path, seed: int, quick: bool, only: tuple[str, ...], ids: tuple[str, ...], formats: tuple[str, ...]
) -> None:
    """Paths, marginals, learning, noise, estimators and solvers, in pictures that move.

    Writes index.html (open it in a browser), pictures, animations and results.json.

    \b
    Examples:
      imle gallery
      imle gallery --quick --out /tmp/imle-gallery --seed 7
      imle gallery --only solvers --solver topk --solver spanning-tree
    """
    require_pillow("gallery")
    from imle.cli.output import make_console, show
    from imle.cli.progress import progress
    from imle.drawing.files import make_folder, write_files
    from imle.drawing.video import encoder
    from imle.gallery.output import drawn, results_json
    from imle.gallery.page import page
    from imle.gallery.plan import FULL, QUICK
    from imle.gallery.show import chosen, run

    plan = QUICK if quick else FULL
    wanted = formats or ("html", "gif", "png")
    program = encoder() if "mp4" in wanted else None
    sections = chosen(only, ids or (("grid-shortest-path",) if quick else ("all",)))
    make_folder(out)
    with progress("Starting", sum(section.work(plan) for section in sections)) as tick:
        shown = run(sections, plan, seed=seed, tick=tick)
    files = {**drawn(shown, wanted, program), "results.json": results_json(shown, seed)}
    names = list(files)
    if "html" in wanted:
        files["index.html"] = page(shown, names, _again(quick, seed, only, ids, formats), seed)
    write_files(out, files)
    show(make_console(), _table(shown))
    click.echo(out / "index.html" if "html" in wanted else out)


def _again(quick: bool, seed: int, only: Sequence[str], ids: Sequence[str], formats: Sequence[str]) -> str:
    """The command that makes the same files, folder apart."""
    words = ["imle", "gallery", *(["--quick"] if quick else []), "--seed", str(seed)]
    for option, values in (("--only", only), ("--solver", ids), ("--format", formats)):
        for value in values:
            words += [option, value]
    return shlex.join(words)


def _table(shown: Sequence[Shown]) -> Table:
    """What each section came to."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title="The gallery", title_justify="left", title_style="bold")
    table.add_column("section")
    table.add_column("seconds", justify="right")
    table.add_column("found")
    for section in shown:
        table.add_row(section.name, f"{section.seconds:.1f}", section.view.finding)
    return table
