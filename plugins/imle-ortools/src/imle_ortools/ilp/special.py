"""Engines for recognised structures; both say None where they are of no use."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome, Rows
from imle_ortools.ilp.structures import Assignment, Knapsack
from imle_ortools.kernels.assignment import assign
from imle_ortools.kernels.compiling import read_only
from imle_ortools.kernels.knapsack import pack
from imle_ortools.knapsack import SLACK

NODES = 1_000_000
"""What a knapsack search may cost before a MIP solver takes over: about a tenth of a second."""


def solve_assignment(structure: Assignment, costs: Floats) -> Outcome:
    """The cheapest assignment, as a point `[n]`."""
    pairs = structure.pairs
    matrix = np.where(pairs >= 0, costs[pairs], np.inf)[None]
    choice, found = np.empty((1, len(pairs)), np.int64), np.empty(1, np.bool_)
    assign(read_only(matrix), choice, found)
    if not found[0]:
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
    point = np.zeros(len(costs))
    point[pairs[np.arange(len(pairs)), choice[0]]] = 1.0
    return Outcome(SolveStatus.OPTIMAL, point)


def solve_knapsack(structure: Knapsack, costs: Floats, rows: Rows, nodes: int = NODES) -> Outcome | None:
    """The best set of items, as a point `[n]`; None if the search is not done after so many nodes."""
    room = rows[1]
    if (room < 0).any():
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
    # what nobody can fill is no limit, and a limit that is infinite could not be divided by
    room = np.minimum(room, structure.weights.sum(axis=0)) * (1.0 + SLACK)
    taken, level = np.zeros((1, len(costs)), np.bool_), np.zeros(1, np.int64)
    best, solution = np.zeros(1), np.zeros((1, len(costs)))
    pack(read_only(-costs[None]), structure.weights, read_only(room[None]), nodes, taken, level, best, solution)
    return Outcome(SolveStatus.OPTIMAL, solution[0]) if level[0] < 0 else None
