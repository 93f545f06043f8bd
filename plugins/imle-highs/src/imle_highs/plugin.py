"""The light module: what discovery reads. It imports neither highspy nor the solvers."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_linear.parameters import (  # as light as this module
    BOUNDS,
    COSTS,
    INTEGRALITY,
    MATRICES,
    MODEL,
    VARIABLES,
    relaxed,
)

_TOLERANCES = (
    "constraints to 1e-9 of their largest term, and exactly where all is whole; costs to about 1e-9 of the largest"
)
_BOUNDS = replace(BOUNDS, per_row=True)
_TUNING = Parameter(
    "tuning",
    "str",
    "auto",
    'options of branch and bound: HiGHS\' own, "lean" for easy problems, or what the matrix suggests',
    choices=("auto", "default", "lean"),
)
_SHARED = (
    common.THREADS,
    common.SEED,
    Parameter("options", "dict | None", None, "HiGHS' own options by its names, such as tolerances"),
)
MODEL_OPTIONS = (
    replace(common.sense("min"), doc="costs to minimise or scores to maximise; must be the model's"),
    common.TIME_LIMIT,
    common.GAP,
    Parameter(
        "engine",
        "str",
        "highs",
        '"auto" solves assignments, knapsacks, flows and small linear programs by compiled kernels, all else by HiGHS',
        choices=("highs", "auto"),
    ),
    _TUNING,
    *_SHARED,
)
"""Of solvers of modelling languages, see `imle_highs.models.ModelSolver`; "auto" needs imle-kernels."""

_CAPABILITIES = Capabilities(thread_safe=True, releases_gil=True)
_LICENCE = "MIT (HiGHS)"
_URL = "https://highs.dev"

LP = SolverSpec(
    id="highs-lp",
    summary="Linear programs: an optimal vertex of A_ub x <= b_ub, A_eq x == b_eq and bounds",
    problem="lp",
    sense="min",
    target="imle_highs.lp:HighsLPSolver",
    instance=(*MATRICES, _BOUNDS, MODEL, VARIABLES, COSTS),
    options=(
        common.sense("min"),
        common.TIME_LIMIT,
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
    instance=(*relaxed(*MATRICES, _BOUNDS), INTEGRALITY, MODEL, VARIABLES, COSTS),
    options=(
        common.sense("min"),
        common.TIME_LIMIT,
        common.GAP,
        _TUNING,
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

QP = SolverSpec(
    id="highs-qp",
    summary="Convex quadratic programs: x'Qx/2 over linear constraints, with exact derivatives of solutions",
    problem="qp",
    sense="min",
    target="imle_highs.qp:HighsQPSolver",
    instance=(
        Parameter(
            "Q",
            "matrix | None",
            None,
            "[n, n] symmetric, positive semidefinite: x'Qx/2 is added to costs, taken from scores",
            per_row=True,
            synonyms=("P", "H", "hessian", "covariance"),
            dual="exact",
        ),
        *MATRICES,
        _BOUNDS,
        MODEL,
        VARIABLES,
        COSTS,
    ),
    options=(common.sense("min"), common.TIME_LIMIT, *_SHARED),
    requires=("highspy",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True, solution_vjp=True),
    example="""\
import imle, torch
risk = torch.tensor([[0.4, 0.1, 0.0], [0.1, 0.3, 0.1], [0.0, 0.1, 0.2]])
layer = imle.layer("highs-qp", sense="max", Q=risk, A_eq=[[1, 1, 1]], b_eq=[1], estimator="implicit")
returns = torch.rand(4, 3, requires_grad=True)   # [B, n], one per asset
layer(returns)[:, 0].sum().backward()            # [B, n] portfolios
print(returns.grad)""",
    licence=_LICENCE,
    tolerances="constraints to 1e-9 of their largest term; the value to about 1e-9 of the terms of the objective",
    url=_URL,
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [LP, ILP, QP]
