"""The snippets of the original torch-imle README, verbatim, and its values by an independent evaluation."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imle import layer
from imle.errors import OptionError, SolverContractError
from imle.estimators import IMLE
from imle.noise import BaseNoiseDistribution, GumbelNoiseDistribution, SumOfGammaNoiseDistribution
from imle.target import BaseTargetDistribution, TargetDistribution
from imle.wrapper import imle
from support.noises import FixedNoise

README_SOLVER = """
import numpy as np

import torch
from torch import Tensor

def torch_solver(weights_batch: Tensor) -> Tensor:
    weights_batch = weights_batch.detach().cpu().numpy()
    y_batch = np.asarray([solver(w) for w in list(weights_batch)])
    return torch.tensor(y_batch, requires_grad=False)
"""

README_FUNCTION = """
from imle.wrapper import imle
from imle.target import TargetDistribution
from imle.noise import SumOfGammaNoiseDistribution

target_distribution = TargetDistribution(alpha=0.0, beta=10.0)
noise_distribution = SumOfGammaNoiseDistribution(k=k, nb_iterations=100)

def torch_solver(weights_batch: Tensor) -> Tensor:
    weights_batch = weights_batch.detach().cpu().numpy()
    y_batch = np.asarray([solver(w) for w in list(weights_batch)])
    return torch.tensor(y_batch, requires_grad=False)

imle_solver = imle(torch_solver,
                   target_distribution=target_distribution,
                    noise_distribution=noise_distribution,
                    nb_samples=10,
                    input_noise_temperature=input_noise_temperature,
                    target_noise_temperature=target_noise_temperature)
"""

README_DECORATOR = """
@imle(target_distribution=target_distribution,
      noise_distribution=noise_distribution,
      nb_samples=10,
      input_noise_temperature=input_noise_temperature,
      target_noise_temperature=target_noise_temperature)
def imle_solver(weights_batch: Tensor) -> Tensor:
    return torch_solver(weights_batch)
"""


def one_hot(theta: np.ndarray) -> np.ndarray:
    """argmax <theta, z> over one-hot arrays of theta's shape."""
    y = np.zeros_like(theta)
    y[np.unravel_index(theta.argmax(), theta.shape)] = 1
    return y


@pytest.mark.parametrize("snippets", [[README_FUNCTION], [README_FUNCTION, README_DECORATOR]])
def test_readme_snippets_run_unchanged(snippets):
    names = {"solver": one_hot, "k": 5, "input_noise_temperature": 1.0, "target_noise_temperature": 1.0}
    for snippet in [README_SOLVER, *snippets]:
        exec(snippet, names)
    theta = torch.randn(3, 4, 5, requires_grad=True)
    y = names["imle_solver"](theta)
    assert y.shape == (30, 4, 5)
    assert (y.detach().sum(dim=(1, 2)) == 1).all()
    ((y - 1) ** 2).mean().backward()
    assert theta.grad.shape == theta.shape
    assert names["imle_solver"].__name__ in ("torch_solver", "imle_solver")


def batched(rows: Tensor) -> Tensor:
    return torch.tensor(np.asarray([one_hot(row) for row in rows.detach().numpy()]))


@settings(max_examples=50)
@given(
    seed=st.integers(0, 1000),
    batch=st.integers(1, 3),
    samples=st.integers(1, 4),
    shape=st.sampled_from([(5,), (2, 3), ()]),
    alpha=st.sampled_from([0.0, 1.0, 0.5]),
    beta=st.sampled_from([0.1, 1.0, 10.0]),
    tau=st.sampled_from([0.0, 1.0, 2.0]),
    tau_target=st.sampled_from([0.0, 1.0, 2.0]),
)
def test_values_and_gradients_by_hand(seed, batch, samples, shape, alpha, beta, tau, tau_target):
    """mean_s [ z_s - z(alpha theta - beta dL/dz_s + tau' eps_s) ], sample by sample, dL/dz_s as it comes."""
    rng = np.random.default_rng(seed)
    theta, noise = rng.normal(size=(batch, *shape)), rng.normal(size=(batch, samples, *shape))
    weights = rng.normal(size=(batch * samples, *shape))
    layer = imle(
        batched,
        target_distribution=TargetDistribution(alpha=alpha, beta=beta),
        noise_distribution=FixedNoise(torch.tensor(noise)),
        nb_samples=samples,
        input_noise_temperature=tau,
        target_noise_temperature=tau_target,
    )
    parameters = torch.tensor(theta, requires_grad=True)
    y = layer(parameters)
    (y * torch.tensor(weights)).sum().backward()
    for b in range(batch):
        gradient = np.zeros(shape)
        for s in range(samples):
            z = one_hot(theta[b] + noise[b, s] * tau)
            np.testing.assert_array_equal(y[b * samples + s].detach().numpy(), z)
            dy = weights[b * samples + s]
            gradient += (z - one_hot(alpha * theta[b] - beta * dy + noise[b, s] * tau_target)) / samples
        np.testing.assert_allclose(parameters.grad[b].numpy(), gradient, atol=1e-12)


def test_defaults_are_the_originals():
    """alpha = beta = 1, no noise, one sample; usable as a bare decorator."""

    @imle
    def solve(rows):
        return batched(rows)

    theta = torch.tensor([[0.0, 1.0, 0.5]], requires_grad=True)
    y = solve(theta)
    assert y.tolist() == [[0.0, 1.0, 0.0]]
    (y * torch.tensor([[0.0, 2.0, 0.0]])).sum().backward()  # theta' = theta - dy = [0, -1, 0.5]
    assert theta.grad.tolist() == [[0.0, 1.0, -1.0]]


# the original's defects, mended


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("returned", [torch.int64, torch.float64, torch.bool])
def test_output_has_the_inputs_dtype_whatever_the_solver_returns(dtype, returned):
    seen = []

    def solve(rows):
        seen.append(rows.dtype)
        return (rows > 0).to(returned)

    theta = torch.randn(2, 3).to(dtype).requires_grad_()
    y = imle(solve, noise_distribution=SumOfGammaNoiseDistribution(k=2), nb_samples=4)(theta)
    y.float().square().sum().backward()
    assert y.dtype == theta.grad.dtype == dtype
    assert set(seen) == {dtype}, "noise must not widen the computation"


def test_non_contiguous_input():
    theta = torch.randn(3, 2).T.requires_grad_()
    y = imle(batched, nb_samples=2)(theta)
    assert y.shape == (4, 3)
    y.square().sum().backward()


def test_further_arguments_reach_the_function_as_constants():
    def solve(rows, scale, *, shift):
        assert not rows.requires_grad
        return ((rows * scale + shift) > 0).float()

    theta = torch.tensor([[1.0, -1.0]], requires_grad=True)
    scale = torch.tensor(1.0, requires_grad=True)
    y = imle(solve)(theta, scale, shift=torch.tensor([-2.0, 2.0]))
    assert y.tolist() == [[0.0, 1.0]]
    (y * torch.tensor([[-10.0, 10.0]])).sum().backward()
    assert theta.grad.tolist() == [[-1.0, 1.0]]
    assert scale.grad is None


def test_wrong_number_of_rows_is_named():
    with pytest.raises(SolverContractError) as caught:
        imle(lambda rows: rows[:1], nb_samples=3)(torch.randn(2, 4))
    assert str(caught.value) == (
        "solver function: expected solutions of shape [6, 4], one per row of its input, found [1, 4]\n"
        "  hint: nb_samples multiplies the rows: the function is called with [B * S, *event]"
    )


def test_calls_leave_no_classes_behind():
    """The original made an autograd class per call, for the cyclic garbage collector to find."""
    layer = imle(batched)
    theta = torch.randn(2, 3, requires_grad=True)
    layer(theta).sum().backward()
    gc.collect()
    before = len(torch.autograd.Function.__subclasses__())
    for _ in range(20):
        layer(theta).sum().backward()
    assert len(torch.autograd.Function.__subclasses__()) == before


def test_own_distributions_need_only_the_originals_methods():
    class Ones(BaseNoiseDistribution):
        def sample(self, shape):
            return torch.ones(shape, dtype=torch.float64)

    class Duck:
        def sample(self, shape):
            return torch.ones(shape, dtype=torch.float64)

    class Opposite(BaseTargetDistribution):
        def params(self, theta, dy):
            return -theta

    theta = torch.tensor([[0.0, 1.0]], requires_grad=True)
    for noise in (Ones(), Duck()):
        theta.grad = None
        y = imle(batched, target_distribution=Opposite(), noise_distribution=noise)(theta)
        y.sum().backward()
        assert theta.grad.tolist() == [[-1.0, 1.0]]


def test_noise_parameters_are_checked():
    with pytest.raises(OptionError, match="sum-of-gamma noise: k: expected 1e-12 <= k <= 1e\\+12, found 0"):
        SumOfGammaNoiseDistribution(k=0)
    with pytest.raises(OptionError, match="nb_iterations: expected an int >= 1, found 0"):
        SumOfGammaNoiseDistribution(k=1, nb_iterations=0)
    with pytest.raises(OptionError, match="expected finite numbers, found alpha=nan"):
        TargetDistribution(alpha=float("nan"))


@pytest.mark.parametrize("output", ["mean", "samples"])
@pytest.mark.parametrize("samples", [1, 5])
def test_moving_to_layers_divides_beta_by_the_samples(samples, output):
    """As the README's table says: layers undo the 1/S of a mean over samples, the original does not."""

    def largest(scores):
        return torch.nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(scores.dtype)

    torch.manual_seed(0)
    scores, slopes = torch.randn(2, 64, 6, dtype=torch.float64)

    def gradient(solve):
        torch.manual_seed(1)
        given = scores.clone().requires_grad_()
        (solve(given) * slopes).sum().backward()
        return given.grad

    target, noise = TargetDistribution(alpha=1.0, beta=3.0), GumbelNoiseDistribution()
    original = imle(largest, target_distribution=target, noise_distribution=noise, nb_samples=samples)
    wanted = gradient(lambda given: original(given).view(64, samples, 6).mean(dim=1))
    found = {}
    for step in (3.0, 3.0 / samples):
        solve = layer(largest, noise=noise, nb_samples=samples, estimator=IMLE(lambda_=step), output=output)
        found[step] = gradient(solve if output == "mean" else lambda given, solve=solve: solve(given).mean(dim=1))
    assert wanted.any()
    torch.testing.assert_close(found[3.0 / samples], wanted)
    assert torch.equal(found[3.0], wanted) == (samples == 1)
