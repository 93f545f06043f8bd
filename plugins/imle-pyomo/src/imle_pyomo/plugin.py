"""The light module: what discovery reads. It imports neither pyomo, highspy nor the solver."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_highs import plugin as highs  # as light as this module

PYOMO = SolverSpec(
    id="pyomo",
    summary="Linear and mixed-integer models written in Pyomo, with learned Params or Vars; mutable Params per row",
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
        Parameter(
            "values",
            "dict | vector | None",
            None,
            "of the other mutable Params: by name, or all in one vector; for all rows, or per row; default their own",
            per_row=True,
        ),
    ),
    options=(
        replace(common.sense("min"), doc="costs to minimise or scores to maximise; must be the model's"),
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
    requires=("pyomo", "highspy", "numba"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
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
