"""Noise that need not be kept: it is drawn again from the states its generator had, the same bit by bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from imle.noise import BaseNoiseDistribution

BLOCK = 128
"""Draws: what is drawn from a multiple of this on does not depend on where earlier draws ended.

Normal numbers come in blocks of 16, and vectorised loops take up to 32 at a time.
"""


@dataclass(frozen=True)
class Replay:
    """Noise of a batch, `[B, S, *event]` on the CPU, in parts of its rows.

    Attributes:
        noise: the distribution; `imle.noise.draws_again` is true of it.
        generator: where it comes from; None for torch's global generator.
        samples: S.
        antithetic: whether the second half of the samples mirrors the first.
        ready: what precedes draws, but those that are drawn again.
        timed: what surrounds draws.
    """

    noise: BaseNoiseDistribution
    generator: torch.Generator | None
    samples: int
    antithetic: bool
    ready: Callable[[], None]
    timed: Callable[[], AbstractContextManager[None]]

    def draws(self, theta: Tensor, parts: Sequence[slice]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each part of the rows of `[B, *event]`, one after the other: a state to draw it again from, and noise.

        A part has at least 8 blocks. The block in which one ends and the next begins is drawn once.
        """
        self.ready()
        row, shared, state = self._per_row(theta), theta.new_empty(0), self._state()
        for rows in parts:
            start, stop = rows.start * row, rows.stop * row
            first, last = start - start % BLOCK, stop if rows.stop == len(theta) else stop - stop % BLOCK
            pieces, own = [shared, self._draw(theta, last - first - len(shared), self.generator)], state
            if rows.stop < len(theta):
                state = self._state()
                shared = self._draw(theta, BLOCK if stop % BLOCK else 0, self.generator)
                pieces.append(shared)
            yield own, self._shaped(theta[rows], torch.cat(pieces)[start - first : stop - first])

    def again(self, theta: Tensor, rows: slice, state: Tensor) -> Tensor:
        """What was drawn for some rows of `[B, *event]`. No generator of the user moves."""
        generator = torch.Generator()
        generator.set_state(state.clone())  # of a state that is a part of another tensor, torch reads the wrong bytes
        row = self._per_row(theta)
        start, stop = rows.start * row, rows.stop * row
        first, last = start - start % BLOCK, stop if rows.stop == len(theta) else stop + -stop % BLOCK
        flat = self._draw(theta, last - first, generator)[start - first : stop - first]
        return self._shaped(theta[rows], flat)

    def _per_row(self, theta: Tensor) -> int:
        return math.prod(theta.shape[1:]) * (self.samples // 2 if self.antithetic else self.samples)

    def _state(self) -> Tensor:
        return torch.get_rng_state() if self.generator is None else self.generator.get_state()

    def _draw(self, theta: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
        with self.timed():
            return self.noise.draw((count,), dtype=theta.dtype, device=theta.device, generator=generator)

    def _shaped(self, theta: Tensor, flat: Tensor) -> Tensor:
        eps = flat.reshape(len(theta), -1, *theta.shape[1:])
        return torch.cat([eps, self.noise.mirror(eps)], dim=1) if self.antithetic else eps
