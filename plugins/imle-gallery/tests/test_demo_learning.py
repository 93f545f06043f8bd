"""What a recording says about a run, and that learning is what it claims to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imle_gallery.demo import SETTINGS
from imle_gallery.experiments.learning import Setting, initial_weights, learn
from imle_gallery.experiments.problem import sample_paths, shortest_path, true_weights
from imle_gallery.experiments.training import Training


@pytest.mark.parametrize(
    ("on_gold", "reached", "settled"),
    [
        ([False, False], None, None),
        ([False, True, True], 1, 1),
        ([False, True, False, True], 1, 3),
        ([False, True, False], 1, None),
        ([True, True], 0, 0),
    ],
)
def test_reached_and_settled(on_gold, reached, settled):
    recording = Training(every=1, wrong=[0 if gold else 3 for gold in on_gold], loss=[0.0] * len(on_gold))
    assert (recording.reached, recording.settled) == (reached, settled)
    assert recording.steps == len(on_gold) - 1


def test_names():
    assert Setting(5, 0).name == "5-0"
    assert Setting(5, 0).title == "Input noise 5, target noise 0"


def test_frames_are_kept_of_every_tenth_state_and_the_last():
    calls = []
    recording = learn(
        SETTINGS[1], shortest_path(true_weights()), seed=3, steps=20, every=10, on_step=lambda: calls.append(1)
    )
    assert len(calls) == len(recording.loss) == len(recording.sparsity) == 21
    kept = recording.sample, recording.marginals, recording.paths, recording.costs
    assert [len(frames) for frames in kept] == [3, 3, 3, 3]
    assert recording.solves == 21 * 100 * 2
    first = torch.nn.functional.softplus(initial_weights(3))[0].numpy()
    assert (recording.costs[0] == first).all()
    assert recording.highest_cost == max(costs.max() for costs in recording.costs)
    # a state's loss is the Hamming distance of its marginals, for the loss is linear in the samples
    gold = shortest_path(true_weights())[0].numpy()
    distance = np.abs(recording.marginals[-1] - gold).sum()
    assert recording.loss[-1] == pytest.approx(distance, rel=1e-5)


def test_without_noise_all_samples_are_the_map_path_and_nothing_is_clipped():
    recording = learn(SETTINGS[0], shortest_path(true_weights()), seed=0, steps=2, every=1, on_step=lambda: None)
    assert recording.clipped == 0
    for sample, best, marginals in zip(recording.sample, recording.paths, recording.marginals, strict=True):
        assert (sample == best).all()
        assert (marginals == best).all()


def test_sampled_paths():
    sampled, walls = sample_paths(0), true_weights()[0].numpy() == -100
    assert sampled.paths.shape == (100, 16, 16)
    assert not sampled.paths[:, walls].any()
    assert sampled.distinct > 50
    assert 0 < sampled.clipped < 0.05
    assert (sampled.marginals[9] == sampled.paths[:10].mean(axis=0)).all()
    assert (sample_paths(0).paths == sampled.paths).all()
    assert (sample_paths(1).paths != sampled.paths).any()
