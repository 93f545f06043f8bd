"""What is to be drawn, as numpy arrays of a known form."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError, OptionError

Floats = NDArray[np.float64]
Kind = Literal["bars", "grid", "assignment", "graph"]

DIMENSIONS: dict[Kind, int] = {"bars": 1, "grid": 2, "assignment": 2, "graph": 1}
"""Of one solution."""


def to_array(values: Any, what: str) -> Floats:
    """Tensors (detached), arrays and lists as finite float64.

    Raises:
        ObjectiveError: not numbers, empty, or not finite.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.double() if values.is_floating_point() else values).numpy()  # numpy has no bfloat16
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biufO":  # numpy would read texts and dates as numbers, and drop imaginary parts
            raise TypeError(f"dtype {given.dtype}")
        array = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ObjectiveError(f"{what}: expected numbers, found {type(values).__name__}: {error}") from error
    if array.size == 0:
        raise ObjectiveError(f"{what}: expected at least one value, found shape {list(array.shape)}")
    if not np.isfinite(array).all():
        place = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        raise ObjectiveError(f"{what}: expected finite values, found {array[tuple(place)]} at {place}")
    return array


def kind_of(kind: Kind | None, array: Floats, graph: Any | None) -> Kind:
    """What was asked for; otherwise a graph if there is one, bars for one dimension and a grid for more.

    Raises:
        OptionError: the kind is not known, or does not go with the graph.
    """
    if kind is None:
        kind = "graph" if graph is not None else "bars" if array.ndim == 1 else "grid"
    if kind not in DIMENSIONS:
        raise OptionError(f"kind: expected one of {', '.join(map(repr, DIMENSIONS))}, found {kind!r}")
    if (kind == "graph") != (graph is not None):
        raise OptionError(
            f"kind {kind!r}: expected {'a graph' if kind == 'graph' else 'no graph'}, found {type(graph).__name__}",
            hint="graph= takes a networkx graph, and draws on it",
        )
    return kind


def mean_of(array: Floats, kind: Kind, what: str) -> Floats:
    """One solution or mean as it is; of samples `[S, *event]`, the mean.

    Raises:
        ObjectiveError: neither.
    """
    wanted = DIMENSIONS[kind]
    if array.ndim == wanted:
        return array
    if array.ndim == wanted + 1:
        return np.asarray(array.mean(axis=0))
    event = "n" if wanted == 1 else "rows, columns"
    raise ObjectiveError(
        f"{what}: expected [{event}] or samples [S, {event}] for kind {kind!r}, found shape {list(array.shape)}",
        hint="pick one row of the batch",
    )
