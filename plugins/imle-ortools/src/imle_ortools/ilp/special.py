"""Engines for recognised structures."""

from __future__ import annotations

from functools import cache

import numpy as np

from imle.solvers import SolveStatus
from imle.solvers.compiled import read_only
from imle_kernels.compiled.assignment import assign
from imle_kernels.packing import PackingProblem, Searches
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_ortools.ilp.structures import Assignment

NODES = 1_000_000
"""What a knapsack search may cost before a MIP solver takes over: about a tenth of a second."""


def solve_assignment(structure: Assignment, costs: Floats) -> Outcome:
    """The cheapest assignment, as a point `[n]`."""
    pairs = structure.pairs
    matrix = np.where(pairs >= 0, costs[pairs], np.inf)[None]
    choice, found = np.empty((1, len(pairs)), np.int64), np.empty(1, np.bool_)
    assign(read_only(matrix), choice, found)
    if not found[0]:
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds", exact=True)
    point = np.zeros(len(costs))
    point[pairs[np.arange(len(pairs)), choice[0]]] = 1.0
    return Outcome(SolveStatus.OPTIMAL, point, exact=True)


@cache
def warm_assignment() -> None:
    """Load or compile the kernel: that is no part of any time limit."""
    solve_assignment(Assignment(np.zeros((1, 1), np.int64)), np.zeros(1))


def solve_knapsack(packing: PackingProblem, costs: Floats, room: Floats, nodes: int = NODES) -> Outcome:
    """The best set of items, as a point `[n]`; a feasible one if the search is not done after so many nodes."""
    if (room < 0).any():
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds", exact=True)
    searches = Searches.of(-costs[None], packing.weights, room[None])
    searches.go_on(slice(0, 1), nodes)
    if searches.level[0] < 0:
        return Outcome(SolveStatus.OPTIMAL, searches.solutions[0], exact=True)
    bound = -float(searches.fill_up()[0])
    return Outcome(SolveStatus.FEASIBLE, searches.solutions[0], bound=bound)
