"""The light module: what discovery reads. It imports neither pyomo, highspy nor the solver."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl
from imle_highs import plugin as highs  # as light as this module
from imle_linear.parameters import VALUES

PYOMO = SolverSpec(
    id="pyomo",
    summary="Linear, mixed-integer and convex quadratic models written in Pyomo; mutable Params per row",
    problem="ilp",
    sense="min",
    target="imle_pyomo.solver:PyomoSolver",
    instance=(
        Parameter("model", "pyomo model | None", None, "the model as you wrote it; it is read, never changed"),
        Parameter(
            "parameters",
            "Param | list | None",
            None,
            "the learned mutable Params of the objective; default all that the objective has and nothing else",
        ),
        Parameter(
            "variables",
            "Var | list | None",
            None,
            "learned Vars instead, whose coefficients replace the objective's",
        ),
        VALUES,
    ),
    options=highs.MODEL_OPTIONS,
    requires=("pyomo", "highspy", "numba"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True, solution_vjp=True),
    example="""\
import imle, pyomo.environ as pyo, torch
model = pyo.ConcreteModel()
model.demand = pyo.Param(mutable=True, initialize=2)
model.x = pyo.Var([0, 1, 2], domain=pyo.NonNegativeIntegers, bounds=(0, 2))
model.enough = pyo.Constraint(expr=pyo.quicksum(model.x.values()) >= model.demand)
model.cost = pyo.Objective(expr=pyo.quicksum(model.x.values()))
layer = imle.layer("pyomo", model=model, variables=model.x, nb_samples=10)
costs = torch.rand(4, 3, requires_grad=True)              # [B, n], one per Var
units = layer(costs, values=torch.tensor([1, 2, 3, 4]))   # [B, n], each row with a demand of its own
units[:, 0].sum().backward()
print(costs.grad)""",
    licence="BSD-3-Clause (Pyomo), MIT (HiGHS)",
    tolerances=highs.ILP.tolerances,
    url="https://www.pyomo.org",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [PYOMO]
