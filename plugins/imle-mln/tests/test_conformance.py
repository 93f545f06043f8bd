"""mln-map passes the conformance kit, on a network whose worlds are all listed.

Its layer takes and returns two tensors, so the checks through the layer do not apply; test_mln_layer.py makes those.
`imle check mln-map --instances plugins/imle-mln/tests/test_conformance.py` takes the instances too.
"""

from __future__ import annotations

import itertools

import numpy as np

from imle.testing import Instance, parametrize_with_checks

PROGRAM = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
-0.3 Smokes(x)
"""
FRIENDS = [(0, 1), (1, 2)]


def worlds():
    """Counts of both formulas, then the states of Ann, Ben and Cat: written out from what the formulas mean."""
    rows = []
    for smokes in itertools.product([0, 1], repeat=3):
        implied = sum((x, y) not in FRIENDS or not smokes[x] or smokes[y] for x in range(3) for y in range(3))
        rows.append([implied, sum(smokes), *smokes])
    return np.array(rows, dtype=float)


def instances(solver_id):
    del solver_id
    network = {"program": PROGRAM, "evidence": {"Friends": [("Ann", "Ben"), ("Ben", "Cat")]}}
    return [
        Instance(f"smokers, {engine}", network, {"engine": engine}, solutions=worlds()) for engine in ("auto", "highs")
    ]


@parametrize_with_checks("mln-map", instances("mln-map"))
def test_conformance(check):
    check()
