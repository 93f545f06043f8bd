"""index.html: one file with everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

from imle.drawing.web import document, inline, source
from imle.gallery.show import Shown


def page(shown: Sequence[Shown], files: Sequence[str], command: str, seed: int) -> bytes:
    """The page.

    Args:
        shown: its sections.
        files: next to the page.
        command: how to make this page again.
        seed: of all randomness.
    """
    body = Template(source("imle.gallery", "page.html")).substitute(
        contents="\n".join(f'<li><a href="#{section.name}">{escape(section.title)}</a></li>' for section in shown),
        sections="\n".join(_section(number, section) for number, section in enumerate(shown, 1)),
        seed=seed,
        command=escape(command),
        files=", ".join(f'<a href="{name}">{name}</a>' for name in files),
    )
    return document(
        "imle gallery",
        body,
        {"sections": [_data(section) for section in shown]},
        css=source("imle.gallery", "page.css"),
        script=source("imle.gallery", "page.js"),
    )


def _section(number: int, section: Shown) -> str:
    view = section.view
    stills = "".join(
        f'<img src="{inline(view.drawings[name][-1].png(), "png")}" alt="{escape(section.title)}: {escape(name)}">\n'
        for name in view.stills
    )
    bar = f"""<div class="transport floating" data-player="{section.name}">
<button type="button"><svg viewBox="0 0 20 20" aria-hidden="true"><path/></svg></button>
<input type="range" min="0" value="0" step="1" aria-label="{escape(section.title)}">
<output></output>
</div>
"""
    return f"""<section id="{section.name}" aria-labelledby="{section.name}-title">
<h2 id="{section.name}-title"><span>{number}</span>{escape(section.title)}</h2>
{view.html}
{f"<noscript>{stills}</noscript>" if stills else ""}
{bar if view.player else ""}</section>"""


def _data(section: Shown) -> dict[str, object]:
    view = section.view
    return {
        "name": section.name,
        "masks": dict(view.masks),
        "player": view.player.data() if view.player else None,
        "canvases": {canvas.id: canvas.data() for canvas in view.canvases},
    }
