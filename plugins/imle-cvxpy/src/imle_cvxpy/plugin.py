"""The light module: what discovery reads. It imports neither cvxpy, highspy nor the solver."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_highs import plugin as highs  # as light as this module

CVXPY = SolverSpec(
    id="cvxpy",
    summary="Linear and mixed-integer problems written in CVXPY, with a learned Parameter; Parameters per row",
    problem="ilp",
    sense="min",
    target="imle_cvxpy.solver:CvxpySolver",
    instance=(
        Parameter("problem", "cvxpy.Problem | None", None, "the problem as you wrote it; it is read, never changed"),
        Parameter(
            "parameters",
            "Parameter | list | None",
            None,
            "the learned Parameters of the objective; default all that the objective has and no constraint",
        ),
        Parameter(
            "variables",
            "Variable | list | None",
            None,
            "learned Variables instead, whose coefficients replace the objective's",
        ),
        Parameter(
            "values",
            "dict | vector | None",
            None,
            "of the other Parameters: by name, or all in one vector; for all rows, or per row; default .value",
            per_row=True,
        ),
    ),
    options=(
        replace(common.sense("min"), doc="costs to minimise or scores to maximise; must be the problem's"),
        common.TIME_LIMIT,
        common.GAP,
        Parameter(
            "engine",
            "str",
            "highs",
            '"auto" solves assignments, knapsacks and flows by compiled kernels, and all else by HiGHS',
            choices=("highs", "auto"),
        ),
        common.THREADS,
        common.SEED,
        Parameter("options", "dict | None", None, "HiGHS' own options by its names, such as tolerances"),
    ),
    requires=("cvxpy", "highspy", "numba"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import cvxpy as cp, imle, torch
costs, demand = cp.Parameter(3, name="costs"), cp.Parameter(name="demand")
x = cp.Variable(3, integer=True, name="x")
problem = cp.Problem(cp.Minimize(costs @ x), [cp.sum(x) >= demand, x >= 0, x <= 2])
layer = imle.layer("cvxpy", problem=problem, nb_samples=10)
theta = torch.rand(4, 3, requires_grad=True)            # [B, *shape of costs]
units = layer(theta, values=torch.tensor([1, 2, 3, 4]))  # [B, 3]: what costs are multiplied by
units[:, 0].sum().backward()
print(theta.grad)""",
    licence="Apache-2.0 (CVXPY), MIT (HiGHS)",
    tolerances=highs.ILP.tolerances,
    url="https://www.cvxpy.org",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [CVXPY]
