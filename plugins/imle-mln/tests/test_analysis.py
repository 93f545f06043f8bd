"""Sorting instead of hashing must not change what is found."""

from __future__ import annotations

import numpy as np

from imle_mln.inference.equivalences import double_cover
from imle_mln.network import distinct


def test_distinct_is_unique():
    rng = np.random.default_rng(0)
    for size in (0, 1, 2, 50, 1000):
        values = rng.integers(-20, 20, size).astype(np.int32)
        np.testing.assert_array_equal(distinct(values), np.unique(values))


def test_double_covers_are_searched_one_by_one():
    """Components by breadth-first search over atoms and their opposites."""
    rng = np.random.default_rng(1)
    for _ in range(100):
        n, edges = int(rng.integers(1, 12)), int(rng.integers(0, 12))
        first, second, equal = rng.integers(0, n, edges), rng.integers(0, n, edges), rng.random(edges) < 0.5
        near = [set() for _ in range(2 * n)]
        for a, b, same in zip(first.tolist(), second.tolist(), equal.tolist(), strict=True):
            for one, other in ((a, b if same else b + n), (a + n, b + n if same else b)):
                near[one].add(other)
                near[other].add(one)
        expected = np.full(2 * n, -1)
        for start in range(2 * n):
            if expected[start] < 0:
                front = [start]
                while front:
                    node = front.pop()
                    if expected[node] < 0:
                        expected[node] = start
                        front += near[node]
        label = double_cover(n, first, second, equal)
        np.testing.assert_array_equal(label[:, None] == label, expected[:, None] == expected)
