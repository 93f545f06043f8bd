"""Alignments of two sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from imle.solvers import BaseSolver, BlockLayout, Sense
from imle.solvers.compiled import Flags, Floats, Longs, Masks, read_only
from imle_dp.kernels.alignment import alignments, warpings
from imle_dp.plugin import ALIGNMENT
from imle_dp.prepared import PreparedSequences
from imle_dp.reading import barred, whole

Kind = Literal["global", "local", "warping"]


@dataclass(frozen=True)
class AlignmentSolver(BaseSolver, spec=ALIGNMENT):
    """The best alignment of two sequences, whose items keep their order.

    Args:
        kind: "global": each item is paired with one of the other sequence or left out, as for edit distances
            (Needleman-Wunsch). "local": so are those between the first and the last pair, and others score nothing
            (Smith-Waterman). "warping": each item is paired with one or more, as dynamic time warping does.
        sense: "min" for costs, "max" for scores.

    Several best alignments: the same one every time, which prefers pairs.
    """

    kind: Kind = "global"
    sense: Sense = "min"

    def prepare(
        self, first: int, second: int, lengths: tuple[int, int] | None = None, allowed: Any = None
    ) -> PreparedAlignment:
        """Bind to the room for two sequences.

        Args:
            first, second: n and m, the most items of each.
            lengths: how many items of each a row has; None for all. One pair per row when solving.
            allowed: `[n, m]` which items may be paired.

        Raises:
            InstanceError: not such numbers, or no such mask.
        """
        return PreparedAlignment(self, first, second, lengths, allowed)


class PreparedAlignment(PreparedSequences):
    """Two sequences with room for n and m items.

    Args:
        solver: the options.
        first, second, lengths, allowed: as `AlignmentSolver.prepare` takes them.

    Raises:
        InstanceError: not such numbers, or no such mask.
    """

    nothing = "no path through {0} x {1} cells keeps to allowed"

    def __init__(self, solver: AlignmentSolver, first: Any, second: Any, lengths: Any, allowed: Any) -> None:
        who = ALIGNMENT.id
        self.kind = solver.kind
        self.size = whole(who, "first", first), whole(who, "second", second)
        self.bars = read_only(barred(who, "allowed", allowed, self.size))
        least = 1 if self.kind == "warping" else 0  # all of a sequence can be a gap
        super().__init__(solver, lengths, self.size, least)

    @cached_property
    def blocks(self) -> BlockLayout:
        """Pairs, and what is left out of each sequence."""
        n, m = self.size
        return BlockLayout(pairs=(n, m), **({} if self.kind == "warping" else {"deletions": n, "insertions": m}))

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """`(m,)`."""
        return self.blocks.objective_shape

    def sizes(self, lengths: Longs) -> Mapping[str, Longs]:
        """Pairs of items, and the items of each sequence."""
        gaps = {} if self.kind == "warping" else {"deletions": lengths[:, :1], "insertions": lengths[:, 1:]}
        return {"pairs": lengths, **gaps}

    def maximise(self, scores: Floats, lengths: Longs, solutions: Masks, found: Flags) -> None:
        """Find a best alignment of each row."""
        if self.kind == "warping":
            warpings(scores, lengths, self.bars, solutions, found)
        else:
            alignments(scores, lengths, self.bars, self.kind == "local", solutions, found)
