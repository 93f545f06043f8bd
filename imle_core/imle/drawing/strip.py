"""Panels in a row, or in rows, a caption above each column, and a progress bar with a counter below."""

from __future__ import annotations

from collections.abc import Sequence

from imle.drawing.colours import EMPTY, INK, MUTED, ON_GOLD, PALETTE
from imle.drawing.sheet import Indices, Sheet, text_width

_MARGIN, _GAP, _TOP, _FOOT = 26, 20, 36, 32
_LABELS = 96  # width of the names of rows, if there are any
_BAR_LENGTH, _BAR_HEIGHT, _COUNTER = 160, 4, 130


class Strip:
    """Draws frames that differ in their panels and in how far the progress bar has come.

    Args:
        title: below the panels, on the left.
        captions: one per column of panels.
        cell: pixels per cell.
        shape: rows and columns of cells of a panel.
        rows: names of the rows of panels, on their left; by default one row without a name.
        gap: pixels between panels.
        group: columns that belong together; the gap between groups is twice as wide.
    """

    def __init__(
        self,
        title: str,
        captions: Sequence[str],
        cell: int,
        shape: tuple[int, int],
        *,
        rows: Sequence[str] = ("",),
        gap: int = _GAP,
        group: int | None = None,
    ) -> None:
        self.cell = cell
        height, width = shape[0] * cell, shape[1] * cell
        start = _MARGIN + (_LABELS if any(rows) else 0)
        lefts = [
            start + panel * (width + gap) + (panel // group * gap if group else 0) for panel in range(len(captions))
        ]
        tops = [_TOP + row * (height + gap) for row in range(len(rows))]
        self._corners = [(left, top) for top in tops for left in lefts]
        self._bottom = tops[-1] + height
        self._right = max(lefts[-1] + width, _MARGIN + text_width(title) + _GAP + _BAR_LENGTH + _COUNTER)
        self._still = Sheet(self._right + _MARGIN, self._bottom + _FOOT)
        room = width + gap - 6
        size = next((s for s in (14, 12) if all(text_width(words, s) <= room for words in captions)), 11)
        for left, caption in zip(lefts, captions, strict=True):
            self._still.text(left, _TOP - 11, caption, size=size)
        for top, name in zip(tops, rows, strict=True):
            self._still.text(_MARGIN, top + height // 2 + 5, name, colour=MUTED, size=12)
        self._still.text(_MARGIN, self._bottom + 22, title, colour=MUTED)

    def frame(self, blocks: Sequence[Indices], counter: str, share: float | None) -> Sheet:
        """One frame.

        Args:
            blocks: the panels, row by row.
            counter: at the right end of the bar.
            share: how much of the bar is full, in [0, 1]; None for no bar.
        """
        sheet = self._still.copy()
        for (left, top), block in zip(self._corners, blocks, strict=True):
            sheet.paste(left, top, block)
        sheet.text(self._right, self._bottom + 22, counter, colour=INK, align="right")
        if share is not None:
            left, top = self._right - _COUNTER - _BAR_LENGTH, self._bottom + 16
            sheet.fill(left, top, _BAR_LENGTH, _BAR_HEIGHT, PALETTE.flat(EMPTY))
            sheet.fill(left, top, round(_BAR_LENGTH * share), _BAR_HEIGHT, PALETTE.flat(ON_GOLD))
        return sheet
