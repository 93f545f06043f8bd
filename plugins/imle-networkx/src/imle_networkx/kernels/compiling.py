"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile on first call, keep the machine code on disk, and run without the GIL.

    Kernels are module-level functions (closures would be compiled again in every process) and single-threaded: the
    caller spreads rows over threads, and processes may be forked at any time.

    numba compiles a kernel again when its own file changes, not when a file it imports from does: after an edit of
    `lanes.py` or `heap.py`, delete `__pycache__/*.nbi`.
    """
    return cast(F, numba.njit(cache=True, nogil=True)(function))
