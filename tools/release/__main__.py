"""`python -m tools.release`: build what is published, keep its metadata alike, tell its lower bounds."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.release.build import build_all
from tools.release.lowest import constraints
from tools.release.projects import ROOT, project
from tools.release.shared import repeated


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build all source distributions and wheels")
    build.add_argument("into", type=Path, help="the folder they go to")
    commands.add_parser("sync", help="write anew what repeats the root's pyproject.toml")
    commands.add_parser("lowest", help="print the lowest versions that are declared, for pip install -c")
    options = parser.parse_args()
    if options.command == "build":
        build_all(options.into)
        if ".example/" in project(ROOT)["urls"]["Source"]:
            print("note: [project.urls] names no real place yet: RELEASING.md says what to do before an upload")
    elif options.command == "sync":
        for path, text in repeated().items():
            path.write_text(text, "utf-8")
    else:
        print("\n".join(constraints()))


if __name__ == "__main__":
    main()
