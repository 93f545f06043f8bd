"""index.html stands alone, and shows what results.json says."""

from __future__ import annotations

import re

from imle.demo.frames import page_data
from imle.demo.learning import SETTINGS
from imle.demo.page import page
from imle.demo.pictures import pictures
from imle.demo.showcase import Plan, run
from support.chromium import needs_chromium, opened
from support.drawings import COUNTERS
from support.html import asks_the_network_for_nothing, parsed


def test_page_asks_the_network_for_nothing(quick):
    asks_the_network_for_nothing(quick.html, quick.folder)


def test_page_is_complete_and_small(quick):
    assert "$" not in re.sub(r"<script>.*?</script>", "", quick.html, flags=re.DOTALL)
    assert len(quick.html) < 6_000_000
    names = re.findall(r'data-group="([\d-]+)" data-panel="(\w+)"', quick.html)
    assert names == [
        (name, panel) for name in ("0-0", "1-1") for panel in ("gold", "sample", "marginals", "best", "costs")
    ]


def test_page_reads_without_javascript(quick):
    fallbacks = re.findall(r"<noscript>(.*?)</noscript>", quick.html, flags=re.DOTALL)
    assert [re.search(r"data:image/(\w+)", fallback)[1] for fallback in fallbacks] == ["gif", "png", "png"]
    text = " ".join(parsed(quick.html).texts)
    for setting in quick.results["settings"]:
        assert f"step {setting['map_first_gold_at_step']}" in text
        assert f"{setting['final_loss']:.2f}" in text


def test_page_holds_the_frames_that_results_count(quick, page_frames):
    results, data = quick.results, quick.page_data
    sampling = data["sampling"]
    assert sampling["frames"] == results["sampling"]["frames"] == 100
    paths, marginals = page_frames.bits(sampling["paths"]), page_frames.bytes(sampling["marginals"])
    assert len(paths) == len(marginals) == 100
    assert (marginals[-1] == (255 * paths.mean(axis=0)).round()).all()
    for shown, counted in zip(data["settings"], results["settings"], strict=True):
        number = counted["frames"]
        assert number == counted["steps"] // shown["every"] + 1 == shown["frames"] == len(shown["loss"])
        assert len(shown["sparsity"]) == number
        for name in ("sample", "best"):
            assert page_frames.bits(shown[name]).shape == (number, 16, 16)
        for name in ("marginals", "costs"):
            assert page_frames.bytes(shown[name]).shape == (number, 16, 16)
        assert shown["loss"][-1] == round(counted["final_loss"], 3)
        final = page_frames.bits(shown["best"])[-1]
        assert ["".join(".#"[cell] for cell in row) for row in final] == counted["final_map_path"]


def test_colour_scale_is_fixed(quick, page_frames):
    for setting in quick.page_data["settings"]:
        costs = page_frames.bytes(setting["costs"])
        assert costs.max() == 255  # of all frames together
        assert costs[0].max() < 255


def test_a_setting_that_fails_says_so():
    showcase = run(Plan(SETTINGS[:2], steps=2, every=1), seed=0, on_step=lambda _: None)
    html = page(showcase, pictures(showcase), "imle demo").decode()
    assert html.count("did not become the gold path") == 2
    assert html.count("not yet") == 4
    assert len(page_data(showcase)["settings"][0]["loss"]) == 3


@needs_chromium
def test_page_plays_in_a_browser(quick):
    with opened(quick.folder / "index.html") as tab:
        tab.wait_for(f"{COUNTERS}[0] > 1")
        assert tab.console == []
