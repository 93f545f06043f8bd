"""Plain functions as solvers: which dimensions are one objective."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolveError, SolverContractError


def largest(scores):
    """argmax of every vector; takes any number of dimensions, and so hides how it was called."""
    return torch.nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1])


def of_rows(scores):
    assert scores.ndim == 2, f"expected [N, n], found {list(scores.shape)}"
    return largest(scores)


@pytest.mark.parametrize("shape", [(None,), (6,), [6], torch.Size([6])])
@pytest.mark.parametrize("lead", [(), (4,), (4, 8), (2, 2, 3)])
def test_a_function_of_vectors_takes_any_batch_dimensions(shape, lead):
    theta = torch.randn(*lead, 6)
    layer = imle.layer(of_rows, shape=shape)
    assert torch.equal(layer.eval()(theta), largest(theta).float())
    assert layer.train()(theta).shape == theta.shape


def test_steps_and_counts_are_those_of_the_objectives_named():
    """The default step is relative to the norm of a row: it matters what a row is."""
    theta = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(0))
    weight = torch.arange(6.0) * 10.0 ** -torch.arange(8.0)[:, None]

    def gradient(layer, theta, weight):
        theta = theta.clone().requires_grad_()
        (layer(theta) * weight).sum().backward()
        return theta.grad

    vectors = imle.layer(largest, shape=(None,), noise=None)
    found = gradient(vectors, theta, weight)
    assert vectors.stats.solves == 2 * 32
    flat = gradient(imle.layer(largest, noise=None), theta.flatten(0, 1), weight.repeat(4, 1))
    assert torch.equal(found, flat.reshape(4, 8, 6))
    matrices = imle.layer(largest, shape=(8, 6), noise=None)
    other = gradient(matrices, theta, weight)
    assert matrices.stats.solves == 2 * 4
    assert torch.equal(other, gradient(imle.layer(largest, noise=None), theta, weight)), "the default"
    assert not torch.equal(found, other)


def test_numbers_and_numpy():
    layer = imle.layer(lambda costs: (costs < 0).astype(float), shape=(), sense="min", array="numpy", noise=None)
    assert layer(torch.tensor([[-1.0, 2.0], [3.0, -4.0]])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert layer.stats.solves == 4


def test_another_size_is_refused():
    with pytest.raises(ObjectiveError, match=r"expected shape \[\*batch, 6\], found \[3, 5\]"):
        imle.layer(largest, shape=(6,))(torch.zeros(3, 5))


@pytest.mark.parametrize("shape", [6, "6", (0,), (-1,), (2.0,), (True,), ("n",), np.array([6])])
def test_what_is_no_shape(shape):
    with pytest.raises(OptionError, match=r"function solver: shape: expected the sizes of one objective, found"):
        imle.layer(largest, shape=shape)


def test_a_vector_alone_is_ambiguous():
    with pytest.raises(ObjectiveError, match=r"(?s)expected \[B, \.\.\.\], found \[6\].*shape=\(None,\)"):
        imle.layer(largest)(torch.zeros(6))


def test_a_function_that_takes_fewer_dimensions_is_told_how_to_say_so():
    theta = torch.randn(4, 8, 6)
    with pytest.raises(SolverContractError, match=r"(?s)\[4, 8, 6\], found \[4, 8\].*shape=\(6,\)"):
        imle.layer(lambda scores: scores.argmax(dim=-1))(theta)
    with pytest.raises(SolveError) as caught:
        imle.layer(of_rows)(theta)
    assert any("shape=(6,)" in note for note in caught.value.__cause__.__notes__)
    with pytest.raises(SolveError) as caught:
        imle.layer(of_rows, shape=(None, None))(theta)
    assert not hasattr(caught.value.__cause__, "__notes__"), "it was said: nothing to guess"
