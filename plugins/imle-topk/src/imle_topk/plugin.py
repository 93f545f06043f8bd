"""The light module: what discovery reads. It imports neither torch nor the solvers."""

from dataclasses import replace

from imle.plugins import Capabilities, Parameter, SolverSpec, common, hookimpl

_CAPABILITIES = Capabilities(array="torch", thread_safe=True, releases_gil=True)
_DIM = Parameter(
    "dim",
    "int or tuple of ints",
    -1,
    "along which dimension, or several, entries are chosen, for each index of the others; -1 is the last",
    synonyms=("axis",),
)

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
    options=(_DIM,),
    capabilities=_CAPABILITIES,
    example="""\
import torch, imle
layer = imle.layer("topk", k=2, nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]
layer(scores)[:, 0].sum().backward()             # [B, n] marginals of the 2-subsets
print(scores.grad)""",
    licence="MIT",
    url="https://pytorch.org/docs/stable/generated/torch.topk.html",
)

SUBSET = SolverSpec(
    id="subset",
    summary="The positive of n scores, but no fewer and no more than so many",
    problem="subset",
    sense="max",
    target="imle_topk.subset:SubsetSolver",
    instance=(
        Parameter(
            "at_least",
            "int",
            0,
            "how many entries to choose even if their scores are negative; for all rows, or one per row",
            per_row=True,
            minimum=0,
            synonyms=("k_min", "min_size"),
        ),
        Parameter(
            "at_most",
            "int | None",
            None,
            "how many entries to choose at the most, None for no limit; for all rows, or one per row",
            per_row=True,
            minimum=0,
            synonyms=("k", "k_max", "max_size"),
        ),
    ),
    options=(_DIM,),
    capabilities=_CAPABILITIES,
    example="""\
import torch, imle
layer = imle.layer("subset", at_least=1, at_most=3, nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]; scores - threshold chooses what is above a threshold
layer(scores)[:, 0].sum().backward()             # [B, n] marginals
print(scores.grad)""",
    licence="MIT",
)

RANKING = SolverSpec(
    id="ranking",
    summary="The ranks of n scores: 1 for the highest, n for the lowest",
    problem="ranking",
    sense="min",
    target="imle_topk.ranking:RankingSolver",
    instance=(
        Parameter(
            "lengths",
            "int | None",
            None,
            "how many entries are ranked, where scores are padded; for all rows, or one per row",
            per_row=True,
            minimum=0,
        ),
    ),
    options=(
        replace(
            common.sense("min"),
            doc='"min" gives the highest score rank 1, which minimises <scores, ranks>; "max" the lowest',
        ),
    ),
    capabilities=_CAPABILITIES,
    example="""\
import torch, imle
layer = imle.layer("ranking", nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]
layer(scores)[:, 0].sum().backward()             # [B, n] mean ranks, 1 is the highest score
print(scores.grad)""",
    licence="MIT",
    url="https://arxiv.org/abs/1912.03500",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [TOPK, SUBSET, RANKING]
