"""The light module: what discovery reads. It imports neither gurobipy nor the solver."""

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

GUROBI = SolverSpec(
    id="gurobi-ilp",
    summary="Integer, mixed-integer and linear programs: a gurobipy.Model, a file or matrices, solved by Gurobi",
    problem="ilp",
    sense="min",
    target="imle_gurobi.solver:GurobiILPSolver",
    instance=(
        replace(
            MODEL,
            type="gurobipy.Model | path | None",
            doc="the model as you wrote it, which is read and never changed, or a file, instead of matrices and bounds",
        ),
        replace(
            VARIABLES,
            type="MVar | Vars | names | indices | None",
            doc="the variables whose coefficients are learned, in the objective's order; default all",
        ),
        *relaxed(*MATRICES, replace(BOUNDS, per_row=True)),
        INTEGRALITY,
        COSTS,
    ),
    options=(
        common.sense("min"),
        common.TIME_LIMIT,
        common.GAP,
        Parameter(
            "warm",
            "bool",
            False,
            "start from the previous row's solution: often faster, but ties then depend on earlier rows",
        ),
        common.THREADS,
        common.SEED,
        Parameter("options", "dict | None", None, "Gurobi's own parameters by its names, those of licences included"),
    ),
    requires=("gurobipy",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import gurobipy, imle, torch
model = gurobipy.Model(env=gurobipy.Env(params={"OutputFlag": 0}))
x = model.addMVar(4, vtype="B", name="x")
model.addConstr(3 * x[0] + 4 * x[1] + 5 * x[2] + 6 * x[3] <= 10)
layer = imle.layer("gurobi-ilp", sense="max", model=model, variables=x)
values = torch.rand(8, 4, requires_grad=True)   # [B, n], one per variable
layer(values)[:, 0].sum().backward()            # [B, n] which items go into the knapsack
print(values.grad)""",
    licence="commercial (Gurobi); gurobipy comes with a licence for up to 2,000 variables and constraints",
    tolerances=(
        "constraints to 1e-9 of their largest term, and exactly where all is whole; costs to about 1e-9 of the largest"
    ),
    url="https://www.gurobi.com",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [GUROBI]
