"""Projective trees against enumeration and torch-struct, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError
from imle.solvers import SolveStatus
from imle_dp.conformance import projective_trees
from imle_dp.projective import ProjectiveTreeSolver

pytestmark = pytest.mark.filterwarnings("ignore:.*does not define `arg_constraints`:UserWarning")  # torch-struct's own


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("sense", "sign"), [("max", 1), ("min", -1)])
@pytest.mark.parametrize("single_root", [True, False])
@pytest.mark.parametrize("room", [1, 2, 5])
def test_trees_are_best_whatever_the_length(room, single_root, sense, sign, masked):
    rng = np.random.default_rng(0)
    allowed = rng.random((room + 1, room + 1)) < 0.7
    prepared = ProjectiveTreeSolver(single_root=single_root, sense=sense).prepare(allowed=allowed if masked else None)
    objective = rng.normal(size=(250, room + 1, room + 1))
    objective[120:] = rng.integers(-2, 3, objective[120:].shape)  # ties
    lengths = rng.integers(1, room + 1, 250)
    result = prepared.solve(objective, lengths=lengths.tolist())
    for length in set(lengths.tolist()):
        own = np.flatnonzero(lengths == length)
        points = projective_trees(room, length, single_root=single_root)
        points = points[(points <= allowed).all(axis=(1, 2))] if masked else points
        if not len(points):
            assert (result.status[own] == SolveStatus.INFEASIBLE).all()
            continue
        assert result.status is None or not result.status[own].any()
        best = (sign * np.einsum("nij,mij->nm", objective[own], points)).max(axis=1)
        np.testing.assert_allclose(sign * result.values[own], best, atol=1e-12)
        listed = {tuple(z.astype(int).ravel()) for z in points}
        assert {tuple(z.ravel()) for z in result.solutions[own]} <= listed


def test_long_sentences_have_the_trees_of_torch_struct():
    """It has scores of roots on the diagonal, and as many of them as are best."""
    torch_struct = pytest.importorskip("torch_struct")
    torch.manual_seed(0)
    arcs = torch.randn(5, 13, 13, dtype=torch.float64)
    potentials = arcs[:, 1:, 1:].clone()
    potentials.diagonal(dim1=1, dim2=2).copy_(arcs[:, 0, 1:])
    lengths = torch.tensor([12, 4, 9, 12, 1])
    potentials.requires_grad_()
    theirs = torch_struct.DependencyCRF(potentials * 1, lengths=lengths)  # it writes into a leaf otherwise
    layer = imle.layer("projective-tree", single_root=False).eval()
    assert torch.allclose(layer.value(arcs, lengths=lengths), theirs.max)
    trees = layer(arcs, lengths=lengths)
    assert torch.equal(trees[:, 0, 1:], theirs.argmax.diagonal(dim1=1, dim2=2))


def test_masks_without_a_tree_make_rows_infeasible():
    allowed = np.ones((4, 4))
    allowed[:, 3] = 0
    result = ProjectiveTreeSolver().prepare(allowed=allowed).solve(np.zeros((2, 4, 4)), lengths=[2, 3])
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE]
    assert result.messages[1] == "no projective tree over 3 words keeps to allowed"


def test_what_is_no_instance_is_refused():
    solver = ProjectiveTreeSolver()
    with pytest.raises(InstanceError, match=r"allowed: expected a mask of shape \[3, 3\], .* of shape \[3, 2\]"):
        solver.prepare(allowed=np.ones((3, 2)))
    for small in (1, np.ones((1, 1))):
        with pytest.raises(InstanceError, match=r"allowed: expected a mask \[n \+ 1, n \+ 1\] for n >= 1 words"):
            solver.prepare(allowed=small)
    with pytest.raises(InstanceError, match="lengths: expected an int from 1 to 2, found 3"):
        solver.prepare(lengths=3, allowed=np.ones((3, 3)))
    for shape in ((2, 3, 4), (2, 1, 1)):
        with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, n \+ 1, n \+ 1\]"):
            solver.prepare().solve(np.zeros(shape))
    with pytest.raises(InstanceError, match="lengths: expected an int from 1 to 2, found 3") as caught:
        solver.prepare().solve(np.zeros((2, 3, 3)), lengths=[2, 3])
    assert caught.value.row == 1
