"""An instance as users give it: matrices and bounds, or a file."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imle.errors import InstanceError
from imle.solvers import AwaitingInstance


class ProgramInput(NamedTuple):
    """The parameters both solvers share."""

    A_ub: Any
    b_ub: Any
    A_eq: Any
    b_eq: Any
    bounds: Any
    model: Any
    variables: Any
    costs: Any


def is_empty(instance: ProgramInput) -> bool:
    """Whether nothing of any size is given: each row of a batch will bring its own instance."""
    given = (instance.A_ub, instance.b_ub, instance.A_eq, instance.b_eq, instance.model, instance.costs)
    return all(part is None for part in given) and _is_pair(instance.bounds)


def awaiting(who: str) -> AwaitingInstance:
    """What a solver over matrices or files is before it has any."""
    return AwaitingInstance(
        who, "expected A_ub, A_eq, one pair of bounds per variable or model, found none of them", "them"
    )


def _is_pair(bounds: Any) -> bool:
    """Whether bounds hold for all variables, however many there are."""
    if bounds is None:
        return True
    if hasattr(bounds, "lb"):
        return bool(np.size(bounds.lb) == np.size(bounds.ub) == 1)  # scipy makes an array of one number
    return (
        isinstance(bounds, (tuple, list, np.ndarray)) and len(bounds) == 2 and all(np.ndim(end) == 0 for end in bounds)
    )


def refuse_beside_model(who: str, instance: ProgramInput, integrality: Any) -> None:
    """Refuse matrices, bounds and integrality where a model says all that.

    Raises:
        InstanceError: there are some.
    """
    fields = ("A_ub", "b_ub", "A_eq", "b_eq")
    beside = [name for name in fields if getattr(instance, name) is not None]
    if not (_is_pair(instance.bounds) and tuple(instance.bounds or (0, None)) == (0, None)):
        beside.append("bounds")
    if integrality is not None:
        beside.append("integrality")
    if beside:
        raise InstanceError(
            f"{who}: expected either model or matrices and bounds, found model and {', '.join(beside)}",
            hint="rows, bounds and integrality come from the model",
        )
