"""The terrain example, in its quick mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imle import datasets
from imle.errors import OptionError


def test_paths_teach_costs(quick):
    terrain, results, shown = quick("terrain")
    (same,) = results[terrain.SAME]
    for name in terrain.IN_QUICK:
        (result,) = results[name]
        # 18 x 18 is larger than all maps of training
        for size, optimal in result.optimal.items():
            assert optimal > 0.6 > 6 * same.optimal[size]
        assert result.costs.min() > 0
        assert f"{100 * result.optimal[18]:.1f}" in shown


def test_warcraft_files_are_read(example, quick, tmp_path, monkeypatch):
    terrain = example("terrain")
    for split, size, count in (("train", 12, 20), ("test", 12, 7), ("test", 18, 5)):
        folder = tmp_path / f"{size}x{size}"
        folder.mkdir(exist_ok=True)
        data = datasets.terrain(count, size=size, seed=1)
        pixels = (255 * data.images).round().to(torch.uint8).permute(0, 2, 3, 1)
        np.save(folder / f"{split}_maps.npy", pixels.numpy())
        np.save(folder / f"{split}_vertex_weights.npy", data.costs.numpy().astype(np.float16))
    monkeypatch.setattr(terrain, "QUICK", terrain.Task(train=15, epochs=1, size=12, test=6, sizes=(12, 18, 30)))
    known, tests = terrain.load(terrain.QUICK, 0, tmp_path)
    assert known.images.shape == (15, 3, 96, 96)
    assert {size: len(maps.paths) for size, maps in tests.items()} == {12: 6, 18: 5}
    _, results, _ = quick("terrain", "--data", str(tmp_path), "--methods", "imle", module=terrain)
    assert list(results["imle"][0].optimal) == [12, 18]
    with pytest.raises(OptionError, match="no such file"):
        terrain.load(terrain.QUICK, 0, tmp_path / "elsewhere")


def test_a_tile_is_judged_by_its_own_pixels(example):
    torch.manual_seed(0)
    network = example("terrain").Network(tile=8).eval()
    images = torch.rand(1, 3, 32, 24)
    costs = network(images)
    assert costs.shape == (1, 4, 3)
    images[0, :, 8:16, 16:24] = torch.rand(3, 8, 8)
    assert (network(images) != costs).nonzero().tolist() == [[0, 1, 2]]


def test_equally_cheap_paths_all_count_as_optimal(example):
    terrain = example("terrain")
    costs = torch.tensor([[1.0, 1.0, 9.0], [1.0, 9.0, 1.0], [9.0, 1.0, 1.0]])
    maps = terrain.with_paths(datasets.TerrainData(torch.zeros(1, 3, 24, 24), costs.unsqueeze(0)))
    # a little cheaper above the diagonal, below it, or on it
    for cells, optimal in (((0, 1), True), ((1, 0), True), ((1, 1), False)):
        predicted = costs.clone()
        predicted[cells] = 0.1
        assert terrain.is_optimal(predicted.unsqueeze(0), maps).tolist() == [optimal]


@pytest.mark.parametrize("name", ["perturbed, mult.", "identity", "SPO+, costs", "least squares, costs"])
def test_every_kind_of_method_reaches_the_network(example, name):
    terrain = example("terrain")
    torch.manual_seed(0)
    known = terrain.with_paths(datasets.terrain(20, size=6))
    network = terrain.Network(tile=8)
    loss = terrain.METHODS[name].make()(network(known.images) + 10, known)  # far from zero, so that nothing is clipped
    loss.backward()
    for parameter in network.parameters():
        assert parameter.grad.isfinite().all()
    assert network.layers[0].weight.grad.abs().sum() > 0
