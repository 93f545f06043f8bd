"""How many bindings a plan will look at, if what evidence says of one argument says nothing of the others."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from imle_mln.grounding.plan import Copy, Cross, Filter, Step
from imle_mln.grounding.world import Scope


def estimate(scope: Scope, steps: Sequence[Step], rows: float) -> tuple[float, float]:
    """What becomes of `rows` bindings: how many there are at the widest, and how many are left."""
    widest = 0.0
    for step in steps:
        match step:
            case Filter(part):
                rows *= scope.share(part)
            case Copy():
                pass
            case Cross(variable):
                rows *= scope.size(variable)
                widest = max(widest, rows)
            case _:
                rows *= step.index.size / prod(step.index.domains)
                widest = max(widest, rows)
    return widest, rows
