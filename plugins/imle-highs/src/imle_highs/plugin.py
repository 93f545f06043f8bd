"""The light module: what discovery reads. It imports neither highspy nor the solvers."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl

_TOLERANCES = (
    "constraints to 1e-9 of their largest term, and exactly where all is whole; costs to about 1e-9 of the largest"
)
_MATRIX = "matrix | None"
_VECTOR = "vector | None"
_ROWS = (
    Parameter("A_ub", _MATRIX, None, "left side of A_ub @ x <= b_ub: dense, nested lists or scipy.sparse"),
    Parameter("b_ub", _VECTOR, None, "right side of A_ub; one vector for all rows or one per row", per_row=True),
    Parameter("A_eq", _MATRIX, None, "left side of A_eq @ x == b_eq: dense, nested lists or scipy.sparse"),
    Parameter("b_eq", _VECTOR, None, "right side of A_eq; one vector for all rows or one per row", per_row=True),
    Parameter(
        "bounds",
        "(lower, upper) | [n, 2]",
        (0, None),
        "a pair for all variables, or one pair per variable; None is infinite",
    ),
)
_INTEGRALITY = Parameter(
    "integrality", "0 | 1 | vector", None, "1 for integer variables, 0 for the others; by default all are integer"
)
_REST = (
    Parameter("model", "path | None", None, "an MPS or LP file instead of matrices and bounds"),
    Parameter("variables", "indices | names | None", None, "the variables whose coefficients are learned; default all"),
    Parameter(
        "costs", _VECTOR, None, "coefficients of the other variables, one entry per variable; default 0 or the file's"
    ),
)
_SENSE = Parameter(
    "sense", "str", "min", "how objectives are read: costs to minimise or scores to maximise", choices=("min", "max")
)
_LIMIT = Parameter("time_limit", "float | None", None, "seconds per solve")
_SHARED = (
    Parameter("threads", "int", 1, "threads per solve; rows of a batch parallelise better than one solve does"),
    Parameter("seed", "int", 0, "seed of HiGHS' own random choices"),
    Parameter("options", "dict | None", None, "HiGHS' own options by its names, such as tolerances"),
)
_CAPABILITIES = Capabilities(thread_safe=True, releases_gil=True)
_LICENCE = "MIT (HiGHS)"
_URL = "https://highs.dev"

LP = SolverSpec(
    id="highs-lp",
    summary="Linear programs: an optimal vertex of A_ub x <= b_ub, A_eq x == b_eq and bounds",
    problem="lp",
    sense="min",
    target="imle_highs.lp:HighsLPSolver",
    instance=(*_ROWS, *_REST),
    options=(
        _SENSE,
        _LIMIT,
        Parameter(
            "method",
            "str",
            "auto",
            "the simplex; auto: primal for warm starts if all |a| are 0 or 1, and for dense packing; else dual",
            choices=("auto", "primal", "dual"),
        ),
        Parameter(
            "warm", "bool", False, "start from the previous row's basis: faster, but ties then depend on earlier rows"
        ),
        *_SHARED,
    ),
    requires=("highspy",),
    capabilities=_CAPABILITIES,
    example="""\
import imle, torch
layer = imle.layer("highs-lp", A_eq=[[1, 1, 1]], b_eq=[1], bounds=(0, 0.6))
costs = torch.rand(4, 3, requires_grad=True)   # [B, n], one per variable
layer(costs)[:, 0].sum().backward()            # [B, n] vertices, averaged over samples
print(costs.grad)""",
    licence=_LICENCE,
    tolerances=_TOLERANCES,
    url=_URL,
)

ILP = SolverSpec(
    id="highs-ilp",
    summary="Integer and mixed-integer linear programs, solved to proven optimality",
    problem="ilp",
    sense="min",
    target="imle_highs.ilp:HighsILPSolver",
    instance=(*_ROWS, _INTEGRALITY, *_REST),
    options=(
        _SENSE,
        _LIMIT,
        Parameter("gap", "float", 0.0, "relative gap at which the search may stop; 0 is exact"),
        Parameter(
            "tuning",
            "str",
            "auto",
            'options of branch and bound: HiGHS\' own, "lean" for easy problems, or what the matrix suggests',
            choices=("auto", "default", "lean"),
        ),
        *_SHARED,
    ),
    requires=("highspy",),
    capabilities=_CAPABILITIES,
    example="""\
import imle, torch
layer = imle.layer("highs-ilp", sense="max", A_ub=[[3, 4, 5, 6]], b_ub=[10], bounds=(0, 1))
values = torch.rand(8, 4, requires_grad=True)   # [B, n], one per item
layer(values)[:, 0].sum().backward()            # [B, n] which items go into the knapsack
print(values.grad)""",
    licence=_LICENCE,
    tolerances=_TOLERANCES,
    url=_URL,
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [LP, ILP]
