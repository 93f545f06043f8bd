"""Estimators that differentiate a density: exact expectations, agreement with others, refusals."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import imle
from imle.errors import OptionError
from imle.estimators import IMLE
from imle.estimators.base import Trace
from imle.estimators.scores import baseline
from imle.estimators.subset_distribution import marginals_along, sample
from imle.noise import GumbelNoiseDistribution, SumOfGammaNoiseDistribution
from support.problems import SETS, draw, layer_over
from support.solvers import EnumerationSolver, k_subsets

DRAWS = 40_000
THETA = torch.tensor([0.3, -0.2, 1.1, 0.6], dtype=torch.float64)
DY = torch.tensor([1.0, -0.5, 0.8, -2.0], dtype=torch.float64)


def within(draws, expected, sigmas=5.0):
    """Every entry of the mean lies within `sigmas` standard errors of the expected value."""
    error = draws.std(dim=0) / len(draws) ** 0.5
    distance = (draws.mean(dim=0) - torch.as_tensor(expected)).abs()
    assert (distance <= sigmas * error + 1e-12).all(), (distance / error).tolist()


def gradients(theta, loss, *, rows=DRAWS, samples=2, solver="topk", **options):
    """The gradient of each of many independent rows."""
    generator = torch.Generator().manual_seed(7)
    if solver == "topk":
        options.setdefault("k", 1)
    layer = imle.layer(solver, nb_samples=samples, generator=generator, **options)
    many = theta.repeat(rows, 1).requires_grad_()
    layer.expected_loss(many, loss).sum().backward()
    return many.grad


def linear(samples):
    return (samples * DY[: samples.shape[-1]]).sum(dim=-1)


def softmax_jacobian(tau):
    p = torch.softmax(THETA / tau, 0)
    return (torch.diag(p) - torch.outer(p, p)) / tau


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
@pytest.mark.parametrize("samples", [1, 2, 5])
@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_gumbel_noise_gives_the_softmax_derivative(estimator, samples, tau):
    """No stray factor of S, tau or the baseline's S / (S - 1)."""
    noise = GumbelNoiseDistribution()
    found = gradients(THETA, linear, estimator=estimator, noise=noise, samples=samples, temperature=tau)
    within(found, softmax_jacobian(tau) @ DY)


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
@pytest.mark.parametrize("samples", [2, 4])
def test_mirrored_draws_change_no_expectation(estimator, samples):
    noise = GumbelNoiseDistribution()
    found = gradients(THETA, linear, estimator=estimator, noise=noise, samples=samples, antithetic=True)
    within(found, softmax_jacobian(1.0) @ DY)


@pytest.mark.parametrize("antithetic", [False, True])
def test_the_baseline_is_the_mean_of_independent_samples_that_were_solved(antithetic):
    """Samples s and s + S / 2 are mirrors; sample 2 failed in the second row, 1 and 3 in the third."""
    values = torch.tensor([[1.0, 2.0, 4.0, 8.0]] * 3)
    valid = torch.tensor([[True, True, True, True], [True, True, False, True], [True, False, True, False]])
    call = imle.layer("topk", k=1, nb_samples=4, antithetic=antithetic)
    call = call.call(call.plan(torch.Size([3])), call._mode())
    found = baseline(Trace(torch.zeros(3, 2), torch.zeros(3, 4, 2), torch.zeros(3, 4, 2), valid, call), values)
    alone = [[14 / 3, 13 / 3, 11 / 3, 7 / 3], [5.0, 4.5, 11 / 3, 1.5], [4.0, 2.5, 1.0, 2.5]]
    paired = [[5.0, 2.5, 5.0, 2.5], [5.0, 1.0, 5.0, 1.0], [0.0, 2.5, 0.0, 2.5]]
    torch.testing.assert_close(found, torch.tensor(paired if antithetic else alone))


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_gaussian_noise_on_one_of_two(estimator, sigma):
    theta = THETA[:2]
    found = gradients(theta, linear, estimator=estimator, temperature=sigma)
    gap = float(theta[0] - theta[1]) / (sigma * math.sqrt(2))
    slope = math.exp(-(gap**2) / 2) / math.sqrt(2 * math.pi) / (sigma * math.sqrt(2))
    change = slope * float(DY[0] - DY[1])
    within(found, [change, -change])


@pytest.mark.parametrize("estimator", ["perturbed-multiplicative", "score-function"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_multiplicative_noise_on_one_of_two(estimator, sign):
    sigma, theta = 0.6, sign * torch.tensor([0.8, 1.3], dtype=torch.float64)
    found = gradients(theta, linear, estimator=estimator, noise="multiplicative", temperature=sigma)
    gap = sign * math.log(0.8 / 1.3) / (sigma * math.sqrt(2))
    slope = math.exp(-(gap**2) / 2) / math.sqrt(2 * math.pi) / (sigma * math.sqrt(2))
    change = sign * slope * float(DY[0] - DY[1])
    within(found, [change / float(theta[0]), -change / float(theta[1])])


def test_logistic_noise_against_a_numerical_derivative():
    """P(theta_1 + L_1 > theta_2 + L_2) by quadrature."""
    found = gradients(THETA[:2], linear, estimator="perturbed", noise="logistic", temperature=1.0)

    def probability(gap):
        x = torch.linspace(-60, 60, 200_001, dtype=torch.float64)
        density = torch.sigmoid(x) * torch.sigmoid(-x)
        return torch.trapezoid(density * torch.sigmoid(x + gap), x)

    gap, step = float(THETA[0] - THETA[1]), 1e-4
    slope = float(probability(gap + step) - probability(gap - step)) / (2 * step)
    change = slope * float(DY[0] - DY[1])
    within(found, [change, -change])


def test_the_score_function_is_unbiased_where_the_loss_is_not_linear():
    target = torch.tensor([0.2, 0.9, -0.4, 0.1], dtype=torch.float64)

    def loss(samples):
        return ((samples - target).square().sum(dim=-1) + 1.0).log()

    p = THETA.clone().requires_grad_()
    (torch.softmax(p, 0) * loss(torch.eye(4, dtype=torch.float64))).sum().backward()
    within(gradients(THETA, loss, estimator="score-function", noise="gumbel", temperature=1.0, samples=4), p.grad)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sense", ["max", "min"])
def test_agreement_with_central_differences_on_small_sets(name, sense):
    """Two estimators of one derivative that share nothing but the solver."""
    theta, dy = draw(SETS[name].shape[1], seed=1), draw(SETS[name].shape[1], seed=2)

    def run(rows, estimator):
        layer = layer_over(
            SETS[name],
            sense,
            estimator=estimator,
            noise="gaussian",
            temperature=1.5,
            nb_samples=2,
            generator=torch.Generator().manual_seed(3),
        )
        many = theta.repeat(rows, 1).requires_grad_()
        (layer(many) * dy).sum().backward()
        return many.grad

    one, other = run(20_000, "perturbed"), run(20_000, IMLE(0.05, symmetric=True, scale=True))
    error = ((one.var(dim=0) + other.var(dim=0)) / len(one)).sqrt()
    # central differences have a bias of order lambda^2, far below the standard errors
    assert ((one.mean(dim=0) - other.mean(dim=0)).abs() <= 5 * error).all()


def test_the_baseline_lowers_the_variance():
    """With a constant added to the solution (edges every path uses), the plain score has much more to average out."""
    solutions = torch.cat([torch.ones(15, 3).double(), torch.from_numpy(k_subsets(6, 2))], dim=1).numpy()

    def spread(samples, rows):
        layer = imle.layer(
            EnumerationSolver(),
            solutions=solutions,
            estimator="perturbed",
            nb_samples=samples,
            generator=torch.Generator().manual_seed(0),
        )
        theta = torch.zeros(rows, 9, dtype=torch.float64, requires_grad=True)
        (layer(theta) * 2.0).sum().backward()
        return theta.grad.reshape(-1, rows // 2000 if samples == 1 else 1, 9).mean(dim=1).var(dim=0).mean()

    assert spread(2, 2000) < 0.01 * spread(1, 4000), "equal numbers of solves"


def subset_distribution(theta, k):
    n = len(theta)
    subsets = torch.tensor(
        [[float(i in chosen) for i in range(n)] for chosen in itertools.combinations(range(n), k)], dtype=theta.dtype
    ).reshape(-1, n)
    return subsets, torch.softmax(subsets @ theta, 0)


@pytest.mark.parametrize("k", range(8))
def test_simple_marginals_and_jacobian_by_enumeration(k):
    theta, direction = 2 * draw(7, seed=k), draw(7, seed=k + 100)
    subsets, p = subset_distribution(theta, k)
    mu = p @ subsets
    jacobian = (subsets - mu).T @ torch.diag(p) @ (subsets - mu)
    found, along = marginals_along(theta[None], torch.tensor([k]), direction[None])
    torch.testing.assert_close(found[0], mu)
    torch.testing.assert_close(along[0], jacobian @ direction, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_simple_samples_follow_the_law_of_whole_subsets(k):
    theta = draw(7, seed=k)
    subsets, p = subset_distribution(theta, k)
    uniform = torch.rand(1, DRAWS, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    drawn = sample(theta[None], torch.tensor([k]), uniform)[0]
    which = (drawn @ subsets.T == k).double()
    assert (which.sum(dim=1) == 1).all()
    within(which, p)


def test_simple_in_a_layer_with_sizes_per_row():
    layer = imle.layer("topk", estimator="simple", nb_samples=3, temperature=0.7, output="samples")
    theta, dy = draw(3, 7, seed=1).requires_grad_(), draw(3, 7, seed=2)
    out = layer(theta, k=[1, 2, 5])
    assert out.sum(dim=-1).tolist() == [[1.0] * 3, [2.0] * 3, [5.0] * 3]
    (out.mean(dim=1) * dy).sum().backward()
    for row, k in enumerate([1, 2, 5]):
        subsets, p = subset_distribution(theta[row].detach() / 0.7, k)
        mu = p @ subsets
        jacobian = (subsets - mu).T @ torch.diag(p) @ (subsets - mu)
        torch.testing.assert_close(theta.grad[row], jacobian @ dy[row] / 0.7)
    assert torch.equal(layer.eval()(theta, k=[1, 2, 5]).squeeze(1).sum(dim=1), torch.tensor([1.0, 2.0, 5.0]).double())


def test_simple_is_stable_far_out_and_long():
    theta = (100 * draw(2, 1000, seed=5)).float().requires_grad_()
    layer = imle.layer("topk", k=50, estimator="simple")
    out = layer(theta)
    (out * draw(2, 1000).float()).sum().backward()
    assert (out.sum(dim=1) == 50).all()
    assert theta.grad.isfinite().all()
    torch.testing.assert_close(theta.grad.sum(dim=1), torch.zeros(2), atol=1e-4, rtol=0)


def test_expected_loss_reaches_other_parameters_and_keeps_the_batch():
    for estimator in ("score-function", "imle", "blackbox"):
        layer = imle.layer("topk", k=2, estimator=estimator)
        scale = torch.tensor(2.0, requires_grad=True)
        theta = draw(2, 3, 6).requires_grad_()
        loss = layer.expected_loss(theta, lambda z, scale=scale: scale * z.sum(dim=-1))
        assert loss.shape == (2, 3)
        assert torch.equal(loss.detach(), torch.full((2, 3), 4.0).double())
        loss.sum().backward()
        assert scale.grad.item() == 12
        assert theta.grad.shape == theta.shape
        assert layer.eval().expected_loss(theta, lambda z: z.sum(dim=-1)).tolist() == [[2.0] * 3] * 2


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: imle.layer("topk", k=1, estimator="perturbed", temperature=0.0), "a positive temperature"),
        (lambda: imle.layer("topk", k=1, estimator="perturbed", noise=None), "expected noise"),
        (lambda: imle.layer("topk", k=1, estimator="perturbed", output="map"), "found 'map', which draws no noise"),
        (lambda: imle.layer("topk", k=1, estimator="score-function", output="map"), "found 'map'"),
        (lambda: imle.layer("topk", k=1, estimator="score-function", temperature=0.0), "a positive temperature"),
        (
            lambda: imle.layer("topk", k=1, estimator="perturbed", noise=SumOfGammaNoiseDistribution(k=1)),
            "no density in closed form",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator="perturbed-multiplicative", noise="gaussian"),
            "expected multiplicative noise",
        ),
        (lambda: imle.layer("topk", k=1, estimator="simple", temperature=0.0), "expected a number > 0"),
        (lambda: imle.layer("topk", k=1, estimator="simple", noise="gumbel"), "exact samples"),
        (lambda: imle.layer("grid-shortest-path", estimator="simple"), "k-subsets only"),
        (lambda: imle.layer("topk", k=1, nb_samples=0), "expected an int >= 1"),
        (lambda: imle.layer("topk", k=1, temperature=-1.0), "expected a number >= 0"),
        (lambda: IMLE(0.0), "expected a number > 0"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(OptionError, match=message):
        build()


def test_a_plain_backward_pass_of_the_score_function_is_refused():
    theta = draw(2, 4).requires_grad_()
    out = imle.layer("topk", k=1, estimator="score-function")(theta)
    with pytest.raises(OptionError, match="expected_loss"):
        out.sum().backward()


@pytest.mark.parametrize("estimator", ["perturbed", "perturbed-multiplicative"])
def test_a_backward_pass_without_noise_is_refused(estimator):
    theta = draw(2, 4).requires_grad_()
    layer = imle.layer("topk", k=1, estimator=estimator).eval()
    with pytest.raises(OptionError, match=r"forward pass without noise.*\n.*layer.train\(\)"):
        layer(theta).sum().backward()


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
@pytest.mark.parametrize("rounded", [False, True])
def test_an_expected_loss_without_noise_has_a_value_and_refuses_a_gradient(estimator, rounded):
    theta = draw(2, 4).requires_grad_()
    layer = imle.layer("topk", k=1, estimator=estimator).eval()
    value = layer.expected_loss(theta, lambda z: z.detach().sum(-1) if rounded else z.sum(-1))
    assert value.tolist() == [1.0, 1.0]
    if estimator == "perturbed" and rounded:  # as any rule that needs the loss's own gradient
        assert not value.requires_grad
        return
    with pytest.raises(OptionError, match="forward pass without noise"):
        value.sum().backward()


def test_a_loss_of_the_wrong_shape_is_refused():
    with pytest.raises(OptionError, match=r"one value per sample, \[2, 3\], found \[2\]"):
        imle.layer("topk", k=1, nb_samples=3).expected_loss(draw(2, 4), lambda z: z.sum(dim=(1, 2)))


def test_failed_rows_have_no_gradient():
    layer = imle.layer(
        EnumerationSolver(), solutions=torch.zeros(0, 3).numpy(), estimator="perturbed", on_failure="zero-grad"
    )
    theta = draw(2, 3).requires_grad_()
    layer(theta).sum().backward()
    assert not theta.grad.any()
