"""Reproducible noise: seeds, generators, common random numbers, antithetic draws."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import imle
from imle.errors import OptionError

THETA = torch.tensor([[0.3, -0.2, 1.1, 0.6], [0.1, 0.9, -0.4, 0.2]])


def test_a_generator_and_a_global_seed():
    first = imle.layer("topk", k=1, nb_samples=8, generator=torch.Generator().manual_seed(4))
    second = imle.layer("topk", k=1, nb_samples=8, generator=torch.Generator().manual_seed(4))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert torch.equal(first(THETA), second(THETA))
    assert torch.equal(torch.random.get_rng_state(), before)
    free = imle.layer("topk", k=1, nb_samples=8)
    torch.manual_seed(0)
    a = free(THETA)
    torch.manual_seed(0)
    assert torch.equal(a, free(THETA))


def test_fixed_noise_is_the_same_for_every_row_and_call():
    layer = imle.layer("topk", k=1, nb_samples=50, resample=False)
    same = THETA[:1].expand(3, 4)
    first = layer(same)
    assert torch.equal(first[0], first[2])
    assert torch.equal(layer(same), first)
    layer.redraw()
    assert not torch.equal(layer(same), first)


def test_fixed_noise_makes_the_layer_a_function():
    """The sample average of max <theta + eps, z> is convex in theta; with fresh noise it would not be."""
    layer = imle.layer("topk", k=1, nb_samples=20, resample=False)
    points = torch.linspace(-3, 3, 61)
    line = torch.stack([points, torch.zeros(61)], dim=1)
    chosen = layer(line)[:, 0]
    assert (chosen.diff() >= 0).all()


class Solved(Dataset):
    """Items that are solved where they are loaded; each is (worker, solution)."""

    def __init__(self, make, inside=False):
        self.make = make
        self.layer = None if inside else make()

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.layer = self.layer or self.make()
        return torch.utils.data.get_worker_info().id, self.layer(torch.zeros(1, 50))[0]


def streams(data, seed=0):
    """`[4, 50]` what each of two forked workers draws, in order."""
    epoch = torch.Generator().manual_seed(seed)
    found = [[], []]
    for worker, solution in DataLoader(
        data, batch_size=None, num_workers=2, multiprocessing_context="fork", generator=epoch
    ):
        found[worker].append(solution)
    return [torch.stack(items) for items in found]


def seeded(**options):
    return imle.layer("topk", k=1, generator=torch.Generator().manual_seed(4), **options)


def test_each_worker_of_a_data_loader_has_a_stream_of_its_own():
    data = Solved(seeded)
    before = data.layer.generator.get_state()
    first, second = streams(data)
    assert len(torch.cat([first, second]).unique(dim=0)) > 4, "8 draws of one in 50; at most 4 if workers draw the same"
    for found, expected in zip(streams(data), (first, second), strict=True):
        assert torch.equal(found, expected), "the same seeds give the same numbers"
    assert not torch.equal(streams(data, seed=1)[0], first), "another epoch, another seed"
    assert torch.equal(data.layer.generator.get_state(), before), "the generator of this process has drawn nothing"
    data.layer(THETA)
    assert not torch.equal(streams(data)[0], first), "the state of the generator counts, too"


def test_a_layer_that_travels_to_workers_has_a_stream_of_its_own_in_each():
    content = pickle.dumps(seeded())
    first, second = streams(Solved(lambda: pickle.loads(content), inside=True))
    assert len(torch.cat([first, second]).unique(dim=0)) > 4


def test_a_generator_made_in_the_worker_stays_as_it_is():
    torch.manual_seed(0)
    layer = seeded()
    expected = torch.stack([layer(torch.zeros(1, 50))[0] for _ in range(4)])
    for found in streams(Solved(seeded, inside=True)):
        assert torch.equal(found, expected)


def test_fixed_noise_is_the_same_in_all_workers():
    data = Solved(lambda: seeded(resample=False))
    expected = data.make()(torch.zeros(1, 50)).expand(4, 50)
    for found in streams(data):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("noise", ["gumbel", "gaussian", "logistic", "multiplicative"])
def test_antithetic_draws_reduce_the_variance_and_keep_the_mean(noise):
    theta = torch.tensor([0.4, 0.5]).repeat(20_000, 1)

    def first(antithetic):
        layer = imle.layer(
            "topk",
            k=1,
            nb_samples=2,
            noise=noise,
            temperature=1.0,
            antithetic=antithetic,
            generator=torch.Generator().manual_seed(2),
        )
        return layer(theta)[:, 0]

    plain, mirrored = first(False), first(True)
    error = ((plain.var() + mirrored.var()) / len(theta)) ** 0.5
    assert (plain.mean() - mirrored.mean()).abs() < 5 * error
    assert mirrored.var() < 0.75 * plain.var()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nb_samples": 3, "antithetic": True}, "an even nb_samples"),
        ({"nb_samples": 2, "antithetic": True, "noise": None}, "expected noise"),
        (
            {"nb_samples": 2, "antithetic": True, "noise": imle.noise.SumOfGammaNoiseDistribution(k=1)},
            "no antithetic draws",
        ),
    ],
)
def test_refusals(options, message):
    with pytest.raises(OptionError, match=message):
        imle.layer("topk", k=1, **options)
