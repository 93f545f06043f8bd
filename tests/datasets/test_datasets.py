"""Generators: fixed numbers, shapes, structure, bad arguments."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imle import datasets
from imle.errors import OptionError


@pytest.mark.parametrize("make", [datasets.shortest_path, datasets.knapsack, datasets.tsp, datasets.terrain])
def test_a_seed_is_all_there_is(make):
    first, second = make(4, seed=3), make(4, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True) if isinstance(a, torch.Tensor))
    assert not torch.equal(first[0], make(4, seed=4)[0])


def test_shortest_path_costs_are_the_stated_polynomial():
    data = datasets.shortest_path(6, noise_width=0.0, degree=3)
    random = np.random.RandomState(135)
    coins = random.binomial(1, 0.5, (40, 5))
    x = random.normal(0, 1, (6, 5))
    expected = ((coins @ x[2] / 5**0.5 + 3) ** 3 + 1) / 3.5**3
    np.testing.assert_allclose(data.costs[2].numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(data.features.numpy(), x, rtol=1e-6)
    assert len(data.edges) == data.costs.shape[1] == 40


def test_grid_edges_by_hand():
    assert datasets.grid_edges(2, 3) == ((0, 1), (1, 2), (0, 3), (1, 4), (2, 5), (3, 4), (4, 5))


def test_noise_stays_within_its_width():
    quiet, loud = datasets.shortest_path(50, noise_width=0.0), datasets.shortest_path(50, noise_width=0.5)
    ratio = loud.costs / quiet.costs
    assert ratio.min() >= 0.5 - 1e-5
    assert ratio.max() <= 1.5 + 1e-5
    assert 0.25 < ratio.std() < 0.33


def test_knapsack_values_are_whole_and_weights_in_range():
    data = datasets.knapsack(5, items=7, dimensions=3)
    assert data.values.shape == (5, 7)
    assert torch.equal(data.values, data.values.round())
    assert data.weights.shape == (3, 7)
    assert data.weights.min() >= 3
    assert data.weights.max() < 8


def test_tour_costs_have_one_entry_per_pair():
    data = datasets.tsp(3, nodes=6)
    assert data.costs.shape == (3, 15)
    assert data.edges[:6] == ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 2))


def test_terrain_tiles_have_the_colour_of_their_cost():
    images, costs = datasets.terrain(40, size=12, seed=1)
    assert images.shape == (40, 3, 96, 96)
    assert costs.shape == (40, 12, 12)
    assert images.min() >= 0
    assert images.max() <= 1
    tiles = images.unflatten(2, (12, 8)).unflatten(4, (12, 8)).mean(dim=(3, 5))
    means = torch.stack([tiles.permute(0, 2, 3, 1)[costs == cost].mean(0) for cost in costs.unique()])
    assert len(means) == 5, "all five terrains occur"
    assert torch.pdist(means).min() > 0.1, "and look different"


def test_terrain_of_one_tile():
    images, costs = datasets.terrain(2, size=1)
    assert images.shape == (2, 3, 8, 8)
    assert costs.isfinite().all()


def test_warcraft_files(tmp_path):
    maps = np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3)
    costs = np.full((2, 2, 2), 1.2, dtype=np.float16)
    with pytest.raises(OptionError, match="no such file"):
        datasets.load_warcraft(tmp_path)
    np.save(tmp_path / "train_maps.npy", maps)
    np.save(tmp_path / "train_vertex_weights.npy", costs)
    data = datasets.load_warcraft(tmp_path)
    assert data.images.shape == (2, 3, 16, 16)
    assert data.images[1, 2, 3, 4] == maps[1, 3, 4, 2] / np.float32(255)
    np.save(tmp_path / "train_vertex_weights.npy", costs[:1])
    with pytest.raises(OptionError, match="found \\[2, 16, 16, 3\\] and \\[1, 2, 2\\]"):
        datasets.load_warcraft(tmp_path)
    with pytest.raises(OptionError, match="'train', 'val' or 'test'"):
        datasets.load_warcraft(tmp_path, "all")


def made(make, **options):
    """With the smallest sizes that are not named."""
    if make is datasets.learning_to_explain:
        options = {"rows": 2, "name": "xor", **options}
    elif make is datasets.grid_edges:
        options = {"height": 2, "width": 2, **options}
    elif make is datasets.terrain:
        options = {"maps": 1, "size": 1, **options}
    else:
        options = {"rows": 2, **options}
    return make(**options)


SIZES = [
    *((datasets.shortest_path, name) for name in ("rows", "features", "degree")),
    *((datasets.knapsack, name) for name in ("rows", "features", "degree", "items", "dimensions")),
    *((datasets.tsp, name) for name in ("rows", "features", "degree", "nodes")),
    *((datasets.grid_edges, name) for name in ("height", "width")),
    *((datasets.terrain, name) for name in ("maps", "size")),
    (datasets.learning_to_explain, "rows"),
]
SEEDED = (datasets.shortest_path, datasets.knapsack, datasets.tsp, datasets.terrain, datasets.learning_to_explain)


@pytest.mark.parametrize(("make", "name"), SIZES)
@pytest.mark.parametrize("value", [-1, 0, 2.5, True, "3", None, np.nan])
def test_what_is_no_size(make, name, value):
    with pytest.raises(OptionError, match=f"datasets: {name}: expected an int >= 1, found"):
        made(make, **{name: value})


@pytest.mark.parametrize(("make", "name"), SIZES)
def test_what_no_memory_holds(make, name):
    """Each argument in turn; nothing begins before it is known."""
    expected = (
        r"degree: expected an int from 1 to 100" if name == "degree" else "expected at most [0-9,]+, found [0-9,]+"
    )
    with pytest.raises(OptionError, match=f"datasets: .*{expected}"):
        made(make, **{name: 10**12})


@pytest.mark.parametrize("make", SEEDED)
@pytest.mark.parametrize("seed", [-1, 2.5, 10**20, "1", None, True])
def test_what_is_no_seed(make, seed):
    with pytest.raises(OptionError, match=r"datasets: seed: expected an int from 0 to [0-9]+, found"):
        made(make, seed=seed)


@pytest.mark.parametrize("grid", [5, (5,), (1, 1), [1, 1], (2, 2, 2), "22", None])
def test_what_is_no_grid(grid):
    with pytest.raises(OptionError, match=r"datasets: grid: expected \(height, width\) of at least two cells, found"):
        datasets.shortest_path(2, grid=grid)


@pytest.mark.parametrize("grid", [(2.5, 3), (3, -1), (0, 4)])
def test_what_is_no_side_of_a_grid(grid):
    with pytest.raises(OptionError, match=r"datasets: (height|width): expected an int >= 1, found"):
        datasets.shortest_path(2, grid=grid)


@pytest.mark.parametrize("make", [datasets.shortest_path, datasets.knapsack, datasets.tsp])
@pytest.mark.parametrize("width", [-0.1, 1.0, np.nan, "0.5", None, True])
def test_what_is_no_width_of_noise(make, width):
    with pytest.raises(OptionError, match=r"datasets: noise_width: expected a number in \[0, 1\), found"):
        made(make, noise_width=width)


def test_values_that_float32_does_not_hold_are_told():
    assert datasets.shortest_path(5, degree=20).costs.isfinite().all()
    with pytest.raises(OptionError, match="degree: 100 makes values that float32 does not hold"):
        datasets.tsp(2000, features=1, nodes=5, degree=100)


def test_a_tour_has_two_nodes_at_least():
    assert datasets.tsp(3, nodes=2).edges == ((0, 1),)
    with pytest.raises(OptionError, match="nodes: expected at least 2, found 1"):
        datasets.tsp(3, nodes=1)


@pytest.mark.parametrize("name", ["xxor", None, ["xor"]])
def test_what_is_no_set(name):
    with pytest.raises(OptionError, match="datasets: name: expected one of"):
        datasets.learning_to_explain(3, name)


def test_warcraft_files_in_part(tmp_path):
    np.save(tmp_path / "val_maps.npy", np.arange(3 * 8 * 8 * 3, dtype=np.uint8).reshape(3, 8, 8, 3))
    np.save(tmp_path / "val_vertex_weights.npy", np.arange(3, dtype=np.float16).reshape(3, 1, 1))
    whole, part = datasets.load_warcraft(tmp_path, "val"), datasets.load_warcraft(tmp_path, "val", maps=2)
    assert torch.equal(part.images, whole.images[:2])
    assert part.costs.flatten().tolist() == [0, 1]
    assert len(datasets.load_warcraft(tmp_path, "val", maps=9).costs) == 3
    with pytest.raises(OptionError, match="maps: expected an int >= 1, found 0"):
        datasets.load_warcraft(tmp_path, "val", maps=0)


@pytest.mark.parametrize(
    ("images", "costs"),
    [((2, 16, 16), (2, 2, 2)), ((2, 16, 8, 3), (2, 2, 2)), ((2, 16, 16, 3), (2, 2, 4)), ((2, 16, 16, 3), (2, 3, 3))],
)
def test_warcraft_files_that_do_not_fit(tmp_path, images, costs):
    np.save(tmp_path / "train_maps.npy", np.zeros(images, dtype=np.uint8))
    np.save(tmp_path / "train_vertex_weights.npy", np.ones(costs, dtype=np.float16))
    with pytest.raises(OptionError, match="pixels a multiple of size, found"):
        datasets.load_warcraft(tmp_path)


@pytest.mark.parametrize("bytes_left", [0, 7, 1000])
def test_warcraft_file_that_was_cut_off(tmp_path, bytes_left):
    np.save(tmp_path / "train_vertex_weights.npy", np.ones((2, 2, 2), dtype=np.float16))
    path = tmp_path / "train_maps.npy"
    np.save(path, np.zeros((2, 16, 16, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(OptionError, match=r"train_maps\.npy: expected an array as numpy.save writes it, found"):
        datasets.load_warcraft(tmp_path)


MAPS = np.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3) % 256
PICTURES = MAPS.astype(np.uint8)
COSTS = np.array([[[0.8]], [[9.2]]], dtype=np.float16)


def warcraft(folder, images=PICTURES, costs=COSTS):
    np.save(folder / "train_maps.npy", images)
    np.save(folder / "train_vertex_weights.npy", costs)
    return datasets.load_warcraft(folder)


@pytest.mark.parametrize("kind", [">u2", "<i8", ">f4", "f8", "f2", np.longdouble])
def test_any_real_numbers_make_the_same_maps(tmp_path, kind):
    expected = warcraft(tmp_path)
    found = warcraft(tmp_path, MAPS.astype(kind))
    assert torch.equal(found.images, expected.images)
    assert found.images.dtype is found.costs.dtype is torch.float32
    costs = np.array([[[1.0]], [[9.0]]]).astype(kind)
    assert warcraft(tmp_path, costs=costs).costs.flatten().tolist() == [1.0, 9.0]


def at(value, kind=np.float64):
    """The pictures with one other number in them."""
    changed = MAPS.astype(kind)
    changed[1, 2, 3, 0] = value
    return changed


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (MAPS / 255, r"expected pixels from 0 to 255, found none above 1"),
        (at(-1), r"expected numbers from 0 to 255, found -1\.0 at \[1, 2, 3, 0\]"),
        (at(-1, np.int8), r"expected numbers from 0 to 255, found"),
        (at(256, np.int64), r"expected numbers from 0 to 255, found 256"),
        (at(np.nan), r"expected numbers from 0 to 255, found nan"),
        (at(np.inf), r"expected numbers from 0 to 255, found inf"),
        (at(1e300), r"expected numbers from 0 to 255, found 1e\+300"),
        (MAPS.astype(complex), r"expected real numbers, found complex128"),
        (MAPS.astype(str), r"expected real numbers, found <U"),
        (MAPS.astype("datetime64[s]"), r"expected real numbers, found datetime64"),
        (MAPS.astype("timedelta64[s]"), r"expected real numbers, found timedelta64"),
        (MAPS > 3, r"expected real numbers, found bool"),
        (MAPS.astype([("red", "u1"), ("green", "u1")]), r"expected real numbers, found \[\('red'"),
        (MAPS.astype(object), r"expected an array as numpy\.save writes it, found .*objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.dtype)[:8],
)
def test_what_is_no_picture(tmp_path, images, message):
    with pytest.raises(OptionError, match=rf"train_maps\.npy: {message}"):
        warcraft(tmp_path, images)


@pytest.mark.parametrize("cost", [-0.1, np.nan, np.inf, 1e300])
def test_what_is_no_cost(tmp_path, cost):
    with pytest.raises(
        OptionError, match=r"train_vertex_weights\.npy: expected numbers from 0 to 3\.4.*, found .* at \[1, 0"
    ):
        warcraft(tmp_path, costs=np.array([[[0.8]], [[cost]]]))


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 not a zip file",
        b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4' (\n",
        b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4), }".ljust(117) + b"\n",
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 4000000000), }".ljust(117)
        + b"\n",
        b"\x93NUMPY\x09\x00",
        b"\x80\x04K\x01.",
    ],
)
def test_what_is_no_array(tmp_path, content):
    warcraft(tmp_path)
    (tmp_path / "train_maps.npy").write_bytes(content)
    with pytest.raises(
        OptionError, match=r"train_maps\.npy: expected an array as numpy.save writes it, found|multiple of"
    ):
        datasets.load_warcraft(tmp_path)


def test_an_archive_is_no_array(tmp_path):
    warcraft(tmp_path)
    with (tmp_path / "train_maps.npy").open("wb") as file:
        np.savez(file, maps=MAPS)
    with pytest.raises(OptionError, match=r"train_maps\.npy: expected an array .*, found an archive of several"):
        datasets.load_warcraft(tmp_path)
