"""Solvers that wrap another solver: equal rows once, a memo, timing. None of them needs torch.

They compose, for example `Cached(Deduplicated(solver))`.
"""

from __future__ import annotations

from imle.solvers.combinators.cached import Cached
from imle.solvers.combinators.deduplicated import Deduplicated
from imle.solvers.combinators.timed import Timed

__all__ = ["Cached", "Deduplicated", "Timed"]
