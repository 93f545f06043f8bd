"""index.html stands alone, holds every frame, and plays."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from imle_gallery.colours import KINDS
from imle_gallery.commands import SECTIONS
from imle_gallery.view import marked
from support.chromium import needs_chromium, opened
from support.drawings import COUNTERS, READY
from support.html import asks_the_network_for_nothing, parsed


def test_page_asks_the_network_for_nothing(tiny):
    asks_the_network_for_nothing(tiny.html, tiny.folder)


def test_page_is_complete(tiny):
    assert "$" not in re.sub(r"<script>.*?</script>", "", tiny.html, flags=re.DOTALL).replace("${", "")
    assert re.findall(r'<section id="(\w+)"', tiny.html) == list(SECTIONS)
    canvases = re.findall(r'<canvas data-canvas="([^"]+)" role', tiny.html)
    assert sorted(canvases) == sorted(name for part in tiny.page_data["sections"] for name in part["canvases"])


def test_page_reads_without_javascript(tiny):
    fallbacks = re.findall(r"<noscript>(.*?)</noscript>", tiny.html, flags=re.DOTALL)
    assert len(fallbacks) == 6  # all but the histograms, which need no script
    assert all("data:image/png" in fallback for fallback in fallbacks)
    text = " ".join(parsed(tiny.html).texts)
    for histogram in tiny.results["sections"]["noise"]["histograms"]:
        assert f"{histogram['ks_distance']:.5f}" in text


def test_every_canvas_holds_all_frames_of_its_player(tiny, frames_of):
    moving = set()
    for part in tiny.page_data["sections"]:
        frames = part["player"]["frames"] if part["player"] else 1
        for canvas in part["canvases"].values():
            found = {len(frames_of(canvas, place)) for place in range(len(canvas["layers"]))}
            assert found <= {1, frames}
            if frames > 1 and found == {frames}:
                moving.add(part["name"])
            for place, layer in enumerate(canvas["layers"]):
                kinds = {"tiles": tiny.page_data["tiles"], **tiny.page_data["ramps"]}
                assert frames_of(canvas, place).max() < len(kinds[layer["kind"]])
    assert moving == {"paths", "learning", "race", "solvers"}


def test_learning_holds_what_results_say(tiny):
    (part,) = (part for part in tiny.page_data["sections"] if part["name"] == "learning")
    assert len(part["canvases"]) == len(tiny.results["sections"]["learning"]["runs"]) == 2 * 2 * 2
    assert part["player"] == {"frames": 4, "noun": "step", "first": 0, "every": 4, "total": 12}
    assert [len(canvas["layers"]) for canvas in part["canvases"].values()] == [4] * 8


def test_animations_have_all_frames(tiny):
    expected = {"paths": 6, "learning-costs": 4, "race": 3, "solver-topk": 6}
    for name, number in expected.items():
        with Image.open(tiny.folder / f"{name}.gif") as image:
            assert image.n_frames == number, name
            assert image.info["loop"] == 0
            image.seek(number - 1)
            last = np.asarray(image.convert("RGB"))
        with Image.open(tiny.folder / f"{name}.png") as still:
            assert (np.asarray(still.convert("RGB")) == last).all()


@needs_chromium
def test_page_plays_in_a_browser(tiny):
    with opened(tiny.folder / "index.html", height=9000) as tab:
        tab.wait_for(READY)
        assert len(tab.value(COUNTERS)) == 4
        tab.wait_for(f"{COUNTERS}.every((at) => at > 1)")  # they play by themselves
        assert tab.console == []


@needs_chromium
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)], ids=["desk", "phone"])
def test_no_player_covers_a_picture_wherever_the_page_is_scrolled_to(tiny, width, height):
    with opened(tiny.folder / "index.html", width=width, height=height) as tab:
        tab.wait_for(READY)
        assert tab.value("document.querySelectorAll('.transport').length") == 4
        covered = """[...document.querySelectorAll("canvas, .plot")].flatMap((picture) => {
          picture.scrollIntoView({ block: "center", behavior: "instant" });
          const box = picture.getBoundingClientRect();
          return [...document.querySelectorAll(".transport")].map((bar) => bar.getBoundingClientRect()).filter((bar) =>
            bar.top < box.bottom && bar.bottom > box.top && bar.left < box.right && bar.right > box.left);
        }).length"""
        assert tab.value(covered) == 0
        assert tab.value("document.documentElement.scrollWidth") == width  # nothing sticks out


@needs_chromium
def test_a_click_on_a_picture_stops_its_section(tiny):
    with opened(tiny.folder / "index.html", height=9000) as tab:
        tab.wait_for(READY)
        tab.wait_for(f"{COUNTERS}.every((at) => at > 1)")
        tab.value("document.querySelector('#race canvas').click()")
        label = "document.querySelector('#race button').getAttribute('aria-label')"
        assert tab.value(label) == "Play"
        tab.value("document.querySelector('#race canvas').click()")
        assert tab.value(label) == "Pause"


def test_what_stands_between_backticks_is_code():
    assert marked("`a < b` and `c`, not `<b>d") == "<code>a &lt; b</code> and <code>c</code>, not `&lt;b&gt;d"


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_two_colour_schemes(tiny, tmp_path, scheme):
    with opened(tiny.folder / "index.html", height=1500, dark=scheme == "dark") as tab:
        tab.wait_for(READY)
        picture = tab.picture(tmp_path / "page.png")
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (1500, 1200, 3)
    assert bool(pixels[0, 0].mean() < 50) == (scheme == "dark")
    shades = {tuple(colour) for colour in KINDS["probability"].tolist()}  # of the canvases
    assert {tuple(colour) for colour in np.unique(pixels.reshape(-1, 3), axis=0).tolist()} >= {min(shades), max(shades)}


@needs_chromium
def test_tiles_show_what_is_chosen(tiny):
    with opened(tiny.folder / "index.html", height=800) as tab:
        drawn = "document.querySelector('.sheet canvas').toDataURL()"
        tab.wait_for(READY)
        tab.drawn()
        before = tab.value(drawn)
        tab.value("document.querySelector('.choice input[value=costs]').click()")
        assert tab.value(drawn) != before
        assert tab.console == []
