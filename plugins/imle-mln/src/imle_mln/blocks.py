"""The blocks of theta: how wide they are, and what holds for all rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imle.errors import InstanceError
from imle.layers.plan import SolvePlan
from imle_mln.network import Floats
from imle_mln.solver import PreparedMLN
from imle_mln.views import Rows


@dataclass(frozen=True, eq=False)
class Blocks:
    """Sizes and tensors only, so that a layer can be traced and pickled with them.

    Attributes:
        atoms: A, the most of any row.
        formulas: F.
        features: G, 0 without ground_weights=True.
        weights: `[F]` the program's weights, float64.
        share: `[F]`, or `[B, F]` where rows differ: one by the number of groundings that evidence leaves open.
        decided: likewise, how many groundings are true in every world.
        most: the most groundings of any formula.
    """

    atoms: int
    formulas: int
    features: int
    weights: Tensor
    share: Tensor
    decided: Tensor
    most: float

    @staticmethod
    def of(rows: Rows) -> Blocks:
        """The blocks of a batch.

        Raises:
            InstanceError: rows differ in their formulas, or with ground_weights=True in their ground features.
        """
        problems = rows.problems
        return Blocks(
            rows.widest,
            _same_formulas(problems),
            _same_features(problems),
            torch.from_numpy(problems[0].grounding.formulas.weights.copy()),
            _per_formula(rows, [1 / problem.undecided.clip(min=1.0) for problem in problems]),
            _per_formula(rows, [problem.decided for problem in problems]),
            max(problem.most for problem in problems),
        )

    @property
    def order(self) -> str:
        """theta in one tensor, in words."""
        parts = [(self.formulas, "formula weight"), (self.atoms, "atom"), (self.features, "ground feature weight")]
        named = ", then ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in parts[: 3 if self.features else 2])
        return f"[*batch, {sum(n for n, _ in parts)}]: {named}"

    def complete(self, solutions: Tensor, lead: torch.Size) -> Tensor:
        """Solutions `[*batch, F + A + G]`, or `[*batch, S, F + A + G]`, with counts of open groundings to those with
        counts of all.
        """
        return solutions + self._offset(solutions, lead)

    def incomplete(self, solutions: Tensor, lead: torch.Size) -> Tensor:
        """The inverse of `complete`."""
        return solutions - self._offset(solutions, lead)

    def _offset(self, like: Tensor, lead: torch.Size) -> Tensor:
        decided = along(self.decided, lead).to(like)
        offset = torch.nn.functional.pad(decided, (0, self.atoms + self.features))
        return offset.unsqueeze(-2) if like.ndim - len(lead) > 1 else offset


def _per_formula(rows: Rows, numbers: Sequence[Floats]) -> Tensor:
    """`[F]` numbers of each grounding to those of all rows: `[F]`, or `[B, F]` where rows differ."""
    parts = [torch.from_numpy(own.copy()) for own in numbers]
    if len(parts) == 1:
        return parts[0]
    found = parts[0].new_zeros(sum(len(own or ()) for _, own in rows.parts), len(parts[0]))
    for part, (_, own) in zip(parts, rows.parts, strict=True):
        found[list(own or ())] = part
    return found


def _same_formulas(problems: Sequence[PreparedMLN]) -> int:
    sizes = {problem.formulas for problem in problems}
    if len(sizes) > 1:
        raise InstanceError(
            f"mln-map: evidence: expected the same formulas in every row, found {min(sizes)} to {max(sizes)} of them",
            hint="declare the domains of +variables in the program",
        )
    return sizes.pop()


def _same_features(problems: Sequence[PreparedMLN]) -> int:
    """G, 0 for all rows without ground_weights=True."""
    sizes = {(len(problem.shown), len(problem.features or ())) for problem in problems if problem.features is not None}
    if len(sizes) > 1:
        raise InstanceError(
            "mln-map: ground_weights: expected as many atoms and ground features in every row, found "
            f"(atoms, features) of {', '.join(map(str, sorted(sizes)))}"
        )
    return sizes.pop()[1] if sizes else 0


def broadcast(*shapes: torch.Size) -> torch.Size:
    """The batch of all blocks."""
    found: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]  # torch's own
    return found


def noisy(theta: Tensor, plan: SolvePlan) -> tuple[Tensor, Tensor]:
    """Which entries of `[B, 1, F + A + G]` objectives are atoms outside exactly-one blocks, and which are atoms."""
    size = plan.lead.numel()
    free = torch.zeros(size if plan.groups[0].rows is not None else 1, 1, theta.shape[-1], dtype=torch.bool)
    atoms = free.clone()
    for group in plan.groups:
        problem = group.prepared
        assert isinstance(problem, PreparedMLN)  # forward has seen to it
        start, stop = problem.formulas, problem.formulas + len(problem.shown)
        rows = slice(None) if group.rows is None else group.rows
        free[rows, 0, start:stop] = torch.from_numpy(problem.outside_blocks)
        atoms[rows, 0, start:stop] = True
    copies = len(theta) // size if len(free) > 1 else 1  # under vmap theta is as many copies of the batch
    return free.repeat(copies, 1, 1).to(theta.device), atoms.repeat(copies, 1, 1).to(theta.device)


def exact(like: Tensor, most: float) -> torch.dtype:
    """The narrowest dtype from that of a tensor on that holds all whole numbers up to `most`, or else the widest."""
    widest = torch.float32 if like.device.type == "mps" else torch.float64  # MPS has no float64
    wider = (one for one in (like.dtype, torch.float32) if most <= 2 / torch.finfo(one).eps)
    return next(wider, widest)


def along(numbers: Tensor, lead: torch.Size) -> Tensor:
    """`[F]`, or `[B, F]` as `[*batch, F]`."""
    return numbers if numbers.ndim == 1 else numbers.reshape(*lead, -1)


def scaled(weights: Tensor, share: Tensor, lead: torch.Size) -> Tensor:
    """The same weights, bit by bit; what flows back to them is multiplied by `[F]` or `[B, F]` shares."""
    own = weights * along(share, lead).to(weights)
    return weights.detach() + (own - own.detach())
