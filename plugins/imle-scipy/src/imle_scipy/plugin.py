"""The light module: what discovery reads. It imports neither scipy nor numpy."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl

_SENSE = Parameter(
    "sense", "str", "min", "how objectives are read: costs to minimise or scores to maximise", choices=("min", "max")
)
_MATRIX = "matrix | None"
_VECTOR = "vector | None"
_CAPABILITIES = Capabilities(thread_safe=True, releases_gil=True)
_LICENCE = "BSD-3-Clause (scipy)"
_DOCS = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize."

ASSIGNMENT = SolverSpec(
    id="scipy-assignment",
    summary="The best assignment between n and m things, by scipy.optimize.linear_sum_assignment",
    problem="assignment",
    sense="min",
    target="imle_scipy.assignment:ScipyAssignmentSolver",
    instance=(Parameter("allowed", "mask [n, m] | None", None, "pairs that may be chosen; None for all"),),
    options=(_SENSE,),
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
    instance=(
        Parameter("A_ub", _MATRIX, None, "left side of A_ub @ x <= b_ub: dense, nested lists or scipy.sparse"),
        Parameter("b_ub", _VECTOR, None, "right side of A_ub; one vector for all rows or one per row", per_row=True),
        Parameter("A_eq", _MATRIX, None, "left side of A_eq @ x == b_eq: dense, nested lists or scipy.sparse"),
        Parameter("b_eq", _VECTOR, None, "right side of A_eq; one vector for all rows or one per row", per_row=True),
        Parameter(
            "bounds",
            "(lower, upper) | [n, 2] | Bounds",
            (0, None),
            "a pair for all variables, one pair per variable, or scipy's Bounds; None is infinite",
        ),
        Parameter(
            "integrality",
            "0 | 1 | vector",
            None,
            "1 for integer variables, 0 for the others; by default all are integer",
        ),
    ),
    options=(
        _SENSE,
        Parameter("time_limit", "float | None", None, "seconds per row; a row that runs out keeps its incumbent"),
        Parameter("gap", "float", 0.0, "relative gap at which the search may stop; 0 is exact"),
        Parameter("node_limit", "int | None", None, "nodes of branch and bound per row"),
        Parameter("presolve", "bool", True, "whether HiGHS simplifies each row first"),
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
