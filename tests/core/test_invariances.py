"""What a docstring calls invariant does not change: batch size, samples, reduction, loss scale, row order."""

from __future__ import annotations

import pytest
import torch

import imle
from imle.estimators import (
    AIMLE,
    IMLE,
    Blackbox,
    Identity,
    Implicit,
    Perturbed,
    PerturbedMultiplicative,
    Simple,
    StraightThrough,
)
from imle.plugins.estimators import OWN
from imle.target import AdaptiveTargetDistribution
from support.noises import FixedFactors, FixedNoise, FixedShifts
from support.solvers import EnumerationSolver, k_subsets

SOLUTIONS = k_subsets(6, 2)
RELATIVE = {
    "imle": lambda: IMLE(beta=0.5),
    "imle-symmetric": lambda: IMLE(beta=0.5, symmetric=True),
    "imle-undivided": lambda: IMLE(beta=0.5, scale=False),
    "aimle": lambda: AIMLE(beta=0.5),
    "blackbox": lambda: Blackbox(beta=0.5),
    "identity": Identity,
    "implicit": Implicit,
    "straight-through": StraightThrough,
    "perturbed": Perturbed,
    "perturbed-multiplicative": PerturbedMultiplicative,
    "simple": Simple,
}
DETERMINISTIC = {"blackbox", "identity", "implicit"}
UNSCALED = {"imle-undivided"}
BASELINE = {"perturbed", "perturbed-multiplicative"}  # other samples lower the variance: equal in expectation only


def test_every_estimator_is_here():
    """All but the score function, whose backward pass is refused; its tests are with `expected_loss`."""
    assert {spec.id for spec in OWN} - RELATIVE.keys() == {"score-function"}


def gradient(name, theta, weights, noise, *, output="mean", reduce=torch.sum, factor=1.0):
    if name == "simple":
        generator = torch.Generator().manual_seed(0)
        layer = imle.layer(
            "topk", k=2, estimator=Simple(), output=output, nb_samples=noise.shape[1], generator=generator
        )
    elif name == "implicit":
        curved = torch.diag(torch.arange(1.0, 7.0))
        layer = imle.layer("highs-qp", sense="max", Q=curved, bounds=(-0.2, 0.2), estimator=Implicit(), output=output)
    else:
        kind = FixedFactors if name == "perturbed-multiplicative" else FixedShifts
        options = {} if name in DETERMINISTIC else {"noise": kind(noise), "nb_samples": noise.shape[1]}
        layer = imle.layer(
            EnumerationSolver(), solutions=SOLUTIONS, estimator=RELATIVE[name](), output=output, **options
        )
    theta = theta.clone().requires_grad_()
    out = layer(theta)
    if output == "samples":
        out = out.mean(dim=-2)
    (factor * reduce(out * weights)).backward()
    return theta.grad


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    return draw(4, 6), draw(4, 6), draw(4, 3, 6)


@pytest.mark.parametrize("name", RELATIVE)
def test_loss_scale_and_reduction(name, problem):
    plain = gradient(name, *problem)
    scaled = gradient(name, *problem, factor=100.0)
    averaged = gradient(name, *problem, reduce=torch.mean)
    expected = (plain, plain) if name in UNSCALED else (plain * 100.0, plain / 24)
    torch.testing.assert_close(scaled, expected[0])
    torch.testing.assert_close(averaged, expected[1])


@pytest.mark.parametrize("name", RELATIVE)
def test_rows_do_not_influence_each_other(name, problem):
    theta, weights, noise = problem
    together = gradient(name, theta, weights, noise)
    alone = torch.cat([gradient(name, theta[i : i + 1], weights[i : i + 1], noise[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(gradient(name, theta[order], weights[order], noise[order]), together[order])


@pytest.mark.parametrize("name", sorted(RELATIVE.keys() - DETERMINISTIC - BASELINE))
@pytest.mark.parametrize("output", ["mean", "samples"])
def test_equal_samples_weigh_as_one(name, output, problem):
    theta, weights, noise = problem
    one = gradient(name, theta, weights, noise[:, :1], output=output)
    many = gradient(name, theta, weights, noise[:, :1].expand(-1, 7, -1), output=output)
    torch.testing.assert_close(one, many)


@pytest.mark.parametrize("name", RELATIVE)
def test_mean_output_is_the_mean_of_the_samples_output(name, problem):
    torch.testing.assert_close(gradient(name, *problem), gradient(name, *problem, output="samples"))


@pytest.mark.parametrize("name", RELATIVE)
def test_leading_dimensions_are_only_a_shape(name, problem):
    theta, weights, noise = problem
    flat = gradient(name, theta, weights, noise)
    folded = gradient(name, theta.reshape(2, 2, 6), weights.reshape(2, 2, 6), noise)
    torch.testing.assert_close(folded.reshape(4, 6), flat)


def test_an_absolute_step_does_depend_on_the_reduction(problem):
    """The paper's lambda, kept available: averaging the loss shrinks dy, and with it the step."""
    theta, weights, noise = problem
    layer = imle.layer(
        EnumerationSolver(), solutions=SOLUTIONS, estimator=IMLE(0.5), noise=FixedNoise(noise), nb_samples=3
    )
    grads = []
    for reduce in (torch.sum, torch.mean):
        rows = theta.clone().requires_grad_()
        reduce(layer(rows) * weights).backward()
        grads.append(rows.grad)
    assert grads[0].abs().sum() > 0
    assert (grads[1] == 0).all()


@pytest.mark.parametrize("name", RELATIVE)
def test_a_zero_loss_gradient_has_a_zero_gradient(name, problem):
    theta, weights, noise = problem
    weights = weights.clone()
    weights[1] = 0
    found = gradient(name, theta, weights, noise)
    assert (found[1] == 0).all()
    assert found.isfinite().all()


@pytest.mark.parametrize("name", ["imle", "aimle", "blackbox"])
def test_a_zero_theta_still_gets_a_gradient(name, problem):
    _, weights, noise = problem
    found = gradient(name, torch.zeros(4, 6, dtype=torch.float64), weights * 10, noise * 0.01)
    assert found.abs().sum() > 0


SIZES = [2.0**-76, 2.0**63, 2.0**-130]  # 1e-23 and 1e19, whose squares no float32 holds; subnormal


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("output", ["mean", "samples"])
@pytest.mark.parametrize("name", sorted(RELATIVE.keys() - {"simple"} - BASELINE))
def test_a_loss_of_any_size_in_float32(name, output, size, problem):
    """Bit by bit, for powers of two: rules are linear in dy or do not depend on its size."""
    theta, weights, noise = (values.float() for values in problem)
    weights = weights.bfloat16().float()  # so that subnormal numbers hold them
    plain = gradient(name, theta, weights, noise, output=output)
    assert plain.any()
    found = gradient(name, theta, weights, noise, output=output, factor=size)
    expected = plain if name in UNSCALED else plain * size
    if size > 2.0**-100:
        assert torch.equal(found, expected)
    else:
        torch.testing.assert_close(found, expected, rtol=0, atol=2.0**-149 * 8)


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize("factor", SIZES[:2])
@pytest.mark.parametrize("name", ["imle", "imle-symmetric", "imle-undivided", "aimle", "blackbox", "identity"])
def test_an_objective_of_any_size_in_float32(name, factor, size, problem):
    """theta and noise times a number: the same solutions; a gradient times its inverse, for rules that have a scale."""
    theta, weights, noise = (values.float() for values in problem)
    plain = gradient(name, theta, weights, noise)
    found = gradient(name, theta * size, weights, noise * size, factor=factor)
    expected = plain if name in UNSCALED else (plain.double() * factor / size).float()
    assert plain.any()
    assert torch.equal(found, expected)


def test_the_authors_adaptive_target_for_rows_of_any_size():
    theta, dy = torch.tensor([[3.0, -4.0]]), torch.tensor([[0.6, 0.8]])
    for size in SIZES[:2]:
        for factor in SIZES[:2]:
            rule = AdaptiveTargetDistribution(initial_beta=0.5)
            assert torch.equal(rule.params(theta * size, dy * factor) / size, theta - 2.5 * dy)
            scaled = rule.process(theta * size, dy * factor, torch.ones(1, 1, 2))
            assert torch.equal(scaled, torch.full((1, 1, 2), 0.4) * factor / size)


@pytest.mark.parametrize("name", ["imle", "imle-symmetric", "imle-undivided", "blackbox"])
@pytest.mark.parametrize("output", ["mean", "samples"])
def test_a_constant_on_all_scores(name, output, problem):
    """All solutions have two ones: a constant adds the same to each, and steps are relative to what varies."""
    theta, weights, noise = problem
    plain = gradient(name, theta, weights, noise, output=output)
    assert plain.abs().sum() > 0
    torch.testing.assert_close(gradient(name, theta + 1e4, weights, noise, output=output), plain, rtol=1e-9, atol=0.0)


def test_rows_of_equal_scores_have_a_step(problem):
    """It is as long as such rows are, as there is no spread; where noise is drawn, that has one."""
    _, weights, _ = problem
    theta = torch.full((4, 6), 0.1, dtype=torch.float64, requires_grad=True)
    layer = imle.layer(EnumerationSolver(), solutions=SOLUTIONS, estimator=Blackbox(beta=0.5))
    (layer(theta) * weights).sum().backward()
    step = 2 * 0.5 * 0.1 * 6**0.5 / weights.norm(dim=1, keepdim=True)
    with torch.no_grad():
        expected = (layer(theta) - layer(theta - step * weights)) / step
    torch.testing.assert_close(theta.grad, expected)
