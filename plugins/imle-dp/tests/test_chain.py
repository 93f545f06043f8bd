"""Paths and segmentations against enumeration and torch-struct, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle.solvers import SolveStatus
from imle_dp.chain import SegmentationSolver, ViterbiSolver
from imle_dp.conformance import segmentations

pytestmark = pytest.mark.filterwarnings("ignore:.*does not define `arg_constraints`:UserWarning")  # torch-struct's own

SHAPES = [(1, 1, 1), (1, 2, 3), (2, 1, 1), (3, 3, 2), (4, 2, 2), (5, 4, 1), (3, 1, 4), (5, 1, 2)]


def answers_are_best(prepared, solutions_of, lengths, objective, sign=1):
    """Each row has the best value of its own length, at a solution that is one."""
    result = prepared.solve(objective, lengths=lengths)
    assert result.status is None
    for length in set(lengths):
        own = np.array([row for row, other in enumerate(lengths) if other == length])
        points = solutions_of(length)
        best = (sign * objective[own] @ points.T).max(axis=1)
        np.testing.assert_allclose(sign * result.values[own], best, atol=1e-12)
        np.testing.assert_allclose((objective[own] * result.solutions[own]).sum(axis=1), result.values[own])
        assert {tuple(z) for z in result.solutions[own].tolist()} <= {tuple(z) for z in points.astype(int).tolist()}


@pytest.mark.parametrize("stationary", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_segmentations_are_best_whatever_the_length(shape, stationary):
    steps, longest, kinds = shape
    rng = np.random.default_rng(0)
    for masked in (False, True):
        masks, listed = {}, {}
        if masked:
            allowed = rng.random((kinds, kinds)) < 0.8
            allowed |= np.eye(kinds, dtype=bool)  # so that there are some of any length
            masks, listed = {"allowed": allowed, "starts": np.arange(kinds) < 1}, {"allowed": allowed, "starts": [0]}
        prepared = SegmentationSolver().prepare(steps, longest, kinds, stationary=stationary, **masks)
        objective = rng.normal(size=(150, *prepared.objective_shape))
        objective[50:] = rng.integers(-2, 3, objective[50:].shape)  # ties

        def points(length, listed=listed):
            return segmentations(steps, longest, kinds, length, stationary=stationary, **listed)

        answers_are_best(prepared, points, rng.integers(1, steps + 1, 150).tolist(), objective)


@pytest.mark.parametrize(("sense", "sign"), [("max", 1), ("min", -1)])
def test_a_path_is_a_segmentation_into_single_steps(sense, sign):
    rng = np.random.default_rng(1)
    prepared = ViterbiSolver(sense=sense).prepare(5, 3)
    objective = rng.normal(size=(1000, *prepared.objective_shape))
    lengths = rng.integers(1, 6, 1000).tolist()
    answers_are_best(
        prepared, lambda length: segmentations(5, 1, 3, length), lengths, objective, 1 if sense == "max" else -1
    )


def test_long_paths_are_those_of_torch_struct():
    torch_struct = pytest.importorskip("torch_struct")
    torch.manual_seed(0)
    pairs = torch.randn(6, 19, 7, 7, dtype=torch.float64)
    lengths = torch.tensor([20, 3, 20, 12, 2, 20])
    layer = imle.layer("viterbi", steps=20, states=7, stationary=False).eval()
    counts = layer(torch.zeros(6, 20, 7, dtype=torch.float64), pairs, lengths=lengths).counts
    crf = torch_struct.LinearChainCRF(pairs.transpose(2, 3), lengths=lengths)
    assert torch.equal(counts, crf.argmax.transpose(2, 3))


def test_segments_are_those_of_torch_struct():
    """It scores a segment with the kind of the next one, and has no last segment: here those have no score."""
    torch_struct = pytest.importorskip("torch_struct")
    torch.manual_seed(0)
    steps, longest, kinds = 8, 3, 3
    scores, pairs = torch.randn(4, steps, longest, kinds), torch.randn(kinds, kinds)
    potentials = torch.zeros(4, steps, longest + 1, kinds, kinds)
    potentials[:, :, 1:] = scores.unsqueeze(3) + pairs.T
    best = torch_struct.SemiMarkovCRF(potentials, lengths=torch.full((4,), steps + 1)).max
    layer = imle.layer("segmentation", steps=steps + 1, longest=longest, kinds=kinds).eval()
    padded = torch.full((4, steps + 1, longest, kinds), -1e6)
    padded[:, :steps] = scores
    for start in range(steps):
        padded[:, start, steps - start :] = -1e6
    padded[:, steps, 0] = 0.0
    assert torch.allclose(layer.value(padded, pairs), best, atol=1e-4)


def test_a_sequence_that_masks_forbid_is_infeasible_and_others_are_not():
    cycle = np.roll(np.eye(3), 1, axis=1)
    prepared = ViterbiSolver().prepare(4, 3, allowed=cycle, starts=[1, 0, 0], ends=[1, 0, 0])
    result = prepared.solve(np.zeros((4, 21)), lengths=[1, 2, 3, 4])
    assert [SolveStatus(code).name for code in result.status] == ["OPTIMAL", "INFEASIBLE", "INFEASIBLE", "OPTIMAL"]
    assert result.messages[1] == "no sequence of 2 steps keeps to allowed, starts and ends"
    assert not result.solutions[1:3].any()


def test_rows_that_are_not_finite_or_too_large_fail_alone():
    prepared = ViterbiSolver().prepare(2, 2)
    objective = np.ones((4, 8))
    objective[1, 3], objective[2, 0] = np.nan, 1e305
    result = prepared.solve(objective)
    assert result.status.tolist() == [0, SolveStatus.ERROR, SolveStatus.ERROR, 0]
    assert "position 3" in result.messages[1]
    assert result.messages[2] == "viterbi adds objectives: one is larger than 2**1000 in size"


def test_names_are_labels():
    layer = imle.layer("viterbi", steps=2, states=["N", "V"])
    assert layer.labels["emissions"] == [(0, "N"), (0, "V"), (1, "N"), (1, "V")]
    assert layer.labels["transitions"][1] == ("N", "V")
    own = imle.layer("segmentation", steps=2, longest=2, kinds=["a"], stationary=False)
    assert own.labels["segments"] == [(0, 1, "a"), (0, 2, "a"), (1, 1, "a"), (1, 2, "a")]
    assert own.labels["transitions"] == [(1, "a", "a")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 0}, "steps: expected an int >= 1, found 0"),
        ({"steps": 2.5}, r"steps: expected an int >= 1, found 2.5"),
        ({"states": 0}, "states: expected an int >= 1, or names that differ, found 0"),
        ({"states": []}, "states: expected an int >= 1, or names that differ, found none"),
        ({"states": "BIO"}, "states: expected an int >= 1, or names that differ, found 'BIO'"),
        ({"states": ["B", "I", "B"]}, "states: .*, found 'B' twice"),
        ({"states": [[0], [1]]}, "states: .*, found names that cannot be looked up"),
        (
            {"allowed": np.ones((3, 2))},
            r"allowed: expected a mask of shape \[3, 3\], .*, found .* \[3, 2\]",
        ),
        ({"starts": [1, 2, 0]}, r"starts: expected a mask of shape \[3\], of bool or 0/1, found list"),
        ({"ends": "O"}, r"ends: expected a mask of shape \[3\], of bool or 0/1, found str"),
        ({"lengths": 5}, "lengths: expected an int from 1 to 4, found 5"),
        ({"lengths": 1.5}, "lengths: expected an int from 1 to 4, found 1.5"),
    ],
)
def test_what_is_no_instance_is_refused(given, message):
    with pytest.raises(InstanceError, match=rf"viterbi: {message}"):
        ViterbiSolver().prepare(**{"steps": 4, "states": 3, **given})


@pytest.mark.parametrize("lengths", [[2, 4, 5], [2, None, 5], np.array([2, 4, 5])])
def test_lengths_out_of_range_name_their_row(lengths):
    prepared = ViterbiSolver().prepare(4, 3)
    with pytest.raises(InstanceError, match="lengths: expected an int from 1 to 4, found 5\n") as caught:
        prepared.solve(np.zeros((3, 21)), lengths=lengths)
    assert caught.value.row == 2
    with pytest.raises(InstanceError, match="expected one per row, 2 in all, found 3"):
        prepared.solve(np.zeros((2, 21)), lengths=lengths)


def test_longest_and_kinds_are_those_of_segmentations():
    with pytest.raises(InstanceError, match="segmentation: longest: expected an int >= 1, found -1"):
        SegmentationSolver().prepare(4, -1, 2)
    with pytest.raises(InstanceError, match=r"segmentation: kinds: expected .*, found None"):
        SegmentationSolver().prepare(4, 2, None)
