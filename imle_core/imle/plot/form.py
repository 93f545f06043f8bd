"""Values of a known form, and the picture that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from imle.errors import ObjectiveError, OptionError
from imle.plot import cells
from imle.plot.cells import Floats
from imle.plot.graphs import Positions, on_graph

Kind = Literal["bars", "grid", "assignment", "graph"]


class Form(NamedTuple):
    """How the solutions of one problem are drawn; fields are the options of `imle.plot.marginals`."""

    kind: Kind
    graph: Any | None
    positions: Positions | None
    weights: str
    names: Sequence[str] | None
    column_names: Sequence[str] | None

    def mean(self, array: Floats, what: str, *, single: bool = True) -> Floats:
        """The mean of samples `[S, *event]`; one solution or mean `[*event]` as it is, where `single` allows it.

        Raises:
            ObjectiveError: another number of dimensions.
        """
        event = ["rows", "columns"] if self.kind in ("grid", "assignment") else ["n"]
        if single and array.ndim == len(event):
            return array
        if array.ndim == len(event) + 1:
            return np.asarray(array.mean(axis=0))
        shape = ", ".join(event)
        expected, first = f"[S, {shape}]", "make the layer with output='samples', and "
        if single:
            expected, first = f"[{shape}] or samples {expected}", ""
        raise ObjectiveError(
            f"{what}: expected {expected} for kind {self.kind!r}, found shape {list(array.shape)}",
            hint=f"{first}pick one row of the batch",
        )

    def draw(self, axes: Any, values: Floats, limit: float) -> Any | None:
        """Draw `[*event]` values, of which `limit` is the highest; returns the colour scale, if there is one."""
        if self.kind == "bars":
            cells.bars(axes, values, self.names, limit)
            return None
        if self.kind == "grid":
            return cells.grid(axes, values, limit)
        if self.kind == "assignment":
            return cells.assignment(axes, values, self.names, self.column_names, limit)
        return on_graph(axes, values, self.graph, self.positions, self.weights, limit)

    def size(self, values: Floats) -> tuple[float, float]:
        """Width and height of the picture, in inches."""
        if self.kind == "bars":
            return min(max(4.0, 0.35 * len(values)), 14.0), 3.0
        if self.kind == "graph":
            return 6.0, 4.8
        return 5.2, min(max(2.0, 4.2 * values.shape[0] / values.shape[1]), 10.0)


def kind_of(kind: Kind | None, array: Floats, graph: Any | None) -> Kind:
    """What was asked for; otherwise a graph if there is one, bars for one dimension and a grid for more.

    Raises:
        OptionError: the kind is not known, or does not go with the graph.
    """
    if kind is None:
        kind = "graph" if graph is not None else "bars" if array.ndim == 1 else "grid"
    if kind not in get_args(Kind):
        raise OptionError(f"kind: expected one of {', '.join(map(repr, get_args(Kind)))}, found {kind!r}")
    if (kind == "graph") != (graph is not None):
        raise OptionError(
            f"kind {kind!r}: expected {'a graph' if kind == 'graph' else 'no graph'}, found {type(graph).__name__}",
            hint="graph= takes a networkx graph, and draws on it",
        )
    return kind


def highest(array: Floats) -> float:
    """The end of the colour scale: 1, or more if solutions have larger entries."""
    return max(1.0, float(array.max()))


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
