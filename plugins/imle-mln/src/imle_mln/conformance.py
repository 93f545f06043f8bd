"""What `imle check mln-map` checks it on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools

import numpy as np

from imle.testing import Floats, Instance

PROGRAM = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
-0.3 Smokes(x)
"""
FRIENDS = [(0, 1), (1, 2)]


def instances(solver_id: str) -> list[Instance]:
    """A network whose worlds are all listed."""
    del solver_id
    network = {"program": PROGRAM, "evidence": {"Friends": [("Ann", "Ben"), ("Ben", "Cat")]}}
    return [
        Instance(f"smokers, {engine}", network, {"engine": engine}, solutions=_worlds()) for engine in ("auto", "highs")
    ]


def _worlds() -> Floats:
    """Counts of both formulas, then the states of Ann, Ben and Cat: written out from what the formulas mean.

    Evidence leaves two groundings of the first formula open: only these are counted.
    """
    rows = []
    for smokes in itertools.product([0, 1], repeat=3):
        implied = sum(not smokes[x] or smokes[y] for x, y in FRIENDS)
        rows.append([implied, sum(smokes), *smokes])
    return np.array(rows, dtype=float)
