"""A spanning tree on the base classes: its options, `prepare` and `solve`. Free of torch, as workers want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imle.plugins import Capabilities, Parameter, SolverSpec, common
from imle.solvers import AwaitingInstance, BasePrepared, BaseSolver, RowResults, Sense, SolveStatus

TREE = SolverSpec(
    id="kruskal",
    summary="The best spanning tree of a graph, as a 0/1 mask of its edges",
    problem="spanning tree",
    sense="min",
    target=f"{__name__}:KruskalSolver",
    instance=(
        Parameter("edges", "pairs of nodes | None", None, "the edges, in the order of objectives"),
        Parameter("nodes", "int", 1, "how many there are", minimum=1),
    ),
    options=(common.sense("min"),),
    capabilities=Capabilities(thread_safe=True),
)


@dataclass(frozen=True)
class KruskalSolver(BaseSolver, spec=TREE):
    """The best spanning tree, edge by edge."""

    sense: Sense = "min"

    def prepare(self, edges=None, nodes=1):
        if edges is None:
            return AwaitingInstance(TREE.id, "expected edges, found none", "edges=...")
        return PreparedKruskal(self.sense, [(int(a), int(b)) for a, b in edges], nodes)


@dataclass(frozen=True, eq=False)
class PreparedKruskal(BasePrepared):
    sense: Sense
    edges: list[tuple[int, int]]
    nodes: int
    any_size = True

    @property
    def objective_shape(self):
        return (len(self.edges),)

    def solve(self, objective):
        rows = RowResults(TREE.id, self.sense, objective, self.objective_shape)
        for row in rows.open.tolist():
            parts = list(range(self.nodes))
            costs = rows.objective[row] * (-1 if self.sense == "max" else 1)
            for edge in np.argsort(costs, kind="stable").tolist():
                one, other = (parts[end] for end in self.edges[edge])
                if one != other:
                    parts = [one if part == other else part for part in parts]
                    rows.solutions[row, edge] = 1.0
            if len(set(parts)) > 1:
                rows.end(row, SolveStatus.INFEASIBLE, "the edges leave nodes apart")
        return rows.result()
