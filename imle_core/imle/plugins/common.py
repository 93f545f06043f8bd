"""Options that many solvers have, in the same words and with the same limits. `dataclasses.replace` changes a part."""

from __future__ import annotations

from typing import Literal

from imle.plugins.spec import Parameter

__all__ = ["GAP", "NODE_LIMIT", "SEED", "THREADS", "TIME_LIMIT", "sense"]

_LARGEST = 2**31 - 1
"""The largest number that libraries in C take for an int."""

TIME_LIMIT = Parameter(
    "time_limit",
    "float | None",
    None,
    "seconds per row; a row that runs out keeps its incumbent, if any",
    above=0,
    synonyms=("max_time", "max_seconds"),
)
"""Seconds per row; None for no limit."""

NODE_LIMIT = Parameter(
    "node_limit", "int | None", None, "nodes of branch and bound per row", minimum=1, maximum=_LARGEST
)
"""Nodes of a search, per row; None for no limit."""

GAP = Parameter(
    "gap",
    "float",
    0.0,
    "relative gap at which the search may stop; 0 is exact",
    minimum=0,
    finite=True,
    synonyms=("mip_gap", "rel_gap", "mip_rel_gap"),
)
"""Relative gap at which a search may stop; by default 0."""

THREADS = Parameter(
    "threads",
    "int",
    1,
    "threads per solve; rows of a batch parallelise better than one solve does",
    minimum=1,
    maximum=_LARGEST,
    synonyms=("num_threads", "n_threads"),
)
"""Threads of one solve; by default 1."""

SEED = Parameter(
    "seed",
    "int",
    0,
    "seed of the solver's own random choices",
    minimum=0,
    maximum=_LARGEST,
    synonyms=("random_seed", "random_state"),
)
"""Seed of an engine's random choices; by default 0."""


def sense(default: Literal["max", "min"]) -> Parameter:
    """The option `sense`, for solvers that both maximise scores and minimise costs.

    Args:
        default: "max" for scores, "min" for costs.
    """
    return Parameter(
        "sense",
        "str",
        default,
        "how objectives are read: costs to minimise or scores to maximise",
        choices=("min", "max"),
    )
