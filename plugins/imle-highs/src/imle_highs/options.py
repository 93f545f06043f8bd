"""HiGHS' names for the options that all solvers with HiGHS have."""

from __future__ import annotations

from imle.errors import OptionError
from imle_highs.native import Settings

_MOST = 2**31 - 1


def shared(who: str, threads: int, seed: int) -> Settings:
    """HiGHS' names for the options both solvers have.

    Raises:
        OptionError: one is out of range.
    """
    if not 1 <= threads <= _MOST:
        raise OptionError(f"{who}: threads: expected an int >= 1, found {threads!r}")
    if not 0 <= seed <= _MOST:
        raise OptionError(f"{who}: seed: expected an int from 0 to {_MOST}, found {seed!r}")
    return {"threads": threads, "random_seed": seed}
