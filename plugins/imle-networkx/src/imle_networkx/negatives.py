"""The policy for negative costs where they would make a problem NP-hard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from imle.errors import ObjectiveError
from imle.solvers.compiled import Floats, Longs

Negative = Literal["clip", "raise"]


def clipped(
    who: str, costs: Floats, negatives: Longs, policy: Negative, what: str, ties: str, place: Callable[[int], str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Counters and advice for costs that were clipped to zero; both empty where none is negative.

    Args:
        who: the solver, for messages.
        costs: `[N, items]` as given.
        negatives: `[N]` how many entries of each row are negative.
        policy: what users want.
        what, ties: what costs are called, and solutions, of which several become equal.
        place: how users call the n-th item of an objective.

    Raises:
        ObjectiveError: there are negative costs and the policy is "raise"; names the row.
    """
    if not negatives.any():
        return {}, ()
    rows = np.flatnonzero(negatives)
    if policy == "raise":
        row = int(rows[0])
        item = int(np.argmax(costs[row] < 0))
        raise ObjectiveError(
            f"{who}: expected {what} >= 0, found {costs[row, item]:g} at {place(item)}; "
            f"{int(negatives.sum())} of {costs.size} entries are negative",
            hint=f'a softplus keeps {what} positive; negative="clip" replaces negative {what} by zero',
            row=row,
        )
    advice = (
        f"negative {what} were clipped to zero, where {ties} tie and gradients mislead; keep {what} positive: a "
        "softplus on the network's output, noise that is multiplicative or small beside them, and small steps of the "
        "estimator"
    )
    return {"clipped_rows": len(rows), "clipped_entries": int(negatives.sum())}, (advice,)
