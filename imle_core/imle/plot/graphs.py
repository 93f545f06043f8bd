"""Values on the edges or nodes of a networkx graph."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imle.errors import InstanceError, OptionError, SolverUnavailableError
from imle.plot.backend import matplotlib
from imle.plot.cells import COLOURS, Floats

Positions = Mapping[Any, Sequence[float]]

_THIN, _THICK = 1.0, 4.0  # line widths of edges with value 0 and with the highest
_FAINT, _STRONG = 0.12, 0.92  # the part of the colour map that is used: neither end of it vanishes
_SPREAD = 2.0  # of the layout: distance of nodes, 1 being networkx's own, which crowds small graphs
_BEND = 0.18  # of parallel edges, each a bit more than the one before


def on_graph(axes: Any, values: Floats, graph: Any, positions: Positions | None, weights: str, limit: float) -> Any:
    """Draw values on the edges or nodes of a networkx graph; returns the colour scale.

    Args:
        axes: where.
        values: `[n]`, one per edge in the order of `graph.edges`, or per node in the order of `graph.nodes`.
        graph: a networkx graph of any kind.
        positions: (x, y) by node; None for a spring layout with a fixed seed.
        weights: "edge" or "node": what values belong to.
        limit: the value drawn darkest and thickest.

    Raises:
        OptionError: `weights` is neither.
        InstanceError: the number of values is not that of the edges or nodes, or a node has no position.
    """
    if weights not in ("edge", "node"):
        raise OptionError(f"weights: expected 'edge' or 'node', found {weights!r}")
    expected = len(graph.edges if weights == "edge" else graph.nodes)
    if len(values) != expected:
        raise InstanceError(f"graph: expected one value per {weights}, {expected} in all, found {len(values)}")
    places = _spring(graph) if positions is None else positions
    if missing := [node for node in graph.nodes if node not in places]:
        raise InstanceError(f"positions: expected one for every node, found none for {missing[0]!r}")
    colour = matplotlib("cm").ScalarMappable(matplotlib("colors").Normalize(0.0, limit), _bright())
    nodes = weights == "node"
    _edges(axes, graph, places, np.zeros(len(graph.edges)) if nodes else values, colour)
    xs, ys = zip(*(places[node] for node in graph.nodes), strict=True)
    faces = colour.to_rgba(values) if nodes else "#3b3b46"
    axes.scatter(xs, ys, s=90 if nodes else 36, c=faces, edgecolors="white", zorder=3)
    axes.set_axis_off()
    axes.margins(0.08)
    axes.autoscale_view()
    return colour


def _edges(axes: Any, graph: Any, places: Positions, values: Floats, colour: Any) -> None:
    seen: Counter[Any] = Counter()
    for (tail, head, *_), value in zip(graph.edges, values, strict=True):
        ends = frozenset((tail, head))
        bend = (seen[ends] + (graph.is_directed() and graph.has_edge(head, tail))) * _BEND
        seen[ends] += 1
        share = value / colour.norm.vmax
        axes.add_patch(
            matplotlib("patches").FancyArrowPatch(
                places[tail],
                places[head],
                arrowstyle="-|>" if graph.is_directed() else "-",
                mutation_scale=11,
                shrinkA=4,
                shrinkB=4,
                connectionstyle=f"arc3,rad={bend:g}",
                linewidth=_THIN + (_THICK - _THIN) * min(max(share, 0.0), 1.0),
                color=colour.to_rgba(value),
                zorder=1 + share / 2,  # likely edges above unlikely ones
            )
        )


def _bright() -> Any:
    """The part of the colour map, reversed, that shows on white paper."""
    whole = importlib.import_module("matplotlib").colormaps[f"{COLOURS}_r"]
    return matplotlib("colors").ListedColormap(whole(np.linspace(_FAINT, _STRONG, 256)))


def _spring(graph: Any) -> Positions:
    try:
        networkx = importlib.import_module("networkx")
    except ImportError as error:
        raise SolverUnavailableError(
            f"laying out a graph needs networkx, which cannot be imported: {error}",
            hint="pip install 'imle[networkx]', or give positions={node: (x, y)}",
        ) from error
    # networkx lets an edge of a directed graph pull at one of its ends only
    layout: Positions = networkx.spring_layout(networkx.Graph(graph), k=_SPREAD / len(graph) ** 0.5, seed=0)
    return layout
