"""Exact marginals as a layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from imle.errors import ObjectiveError
from imle_mln.probability.partition import PartitionFunction
from imle_mln.solver import MLNSolver, PreparedMLN


class MarginalsOfLayer(NamedTuple):
    """What a `MarginalLayer` gives.

    Attributes:
        state: `[*batch, A]` probabilities of the open query atoms.
        counts: `[*batch, F]` expected true groundings of each formula, decided ones included.
    """

    state: Tensor
    counts: Tensor


class MarginalLayer(nn.Module):
    """Probabilities of atoms as a function of unaries and formula weights, exact and differentiable.

    For networks of which few atoms hang together: log Z is computed by elimination, and differentiated. Where there is
    more, the layer of `mln-map` with noise has gradients for samples of another model, perturb-and-MAP.

    Args:
        program, evidence, query, closed_world: as for `imle.layer("mln-map", ...)`.

    Raises:
        InstanceError: the parts do not fit together, or too many atoms hang together.
    """

    def __init__(self, program: Any, evidence: Any = None, *, query: Any = None, closed_world: Any = ()) -> None:
        super().__init__()
        problem = MLNSolver().prepare(program, {} if evidence is None else evidence, query, closed_world)
        assert isinstance(problem, PreparedMLN)  # evidence is given
        self.problem = problem
        self.labels = problem.labels
        self._partition = PartitionFunction(problem.grounding.network)

    def extra_repr(self) -> str:
        return f"{len(self.problem.shown)} atoms, {self.problem.formulas} formulas"

    def log_partition(self, unary: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """The logarithm of the sum of exp(score) over all worlds. `[*batch]`, in float64.

        Args:
            unary: `[*batch, A]` what each open query atom adds if it is true; None are the log-odds of soft evidence,
                else zero.
            weights: `[F]` or `[*batch, F]`; None are the program's.

        Raises:
            ObjectiveError: another number of atoms or formulas, batches that differ, or numbers that are not finite.
            SolveError: no world holds the hard formulas.
        """
        unary, weights, lead = self._given(unary, weights)
        return self._of(unary, weights).reshape(lead)

    def log_probability(self, state: Tensor, unary: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """The log-likelihood of states of all open atoms: minus it is the loss of conditional random fields. `[*batch]`

        Args:
            state: `[*batch, A]` of 0 and 1; -inf where hard formulas do not hold.
            unary, weights: as in `log_partition`.

        Raises:
            ObjectiveError: another number of atoms, or the layer's query hides some of them.
        """
        from imle_mln.truths import Evaluator

        network = self.problem.grounding.network
        if state.shape[-1:] != (network.atoms,):
            raise ObjectiveError(
                f"log_probability: expected states [*batch, {network.atoms}] of all open atoms, "
                f"found {list(state.shape)}",
                hint="build the layer without query= to see every atom" if self._hidden else None,
            )
        unary, weights, lead = self._given(unary, weights, state.shape[:-1])
        worlds = state.expand(*lead, network.atoms).reshape(unary.shape[0], network.atoms)
        found = Evaluator(network)(worlds.detach().cpu().numpy().round().astype(bool))
        counts = torch.from_numpy(found.counts).to(weights)
        own = (counts * weights).sum(dim=-1) + (unary * worlds.to(unary)).sum(dim=-1)
        wrong = torch.from_numpy(found.violated + found.broken > 0).to(unary.device)
        return (own - self._of(unary, weights)).masked_fill(wrong, -torch.inf).reshape(lead)

    def forward(self, unary: Tensor | None = None, weights: Tensor | None = None) -> MarginalsOfLayer:
        """Probabilities and expected counts, in float64; both can be differentiated again.

        Args:
            unary, weights: as in `log_partition`.
        """
        unary, weights, lead = self._given(unary, weights)
        differentiable = torch.is_grad_enabled() and (unary.requires_grad or weights.requires_grad)
        with torch.enable_grad():
            u = unary if unary.requires_grad else unary.detach().requires_grad_()
            w = weights if weights.requires_grad else weights.detach().requires_grad_()
            total = self._of(u, w).sum()
            state, counts = torch.autograd.grad(
                total, (u, w), create_graph=differentiable, allow_unused=True, materialize_grads=True
            )
        return MarginalsOfLayer(state.reshape(*lead, u.shape[-1]), counts.reshape(*lead, w.shape[-1]))

    @property
    def _hidden(self) -> bool:
        return len(self.problem.shown) != self.problem.grounding.network.atoms

    def _of(self, unary: Tensor, weights: Tensor) -> Tensor:
        network = self.problem.grounding.network
        wide = unary
        if self._hidden:
            place = torch.from_numpy(self.problem.shown).to(unary.device)
            wide = unary.new_zeros(len(unary), network.atoms).index_copy(1, place, unary)
        decided = torch.from_numpy(network.decided).to(weights)
        return self._partition.log_z(wide, weights) + weights @ decided

    def _given(
        self, unary: Tensor | None, weights: Tensor | None, lead: torch.Size | None = None
    ) -> tuple[Tensor, Tensor, torch.Size]:
        """`[N, A]`, `[N, F]` and the batch's shape."""
        atoms, formulas = len(self.problem.shown), self.problem.formulas
        shapes = [] if lead is None else [lead]
        for name, value, size in (("unary", unary, atoms), ("weights", weights, formulas)):
            if value is None:
                continue
            if not isinstance(value, Tensor) or value.shape[-1:] != (size,):
                found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise ObjectiveError(f"{name}: expected a tensor [*batch, {size}], found {found}")
            if not bool(value.isfinite().all()):
                raise ObjectiveError(f"{name}: expected finite numbers, found {value[~value.isfinite()][0]}")
            shapes.append(value.shape[:-1])
        try:
            lead = torch.Size(np.broadcast_shapes(*shapes))
        except ValueError:
            raise ObjectiveError(
                f"expected batches of one shape, found {', '.join(map(str, map(list, shapes)))}"
            ) from None
        device = next((value.device for value in (unary, weights) if value is not None), torch.device("cpu"))
        if unary is None:
            unary = torch.from_numpy(self.problem.soft_evidence).to(device)
        if weights is None:
            weights = torch.from_numpy(self.problem.grounding.formulas.weights).to(device)
        rows = lead.numel()
        wide = unary.to(torch.float64).expand(*lead, atoms).reshape(rows, atoms)
        return wide, weights.to(torch.float64).expand(*lead, formulas).reshape(rows, formulas), lead
