"""The layer of `mln-map`: unaries and formula weights in, states and counts out, gradients for both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.layers import SolverLayer
from imle.layers.module import Batch
from imle.layers.plan import SolvePlan
from imle.layers.shapes import check_objective
from imle.solvers import PreparedSolver
from imle_mln.blocks import Blocks, broadcast, exact, noisy, scaled
from imle_mln.finite_checks import refuse_non_finite
from imle_mln.input import check_query, read_evidence, read_program
from imle_mln.logic import Database, Program
from imle_mln.printing import database_text
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

    `torch.func`, `torch.compile` and `torch.export` work as for any layer; evidence per row excludes `fullgraph=True`.
    Losses and `imle.calibrate` take theta as one tensor: see `read`.

    Raises:
        InstanceError: a query predicate is closed, so that there is nothing to ask.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        fixed = self._instances.fixed
        if fixed.get("query") and fixed.get("evidence") is not None:
            check_query(fixed["query"], self.problem.grounding)
        own = None if self._instances.missing() else self._instances.common()
        with torch.inference_mode(False):  # autograd saves parts of it
            self._own = Blocks.of(Rows([(own, None)])) if isinstance(own, PreparedMLN) else None

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
            states `[*batch, A]` and counts `[*batch, F]`; with output="samples" `[*batch, S, ...]`. Where formulas have
            more groundings than the dtype of the input has whole numbers (2^24 for float32), counts are float64.

        Raises:
            ObjectiveError: shapes disagree, or numbers are not finite.
            InstanceError, SolveError: as for any layer; evidence against hard formulas makes a row infeasible.
        """
        if rows and torch.compiler.is_compiling():
            interpreted: MLNState = self._interpreted_blocks(unary, weights, ground, rows)
            return interpreted
        if ground is not None and not self._options.ground_weights:
            raise ObjectiveError(
                f"{self.spec.id}: ground: expected none, the layer has no weights for ground features",
                hint='imle.layer("mln-map", ..., ground_weights=True)',
            )
        rows = dict(self._with_plain_evidence(rows)) if rows else rows
        found = self._rows_of(rows) if rows else None
        blocks = self._own_blocks() if found is None else Blocks.of(found)
        if isinstance(unary, Mapping):
            unary = (found or self.rows()).unaries(unary) if unary else None
        given = self._complete(unary, weights, ground, blocks, (len(next(iter(rows.values()))),) if rows else ())
        lead = self._lead(*given, blocks)
        dtype, wide = given[0].dtype, exact(given[0], blocks.most)
        own = [part.to(wide) for part in given]  # gradients of rows are summed in it, too
        if self._options.count_scale == "mean" and torch.is_grad_enabled():
            own[1] = scaled(own[1], blocks.share, lead)
        theta = torch.cat([own[at].expand(*lead, -1) for at in (1, 0, 2)], dim=-1)
        try:
            out = blocks.complete(super().forward(theta, **rows), lead)
        except ObjectiveError:
            names = ((), (), ()) if rows else (self.atoms, self.formulas, self.features)
            refuse_non_finite(self.spec.id, zip(("unary", "weights", "ground"), given, names, strict=True))
            raise
        last = blocks.formulas + blocks.atoms
        truths = out[..., last:].to(dtype) if self._options.ground_weights else None
        state = out[..., blocks.formulas : last].to(dtype)
        return MLNState(state, out[..., : blocks.formulas], truths, self, found, state.ndim - len(lead))

    @torch.compiler.disable(reason="evidence per row is a Python object")  # type: ignore[no-untyped-call, untyped-decorator]
    def _interpreted_blocks(self, unary: Any, weights: Any, ground: Any, rows: Mapping[str, Sequence[Any]]) -> MLNState:
        return self.forward(unary, weights, ground, **rows)

    def _complete(
        self, unary: Tensor | None, weights: Tensor | None, ground: Tensor | None, blocks: Blocks, lead: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The three blocks of theta, those left out filled in."""
        like = next((part for part in (unary, weights, ground) if isinstance(part, Tensor)), torch.zeros(0))
        return (
            like.new_zeros(*lead, blocks.atoms) if unary is None else unary,
            blocks.weights.to(like) if weights is None else weights,
            like.new_zeros(blocks.features) if ground is None else ground,
        )

    def read(self, objective: Tensor, **rows: Sequence[Any]) -> Batch:
        """theta in one tensor, as losses and `imle.calibrate` take it: what `forward` makes of its blocks.

        Args:
            objective: `[*batch, F + A + G]`: weights, then unaries, then weights of ground features.
            rows: `evidence=[...]`, one per row.

        Raises:
            ObjectiveError: another shape; says what is to be where.
        """
        check_objective(objective)
        rows = dict(self._with_plain_evidence(rows)) if rows else rows
        try:
            batch = super().read(objective, **rows)
        except ObjectiveError as error:
            blocks = Blocks.of(self._rows_of(rows)) if rows else self._own_blocks()
            raise ObjectiveError(
                f"{self.spec.id}: {error.message}: expected theta in one tensor, {blocks.order}",
                hint="torch.cat([weights.expand(len(unary), -1), unary], dim=-1); solutions are torch.cat([counts, "
                "state], dim=-1)",
            ) from None
        most = max((self._grounded(group.prepared).most for group in batch.solve.groups), default=0.0)
        return batch._replace(theta=batch.theta.to(exact(batch.theta, most)))

    def as_solved(self, solutions: Tensor, plan: SolvePlan) -> Tensor:
        """Solutions in one tensor `[B, F + A + G]`, whose counts are of all groundings: counts of open ones instead."""
        return self._blocks_of(plan).incomplete(solutions, solutions.shape[:1])

    def as_seen(self, solutions: Tensor, plan: SolvePlan, dtype: torch.dtype) -> Tensor:
        """The inverse of `as_solved`, in a dtype that holds the counts."""
        blocks = self._blocks_of(plan)
        seen = blocks.complete(solutions, solutions.shape[:1])
        return seen.to(exact(seen.new_empty(0, dtype=dtype), blocks.most))

    def _blocks_of(self, plan: SolvePlan) -> Blocks:
        return Blocks.of(Rows([(self._grounded(group.prepared), group.rows) for group in plan.groups]))

    def expected_loss(self, objective: Tensor, loss: Callable[[Tensor], Tensor], **rows: Sequence[Any]) -> Tensor:
        """mean_s loss(z_s), as for any layer.

        Args:
            objective: `[*batch, F + A + G]`, theta in one tensor; see `read`.
            loss: samples `[*batch, S, F + A + G]` to losses `[*batch, S]`. Where formulas have more groundings than the
                dtype of the objective has whole numbers, samples are float64.
            rows: `evidence=[...]`, one per row.
        """
        check_objective(objective)
        blocks = Blocks.of(self._rows_of(self._with_plain_evidence(rows))) if rows else self._own_blocks()
        wide = objective.to(exact(objective, blocks.most))
        return super().expected_loss(wide, lambda z: loss(blocks.complete(z, objective.shape[:-1])), **rows)

    def rows(self) -> Rows:
        """What batches without evidence of their own are views of."""
        return Rows([(self.problem, None)])

    def _own_blocks(self) -> Blocks:
        return self._own or Blocks.of(self.rows())  # which raises: there is no grounding

    def _lead(self, unary: Any, weights: Any, ground: Any, blocks: Blocks) -> torch.Size:
        """The batch dimensions, checked with all blocks of theta named."""
        given = (
            ("unary", unary, blocks.atoms),
            ("weights", weights, blocks.formulas),
            ("ground", ground, blocks.features),
        )
        for name, part, size in given:
            if not isinstance(part, Tensor) or part.shape[-1:] != (size,):
                found = list(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise ObjectiveError(
                    f"{self.spec.id}: {name}: expected {_expected(name, size)}, found {found}; theta is "
                    f"{self._described(blocks)}",
                    hint="layer.atoms, layer.formulas and layer.features list them",
                )
        try:
            return broadcast(*(part.shape[:-1] for _, part, _ in given))
        except RuntimeError:
            raise ObjectiveError(
                f"{self.spec.id}: expected unaries and weights of the same batch, found {list(unary.shape)}, "
                f"{list(weights.shape)}" + (f" and {list(ground.shape)}" if blocks.features else "")
            ) from None

    def _described(self, blocks: Blocks) -> str:
        """What theta consists of, in words."""
        try:
            own = self.problem
        except InstanceError:
            own = None
        inner = ""
        if own is not None and len(own.shown) == blocks.atoms:
            ranges = [(name, own.grounding.atoms[name]) for name in own.query]
            inner = ", ".join(f"{name} {part.stop - part.start}" for name, part in ranges if part.stop > part.start)
        atoms, formulas, features = blocks.atoms, blocks.formulas, blocks.features
        found = f"unary [*batch, {atoms}]{f' ({inner})' if inner else ''}, weights [{formulas}] or [*batch, {formulas}]"
        return f"{found}, ground [{features}] or [*batch, {features}]" if features else found

    def _rows_of(self, rows: Mapping[str, Sequence[Any]]) -> Rows:
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

    @property
    def weights(self) -> Tensor:
        """`[F]` the program's weights, in torch's default dtype: where to start from. A new tensor each time."""
        return torch.tensor(self.problem.grounding.formulas.weights.tolist())

    def score(
        self,
        state: Tensor,
        unary: Tensor | None = None,
        weights: Tensor | None = None,
        *,
        decided: bool = True,
    ) -> Score:
        """Evaluate states.

        Args:
            state: `[*batch, A]` of 0 and 1, for all open atoms.
            unary: `[*batch, A]`; None is zero.
            weights: `[F]` or `[*batch, F]`; None are the program's.
            decided: whether groundings that evidence decides count. They are the same for all states, and may be so
                many that little is left of a difference of scores: to compare states, leave them out.

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
        like = state if state.is_floating_point() else state.to(torch.get_default_dtype())
        wide = state.new_empty(0, dtype=exact(like, math.inf))
        counts = torch.from_numpy(problem.counter.open_counts(found.truths)).to(wide).reshape(*lead, problem.formulas)
        given = torch.from_numpy(problem.grounding.formulas.weights) if weights is None else weights
        given = given.to(wide)
        weighted = (counts * given).sum(dim=-1)
        if unary is not None:
            weighted = weighted + (unary.to(wide) * state).sum(dim=-1)
        if decided:
            always = torch.from_numpy(problem.decided).to(wide)
            counts, weighted = counts + always, weighted + (always * given).sum(dim=-1)
        counts = counts.to(exact(like, problem.most))
        violated = torch.from_numpy(found.violated + found.broken).reshape(lead)
        return Score(weighted, counts, violated)

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        one = super()._draw(theta, plan)
        if one is None:
            return None
        other = super()._draw(theta, plan)
        assert other is not None
        free, atoms = noisy(theta, plan)
        return torch.where(free, one - other, one) * atoms


def _expected(name: str, size: int) -> str:
    if name == "unary":
        return f"a tensor [*batch, {size}], one entry per open atom, or a mapping of predicates"
    what = "formula" if name == "weights" else "ground feature"
    return f"shape [{size}] or [*batch, {size}], one per {what}"
