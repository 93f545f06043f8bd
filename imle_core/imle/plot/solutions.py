"""Pictures of solutions: one of marginals, or several samples side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from imle._checks import positive_int
from imle.plot.backend import new_figure
from imle.plot.form import Form, Kind, highest, kind_of, to_array
from imle.plot.graphs import Positions

_SIDE = 1.9  # inches of a sample


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
    form = Form(kind_of(kind, array, graph), graph, positions, weights, names, column_names)
    values = form.mean(array, "marginals")
    if axes is None:
        axes = new_figure(*form.size(values)).subplots()
    scale = form.draw(axes, values, highest(values))
    if scale is not None and colourbar:
        axes.figure.colorbar(scale, ax=axes, shrink=0.8)
    axes.set_title(title)
    return axes


def samples(
    z: Any,
    *,
    kind: Kind | None = None,
    graph: Any | None = None,
    positions: Positions | None = None,
    weights: str = "edge",
    names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    most: int = 12,
    columns: int = 6,
    with_mean: bool = True,
) -> Any:
    """Draw the first samples of a row, one picture each, and the mean of all of them.

    Args:
        z: `[S, *event]` what a layer with output="samples" returns for one row.
        kind, graph, positions, weights, names, column_names: as for `marginals`.
        most: samples to draw.
        columns: pictures side by side.
        with_mean: end with the mean of all S.

    Returns:
        the matplotlib Figure, an Axes per picture.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
        OptionError, InstanceError, ObjectiveError: what was given does not go together.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("grid-shortest-path", nb_samples=20, output="samples", noise="multiplicative")
        >>> figure = imle.plot.samples(layer(torch.rand(1, 8, 8).add(0.5))[0], most=5)
        >>> len(figure.axes)
        6
    """
    for name, value in (("most", most), ("columns", columns)):
        positive_int(f"samples: {name}", value)
    array = to_array(z, "samples")
    kind = kind_of(kind, array[0] if array.ndim else array, graph)
    form = Form(kind, graph, positions, weights, names, column_names)
    mean = form.mean(array, "samples", single=False)
    shown = [(f"sample {number + 1}", sample) for number, sample in enumerate(array[:most])]
    if with_mean:
        shown.append((f"mean of {len(array)}", mean))
    wide = min(columns, len(shown))
    tall = math.ceil(len(shown) / wide)
    figure = new_figure(_SIDE * wide, _SIDE * tall * 1.1)
    for place, (title, values) in enumerate(shown):
        axes = figure.add_subplot(tall, wide, place + 1)
        form.draw(axes, values, highest(array))
        axes.set_title(title, fontsize=9)
    return figure
