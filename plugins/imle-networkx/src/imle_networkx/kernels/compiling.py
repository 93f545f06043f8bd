"""How kernels are compiled, and the arrays they take."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

_KERNELS = Path(__file__).parent

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Masks = NDArray[np.int8]
Flags = NDArray[np.bool_]

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


def forget_stale_code() -> None:
    """Delete machine code on disk if any kernel's source has changed since it was compiled.

    numba looks only at the file of a kernel itself, and would go on running an old `lanes.py` inside it.
    """
    sources = b"".join(path.read_bytes() for path in sorted(_KERNELS.glob("*.py")))
    digest = hashlib.blake2b(sources).hexdigest()
    stamp = _KERNELS / "__pycache__" / "kernels.digest"
    with contextlib.suppress(OSError):  # not writable: then nothing is compiled into this folder either
        if not stamp.exists() or stamp.read_text() != digest:
            for index in stamp.parent.glob("*.nbi"):
                index.unlink(missing_ok=True)
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(digest)


forget_stale_code()
