"""index.html: one file with everything in it, and pictures in place of the canvases where there is no JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from string import Template

from imle.demo.charts import loss_limit
from imle.demo.frames import page_data
from imle.demo.learning import Recording
from imle.demo.showcase import Showcase
from imle.drawing.web import document, inline, source

_SAMPLING_PANELS = {"map": "The map", "sample": "One sampled path", "marginals": "Mean of the samples so far"}
_LEARNING_PANELS = {
    "gold": "Gold path",
    "sample": "One sample",
    "marginals": "Mean of samples",
    "best": "MAP path",
    "costs": "Costs",
}


def page(showcase: Showcase, pictures: Mapping[str, bytes], command: str) -> bytes:
    """The page.

    Args:
        showcase: what happened.
        pictures: the files next to the page; those of the readers without JavaScript are inlined.
        command: how to make this page again.
    """
    body = Template(source("imle.demo", "page.html")).substitute(
        sampling_facts=_sampling_facts(showcase),
        sampling_panels=_panels("sampling", _SAMPLING_PANELS),
        sampling_gif=inline(pictures["sampling.gif"], "gif"),
        rows="\n".join(_row(recording) for recording in showcase.recordings),
        settings="\n".join(_setting(showcase, recording, pictures) for recording in showcase.recordings),
        steps=showcase.plan.steps,
        seed=showcase.seed,
        command=escape(command),
        files=", ".join(f'<a href="{name}">{name}</a>' for name in [*pictures, "results.json"]),
    )
    return document(
        "imle demo: learning a map from one path", body, page_data(showcase), script=source("imle.demo", "page.js")
    )


def _sampling_facts(showcase: Showcase) -> str:
    sampled = showcase.sampled
    return (
        f"These {len(sampled.paths)} samples are {sampled.distinct} different paths. Of their noisy costs, "
        f"{100 * sampled.clipped:.1f} % fell below zero, where the solver puts zero."
    )


def _panels(group: str, captions: Mapping[str, str], notes: Mapping[str, str] | None = None) -> str:
    figures = []
    for name, caption in captions.items():
        note = f"<span>{notes[name]}</span>" if notes and name in notes else ""
        figures.append(
            f'<figure><figcaption><b>{caption}</b>{note}</figcaption><canvas data-group="{group}" '
            f'data-panel="{name}" role="img" aria-label="{caption}"></canvas></figure>'
        )
    return "\n".join(figures)


def _row(recording: Recording) -> str:
    setting = recording.setting
    cells = [
        _step(recording.reached),
        _step(recording.settled),
        f"{recording.loss[-1]:.2f}",
        f"{100 * recording.sparsity[-1]:.0f} %",
        f"{100 * recording.clipped:.1f} %",
    ]
    name = f"{setting.temperature:g} / {setting.target_temperature:g}"
    return f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _step(step: int | None) -> str:
    return '<span class="no">not yet</span>' if step is None else f"step {step}"


def _setting(showcase: Showcase, recording: Recording, pictures: Mapping[str, bytes]) -> str:
    setting = recording.setting
    verdict = (
        "The MAP path did not become the gold path."
        if recording.reached is None
        else f"The MAP path is the gold path after {recording.reached} steps."
    )
    limit = loss_limit(showcase.recordings)
    still = inline(pictures[f"learning-{setting.name}.png"], "png")
    panels = _panels(setting.name, _LEARNING_PANELS, {"costs": f"0 to {recording.highest_cost:.1f}"})
    loss = _chart("loss", "Loss: wrong cells per sample", recording, recording.loss, limit, "")
    percents = [100 * share for share in recording.sparsity]
    sparsity = _chart("sparsity", "Zero entries of the gradient", recording, percents, 100.0, " %")
    return f"""<article id="setting-{setting.name}">
<header><h3>{setting.title}</h3><p>{verdict}</p></header>
<div class="panels">
{panels}
</div>
<noscript><img src="{still}" alt="{setting.title}: gold path, sample, mean of samples, MAP path and costs, at the end">
</noscript>
<div class="charts">
{loss}
{sparsity}
</div>
</article>"""


def _chart(kind: str, caption: str, recording: Recording, curve: list[float], limit: float, unit: str) -> str:
    """A curve over all states, as SVG stretched to its box; the script moves the cursor."""
    steps, places = recording.steps, 0 if unit else 1
    points = " ".join(f"{1000 * step / steps:.0f},{100 - 100 * value / limit:.1f}" for step, value in enumerate(curve))
    at = None if recording.reached is None else f"{1000 * recording.reached / steps:.0f}"
    reached = "" if at is None else f'<line class="reached" x1="{at}" x2="{at}" y1="0" y2="100"/>'
    return f"""<figure class="chart {kind}">
<figcaption><b>{caption}</b><output>{curve[-1]:.{places}f}{unit}</output></figcaption>
<div class="plot"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{caption}, by step">
<line class="grid" x1="0" x2="1000" y1="0" y2="0"/><line class="grid" x1="0" x2="1000" y1="50" y2="50"/>
{reached}<polyline points="{points}"/></svg>
<i class="limit">{limit:.0f}{unit}</i><i class="zero">0</i><i class="cursor"></i></div>
<div class="axis"><span>0</span><span>{steps // 2}</span><span>{steps}</span></div>
</figure>"""
