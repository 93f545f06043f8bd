"""index.html: one file with everything in it, and pictures in place of the canvases where there is no JavaScript."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from imle_gallery.colours import COST, KINDS, PROBABILITY, THEME, TILES
from imle_gallery.show import Shown


class Words(NamedTuple):
    """What a page says besides its sections: the title of its window, and HTML above and below them."""

    title: str
    header: str
    closing: str


def page(words: Words, shown: Sequence[Shown], written: Mapping[str, bytes], command: str) -> bytes:
    """The page.

    Args:
        words: around the sections.
        shown: the sections.
        written: the files next to the page, by name.
        command: how to make this page again.
    """
    html = Template(source("page.html")).substitute(
        title=words.title,
        theme=_theme(),
        css=source("page.css"),
        header=words.header,
        contents="\n".join(f'<li><a href="#{section.name}">{escape(section.title)}</a></li>' for section in shown),
        opening="".join(_opening(section) for section in shown),
        sections="\n".join(_section(number, section, written) for number, section in enumerate(shown, 1)),
        closing=words.closing,
        command=escape(command),
        files=", ".join(f'<a href="{name}">{name}</a>' for name in written),
        data=packed(
            {
                "tiles": TILES,
                "ramps": {
                    name: [f"#{bytes(colour).hex()}" for colour in KINDS[name]] for name in ("probability", "cost")
                },
                "sections": [_data(section) for section in shown],
            }
        ),
        script=source("page.js"),
    )
    return html.encode()


def packed(data: Mapping[str, Any]) -> str:
    """JSON as the script reads it: deflated, in base64."""
    return base64.b64encode(zlib.compress(json.dumps(data, allow_nan=False, separators=(",", ":")).encode())).decode()


def source(name: str) -> str:
    """A text file of this package."""
    return files("imle_gallery").joinpath(name).read_text("utf-8")


def _theme() -> str:
    """The variables of both colour schemes."""
    ramps = {"probability": PROBABILITY, "cost": COST}
    lines = [f"--{name}: linear-gradient(90deg, {', '.join(ramp)});" for name, ramp in ramps.items()]
    dark, light = ("\n".join(f"--{name}: {pair[place]};" for name, pair in THEME.items()) for place in (0, 1))
    return f":root {{ {light} {' '.join(lines)} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _opening(section: Shown) -> str:
    if section.view.opening is None:
        return ""
    canvas, caption = section.view.opening
    return (
        f'<figure><canvas data-opens="{section.name}" data-of="{canvas}" title="Click to play again" role="img" '
        f'aria-label="{escape(caption)}"></canvas>'
        f"<figcaption><b>{escape(caption)}</b><output></output></figcaption></figure>"
    )


def _section(number: int, section: Shown, written: Mapping[str, bytes]) -> str:
    view, title = section.view, escape(section.title)
    stills = []
    for name in view.stills:
        _, _, kind = name.rpartition(".")
        content = base64.b64encode(written.get(name) or view.drawings[name].file(kind)).decode()
        stills.append(f'<img src="data:image/{kind};base64,{content}" alt="{title}: {name}">')
    fallback = f"<noscript>{''.join(stills)}</noscript>\n" if stills else ""
    bar = f"""<div class="transport">
<button type="button"><svg viewBox="0 0 20 20" aria-hidden="true"><path/></svg></button>
<input type="range" min="0" value="0" step="1" aria-label="{title}">
<output></output>
</div>
"""
    return f"""<section id="{section.name}" aria-labelledby="{section.name}-title">
<h2 id="{section.name}-title"><span>{number}</span>{title}</h2>
{view.intro}
{bar if view.player else ""}{view.html}
{fallback}</section>"""


def _data(section: Shown) -> dict[str, object]:
    view = section.view
    return {
        "name": section.name,
        "player": vars(view.player) if view.player else None,
        "canvases": {canvas.id: canvas.data() for canvas in view.canvases},
    }
