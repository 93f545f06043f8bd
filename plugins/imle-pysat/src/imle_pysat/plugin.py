"""The light module: what discovery reads. It does not import pysat."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl

MAXSAT = SolverSpec(
    id="maxsat",
    summary="Weighted partial MaxSAT with learned weights of any sign, by python-sat's RC2",
    problem="maxsat",
    sense="max",
    target="imle_pysat.maxsat:MaxSATSolver",
    instance=(
        Parameter("wcnf", "path | text | pysat WCNF | None", None, "a WCNF file (also .gz, .bz2, .xz), text or object"),
        Parameter("hard", "list of clauses | None", None, "clauses to satisfy, instead of a WCNF"),
        Parameter("soft", "list of clauses | None", None, "clauses that may be falsified, in the order of objectives"),
        Parameter(
            "soft_weights", "vector | None", None, 'weights of soft= that are not learned, for weights="variables"'
        ),
    ),
    options=(
        Parameter(
            "weights",
            "str",
            "clauses",
            'what weights are learned for: "clauses" being satisfied, or "variables" being true',
            choices=("clauses", "variables"),
        ),
        replace(common.sense("max"), doc="whether weights are to be gained or to be avoided"),
        common.TIME_LIMIT,
        Parameter(
            "scale",
            'float | "exact"',
            "exact",
            'weights are multiplied by it and rounded; "exact" rounds nothing',
            above=0,
            finite=True,
        ),
        Parameter("stratified", "bool", True, "settle heavy weights first (RC2Stratified), or all at once (RC2)"),
    ),
    requires=("pysat",),
    capabilities=Capabilities(thread_safe=True),  # RC2 is Python; only its SAT calls leave the GIL
    example="""\
import imle, torch
layer = imle.layer("maxsat", hard=[[-1, -2], [-2, -3]], soft=[[1], [2], [3], [1, 2]], nb_samples=10)
weights = torch.rand(4, 4, requires_grad=True)   # [B, S], one per soft clause
layer(weights)[:, 0].sum().backward()            # [B, S] which soft clauses are satisfied
print(weights.grad)""",
    licence="MIT (python-sat; its SAT solvers have MIT-like licences)",
    url="https://pysathq.github.io/docs/html/api/examples/rc2.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [MAXSAT]
