"""The boundary between torch and solvers: signs, dtypes, devices, padding, and checks of what comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import ObjectiveError, SolverContractError
from imle.layers.shapes import row_name
from imle.solvers.protocol import ArrayKind, PreparedSolver, Sense, fixed_terms_of, is_homogeneous, takes_any_size
from imle.solvers.result import SolveResult, SolveStatus

_SIZE = 10
"""Numpy solvers are given rows whose largest entry lies between 2^9 and 2^10."""
_FINEST = 1000
"""Powers of two beyond 2^1023 are no float64: rows of the tiniest entries take a second step."""

_OUTPUT = "check the network's output; or the noise, if its entries are finite"
_LOUD = "entries that are finite become too large with noise: lower the temperature, or scale the objective down"

Shifts = NDArray[np.int32]


class Objective(NamedTuple):
    """Rows on their way to a solver.

    Attributes:
        rows: `[N, *shape]` in the solver's sense and kind of array.
        shifts: `[N]` the powers of two they were multiplied by, or None for none.
    """

    rows: Any
    shifts: Shifts | None = None

    def own(self, result: SolveResult) -> SolveResult:
        """A result with values, bounds and duals as of the rows before they were multiplied."""
        if self.shifts is None or (result.values is None and result.bound is None and not result.duals):
            return result
        values, bound = (
            None if column is None else np.ldexp(np.asarray(column, np.float64), -self.shifts)
            for column in (result.values, result.bound)
        )
        duals = {
            name: np.ldexp(own, -self.shifts.reshape(-1, *[1] * (own.ndim - 1))) for name, own in result.duals.items()
        }
        return replace(result, values=values, bound=bound, duals=duals)


class Boundary(NamedTuple):
    """How one solver reads and returns numbers.

    Attributes:
        solver_id: for messages.
        sense: a solver for "min" is given minus theta.
        array: the kind of array the solver takes.
        forbidding: the instance parameter that forbids entries, or "".
        warm_start: the solver takes earlier solutions as `hint`.
    """

    solver_id: str
    sense: Sense
    array: ArrayKind
    forbidding: str = ""
    warm_start: bool = False

    @property
    def looks_afterwards(self) -> bool:
        """Whether an objective is looked at for what is not finite when it is solved, together with its solutions.

        Each look makes the host wait for a device, which has nothing to do meanwhile: torch solvers are given zeros for
        such entries, and one look does for both. What numpy solvers take is on the host.
        """
        return self.array == "torch"

    def objective(self, theta: Tensor, prepared: PreparedSolver) -> Objective:
        """`[B, S, *event]` theta to `[B * S, *event]` objectives in the solver's sense and kind of array.

        Engines have absolute tolerances, which mean another thing for costs of 1e-9 than for costs of 1e9. So rows of
        numpy solvers are brought to one size, by powers of two: that rounds nothing.

        Args:
            theta: finite, unless one `looks_afterwards`.
            prepared: says whether the size of rows means nothing, and whether it takes them as they are.
        """
        if self.array == "torch":
            rows = theta.detach() if takes_any_size(prepared) else torch.nan_to_num(theta.detach(), 0.0, 0.0, 0.0)
            return Objective((rows.neg() if self.sense == "min" else rows).flatten(0, 1))
        # fixed terms, if only a constant, are part of values, which then do not grow with the objective
        if not is_homogeneous(prepared) or takes_any_size(prepared) or fixed_terms_of(prepared) is not None:
            return Objective(self.rows(theta.neg() if self.sense == "min" else theta))
        rows = self.rows(theta)
        shape, flat = rows.shape, rows.reshape(len(rows), -1)
        shifts = _SIZE - np.frexp(np.maximum(flat.max(axis=1), -flat.min(axis=1)))[1]
        factor = np.ldexp(-1.0 if self.sense == "min" else 1.0, np.minimum(shifts, _FINEST))
        shared = rows.ctypes.data == theta.data_ptr()  # the user's own numbers stay as they are
        rows = np.multiply(flat, factor[:, None], out=None if shared else flat)
        if shifts.max() > _FINEST:
            rows *= np.ldexp(1.0, np.maximum(shifts - _FINEST, 0))[:, None]
        return Objective(rows.reshape(shape), shifts)

    def rows(self, values: Tensor) -> Any:
        """`[B, S, *event]` to `[B * S, *event]`: a detached tensor, or float64 and C-contiguous for numpy."""
        flat = values.detach().reshape(-1, *values.shape[2:])
        if self.array == "torch":
            return flat
        return np.ascontiguousarray(flat.to(device="cpu", dtype=torch.float64).numpy())

    def solutions(self, result: SolveResult, like: Tensor) -> Tensor:
        """Give the solutions of a checked result theta's device, dtype and sample axis. They may not be finite."""
        found = result.solutions
        solutions = found.detach() if isinstance(found, Tensor) else torch.from_numpy(np.ascontiguousarray(found))
        solutions = solutions.to(like)
        if solutions.is_inference() and not torch.is_inference_mode_enabled():
            solutions = solutions.clone()  # a solver may have kept it since a pass in inference mode
        return solutions.reshape(like.shape)

    def refuse_non_finite_solutions(self, solutions: Tensor, result: SolveResult) -> None:
        """Raise if a row of `[rows, S, *event]` that did not fail is not finite.

        Raises:
            SolverContractError: names the row of the result.
        """
        bad = ~solutions.isfinite().reshape(solutions.shape[:2].numel(), -1).all(dim=1)
        bad[failed_rows(result)] = False
        if bool(bad.any()):
            raise SolverContractError(
                f"{self.solver_id}: a row reported as solved holds nan or infinity",
                hint="a row without a solution has a status that says so",
                row=int(bad.nonzero()[0]),
            )

    def forbidding_hint(self, value: float) -> str:
        """What to do instead for one who gave a number, in the user's sense, to forbid an entry; "" if it is another.

        Args:
            value: that is not finite.
        """
        if not self.forbidding or value != (math.inf if self.sense == "min" else -math.inf):
            return ""
        return f"{self.forbidding}= forbids entries; infinite numbers are refused"

    def refuse_non_finite(self, theta: Tensor, phase: str, lead: Sequence[int], first: int = 0) -> None:
        """Raise if an entry of `[B, S, *event]` is not finite; its first row is row `first` of the user's batch.

        Raises:
            ObjectiveError: names the first row, its position, and how many there are, in numbers of the user's sense.
        """
        if sums_to_finite(theta):
            return
        wrong = ~theta.isfinite()
        given = wrong.all(dim=1, keepdim=True)  # in every sample: so it was before noise was added
        whole = bool(given.any())
        bad = (given if whole else wrong).nonzero()
        if not len(bad):
            return  # finite entries whose sum overflows
        row, sample, *position = (int(i) for i in bad[0])
        costs = self.sense == "min"
        value = float(theta[tuple(bad[0])]) * (-1 if costs else 1)
        at = position[0] if len(position) == 1 else tuple(position)
        if phase == "forward":
            what, hint = ("objective", _OUTPUT) if whole else ("objective with noise", _LOUD)
            hint = self.forbidding_hint(value) or hint
        else:
            what = f"target objective ({'costs + lambda * dL/dz' if costs else 'scores - lambda * dL/dz'})"
            hint = (
                "either the loss's gradient is not finite: check the loss; or objective and lambda are so large that "
                f"{theta.dtype} overflows: scale them down"
            )
        raise ObjectiveError(
            f"{what}: found {value} in {row_name(first + row, lead)}, position {at}"
            f"{'' if whole else f', sample {sample}'}; "
            f"{len(bad)} of {given.numel() if whole else wrong.numel()} entries are not finite",
            hint=hint,
        )


def duals_of(boundary: Boundary, result: SolveResult, name: str, shape: Sequence[int]) -> NDArray[np.float64]:
    """How the values of a checked result change with an instance parameter: `[N, *shape]`, 0 in rows that failed.

    Raises:
        SolverContractError: that is not told of every row that did not fail.
    """
    rows = len(result.solutions)
    told = np.asarray(result.duals.get(name, ()), np.float64)
    if told.shape != (rows, *shape):
        have = list(told.shape) if name in result.duals else "none"
        raise SolverContractError(
            f"{boundary.solver_id}: duals: expected {name} {[rows, *shape]}, one array for each row, found {have}",
            hint="where a spec says dual=, solve takes duals=(names), and returns SolveResult(duals={name: ...})",
        )
    found = told.copy()
    found[failed_rows(result)] = 0.0
    bad = ~np.isfinite(found).reshape(rows, -1).all(axis=1)
    if bad.any():
        raise SolverContractError(
            f"{boundary.solver_id}: duals: {name} of a row reported as solved holds nan or infinity",
            hint="a row whose duals are not known has a status that says so",
            row=int(bad.argmax()),
        )
    return found


def failed_rows(result: SolveResult) -> list[int]:
    """Rows without a usable solution."""
    if result.status is None:
        return []
    return [int(n) for n in np.flatnonzero(np.asarray(result.status) > SolveStatus.FEASIBLE)]


def sums_to_finite(*values: Tensor) -> bool:
    """Whether the sum of all is finite: if so all entries are. A sum is the cheapest pass there is.

    Args:
        values: of any shapes, on one device, which is waited for once.
    """
    first, *others = (part.sum() for part in values)
    return math.isfinite(sum(others, first))


def multiplies_to_finite(theta: Tensor, z: Tensor) -> bool:
    """Whether <theta, z> of whole batches is finite: if so all entries of both are, in one pass."""
    return math.isfinite(torch.dot(theta.reshape(-1), z.reshape(-1)))
