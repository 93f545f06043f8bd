"""How an engine's solve of some components ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imle.solvers import SolveStatus
from imle_mln.inference.truths import Bools


@dataclass(frozen=True, eq=False)
class Found:
    """How a solve ended.

    Attributes:
        status: optimal, feasible, infeasible or timeout.
        states: of the engine's atoms, if the status is ok.
        slack: no state is better by more than this.
    """

    status: SolveStatus
    states: Bools | None = None
    slack: float = np.inf
