"""One batch on its way to the solvers and back: theta in, solutions out.

Everything a plugin author need not think about happens on this way: sign, dtype and device (`boundary`), groups of
rows that share an instance (`instances`), padding, failures and statistics.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from imle.errors import ImleError, SolverContractError, SolverWarning
from imle.estimators.trace import Solutions, spread
from imle.layers.boundary import Boundary, failed_rows, refuse_non_finite
from imle.layers.failures import Failure, place, solve_error
from imle.layers.instances import Group
from imle.layers.stats import LayerStats
from imle.solvers.protocol import Shape
from imle.solvers.result import SolveResult, SolveStatus

OnFailure = Literal["raise", "zero-grad", "last"]


@dataclass
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
    """

    boundary: Boundary
    groups: Sequence[Group]
    lead: torch.Size
    on_failure: OnFailure
    stats: LayerStats
    warned: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)

    def tile(self, times: int) -> SolvePlan:
        """The same for `times` copies of the batch, one after the other."""
        lead = torch.Size((times, *self.lead))
        return replace(self, groups=[group.tile(times, self.lead.numel()) for group in self.groups], lead=lead)

    def __call__(
        self, theta: Tensor, hint: Tensor | None = None, /, *, phase: str = "forward", known: Tensor | None = None
    ) -> Solutions:
        """Solve argmax <theta, z> for every row and sample.

        Args:
            theta: `[B, S, *event]`, any strides.
            hint: earlier solutions, `[B, S, *event]`.
            phase: "forward" or "backward", for messages.
            known: `[B]` rows whose solutions are those of the hint: they are not solved.

        Raises:
            ObjectiveError: theta is not finite; names the row and the position.
            SolveError: rows failed, and `on_failure` is "raise".
            SolverContractError: the solver returned something else than the protocol asks for.
        """
        if theta.numel() == 0:
            return Solutions(theta.new_zeros(theta.shape), None)
        refuse_non_finite(theta, phase, self.lead)
        batch, samples = theta.shape[:2]
        failures: list[Failure] = []
        groups = self.groups
        if known is not None and hint is not None:
            skipped = known.tolist()
            self.stats.events["unchanged_rows"] += samples * sum(skipped)
            groups = [group.without(skipped) for group in groups]
        if groups[0].rows is None:  # one instance for all rows: nothing to gather or scatter
            z = self._solve_group(groups[0], theta, hint, failures, phase)
        else:
            z = theta.new_empty(theta.shape) if known is None or hint is None else hint.clone()
            for group in groups:
                if not group.rows:
                    continue
                part = None if hint is None else hint[group.rows]
                z[group.rows] = self._solve_group(group, theta[group.rows], part, failures, phase)
        if not failures:
            return Solutions(z, None)
        self.failures += failures
        fatal = failures if self.on_failure == "raise" else [f for f in failures if not f.replaced]
        if fatal and self.on_failure != "zero-grad":
            raise solve_error(
                self.boundary.solver_id, fatal, self.lead, samples=samples, total=batch * samples, phase=phase
            )
        valid = torch.ones(batch, samples, dtype=torch.bool)
        valid[[f.row for f in failures], [f.sample for f in failures]] = False
        valid = valid.to(z.device)
        if self.on_failure == "last":
            return Solutions(z, valid)
        # a failed row may hold anything, nan included: multiplying by zero would keep it
        return Solutions(torch.where(spread(valid, z), z, torch.zeros_like(z)), valid)

    def _solve_group(
        self, group: Group, theta: Tensor, hint: Tensor | None, failures: list[Failure], phase: str
    ) -> Tensor:
        """Solve rows that share an instance; `[rows, S, *event]` in and out."""
        event = theta.shape[2:]
        window = _window(event, group.prepared.objective_shape)
        part = theta[window]
        earlier = None if hint is None else hint[window]
        result = self._call(group, part, earlier)
        with self.stats.timed("transfer"):
            solved = self.boundary.solutions(result, part)
        failed = failed_rows(result)
        replaced = self.on_failure == "last" and self._replace(group, solved, failed, earlier)
        for n in failed:
            row, sample = divmod(n, theta.shape[1])
            assert result.status is not None
            status = SolveStatus(int(result.status[n]))
            failures.append(Failure(group.row(row), sample, status, result.messages.get(n, ""), phase, replaced))
        if part.shape == theta.shape:
            return solved
        padded = theta.new_zeros(theta.shape)  # the widest instance of the batch is wider than this one
        padded[window] = solved
        return padded

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

    def _call(self, group: Group, theta: Tensor, hint: Tensor | None) -> SolveResult:
        rows, samples = theta.shape[:2]
        extra: dict[str, Any] = {
            name: [value for value in column for _ in range(samples)] for name, column in group.values.items()
        }
        if hint is not None:
            extra["hint"] = self.boundary.rows(hint)
        with self.stats.timed("transfer"):
            objective = self.boundary.objective(theta)
        self.stats.batches += 1
        self.stats.solves += rows * samples
        try:
            with self.stats.timed("solve"):
                result: Any = group.prepared.solve(objective, **extra)  # not trusted before the check below
        except ImleError as error:
            if error.row is None:
                raise
            row, sample = divmod(error.row, samples)
            where = place(group.row(row), sample, self.lead, samples)
            raise type(error)(f"{error.message} ({where})", hint=error.hint) from error.__cause__
        if not isinstance(result, SolveResult):
            found = type(result).__name__
            raise SolverContractError(f"{self.boundary.solver_id}: solve() must return a SolveResult, found {found}")
        self._account(result, rows * samples)
        return result

    def _account(self, result: SolveResult, rows: int) -> None:
        if result.status is None:
            self.stats.status["optimal"] += rows
        else:
            counts = np.bincount(np.asarray(result.status), minlength=len(SolveStatus))
            for status in SolveStatus:
                if counts[status]:
                    self.stats.status[status.name.lower()] += int(counts[status])
        self.stats.events.update(result.counters)
        for part, seconds in result.seconds.items():
            self.stats.seconds[part] += seconds
        for advice in result.advice:
            if advice not in self.warned:
                self.warned.add(advice)
                warnings.warn(f"{self.boundary.solver_id}: {advice}", SolverWarning, stacklevel=_level_of_user())


def _level_of_user() -> int:
    """The stack level, for `warnings.warn` one frame up, of the first caller outside imle and torch."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("imle", "torch"):
        level, frame = level + 1, frame.f_back
    return level + 1


def _window(event: torch.Size, shape: Shape | None) -> tuple[Any, ...]:
    """The part of a padded `[B, S, *event]` tensor that an instance of this shape reads and writes."""
    if shape is None:
        return (...,)
    own = (have if size is None else size for size, have in zip(shape, event, strict=True))
    return (..., *(slice(size) for size in own))
