"""Labels of sequences: one for each step, or one for each segment of several steps."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imle.solvers import BaseSolver, BlockData, BlockLayout, Sense
from imle.solvers.compiled import Flags, Floats, Ints, Longs, read_only
from imle_dp.kernels.chain import chains
from imle_dp.plugin import SEGMENTATION, VITERBI
from imle_dp.prepared import PreparedSequences, by_row
from imle_dp.reading import barred, names, whole


@dataclass(frozen=True)
class ViterbiSolver(BaseSolver, spec=VITERBI):
    """The best path of states: one per step, scored by itself and with the state before it, as in a linear-chain CRF.

    Args:
        sense: "max" for scores, "min" for costs.

    Several best paths: the same one every time.
    """

    sense: Sense = "max"

    def prepare(
        self,
        steps: int,
        states: int | Sequence[Hashable],
        lengths: int | None = None,
        stationary: bool = True,
        allowed: Any = None,
        starts: Any = None,
        ends: Any = None,
    ) -> PreparedChain:
        """Bind to a number of steps, and to states.

        Args:
            steps: T, the room for steps.
            states: K, or their names.
            lengths: how many steps a row has; None for all. One per row when solving.
            stationary: there is one matrix of transitions; else one before each step but the first.
            allowed: `[K, K]` which state may follow which.
            starts, ends: `[K]` which may be the first, and the last.

        Raises:
            InstanceError: not such numbers or masks.
        """
        return PreparedChain(self, "emissions", steps, 1, states, lengths, stationary, allowed, starts, ends)


@dataclass(frozen=True)
class SegmentationSolver(BaseSolver, spec=SEGMENTATION):
    """The best cut of a sequence into labelled segments, as in a semi-Markov CRF.

    A segment is scored by where it starts, its length and its kind, and by the kind of the segment before it.

    Args:
        sense: "max" for scores, "min" for costs.

    Several best segmentations: the same one every time.
    """

    sense: Sense = "max"

    def prepare(
        self,
        steps: int,
        longest: int,
        kinds: int | Sequence[Hashable],
        lengths: int | None = None,
        stationary: bool = True,
        allowed: Any = None,
        starts: Any = None,
        ends: Any = None,
    ) -> PreparedChain:
        """Bind to a number of steps, and to kinds of segments.

        Args:
            steps: T, the room for steps.
            longest: L, the most steps of a segment.
            kinds: K, or their names.
            lengths: how many steps a row has; None for all. One per row when solving.
            stationary: there is one matrix of transitions; else one before each step but the first.
            allowed: `[K, K]` which kind may follow which; by default also itself.
            starts, ends: `[K]` which may be the first, and the last.

        Raises:
            InstanceError: not such numbers or masks.
        """
        return PreparedChain(self, "segments", steps, longest, kinds, lengths, stationary, allowed, starts, ends)


class PreparedChain(PreparedSequences):
    """Segments of one step or more, and the transitions between them.

    Args:
        solver: the options.
        block: what the block of segments is called.
        steps, longest, kinds, lengths, stationary, allowed, starts, ends: as `SegmentationSolver.prepare` takes them.

    Raises:
        InstanceError: not such numbers or masks.
    """

    nothing = "no sequence of {0} steps keeps to allowed, starts and ends"

    def __init__(
        self,
        solver: BaseSolver,
        block: str,
        steps: Any,
        longest: Any,
        kinds: Any,
        lengths: Any,
        stationary: bool,
        allowed: Any,
        starts: Any,
        ends: Any,
    ) -> None:
        who, many = solver.spec.id, "states" if block == "emissions" else "kinds"
        self.steps, self.longest = whole(who, "steps", steps), whole(who, "longest", longest)
        self.kinds = names(who, many, kinds)
        count = len(self.kinds)
        self.block, self.stationary = block, stationary
        self.moves = read_only(barred(who, "allowed", allowed, (count, count)))
        self.first = read_only(barred(who, "starts", starts, (count,)))
        self.last = read_only(barred(who, "ends", ends, (count,)))
        super().__init__(solver, lengths, (self.steps,), counts=True)

    @cached_property
    def blocks(self) -> BlockLayout:
        """Segments, and the transitions between them."""
        count = len(self.kinds)
        own = (self.steps, count) if self.block == "emissions" else (self.steps, self.longest, count)
        pairs = (count, count) if self.stationary else (self.steps - 1, count, count)
        most = max(1, self.steps - 1) if self.stationary else 1
        return BlockLayout(**{self.block: BlockData(own), "transitions": BlockData(pairs, default=0.0, largest=most)})

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """`(m,)`."""
        return self.blocks.objective_shape

    @property
    def labels(self) -> Mapping[str, Sequence[Hashable]]:
        """Steps, widths and kinds of segments; kinds before and after a step."""
        widths = [()] if self.block == "emissions" else [(width + 1,) for width in range(self.longest)]
        places = [()] if self.stationary else [(step,) for step in range(1, self.steps)]
        pairs = list(itertools.product(self.kinds, repeat=2))
        return {
            self.block: [(step, *width, kind) for step in range(self.steps) for width in widths for kind in self.kinds],
            "transitions": [(*place, *pair) for place in places for pair in pairs],
        }

    def sizes(self, lengths: Longs) -> Mapping[str, Longs]:
        """Segments that start at one of the steps, and transitions to all but the first of them."""
        steps, count = lengths[:, 0], len(self.kinds)
        own = (steps, count) if self.block == "emissions" else (steps, self.longest, count)
        return {self.block: by_row(*own)} | (
            {} if self.stationary else {"transitions": by_row(steps - 1, count, count)}
        )

    def maximise(self, scores: Floats, lengths: Longs, solutions: Ints, found: Flags) -> None:
        """Find a best segmentation of each row."""
        size, masks = (self.steps, self.longest), (self.moves, self.first, self.last)
        chains(scores, lengths, *size, self.stationary, *masks, solutions, found)
