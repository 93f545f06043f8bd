"""PNG and GIF files, read back through Pillow, and the colours they share with the page."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor

from imle_gallery import colours
from imle_gallery.film import panel
from imle_gallery.view import shades


def stills(path):
    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as image:
        return image.convert("RGB")


def frames_of(path):
    with Image.open(path) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append(np.asarray(image.convert("RGB")))
        return found, image.info


@pytest.mark.parametrize("name", ["map", "gold", "curves", "learning-0-0", "learning-1-1"])
def test_pngs_are_valid(quick, name):
    assert len(np.unique(stills(quick.folder / f"{name}.png"))) > 1


def test_gifs_have_all_frames_and_stay_small(quick):
    frames, info = frames_of(quick.folder / "sampling.gif")
    assert len(frames) == quick.results["sampling"]["frames"]
    assert info["loop"] == 0
    for setting in quick.results["settings"]:
        path = quick.folder / f"learning-{setting['name']}.gif"
        assert len(frames_of(path)[0]) == setting["frames"] // 2 + 1  # every second one, and the last
    for path in quick.folder.glob("*.gif"):
        assert path.stat().st_size < 600_000


def test_hero(quick):
    path = quick.folder / "hero.gif"
    frames, _ = frames_of(path)
    assert frames[0].shape == (260, 880, 3)
    assert path.stat().st_size < 500_000
    assert any((first != last).any() for first, last in zip(frames[0], frames[-1], strict=True))


def test_last_frame_is_the_still(quick):
    frames, _ = frames_of(quick.folder / "learning-1-1.gif")
    assert (frames[-1] == np.asarray(stills(quick.folder / "learning-1-1.png"))).all()


def test_gold_picture_shows_the_gold_path(quick):
    picture = np.asarray(stills(quick.folder / "gold.png"))
    size = len(picture) // 16
    middles = picture[size // 2 :: size, size // 2 :: size]
    shown = (middles == ImageColor.getrgb(colours.DARK["on-gold"])).all(axis=2)
    assert ["".join(".#"[int(cell)] for cell in row) for row in shown] == quick.results["gold_path"]


def oklab(colour: np.ndarray) -> np.ndarray:
    """sRGB in 0 .. 255 to OKLab (Ottosson 2020)."""
    share = colour / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(linear @ np.transpose(to_lms)) @ np.transpose(to_lab)


@pytest.mark.parametrize("anchors", [colours.PROBABILITY, colours.COST[::-1]])
def test_colour_maps_are_perceptually_uniform(anchors):
    lab = oklab(colours.ramp(anchors, 10).astype(float))
    lightness = np.diff(lab[:, 0])
    distance = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert lightness.min() > 0.9 * lightness.mean()
    assert distance.min() > 0.85 * distance.mean()
    assert distance.max() < 1.15 * distance.mean()


def test_heat_uses_the_whole_scale():
    drawn = np.asarray(panel(shades("probability", np.array([[0.0, 1.0], [0.5, 2.0]])), 0, 2))
    assert drawn.shape == (4, 4, 3)
    assert tuple(drawn[0, 0]) == ImageColor.getrgb(colours.PROBABILITY[0])
    assert tuple(drawn[0, 3]) == tuple(drawn[3, 3]) == ImageColor.getrgb(colours.PROBABILITY[-1])
    cheap, dear = np.asarray(panel(shades("cost", np.array([[0.0, 3.0]]), 3.0), 0, 1))[0]
    assert [tuple(cheap), tuple(dear)] == [ImageColor.getrgb(colours.COST[place]) for place in (0, -1)]


def test_webp_has_all_frames_and_loops(gallery, tmp_path):
    gallery("--quick", "--only", "paths", "--format", "webp", "--out", tmp_path)
    with Image.open(tmp_path / "paths.webp") as image:
        assert (image.n_frames, image.info["loop"]) == (6, 0)
