"""Which options branch and bound runs with: a choice made from the feasible set alone, never from objectives or clocks.

A rule that tried options out on the first rows, or watched the clock, could return other tied optima from run to run.
"""

from __future__ import annotations

from typing import NamedTuple

from imle_highs.native import Settings
from imle_linear.program import LinearProgram

TUNINGS = ("default", "lean", "auto")
NODES = 128
"""How many nodes "auto" visits by branching on the relaxation before it asks HiGHS' branch and bound."""
DENSE = 0.5
"""Share of nonzero coefficients from which rows count as knapsacks."""
SMALL = 64
"""How many variables a small knapsack has at most."""

DEFAULT: Settings = {
    "presolve": "choose",
    "mip_allow_restart": True,
    "mip_allow_cut_separation_at_nodes": True,
    "mip_detect_symmetry": True,
    "mip_heuristic_effort": 0.05,
    "mip_heuristic_run_feasibility_jump": True,
    "mip_heuristic_run_rins": True,
    "mip_heuristic_run_rens": True,
    "mip_heuristic_run_root_reduced_cost": True,
    "mip_heuristic_run_zi_round": False,
    "mip_max_nodes": 2**31 - 1,
    "mip_pool_soft_limit": 10_000,
    "mip_pscost_minreliable": 8,
}
"""HiGHS' own."""

LEAN: Settings = {
    **DEFAULT,
    "presolve": "off",
    "mip_detect_symmetry": False,
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""Little before the first node: for problems of a few nodes, where the rest costs more than it saves."""

THOROUGH: Settings = {**DEFAULT, "mip_allow_restart": False}
"""HiGHS' own options but for restarts, which cost up to half the time of problems that take less than seconds."""

KNAPSACK: Settings = {
    **DEFAULT,
    "mip_allow_restart": False,
    "mip_allow_cut_separation_at_nodes": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_zi_round": True,
    "mip_pool_soft_limit": 30,
    "mip_pscost_minreliable": 1,
}
"""For dense rows: good solutions are easily found, cuts are dense and weak, nodes are cheap.

So few cuts are kept, and variables to branch on are chosen with little trial: that saves 6 to 28 % from 32x3 to 150x3.
"""

SMALL_KNAPSACK: Settings = {**KNAPSACK, "mip_heuristic_run_root_reduced_cost": False}
"""That heuristic solves a smaller program first: a third of the time with 100 variables, half as much again with 32."""


class SearchPlan(NamedTuple):
    """How a row is solved whose relaxation is fractional.

    Attributes:
        nodes: how many nodes to visit by branching on the relaxation, at first.
        options: HiGHS' options for branch and bound, after that.
    """

    nodes: int
    options: Settings


def plan(tuning: str, program: LinearProgram) -> SearchPlan:
    """What a tuning means for a feasible set.

    Args:
        tuning: one of `TUNINGS`.
        program: the feasible set.
    """
    if tuning == "default":
        return SearchPlan(0, DEFAULT)
    if tuning == "lean":
        return SearchPlan(0, LEAN)
    rows, n = program.matrix.shape
    if rows and len(program.matrix.value) >= DENSE * rows * n:
        # their relaxations are weak: branching on those alone takes hundreds of nodes
        return SearchPlan(0, SMALL_KNAPSACK if n <= SMALL else KNAPSACK)
    return SearchPlan(NODES, THOROUGH)
