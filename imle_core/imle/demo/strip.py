"""A row of panels, a caption above each, and a progress bar with a counter below."""

from __future__ import annotations

from collections.abc import Sequence

from imle.demo.colours import EMPTY, INK, MUTED, ON_GOLD, PALETTE
from imle.demo.problem import SIDE
from imle.demo.sheet import Indices, Sheet

_MARGIN, _GAP, _TOP, _FOOT = 26, 20, 36, 32
_BAR_LENGTH, _BAR_HEIGHT, _COUNTER = 160, 4, 130


class Strip:
    """Draws frames that differ in their panels and in how far the progress bar has come.

    Args:
        title: below the panels, on the left.
        captions: one per panel.
        cell: pixels per cell.
    """

    def __init__(self, title: str, captions: Sequence[str], cell: int) -> None:
        self.cell = cell
        self._lefts = [_MARGIN + panel * (SIDE * cell + _GAP) for panel in range(len(captions))]
        self._right = self._lefts[-1] + SIDE * cell
        self._bottom = _TOP + SIDE * cell
        self._still = Sheet(self._right + _MARGIN, self._bottom + _FOOT)
        for left, caption in zip(self._lefts, captions, strict=True):
            self._still.text(left, _TOP - 11, caption, size=14)
        self._still.text(_MARGIN, self._bottom + 22, title, colour=MUTED)

    def frame(self, blocks: Sequence[Indices], counter: str, share: float) -> Sheet:
        """One frame.

        Args:
            blocks: the panels.
            counter: at the right end of the bar.
            share: how much of the bar is full, in [0, 1].
        """
        sheet = self._still.copy()
        for left, block in zip(self._lefts, blocks, strict=True):
            sheet.paste(left, _TOP, block)
        sheet.text(self._right, self._bottom + 22, counter, colour=INK, align="right")
        left, top = self._right - _COUNTER - _BAR_LENGTH, self._bottom + 16
        sheet.fill(left, top, _BAR_LENGTH, _BAR_HEIGHT, PALETTE.flat(EMPTY))
        sheet.fill(left, top, round(_BAR_LENGTH * share), _BAR_HEIGHT, PALETTE.flat(ON_GOLD))
        return sheet
