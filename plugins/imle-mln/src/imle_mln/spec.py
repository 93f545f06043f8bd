"""What is known of `mln-map` before anything is imported: its parameters, and the engines it can choose from."""

from __future__ import annotations

from imle.plugins import Block, Capabilities, Parameter, SolverSpec
from imle_mln.engines import AUTO, choices, engines

_EXTRAS = ",".join(one.extra for one in engines() if one.extra)

MAP = SolverSpec(
    id="mln-map",
    summary="MAP in Markov Logic Networks: the most probable world, for learned atoms and formula weights",
    problem="map",
    sense="max",
    target="imle_mln.solver:MLNSolver",
    blocks=(
        Block("unary", "[A] what each open query atom adds if it is true; zero by default", "state", shared=True),
        Block(
            "weights", "[F] the weight of each formula; the program's by default", "counts", noise=False, shared=True
        ),
        Block(
            "ground",
            "[G] what each ground feature adds if it is true, with ground_weights=True; zero by default",
            "features",
            noise=False,
            shared=True,
            optional=True,
        ),
    ),
    instance=(
        Parameter("program", "path | text | Program", doc="a Markov Logic Network in Alchemy's syntax (.mln)"),
        Parameter(
            "evidence",
            "path | text | list of these | dict | Database | None",
            None,
            "ground literals (.db), or several files of them; one per row if you like",
        ),
        Parameter("query", "list of names | None", None, "predicates whose atoms are objective and state; default all"),
        Parameter("closed_world", "list of names", (), "predicates of which all that is not evidence is false"),
    ),
    options=(
        Parameter(
            "engine",
            "str",
            AUTO,
            "how components are solved; auto takes the first that can: closed form, "
            f"{', '.join(one.name for one in engines() if one.auto)}; extras: pip install 'imle-mln[{_EXTRAS}]'",
            choices=choices(),
        ),
        Parameter("time_limit", "float | None", None, "seconds per row", above=0),
        Parameter(
            "gap", "float", 0.0, "relative gap at which branch and bound may stop; 0 is exact", minimum=0, finite=True
        ),
        Parameter("seed", "int", 0, "seed of the engines' random choices", minimum=0, maximum=2**31 - 1),
        Parameter(
            "cross_check",
            "bool | str",
            False,
            "solve with two engines and compare; a name is that of the second one",
        ),
        Parameter(
            "count_scale",
            "str",
            "mean",
            "gradients of weights per undecided grounding, or summed over groundings, which grow as domain size to the "
            "arity",
            choices=("mean", "sum"),
        ),
        Parameter(
            "ground_weights", "bool", False, "a weight for each ground feature too: layer(unary, weights, ground)"
        ),
    ),
    requires=("lark", "highspy", "ortools", "scipy"),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example='''\
import imle, torch
program = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
"""
layer = imle.layer("mln-map", program=program, evidence={"Friends": [("Ann", "Ben")]}, nb_samples=10)
unary = torch.tensor([[1.0, -0.3, -0.5]], requires_grad=True)   # [B, A], one per open atom
weights = torch.tensor([1.1], requires_grad=True)               # [F] or [B, F], one per formula
state, counts = layer(unary, weights)                           # [B, A] and [B, F]
state[:, 1].sum().backward()                                    # a loss on atoms also reaches the weights
print(layer.labels, unary.grad, weights.grad)''',
    licence="MIT (own code, HiGHS; extras: toulbar2, python-sat), Apache-2.0 (OR-Tools)",
    tolerances="scores to about 1e-9 of the sum of all coefficients",
    url="https://doi.org/10.1007/s10994-006-5833-1",
)
