"""The light module: what discovery reads. It imports neither torch nor the solver."""

from imle.plugins import Capabilities, Parameter, SolverSpec, hookimpl

TOPK = SolverSpec(
    id="topk",
    summary="The k largest of n scores",
    problem="k-subset",
    sense="max",
    target="imle_topk.topk:TopKSolver",
    instance=(
        Parameter(
            "k",
            "int",
            None,
            "how many entries to choose; one for all rows or one per row",
            per_row=True,
            minimum=0,
            synonyms=("top_k", "size", "subset_size"),
        ),
    ),
    options=(
        Parameter(
            "dim",
            "int or tuple of ints",
            -1,
            "along which dimension, or several, entries are chosen, for each index of the others; -1 is the last",
            synonyms=("axis",),
        ),
    ),
    capabilities=Capabilities(array="torch", thread_safe=True, releases_gil=True),
    example="""\
import torch, imle
layer = imle.layer("topk", k=2, nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]
layer(scores)[:, 0].sum().backward()             # [B, n] marginals of the 2-subsets
print(scores.grad)""",
    licence="MIT",
    url="https://pytorch.org/docs/stable/generated/torch.topk.html",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [TOPK]
