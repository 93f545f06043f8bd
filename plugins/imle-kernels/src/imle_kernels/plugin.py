"""The light module: what discovery reads. It imports neither numba nor numpy."""

from dataclasses import replace

from imle.plugins import Block, Capabilities, Parameter, SolverSpec, common, hookimpl
from imle_linear.parameters import MATCHING  # as light as this module

_ON_DEVICE = Capabilities(array="torch", thread_safe=True, releases_gil=True)
_LICENCE = "MIT (own kernel); numba is BSD-2-Clause"

ASSIGNMENT = SolverSpec(
    id="assignment",
    summary="The cheapest assignment between n and m things, as a 0/1 matrix",
    problem="assignment",
    sense="min",
    target="imle_kernels.assignment:AssignmentSolver",
    instance=MATCHING,
    options=(common.sense("min"),),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
layer = imle.layer("assignment", nb_samples=10)
costs = torch.rand(4, 6, 8, requires_grad=True)   # [B, n, m]
layer(costs)[:, 0, 0].sum().backward()            # [B, n, m] how often each pair is chosen
print(costs.grad[:, 0, 0])""",
    licence=_LICENCE,
    url="https://en.wikipedia.org/wiki/Assignment_problem",
    aliases=("ortools-assignment",),
)

KNAPSACK = SolverSpec(
    id="knapsack",
    summary="The most valuable set of items within one or more capacities, as a 0/1 mask",
    problem="knapsack",
    sense="max",
    target="imle_kernels.knapsack:KnapsackSolver",
    instance=(
        Parameter(
            "weights",
            "array [m, n] or [n]",
            None,
            "what each item takes of each capacity, not negative; for all rows, or one per row",
            per_row=True,
            learned="positive",
        ),
        Parameter(
            "capacity",
            "number or [m]",
            None,
            "what there is; for all rows, or one per row",
            per_row=True,
            learned="positive",
        ),
    ),
    options=(
        common.TIME_LIMIT,
        replace(
            common.NODE_LIMIT,
            doc="nodes of the search per row; a row that runs out keeps its best set and is `feasible`",
        ),
    ),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    example="""\
import imle, torch
weights = torch.rand(3, 10)                       # [m, n]
layer = imle.layer("knapsack", weights=weights.numpy(), capacity=[1.5, 2.0, 2.0], nb_samples=10)
values = torch.rand(4, 10, requires_grad=True)    # [B, n]
layer(values)[:, 0].sum().backward()              # [B, n] the items taken
print(values.grad)""",
    licence=_LICENCE,
    tolerances="whole weights and small fractions exactly, others up to the round-off of their sum",
    url="https://en.wikipedia.org/wiki/Knapsack_problem",
    aliases=("ortools-knapsack",),
)


SUBSET = SolverSpec(
    id="subset",
    summary="The positive of n scores, but no fewer and no more than so many",
    problem="subset",
    sense="max",
    target="imle_kernels.subset:SubsetSolver",
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
    capabilities=_ON_DEVICE,
    example="""\
import torch, imle
layer = imle.layer("subset", at_least=1, at_most=3, nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]; scores - threshold chooses what is above a threshold
layer(scores)[:, 0].sum().backward()             # [B, n] marginals
print(scores.grad)""",
    licence="MIT (torch's sort is BSD-3-Clause)",
)

RANKING = SolverSpec(
    id="ranking",
    summary="The ranks of n scores: 1 for the highest, n for the lowest",
    problem="ranking",
    sense="min",
    target="imle_kernels.ranking:RankingSolver",
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
    capabilities=_ON_DEVICE,
    example="""\
import torch, imle
layer = imle.layer("ranking", nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]
layer(scores)[:, 0].sum().backward()             # [B, n] mean ranks, 1 is the highest score
print(scores.grad)""",
    licence="MIT (torch's sort is BSD-3-Clause)",
    url="https://arxiv.org/abs/1912.03500",
)


RANKING_MATRIX = SolverSpec(
    id="ranking-matrix",
    summary="The order of n scores, the highest first, as ranks and as a permutation matrix",
    problem="ranking",
    sense="min",
    target="imle_kernels.ranking_matrix:RankingMatrixSolver",
    instance=(Parameter("n", "int", doc="how many scores there are", minimum=1, synonyms=("size",)),),
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    blocks=(
        Block("scores", "[n] of the items", solution="ranks"),
        Block("places", "[n, n] what each item costs at each place, 0 if left out", solution="matrix", noise=False),
    ),
    example="""\
import imle, torch
layer = imle.layer("ranking-matrix", n=6, nb_samples=10)
scores = torch.randn(4, 6, requires_grad=True)   # [B, n]
ranks, matrix = layer(scores)                    # [B, n] and [B, n, n]: matrix.mT @ x sorts x by the scores
matrix[:, 0, 0].sum().backward()                 # how often the first item is the first
print(scores.grad)""",
    licence=_LICENCE,
    url="https://en.wikipedia.org/wiki/Permutation_matrix",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [ASSIGNMENT, KNAPSACK, SUBSET, RANKING, RANKING_MATRIX]
