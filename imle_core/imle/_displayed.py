"""Objects that are their own reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imle._text import without_colours

if TYPE_CHECKING:
    from rich.console import RenderableType


class Displayed:
    """An object that is its own report: `print` it, or leave it as the last line of a notebook's cell."""

    def __rich__(self) -> RenderableType:
        raise NotImplementedError

    def __str__(self) -> str:
        return without_colours(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from imle._html import page

        return page(self)
