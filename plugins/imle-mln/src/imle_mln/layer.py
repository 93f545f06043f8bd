"""The layer of `mln-map`: unaries and formula weights in, states and counts out, gradients for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.layers import SolverLayer
from imle.layers.plan import SolvePlan
from imle.solvers import PreparedSolver
from imle_mln.solver import PreparedMLN


class Score(NamedTuple):
    """What states are worth, from an evaluator that shares nothing with the engines.

    Attributes:
        weighted: `[*batch]` sum of weight times count over all formulas, plus unaries; hard formulas do not count.
        counts: `[*batch, F]` true groundings of each formula.
        violated: `[*batch]` ground hard clauses and exactly-one blocks that do not hold.
    """

    weighted: Tensor
    counts: Tensor
    violated: Tensor


class MLNState(tuple[Tensor, Tensor]):
    """`state, counts = layer(...)`, and views by predicate: `out["Topic"]` is `[*batch, papers, topics]`."""

    def __new__(cls, state: Tensor, counts: Tensor, problem: PreparedMLN | None) -> MLNState:
        made = super().__new__(cls, (state, counts))
        made._problem = problem
        return made

    _problem: PreparedMLN | None

    @property
    def state(self) -> Tensor:
        """`[*batch, A]` atoms, in the order of `layer.atoms`."""
        return self[0]

    @property
    def counts(self) -> Tensor:
        """`[*batch, F]` true groundings, in the order of `layer.formulas`."""
        return self[1]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if self._problem is None:
            raise InstanceError("views by predicate need rows that share their evidence")
        return view(self._problem, self.state, key)


class MLNLayer(SolverLayer):
    """The most probable world given unaries u and weights w, and I-MLE gradients of both. Made by `imle.layer`.

    Forward: (y, n) = MAP(u + noise, w). Backward, with gradients g_y of the states and g_n of the counts:
    (y', n') = MAP(u + noise - lambda g_y, w - lambda g_n), whose differences y - y' and n - n' are the gradients. One
    search variable serves both parts, so that a loss on atoms reaches weights it never mentions (Betz et al. 2021;
    Niepert et al. 2021, section 3).

    Noise goes on atoms only: that of the layer for each value inside an exactly-one block, and the difference of two
    such draws for a free atom, which has two values (Gumbel noise thus becomes logistic noise).

    Gradients of weights are divided by the number of groundings of their formula unless count_scale="sum".
    """

    def forward(  # type: ignore[override]  # two tensors instead of one, both optional
        self, unary: Tensor | Mapping[str, Tensor] | None = None, weights: Tensor | None = None, **rows: Sequence[Any]
    ) -> MLNState:
        """Find a most probable world per row.

        Args:
            unary: `[*batch, A]` what each atom adds if it is true, in the order of `layer.atoms`, or
                `{predicate: [*batch, *domains]}`; entries of atoms that evidence decides do not matter. None is zero.
            weights: `[F]` or `[*batch, F]`, in the order of `layer.formulas`; None are the program's.
            rows: `evidence=[...]`, one per row, instead of the layer's. Atoms are then padded to the widest row.

        Returns:
            states `[*batch, A]` and counts `[*batch, F]`; with output="samples" `[*batch, S, ...]`.

        Raises:
            ObjectiveError: shapes disagree, or numbers are not finite.
            InstanceError, SolveError: as for any layer; evidence against hard formulas makes a row infeasible.
        """
        problems = self._problems(rows) if rows else [self.problem]
        formulas = _same_formulas(problems)
        widest = max(len(problem.shown) for problem in problems)
        shared = self.problem if not rows else None
        count = len(next(iter(rows.values()))) if rows else None
        given = _unary(unary, shared, widest)
        if weights is None:
            weights = torch.as_tensor(
                problems[0].grounding.formulas.weights, dtype=_dtype(given), device=_device(given)
            )
        if weights.shape[-1:] != (formulas,):
            raise ObjectiveError(
                f"{self.spec.id}: weights: expected shape [{formulas}] or [*batch, {formulas}], one per formula, found "
                f"{list(weights.shape)}",
                hint="layer.formulas lists them",
            )
        if given is None:
            given = weights.new_zeros(*(weights.shape[:-1] if weights.ndim > 1 or count is None else (count,)), widest)
        try:
            lead = _broadcast(given.shape[:-1], weights.shape[:-1])
        except RuntimeError:
            raise ObjectiveError(
                f"{self.spec.id}: expected unaries and weights of the same batch, found {list(given.shape)} and "
                f"{list(weights.shape)}"
            ) from None
        scaled = self._scaled(weights, problems[0])
        packed = torch.cat([scaled.expand(*lead, -1).to(given.dtype), given.expand(*lead, -1)], dim=-1)
        out = super().forward(packed, **rows)
        return MLNState(out[..., formulas:], out[..., :formulas], shared)

    @property
    def problem(self) -> PreparedMLN:
        """The grounding of the layer's own evidence."""
        return self._grounded(self._instances.common())

    def _problems(self, rows: Mapping[str, Sequence[Any]]) -> list[PreparedMLN]:
        return [self._grounded(group.prepared) for group in self._instances.groups(rows)]

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

    def _scaled(self, weights: Tensor, problem: PreparedMLN) -> Tensor:
        """The same weights; what flows back to them is divided by the number of groundings."""
        if problem.solver.count_scale == "sum" or not weights.requires_grad:
            return weights
        share = torch.from_numpy(problem.grounding.network.groundings.clip(min=1.0)).to(weights).reciprocal()
        return weights * share + (weights * (1 - share)).detach()

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        one = super()._draw(theta, plan)
        if one is None:
            return None
        other = super()._draw(theta, plan)
        assert other is not None
        free, formulas = _free(theta, plan)
        one = torch.where(free, one - other, one)
        one[..., :formulas] = 0.0
        return one


def _broadcast(*shapes: torch.Size) -> torch.Size:
    found: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]  # torch's own
    return found


def _free(theta: Tensor, plan: SolvePlan) -> tuple[Tensor, int]:
    """Which entries of `[B, 1, F + A]` objectives are atoms outside exactly-one blocks; and F."""
    free = torch.zeros(len(theta) if plan.groups[0].rows is not None else 1, 1, theta.shape[-1], dtype=torch.bool)
    formulas = 0
    for group in plan.groups:
        problem = group.prepared
        assert isinstance(problem, PreparedMLN)  # forward has seen to it
        formulas = problem.formulas
        rows = slice(None) if group.rows is None else group.rows
        free[rows, 0, problem.formulas : problem.objective_shape[0]] = torch.from_numpy(problem.outside_blocks)
    return free.to(theta.device), formulas


def view(problem: PreparedMLN, state: Tensor, predicate: str) -> Tensor:
    """States `[*, A]` of the query atoms as a table `[*, *domains]` of one predicate, known atoms filled in.

    Raises:
        InstanceError: it is not a query predicate.
    """
    start = _start(problem, predicate)
    atoms = problem.grounding.atoms[predicate]
    own = state[..., start : start + atoms.stop - atoms.start]
    if atoms.complete:
        return own.reshape(*state.shape[:-1], *atoms.shape)
    table = torch.from_numpy((atoms.known.truth() == 1).reshape(-1)).to(state)
    table = table.expand(*state.shape[:-1], -1)
    cells = torch.from_numpy(atoms.cells).to(state.device)
    filled = table.index_copy(-1, cells, own) if state.ndim > 1 else table.clone().index_copy(0, cells, own)
    return filled.reshape(*state.shape[:-1], *atoms.shape)


def _start(problem: PreparedMLN, predicate: str) -> int:
    """The first query atom of a predicate."""
    start = 0
    for name in problem.query:
        if name == predicate:
            return start
        start += problem.grounding.atoms[name].stop - problem.grounding.atoms[name].start
    raise InstanceError(f"expected a query predicate ({', '.join(problem.query)}), found {predicate!r}")


def _unary(given: Any, problem: PreparedMLN | None, widest: int) -> Tensor | None:
    """Unaries `[*batch, A]`, from tables by predicate if they come so."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return _from_tables(given, problem)
    if not isinstance(given, Tensor) or given.shape[-1:] != (widest,):
        found = list(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise ObjectiveError(
            f"mln-map: unary: expected a tensor [*batch, {widest}], one entry per open atom, or a mapping of "
            f"predicates, found {found}",
            hint="layer.atoms lists them",
        )
    return given


def _from_tables(given: Mapping[str, Tensor], problem: PreparedMLN | None) -> Tensor:
    if problem is None:
        raise ObjectiveError(
            "mln-map: unary: tables by predicate need rows that share their evidence", hint="give [B, A], padded"
        )
    for name in given:
        _start(problem, name)
    parts: dict[str, Tensor] = {}
    for name, table in given.items():
        atoms = problem.grounding.atoms[name]
        rank = len(atoms.shape)
        if tuple(table.shape[table.ndim - rank :]) != atoms.shape:
            raise ObjectiveError(
                f"mln-map: unary: {name}: expected shape [*batch, {', '.join(map(str, atoms.shape))}], found "
                f"{list(table.shape)}"
            )
        flat = table.reshape(*table.shape[: table.ndim - rank], -1)
        parts[name] = flat if atoms.complete else flat[..., torch.from_numpy(atoms.cells).to(flat.device)]
    lead = _broadcast(*(part.shape[:-1] for part in parts.values()))
    like = next(iter(parts.values()))
    columns = []
    for name in problem.query:
        atoms = problem.grounding.atoms[name]
        part = parts.get(name, like.new_zeros(atoms.stop - atoms.start))
        columns.append(part.expand(*lead, -1))
    return torch.cat(columns, dim=-1)


def _same_formulas(problems: Sequence[PreparedMLN]) -> int:
    sizes = {problem.formulas for problem in problems}
    if len(sizes) > 1:
        raise InstanceError(
            f"mln-map: evidence: expected the same formulas in every row, found {min(sizes)} to {max(sizes)} of them",
            hint="declare the domains of +variables in the program",
        )
    return sizes.pop()


def _dtype(given: Tensor | None) -> torch.dtype:
    return torch.get_default_dtype() if given is None else given.dtype


def _device(given: Tensor | None) -> torch.device | None:
    return None if given is None else given.device
