"""Kernels that numba compiles, for solvers of numpy arrays. Only the first kernel imports numba: imle does without."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, update_wrapper
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Floats", "Ints", "Longs", "Masks", "compiled", "read_only"]

Floats = NDArray[np.float64]
"""Objectives, costs, labels."""
Ints = NDArray[np.int32]
"""Numbers of nodes, edges and the like."""
Longs = NDArray[np.int64]
"""Whole numbers that may be large, one per row."""
Masks = NDArray[np.int8]
"""0/1 solutions: an eighth of the memory traffic of objectives."""
Flags = NDArray[np.bool_]
"""Yes or no, one per row."""

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T", bound=np.generic)


def compiled(function: F) -> F:
    """Compile a kernel on first call, keep the machine code on disk, and run it without the GIL.

    Kernels are module-level functions (closures would be compiled again in every process) and single-threaded: the
    caller spreads rows over threads, and processes may be forked at any time. The kernels of a distribution lie in a
    folder of their own. They call each other, and read constants, of this folder only: when one of its files changes,
    all of its kernels are compiled anew, and what was compiled of the earlier files is deleted.

    Args:
        function: the kernel, annotated with `Floats` and the like.

    Returns:
        the compiled one, called alike.
    """
    import numba

    name, file = function.__qualname__, Path(function.__code__.co_filename)
    digest = _digest(file.parent)
    # numba calls its files by this name. It only notices changes of the kernel's own file, not of kernels inside it
    function.__qualname__ = f"{name}-{digest}"
    kernel = numba.njit(cache=True, nogil=True)(function)
    function.__qualname__ = name
    if kernel is function:  # NUMBA_DISABLE_JIT: what runs is the Python code, for debuggers
        return function
    for earlier in Path(str(kernel.stats.cache_path)).glob(f"{file.stem}.{name}-*"):
        if digest not in earlier.name:
            with suppress(OSError):  # another process has deleted it, or still reads it
                earlier.unlink()
    return cast(F, update_wrapper(kernel, function))


@cache
def _digest(folder: Path) -> str:
    """Of all that machine code is made of: the sources in a folder, and how they are compiled."""
    sources = [Path(__file__), *sorted(folder.glob("*.py"))]
    return hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=8).hexdigest()


def read_only(array: NDArray[T]) -> NDArray[T]:
    """A C-contiguous view that cannot be written.

    Kernels are compiled per type, and layout and read-only are part of the type: this way there is only one.

    Args:
        array: of any shape; it is copied only if it is not C-contiguous.
    """
    view: NDArray[Any] = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
