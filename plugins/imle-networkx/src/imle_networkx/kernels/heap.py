"""A 4-ary min-heap of (key, node) in two flat arrays: half as deep as a binary one, and children share a cache line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle_networkx.kernels.compiling import compiled


@compiled
def push(keys: NDArray[np.float64], nodes: NDArray[np.int32], size: int, key: float, node: int) -> int:
    """Add an entry to a heap of `size` entries; returns the new size."""
    place = size
    while place > 0:
        parent = (place - 1) // 4
        if keys[parent] <= key:
            break
        keys[place], nodes[place] = keys[parent], nodes[parent]
        place = parent
    keys[place], nodes[place] = key, node
    return size + 1


@compiled
def drop(keys: NDArray[np.float64], nodes: NDArray[np.int32], size: int) -> int:
    """Remove the least entry, which is at position 0; returns the new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    place = 0
    child = 1
    while child < size:
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if keys[other] < keys[least]:
                least = other
        if keys[least] >= key:
            break
        keys[place], nodes[place] = keys[least], nodes[least]
        place = least
        child = 4 * place + 1
    keys[place], nodes[place] = key, node
    return size
