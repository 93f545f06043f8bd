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


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [VITERBI, SEGMENTATION]
