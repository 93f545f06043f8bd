"""Values and gradients against the definitions, over sets whose solutions can be listed; both senses mirror."""

from __future__ import annotations

import pytest
import torch

import imle
from imle.losses import (
    NCE,
    ImplicitMLE,
    ListwiseLTR,
    MAPContrastive,
    PairwiseLTR,
    PerturbationGradient,
    PerturbedFenchelYoung,
    PointwiseLTR,
    RegularisedFenchelYoung,
    SolutionPool,
    SPOPlus,
    StructuredHinge,
)
from imle.noise import MultiplicativeNoiseDistribution
from support.noises import FixedNoise
from support.problems import SETS, best, draw, layer_over, nearest, table

ROWS, SAMPLES = 3, 4
SENSES = {"max": 1.0, "min": -1.0}


class FixedFactors(MultiplicativeNoiseDistribution):
    def __init__(self, values):
        super().__init__()
        self.values = values

    def draw(self, shape, **_):
        assert torch.Size(shape) == self.values.shape
        return self.values


class Problem:
    """theta, its truth, noise, known solutions and a pool, for one of the sets."""

    def __init__(self, name):
        self.solutions = table(name)
        n = self.solutions.shape[1]
        self.theta, self.true = draw(ROWS, n, seed=1), draw(ROWS, n, seed=2)
        self.noise = draw(ROWS, SAMPLES, n, seed=3)
        self.y = best(self.true, self.solutions)
        self.members = torch.cat([self.solutions[1::3], self.y]).unique(dim=0)
        self.pool = SolutionPool(solve_ratio=0.0)
        self.pool.add(self.members)

    def perturbed(self, factor):
        return self.theta.unsqueeze(1) + factor * self.noise


def row_sums(values):
    return values.sum(dim=-1)


def fenchel_young(p):
    shown = p.perturbed(0.5)
    z = best(shown, p.solutions)
    return row_sums(shown * z).mean(1) - row_sums(p.theta * p.y), z.mean(1) - p.y


def multiplicative(p):
    factors = torch.exp(0.5 * p.noise - 0.125)
    shown = p.theta.unsqueeze(1) * factors
    z = best(shown, p.solutions)
    return row_sums(shown * z).mean(1) - row_sums(p.theta * p.y), (factors * z).mean(1) - p.y


def implicit(p):
    shown = p.perturbed(0.5)
    z = best(shown, p.solutions)
    return row_sums(shown * (z - p.y.unsqueeze(1))).mean(1), z.mean(1) - p.y


def regularised(p, strength):
    mean = nearest(p.theta / strength, p.solutions)
    value = row_sums(p.theta * (mean - p.y)) + strength * row_sums(p.y.square() - mean.square()) / 2
    return value, mean - p.y


def spo_plus(p):
    shifted = 2 * p.theta - p.true
    w = best(shifted, p.solutions)
    value = row_sums(shifted * w) - 2 * row_sums(p.theta * p.y) + row_sums(p.true * p.y)
    return value, 2 * (w - p.y)


def hinge(p, margin):
    distances = (p.solutions - p.y.unsqueeze(1)).abs().sum(2)
    worst = p.solutions[(p.theta @ p.solutions.T + margin * distances).argmax(1)]
    return row_sums(p.theta * (worst - p.y)) + margin * row_sums((worst - p.y).abs()), worst - p.y


def perturbation_gradient(p, step, ahead):
    behind = p.theta - step * p.true, best(p.theta - step * p.true, p.solutions)
    front = p.theta + ahead * p.true, best(p.theta + ahead * p.true, p.solutions)
    value = row_sums(behind[0] * behind[1]) - row_sums(front[0] * front[1])
    return value / (step + ahead), (behind[1] - front[1]) / (step + ahead)


def nce(p, shift=0.0):
    mean = p.members.mean(0)
    return row_sums((p.theta - shift * p.true) * (mean - p.y)), mean - p.y


def contrastive(p, shift=0.0):
    scores = p.theta - shift * p.true
    z = best(scores, p.members)
    return row_sums(scores * (z - p.y)), z - p.y


def listwise(p):
    q, target = (torch.softmax(scores @ p.members.T / 0.7, dim=1) for scores in (p.theta, p.true))
    return -(target * q.log()).sum(1), (q - target) @ p.members / 0.7


def pointwise(p):
    error = (p.theta - p.true) @ p.members.T
    return error.square().mean(1), 2 * (error @ p.members) / len(p.members)


def pairwise(p, margin, everyone):
    values, gradients = [], []
    for theta, true in zip(p.theta, p.true, strict=True):
        worth = p.members @ true
        total, gradient, pairs = 0.0, torch.zeros_like(theta), 0
        for z, a in zip(p.members, worth, strict=True):
            if not everyone and a < worth.max():
                continue
            for other, b in zip(p.members, worth, strict=True):
                if a > b:
                    pairs += 1
                    hinge = margin - theta @ (z - other)
                    if hinge > 0:
                        total, gradient = total + hinge, gradient - (z - other)
        values.append(torch.as_tensor(total) / pairs)
        gradients.append(gradient / pairs)
    return torch.stack(values), torch.stack(gradients)


def noisy(cls, p, layer, noise=None, **options):
    return cls(layer, noise=noise or FixedNoise(p.noise), nb_samples=SAMPLES, temperature=0.5, **options)


# name: the loss, its targets, the definition
CASES = {
    "fenchel-young": (lambda p, layer, **o: noisy(PerturbedFenchelYoung, p, layer, **o), "y", fenchel_young),
    "multiplicative": (
        lambda p, layer, **o: noisy(PerturbedFenchelYoung, p, layer, FixedFactors(p.noise), **o),
        "y",
        multiplicative,
    ),
    "implicit-mle": (lambda p, layer, **o: noisy(ImplicitMLE, p, layer, **o), "y", implicit),
    "spo-plus": (lambda p, layer, **o: SPOPlus(layer, **o), "c", spo_plus),
    "regularised": (
        lambda p, layer, **o: RegularisedFenchelYoung(layer, strength=0.8, **o),
        "y",
        lambda p: regularised(p, 0.8),
    ),
    "hinge": (lambda p, layer, **o: StructuredHinge(layer, margin=0.4, **o), "y", lambda p: hinge(p, 0.4)),
    "perturbation": (
        lambda p, layer, **o: PerturbationGradient(layer, step=0.7, **o),
        "c",
        lambda p: perturbation_gradient(p, 0.7, 0.0),
    ),
    "perturbation symmetric": (
        lambda p, layer, **o: PerturbationGradient(layer, step=1.5, symmetric=True, **o),
        "c",
        lambda p: perturbation_gradient(p, 1.5, 1.5),
    ),
    "nce": (lambda p, layer, **o: NCE(layer, pool=p.pool, **o), "y", nce),
    "nce shifted": (lambda p, layer, **o: NCE(layer, pool=p.pool, shifted=True, **o), "yc", lambda p: nce(p, 1.0)),
    "map": (lambda p, layer, **o: MAPContrastive(layer, pool=p.pool, **o), "y", contrastive),
    "map shifted": (
        lambda p, layer, **o: MAPContrastive(layer, pool=p.pool, shifted=True, **o),
        "yc",
        lambda p: contrastive(p, 1.0),
    ),
    "listwise": (lambda p, layer, **o: ListwiseLTR(layer, pool=p.pool, temperature=0.7, **o), "c", listwise),
    "pointwise": (lambda p, layer, **o: PointwiseLTR(layer, pool=p.pool, **o), "c", pointwise),
    "pairwise": (
        lambda p, layer, **o: PairwiseLTR(layer, pool=p.pool, margin=0.3, **o),
        "c",
        lambda p: pairwise(p, 0.3, False),
    ),
    "pairwise all": (
        lambda p, layer, **o: PairwiseLTR(layer, pool=p.pool, pairs="all", **o),
        "c",
        lambda p: pairwise(p, 0.0, True),
    ),
}


def targets(p, kinds, sign):
    return [{"y": p.y, "c": sign * p.true}[kind] for kind in kinds]


def test_every_loss_is_here():
    layer = layer_over(SETS["knapsack of 8"], "max")
    made = {type(make(Problem("knapsack of 8"), layer)).__name__ for make, _, _ in CASES.values()}
    elsewhere = {"CaVE", "FeasibilityAware", "SolverFree", "AveragePrecisionLoss", "RecallLoss"}  # in their own files
    no_loss = {"SolverLoss", "SolutionPool", "RegularisedFrankWolfe"}
    assert made == {*imle.losses.__all__} - no_loss - elsewhere


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_value_and_gradient(name, sense, case):
    p, sign = Problem(name), SENSES[sense]
    make, kinds, definition = CASES[case]
    value, gradient = definition(p)
    objective = (sign * p.theta).requires_grad_()
    loss = make(p, layer_over(SETS[name], sense), reduction="none")
    found = loss(objective, *targets(p, kinds, sign))
    torch.testing.assert_close(found, value)
    found.sum().backward()
    torch.testing.assert_close(objective.grad, sign * gradient)


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_the_derivative(case):
    p = Problem("knapsack of 8")
    make, kinds, _ = CASES[case]
    loss = make(p, layer_over(SETS["knapsack of 8"], "min"), reduction="none")
    assert torch.autograd.gradcheck(lambda c: loss(c, *targets(p, kinds, -1.0)), (-p.theta).requires_grad_())


@pytest.mark.parametrize("case", CASES)
def test_reductions(case):
    p = Problem("3-of-6")
    make, kinds, _ = CASES[case]
    layer = layer_over(SETS["3-of-6"])
    each, total, mean = (
        make(p, layer, reduction=reduction)(p.theta, *targets(p, kinds, 1.0)) for reduction in ("none", "sum", "mean")
    )
    assert each.shape == (ROWS,)
    torch.testing.assert_close(total, each.sum())
    torch.testing.assert_close(mean, each.mean())


@pytest.mark.parametrize("case", CASES)
def test_rows_do_not_influence_each_other(case):
    p = Problem("paths on 3x3")
    make, kinds, _ = CASES[case]
    layer = layer_over(SETS["paths on 3x3"])
    together = make(p, layer, reduction="none")(p.theta, *targets(p, kinds, 1.0))
    order = torch.tensor([2, 0, 1])
    p.theta, p.true, p.noise, p.y = p.theta[order], p.true[order], p.noise[order], p.y[order]
    torch.testing.assert_close(make(p, layer, reduction="none")(p.theta, *targets(p, kinds, 1.0)), together[order])
    p.theta, p.true, p.noise, p.y = p.theta[:1], p.true[:1], p.noise[:1], p.y[:1]
    torch.testing.assert_close(make(p, layer, reduction="none")(p.theta, *targets(p, kinds, 1.0)), together[order][:1])


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("cls", [PerturbedFenchelYoung, ImplicitMLE])
def test_equal_samples_weigh_as_much_as_one(cls, samples):
    p = Problem("3-of-6")
    noise = p.noise[:, :1].expand(-1, samples, -1)
    loss = cls(layer_over(SETS["3-of-6"]), noise=FixedNoise(noise), nb_samples=samples)
    theta = p.theta.clone().requires_grad_()
    value = loss(theta, p.y)
    value.backward()
    z = best(p.theta + p.noise[:, 0], p.solutions)
    torch.testing.assert_close(theta.grad, (z - p.y) / ROWS)


@pytest.mark.parametrize("cls", [PerturbedFenchelYoung, ImplicitMLE])
@pytest.mark.parametrize("options", [{"noise": None}, {"noise": "none"}, {"temperature": 0.0, "nb_samples": 5}])
def test_without_noise_it_is_the_perceptron_and_solved_once(cls, options):
    p = Problem("3-of-6")
    layer = layer_over(SETS["3-of-6"])
    value = cls(layer, reduction="none", **options)(p.theta, p.y)
    torch.testing.assert_close(value, row_sums(p.theta * (best(p.theta, p.solutions) - p.y)))
    assert layer.stats.solves == ROWS


DRAWS = 200_000
THETA = torch.tensor([0.3, -0.2, 1.1, 0.6], dtype=torch.float64)


@pytest.mark.parametrize("tau", [0.5, 2.0])
@pytest.mark.parametrize(("cls", "constant"), [(PerturbedFenchelYoung, 0.5772156649015329), (ImplicitMLE, 0.0)])
def test_one_of_n_with_gumbel_noise_is_softmax_cross_entropy(cls, constant, tau):
    """E max = tau logsumexp(theta / tau) + gamma tau; gradient softmax(theta / tau) - y."""
    loss = cls(
        imle.layer("topk", k=1),
        noise="gumbel",
        temperature=tau,
        reduction="none",
        generator=torch.Generator().manual_seed(5),
    )
    theta, y = THETA.repeat(DRAWS, 1).requires_grad_(), torch.eye(4)[1].repeat(DRAWS, 1)
    value = loss(theta, y)
    value.sum().backward()
    expected = tau * (torch.logsumexp(THETA / tau, 0) + constant) - THETA[1]
    for draws, goal in ((value.detach(), expected), (theta.grad, torch.softmax(THETA / tau, 0) - torch.eye(4)[1])):
        assert ((draws.mean(0) - goal).abs() <= 5 * draws.std(0) / DRAWS**0.5).all()


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_spo_plus_bounds_the_regret_and_vanishes_at_the_truth(name, sense):
    solutions, rows = table(name), 200
    n, sign = solutions.shape[1], SENSES[sense]
    guess, true = draw(rows, n, seed=4), draw(rows, n, seed=5)
    layer = layer_over(SETS[name], sense)
    loss = SPOPlus(layer, reduction="none")
    optimal, chosen = best(true, solutions), best(guess, solutions)
    regret = imle.metrics.regret(sign * true, chosen, optimal, sense=sense)
    assert (regret > 0).any()
    assert (loss(sign * guess, sign * true) >= regret - 1e-12).all()
    objective = (sign * true).requires_grad_()
    value = loss(objective, sign * true)
    value.sum().backward()
    torch.testing.assert_close(value, torch.zeros(rows, dtype=torch.float64))
    assert not objective.grad.any()
    torch.testing.assert_close(loss(sign * guess, sign * true, optimal), loss(sign * guess, sign * true))


def test_the_hinge_of_one_of_n_is_that_of_crammer_and_singer():
    """One-hot solutions differ in two entries: max_j [ theta_j + 2 margin (j != y) ] - theta_y."""
    theta, y = draw(50, 6, seed=6), torch.arange(50) % 6
    found = StructuredHinge(imle.layer("topk", k=1), margin=0.3, reduction="none")(theta, torch.eye(6)[y])
    ahead = theta + 0.6 * (1 - torch.eye(6)[y])
    torch.testing.assert_close(found, ahead.amax(1) - theta[torch.arange(50), y])


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_the_hinge_is_0_where_the_margin_is_kept_and_bounds_the_distance(name, sense):
    solutions, rows = table(name), 200
    theta, sign = draw(rows, solutions.shape[1], seed=7), SENSES[sense]
    loss = StructuredHinge(layer_over(SETS[name], sense), margin=0.5, reduction="none")
    y = best(draw(rows, solutions.shape[1], seed=8), solutions)
    assert (loss(sign * theta, y) >= 0.5 * (best(theta, solutions) - y).abs().sum(1) - 1e-12).all()
    torch.testing.assert_close(loss(sign * (0.5 * (2 * y - 1)), y), torch.zeros(rows, dtype=torch.float64))


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_perturbation_gradients_bound_the_true_cost_and_approach_it(name, sense):
    solutions, rows = table(name), 200
    n, sign = solutions.shape[1], SENSES[sense]
    guess, true = draw(rows, n, seed=4), draw(rows, n, seed=5)
    layer = layer_over(SETS[name], sense)
    cost = -row_sums(true * best(guess, solutions))  # of the decision, as a minimisation
    one_sided = PerturbationGradient(layer, step=0.2, reduction="none")(sign * guess, sign * true)
    assert (one_sided >= cost - 1e-12).all()
    for symmetric in (False, True):
        loss = PerturbationGradient(layer, step=1e-9, symmetric=symmetric, reduction="none")
        torch.testing.assert_close(loss(sign * guess, sign * true), cost, rtol=0.0, atol=1e-5)
