"""One batch on its way to the solvers and back: theta in, solutions out.

Everything a plugin author need not think about happens on this way: sign, dtype and device (`boundary`), groups of
rows that share an instance (`instances`), padding, failures and statistics.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle._text import printable
from imle.errors import ImleError, InstanceError, SolverContractError, SolverWarning
from imle.estimators.samples import Solutions, inside, spread
from imle.execution.isolation import CheckedRows, solve_isolating_failures
from imle.execution.parallel import workers_of
from imle.execution.pools import dispatchers
from imle.layers.boundary import Boundary, Objective, duals_of, failed_rows, multiplies_to_finite, sums_to_finite
from imle.layers.failures import Failure, Unproven, place, solve_error, unproven
from imle.layers.fixed_terms import refuse_other_values, terms_of_group, terms_of_result
from imle.layers.instances import Group
from imle.layers.normal_cones import Normals, named, normals_of_group
from imle.layers.solution_vjp import vjp_of_group
from imle.layers.stats import LayerStats
from imle.solvers.blocks import blocks_of
from imle.solvers.cancellation import CancelToken
from imle.solvers.padding import own_entries
from imle.solvers.progress import ProgressRequest, monitored
from imle.solvers.protocol import Solver, fixed_terms_of, is_homogeneous, row_shapes_of
from imle.solvers.result import SolveResult, SolveStatus

if TYPE_CHECKING:
    from imle.layers.packing import Packing

OnFailure = Literal["raise", "zero-grad", "last"]

_log = logging.getLogger("imle.layers")


class Request(NamedTuple):
    """Rows that share an instance, on their way to its solver.

    Attributes:
        group: the rows.
        shape: `[rows, S, *event]` of theta, padding included.
        window: the part that this instance reads and writes; None for all.
        part: theta without padding.
        earlier: earlier solutions, likewise.
        objective: `[rows * S, *shape]` as the solver takes it, and what it was multiplied by.
        extra: keyword arguments of `solve`.
    """

    group: Group
    shape: torch.Size
    window: tuple[Any, ...] | None
    part: Tensor
    earlier: Tensor | None
    objective: Objective
    extra: Mapping[str, Any]


@dataclass(slots=True)
class SolvePlan:
    """How the rows of one call of a layer are solved, forward and backward.

    Args:
        boundary: how the solver reads and returns numbers.
        groups: rows by instance, covering the batch.
        lead: the batch dimensions as the user gave them, for messages.
        on_failure: what to do about rows that were not solved.
        stats: counted into.
        warned: advice the layer has already given.
        failures: rows that were not solved are added here.
        unproven: rows solved without a proof, of which it is known how far off they may be, are added here.
        solver: says how many instances may be solved at the same time; None for one.
        progress: who wants to know how far the solving is.
        first: the row of the user's batch that is the first here.
        answered: what was asked and said is added here, if wanted.
        packing: how blocks lie in theta, if there are several.
        duals: instance parameters for which solvers are asked how values change with them.
    """

    boundary: Boundary
    groups: Sequence[Group]
    lead: torch.Size
    on_failure: OnFailure
    stats: LayerStats
    warned: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    solver: Solver | None = None
    progress: ProgressRequest | None = None
    first: int = 0
    answered: list[tuple[Request, CheckedRows]] | None = None
    packing: Packing | None = None
    duals: tuple[str, ...] = ()

    @property
    def homogeneous(self) -> bool:
        """Whether no solution depends on the scale of theta; see `PreparedSolver`."""
        return all(is_homogeneous(group.kept.prepared) for group in self.groups)

    @property
    def _is_straight(self) -> bool:
        """Whether all rows share an instance, and nothing but their solutions is asked for."""
        return (
            self.groups[0].rows is None
            and self.progress is None
            and self.answered is None
            and self.on_failure != "last"
            and not torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
        )

    def tile(self, times: int) -> SolvePlan:
        """The same for `times` copies of the batch, one after the other."""
        lead = torch.Size((times, *self.lead))
        return replace(self, groups=[group.tile(times, self.lead.numel()) for group in self.groups], lead=lead)

    def part(self, rows: slice) -> SolvePlan:
        """The same for some rows of the batch, which errors still name as rows of the batch."""
        groups = [group.between(rows.start, rows.stop) for group in self.groups]
        kept = [group for group in groups if group.rows is None or group.rows]
        return replace(self, groups=kept, first=self.first + rows.start)

    def _where(self, group: Group, samples: int, n: int) -> tuple[int, int]:
        """The row of the user's batch, and its sample, that is n-th of what a group's solver is asked."""
        row, sample = divmod(n, samples)
        return self.first + group.row(row), sample

    def _cells(self, shape: Sequence[int]) -> tuple[int, int]:
        """How many rows of the user's, and samples of each, a tensor of this shape `[B, S, *event]` has."""
        return shape[0], shape[1]

    def _refuse_non_finite(self, theta: Tensor, phase: str) -> None:
        """Raise if an entry of `[B, S, *event]` is not finite.

        Raises:
            ObjectiveError: names the row.
        """
        self.boundary.refuse_non_finite(theta, phase, self.lead, self.first)

    def _named_noise(self) -> Sequence[str]:
        """The instance parameters that noise was put on."""
        return ()

    def __call__(
        self,
        theta: Tensor,
        hint: Tensor | None = None,
        /,
        *,
        phase: str = "forward",
        known: Tensor | None = None,
    ) -> Solutions:
        """Solve argmax <theta, z> + h(z) for every row and sample; h are terms that theta does not give, if any.

        Args:
            theta: `[B, S, *event]`, any strides.
            hint: earlier solutions, `[B, S, *event]`.
            phase: "forward" or "backward", for messages.
            known: `[B]` rows whose solutions are those of the hint: they are not solved.

        Raises:
            ObjectiveError: theta is not finite; names the row and the position.
            SolveError: rows failed, and `on_failure` is "raise"; from what the solver raised, if it did.
            SolverContractError: the solver returned something else than the protocol asks for.
        """
        if theta.numel() == 0:
            return Solutions(theta.new_zeros(theta.shape), None)
        start = time.perf_counter()
        afterwards = self.boundary.looks_afterwards
        if not afterwards:
            self._refuse_non_finite(theta, phase)
        requests: list[Request] = []
        try:
            if known is None and self._is_straight:
                requests.append(request := self._request(self.groups[0], theta, hint))
                prepared, rows = request.group.kept.prepared, request.objective.rows
                begun = time.perf_counter()
                answer = solve_isolating_failures(prepared, rows, request.extra, tolerant=self.on_failure != "raise")
                ended, result, seconds = time.perf_counter(), answer.result, self.stats.seconds
                seconds["transfer"] += begun - start
                seconds["solve"] += ended - begun
                if (result.status is None or not np.asarray(result.status).any()) and request.window is None:
                    z = self.boundary.solutions(result, theta)
                    finite = multiplies_to_finite(theta, z) if afterwards else sums_to_finite(z)
                    seconds["transfer"] += time.perf_counter() - ended
                    if finite:
                        self._account(result, rows.shape[0])
                        return Solutions(z, None)
                answers = [answer]
            else:
                requests = self._requests(theta, hint, known)
                if not requests and hint is not None:
                    return Solutions(hint.clone(), None)
                answers = self._run(requests)
        except Exception as error:
            if afterwards:
                self._refuse_non_finite(theta, phase)
            if not isinstance(error, ImleError) or not requests:
                raise
            raise self._named(error, requests[0]) from error.__cause__
        solved = self._solutions(theta, requests, answers, phase)
        failures: list[Failure] = []
        for request, answer, part in zip(requests, answers, solved, strict=True):
            self._account(answer.result, request.objective.rows.shape[0])
            self._note(request, answer.result, part, failures, phase)
        if len(requests) == 1 and requests[0].group.rows is None:  # one instance for all rows: nothing to scatter
            z = _padded(solved[0], requests[0])
        else:
            z = theta.new_empty(theta.shape) if hint is None else hint.clone()
            for request, part in zip(requests, solved, strict=True):
                z[request.group.rows] = _padded(part, request)
        if self.answered is not None:
            self.answered += zip(requests, answers, strict=True)
        if not failures:
            return Solutions(z, None)
        return self._without_failures(z, failures, answers, phase)

    def _without_failures(
        self, z: Tensor, failures: Sequence[Failure], answers: Sequence[CheckedRows], phase: str
    ) -> Solutions:
        """Solutions `[B, S, *event]` of a batch of which some rows failed.

        Raises:
            SolveError: `on_failure` says so.
        """
        batch, samples = self._cells(z.shape)
        self.failures += failures
        fatal = failures if self.on_failure == "raise" else [f for f in failures if not f.replaced]
        if fatal and self.on_failure != "zero-grad":
            cause = next((answer.cause for answer in answers if answer.cause), None)
            raise solve_error(
                self.boundary,
                fatal,
                self.lead,
                samples=samples,
                total=batch * samples,
                phase=phase,
                cause=cause,
                noisy=self._named_noise(),
            ) from cause
        valid = torch.ones(batch, samples, dtype=torch.bool)
        valid[[f.row - self.first for f in failures], [f.sample for f in failures]] = False
        valid = valid.to(z.device).reshape(z.shape[:2])
        if self.on_failure == "zero-grad":
            # a failed row may hold anything, nan included: multiplying by zero would keep it
            z = torch.where(spread(valid, z), z, torch.zeros_like(z))
        return Solutions(z, valid)

    def valued(self, theta: Tensor) -> tuple[Solutions, Tensor | None]:
        """Solve as a call does, and tell the `fixed_terms` of the solutions, `[B, S]`, which most solvers have none of.

        Raises:
            SolverContractError: values differ from <theta, z>, and there is no `fixed_terms` to tell of others.
        """
        solutions, fixed, _ = self.with_duals(theta, {})
        return solutions, fixed

    def with_duals(
        self, theta: Tensor, shapes: Mapping[str, Sequence[int]]
    ) -> tuple[Solutions, Tensor | None, dict[str, NDArray[np.float64]]]:
        """`valued`, and how the values change with instance parameters.

        Args:
            theta: `[B, 1, *event]`.
            shapes: of each parameter that is asked for, in one row.

        Returns:
            solutions and fixed terms; by name `[B, *shape]` derivatives of the values in the solver's own sense, 0 in
            rows that failed.

        Raises:
            SolverContractError: as `valued`; or duals are missing, of another shape, or not finite.
        """
        answered: list[tuple[Request, CheckedRows]] = []
        solutions = replace(self, answered=answered, duals=tuple(shapes))(theta)
        found = {name: np.zeros((len(theta), *shape)) for name, shape in shapes.items()}
        for request, answer in answered if shapes else ():
            rows = slice(None) if request.group.rows is None else request.group.rows
            result = request.objective.own(answer.result)
            for name, column in found.items():
                column[rows] = duals_of(self.boundary, result, name, column.shape[1:])
        return solutions, self._fixed(answered, solutions.z) if answered else None, found

    def _requests(self, theta: Tensor, hint: Tensor | None, known: Tensor | None) -> list[Request]:
        """What solvers are asked, for each instance."""
        groups = self.groups
        if known is not None and hint is not None:
            skipped = known.tolist()
            self.stats.events["unchanged_rows"] += theta.shape[1] * sum(skipped)
            groups = [group.without(skipped) for group in groups]
        with self.stats.timed("transfer"):
            if groups[0].rows is None:
                return [self._request(groups[0], theta, hint)]
            return [
                self._request(group, theta[group.rows], None if hint is None else hint[group.rows])
                for group in groups
                if group.rows
            ]

    def _request(self, group: Group, theta: Tensor, hint: Tensor | None) -> Request:
        """What the solver is asked for rows that share an instance; theta and hint `[rows, S, *event]`."""
        window = self._window(group, theta.shape[2:])
        part, earlier = theta, hint
        if window is not None:
            part, earlier = theta[window], None if hint is None else hint[window]
        extra: dict[str, Any] = group.per_sample(theta.shape[1]) if group.values else {}
        if earlier is not None and self.boundary.warm_start:
            extra["hint"] = self.boundary.rows(earlier)
        if self.duals:
            extra["duals"] = self.duals
        objective = self.boundary.objective(part, group.kept.prepared)
        return Request(group, theta.shape, window, part, earlier, objective, extra)

    def _window(self, group: Group, event: torch.Size) -> tuple[Any, ...] | None:
        """The part of padded `[B, S, *event]` tensors that a group's instance reads and writes; None for all."""
        if self.packing is not None and self.packing.ragged:
            return (..., self.packing.columns(group.kept))
        shape = group.kept.shape
        if shape is None or shape == event:
            return None
        own, whole = [], True
        for size, have in zip(shape, event, strict=True):
            own.append(slice(have if size is None else size))
            whole = whole and (size is None or size == have)
        return None if whole else (..., *own)

    def own(self, values: Tensor) -> Tensor | None:
        """`[B, *event]` which entries are no padding of a row whose instance is smaller; None for all.

        Args:
            values: `[B, *event]` or `[B, S, *event]`.
        """
        masks = [self._own_of(group, values) for group in self.groups]
        known = [mask for mask in masks if mask is not None]
        if not known:
            return None
        if self.groups[0].rows is None:
            return known[0].expand(values.shape[0], *known[0].shape[1:]).to(values.device)
        own = torch.ones(values.shape[0], *known[0].shape[1:], dtype=torch.bool, device="cpu")
        for group, mask in zip(self.groups, masks, strict=True):
            if mask is not None:
                own[list(group.rows or ())] = mask
        return own.to(values.device)

    def _own_of(self, group: Group, values: Tensor) -> Tensor | None:
        """`[rows, *event]`, or `[1, *event]`, of a group as `own` tells it; None for all entries."""
        shape = group.kept.shape
        if shape is None:
            return None
        event = values.shape[values.ndim - len(shape) :]
        row_shapes = row_shapes_of(group.prepared)
        try:
            told = None if row_shapes is None else row_shapes(**group.values)
        except InstanceError as error:
            raise named(error, group.rows, self.first, self.lead) from error.__cause__
        if told is not None:
            rows = next(iter(map(len, group.values.values())), 1)
            shapes = tuple(event) if self.packing is None else self.packing.shapes
            layout = blocks_of(group.prepared)
            if layout is not None and isinstance(told, Mapping):  # other rows may have larger blocks
                told = {name: np.array([block.shape]) for name, block in layout.items()} | dict(told)
            return torch.from_numpy(own_entries(self.boundary.solver_id, told, shapes, rows))
        window = None if group.rows is None else self._window(group, event)
        if window is None:
            return None
        own = torch.zeros(1, *event, dtype=torch.bool, device="cpu")
        own[window] = True
        return own

    def inside(self, values: Tensor) -> Tensor:
        """`[B, *event]` or `[B, S, *event]` with zeros on the padding: what is given there counts for nothing."""
        return inside(values, self.own(values))

    def _run(self, requests: Sequence[Request]) -> list[CheckedRows]:
        """Solve for several instances, at the same time where there are several workers.

        Raises:
            ImleError: what a solver raises, for the first instance that does so.
        """

        def one(request: Request) -> CheckedRows:
            try:
                prepared, rows = request.group.kept.prepared, request.objective.rows
                return solve_isolating_failures(prepared, rows, request.extra, tolerant=self.on_failure != "raise")
            except ImleError as error:
                raise self._named(error, request) from error.__cause__

        workers = 1 if self.solver is None else workers_of(self.solver)
        with self.stats.timed("solve"), self._monitored(requests):
            if workers < 2 or len(requests) < 2:
                return [one(request) for request in requests]
            token, pool = CancelToken(), dispatchers(workers)
            with token.inside():
                futures = [pool.submit(copy_context().run, one, request) for request in requests]
            try:
                return [future.result() for future in futures]
            finally:  # after an error or Ctrl-C, what has not begun does not begin, and the rest is given up
                for future in futures:
                    future.cancel()
                token.cancel()

    def _monitored(self, requests: Sequence[Request]) -> AbstractContextManager[None]:
        if self.progress is None:
            return nullcontext()
        rows = sum(request.shape[:2].numel() for request in requests)
        return monitored(self.progress, self.boundary.solver_id, rows)

    def _solutions(
        self, theta: Tensor, requests: Sequence[Request], answers: Sequence[CheckedRows], phase: str
    ) -> list[Tensor]:
        """Solutions `[rows, S, *shape]` for each instance, finite but for rows that failed.

        Raises:
            ObjectiveError: theta `[B, S, *event]` is not finite, and was not looked at before.
            SolverContractError: a row that did not fail is not finite.
        """
        with self.stats.timed("transfer"):
            solved = [
                self.boundary.solutions(answer.result, request.part)
                for request, answer in zip(requests, answers, strict=True)
            ]
            if not self.boundary.looks_afterwards:
                finite = sums_to_finite(*solved)
            elif len(solved) == 1 and requests[0].part.shape == theta.shape:
                finite = multiplies_to_finite(theta, solved[0])
            else:
                finite = sums_to_finite(theta, *solved)
            if finite:
                return solved
            # either is not finite, a row failed, or a sum of finite entries overflows
            if self.boundary.looks_afterwards:
                self._refuse_non_finite(theta, phase)
            for request, answer, part in zip(requests, answers, solved, strict=True):
                try:
                    self.boundary.refuse_non_finite_solutions(part, answer.result)
                except SolverContractError as error:
                    raise self._named(error, request) from None
        return solved

    def _note(self, request: Request, result: SolveResult, solved: Tensor, failures: list[Failure], phase: str) -> None:
        """Keep in mind how rows ended, and put stand-ins in place of those that failed."""
        group, samples = request.group, request.part.shape[1]
        failed = failed_rows(result)
        replaced = self.on_failure == "last" and self._replace(group, solved, failed, request.earlier)
        if result.status is None:
            return
        where = partial(self._where, group, samples)
        self.unproven += unproven(request.objective.own(result), where, phase)
        for n in failed:
            status = SolveStatus(int(result.status[n]))
            failures.append(Failure(*where(n), status, result.messages.get(n, ""), phase, replaced))

    @staticmethod
    def _replace(group: Group, solved: Tensor, failed: Sequence[int], earlier: Tensor | None) -> bool:
        """Put in place of failed rows their earlier solutions, or the last one of their instance. Whether it could."""
        rows = solved.flatten(0, 1)  # a view
        good = len(rows) - 1
        for n in reversed(failed):
            good -= n == good
        if group.values:  # what is feasible differs from row to row
            last = None
        else:
            last = rows[good].clone() if good >= 0 else group.kept.last
            group.kept.last = last
        if not failed:
            return True
        if earlier is not None:
            rows[failed] = earlier.flatten(0, 1)[failed]
        elif last is not None:
            rows[failed] = last.to(rows)
        else:
            return False
        return True

    def solution_vjp(self, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
        """The derivative of solutions in theta, transposed, times dy: all `[B, S, *event]`.

        Raises:
            OptionError: solutions of an instance have no derivative, or it is not known.
        """
        found = torch.zeros_like(z)
        for group in self.groups:
            rows = slice(None) if group.rows is None else group.rows
            parts = [values[rows] for values in (theta, z, dy)]
            window = self._window(group, theta.shape[2:])
            if window is not None:
                parts = [part[window] for part in parts]
            own = vjp_of_group(self.boundary, group, *parts)
            if window is not None:
                padded = found[rows]
                padded[window] = own
                own = padded
            found[rows] = own
        return found

    @property
    def has_fixed_terms(self) -> bool:
        """Whether there may be terms that theta does not give."""
        return any(fixed_terms_of(group.prepared) is not None for group in self.groups)

    def fixed_terms(self, z: Tensor) -> Tensor | None:
        """h of `[B, S, *event]` solutions: what terms add that theta does not give, as a maximisation.

        Returns:
            `[B, S]` float64, nan where a solution is not feasible; None if there are no such terms.
        """
        if not self.has_fixed_terms:
            return None
        found = torch.zeros(z.shape[:2], dtype=torch.float64, device=z.device)
        for group in self.groups:
            rows = slice(None) if group.rows is None else group.rows
            window = self._window(group, z.shape[2:])
            part = z[rows] if window is None else z[rows][window]
            if part.numel():
                found[rows] = terms_of_group(self.boundary, group, part)
        return found

    def fixed_terms_in_row(self, row: int, z: Tensor) -> Tensor | None:
        """h of solutions `[M, *event]` without padding for the instance of one row of the batch: `[M]` or None."""
        group = self.group_of(row)
        if fixed_terms_of(group.prepared) is None:
            return None
        return terms_of_group(self.boundary, group.only(row), z.unsqueeze(0)).squeeze(0)

    def normals(self, z: Tensor) -> Normals:
        """The vectors that span the cones of theta for which constraints prove `[B, *event]` solutions best.

        Raises:
            OptionError: the solver does not know its constraints.
            ObjectiveError: a solution breaks a constraint; names the row.
        """
        event, parts = z.shape[1:], []
        for group in self.groups:
            rows = slice(None) if group.rows is None else group.rows
            window = self._window(group, event)
            try:
                found = normals_of_group(self.boundary, group, z[rows] if window is None else z[rows][window])
            except ImleError as error:
                raise named(error, group.rows, self.first, self.lead) from error.__cause__
            parts.append((rows, found if window is None else found.padded(window, event)))
        most = max(found.rows.shape[1] for _, found in parts)
        spanning = torch.zeros(len(z), most, *event, dtype=torch.float64, device=z.device)
        at_lower, at_upper = (torch.zeros_like(z, dtype=torch.bool) for _ in range(2))
        for rows, found in parts:
            spanning[rows, : found.rows.shape[1]] = found.rows
            at_lower[rows], at_upper[rows] = found.at_lower, found.at_upper
        return Normals(spanning, at_lower, at_upper)

    def group_of(self, row: int) -> Group:
        """The group that a row of the batch is in."""
        return next(group for group in self.groups if group.rows is None or row in group.rows)

    def _fixed(self, answered: Sequence[tuple[Request, CheckedRows]], z: Tensor) -> Tensor | None:
        """`fixed_terms` of what has just been solved: where values are known, they tell without another solve."""
        results = [(request, request.objective.own(answer.result)) for request, answer in answered]
        if all(fixed_terms_of(request.group.prepared) is None for request, _ in results):
            for request, result in results:
                refuse_other_values(self.boundary, request.objective, result)
            return None
        found = torch.full(z.shape[:2], math.nan, dtype=torch.float64, device=z.device)
        for request, result in results:
            rows = slice(None) if request.group.rows is None else request.group.rows
            told = terms_of_result(self.boundary, request.objective, result, request.part)
            part = z[rows] if request.window is None else z[rows][request.window]
            found[rows] = terms_of_group(self.boundary, request.group, part) if told is None else told
        return found

    def _named(self, error: ImleError, request: Request) -> ImleError:
        """The error with row and sample as the user counts them, and, if a contract is broken, with the solver."""
        message, name = error.message, f"{self.boundary.solver_id}: "
        if isinstance(error, SolverContractError) and not message.startswith(name):
            message = name + message
        if error.row is not None:
            row, sample = self._where(request.group, request.shape[1], error.row)
            message += f" ({place(row, sample, self.lead, self._cells(request.shape)[1])})"
        return error if message == error.message else type(error)(message, hint=error.hint)

    def _account(self, result: SolveResult, rows: int) -> None:
        self.stats.batches += 1
        self.stats.solves += rows
        if result.status is None:
            self.stats.status["optimal"] += rows
        else:
            counts = np.bincount(np.asarray(result.status), minlength=len(SolveStatus))
            for status in SolveStatus:
                if counts[status]:
                    self.stats.status[status.name.lower()] += int(counts[status])
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s: %d rows: %s", self.boundary.solver_id, rows, _counted(result, rows))
        if result.counters:
            self.stats.events.update(result.counters)
        for part, seconds in result.seconds.items():
            self.stats.seconds[part] += seconds
        for advice in result.advice:
            if advice not in self.warned:
                self.warned.add(advice)
                warnings.warn(
                    printable(f"{self.boundary.solver_id}: {advice}"), SolverWarning, stacklevel=_level_of_user()
                )


def _counted(result: SolveResult, rows: int) -> str:
    """How rows ended, and what the solver counted, for the log."""
    statuses = ["optimal"] * rows if result.status is None else [SolveStatus(s).name.lower() for s in result.status]
    counts = {**Counter(statuses), **(result.counters or {})}
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _level_of_user() -> int:
    """The stack level, for `warnings.warn` one frame up, of the first caller outside imle and torch."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("imle", "torch"):
        level, frame = level + 1, frame.f_back
    return level + 1


def _padded(part: Tensor, request: Request) -> Tensor:
    """Solutions of an instance `[rows, S, *shape]` as those of the widest one of the batch, with 0 where it ends."""
    if request.window is None:
        return part
    padded = part.new_zeros(request.shape)
    padded[request.window] = part
    return padded
