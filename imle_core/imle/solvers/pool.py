"""SolutionPool: feasible solutions seen so far, for layers and losses that look there instead of solving."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Set
from typing import Any

import torch
from torch import Tensor, nn

from imle._checks import positive_int
from imle._generators import check_generator, ready_to_draw
from imle.errors import OptionError

COMMON = ""
"""The key of solutions that hold for every instance."""

_Content = bytes
"""The entries of a solution, by which it is told from others."""


class SolutionPool(nn.Module):
    """A bounded set of distinct feasible solutions per instance. The oldest goes first.

    Two solutions are the same if all their entries are equal. Solutions live where they were found, follow the
    objective's device, and travel with `state_dict`, in one tensor of bytes. Several losses and layers may share a
    pool: instances are told apart by their content.

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
        self.capacity = positive_int("SolutionPool: capacity", capacity)
        if isinstance(solve_ratio, bool) or not isinstance(solve_ratio, (int, float)) or not 0 <= solve_ratio <= 1:
            raise OptionError(f"SolutionPool: solve_ratio: expected a number in [0, 1], found {solve_ratio!r}")
        check_generator("SolutionPool: generator", generator)
        self.solve_ratio = float(solve_ratio)
        self.generator = generator
        self._known: dict[str, dict[_Content, None]] = {}  # by instance, in the order of
        self._solutions: dict[str, Tensor] = {}  # their rows [M, *event]
        self._fixed: dict[str, dict[_Content, float]] = {}  # fixed terms of solutions, by instance

    def __len__(self) -> int:
        """Solutions of all instances together."""
        return sum(map(len, self._known.values()))

    def __bool__(self) -> bool:
        return True  # an empty pool is still a pool

    @property
    def instances(self) -> tuple[str, ...]:
        """Keys of the instances that have solutions of their own; "" is that of solutions that hold for all."""
        return tuple(self._known)

    def add(self, solutions: Tensor, instance: str = COMMON) -> int:
        """Add the rows of `[N, *event]` that are not there yet.

        Args:
            solutions: feasible ones.
            instance: the key of the only instance they hold for; by default they hold for all instances of the layers
                and losses that use the pool.

        Returns:
            how many were not known for any instance.

        Raises:
            OptionError: not a batch of solutions.
        """
        if not isinstance(solutions, Tensor) or solutions.ndim < 1:
            raise OptionError("SolutionPool: expected solutions [N, *event] as a tensor")
        with torch.inference_mode(False):  # what is found while validating is used in training
            found = solutions.detach().clone() + 0.0  # in floating point, without negative zeros
            known, common = self._known.get(instance, {}), self._known.get(COMMON, {})
            fresh: dict[_Content, int] = {}
            for row, key in enumerate(_contents(found)):
                if key not in known and key not in common:
                    fresh.setdefault(key, row)
            if not fresh:
                return 0
            elsewhere = self._withdraw(fresh.keys()) if instance == COMMON else set()
            rows = found[list(fresh.values())]
            kept = self._solutions.get(instance, rows[:0]).to(rows)
            if kept.shape[1:] != rows.shape[1:]:
                raise OptionError(
                    f"SolutionPool: expected solutions of shape {list(kept.shape[1:])}, found {list(rows.shape[1:])}"
                )
            self._solutions[instance] = torch.cat([kept, rows])[-self.capacity :].clone()
            self._known[instance] = dict.fromkeys([*known, *fresh][-self.capacity :])
        return len(fresh.keys() - elsewhere)

    def _withdraw(self, contents: Set[_Content]) -> set[_Content]:
        """Take solutions that hold for all instances out of what is kept for single ones; those that were there."""
        found: set[_Content] = set()
        for instance, known in self._known.items():
            kept = [n for n, content in enumerate(known) if content not in contents]
            if len(kept) < len(known):
                found |= contents & known.keys()
                self._solutions[instance] = self._solutions[instance][kept]
                self._known[instance] = {content: None for content in known if content not in contents}
        return found

    def solutions(self, instance: str | None = None, like: Tensor | None = None) -> Tensor:
        """What is kept for an instance, oldest first, after what holds for all instances.

        Args:
            instance: its key; by default that of the only one there is.
            like: a tensor whose dtype and device the solutions take.

        Returns:
            `[M, *event]`, or `[0]` if there are none.

        Raises:
            OptionError: no key is given, and there are solutions of several instances.
        """
        keys = self._keys(instance)
        if like is not None:
            with torch.inference_mode(False):
                for key in keys:  # moved once, not for every batch
                    self._solutions[key] = self._solutions[key].to(like)
        kept = [self._solutions[key] for key in keys]
        if not kept:
            return torch.empty(0) if like is None else like.new_empty(0)
        return kept[0] if len(kept) == 1 else torch.cat([kept[0].to(kept[1]), kept[1]])

    def fixed_terms(self, instance: str, compute: Callable[[Tensor], Tensor | None]) -> Tensor | None:
        """What terms that no objective gives add to each of `solutions(instance)`.

        Args:
            instance: its key.
            compute: `[m, *event]` solutions to `[m]` terms, as a maximisation, or to None if there are no such terms;
                called for solutions whose terms are not known yet.

        Returns:
            `[M]` float64 on the solutions' device, or None.
        """
        contents = [content for key in self._keys(instance) for content in self._known[key]]
        known = self._fixed.get(instance, {})
        unknown = [n for n, content in enumerate(contents) if content not in known]
        if unknown or not contents:
            solutions = self.solutions(instance)
            found = compute(solutions[unknown])
            if found is None:
                return None
            known = {**known, **dict(zip([contents[n] for n in unknown], found.tolist(), strict=True))}
            self._fixed[instance] = known = {content: known[content] for content in contents}
        device = self.solutions(instance).device
        return torch.tensor([known[content] for content in contents], dtype=torch.float64, device=device)

    def _keys(self, instance: str | None) -> list[str]:
        """Under which keys solutions of an instance are kept."""
        if instance is None:
            own = [key for key in self._known if key != COMMON]
            if len(own) > 1:
                raise OptionError(
                    f"SolutionPool: solutions: expected the key of an instance, found {len(own)} instances",
                    hint="pool.instances lists the keys",
                )
            instance = own[0] if own else COMMON
        return [key for key in dict.fromkeys((COMMON, instance)) if key in self._known]

    def due(self) -> bool:
        """Whether this batch is one of those whose objective is solved for new solutions."""
        if self.solve_ratio in (0.0, 1.0):
            return self.solve_ratio == 1.0
        return bool(self.drawn(1))

    def drawn(self, count: int) -> Tensor:
        """Which rows or batches are solved, each by chance with probability `solve_ratio`.

        Args:
            count: how many to draw for.

        Returns:
            `[count]` of bool, on the generator's device.

        Raises:
            OptionError: the pool has a generator, and torch.utils.checkpoint runs the forward pass again: it would draw
                other numbers.
        """
        ready_to_draw("SolutionPool", self.generator)
        device = None if self.generator is None else self.generator.device
        return torch.rand(count, generator=self.generator, device=device) < self.solve_ratio

    def clear(self) -> None:
        """Forget all solutions."""
        self._known.clear()
        self._solutions.clear()
        self._fixed.clear()

    def get_extra_state(self) -> Tensor:
        """What `state_dict` keeps: solutions by instance, as bytes, since many tools take nothing but tensors."""
        written = io.BytesIO()
        torch.save({name: kept.cpu() for name, kept in self._solutions.items()}, written)
        return torch.frombuffer(bytearray(written.getvalue()), dtype=torch.uint8)

    def set_extra_state(self, state: Any) -> None:
        """Replace all solutions by those of a `state_dict`.

        Args:
            state: what `get_extra_state` gave, on the device where solutions are to live.

        Raises:
            OptionError: not what `get_extra_state` gave.
        """
        try:
            content = bytes(state.cpu().contiguous().numpy().astype("uint8", casting="safe"))
            found = torch.load(io.BytesIO(content), map_location=state.device, weights_only=True)
        except Exception as error:  # whatever reading damaged bytes raises
            raise OptionError(
                f"SolutionPool: state: expected the bytes that state_dict() gave, found others ({error})",
                hint="the pool's state cannot be averaged or cast: copy it as it is",
            ) from error
        self.clear()
        for instance, solutions in found.items():
            self.add(solutions, instance)

    def extra_repr(self) -> str:
        return f"capacity={self.capacity}, solve_ratio={self.solve_ratio:g}, solutions={len(self)}"


def _contents(solutions: Tensor) -> Iterable[_Content]:
    """The content of each row of `[N, *event]`."""
    for row in solutions.to(device="cpu", dtype=torch.float64).contiguous().numpy():
        yield row.tobytes()
