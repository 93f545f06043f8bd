"""One tour by branch and bound: a search that is made, goes on in slices, and says what it knows when it is stopped."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cache

import numpy as np

from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Longs, read_only
from imle_routes.kernels.improving import good_tour, length
from imle_routes.kernels.search import IMPROVED, LEVEL, LOWER, NODES, UPPER, TourSearch, begin, go_on

RESOLVED = 1e-9
"""Tours and routes are best up to this share of the largest cost among those they take."""
_SLICE = 40_000_000
"""Steps between two looks at the clock and at Ctrl-C: a few hundredths of a second."""
_STEPS_PER_NODE = 40


@dataclass(frozen=True)
class SearchLimits:
    """When a search ends without a proof.

    Attributes:
        nodes: of the search.
        seconds: of its time.
    """

    nodes: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Found:
    """What a search knows.

    Attributes:
        order: `[m]` the nodes of the best tour in its order; None if no tour is known.
        bound: what no tour costs less than.
        done: the tour is the best one, or there is none.
    """

    order: Longs | None
    bound: float
    done: bool


def best_tour(distances: Floats, forced: Longs, *, symmetric: bool, limits: SearchLimits) -> Found:
    """Search for the best tour.

    Args:
        distances: `[m, m]` at least four nodes, infinite where there is no way.
        forced: `[k, 2]` ways, in either direction, that a symmetric tour has to use.
        symmetric: what is finite is the same in both directions.
        limits: when to stop.
    """
    order = np.empty(len(distances), np.int64)
    upper = good_tour(read_only(distances), order)
    known = order if upper < math.inf else None
    lower, searched, begun = -math.inf, 0, time.monotonic()
    while True:
        tolerance = _tolerance(distances, known)
        search = undirected(distances, forced, upper, tolerance) if symmetric else doubled(distances, upper, tolerance)
        run(search, SearchLimits(limits.nodes - searched, limits.seconds - (time.monotonic() - begun)))
        searched += int(search.counts[NODES])
        if search.counts[IMPROVED]:
            known = search.tour if symmetric else _halved(search.tour)
            if symmetric and length(distances, known) == math.inf:  # it begins at its end
                known = known[::-1].copy()
        upper, done = float(search.values[UPPER]), bool(search.counts[LEVEL] < 0)
        lower = max(lower, upper - tolerance if done else float(search.values[LOWER]))
        if not done or known is None:
            return Found(known, lower, done)
        if tolerance <= 2 * _tolerance(distances, known):
            return Found(known, upper, done)
        # the ways of an earlier tour were far dearer, which made this search a coarse one


def common_part(distances: Floats) -> float:
    """What all ways cost alike, where it can be taken off without round-off; else 0."""
    finite = distances[np.isfinite(distances)]
    least = float(finite.min(initial=np.inf))
    return least if least < math.inf and ((finite - least) + least == finite).all() else 0.0


def resolution(taken: Floats, distances: Floats) -> float:
    """By how much less other routes have to cost, to be better.

    What no good tour takes, such as a large number in place of a way that there is not, does not count.

    Args:
        taken: what ways cost that known routes take.
        distances: what all ways cost, infinite where there is none.
    """
    sizes = np.abs(distances[np.isfinite(distances)])
    least = float(sizes.min(initial=np.inf, where=sizes > 0))  # what beats a tour of zeros takes something else
    return RESOLVED * (float(np.abs(taken).max(initial=0.0)) or (least if least < math.inf else 1.0))


def _tolerance(distances: Floats, order: Longs | None) -> float:
    """`resolution` beside the best tour that is known, if there is one."""
    finite = distances[np.isfinite(distances)]
    return resolution(finite if order is None else distances[order, np.roll(order, -1)], distances)


def undirected(distances: Floats, forced: Longs, upper: float, tolerance: float) -> TourSearch:
    """A search for a tour of which the direction does not matter.

    Args:
        distances: `[m, m]` symmetric where both directions are finite.
        forced: `[k, 2]` ways it has to use.
        upper: the cost of a tour that is known, or infinity.
        tolerance: by how much less a better one has to cost.
    """
    return _begun(np.minimum(distances, distances.T), forced, upper, tolerance)


def doubled(distances: Floats, upper: float, tolerance: float) -> TourSearch:
    """A search for a directed tour: each node becomes two, one that is entered and one that is left (m + node).

    Args:
        distances: `[m, m]`.
        upper: the cost of a tour that is known, or infinity.
        tolerance: by how much less a better one has to cost.
    """
    m = len(distances)
    weights = np.full((2 * m, 2 * m), np.inf)
    weights[m:, :m] = distances
    weights[:m, m:] = distances.T
    nodes = np.arange(m)
    weights[nodes, m + nodes] = weights[m + nodes, nodes] = 0.0
    return _begun(weights, np.stack([nodes, m + nodes], axis=1), upper, tolerance)


def run(search: TourSearch, limits: SearchLimits) -> None:
    """Go on until a limit.

    Raises:
        CancelledError: no caller waits any more.
    """
    deadline, spent = time.monotonic() + limits.seconds, 0
    most = max(1, _SLICE // (_STEPS_PER_NODE * len(search.weights) ** 2))
    while search.counts[LEVEL] >= 0 and spent < limits.nodes and time.monotonic() < deadline:
        raise_if_cancelled()
        step = min(limits.nodes - spent, most)
        go_on(search, step)
        spent += step


def _begun(weights: Floats, forced: Longs, upper: float, tolerance: float) -> TourSearch:
    m = len(weights)
    levels = m * (m - 1) // 2 + 1
    search = TourSearch(
        weights=read_only(weights),
        edges=np.empty((m, m)),
        potentials=np.zeros(m),
        required=np.zeros(m, np.int64),
        left=np.zeros(m, np.int64),
        far=np.zeros(m, np.int64),
        trail=np.empty((levels, 4), np.int64),
        branchings=np.empty((levels, 4), np.int64),
        bounds=np.empty(levels),
        tour=np.empty(m, np.int64),
        counts=np.zeros(6, np.int64),
        values=np.array([upper, -np.inf, tolerance]),
    )
    begin(search, read_only(forced))
    return search


def _halved(tour: Longs) -> Longs:
    """The order of the nodes of a doubled tour from the entrance of node 0."""
    if tour[1] != len(tour) // 2:  # it goes backwards
        tour = np.concatenate([tour[:1], tour[:0:-1]])
    return tour[::2].copy()


@cache
def warm() -> None:
    """Load or compile the kernels: that is no part of any time limit."""
    best_tour(np.zeros((4, 4)), np.empty((0, 2), np.int64), symmetric=True, limits=SearchLimits(1, math.inf))
