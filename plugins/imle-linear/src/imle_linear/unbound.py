"""Unbound: what a solver is until its instance comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import Shape, SolveResult


class Unbound:
    """A solver whose instance comes with every row; there is nothing to solve until it does.

    Args:
        who: for messages.
        missing: what was expected and not found.
        parameters: what to give, for the hint.
    """

    objective_shape: Shape = (None,)

    def __init__(self, who: str, missing: str, parameters: str) -> None:
        self._who = who
        self._missing = missing
        self._parameters = parameters

    def solve(self, objective: NDArray[np.float64], **rows: Any) -> SolveResult:
        """Say that the instance is missing.

        Raises:
            InstanceError: always.
        """
        raise InstanceError(
            f"{self._who}: {self._missing}",
            hint=f"give {self._parameters} to imle.layer for all rows, or to the call, one per row",
        )

    def close(self) -> None:
        """Nothing to free."""


def without_instance(who: str) -> Unbound:
    """What a solver over matrices or files is before it has any."""
    return Unbound(who, "expected A_ub, A_eq, one pair of bounds per variable or model, found none of them", "them")
