"""One picture of marginals, of their mean over samples, or of one solution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imle.plot import cells
from imle.plot.backend import own_axes
from imle.plot.graphs import Positions, on_graph
from imle.plot.values import Floats, Kind, kind_of, mean_of, to_array


def marginals(
    z: Any,
    *,
    kind: Kind | None = None,
    graph: Any | None = None,
    positions: Positions | None = None,
    weights: str = "edge",
    names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    title: str = "",
    colourbar: bool = True,
    axes: Any | None = None,
) -> Any:
    """Draw how likely each entry of a solution is.

    Args:
        z: `[*event]` marginals (what a layer returns for one row) or one solution; or `[S, *event]` samples, whose
            mean is drawn. A tensor, array or list.
        kind: "bars" for vectors, "grid" for cells, "assignment" for matrices with names and numbers, "graph" for the
            edges or nodes of a graph. By default "graph" if there is one, "bars" for one dimension, else "grid".
        graph: networkx graph, for kind "graph"; values follow the order of `graph.edges` or `graph.nodes`.
        positions: (x, y) by node; by default a spring layout, the same every time.
        weights: "edge" or "node": what values belong to.
        names: of bars, or of the rows of an assignment.
        column_names: of an assignment.
        title: above it.
        colourbar: show what colours mean.
        axes: where to draw; by default a new figure's.

    Returns:
        the matplotlib Axes; `.figure.savefig(path)` writes it.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
        OptionError, InstanceError, ObjectiveError: what was given does not go together.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("topk", k=2, nb_samples=100)
        >>> axes = imle.plot.marginals(layer(torch.tensor([[2.0, 1.0, 0.0]]))[0])
        >>> len(axes.patches)
        3
    """
    array = to_array(z, "marginals")
    kind = kind_of(kind, array, graph)
    values = mean_of(array, kind, "marginals")
    axes = own_axes(axes, *_size(kind, values))
    scale = draw(
        axes,
        values,
        kind,
        limit=cells.highest(values),
        graph=graph,
        positions=positions,
        weights=weights,
        names=names,
        column_names=column_names,
    )
    if scale is not None and colourbar:
        axes.figure.colorbar(scale, ax=axes, shrink=0.8)
    axes.set_title(title)
    return axes


def draw(
    axes: Any,
    values: Floats,
    kind: Kind,
    *,
    limit: float,
    graph: Any | None = None,
    positions: Positions | None = None,
    weights: str = "edge",
    names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> Any | None:
    """One picture; returns its colour scale, if it has one."""
    if kind == "bars":
        cells.bars(axes, values, names, limit)
        return None
    if kind == "grid":
        return cells.grid(axes, values, limit)
    if kind == "assignment":
        return cells.assignment(axes, values, names, column_names, limit)
    return on_graph(axes, values, graph, positions, weights, limit)


def _size(kind: Kind, values: Floats) -> tuple[float, float]:
    """Inches."""
    if kind == "bars":
        return min(max(4.0, 0.35 * len(values)), 14.0), 3.0
    if kind == "graph":
        return 6.0, 4.8
    height, width = values.shape
    return 5.2, min(max(2.0, 4.2 * height / width), 10.0)
