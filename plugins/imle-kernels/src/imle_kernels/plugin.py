"""The light module: what discovery reads. It imports neither numba nor numpy."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_linear.parameters import MATCHING  # as light as this module

_LICENCE = "MIT (own kernel); numba is BSD-2-Clause"

ASSIGNMENT = SolverSpec(
    id="assignment",
    summary="The cheapest assignment between n and m things, as a 0/1 matrix",
    problem="assignment",
    sense="min",
    target="imle_kernels.assignment:AssignmentSolver",
    instance=MATCHING,
    options=(common.sense("min"),),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
layer = imle.layer("assignment", nb_samples=10)
costs = torch.rand(4, 6, 8, requires_grad=True)   # [B, n, m]
layer(costs)[:, 0, 0].sum().backward()            # [B, n, m] how often each pair is chosen
print(costs.grad[:, 0, 0])""",
    licence=_LICENCE,
    url="https://en.wikipedia.org/wiki/Assignment_problem",
    aliases=("ortools-assignment",),
)

KNAPSACK = SolverSpec(
    id="knapsack",
    summary="The most valuable set of items within one or more capacities, as a 0/1 mask",
    problem="knapsack",
    sense="max",
    target="imle_kernels.knapsack:KnapsackSolver",
    instance=(
        Parameter(
            "weights",
            "array [m, n] or [n]",
            None,
            "what each item takes of each capacity, not negative; for all rows, or one per row",
            per_row=True,
            learned="positive",
        ),
        Parameter(
            "capacity",
            "number or [m]",
            None,
            "what there is; for all rows, or one per row",
            per_row=True,
            learned="positive",
        ),
    ),
    options=(
        common.TIME_LIMIT,
        replace(
            common.NODE_LIMIT,
            doc="nodes of the search per row; a row that runs out keeps its best set and is `feasible`",
        ),
    ),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
weights = torch.rand(3, 10)                       # [m, n]
layer = imle.layer("knapsack", weights=weights.numpy(), capacity=[1.5, 2.0, 2.0], nb_samples=10)
values = torch.rand(4, 10, requires_grad=True)    # [B, n]
layer(values)[:, 0].sum().backward()              # [B, n] the items taken
print(values.grad)""",
    licence=_LICENCE,
    tolerances="whole weights and small fractions exactly, others up to the round-off of their sum",
    url="https://en.wikipedia.org/wiki/Knapsack_problem",
    aliases=("ortools-knapsack",),
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [ASSIGNMENT, KNAPSACK]
