"""The layer of `mln-map`: unaries and formula weights in, states and counts out, gradients for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.layers import SolverLayer
from imle.layers.plan import SolvePlan
from imle.solvers import PreparedSolver
from imle_mln.finite import refuse_non_finite
from imle_mln.logic import Database, Program
from imle_mln.printing import database_text
from imle_mln.reading import check_query, read_evidence, read_program
from imle_mln.solver import MLNSolver, PreparedMLN
from imle_mln.states import MLNState, Score
from imle_mln.views import Rows


class MLNLayer(SolverLayer):
    """The most probable world given unaries u and weights w, and I-MLE gradients of both. Made by `imle.layer`.

    Forward: (y, n) = MAP(u + noise, w). Backward, with gradients g_y of the states and g_n of the counts:
    (y', n') = MAP(u + noise - lambda g_y, w - lambda g_n), whose differences y - y' and n - n' are the gradients. One
    search variable serves both parts, so that a loss on atoms reaches weights it never mentions (Betz et al. 2021;
    Niepert et al. 2021, section 3).

    Noise goes on atoms only: that of the layer for each value inside an exactly-one block, and the difference of two
    such draws for a free atom, which has two values (Gumbel noise thus becomes logistic noise).

    Gradients of weights are divided by the number of groundings of their formula that evidence leaves open, in the
    row they come from, unless count_scale="sum".

    With ground_weights=True there is a third part, a weight c for each ground feature, with truths s: grad c = s - s'.

    Raises:
        InstanceError: a query predicate is closed, so that there is nothing to ask.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        fixed = self._instances.fixed
        if fixed.get("query") and fixed.get("evidence") is not None:
            check_query(fixed["query"], self.problem.grounding)

    def forward(  # type: ignore[override]  # several tensors instead of one, all optional
        self,
        unary: Tensor | Mapping[str, Tensor] | None = None,
        weights: Tensor | None = None,
        ground: Tensor | None = None,
        **rows: Sequence[Any],
    ) -> MLNState:
        """Find a most probable world per row.

        Args:
            unary: `[*batch, A]` what each atom adds if it is true, in the order of `layer.atoms`, or
                `{predicate: [*batch, *domains]}`; entries of atoms that evidence decides do not matter. None is zero.
            weights: `[F]` or `[*batch, F]`, in the order of `layer.formulas`; None are the program's.
            ground: `[G]` or `[*batch, G]` what each ground feature adds if it is true, besides its formula's weight, in
                the order of `layer.features`; needs ground_weights=True. None is zero.
            rows: `evidence=[...]`, one per row, instead of the layer's. Atoms are then padded to the widest row.

        Returns:
            states `[*batch, A]` and counts `[*batch, F]`; with output="samples" `[*batch, S, ...]`.

        Raises:
            ObjectiveError: shapes disagree, or numbers are not finite.
            InstanceError, SolveError: as for any layer; evidence against hard formulas makes a row infeasible.
        """
        rows = dict(self._with_plain_evidence(rows))
        found = self._rows(rows)
        formulas, atoms, features = _same_formulas(found.problems), found.widest, self._features(found.problems, ground)
        given = unary if not isinstance(unary, Mapping) else found.unaries(unary) if unary else None
        like = next((part for part in (given, weights, ground) if isinstance(part, Tensor)), torch.zeros(0))
        if weights is None:
            weights = torch.as_tensor(
                found.problems[0].grounding.formulas.weights, dtype=like.dtype, device=like.device
            )
        count = None if not rows else (len(next(iter(rows.values()))),)
        if given is None:
            given = like.new_zeros(*(count or ()), atoms)
        if ground is None:
            ground = like.new_zeros(features)
        lead = self._lead(given, weights, ground, (atoms, formulas, features))
        if weights.requires_grad and self._options.count_scale == "mean":
            weights = _per_grounding(weights, found, lead)
        parts = (part.expand(*lead, -1).to(given.dtype) for part in (weights, given, ground))
        try:
            out = super().forward(torch.cat([*parts], dim=-1), **rows)
        except ObjectiveError:
            names = ((), (), ()) if rows else (self.atoms, self.formulas, self.features)
            blocks = zip(("unary", "weights", "ground"), (given, weights, ground), names, strict=True)
            refuse_non_finite(self.spec.id, blocks)
            raise
        state, truths = out[..., formulas : formulas + atoms], out[..., formulas + atoms :]
        return MLNState(state, out[..., :formulas], truths if self._options.ground_weights else None, found, lead)

    def _lead(self, unary: Any, weights: Any, ground: Any, sizes: tuple[int, int, int]) -> torch.Size:
        """The batch dimensions, checked with all blocks of theta named."""
        atoms, formulas, features = sizes
        blocks = (("unary", unary, atoms), ("weights", weights, formulas), ("ground", ground, features))
        for name, part, size in blocks:
            if not isinstance(part, Tensor) or part.shape[-1:] != (size,):
                found = list(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise ObjectiveError(
                    f"{self.spec.id}: {name}: expected {_expected(name, size)}, found {found}; theta is "
                    f"{self._blocks(sizes)}",
                    hint="layer.atoms, layer.formulas and layer.features list them",
                )
        try:
            return _broadcast(*(part.shape[:-1] for _, part, _ in blocks))
        except RuntimeError:
            raise ObjectiveError(
                f"{self.spec.id}: expected unaries and weights of the same batch, found {list(unary.shape)}, "
                f"{list(weights.shape)}" + (f" and {list(ground.shape)}" if features else "")
            ) from None

    def _blocks(self, sizes: tuple[int, int, int]) -> str:
        """What theta consists of, in words."""
        atoms, formulas, features = sizes
        try:
            own = self.problem
        except InstanceError:
            own = None
        inner = ""
        if own is not None and len(own.shown) == atoms:
            ranges = [(name, own.grounding.atoms[name]) for name in own.query]
            inner = ", ".join(f"{name} {part.stop - part.start}" for name, part in ranges if part.stop > part.start)
        found = f"unary [*batch, {atoms}]{f' ({inner})' if inner else ''}, weights [{formulas}] or [*batch, {formulas}]"
        return f"{found}, ground [{features}] or [*batch, {features}]" if features else found

    def _rows(self, rows: Mapping[str, Sequence[Any]]) -> Rows:
        if not rows:
            return Rows([(self.problem, None)])
        return Rows([(self._grounded(group.prepared), group.rows) for group in self._instances.groups(rows)])

    def _with_plain_evidence(self, rows: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """Evidence as text, which is known again in the next call: rows are then grounded once."""
        given = rows.get("evidence")
        if not isinstance(given, (list, tuple)) or set(rows) != {"evidence"}:
            return rows
        plain = [
            "\n" + database_text(read_evidence(one, self._program)) if isinstance(one, (Mapping, Database)) else one
            for one in given
        ]
        return {"evidence": plain}

    @cached_property
    def _program(self) -> Program:
        fixed = self._instances.fixed
        return read_program(fixed["program"], fixed.get("closed_world") or ())

    def _features(self, problems: Sequence[PreparedMLN], ground: Tensor | None) -> int:
        """G, the same for all rows."""
        if not self._options.ground_weights:
            if ground is not None:
                raise ObjectiveError(
                    f"{self.spec.id}: ground: expected none, the layer has no weights for ground features",
                    hint='imle.layer("mln-map", ..., ground_weights=True)',
                )
            return 0
        sizes = {(len(problem.shown), len(problem.features or ())) for problem in problems}
        if len(sizes) > 1:
            raise InstanceError(
                f"{self.spec.id}: ground_weights: expected as many atoms and ground features in every row, found "
                f"(atoms, features) of {', '.join(map(str, sorted(sizes)))}"
            )
        return sizes.pop()[1]

    @property
    def _options(self) -> MLNSolver:
        """The solver's options."""
        assert isinstance(self.solver, MLNSolver)
        return self.solver

    @property
    def problem(self) -> PreparedMLN:
        """The grounding of the layer's own evidence."""
        return self._grounded(self._instances.common())

    def _grounded(self, prepared: PreparedSolver) -> PreparedMLN:
        if not isinstance(prepared, PreparedMLN):
            raise InstanceError(
                f"{self.spec.id}: evidence missing: without it some type has no constants",
                hint="give evidence=... to imle.layer for all rows, or to the call, one per row; or declare domains",
            )
        return prepared

    @cached_property
    def atoms(self) -> tuple[str, ...]:
        """`[A]` the open query atoms, such as "Topic(P1,Logic)": the order of unaries and states."""
        names = self.problem.grounding.atoms.names
        return tuple(names[atom] for atom in self.problem.shown.tolist())

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """`[F]` the formulas with a weight, in file order, `+` expanded: the order of weights and counts."""
        return self.problem.grounding.formulas.names

    @cached_property
    def features(self) -> tuple[str, ...]:
        """`[G]` the ground features, such as "!Smokes(Ann) v Smokes(Ben)"; none without ground_weights=True.

        A feature is an undecided grounding of a formula with a weight; groundings that are equal are one.
        """
        return self.problem.features.names if self.problem.features else ()

    @cached_property
    def weights(self) -> Tensor:
        """`[F]` the program's weights, in torch's default dtype: where to start from."""
        return torch.tensor(self.problem.grounding.formulas.weights.tolist())

    def score(self, state: Tensor, unary: Tensor | None = None, weights: Tensor | None = None) -> Score:
        """Evaluate states.

        Args:
            state: `[*batch, A]` of 0 and 1, for all open atoms.
            unary: `[*batch, A]`; None is zero.
            weights: `[F]` or `[*batch, F]`; None are the program's.

        Raises:
            ObjectiveError: another number of atoms, or the layer's query hides some of them.
        """
        problem = self.problem
        atoms = problem.grounding.network.atoms
        if state.shape[-1:] != (atoms,):
            raise ObjectiveError(
                f"{self.spec.id}: score: expected states [*batch, {atoms}] of all open atoms, found "
                f"{list(state.shape)}",
                hint="build the layer without query= to see every atom" if len(problem.shown) != atoms else None,
            )
        found = problem.evaluator()(state.detach().reshape(-1, atoms).cpu().numpy().round().astype(bool))
        lead = state.shape[:-1]
        like = state.new_zeros(0)
        counts = torch.from_numpy(found.counts).to(like).reshape(*lead, problem.formulas)
        if weights is None:
            weights = torch.from_numpy(problem.grounding.formulas.weights).to(like)
        weighted = (counts * weights).sum(dim=-1)
        if unary is not None:
            weighted = weighted + (unary * state).sum(dim=-1)
        violated = torch.from_numpy(found.violated + found.broken).reshape(lead)
        return Score(weighted, counts, violated)

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        one = super()._draw(theta, plan)
        if one is None:
            return None
        other = super()._draw(theta, plan)
        assert other is not None
        free, noisy = _free(theta, plan)
        return torch.where(free, one - other, one) * noisy


def _broadcast(*shapes: torch.Size) -> torch.Size:
    found: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]  # torch's own
    return found


def _free(theta: Tensor, plan: SolvePlan) -> tuple[Tensor, Tensor]:
    """Which entries of `[B, 1, F + A + G]` objectives are atoms outside exactly-one blocks, and which are atoms."""
    free = torch.zeros(len(theta) if plan.groups[0].rows is not None else 1, 1, theta.shape[-1], dtype=torch.bool)
    atoms = free.clone()
    for group in plan.groups:
        problem = group.prepared
        assert isinstance(problem, PreparedMLN)  # forward has seen to it
        start, stop = problem.formulas, problem.formulas + len(problem.shown)
        rows = slice(None) if group.rows is None else group.rows
        free[rows, 0, start:stop] = torch.from_numpy(problem.outside_blocks)
        atoms[rows, 0, start:stop] = True
    return free.to(theta.device), atoms.to(theta.device)


def _per_grounding(weights: Tensor, rows: Rows, lead: torch.Size) -> Tensor:
    """The same weights; what flows back to them is divided by the number of undecided groundings, row by row."""
    shares = [torch.from_numpy(problem.undecided.clip(min=1.0)).to(weights).reciprocal() for problem in rows.problems]
    share = shares[0]
    if rows.parts[0][1] is not None and len(shares) > 1:
        share = weights.new_zeros(lead.numel(), weights.shape[-1])
        for own, (_, numbers) in zip(shares, rows.parts, strict=True):
            share[list(numbers or ())] = own
        share = share.reshape(*lead, -1)
    return weights * share + (weights * (1 - share)).detach()


def _same_formulas(problems: Sequence[PreparedMLN]) -> int:
    sizes = {problem.formulas for problem in problems}
    if len(sizes) > 1:
        raise InstanceError(
            f"mln-map: evidence: expected the same formulas in every row, found {min(sizes)} to {max(sizes)} of them",
            hint="declare the domains of +variables in the program",
        )
    return sizes.pop()


def _expected(name: str, size: int) -> str:
    if name == "unary":
        return f"a tensor [*batch, {size}], one entry per open atom, or a mapping of predicates"
    what = "formula" if name == "weights" else "ground feature"
    return f"shape [{size}] or [*batch, {size}], one per {what}"
