"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T", bound=np.generic)


def compiled(function: F) -> F:
    """Compile on first call, keep the machine code on disk, and run without the GIL.

    Kernels are module-level functions (closures would be compiled again in every process) and single-threaded: the
    caller spreads rows over threads, and processes may be forked at any time.
    """
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def read_only(array: NDArray[T]) -> NDArray[T]:
    """A C-contiguous view that cannot be written.

    Kernels are compiled per type, and layout and read-only are part of the type: this way there is only one.
    """
    view: NDArray[Any] = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
