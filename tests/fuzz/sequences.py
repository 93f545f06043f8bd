"""Sequences and trees, all solutions of which are listed from what they are; lengths of all rows or of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from fuzz.case import Case, Floats, literal
from fuzz.sets import ROWS, case, senses
from imle_dp.conformance import alignments, derivations, projective_trees, segmentations


def _cases(
    target: str,
    rng: Generator,
    options: dict[str, Any],
    instance: dict[str, str],
    lengths: list[Any],
    points: Callable[[Any], Floats],
    shape: tuple[int, ...],
) -> Case:
    """Rows of one length, or of several."""
    which, rows = None, {}
    if rng.random() < 0.3:
        lengths = lengths[:1]
        instance["lengths"] = literal(lengths[0])
    else:
        which = rng.integers(0, len(lengths), ROWS)
        rows = {"lengths": [lengths[kind] for kind in which.tolist()]}
    options = {**options, **senses(rng)}
    sets = [points(length) for length in lengths]
    return case(rng, target.split("/")[1], options, instance, sets, shape=shape, which=which, rows=rows)


def _some(rng: Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.random(shape) < 0.8).astype(float)


def chain(target: str, rng: Generator) -> Case:
    """Paths of states, or segments of several kinds, with and without masks."""
    longest = 1 if target.endswith("viterbi") else int(rng.integers(1, 4))
    steps, kinds, stationary = int(rng.integers(1, 5)), int(rng.integers(1, 4)), bool(rng.random() < 0.5)
    instance = {"steps": str(steps), "stationary": str(stationary)}
    instance |= {"states": str(kinds)} if target.endswith("viterbi") else {"longest": str(longest), "kinds": str(kinds)}
    masks = {
        name: _some(rng, shape)
        for name, shape in {"allowed": (kinds, kinds), "starts": (kinds,), "ends": (kinds,)}.items()
    }
    masks = {name: mask for name, mask in masks.items() if rng.random() < 0.4}
    instance |= {name: f"np.array({literal(mask)})" for name, mask in masks.items()}
    given: dict[str, Any] = {"allowed": masks.get("allowed")}
    given |= {name: np.flatnonzero(masks[name]).tolist() for name in ("starts", "ends") if name in masks}

    def points(length: int) -> Floats:
        return segmentations(steps, longest, kinds, length, stationary=stationary, **given)

    size = steps * longest * kinds + kinds * kinds * (1 if stationary else steps - 1)
    return _cases(target, rng, {}, instance, rng.integers(1, steps + 1, 3).tolist(), points, (size,))


def alignment(target: str, rng: Generator) -> Case:
    kind = str(rng.choice(["global", "local", "warping"]))
    n, m = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    allowed = _some(rng, (n, m))
    instance = {"first": str(n), "second": str(m), "allowed": f"np.array({literal(allowed)})"}
    lengths = [tuple(pair) for pair in rng.integers(kind == "warping", (n + 1, m + 1), (3, 2)).tolist()]
    size = n * m + (0 if kind == "warping" else n + m)
    return _cases(
        target,
        rng,
        {"kind": kind},
        instance,
        lengths,
        lambda pair: alignments(n, m, pair, kind=kind, allowed=allowed),
        (size,),
    )


def tree(target: str, rng: Generator) -> Case:
    """Matrices of arcs; with and without a mask, which also fixes their size."""
    room, single = int(rng.integers(1, 5)), bool(rng.random() < 0.5)
    allowed = _some(rng, (room + 1, room + 1)) if rng.random() < 0.5 else np.ones((room + 1, room + 1))
    instance = {} if allowed.all() else {"allowed": f"np.array({literal(allowed)})"}

    def points(length: int) -> Floats:
        every = projective_trees(room, length, single_root=single)
        return every[(every <= allowed).all(axis=(1, 2))]

    lengths = rng.integers(1, room + 1, 3).tolist()
    return _cases(target, rng, {"single_root": single}, instance, lengths, points, (room + 1, room + 1))


def cky(target: str, rng: Generator) -> Case:
    """Some of the rules of two or three symbols, or no grammar."""
    room, count = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    every = list(itertools.product(range(count), repeat=3))
    picked = sorted(rng.choice(len(every), int(rng.integers(1, min(len(every), 8) + 1)), replace=False).tolist())
    grammar = None if rng.random() < 0.3 else [every[place] for place in picked]
    over, roots = (np.flatnonzero(_some(rng, (count,))).tolist() or [0] for _ in range(2))
    instance = {"words": str(room), "grammar": literal(grammar), "symbols": str(count)}
    instance |= {"preterminals": literal(over), "roots": literal(roots)}
    size = room * room * count + (0 if grammar is None else len(grammar))
    return _cases(
        target,
        rng,
        {},
        instance,
        rng.integers(1, room + 1, 3).tolist(),
        lambda length: derivations(room, length, grammar, list(range(count)), over, roots),
        (size,),
    )


DRAWS: dict[str, Callable[[str, Generator], Case]] = {
    "sequences/viterbi": chain,
    "sequences/segmentation": chain,
    "sequences/alignment": alignment,
    "sequences/projective-tree": tree,
    "sequences/cky": cky,
}
