"""index.html stands alone, and shows what results.json says."""

from __future__ import annotations

import json
import re
from html import unescape

from imle_gallery.demo import SECTIONS, SETTINGS, WORDS, DemoPlan
from imle_gallery.page import page
from imle_gallery.show import run
from support.chromium import needs_chromium, opened
from support.drawings import COUNTERS
from support.html import asks_the_network_for_nothing, page_data, parsed


def test_page_asks_the_network_for_nothing(quick):
    asks_the_network_for_nothing(quick.html, quick.folder)


def test_page_is_complete_and_small(quick):
    assert "$" not in re.sub(r"<script>.*?</script>", "", quick.html, flags=re.DOTALL)
    assert len(quick.html) < 6_000_000
    assert re.findall(r'data-canvas="([\w-]+)"', quick.html) == [
        *("map", "sample", "mean"),
        *(f"{panel}-{name}" for name in ("0-0", "1-1") for panel in ("gold", "sample", "marginals", "best", "costs")),
    ]
    assert re.findall(r'data-opens="(\w+)" data-of="([\w-]+)"', quick.html) == [("learning", "marginals-1-1")]


def test_page_reads_without_javascript(quick):
    fallbacks = re.findall(r"<noscript>(.*?)</noscript>", quick.html, flags=re.DOTALL)
    assert re.findall(r"data:image/(\w+)", "".join(fallbacks)) == ["gif", "png", "png"]
    text = " ".join(parsed(quick.html).texts)
    for setting in quick.results["settings"]:
        assert f"step {setting['map_first_gold_at_step']}" in text
        assert f"{setting['final_loss']:.2f}" in text


def is_path(tiles):
    """Tiles on the gold path and off it."""
    return (tiles == 2) | (tiles == 3)


def test_page_holds_the_frames_that_results_count(quick, frames_of):
    results, (sampling, learning) = quick.results, quick.page_data["sections"]
    assert sampling["player"]["frames"] == results["sampling"]["frames"] == 100
    paths, marginals = frames_of(sampling["canvases"]["sample"]), frames_of(sampling["canvases"]["mean"])
    assert len(paths) == len(marginals) == 100
    assert (marginals[-1] == (255 * is_path(paths).mean(axis=0)).round()).all()
    for counted in results["settings"]:
        number = counted["frames"]
        assert number == counted["steps"] // learning["player"]["every"] + 1 == learning["player"]["frames"]
        own = {
            name: frames_of(learning["canvases"][f"{name}-{counted['name']}"])
            for name in ("sample", "best", "marginals", "costs")
        }
        assert all(frames.shape == (number, 16, 16) for frames in own.values())
        final = is_path(own["best"][-1])
        assert ["".join(".#"[int(cell)] for cell in row) for row in final] == counted["final_map_path"]


def test_page_holds_the_curves_that_results_sum_up(quick):
    read = [json.loads(unescape(found)) for found in re.findall(r'data-values="(.*?)"', quick.html)]
    assert len(read) == 2 * len(quick.results["settings"])
    for setting, losses, shares in zip(quick.results["settings"], read[::2], read[1::2], strict=True):
        assert len(losses) == len(shares) == setting["frames"]
        sampled, best = setting["final_loss"], setting["final_map_loss"]
        assert losses[-1] == f"{sampled:.1f} per sample, {best} in the MAP path"
        assert shares[-1] == f"{100 * setting['final_gradient_sparsity']:.0f} %"


def test_colour_scale_is_fixed(quick, frames_of):
    for setting in quick.results["settings"]:
        costs = frames_of(quick.page_data["sections"][1]["canvases"][f"costs-{setting['name']}"])
        assert costs.max() == 255  # of all frames together
        assert costs[0].max() < 255


def test_a_setting_that_fails_says_so():
    shown = run(SECTIONS, DemoPlan(SETTINGS[:2], steps=2, every=1), seed=0, tick=lambda _: None)
    html = page(WORDS, shown, {}, "imle demo").decode()
    assert html.count("did not become the gold path") == 2
    assert html.count("not yet") == 4
    assert page_data(html)["sections"][1]["player"]["frames"] == 3


@needs_chromium
def test_page_plays_in_a_browser(quick):
    with opened(quick.folder / "index.html") as tab:
        tab.wait_for(f"{COUNTERS}[0] > 1")
        assert tab.console == []
