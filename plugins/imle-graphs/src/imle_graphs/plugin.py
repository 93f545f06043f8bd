"""The light module: what discovery reads. It imports neither numba, scipy nor rustworkx."""

from imle.plugins import REQUIRED, Capabilities, Parameter, SolverSpec, hookimpl

_SENSE = Parameter(
    "sense", "str", "min", "how objectives are read: costs to minimise or scores to maximise", choices=("min", "max")
)
_EDGES = "int array [E, 2] | None"
_NODES = Parameter("nodes", "int | None", None, "how many nodes there are; default the largest one in edges plus one")
_UNDIRECTED = (
    Parameter("graph", "networkx graph | None", None, "a Graph or MultiGraph; objectives follow the order of G.edges"),
    Parameter("edges", _EDGES, None, "node numbers, instead of a graph"),
    _NODES,
)
_DIRECTED = (
    Parameter("graph", "networkx graph | None", None, "a DiGraph or MultiDiGraph; objectives follow its edges' order"),
    Parameter("edges", _EDGES, None, "node numbers (tail, head), instead of a graph"),
    _NODES,
)
_ANY = (
    Parameter("graph", "networkx graph | None", None, "of any kind; objectives follow the order of G.edges"),
    Parameter("edges", _EDGES, None, "node numbers (tail, head), instead of a graph"),
    _NODES,
    Parameter(
        "directed",
        "bool | None",
        None,
        "whether edges lead from tail to head only; default what the graph says, and True for edges",
    ),
)
_KERNEL = "MIT (own kernels); numba is BSD-2-Clause"
_COMPILED = Capabilities(thread_safe=True, releases_gil=True)
_NETWORKX = "https://networkx.org/documentation/stable/reference/algorithms/"

TREE = SolverSpec(
    id="spanning-tree",
    summary="The cheapest (or dearest) spanning tree of an undirected graph",
    problem="spanning tree",
    sense="min",
    target="imle_graphs.spanning_tree:SpanningTreeSolver",
    instance=_UNDIRECTED,
    options=(_SENSE,),
    requires=("numba",),
    capabilities=_COMPILED,
    example="""\
import imle, torch
layer = imle.layer("spanning-tree", edges=[[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]], nb_samples=10)
costs = torch.rand(4, 5, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()            # [B, E] how often each edge is in the tree
print(costs.grad)""",
    licence=_KERNEL,
    url=_NETWORKX + "tree.html",
)

ARBORESCENCE = SolverSpec(
    id="arborescence",
    summary="The cheapest (or dearest) spanning arborescence of a directed graph, root given or free",
    problem="spanning arborescence",
    sense="min",
    target="imle_graphs.arborescence:ArborescenceSolver",
    instance=(
        *_DIRECTED,
        Parameter("root", "node | None", None, "the node that reaches all others; None lets the solver choose"),
    ),
    options=(_SENSE,),
    requires=("numba",),
    capabilities=_COMPILED,
    example="""\
import imle, torch
words = [[head, word] for head in range(4) for word in range(1, 4) if head != word]
layer = imle.layer("arborescence", edges=words, root=0, sense="max", nb_samples=10)   # a dependency parser
scores = torch.rand(5, 9, requires_grad=True)   # [B, E], one per arc
layer(scores)[:, 0].sum().backward()            # [B, E] how often each arc is in the tree
print(scores.grad)""",
    licence=_KERNEL,
    url=_NETWORKX + "tree.html",
)

MATCHING = SolverSpec(
    id="perfect-matching",
    summary="The cheapest (or dearest) perfect matching of any undirected graph",
    problem="perfect matching",
    sense="min",
    target="imle_graphs.perfect_matching:PerfectMatchingSolver",
    instance=_UNDIRECTED,
    options=(_SENSE,),
    requires=("numba", "scipy", "rustworkx"),
    capabilities=Capabilities(thread_safe=True),  # rustworkx holds the GIL
    example="""\
import imle, networkx, torch
layer = imle.layer("perfect-matching", graph=networkx.complete_graph(6), nb_samples=10)
costs = torch.rand(4, 15, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 0].sum().backward()             # [B, E] how often each edge is in the matching
print(costs.grad)""",
    licence="Apache-2.0 (rustworkx), BSD-3-Clause (scipy)",
    url="https://www.rustworkx.org/apiref/rustworkx.max_weight_matching.html",
)

CUT = SolverSpec(
    id="min-cut",
    summary="The cheapest edges that separate a source from a target",
    problem="minimum cut",
    sense="min",
    target="imle_graphs.min_cut:MinCutSolver",
    instance=(
        Parameter("source", "node", REQUIRED, "one of the nodes to separate"),
        Parameter("target", "node", REQUIRED, "the other one"),
        *_ANY,
    ),
    options=(
        Parameter(
            "negative",
            "str",
            "clip",
            'negative capacities: "clip" searches with zero instead and counts it, "raise" refuses them',
            choices=("clip", "raise"),
        ),
    ),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True, negative_objectives=False),
    example="""\
import imle, torch
layer = imle.layer("min-cut", source=0, target=3, edges=[[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]], temperature=0.05)
capacities = torch.rand(4, 5).add(1).requires_grad_()   # [B, E], one per edge
layer(capacities)[:, 0].sum().backward()                # [B, E] how often each edge is cut
print(capacities.grad)""",
    licence=_KERNEL,
    url=_NETWORKX + "flow.html",
)

PATH = SolverSpec(
    id="bounded-path",
    summary="The cheapest path between two nodes with at most so many edges, costs of any sign",
    problem="shortest path",
    sense="min",
    target="imle_graphs.bounded_path:BoundedPathSolver",
    instance=(
        Parameter("source", "node", REQUIRED, "first node"),
        Parameter("target", "node", REQUIRED, "last node"),
        Parameter("hops", "int", REQUIRED, "the most edges a path may have"),
        *_ANY,
    ),
    options=(
        Parameter(
            "label_limit",
            "int",
            2**20,
            "labels per row for paths among cycles of negative cost; a row that runs out is feasible, not optimal",
        ),
    ),
    requires=("numba",),
    capabilities=_COMPILED,
    example="""\
import imle, networkx, torch
layer = imle.layer("bounded-path", graph=networkx.complete_graph(5), source=0, target=4, hops=2, nb_samples=10)
costs = torch.rand(4, 10, requires_grad=True)   # [B, E], one per edge
layer(costs)[:, 3].sum().backward()             # [B, E] how often each edge is used
print(costs.grad)""",
    licence=_KERNEL,
    url=_NETWORKX + "shortest_paths.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [TREE, ARBORESCENCE, MATCHING, CUT, PATH]
