"""`imle new-plugin`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--path",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default="here",
    help="Where to put the folder; made if need be.",
)
def command(name: str, parent: Path) -> None:
    """Write a complete solver plugin to start from.

    NAME is the solver's id: lower-case words joined by dashes. The folder imle-NAME holds a distribution with the
    entry point, the spec, a solver that works, its instances, tests, a README and a CI file.

    \b
    Examples:
      imle new-plugin best-of-groups
      imle new-plugin bus-routes --path ~/code
    """
    from imle.cli.scaffold import names_of, write

    names = names_of(name)
    folder = write(names, parent)
    click.echo(f"{click.style(str(folder), bold=True)}\n")
    for line in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
        click.echo(f"  {line}")
    click.echo(
        f"\nnext:\n"
        f"  cd {folder}\n"
        f"  imle check .                 everything every solver must do; works before anything is installed\n"
        f"  pip install -e .[test]\n"
        f"  imle info {names['NAME']}\n"
        f"  pytest\n"
        f"\nThen put your own solver into src/{names['PACKAGE']}/solver.py, and say what it takes in plugin.py."
    )
