"""What states are worth, apart from any engine."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from imle.errors import ObjectiveError, OptionError
from imle.layers import SolverLayer
from imle_mln.solver import PreparedMLN
from imle_mln.truths import Evaluator


class Score(NamedTuple):
    """What states are worth.

    Attributes:
        weighted: `[*batch]`, float64: sum of weight times count over all formulas, plus unaries; hard formulas do not
            count.
        counts: `[*batch, F]` true groundings of each formula, float64.
        violated: `[*batch]` ground hard clauses and blocks that do not hold.
    """

    weighted: Tensor
    counts: Tensor
    violated: Tensor


def score(
    layer: SolverLayer,
    state: Tensor,
    unary: Tensor | None = None,
    weights: Tensor | None = None,
    *,
    decided: bool = True,
) -> Score:
    """Evaluate states of a layer's own evidence.

    Args:
        layer: of `mln-map`.
        state: `[*batch, A]` of 0 and 1, for all open atoms.
        unary: `[*batch, A]`; None is zero.
        weights: `[F]` or `[*batch, F]`; None are the program's.
        decided: whether groundings that evidence decides count. They are the same for all states, and may be so
            many that little is left of a difference of scores: to compare states, leave them out.

    Raises:
        OptionError: another layer.
        ObjectiveError: another number of atoms, or the layer's query hides some of them.
        InstanceError: the layer has no evidence of its own.
    """
    problem = layer.prepared
    if not isinstance(problem, PreparedMLN):
        raise OptionError(f"score: expected a layer of mln-map, found one of {layer.spec.id}")
    network = problem.grounding.network
    atoms = network.atoms
    if state.shape[-1:] != (atoms,):
        raise ObjectiveError(
            f"mln-map: score: expected states [*batch, {atoms}] of all open atoms, found {list(state.shape)}",
            hint="build the layer without query= to see every atom" if len(problem.shown) != atoms else None,
        )
    lead = state.shape[:-1]
    found = Evaluator(network)(state.detach().reshape(-1, atoms).cpu().numpy().round().astype(bool))
    wide = torch.float32 if state.device.type == "mps" else torch.float64  # MPS has no float64
    counts = torch.from_numpy(network.open_counts(found.truths)).to(state.device, wide)
    counts = counts.reshape(*lead, problem.formulas)
    given = torch.from_numpy(problem.grounding.formulas.weights) if weights is None else weights
    given = given.to(counts)
    weighted = (counts * given).sum(dim=-1)
    if unary is not None:
        weighted = weighted + (unary.to(counts) * state).sum(dim=-1)
    if decided:
        always = torch.from_numpy(network.decided).to(counts)
        counts, weighted = counts + always, weighted + (always * given).sum(dim=-1)
    violated = torch.from_numpy(found.violated + found.broken).reshape(lead)
    return Score(weighted, counts, violated)
