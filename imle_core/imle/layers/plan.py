"""One batch on its way to the solvers and back: theta in, solutions out.

Everything a plugin author need not think about happens here: sign, dtype, device, groups of rows that share an
instance, padding, checks of what comes back, failures and statistics.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import ImleError, ObjectiveError, SolveError, SolverContractError, SolverWarning
from imle.layers.instances import Group
from imle.layers.shapes import row_name
from imle.layers.stats import LayerStats
from imle.solvers.protocol import ArrayKind, Sense
from imle.solvers.result import SolveResult, SolveStatus

OnFailure = Literal["raise", "zero-grad"]
SHOWN = 5
"""Failed rows named in an error; the rest are counted."""


class Solutions(NamedTuple):
    """Solutions of `[B, S]` rows.

    Attributes:
        z: `[B, S, *event]`; rows that failed hold zeros.
        valid: `[B, S]` whether the row was solved, or None if all were.
    """

    z: Tensor
    valid: Tensor | None


@dataclass
class SolvePlan:
    """How the rows of one call of a layer are solved, forward and backward.

    Args:
        solver_id: for messages.
        sense: of the solver; theta is negated for "min", here and nowhere else.
        array: the kind of array the solver takes.
        groups: rows by instance, covering the batch.
        lead: the batch dimensions as the user gave them, for messages.
        on_failure: what to do about rows that were not solved.
        stats: counted into.
        warned: advice the layer has already given.
    """

    solver_id: str
    sense: Sense
    array: ArrayKind
    groups: Sequence[Group]
    lead: torch.Size
    on_failure: OnFailure
    stats: LayerStats
    warned: set[str] = field(default_factory=set)

    def solve(self, theta: Tensor, hint: Tensor | None = None, *, phase: str = "forward") -> Solutions:
        """Solve argmax <theta, z> for every row and sample.

        Args:
            theta: `[B, S, *event]`, any strides.
            hint: earlier solutions, `[B, S, *event]`.
            phase: "forward" or "backward", for messages.

        Raises:
            ObjectiveError: theta is not finite; names the row and the position.
            SolveError: rows failed, and `on_failure` is "raise".
            SolverContractError: the solver returned something else than the protocol asks for.
        """
        batch, samples = theta.shape[:2]
        if theta.numel() == 0:
            return Solutions(theta.new_zeros(theta.shape), None)
        z = theta.new_empty(theta.shape if self.groups[0].rows is not None else 0)
        valid = torch.ones(batch, samples, dtype=torch.bool)
        failures: list[tuple[int, int, SolveStatus, str]] = []
        for group in self.groups:
            rows = group.rows
            part = theta if rows is None else theta[rows]
            known = None if hint is None else hint if rows is None else hint[rows]
            solved, result = self._solve_group(group, part, known, phase)
            if rows is None:
                z = solved
            else:
                z[rows] = solved
            for n in _failed(result):
                b, s = divmod(n, samples)
                row = b if rows is None else rows[b]
                valid[row, s] = False
                assert result.status is not None
                failures.append((row, s, SolveStatus(int(result.status[n])), result.messages.get(n, "")))
        if not failures:
            return Solutions(z, None)
        if self.on_failure == "raise":
            raise self._failure(sorted(failures), batch * samples, samples, phase)
        valid = valid.to(z.device)
        # a failed row may hold anything, nan included: multiplying by zero would keep it
        return Solutions(torch.where(spread(valid, z), z, torch.zeros_like(z)), valid)

    def _solve_group(
        self, group: Group, theta: Tensor, hint: Tensor | None, phase: str
    ) -> tuple[Tensor, SolveResult]:
        batch, samples = theta.shape[:2]
        event = theta.shape[2:]
        own = _own_shape(event, group.prepared.objective_shape)
        window = tuple(slice(size) for size in own)
        if own != event:  # the widest instance of the batch is wider than this one
            theta = theta[(..., *window)]
            hint = None if hint is None else hint[(..., *window)]
        objective = self._to_solver(theta, phase)
        values = _repeat(group.values, samples)
        extra: dict[str, Any] = dict(values)
        if hint is not None:
            extra["hint"] = self._convert(hint)
        try:
            with self.stats.timed(batch * samples):
                result = group.prepared.solve(objective, **extra)
        except ImleError as error:
            raise self._located(error, group, samples) from error.__cause__
        if not isinstance(result, SolveResult):
            raise SolverContractError(
                f"{self.solver_id}: solve() must return a SolveResult, found {type(result).__name__}"
            )
        self._account(result, batch * samples)
        solved = self._from_solver(result, theta)
        if own != event:
            padded = theta.new_zeros((batch, samples, *event))
            padded[(..., *window)] = solved
            solved = padded
        return solved, result

    def _located(self, error: ImleError, group: Group, samples: int) -> ImleError:
        """The same error, naming the user's row and sample instead of the solver's row."""
        if error.row is None:
            return error
        row, sample = divmod(error.row, samples)
        where = row_name(row if group.rows is None else group.rows[row], self.lead)
        where += f", sample {sample}" if samples > 1 else ""
        return type(error)(f"{error.message} ({where})", hint=error.hint)

    def _to_solver(self, theta: Tensor, phase: str) -> Any:
        """`[B, S, *event]` theta to `[B * S, *event]` objectives, in the solver's sense and kind of array."""
        # any non-finite entry makes the sum non-finite, and a sum is the cheapest pass there is
        if not math.isfinite(float(theta.detach().sum())):
            self._refuse_non_finite(theta, phase)
        signed = theta.neg() if self.sense == "min" else theta
        return self._convert(signed)

    def _convert(self, rows: Tensor) -> Any:
        flat = rows.detach().reshape(-1, *rows.shape[2:])
        if self.array == "torch":
            return flat
        return np.ascontiguousarray(flat.to(device="cpu", dtype=torch.float64).numpy())

    def _from_solver(self, result: SolveResult, like: Tensor) -> Tensor:
        """Check the solutions and give them theta's device, dtype and sample axis."""
        found = result.solutions
        solutions = found if isinstance(found, Tensor) else torch.from_numpy(np.ascontiguousarray(found))
        expected = (like.shape[0] * like.shape[1], *like.shape[2:])
        if tuple(solutions.shape) != expected:
            raise SolverContractError(
                f"{self.solver_id}: expected solutions of shape {list(expected)}, one row per objective, "
                f"found {list(solutions.shape)}",
                hint="a solver takes [N, *shape] objectives and returns [N, *shape] solutions",
            )
        solutions = solutions.detach().to(device=like.device, dtype=like.dtype)
        if not _failed(result) and not math.isfinite(float(solutions.sum())):
            raise SolverContractError(f"{self.solver_id}: a row reported as solved holds nan or infinity")
        return solutions.reshape(like.shape)

    def _account(self, result: SolveResult, rows: int) -> None:
        if result.status is None:
            self.stats.status["optimal"] += rows
        else:
            if len(result.status) != rows:
                raise SolverContractError(
                    f"{self.solver_id}: expected one status per row, {rows} in all, found {len(result.status)}"
                )
            codes, counts = np.unique(result.status, return_counts=True)
            for code, count in zip(codes, counts, strict=True):
                self.stats.status[SolveStatus(int(code)).name.lower()] += int(count)
        self.stats.events.update(result.counters)
        for advice in result.advice:
            if advice not in self.warned:
                self.warned.add(advice)
                warnings.warn(f"{self.solver_id}: {advice}", SolverWarning, stacklevel=2)

    def _refuse_non_finite(self, theta: Tensor, phase: str) -> None:
        bad = (~theta.isfinite()).nonzero()
        if not len(bad):
            return  # finite entries whose sum overflows
        row, sample, *position = bad[0].tolist()
        value = float(theta[tuple(bad[0])])
        at = position[0] if len(position) == 1 else tuple(position)
        if phase == "forward":
            what, hint = (
                "objective",
                "check the network's output, or the noise temperature if only samples are bad",
            )
        else:
            what, hint = "target objective (theta - lambda * dL/dz)", "the gradient of the loss is not finite"
        raise ObjectiveError(
            f"{what}: {value} in {row_name(row, self.lead)}, position {at} (sample {sample}); "
            f"{len(bad)} of {theta.numel()} entries are not finite",
            hint=hint,
        )

    def _failure(
        self, failures: list[tuple[int, int, SolveStatus, str]], total: int, samples: int, phase: str
    ) -> SolveError:
        lines = []
        for row, sample, status, message in failures[:SHOWN]:
            where = row_name(row, self.lead) + (f", sample {sample}" if samples > 1 else "")
            lines.append(f"  {where}: {status.name.lower()}: {message or status.advice}")
        if len(failures) > SHOWN:
            lines.append(f"  ... and {len(failures) - SHOWN} more")
        return SolveError(
            f"{self.solver_id}: {len(failures)} of {total} {phase} solves failed\n" + "\n".join(lines),
            hint='on_failure="zero-grad" skips such rows and counts them in layer.stats',
        )


def _failed(result: SolveResult) -> list[int]:
    if result.status is None:
        return []
    bad: NDArray[np.int64] = np.flatnonzero(np.asarray(result.status) > SolveStatus.FEASIBLE)
    return [int(n) for n in bad]


def _own_shape(event: torch.Size, expected: tuple[int | None, ...] | None) -> torch.Size:
    if expected is None:
        return event
    return torch.Size(have if size is None else size for size, have in zip(expected, event, strict=True))


def _repeat(values: Mapping[str, Sequence[Any]], samples: int) -> dict[str, list[Any]]:
    """Row parameters for every sample: row-major, like `[B, S]` flattened."""
    return {name: [value for value in column for _ in range(samples)] for name, column in values.items()}


def spread(valid: Tensor, like: Tensor) -> Tensor:
    """`[B, S]` to `[B, S, 1, ...]`, to broadcast against `[B, S, *event]`."""
    return valid.reshape(valid.shape + (1,) * (like.ndim - 2))
