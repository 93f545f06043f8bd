"""`imle demo` and `imle gallery`. The light module: it imports neither torch, matplotlib nor Pillow."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from imle.plugins import hookimpl
from imle.progress import bar

if TYPE_CHECKING:
    from imle_gallery.page import Words
    from imle_gallery.show import Section, Shown

# Kept here so that `--help` imports neither torch nor matplotlib; a test compares them with the real ones.
SECTIONS = ("paths", "marginals", "learning", "noise", "error", "race", "solvers")
FORMATS = ("html", "gif", "png", "webp")

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def _out(default: str) -> Decorator:
    return click.option(
        "--out",
        type=click.Path(file_okay=False, writable=True, path_type=Path),
        default=default,
        show_default=True,
        help="Folder for the files; other files in it are left alone.",
    )


_seed: Decorator = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 2), default=0, show_default=True, help="Of all randomness."
)


@click.command("demo")
@_out("imle-demo")
@_seed
@click.option("--quick", is_flag=True, help="Two of the five noise settings and fewer steps, in seconds.")
def demo(out: Path, seed: int, quick: bool) -> None:
    """Sample paths on a map, then learn the map from one path.

    Writes index.html (open it in a browser), pictures, animations and results.json.

    \b
    Examples:
      imle demo
      imle demo --quick --out /tmp/imle-demo --seed 7
    """
    from imle_gallery.demo import FULL, QUICK, SECTIONS, WORDS, results

    again = f"imle demo{' --quick' if quick else ''} --seed {seed}"
    _make(out, SECTIONS, QUICK if quick else FULL, seed, ("html", "png", "gif"), results, WORDS, again)


@click.command("gallery")
@_out("imle-gallery")
@_seed
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
    help="What to write; may be repeated.  [default: html, gif, png]",
)
def gallery(
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
    from imle_gallery import plan
    from imle_gallery.gallery import chosen, results, words

    sections = chosen(only, ids or (("grid-shortest-path",) if quick else ("all",)))
    wanted = formats or ("html", "gif", "png")
    again = _again(quick, seed, only, ids, formats)
    _make(out, sections, plan.QUICK if quick else plan.FULL, seed, wanted, results, words(seed), again)


def _again(quick: bool, seed: int, only: Sequence[str], ids: Sequence[str], formats: Sequence[str]) -> str:
    """The command that makes the same files, folder apart."""
    words = ["imle", "gallery", *(["--quick"] if quick else []), "--seed", str(seed)]
    for option, values in (("--only", only), ("--solver", ids), ("--format", formats)):
        for value in values:
            words += [option, value]
    return shlex.join(words)


def _make(
    out: Path,
    sections: Sequence[Section],
    plan: Any,
    seed: int,
    formats: Sequence[str],
    results: Callable[[Sequence[Shown], int], Any],
    words: Words,
    again: str,
) -> None:
    """Run the sections, write all files, and say what came of it."""
    from imle_gallery.page import page
    from imle_gallery.show import drawn, make_folder, results_json, run, write_files

    make_folder(out)
    with bar("gallery", sum(section.work(plan) for section in sections)) as drawing:
        shown = run(sections, plan, seed=seed, tick=drawing.advance)
    files = {**drawn(shown, formats), "results.json": results_json(results(shown, seed))}
    if "html" in formats:
        files["index.html"] = page(words, shown, files, again)
    write_files(out, files)
    for section in shown:
        click.echo(f"{click.style(section.name, bold=True)} ({section.seconds:.1f} s)")
        click.echo(indent(section.view.finding, "  "))
    click.echo(out / "index.html" if "html" in formats else out)


@hookimpl
def imle_register_commands(cli: click.Group) -> None:
    cli.add_command(demo)
    cli.add_command(gallery)
