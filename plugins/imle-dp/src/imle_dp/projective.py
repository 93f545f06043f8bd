"""Projective dependency trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import BaseSolver, Sense
from imle.solvers.compiled import Flags, Floats, Longs, Masks, read_only
from imle_dp.kernels.projective import projective_trees
from imle_dp.plugin import PROJECTIVE_TREE
from imle_dp.prepared import PreparedSequences, by_row
from imle_dp.reading import barred


@dataclass(frozen=True)
class ProjectiveTreeSolver(BaseSolver, spec=PROJECTIVE_TREE):
    """The best projective dependency tree of a sentence: no arc crosses another one.

    Args:
        single_root: one word hangs on the root, as treebanks want it; else one or more.
        sense: "max" for scores, "min" for costs.

    Several best trees: the same one every time.
    """

    single_root: bool = True
    sense: Sense = "max"

    def prepare(self, lengths: int | None = None, allowed: Any = None) -> PreparedProjectiveTree:
        """Bind to the arcs that are allowed.

        Args:
            lengths: how many words a row has; None for all there is room for. One per row when solving.
            allowed: `[n + 1, n + 1]` which heads (0 is the root) a word may have; None for all, which also leaves n
                open.

        Raises:
            InstanceError: no length, or no such mask.
        """
        return PreparedProjectiveTree(self, lengths, allowed)


class PreparedProjectiveTree(PreparedSequences):
    """Sentences of any length, or those for which there is a mask.

    Args:
        solver: the options.
        lengths, allowed: as `ProjectiveTreeSolver.prepare` takes them.

    Raises:
        InstanceError: no length, or no such mask.
    """

    nothing = "no projective tree over {0} words keeps to allowed"

    def __init__(self, solver: ProjectiveTreeSolver, lengths: Any, allowed: Any) -> None:
        self.single_root = solver.single_root
        self.bars: Floats | None = None
        if allowed is not None:
            size = np.shape(allowed)[:1] or (0,)
            if size[0] < 2:
                raise InstanceError(
                    f"{PROJECTIVE_TREE.id}: allowed: expected a mask [n + 1, n + 1] for n >= 1 words, found {allowed!r}"
                )
            self.bars = read_only(barred(PROJECTIVE_TREE.id, "allowed", allowed, size * 2))
        super().__init__(solver, lengths, (np.iinfo(np.int32).max if self.bars is None else len(self.bars) - 1,))

    @property
    def objective_shape(self) -> tuple[int | None, int | None]:
        """`(n + 1, n + 1)`, open where there is no mask."""
        return (None, None) if self.bars is None else (len(self.bars), len(self.bars))

    def room(self, shape: tuple[int, ...]) -> tuple[int]:
        """`(n,)`.

        Raises:
            ObjectiveError: not square, or no room for a word.
        """
        if shape[0] != shape[1] or shape[0] < 2:
            raise ObjectiveError(
                f"{PROJECTIVE_TREE.id}: expected objectives of shape [N, n + 1, n + 1] for n >= 1 words, found "
                f"{['N', *shape]}",
                hint="scores of arcs from each head, of which 0 is the root, to each word",
            )
        return (shape[0] - 1,)

    def sizes(self, lengths: Longs) -> Longs:
        """Arcs between the words, and those from the root."""
        return by_row(lengths[:, 0] + 1, lengths[:, 0] + 1)

    def maximise(self, scores: Floats, lengths: Longs, solutions: Masks, found: Flags) -> None:
        """Find a best tree of each row."""
        bars = read_only(np.zeros(scores.shape[1:])) if self.bars is None else self.bars
        projective_trees(scores, lengths, bars, self.single_root, solutions, found)
