"""SolutionPool: feasible solutions seen so far, for layers and losses that look there instead of solving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from imle._checks import positive_int
from imle.errors import OptionError

COMMON = ""
"""The key of the instance that all rows of a layer share."""


class SolutionPool(nn.Module):
    """A bounded set of distinct feasible solutions per instance. The oldest goes first.

    Two solutions are the same if all their entries are equal. Solutions live where they were found, follow the
    objective's device, and travel with `state_dict`. Several losses may share a pool if their layers share the
    feasible set.

    Args:
        capacity: distinct solutions to keep for each instance.
        solve_ratio: how often the predicted objective is solved all the same, and what is found added: 1 always,
            0 never (a fixed pool, which costs no solves). The share of rows for a layer, of batches for a loss.
        generator: where that choice comes from; by default torch's global generator.

    Raises:
        OptionError: an option is not valid.

    Source: Mulamba et al., IJCAI 2021, section 4.2, algorithm 2 (its p_solve is solve_ratio).

    Example::

        >>> import imle, torch
        >>> pool = imle.losses.SolutionPool(capacity=10)
        >>> pool.add(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
        2
        >>> pool.solutions().shape
        torch.Size([2, 2])
    """

    def __init__(
        self, capacity: int = 1000, *, solve_ratio: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        positive_int("SolutionPool: capacity", capacity)
        if isinstance(solve_ratio, bool) or not isinstance(solve_ratio, (int, float)) or not 0 <= solve_ratio <= 1:
            raise OptionError(f"SolutionPool: solve_ratio: expected a number in [0, 1], found {solve_ratio!r}")
        self.capacity = capacity
        self.solve_ratio = float(solve_ratio)
        self.generator = generator
        self._known: dict[str, dict[bytes, None]] = {}  # the content of each solution, in the order of
        self._solutions: dict[str, Tensor] = {}  # their rows [M, *event]

    def __len__(self) -> int:
        """Solutions of all instances together."""
        return sum(map(len, self._known.values()))

    def __bool__(self) -> bool:
        return True  # an empty pool is still a pool

    @property
    def instances(self) -> tuple[str, ...]:
        """Keys of the instances that have solutions; "" is the one all rows of a layer share."""
        return tuple(self._known)

    def add(self, solutions: Tensor, instance: str = COMMON) -> int:
        """Add the rows of `[N, *event]` that are not there yet.

        Returns:
            how many were new.

        Raises:
            OptionError: not a batch of solutions.
        """
        if not isinstance(solutions, Tensor) or solutions.ndim < 1:
            raise OptionError("SolutionPool: expected solutions [N, *event] as a tensor")
        found = solutions.detach() + 0.0  # a copy, in floating point, without negative zeros
        content = found.to(device="cpu", dtype=torch.float64).contiguous().numpy()
        known = self._known.get(instance, {})
        fresh: dict[bytes, int] = {}
        for row, entries in enumerate(content):
            if (key := entries.tobytes()) not in known:
                fresh.setdefault(key, row)
        if not fresh:
            return 0
        rows = found[list(fresh.values())]
        kept = self._solutions.get(instance, rows[:0]).to(rows)
        if kept.shape[1:] != rows.shape[1:]:
            raise OptionError(
                f"SolutionPool: expected solutions of shape {list(kept.shape[1:])}, found {list(rows.shape[1:])}"
            )
        self._solutions[instance] = torch.cat([kept, rows])[-self.capacity :].clone()
        self._known[instance] = dict.fromkeys([*known, *fresh][-self.capacity :])
        return len(fresh)

    def solutions(self, instance: str = COMMON, like: Tensor | None = None) -> Tensor:
        """What is kept for an instance, oldest first.

        Args:
            instance: its key.
            like: a tensor whose dtype and device the solutions take.

        Returns:
            `[M, *event]`, or `[0]` if there are none.
        """
        kept = self._solutions.get(instance)
        if kept is None:
            return torch.empty(0) if like is None else like.new_empty(0)
        if like is not None:
            self._solutions[instance] = kept = kept.to(like)  # moved once, not for every batch
        return kept

    def due(self) -> bool:
        """Whether this batch is one of those whose objective is solved for new solutions."""
        if self.solve_ratio in (0.0, 1.0):
            return self.solve_ratio == 1.0
        device = None if self.generator is None else self.generator.device
        return bool(torch.rand((), generator=self.generator, device=device) < self.solve_ratio)

    def clear(self) -> None:
        """Forget all solutions."""
        self._known.clear()
        self._solutions.clear()

    def get_extra_state(self) -> dict[str, Tensor]:
        """What `state_dict` keeps: solutions `[M, *event]` by instance, oldest first."""
        return dict(self._solutions)

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Replace all solutions by those of a `state_dict`."""
        self.clear()
        for instance, solutions in state.items():
            self.add(solutions, instance)

    def extra_repr(self) -> str:
        return f"capacity={self.capacity}, solve_ratio={self.solve_ratio:g}, solutions={len(self)}"
