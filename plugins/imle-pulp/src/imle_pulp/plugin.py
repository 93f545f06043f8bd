"""The light module: what discovery reads. It imports neither pulp, highspy nor the solvers."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_highs import plugin as highs  # as light as this module

_TOLERANCES = (
    "constraints to 1e-7 of their largest term, and exactly where all is whole; costs to what the solver resolves"
)
_INSTANCE = (
    Parameter("problem", "pulp.LpProblem | None", None, "the problem as you wrote it; it is read, never changed"),
    Parameter(
        "variables",
        "LpVariables | names | None",
        None,
        "the learned variables, in the objective's order; default problem.variables(), which PuLP sorts by name",
    ),
)
_SENSE = replace(common.sense("min"), doc="costs to minimise or scores to maximise; must be the problem's")
_SOLVER = Parameter(
    "solver",
    "pulp.LpSolver | None",
    None,
    "solve each row with this PuLP solver object instead of HiGHS; its own options are the ones that count",
)
_REQUIRES = ("pulp", "highspy")
_CAPABILITIES = Capabilities(thread_safe=True, releases_gil=True)
_LICENCE = "MIT (PuLP, HiGHS)"
_URL = "https://coin-or.github.io/pulp/"


def _options(engine: SolverSpec) -> tuple[Parameter, ...]:
    """The options of the HiGHS solver underneath, with what `sense` means here, and the way around that solver."""
    return (*(_SENSE if option.name == "sense" else option for option in engine.options), _SOLVER)


LP = SolverSpec(
    id="pulp-lp",
    summary="Linear programs written in PuLP, solved by HiGHS at an optimal vertex",
    problem="lp",
    sense="min",
    target="imle_pulp.solvers:PulpLPSolver",
    instance=_INSTANCE,
    options=_options(highs.LP),
    requires=_REQUIRES,
    capabilities=_CAPABILITIES,
    example="""\
import imle, pulp, torch
problem = pulp.LpProblem("mix", pulp.LpMinimize)
x = [problem.add_variable(f"x{i}", 0, 0.6) for i in range(3)]
problem += pulp.lpSum(x) == 1
layer = imle.layer("pulp-lp", problem=problem, variables=x)
costs = torch.rand(4, 3, requires_grad=True)   # [B, n], one per variable
layer(costs)[:, 0].sum().backward()            # [B, n] vertices, averaged over samples
print(costs.grad)""",
    licence=_LICENCE,
    tolerances=_TOLERANCES,
    url=_URL,
)

ILP = SolverSpec(
    id="pulp-ilp",
    summary="Integer and mixed-integer programs written in PuLP, solved by HiGHS to proven optimality",
    problem="ilp",
    sense="min",
    target="imle_pulp.solvers:PulpILPSolver",
    instance=_INSTANCE,
    options=_options(highs.ILP),
    requires=_REQUIRES,
    capabilities=_CAPABILITIES,
    example="""\
import imle, pulp, torch
problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(4)]
problem += pulp.lpDot([3, 4, 5, 6], x) <= 10
layer = imle.layer("pulp-ilp", sense="max", problem=problem, variables=x)
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
