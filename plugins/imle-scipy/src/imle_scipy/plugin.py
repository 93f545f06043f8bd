"""The light module: what discovery reads. It imports neither scipy nor numpy."""

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_linear.parameters import BOUNDS, INTEGRALITY, MATCHING, MATRICES, relaxed  # as light as this module

_CAPABILITIES = Capabilities(thread_safe=True, releases_gil=True)
_LICENCE = "BSD-3-Clause (scipy)"
_DOCS = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize."

ASSIGNMENT = SolverSpec(
    id="scipy-assignment",
    summary="The best assignment between n and m things, by scipy.optimize.linear_sum_assignment",
    problem="assignment",
    sense="min",
    target="imle_scipy.assignment:ScipyAssignmentSolver",
    instance=MATCHING,
    options=(common.sense("min"),),
    requires=("scipy",),
    capabilities=_CAPABILITIES,
    example="""\
import imle, torch
layer = imle.layer("scipy-assignment", nb_samples=10)
costs = torch.rand(4, 6, 8, requires_grad=True)   # [B, n, m]
layer(costs)[:, 0, 0].sum().backward()            # [B, n, m] how often each pair is chosen
print(costs.grad[:, 0, 0])""",
    licence=_LICENCE,
    url=_DOCS + "linear_sum_assignment.html",
)

MILP = SolverSpec(
    id="scipy-milp",
    summary="Mixed-integer linear programs in scipy's own convention, by scipy.optimize.milp",
    problem="ilp",
    sense="min",
    target="imle_scipy.milp:ScipyMILPSolver",
    instance=(*relaxed(*MATRICES, BOUNDS), INTEGRALITY),
    options=(
        common.sense("min"),
        common.TIME_LIMIT,
        common.GAP,
        common.NODE_LIMIT,
        Parameter("presolve", "bool", True, "whether HiGHS simplifies each row first"),
        Parameter("own_process", "bool", True, "solve in another process, where a crash of HiGHS costs one row"),
        Parameter("options", "dict | None", None, "tolerances of HiGHS by its names"),
    ),
    requires=("scipy",),
    capabilities=_CAPABILITIES,
    example="""\
import imle, torch
layer = imle.layer("scipy-milp", sense="max", A_ub=[[3, 4, 5, 6]], b_ub=[10], bounds=(0, 1))
values = torch.rand(8, 4, requires_grad=True)   # [B, n], one per item
layer(values)[:, 0].sum().backward()            # [B, n] which items go into the knapsack
print(values.grad)""",
    licence=_LICENCE + ", MIT (HiGHS)",
    tolerances="constraints to 1e-9 of their largest term, and exactly where all is whole; costs to 1e-9",
    url=_DOCS + "milp.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [ASSIGNMENT, MILP]
