"""The light module: what discovery reads. It imports neither numba nor numpy."""

from functools import partial

from imle.plugins import Block, Capabilities, Parameter, SolverSpec, common, hookimpl

_spec = partial(
    SolverSpec,
    requires=("numba",),
    capabilities=Capabilities(thread_safe=True, releases_gil=True),
    licence="MIT (own kernels); numba is BSD-2-Clause",
)
_LENGTH = ("length", "seq_lens", "seq_lengths")


def _chain(what: str) -> tuple[Parameter, ...]:
    """How long rows are, and what may follow what."""
    return (
        Parameter(
            "lengths",
            "int | None",
            None,
            "how many steps are used; None for all; for all rows, or one per row",
            per_row=True,
            minimum=1,
            synonyms=_LENGTH,
        ),
        Parameter(
            "stationary", "bool", True, "one matrix of transitions; False for one before each step but the first"
        ),
        Parameter("allowed", "mask [K, K] | None", None, f"which {what} may follow which; None for all", forbids=True),
        Parameter("starts", "mask [K] | None", None, f"which {what} may be the first; None for all"),
        Parameter("ends", "mask [K] | None", None, f"which {what} may be the last; None for all"),
    )


_STEPS = Parameter("steps", "int", doc="T, the room for steps", minimum=1, synonyms=("seq_len", "T", "n_steps"))

VITERBI = _spec(
    id="viterbi",
    summary="The best path of states, one per step, as in a linear-chain CRF",
    problem="linear chain",
    sense="max",
    target="imle_dp.chain:ViterbiSolver",
    instance=(
        _STEPS,
        Parameter("states", "int | names", doc="K, or their names", synonyms=("num_tags", "tags", "n_states")),
        *_chain("states"),
    ),
    options=(common.sense("max"),),
    blocks=(
        Block("emissions", "scores [T, K] of each state at each step", solution="path"),
        Block(
            "transitions",
            "scores [K, K] of a state after another, or [T - 1, K, K]",
            solution="counts",
            noise=False,
            shared=True,
        ),
    ),
    example="""\
import imle, torch
layer = imle.layer("viterbi", steps=5, states=3, nb_samples=10)
emissions = torch.randn(4, 5, 3, requires_grad=True)         # [B, T, K]
transitions = torch.randn(3, 3, requires_grad=True)          # [K, K], from state to state
path, counts = layer(emissions, transitions, lengths=[5, 3, 4, 2])
path[:, 0, 1].sum().backward()                               # [B, T, K] how often each state is taken
print(transitions.grad)""",
    url="https://en.wikipedia.org/wiki/Viterbi_algorithm",
)

SEGMENTATION = _spec(
    id="segmentation",
    summary="The best cut of a sequence into labelled segments, as in a semi-Markov CRF",
    problem="segmentation",
    sense="max",
    target="imle_dp.chain:SegmentationSolver",
    instance=(
        _STEPS,
        Parameter("longest", "int", doc="L, the most steps of a segment", minimum=1, synonyms=("max_len", "width")),
        Parameter("kinds", "int | names", doc="K kinds of segments, or their names", synonyms=("classes", "states")),
        *_chain("kinds"),
    ),
    options=(common.sense("max"),),
    blocks=(
        Block("segments", "scores [T, L, K] of segments by first step, length - 1 and kind", solution="chosen"),
        Block(
            "transitions",
            "scores [K, K] of a kind after another, or [T - 1, K, K]",
            solution="counts",
            noise=False,
            shared=True,
        ),
    ),
    example="""\
import imle, torch
layer = imle.layer("segmentation", steps=6, longest=3, kinds=2, nb_samples=10)
segments = torch.randn(4, 6, 3, 2, requires_grad=True)   # [B, T, L, K]
chosen, counts = layer(segments)                         # transitions are optional
chosen[:, 0, 2].sum().backward()                         # [B, T, L, K] how often each segment is chosen
print(segments.grad[0, 0])""",
    url="https://en.wikipedia.org/wiki/Viterbi_algorithm",
)

ALIGNMENT = _spec(
    id="alignment",
    summary="The best alignment of two sequences: edit distance, local, or dynamic time warping",
    problem="alignment",
    sense="min",
    target="imle_dp.alignment:AlignmentSolver",
    instance=(
        Parameter("first", "int", doc="n, the room for items of the first sequence", minimum=1),
        Parameter("second", "int", doc="m, the room for items of the second sequence", minimum=1),
        Parameter(
            "lengths",
            "(int, int) | None",
            None,
            "how many items of each are used; None for all; for all rows, or one pair per row",
            per_row=True,
            synonyms=_LENGTH,
        ),
        Parameter(
            "allowed",
            "mask [n, m] | None",
            None,
            "which items may be paired, such as a band; None for all",
            forbids=True,
            synonyms=("band", "window", "mask"),
        ),
    ),
    options=(
        Parameter(
            "kind",
            "str",
            "global",
            'whole sequences with gaps, the part that is worth it, or "warping", where an item may have many partners',
            choices=("global", "local", "warping"),
            synonyms=("mode", "method"),
        ),
        common.sense("min"),
    ),
    blocks=(
        Block("pairs", "[n, m] of pairs of items", solution="aligned"),
        Block(
            "deletions", "[n] of items of the first without a partner", solution="deleted", shared=True, optional=True
        ),
        Block("insertions", "[m] of items of the second without one", solution="inserted", shared=True, optional=True),
    ),
    example="""\
import imle, torch
layer = imle.layer("alignment", first=4, second=6, nb_samples=10)
pairs = torch.rand(3, 4, 6, requires_grad=True)     # [B, n, m] costs
found = layer(pairs, torch.ones(4), torch.ones(6))  # each item that is left out costs 1
found.aligned[:, 0, 0].sum().backward()             # [B, n, m] how often each pair is made
print(pairs.grad[0])""",
    url="https://en.wikipedia.org/wiki/Needleman%E2%80%93Wunsch_algorithm",
)

PROJECTIVE_TREE = _spec(
    id="projective-tree",
    summary="The best projective dependency tree of a sentence, by Eisner's algorithm",
    problem="dependency parsing",
    sense="max",
    target="imle_dp.projective:ProjectiveTreeSolver",
    instance=(
        Parameter(
            "lengths",
            "int | None",
            None,
            "how many words there are; None for all there is room for; for all rows, or one per row",
            per_row=True,
            minimum=1,
            synonyms=_LENGTH,
        ),
        Parameter(
            "allowed",
            "mask [n + 1, n + 1] | None",
            None,
            "which heads each word may have, heads first, 0 for the root; None for all",
            forbids=True,
        ),
    ),
    options=(
        Parameter(
            "single_root",
            "bool",
            True,
            "one word hangs on the root; False for one or more",
            synonyms=("multiroot", "one_root"),
        ),
        common.sense("max"),
    ),
    example="""\
import imle, torch
layer = imle.layer("projective-tree", nb_samples=10)
arcs = torch.randn(4, 8, 8, requires_grad=True)   # [B, n + 1, n + 1] from heads to words; 0 is the root
tree = layer(arcs, lengths=[7, 5, 3, 6])          # [B, n + 1, n + 1] how often each arc is in the tree
tree[:, 0, 2].sum().backward()
print(arcs.grad[0, 0])""",
    url="https://aclanthology.org/C96-1058/",
)

CKY = _spec(
    id="cky",
    summary="The best constituency tree of a sentence, by a grammar or by scores of labelled spans",
    problem="constituency parsing",
    sense="max",
    target="imle_dp.cky:CKYSolver",
    instance=(
        Parameter("words", "int", doc="n, the room for words", minimum=1, synonyms=("steps", "seq_len")),
        Parameter(
            "grammar",
            "rules | None",
            None,
            "binary rules (parent, left, right) of symbols; None lets any symbol stand over any two",
        ),
        Parameter(
            "symbols",
            "int | names | None",
            None,
            "S, or their names, in the order of scores; None for those of the grammar",
            synonyms=("nonterminals", "labels"),
        ),
        Parameter(
            "lengths",
            "int | None",
            None,
            "how many words there are; None for all; for all rows, or one per row",
            per_row=True,
            minimum=1,
            synonyms=_LENGTH,
        ),
        Parameter(
            "preterminals",
            "names | None",
            None,
            "symbols that may stand over a word; None for those that are no parent, or all if there is no other",
            synonyms=("terminals",),
        ),
        Parameter("roots", "names | None", None, "symbols that may stand over the sentence; None for all"),
    ),
    options=(common.sense("max"),),
    blocks=(
        Block("spans", "scores [n, n, S] of symbols over spans, by first and last word", solution="tree"),
        Block("rules", "scores [R] of rules", solution="counts", noise=False, shared=True, optional=True),
    ),
    example="""\
import imle, torch
rules = [("S", "NP", "VP"), ("NP", "D", "N"), ("VP", "V", "NP"), ("NP", "NP", "PP"), ("PP", "P", "NP")]
layer = imle.layer("cky", words=5, grammar=rules, roots=["S"], nb_samples=10)
spans = torch.randn(2, 5, 5, 8, requires_grad=True)             # [B, n, n, S] in the order of layer.labels
weights = torch.zeros(5, requires_grad=True)                    # [R]
(tree,) = layer(spans, weights)                                 # [B, n, n, S] the nodes
tree[:, 0, 1].sum().backward()
print(weights.grad)""",
    url="https://en.wikipedia.org/wiki/CYK_algorithm",
)


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [VITERBI, SEGMENTATION, ALIGNMENT, PROJECTIVE_TREE, CKY]
