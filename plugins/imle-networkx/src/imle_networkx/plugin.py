"""The light module: what discovery reads. It imports none of networkx, numba and scipy."""

from dataclasses import replace
from functools import partial

from imle.plugins import REQUIRED, Capabilities, Parameter, SolverSpec, common, hookimpl

_SENSE = common.sense("min")
_START = ("start", "origin", "src", "s")
_END = ("end", "goal", "destination", "dst", "sink", "t")
_WALLS = ("walls", "blocked", "obstacles", "mask")
_NEGATIVE = Parameter(
    "negative",
    "str",
    "clip",
    'negative costs: "clip" searches with zero instead and counts it, "raise" refuses them',
    choices=("clip", "raise"),
)


def _graph(kinds: str) -> tuple[Parameter, ...]:
    """How a graph is given, and the order of its columns."""
    return (
        Parameter("graph", "networkx graph | None", None, f"{kinds}; columns follow G.edges unless edges= is given"),
        Parameter(
            "edges",
            "pairs of nodes | None",
            None,
            "the order of the columns: all edges of graph, or without a graph the edges that make one; names of nodes, "
            "or an int array [E, 2]",
        ),
        Parameter(
            "nodes",
            "int | names of nodes | None",
            None,
            "beside edges without a graph: how many nodes there are, or their names; default those in edges",
        ),
    )


_UNDIRECTED = _graph("a Graph or MultiGraph")
_DIRECTED = _graph("a DiGraph or MultiDiGraph")
_ANY = (
    *_graph("of any kind"),
    Parameter(
        "directed",
        "bool | None",
        None,
        "whether edges lead from tail to head only; default what the graph says, and True for edges without a graph",
    ),
)
_NODES = (
    Parameter("graph", "networkx graph | None", None, "a DiGraph or MultiDiGraph; columns follow G.nodes"),
    Parameter(
        "edges", "pairs of nodes | None", None, "instead of a graph: its edges, names of nodes or an int array [E, 2]"
    ),
    Parameter(
        "nodes",
        "int | names of nodes | None",
        None,
        "beside edges: how many nodes there are, or their names, in the order of the columns; default those in edges",
    ),
)
_COMPILED = Capabilities(thread_safe=True, releases_gil=True)
_POSITIVE = replace(_COMPILED, negative_objectives=False)
_NETWORKX = "https://networkx.org/documentation/stable/reference/algorithms/"
_spec = partial(
    SolverSpec,
    sense="min",
    requires=("numba",),
    capabilities=_COMPILED,
    licence="MIT (own kernels); numba is BSD-2-Clause",
)

SHORTEST_PATH = _spec(
    id="networkx-shortest-path",
    summary="Cheapest path between two nodes of a graph",
    problem="shortest path",
    target="imle_networkx.shortest_path:ShortestPathSolver",
    instance=(
        Parameter("source", "node", None, "first node", per_row=True, synonyms=_START),
        Parameter("target", "node", None, "last node", per_row=True, synonyms=_END),
        *_ANY,
        Parameter(
            "allowed",
            "mask [E] or [V] | None",
            None,
            "edges that a path may take, or nodes where costs are theirs; None for all; for all rows, or one per row",
            per_row=True,
            forbids=True,
            synonyms=_WALLS,
        ),
    ),
    options=(
        Parameter(
            "weights",
            "str",
            "edge",
            'what costs belong to: "edge", or "node" in the order of G.nodes (of nodes=, where there is no graph)',
            choices=("edge", "node"),
        ),
        _NEGATIVE,
    ),
    # acyclic graphs take any sign; the promise is for all graphs
    capabilities=_POSITIVE,
    example="""\
import imle, networkx as nx, torch
layer = imle.layer("networkx-shortest-path", graph=nx.cycle_graph(5), source=0, target=2, temperature=0.05)
costs = torch.rand(4, 5).add(1).requires_grad_()   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()                # [B, E] how often each edge is used
print(costs.grad)""",
    url=_NETWORKX + "shortest_paths.html",
)

GRID = _spec(
    id="grid-shortest-path",
    summary="Cheapest path between two cells of a grid of costs",
    problem="shortest path",
    target="imle_networkx.grid:GridShortestPathSolver",
    instance=(
        Parameter("source", "(row, column)", (0, 0), "first cell", per_row=True, synonyms=_START),
        Parameter(
            "target",
            "(row, column) | None",
            None,
            "last cell, None for the bottom right one",
            per_row=True,
            synonyms=_END,
        ),
        Parameter(
            "allowed",
            "mask [H, W] | None",
            None,
            "cells that a path may enter, None for all; for all rows, or one mask per row",
            per_row=True,
            forbids=True,
            synonyms=_WALLS,
        ),
    ),
    options=(
        Parameter("neighbours", "int", 8, "8, or 4 to forbid diagonal steps", choices=(8, 4)),
        _NEGATIVE,
    ),
    capabilities=_POSITIVE,
    example="""\
import imle, torch
layer = imle.layer("grid-shortest-path", nb_samples=10, temperature=0.05)
costs = torch.rand(4, 12, 12).add(1).requires_grad_()   # [B, H, W], one per cell
layer(costs)[:, 5, 5].sum().backward()                  # [B, H, W] how often each cell is entered
print(costs.grad[:, 5, 5])""",
    url=_NETWORKX + "shortest_paths.html",
)

TREE = _spec(
    id="spanning-tree",
    summary="The cheapest (or dearest) spanning tree of an undirected graph",
    problem="spanning tree",
    target="imle_networkx.spanning_tree:SpanningTreeSolver",
    instance=_UNDIRECTED,
    options=(_SENSE,),
    example="""\
import imle, torch
layer = imle.layer("spanning-tree", edges=[[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]], nb_samples=10)
costs = torch.rand(4, 5, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()            # [B, E] how often each edge is in the tree
print(costs.grad)""",
    url=_NETWORKX + "tree.html",
)

ARBORESCENCE = _spec(
    id="arborescence",
    summary="The cheapest (or dearest) spanning arborescence of a directed graph, root given or free",
    problem="spanning arborescence",
    target="imle_networkx.arborescence:ArborescenceSolver",
    instance=(
        *_DIRECTED,
        Parameter("root", "node | None", None, "the node that reaches all others; None lets the solver choose"),
    ),
    options=(_SENSE,),
    example="""\
import imle, torch
words = [[head, word] for head in range(4) for word in range(1, 4) if head != word]
layer = imle.layer("arborescence", edges=words, root=0, sense="max", nb_samples=10)   # a dependency parser
scores = torch.rand(5, 9, requires_grad=True)   # [B, E], one per arc
layer(scores)[:, 0].sum().backward()            # [B, E] how often each arc is in the tree
print(scores.grad)""",
    url=_NETWORKX + "tree.html",
)

MATCHING = _spec(
    id="perfect-matching",
    summary="The cheapest (or dearest) perfect matching of any undirected graph",
    problem="perfect matching",
    target="imle_networkx.perfect_matching:PerfectMatchingSolver",
    instance=_UNDIRECTED,
    options=(_SENSE,),
    requires=("numba", "scipy"),
    capabilities=Capabilities(thread_safe=True),  # scipy holds the GIL
    example="""\
import imle, networkx, torch
layer = imle.layer("perfect-matching", graph=networkx.complete_graph(6), nb_samples=10)
costs = torch.rand(4, 15, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()             # [B, E] how often each edge is in the matching
print(costs.grad)""",
    licence="MIT (own kernels); numba is BSD-2-Clause, scipy BSD-3-Clause",
    url=_NETWORKX + "matching.html",
)

HEAVIEST_MATCHING = _spec(
    id="max-weight-matching",
    summary="The matching of the greatest score in any undirected graph, nodes may stay alone",
    problem="matching",
    sense="max",
    target="imle_networkx.max_weight_matching:MaxWeightMatchingSolver",
    instance=_UNDIRECTED,
    options=(
        Parameter(
            "max_cardinality", "bool", False, "only matchings with as many edges as possible, whatever they score"
        ),
    ),
    requires=("numba", "scipy"),
    example="""\
import imle, torch
pairs = [[0, 1], [1, 2], [2, 0], [2, 3], [3, 4]]
layer = imle.layer("max-weight-matching", edges=pairs, nb_samples=10)
scores = torch.randn(4, 5, requires_grad=True)   # [B, E], one per edge
layer(scores)[:, 0].sum().backward()             # [B, E] how often each edge is in the matching
print(scores.grad)""",
    url=_NETWORKX + "matching.html",
)

CUT = _spec(
    id="min-cut",
    summary="The cheapest edges that separate a source from a target",
    problem="minimum cut",
    target="imle_networkx.min_cut:MinCutSolver",
    instance=(
        Parameter("source", "node", REQUIRED, "one of the nodes to separate", synonyms=_START),
        Parameter("target", "node", REQUIRED, "the other one", synonyms=_END),
        *_ANY,
    ),
    options=(_NEGATIVE,),
    capabilities=_POSITIVE,
    example="""\
import imle, torch
layer = imle.layer("min-cut", source=0, target=3, edges=[[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]], temperature=0.05)
capacities = torch.rand(4, 5).add(1).requires_grad_()   # [B, E], one per edge
layer(capacities)[:, 0].sum().backward()                # [B, E] how often each edge is cut
print(capacities.grad)""",
    url=_NETWORKX + "flow.html",
)

STEINER_TREE = _spec(
    id="steiner-tree",
    summary="The cheapest tree that joins some nodes of an undirected graph",
    problem="Steiner tree",
    target="imle_networkx.steiner_tree:SteinerTreeSolver",
    instance=(Parameter("terminals", "nodes", REQUIRED, "the nodes to join, each once"), *_UNDIRECTED),
    options=(
        Parameter(
            "exact_terminals",
            "int",
            10,
            "up to so many terminals trees are the cheapest ones; rows with more are feasible, not optimal",
            minimum=1,
            maximum=20,
        ),
        _NEGATIVE,
    ),
    capabilities=_POSITIVE,
    example="""\
import imle, torch
streets = [[0, 1], [1, 2], [2, 3], [3, 0], [0, 4], [1, 4], [2, 4], [3, 4]]
layer = imle.layer("steiner-tree", terminals=[0, 1, 2], edges=streets, temperature=0.05)
costs = torch.rand(4, 8).add(1).requires_grad_()   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()                # [B, E] how often each edge is in the tree
print(costs.grad)""",
    url=_NETWORKX + "approximation.html",
)

K_PATHS = _spec(
    id="k-shortest-paths",
    summary="The k paths between two nodes that cost least in all, different ones or disjoint ones",
    problem="k shortest paths",
    target="imle_networkx.several_paths:KShortestPathsSolver",
    instance=(
        Parameter("source", "node", REQUIRED, "first node", synonyms=_START),
        Parameter("target", "node", REQUIRED, "last node", synonyms=_END),
        Parameter("k", "int", REQUIRED, "how many paths", minimum=1),
        *_ANY,
    ),
    options=(
        Parameter(
            "disjoint",
            "str",
            "no",
            'what no two paths share: "edges", "nodes", or "no" where they only differ',
            choices=("no", "edges", "nodes"),
        ),
        _NEGATIVE,
    ),
    # acyclic graphs take any sign; the promise is for all graphs
    capabilities=_POSITIVE,
    example="""\
import imle, networkx as nx, torch
layer = imle.layer("k-shortest-paths", graph=nx.complete_graph(4), source=0, target=3, k=3, temperature=0.05)
costs = torch.rand(4, 6).add(1).requires_grad_()   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()                # [B, E] how many of the paths use each edge
print(costs.grad)""",
    url=_NETWORKX + "simple_paths.html",
)

CLOSURE = _spec(
    id="max-weight-closure",
    summary="The nodes of a directed graph with the greatest score, each with all nodes that it needs",
    problem="closure",
    sense="max",
    target="imle_networkx.closure:ClosureSolver",
    instance=_NODES,
    example="""\
import imle, torch
needs = [[0, 2], [1, 2], [1, 3]]   # projects 0 and 1 need tools 2 and 3
layer = imle.layer("max-weight-closure", edges=needs, nb_samples=10)
scores = torch.randn(4, 4, requires_grad=True)   # [B, V], one per node: profits, less costs
layer(scores)[:, 0].sum().backward()             # [B, V] how often each node is chosen
print(scores.grad)""",
    url=_NETWORKX + "flow.html",
)

BOUNDED_PATH = _spec(
    id="bounded-path",
    summary="The cheapest path between two nodes with at most so many edges, costs of any sign",
    problem="shortest path",
    target="imle_networkx.bounded_path:BoundedPathSolver",
    instance=(
        Parameter("source", "node", REQUIRED, "first node", synonyms=_START),
        Parameter("target", "node", REQUIRED, "last node", synonyms=_END),
        Parameter("hops", "int", REQUIRED, "the most edges a path may have", minimum=0),
        *_ANY,
    ),
    options=(
        Parameter(
            "label_limit",
            "int",
            2**20,
            "labels per row for paths among cycles of negative cost; a row that runs out is feasible, not optimal",
            minimum=1,
        ),
    ),
    example="""\
import imle, networkx, torch
layer = imle.layer("bounded-path", graph=networkx.complete_graph(5), source=0, target=4, hops=2, nb_samples=10)
costs = torch.rand(4, 10, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 3].sum().backward()             # [B, E] how often each edge is used
print(costs.grad)""",
    url=_NETWORKX + "shortest_paths.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [
        SHORTEST_PATH,
        GRID,
        BOUNDED_PATH,
        TREE,
        ARBORESCENCE,
        MATCHING,
        HEAVIEST_MATCHING,
        STEINER_TREE,
        K_PATHS,
        CUT,
        CLOSURE,
    ]
