"""Alignments against enumeration, known distances and a plain recursion, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_dp.alignment import AlignmentSolver
from imle_dp.conformance import alignments


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("kind", ["global", "local", "warping"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (3, 2), (3, 3)])
def test_alignments_are_best_whatever_the_lengths(size, kind, sense, masked):
    rng = np.random.default_rng(0)
    allowed = (rng.random(size) < 0.8) if masked else np.ones(size, bool)
    prepared = AlignmentSolver(kind=kind, sense=sense).prepare(*size, allowed=allowed)
    objective = rng.normal(size=(120, *prepared.objective_shape))
    objective[60:] = rng.integers(-2, 3, objective[60:].shape)  # ties
    lengths = rng.integers(1 if kind == "warping" else 0, np.array(size) + 1, (120, 2))
    result = prepared.solve(objective, lengths=lengths)
    sign = 1 if sense == "max" else -1
    for used in np.unique(lengths, axis=0):
        own = np.flatnonzero((lengths == used).all(axis=1))
        points = alignments(*size, tuple(used.tolist()), kind=kind, allowed=allowed)
        if not len(points):
            assert (result.status[own] == SolveStatus.INFEASIBLE).all()
            assert not result.solutions[own].any()
            continue
        assert result.status is None or not result.status[own].any()
        np.testing.assert_allclose(
            sign * result.values[own], (sign * objective[own] @ points.T).max(axis=1), atol=1e-12
        )
        assert {tuple(z) for z in result.solutions[own].tolist()} <= {tuple(z) for z in points.astype(int).tolist()}


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("kitten", "sitting", 3), ("flaw", "lawn", 2), ("intention", "execution", 5), ("", "abc", 3), ("same", "same", 0)],
)
def test_edit_distances(one, other, distance):
    layer = imle.layer("alignment", first=10, second=10).eval()
    pairs = torch.ones(1, 10, 10)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            pairs[0, i, j] = float(a != b)
    lengths = [(len(one), len(other))]
    assert layer.value(pairs, torch.ones(10), torch.ones(10), lengths=lengths).tolist() == [distance]
    found = layer(pairs, torch.ones(10), torch.ones(10), lengths=torch.tensor(lengths))
    assert found.aligned.sum() + found.deleted.sum() == len(one)
    assert found.aligned.sum() + found.inserted.sum() == len(other)


def warping_distance(costs):
    """Sakoe and Chiba's recursion, as it stands in textbooks."""
    best = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    best[0, 0] = 0.0
    for i, j in np.ndindex(*costs.shape):
        best[i + 1, j + 1] = costs[i, j] + min(best[i, j], best[i, j + 1], best[i + 1, j])
    return best[-1, -1]


def test_warpings_of_long_sequences():
    rng = np.random.default_rng(2)
    series = np.cumsum(rng.normal(size=(2, 5, 40)), axis=2)
    costs = np.abs(series[0, :, :, None] - series[1, :, None, :])
    (paths,) = imle.layer("alignment", first=40, second=40, kind="warping").eval()(torch.from_numpy(costs))
    for own, path in zip(costs, paths.numpy(), strict=True):
        assert (own * path).sum() == pytest.approx(warping_distance(own))
        steps = np.diff(np.argwhere(path), axis=0)
        assert ((steps >= 0) & (steps <= 1)).all()


def test_a_motif_is_found_wherever_it_stands():
    text, motif = "xxGATTACAyy", "GATACA"
    scores = torch.tensor([[2.0 if a == b else -2.0 for b in motif] for a in text]).unsqueeze(0)
    layer = imle.layer("alignment", first=11, second=6, kind="local", sense="max").eval()
    found = layer(scores, torch.full((11,), -1.0), torch.full((6,), -1.0))
    assert found.aligned[0].nonzero()[:, 1].tolist() == [0, 1, 2, 3, 4, 5]
    assert (text[2], text[8]) == ("G", "A")
    assert found.deleted[0].nonzero().flatten().tolist() in ([4], [5])
    nothing = layer(-torch.ones(1, 11, 6), torch.full((11,), -1.0), torch.full((6,), -1.0))
    assert not nothing.aligned.any()
    assert not nothing.deleted.any()


def test_bands_that_no_path_keeps_to_name_the_size():
    result = (
        AlignmentSolver(kind="warping")
        .prepare(3, 3, allowed=np.eye(3))
        .solve(np.ones((2, 9)), lengths=[(3, 3), (3, 2)])
    )
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE]
    assert result.messages[1] == "no path through 3 x 2 cells keeps to allowed"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"first": 0}, "first: expected an int >= 1, found 0"),
        ({"second": "3"}, "second: expected an int >= 1, found '3'"),
        (
            {"allowed": np.ones((3, 2))},
            r"allowed: expected a mask of shape \[2, 3\], .* found ndarray of shape \[3, 2\]",
        ),
        ({"lengths": 2}, "lengths: expected a pair of ints, from 0 to 2 and from 0 to 3, found 2"),
        ({"lengths": (2, 4)}, r"lengths: expected a pair of ints, .* found \(2, 4\)"),
    ],
)
def test_what_is_no_instance_is_refused(given, message):
    with pytest.raises(InstanceError, match=rf"alignment: {message}"):
        AlignmentSolver().prepare(**{"first": 2, "second": 3, **given})


def test_empty_sequences_cannot_be_warped():
    with pytest.raises(InstanceError, match="from 1 to 2 and from 1 to 2") as caught:
        AlignmentSolver(kind="warping").prepare(2, 2).solve(np.zeros((2, 4)), lengths=[(1, 1), (0, 1)])
    assert caught.value.row == 1


def test_gaps_belong_to_kinds_that_have_them():
    layer = imle.layer("alignment", first=2, second=2, kind="warping")
    with pytest.raises(ObjectiveError, match="deletions: expected none, the instance has no such block"):
        layer(torch.rand(1, 2, 2), deletions=torch.ones(2))
    with pytest.raises(ObjectiveError, match=r"deletions: expected shape .* found none"):
        imle.layer("alignment", first=2, second=2)(torch.rand(1, 2, 2))
    with pytest.raises(OptionError, match="kind: expected 'global' or 'local' or 'warping', found 'dtw'"):
        AlignmentSolver(kind="dtw")
