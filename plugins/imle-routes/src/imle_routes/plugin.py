"""The light module: what discovery reads. It imports none of numba, numpy and pyvrp."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl

_START = ("origin", "source", "first", "depot")
_END = ("goal", "target", "destination", "last")

TSP = SolverSpec(
    id="tsp",
    summary="The shortest tour of all nodes, closed or open, as the ways it takes",
    problem="travelling salesman",
    sense="min",
    target="imle_routes.tsp:TSPSolver",
    instance=(
        Parameter(
            "visit",
            "mask [n] | None",
            None,
            "nodes that the tour visits, None for all; for all rows, or one mask per row",
            per_row=True,
        ),
        Parameter("closed", "bool", True, "whether the tour comes back to where it started"),
        Parameter(
            "start", "node | None", None, "first node of an open tour, None for any", per_row=True, synonyms=_START
        ),
        Parameter("end", "node | None", None, "last node of an open tour, None for any", per_row=True, synonyms=_END),
        Parameter("graph", "networkx graph | None", None, "with costs of edges [E]; columns follow G.edges"),
        Parameter(
            "edges",
            "pairs of nodes | None",
            None,
            "with costs of edges [E]: their order, all edges of graph or, without a graph, those that make one",
        ),
        Parameter("nodes", "int | names of nodes | None", None, "beside edges without a graph; default those in edges"),
        Parameter(
            "directed",
            "bool | None",
            None,
            "whether i to j and j to i are two ways; default what the graph says, and True without one",
        ),
        Parameter(
            "allowed",
            "mask [n, n] | None",
            None,
            "with costs [n, n]: ways that a tour may take, None for all",
            forbids=True,
        ),
    ),
    options=(
        common.sense("min"),
        replace(common.TIME_LIMIT, doc="seconds per row of more than 13 nodes; one that runs out keeps its best tour"),
        common.NODE_LIMIT,
    ),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
layer = imle.layer("tsp", directed=False, nb_samples=10)
places = torch.rand(4, 8, 2, requires_grad=True)    # [B, n, 2]
distances = torch.cdist(places, places)             # [B, n, n]
layer(distances)[:, 0, 1].sum().backward()          # [B, n, n] how often each way is taken
print(places.grad)""",
    licence="MIT (own kernels); numba is BSD-2-Clause",
    tolerances="up to 13 nodes none; larger tours to 1e-9 of the largest cost that they take",
    url="https://en.wikipedia.org/wiki/Travelling_salesman_problem",
)

VRP = SolverSpec(
    id="vrp",
    summary="Routes of a fleet with capacities, and with time windows, as the ways that vehicles take",
    problem="vehicle routing",
    sense="min",
    target="imle_routes.vrp:VRPSolver",
    instance=(
        Parameter(
            "demands",
            "vector | None",
            None,
            "[n] what each client gets, of depots ignored; for all rows, or one per row",
            per_row=True,
            learned="positive",
        ),
        Parameter(
            "capacity",
            "number | None",
            None,
            "of each vehicle; for all rows, or one per row",
            per_row=True,
            learned="positive",
            synonyms=("capacities",),
        ),
        Parameter("visit", "mask [n] | None", None, "clients to visit, None for all; also one per row", per_row=True),
        Parameter("depots", "node | nodes", 0, "where vehicles start and end; also one per row", per_row=True),
        Parameter("vehicles", "int | None", None, "how many at each depot; None for as many as are needed"),
        Parameter("windows", "[n, 2] | None", None, "when service begins at the earliest and at the latest"),
        Parameter("durations", "[n, n] | None", None, "how long ways take, beside windows"),
        Parameter("service", "[n] | None", None, "how long service takes, beside windows; of depots ignored"),
    ),
    options=(
        common.sense("min"),
        Parameter("iterations", "int", 200, "of local search, beyond 10 clients or with windows", minimum=0),
        replace(common.TIME_LIMIT, doc="seconds of local search per row; a row that runs out keeps its best routes"),
        common.SEED,
    ),
    requires=("numba", "pyvrp"),
    capabilities=Capabilities(thread_safe=True),
    example="""\
import imle, torch
layer = imle.layer("vrp", demands=[0, 2, 1, 3, 2, 2], capacity=5, nb_samples=10)   # node 0 is the depot
costs = torch.rand(4, 6, 6, requires_grad=True)   # [B, n, n]
layer(costs)[:, 0].sum().backward()               # [B, n, n] how often each way is taken
print(costs.grad[:, 0])""",
    licence="MIT (PyVRP; own kernels); numba is BSD-2-Clause",
    tolerances="proofs to 1e-9 of the largest cost that routes take; loads and times to the round-off of their sum",
    url="https://pyvrp.org",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [TSP, VRP]
