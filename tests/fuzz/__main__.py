"""`make fuzz`: a minute of random cases; `make fuzz SECONDS=3600 SEED=7 ONLY=programs` for more, or for fewer targets.

Failing cases are printed as programs. Exit codes: 0 nothing was wrong, 1 something was.
"""

from __future__ import annotations

import argparse
import faulthandler
import secrets
import sys

import torch

from fuzz.families import DRAWS
from fuzz.running import Tally, run, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one each time, printed")
    parser.add_argument("--only", default="", help="targets whose names begin with this, several with commas")
    parser.add_argument("--rows", type=float, default=float("inf"), help="rows per target that are enough")
    parser.add_argument("--show", type=int, default=3, help="failing cases to print per target; the rest are counted")
    given = parser.parse_args()
    faulthandler.enable()
    torch.set_num_threads(1)
    wanted = tuple(given.only.split(","))
    draws = {target: draw for target, draw in DRAWS.items() if target.startswith(wanted)}
    if not draws:
        parser.error(f"--only: expected the beginning of one of {', '.join(DRAWS)}, found {given.only}")
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    say = sys.stdout.write
    say(f"seed {seed}, {given.seconds:g} seconds, {len(draws)} targets\n")
    tallies: dict[str, Tally] = {}
    shown: dict[str, int] = {}
    for finding in run(draws, seed, given.seconds, tallies, most_rows=given.rows):
        shown[finding.target] = shown.get(finding.target, 0) + 1
        if shown[finding.target] <= given.show:
            say(f"\n{finding}")
            sys.stdout.flush()
    say(f"\n{table(tallies)}\n")
    return 1 if any(tally.wrong for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
