"""Maps of terrain seen from above: predict the cost of crossing each tile from a picture (the Warcraft setting)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from imle.datasets.checks import check_seed, check_sizes, check_total
from imle.errors import OptionError

TILE = 8
"""Pixels along the side of a tile, as in the Warcraft maps."""

COSTS = (0.8, 1.2, 5.3, 7.7, 9.2)
"""Cost of crossing grass, earth, wood, water and stone: the five costs of the Warcraft maps."""

_COLOURS = ((0.38, 0.60, 0.22), (0.60, 0.46, 0.26), (0.13, 0.34, 0.13), (0.16, 0.30, 0.58), (0.50, 0.48, 0.46))
_GRAIN = (0.05, 0.06, 0.09, 0.03, 0.08)
"""How much the brightness of a terrain's pixels varies."""


class TerrainData(NamedTuple):
    """Pictures of maps and what crossing them costs.

    Attributes:
        images: `[maps, 3, 8 size, 8 size]`, between 0 and 1.
        costs: `[maps, size, size]`.
    """

    images: Tensor
    costs: Tensor


def terrain(maps: int, *, size: int = 12, seed: int = 0) -> TerrainData:
    """Random maps of five terrains, in patches with ragged borders, each with a colour and a grain of its own.

    Light differs from map to map and colours vary from tile to tile, so that a cost cannot be read off one pixel.

    Args:
        maps: how many.
        size: tiles along a side.
        seed: the same seed gives the same maps.

    Raises:
        OptionError: no maps, maps without tiles, or more than memory holds.
    """
    check_sizes(maps=maps, size=size)
    check_total("numbers of all pictures", maps * 3 * (TILE * size) ** 2)
    check_seed(seed, 2**63)
    random = torch.Generator().manual_seed(seed)
    height = _smooth(maps, size, random)
    borders = torch.tensor([-0.7, -0.1, 0.45, 0.95])
    kinds = torch.bucketize(height, borders)
    costs = torch.tensor(COSTS)[kinds]
    return TerrainData(_paint(kinds, random), costs)


def _smooth(maps: int, size: int, random: torch.Generator) -> Tensor:
    """Value noise of three octaves, each map standardised. `[maps, size, size]`."""
    total = torch.zeros(maps, size, size)
    for octave, weight in ((3, 1.0), (6, 0.7), (size, 0.5)):
        coarse = torch.randn(maps, 1, min(octave, size), min(octave, size), generator=random)
        total += weight * interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)[:, 0]
    flat = total.flatten(1)
    flat = flat - flat.mean(dim=1, keepdim=True)
    return (flat / flat.std(dim=1, correction=0, keepdim=True).clamp(min=1e-6)).view_as(total)


def _paint(kinds: Tensor, random: torch.Generator) -> Tensor:
    """Terrain kinds to pictures. `[maps, size, size]` to `[maps, 3, 8 size, 8 size]`."""
    maps, size, _ = kinds.shape
    shade = 1 + 0.08 * torch.randn(maps, size, size, 1, generator=random)
    tiles = (torch.tensor(_COLOURS)[kinds] * shade).permute(0, 3, 1, 2)
    image = tiles.repeat_interleave(TILE, dim=2).repeat_interleave(TILE, dim=3)
    grain = torch.tensor(_GRAIN)[kinds].unsqueeze(1).repeat_interleave(TILE, dim=2).repeat_interleave(TILE, dim=3)
    image = image + grain * torch.randn(image.shape, generator=random)
    light = 1 + 0.1 * torch.randn(maps, 1, 1, 1, generator=random)
    return (image * light).clamp(0, 1)


def load_warcraft(folder: str | Path, split: str = "train", *, maps: int | None = None) -> TerrainData:
    """Read the public Warcraft shortest-path maps (Pogančić et al. 2020), which this package does not contain.

    Args:
        folder: with the files `train_maps.npy` and `train_vertex_weights.npy` (or `val_`, `test_`), such as
            `warcraft_shortest_path_oneskin/12x12`.
        split: "train", "val" or "test".
        maps: read the first so many only (or all, if there are fewer): 10,000 maps of 12 x 12 take a gigabyte.

    Raises:
        OptionError: a bad split or number of maps; a file is missing or damaged, has another shape than
            `[maps, pixels, pixels, 3]` and `[maps, size, size]`, pixels a multiple of size, or holds anything but
            pixels from 0 to 255 and costs of at least 0.
    """
    if split not in ("train", "val", "test"):
        raise OptionError(f"datasets: split: expected 'train', 'val' or 'test', found {split!r}")
    if maps is not None:
        check_sizes(maps=maps)
    paths = [Path(folder) / f"{split}_{what}.npy" for what in ("maps", "vertex_weights")]
    images, costs = (_read(path) for path in paths)
    if not _fit(images.shape, costs.shape):
        raise OptionError(
            f"datasets: {folder}: expected [maps, pixels, pixels, 3] and [maps, size, size], "
            f"pixels a multiple of size, found {list(images.shape)} and {list(costs.shape)}"
        )
    pixels = _numbers(images[:maps], paths[0], 255.0)
    if images.dtype.kind == "f" and pixels.size and pixels.max() <= 1:
        raise OptionError(
            f"datasets: {paths[0]}: expected pixels from 0 to 255, found none above 1",
            hint="numpy.save(path, (255 * images).round().astype(numpy.uint8)) makes such a file of pictures in [0, 1]",
        )
    found = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().div_(255)
    return TerrainData(found, torch.from_numpy(_numbers(costs[:maps], paths[1], float(np.finfo(np.float32).max))))


def _read(path: Path) -> NDArray[np.generic]:
    if not path.is_file():
        raise OptionError(
            f"datasets: {path}: no such file",
            hint="the maps are at https://edmond.mpg.de (Warcraft shortest path); unpack them and name their folder",
        )
    try:
        with path.open("rb") as file:
            archive = file.read(2) == b"PK"
        found: NDArray[np.generic] = np.empty(0) if archive else np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is read as Python, and raises anything
        raise OptionError(
            f"datasets: {path}: expected an array as numpy.save writes it, found {error}",
            hint="the file may have been cut off; download it again",
        ) from error
    if archive:
        raise OptionError(
            f"datasets: {path}: expected an array as numpy.save writes it, found an archive of several (.npz)",
            hint="numpy.save(path, archive[name]) makes a file of one of them",
        )
    if found.dtype.kind not in "uif":
        raise OptionError(f"datasets: {path}: expected real numbers, found {found.dtype}")
    return found


def _numbers(values: NDArray[np.generic], path: Path, most: float) -> NDArray[np.float32]:
    """Numbers from 0 to `most`, in native float32.

    Raises:
        OptionError: one is outside; names the file and the place.
    """
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        found = np.array(values, dtype=np.float32)
    outside = np.argwhere(~((found >= 0) & (found <= most)))  # nan is neither
    if len(outside):
        place = tuple(map(int, outside[0]))
        raise OptionError(
            f"datasets: {path}: expected numbers from 0 to {most:g}, found {values[place]} at {list(place)}, and "
            f"{len(outside) - 1} others outside"
        )
    return found


def _fit(images: tuple[int, ...], costs: tuple[int, ...]) -> bool:
    """Whether shapes are those of square maps with as many pixels to each tile."""
    if len(images) != 4 or images[-1] != 3 or len(costs) != 3 or images[0] != costs[0]:
        return False
    pixels, size = images[1], costs[1]
    return images[2] == pixels and costs[2] == size >= 1 and pixels % size == 0
