"""Several samples side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from imle._checks import positive_int
from imle.errors import ObjectiveError
from imle.plot.backend import new_figure
from imle.plot.cells import highest
from imle.plot.graphs import Positions
from imle.plot.single import draw
from imle.plot.values import DIMENSIONS, Kind, kind_of, to_array

_SIDE = 1.9  # inches of a picture


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
    if array.ndim != DIMENSIONS[kind] + 1:
        raise ObjectiveError(
            f"samples: expected [S, {'n' if DIMENSIONS[kind] == 1 else 'rows, columns'}] for kind {kind!r}, "
            f"found shape {list(array.shape)}",
            hint="make the layer with output='samples', and pick one row of the batch",
        )
    shown = [(f"sample {number + 1}", sample) for number, sample in enumerate(array[:most])]
    if with_mean:
        shown.append((f"mean of {len(array)}", array.mean(axis=0)))
    wide = min(columns, len(shown))
    tall = math.ceil(len(shown) / wide)
    figure = new_figure(_SIDE * wide, _SIDE * tall * 1.1)
    limit = highest(array)
    for place, (title, values) in enumerate(shown):
        axes = figure.add_subplot(tall, wide, place + 1)
        draw(
            axes,
            values,
            kind,
            limit=limit,
            graph=graph,
            positions=positions,
            weights=weights,
            names=names,
            column_names=column_names,
        )
        axes.set_title(title, fontsize=9)
    return figure
