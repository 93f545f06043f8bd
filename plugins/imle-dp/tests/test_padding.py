"""A padded row is what it is alone: its solution, gradient, unit of noise, step, and what monitors read of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError
from imle.monitoring import Monitor
from imle.noise import RelativeNoiseDistribution
from imle.testing import Instance
from imle.testing.checks.rows import check_padding
from imle.testing.failure import CheckFailure
from imle.testing.subject import Case, Subject
from imle_dp.alignment import AlignmentSolver
from imle_dp.chain import PreparedChain, ViterbiSolver
from imle_dp.plugin import VITERBI, imle_solvers
from imle_dp.projective import ProjectiveTreeSolver

RULES = [("S", "S", "a"), ("S", "a", "a"), ("a", "S", "a"), ("a", "a", "S")]

CASES = {
    "viterbi": ("viterbi", {"states": 3}, lambda n: {"emissions": (n, 3), "transitions": (3, 3)}),
    "viterbi, moves of each step": (
        "viterbi",
        {"states": 2, "stationary": False},
        lambda n: {"emissions": (n, 2), "transitions": (n - 1, 2, 2)},
    ),
    "segmentation": (
        "segmentation",
        {"longest": 2, "kinds": 2, "stationary": False},
        lambda n: {"segments": (n, 2, 2), "transitions": (n - 1, 2, 2)},
    ),
    "alignment": ("alignment", {}, lambda n: {"pairs": (n, n - 1), "deletions": (n,), "insertions": (n - 1,)}),
    "warping": ("alignment", {"kind": "warping"}, lambda n: {"pairs": (n, n - 1)}),
    "projective-tree": ("projective-tree", {}, lambda n: {"arcs": (n + 1, n + 1)}),
    "cky": ("cky", {"grammar": RULES, "preterminals": ["S", "a"]}, lambda n: {"spans": (n, n, 2), "rules": (4,)}),
}
"""The solver, options and instance, and shapes of blocks by length."""

ROWS, ROOM, LENGTH = 8, 5, 3
KNOWN = {spec.id: {parameter.name for parameter in spec.instance} for spec in imle_solvers()}
SOLUTIONS = {block.name: block.solution for spec in imle_solvers() for block in spec.blocks}


class Drawn:
    """The draws that it is given, in whatever shape."""

    def __init__(self, draws):
        self.draws = draws

    def sample(self, shape):
        return self.draws.reshape(shape)

    def score(self, theta, eps, temperature):
        return eps / temperature


@pytest.mark.parametrize("estimator", ["imle", "aimle", "blackbox", "perturbed"])
@pytest.mark.parametrize("name", CASES)
def test_a_padded_row_is_what_it_is_alone(name, estimator):
    solver, options, shapes = CASES[name]
    generator = torch.Generator().manual_seed(0)

    def run(length, fields, **call):
        """Solutions, gradients and numbers of a layer; `fields` are scores, weights of the loss, and draws."""
        scores, weights, draws = fields
        room = {"steps": length, "first": length, "second": length - 1, "words": length}
        instance = {key: value for key, value in room.items() if key in KNOWN[solver]}
        noise = {}
        if estimator != "blackbox":
            noisy = [draws[block].flatten(1) for block in draws if block not in ("transitions", "rules")]
            noise = {
                "noise": RelativeNoiseDistribution(Drawn(torch.cat(noisy, dim=1))),
                "nb_samples": 4,
                "temperature": 2.0,
            }
        layer = imle.layer(solver, estimator=estimator, **options, **instance, **noise)
        monitor = Monitor(layer)
        given = [part.clone().requires_grad_() for part in scores.values()]
        found = layer(*given, **call)
        found = [found] if torch.is_tensor(found) else [found[SOLUTIONS[block]] for block in scores]
        sum((z * weight).sum() for z, weight in zip(found, weights.values(), strict=True)).backward()
        read = {key: value for key, value in monitor.read().items() if "per_second" not in key}
        return found, [part.grad for part in given], read

    alone = [
        {block: torch.randn(rows, *shape, generator=generator) for block, shape in shapes(LENGTH).items()}
        for rows in (ROWS, 1, ROWS * 4)
    ]
    padded = [
        {block: torch.full((rows, *shape), fill) for block, shape in shapes(ROOM).items()}
        for rows, fill in ((ROWS, torch.nan), (1, 1e3), (ROWS * 4, 1e3))
    ]
    corners = {block: tuple(map(slice, shape)) for block, shape in shapes(LENGTH).items()}
    for wide, narrow in zip(padded, alone, strict=True):
        for block, corner in corners.items():
            wide[block][(slice(None), *corner)] = narrow[block]
    expected = run(LENGTH, alone)
    lengths = [(LENGTH, LENGTH - 1) if solver == "alignment" else LENGTH] * ROWS
    found = run(ROOM, padded, lengths=lengths)
    for mine, theirs in zip(found[:2], expected[:2], strict=True):
        for whole, part, corner in zip(mine, theirs, corners.values(), strict=True):
            torch.testing.assert_close(whole[(slice(None), *corner)], part)
            assert whole.count_nonzero() == part.count_nonzero()
    assert found[2] == pytest.approx(expected[2])
    assert any(grad.any() for grad in expected[1])


def test_sizes_are_those_of_rows_or_of_all():
    pairs = AlignmentSolver().prepare(4, 5)
    assert pairs.row_shapes() is None
    told = pairs.row_shapes([(2, 3), None])
    assert {block: sizes.tolist() for block, sizes in told.items()} == {
        "pairs": [[2, 3], [4, 5]],
        "deletions": [[2], [4]],
        "insertions": [[3], [5]],
    }
    assert ProjectiveTreeSolver().prepare(lengths=3).row_shapes().tolist() == [[4, 4]]
    assert (np.array(ProjectiveTreeSolver().prepare().row_shapes([2, None]))[:, 0] > [2, 1000]).all()


def test_rows_of_several_instances_have_their_own_padding():
    """Row 0 has room for three steps, of which it uses two; row 1 uses all of its five."""
    emissions = torch.full((2, 5, 2), torch.nan)
    emissions[0, :2], emissions[1] = torch.randn(2, 2), torch.randn(5, 2)
    layer = imle.layer("viterbi", steps=5, states=2, nb_samples=3, noise=RelativeNoiseDistribution())
    path, counts = layer(emissions, torch.zeros(2, 2), steps=[3, 5], lengths=[2, 5])
    assert path.sum((1, 2)).tolist() == pytest.approx([2.0, 5.0])
    assert counts.sum((1, 2)).tolist() == pytest.approx([1.0, 4.0])
    spread = torch.stack([own.std(correction=0) for own in (_packed(emissions[0, :2]), _packed(emissions[1]))])
    assert layer.noise.unit.item() == pytest.approx(spread.mean().item())


def _packed(emissions):
    """With transitions of 0."""
    return torch.cat([emissions.flatten(), torch.zeros(4)])


def test_a_length_for_all_is_looked_at_again_where_rows_have_less_room():
    with pytest.raises(InstanceError, match="projective-tree: lengths: expected an int from 1 to 2, found 5"):
        ProjectiveTreeSolver().prepare(lengths=5).solve(np.zeros((2, 3, 3)))


def test_bad_lengths_name_their_row_and_none_are_fine_for_no_rows():
    layer = imle.layer("viterbi", steps=4, states=2).eval()
    with pytest.raises(InstanceError, match=r"viterbi: lengths: expected an int from 1 to 4, found 9 \(row 1\)"):
        layer(torch.zeros(2, 4, 2), lengths=[4, 9])
    assert layer(torch.zeros(0, 4, 2), lengths=[]).path.shape == (0, 4, 2)


def test_infinite_scores_are_told_what_forbids():
    layer = imle.layer("viterbi", steps=2, states=2).eval()
    for value, hint in ((-torch.inf, "allowed= forbids entries"), (torch.inf, "check the network's output")):
        with pytest.raises(ObjectiveError, match=rf"transitions: found -?inf in position \(0, 1\)[^\n]*\n.*{hint}"):
            layer(torch.zeros(1, 2, 2), torch.tensor([[0.0, value], [0.0, 0.0]]))
    padded = torch.tensor([[[0.0, -torch.inf], [torch.nan, 0.0]]])
    for call in (layer, layer.value):
        with pytest.raises(ObjectiveError, match=r"emissions: found -inf in row 0, position \(0, 1\); 1 of 4"):
            call(padded, lengths=[1])


def test_the_kit_finds_sizes_of_blocks_that_are_too_small(monkeypatch):
    told = PreparedChain.sizes
    instance = Instance("three steps", {"steps": 3, "states": 2}, rows={"lengths": [3, 1, 2, None]})
    case = Case(Subject("viterbi", ViterbiSolver, VITERBI, "imle_dp.plugin", "viterbi"), instance)
    check_padding(case)
    monkeypatch.setattr(PreparedChain, "sizes", lambda self, lengths: told(self, lengths - 1))
    with pytest.raises(CheckFailure, match="0 beyond the 8 entries that row_shapes tells"):
        check_padding(case)
