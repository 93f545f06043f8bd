"""The light module: what discovery reads. It imports neither networkx nor numba."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl

_NEGATIVE = Parameter(
    "negative",
    "str",
    "clip",
    'negative costs: "clip" searches with zero instead and counts it, "raise" refuses them',
    choices=("clip", "raise"),
)
_REQUIRES = ("networkx", "numba")
_LICENCE = "MIT (kernels); networkx is BSD-3-Clause, numba is BSD-2-Clause"

GRAPH = SolverSpec(
    id="networkx-shortest-path",
    summary="Cheapest path between two nodes of a NetworkX graph",
    problem="shortest path",
    sense="min",
    target="imle_networkx.shortest_path:ShortestPathSolver",
    instance=(
        Parameter("graph", "networkx graph", doc="Graph, DiGraph, MultiGraph or MultiDiGraph; a snapshot is taken"),
        Parameter("source", "node", None, "first node; one for all rows or one per row", per_row=True),
        Parameter("target", "node", None, "last node; one for all rows or one per row", per_row=True),
    ),
    options=(
        Parameter(
            "weights",
            "str",
            "edge",
            'what costs belong to: "edge" in the order of G.edges, or "node" in the order of G.nodes',
            choices=("edge", "node"),
        ),
        _NEGATIVE,
    ),
    requires=_REQUIRES,
    # acyclic graphs take any sign; the promise is for all graphs
    capabilities=Capabilities(thread_safe=True, releases_gil=True, negative_objectives=False),
    example="""\
import imle, networkx as nx, torch
layer = imle.layer("networkx-shortest-path", graph=nx.cycle_graph(5), source=0, target=2, temperature=0.05)
costs = torch.rand(4, 5).add(1).requires_grad_()   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()                # [B, E] how often each edge is used
print(costs.grad)""",
    licence=_LICENCE,
    url="https://networkx.org/documentation/stable/reference/algorithms/shortest_paths.html",
)

GRID = SolverSpec(
    id="grid-shortest-path",
    summary="Cheapest path between two cells of a grid of costs",
    problem="shortest path",
    sense="min",
    target="imle_networkx.grid:GridShortestPathSolver",
    instance=(
        Parameter("source", "(row, column)", (0, 0), "first cell; one for all rows or one per row", per_row=True),
        Parameter(
            "target",
            "(row, column) | None",
            None,
            "last cell, None for the bottom right one; one for all rows or one per row",
            per_row=True,
        ),
    ),
    options=(
        Parameter("neighbours", "int", 8, "8, or 4 to forbid diagonal steps", choices=(8, 4)),
        _NEGATIVE,
    ),
    requires=_REQUIRES,
    capabilities=Capabilities(thread_safe=True, releases_gil=True, negative_objectives=False),
    example="""\
import imle, torch
layer = imle.layer("grid-shortest-path", nb_samples=10, temperature=0.05)
costs = torch.rand(4, 12, 12).add(1).requires_grad_()   # [B, H, W], one per cell
layer(costs)[:, 5, 5].sum().backward()                  # [B, H, W] how often each cell is entered
print(costs.grad[:, 5, 5])""",
    licence=_LICENCE,
    url="https://networkx.org/documentation/stable/reference/algorithms/shortest_paths.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [GRAPH, GRID]
