"""Working through a batch in parts of its rows, so that memory has a bound; with the same numbers, bit by bit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from imle.estimators.base import Application, Outputs, Trace
from imle.estimators.replay import BLOCK, Replay
from imle.estimators.samples import average

_LEAST = 16 * BLOCK
"""Entries of `[rows, S, *event]` in the smallest part."""


def parts_of(theta: Tensor, call: Application) -> list[slice]:
    """Rows of `[B, *event]` that are worked on together: all, where the limit allows it or the rule needs it.

    At least two: torch adds up a single row in another order, with several threads.
    """
    if call.limit is None or theta.numel() * call.samples <= call.limit:  # nearly always
        return [slice(0, theta.shape[0])]
    rows, entries = len(theta), call.samples * math.prod(theta.shape[1:])
    if call.output == "samples" or not call.estimator.by_row:
        return [slice(0, rows)]
    least = max(-(-_LEAST // entries), 2)
    starts = list(range(0, max(rows - least, 0) + 1, max(call.limit // entries, least)))
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], rows], strict=True)]


def run_parts(theta: Tensor, call: Application, parts: Sequence[slice]) -> Outputs:
    """`imle.estimators.function.run`, part by part.

    Where that can be done, noise is kept as the states that its generator had before each part. Solutions are kept in
    a byte per entry where that holds them.

    Args:
        theta: `[B, *event]`.
        call: with output="mean".
        parts: of the rows.
    """
    replay = None if call.whole or theta.device.type != "cpu" else call.replay()
    noise = call.draw(theta) if replay is None else None
    states: list[Tensor] = []
    means: list[Tensor] = []
    masks: list[Tensor | None] = []
    kept: Tensor | None = None
    for rows, (state, eps) in zip(parts, _noise(theta, replay, parts, noise), strict=True):
        z, valid = call.estimator.sample(theta[rows], eps, call.part(rows))
        states += [] if state is None else [state]
        masks.append(valid)
        if z.shape[1] == 1:
            means.append(z.squeeze(1))
            continue
        means.append(average(z, call.averaged(valid)))
        if kept is None:
            kept = z.new_empty((len(theta), *z.shape[1:]), dtype=z.dtype if call.whole else torch.int8)
        if kept.dtype != z.dtype and not _is_narrow(z):
            kept = kept.to(z.dtype)
        kept[rows] = z
    return torch.cat(means), noise if replay is None else torch.stack(states), kept, _joined(masks, parts)


def gradient_of(trace: Trace, dy: Tensor) -> Tensor:
    """The estimator's gradient, part by part, counted. `[B, 1 or S, *event]` to `[B, *event]`."""
    parts = parts_of(trace.theta, trace.call)
    with trace.call.estimator.backward_pass():
        found = trace.call.estimator.gradient(trace, dy) if len(parts) == 1 else _in_parts(trace, dy, parts)
    trace.call.count(found, trace.call.solve)
    return found


def _in_parts(trace: Trace, dy: Tensor, parts: Sequence[slice]) -> Tensor:
    theta, found = trace.theta, []
    for n, rows in enumerate(parts):
        noise = None if trace.noise is None else _again(theta, trace.noise, trace.call, n, rows)
        valid = None if trace.valid is None else trace.valid[rows]
        part = Trace(theta[rows], noise, trace.z[rows].to(theta.dtype), valid, trace.call.part(rows))
        found.append(trace.call.estimator.gradient(part, dy[rows]))
    return torch.cat(found)


def whole_noise(theta: Tensor, noise: Tensor | None, call: Application) -> Tensor | None:
    """Noise `[B, S, *event]`, drawn again if only states were kept."""
    if noise is None or noise.dtype != torch.uint8:
        return noise
    return torch.cat([_again(theta, noise, call, n, rows) for n, rows in enumerate(parts_of(theta, call))])


def _noise(
    theta: Tensor, replay: Replay | None, parts: Sequence[slice], noise: Tensor | None
) -> Iterator[tuple[Tensor | None, Tensor | None]]:
    """States and noise of parts."""
    if replay is not None:
        return replay.draws(theta, parts)
    return ((None, None if noise is None else noise[rows]) for rows in parts)


def _again(theta: Tensor, noise: Tensor, call: Application, n: int, rows: slice) -> Tensor:
    """Noise of the n-th part."""
    if noise.dtype != torch.uint8:
        return noise[rows]
    replay = call.replay()
    assert replay is not None
    return replay.again(theta, rows, noise[n])


def _is_narrow(z: Tensor) -> bool:
    """Whether all entries are whole numbers that 8 bits hold."""
    return torch.equal(z.to(torch.int8).to(z.dtype), z)


def _joined(masks: Sequence[Tensor | None], parts: Sequence[slice]) -> Tensor | None:
    like = next((mask for mask in masks if mask is not None), None)
    if like is None:
        return None
    solved = (like.new_ones(rows.stop - rows.start, like.shape[1]) for rows in parts)
    return torch.cat([every if mask is None else mask for mask, every in zip(masks, solved, strict=True)])
