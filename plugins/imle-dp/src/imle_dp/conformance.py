"""What `imle check` checks the solvers on; imported by checks and by nothing else. All solutions are listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from imle.testing import Floats, Instance

TOO_LARGE = 1e305
"""Finite; sums of a few thousand of them are not."""


def instances(solver_id: str) -> list[Instance]:
    """Small instances, and all their solutions."""
    offered: dict[str, Callable[[], list[Instance]]] = {
        "viterbi": _paths,
        "segmentation": _segmentations,
        "alignment": _alignments,
        "projective-tree": _trees,
        "cky": _derivations,
    }
    return offered[solver_id]()


def _paths() -> list[Instance]:
    tagging = np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]])  # nothing inside of what has not begun
    return [
        Instance(
            "three steps",
            {"steps": 3, "states": 2},
            solutions=segmentations(3, 1, 2),
            rows={"lengths": [3, 1, 2, None]},
            bad_objective=np.full(10, TOO_LARGE),
        ),
        Instance(
            "costs, a length, transitions of each step",
            {"steps": 4, "states": 2, "lengths": 3, "stationary": False},
            {"sense": "min"},
            solutions=segmentations(4, 1, 2, 3, stationary=False),
        ),
        Instance(
            "named states, some moves",
            {"steps": 3, "states": ["O", "B", "I"], "allowed": tagging, "starts": [1, 1, 0], "ends": [1, 0, 1]},
            solutions=segmentations(3, 1, 3, allowed=tagging, starts=[0, 1], ends=[0, 2]),
        ),
    ]


def _segmentations() -> list[Instance]:
    other = 1 - np.eye(2)
    return [
        Instance(
            "four steps",
            {"steps": 4, "longest": 3, "kinds": 2},
            solutions=segmentations(4, 3, 2),
            rows={"lengths": [4, 1, 3, None]},
            bad_objective=np.full(28, TOO_LARGE),
        ),
        Instance(
            "costs, one kind",
            {"steps": 5, "longest": 2, "kinds": ["segment"], "lengths": 4, "stationary": False},
            {"sense": "min"},
            solutions=segmentations(5, 2, 1, 4, stationary=False),
        ),
        Instance(
            "kinds differ from one segment to the next",
            {"steps": 4, "longest": 4, "kinds": 2, "allowed": other, "starts": [1, 0]},
            solutions=segmentations(4, 4, 2, allowed=other, starts=[0]),
        ),
    ]


def segmentations(
    steps: int,
    longest: int,
    kinds: int,
    length: int | None = None,
    *,
    stationary: bool = True,
    allowed: Floats | None = None,
    starts: list[int] | None = None,
    ends: list[int] | None = None,
) -> Floats:
    """`[M, m]` all segmentations of a sequence, written out from what the blocks mean."""
    length = steps if length is None else length
    allowed = np.ones((kinds, kinds)) if allowed is None else np.asarray(allowed)
    found = []
    for cuts in itertools.product((False, True), repeat=length - 1):
        edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), length]
        widths = [end - start for start, end in itertools.pairwise(edges)]
        if max(widths) > longest:
            continue
        for labels in itertools.product(range(kinds), repeat=len(widths)):
            pairs = list(itertools.pairwise(labels))
            if not all(allowed[pair] for pair in pairs):
                continue
            if (starts is not None and labels[0] not in starts) or (ends is not None and labels[-1] not in ends):
                continue
            segments = np.zeros((steps, longest, kinds))
            moves = np.zeros((1 if stationary else steps - 1, kinds, kinds))
            for start, width, kind in zip(edges, widths, labels, strict=False):
                segments[start, width - 1, kind] += 1
            for start, pair in zip(edges[1:], pairs, strict=False):
                moves[0 if stationary else start - 1][pair] += 1
            found.append(np.concatenate([segments.ravel(), moves.ravel()]))
    return np.array(found)


def _alignments() -> list[Instance]:
    band = np.array([[1, 1, 0], [1, 1, 1]])
    return [
        Instance(
            "whole",
            {"first": 2, "second": 3},
            solutions=alignments(2, 3),
            rows={"lengths": [(2, 3), (1, 2), (0, 3), None, (0, 0)]},
            bad_objective=np.full(11, TOO_LARGE),
        ),
        Instance(
            "a part, scores, lengths",
            {"first": 3, "second": 2, "lengths": (2, 2)},
            {"kind": "local", "sense": "max"},
            solutions=alignments(3, 2, (2, 2), kind="local"),
            rows={"lengths": [(2, 2), (3, 2), (1, 0)]},
        ),
        Instance(
            "warping in a band",
            {"first": 2, "second": 3, "allowed": band, "lengths": (2, 3)},
            {"kind": "warping"},
            solutions=alignments(2, 3, kind="warping", allowed=band),
            rows={"lengths": [(2, 3), (2, 1), (1, 2)]},
            bad_row={"lengths": (1, 3)},
        ),
    ]


def alignments(
    n: int,
    m: int,
    lengths: tuple[int, int] | None = None,
    *,
    kind: str = "global",
    allowed: Floats | None = None,
) -> Floats:
    """`[M, m]` all alignments, as the paths through a lattice that they are."""
    ends = lengths or (n, m)
    allowed = np.ones((n, m)) if allowed is None else allowed
    found: set[tuple[float, ...]] = set()

    def go(i: int, j: int, chosen: frozenset[tuple[str, int, int]]) -> None:
        """From a corner of the lattice; for warpings, from a cell."""
        if kind == "local" or (i, j) == ends:
            pairs, deleted, inserted = np.zeros((n, m)), np.zeros(n), np.zeros(m)
            for step, one, two in chosen:
                if step == "pair":
                    pairs[one, two] = 1
                elif step == "delete":
                    deleted[one] = 1
                else:
                    inserted[two] = 1
            found.add(tuple(np.concatenate([pairs.ravel(), *((deleted, inserted) if kind != "warping" else ())])))
        if i < ends[0] and j < ends[1] and allowed[i, j]:
            if kind == "warping":
                for one, two in ((i + 1, j + 1), (i + 1, j), (i, j + 1)):
                    if (one, two) == ends or (one < ends[0] and two < ends[1]):
                        go(one, two, chosen | {("pair", i, j)})
            else:
                go(i + 1, j + 1, chosen | {("pair", i, j)})
        if kind != "warping":
            if i < ends[0]:
                go(i + 1, j, chosen | {("delete", i, j)})
            if j < ends[1]:
                go(i, j + 1, chosen | {("insert", i, j)})

    for start, other in np.ndindex(ends[0] + 1, ends[1] + 1) if kind == "local" else [(0, 0)]:
        go(start, other, frozenset())
    return np.array(sorted(found))


def _trees() -> list[Instance]:
    some = np.ones((4, 4))
    some[0, 2] = some[2, 1] = 0
    return [
        Instance(
            "three words",
            {"lengths": 3},
            solutions=projective_trees(3, 3, single_root=True),
            shape=(4, 4),
            rows={"lengths": [3, 1, 2, None]},
            bad_objective=np.full((4, 4), TOO_LARGE),
        ),
        Instance(
            "costs, several roots, room for four",
            {"lengths": 3},
            {"single_root": False, "sense": "min"},
            solutions=projective_trees(4, 3, single_root=False),
            shape=(5, 5),
            rows={"lengths": [4, 2]},
        ),
        Instance(
            "some heads",
            {"allowed": some},
            solutions=[tree for tree in projective_trees(3, 3, single_root=True) if (tree <= some).all()],
        ),
    ]


def projective_trees(room: int, words: int, *, single_root: bool) -> Floats:
    """`[M, room + 1, room + 1]` all choices of a head for each word that make a tree without crossing arcs."""
    found = []
    for heads in itertools.product(range(words + 1), repeat=words):
        arcs = [(head, word) for word, head in enumerate(heads, start=1)]
        if (single_root and heads.count(0) != 1) or not _is_tree((0, *heads)) or _crossing(arcs):
            continue
        tree = np.zeros((room + 1, room + 1))
        for arc in arcs:
            tree[arc] = 1
        found.append(tree)
    return np.array(found)


def _is_tree(heads: tuple[int, ...]) -> bool:
    """Whether all words come to the root by as many steps as there are words."""
    reached = list(range(len(heads)))
    for _ in heads:
        reached = [heads[node] for node in reached]
    return not any(reached)


def _crossing(arcs: list[tuple[int, int]]) -> bool:
    """Whether one of two arcs begins inside the other and ends outside; the root stands before the first word."""
    spans = [sorted(arc) for arc in arcs]
    return any(one[0] < other[0] < one[1] < other[1] for one, other in itertools.permutations(spans, 2))


def _derivations() -> list[Instance]:
    ambiguous = [(0, 0, 1), (0, 1, 1), (1, 0, 0)]
    named = [("S", "NP", "V"), ("NP", "NP", "PP"), ("PP", "P", "NP"), ("S", "S", "PP")]
    over = ["NP", "V", "P"]
    return [
        Instance(
            "three words",
            {"words": 3, "grammar": ambiguous},
            solutions=derivations(3, 3, ambiguous, [0, 1], [0, 1], [0, 1]),
            rows={"lengths": [3, 1, 2, None]},
            bad_objective=np.full(21, TOO_LARGE),
        ),
        Instance(
            "named symbols, costs",
            {"words": 5, "grammar": named, "preterminals": over, "roots": ["S"], "lengths": 4},
            {"sense": "min"},
            solutions=derivations(5, 4, named, ["S", "NP", "V", "PP", "P"], over, ["S"]),
            bad_row={"lengths": 3},
        ),
        Instance(
            "no grammar",
            {"words": 4, "symbols": 2, "lengths": 3, "roots": [1]},
            solutions=derivations(4, 3, None, [0, 1], [0, 1], [1]),
            rows={"lengths": [4, 1]},
        ),
    ]


def derivations(
    room: int,
    words: int,
    grammar: list[Any] | None,
    symbols: list[Any],
    preterminals: list[Any],
    roots: list[Any],
) -> Floats:
    """`[M, m]` all trees: spans by first and last word and symbol, then counts of rules."""
    rules = list(itertools.product(symbols, repeat=3)) if grammar is None else grammar
    place = {symbol: number for number, symbol in enumerate(symbols)}
    size = room * room * len(symbols)

    def trees(first: int, last: int, symbol: Any) -> list[Floats]:
        node = np.zeros(size + len(rules))
        node[(first * room + last) * len(symbols) + place[symbol]] = 1
        if first == last:
            return [node] if symbol in preterminals else []
        found = []
        for number, (parent, left, right) in enumerate(rules):
            if parent != symbol:
                continue
            own = node.copy()
            own[size + number] = 1
            for middle in range(first, last):
                lefts = trees(first, middle, left)
                found += [own + a + b for a in lefts for b in (trees(middle + 1, last, right) if lefts else [])]
        return found

    every = np.array([tree for root in roots for tree in trees(0, words - 1, root)])
    every = every.reshape(-1, size + len(rules))
    return np.unique(every[:, :size], axis=0) if grammar is None else every
