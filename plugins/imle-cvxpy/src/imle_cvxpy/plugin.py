"""The light module: what discovery reads. It imports neither cvxpy, highspy nor the solver."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl
from imle_highs import plugin as highs  # as light as this module
from imle_linear.parameters import VALUES

CVXPY = SolverSpec(
    id="cvxpy",
    summary="Linear, mixed-integer and convex quadratic problems written in CVXPY; Parameters per row",
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
        VALUES,
    ),
    options=highs.MODEL_OPTIONS,
    requires=("cvxpy", "highspy", "numba"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True, solution_vjp=True),
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
