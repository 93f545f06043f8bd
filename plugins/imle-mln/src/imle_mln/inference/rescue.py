"""What to return when time runs out before a solver has found anything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imle.solvers import SolveStatus
from imle_mln.inference.encoding import Encoding
from imle_mln.inference.found import Found
from imle_mln.inference.truths import Bools
from imle_mln.network import Floats

Complete = Callable[[Bools], Floats]
"""All columns from states of the atoms."""


def rescued(encoding: Encoding, complete: Complete, costs: Floats) -> Found:
    """What is left if a solver finds no state in time: all atoms false, if that breaks no row."""
    nothing = np.zeros(len(encoding.atoms), np.bool_)
    x = complete(nothing)
    if len(encoding.rows.broken(x)):
        return Found(SolveStatus.TIMEOUT)
    return Found(SolveStatus.FEASIBLE, nothing, float(x @ costs - np.minimum(costs, 0.0).sum()))
