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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows: expected an int >= 1, found 0"),
        ({"rows": 3, "degree": 1.5}, "degree: expected an int >= 1, found 1.5"),
        ({"rows": 3, "noise_width": 1.0}, "noise_width: expected a number in"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(OptionError, match=message):
        datasets.shortest_path(**options)
    with pytest.raises(OptionError, match="maps"):
        datasets.terrain(0)


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
