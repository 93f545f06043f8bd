"""Draw mutants, run the tests near each, and print those that live.

    python -m mutants --count 60 --seed 0

from the folder `tests`; `make mutants` does it. Works in a copy of the sources, one mutant after the other.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutants.areas import AREAS, ROOT, Area
from mutants.sites import Site, sites

LIMIT = 600
"""Seconds for the tests of one mutant; one that makes them hang has been noticed."""


def drawn(area: Area, count: int, random_: random.Random, copy: Path) -> list[Site]:
    """Some changes of an area of the copy."""
    every = [site for file in area.files(copy) for site in sites(file)]
    return random_.sample(every, min(count, len(every)))


def killed(area: Area, site: Site | None, copy: Path) -> bool:
    """Whether the tests near a mutant fail; without a mutant, whether they fail anyway."""
    original = None if site is None else site.file.read_bytes()
    if site is not None:
        site.file.write_text(site.applied())
    sources = [copy / "imle_core", *sorted(copy.glob("plugins/*/src"))]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *area.tests]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources)), "CI": "true"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT, check=False)
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        if site is not None and original is not None:
            site.file.write_bytes(original)


def main() -> int:
    """Print a line per mutant and a count; 1 if more than one in twenty lives."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="the name of one area")
    given = parser.parse_args()
    areas = [area for area in AREAS if given.only in (None, area.name)]
    random_ = random.Random(given.seed)
    lived = total = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        skipped = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "_build")
        shutil.copytree(ROOT, copy, ignore=skipped, symlinks=True)
        for number, area in enumerate(areas):
            if killed(area, None, copy):
                print(f"{area.name}: its tests fail without a mutant", file=sys.stderr)
                return 2
            share = given.count // len(areas) + (number < given.count % len(areas))
            for site in drawn(area, share, random_, copy):
                start, shown = time.perf_counter(), site.shown()
                dead = killed(area, site, copy)
                total += 1
                lived += not dead
                verdict = "killed" if dead else "LIVES "
                seconds = time.perf_counter() - start
                where = site.file.relative_to(copy)
                print(f"{verdict} {seconds:4.0f} s  {area.name:<12} {where}:{shown}", flush=True)
    print(f"{total - lived} of {total} killed ({1 - lived / max(total, 1):.1%}), seed {given.seed}")
    return int(lived > total / 20)


if __name__ == "__main__":
    sys.exit(main())
