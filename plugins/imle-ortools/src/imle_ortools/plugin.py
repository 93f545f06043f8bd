"""The light module: what discovery reads. It imports neither ortools nor numba."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_linear.parameters import (  # as light as this module
    BOUNDS,
    COSTS,
    INTEGRALITY,
    MATRICES,
    VARIABLES,
    relaxed,
)

_SCALE = Parameter(
    "scale",
    'float | "auto"',
    "auto",
    'coefficients are multiplied by it and rounded; "auto" takes the largest safe power of two for each row',
    above=0,
    finite=True,
)

ILP = SolverSpec(
    id="ortools-ilp",
    summary="Integer programs over matrices or OR-Tools models, by the engine that suits them",
    problem="ilp",
    sense="min",
    target="imle_ortools.ilp.solver:ILPSolver",
    instance=(
        *relaxed(*MATRICES, BOUNDS),
        INTEGRALITY,
        Parameter(
            "model",
            "model | path | None",
            None,
            "instead of matrices: a model_builder, MathOpt or pywraplp model, the proto of one, or an MPS or LP file",
        ),
        replace(VARIABLES, type="indices | names | variables | None"),
        COSTS,
    ),
    options=(
        common.sense("min"),
        Parameter(
            "backend",
            "str",
            "auto",
            "the engine; auto takes what suits each row and counts it in layer.stats",
            choices=("auto", "highs", "cp-sat", "scip", "cbc"),
        ),
        common.TIME_LIMIT,
        common.GAP,
        common.THREADS,
        common.SEED,
        Parameter(
            "options",
            "dict | None",
            None,
            "the engine's own options by its names: HiGHS' for auto and highs, CP-SAT's or SCIP's parameters",
        ),
        Parameter(
            "cross_check",
            "bool | str",
            False,
            "solve by a second engine too, and compare; a backend's name says which is the second one",
        ),
    ),
    requires=("ortools", "highspy", "numba"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
layer = imle.layer("ortools-ilp", sense="max", A_ub=[[3, 4, 5, 6]], b_ub=[10], bounds=(0, 1))
values = torch.rand(8, 4, requires_grad=True)   # [B, n], one per item
layer(values)[:, 0].sum().backward()            # [B, n] which items go into the knapsack
print(values.grad)
print(layer.stats.events)                       # which engines""",
    licence="Apache-2.0 (OR-Tools), MIT (HiGHS, own kernels)",
    tolerances="constraints to 1e-6, of integer variables exactly or to round-off; costs to 1e-9 of the largest",
    url="https://developers.google.com/optimization/mip",
)

CP_SAT = SolverSpec(
    id="ortools-cp-sat",
    summary="Any OR-Tools CP-SAT model with learned coefficients for some of its variables",
    problem="constraint programming",
    sense="max",
    target="imle_ortools.cp_sat:CPSATSolver",
    instance=(
        Parameter("model", "cp_model.CpModel", doc="the constraints; its objective holds the coefficients not learned"),
        Parameter("variables", "nested variables", doc="array or nested lists of the model's variables and literals"),
    ),
    options=(
        common.sense("max"),
        common.TIME_LIMIT,
        replace(common.THREADS, name="workers", doc="threads per solve; more than one gives up determinism among ties"),
        replace(common.SEED, default=1),
        Parameter("linearization_level", "int", 2, "how much of the model the LP sees; 2 is all", choices=(0, 1, 2)),
        _SCALE,
    ),
    requires=("ortools",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
from ortools.sat.python import cp_model
model = cp_model.CpModel()
x = [model.new_bool_var(f"x{i}") for i in range(5)]
model.add(sum(x) == 2)
model.add_implication(x[0], x[1])
layer = imle.layer("ortools-cp-sat", model=model, variables=x, nb_samples=10)
scores = torch.randn(4, 5, requires_grad=True)   # [B, *shape of variables]
layer(scores)[:, 0].sum().backward()             # [B, *shape of variables] their values
print(scores.grad)""",
    licence="Apache-2.0",
    tolerances="objectives become whole numbers; gap(objective) of the prepared solver bounds what that costs",
    url="https://developers.google.com/optimization/cp/cp_solver",
)

MIN_COST_FLOW = SolverSpec(
    id="ortools-min-cost-flow",
    summary="The cheapest flow from supplies to demands through arcs with capacities",
    problem="min-cost flow",
    sense="min",
    target="imle_ortools.min_cost_flow:MinCostFlowSolver",
    instance=(
        Parameter(
            "tails", "int array [E]", doc="the node each arc leaves, 0..V-1", synonyms=("edges", "arcs", "graph")
        ),
        Parameter("heads", "int array [E]", doc="the node each arc enters, 0..V-1"),
        Parameter(
            "capacities",
            "int array [E]",
            None,
            "the most each arc can carry; for all rows, or one array per row",
            per_row=True,
        ),
        Parameter(
            "supplies",
            "int array [V]",
            None,
            "what each node sends (> 0) or takes (< 0), which sums to zero; for all rows, or one array per row",
            per_row=True,
        ),
    ),
    options=(_SCALE,),
    requires=("ortools",),
    capabilities=Capabilities(thread_safe=True),
    example="""\
import imle, torch
layer = imle.layer("ortools-min-cost-flow", tails=[0, 0, 1, 2], heads=[1, 2, 3, 3],
                   capacities=[3, 3, 3, 3], supplies=[4, 0, 0, -4], nb_samples=10)
costs = torch.rand(5, 4, requires_grad=True)   # [B, E] per unit of flow
layer(costs)[:, 0].sum().backward()            # [B, E] the flow of each arc
print(costs.grad)""",
    licence="Apache-2.0",
    tolerances="objectives become whole numbers; gap(objective) of the prepared solver bounds what that costs",
    url="https://developers.google.com/optimization/flow/mincostflow",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [ILP, CP_SAT, MIN_COST_FLOW]
