"""`make house`: the figures of this checkout, and the picture of its packages in docs/packages.svg.

Before and after a change: `python -m tools.house --against ../before`, a checkout or a file written by `--save`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tools.house.picture import write
from tools.house.report import Figures, measure, table

HERE = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.house", description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE, help="the checkout to measure; by default this one")
    parser.add_argument("--against", type=Path, help="a second one, shown first: a checkout, or a file of --save")
    parser.add_argument("--save", type=Path, help="also write the figures to this file")
    parser.add_argument("--names", action="store_true", help="list what is counted: circles, functions, frames, ...")
    options = parser.parse_args()
    columns: dict[str, Figures] = {}
    if options.against is not None:
        saved = options.against.is_file()
        columns["before"] = json.loads(options.against.read_text()) if saved else measure(options.against.resolve())[0]
    figures, names = measure(options.root.resolve())
    columns["after" if columns else "figure"] = figures
    if options.save is not None:
        options.save.write_text(json.dumps(figures, indent=1) + "\n")
    if options.root == HERE:
        write(HERE)
    print(table(columns))
    if options.names:
        for what, found in names.items():
            print(f"\n{what}:")
            print("\n".join(f"  {name}" for name in found))


if __name__ == "__main__":
    main()
