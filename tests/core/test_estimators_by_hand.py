"""Every estimator against its formula, evaluated row by row and sample by sample in numpy."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import imle
from imle.estimators import AIMLE, IMLE, Blackbox, Identity, StraightThrough
from support.noises import FixedNoise
from support.solvers import EnumerationSolver, assignments, k_subsets, knapsacks, lattice_paths

SETS = {
    "k-subset": k_subsets(5, 2),
    "knapsack": knapsacks([2, 3, 4, 5, 6], 9),
    "paths": lattice_paths(3),
    "assignments": assignments(3),
}


def argmax(theta, solutions):
    return solutions[(solutions @ theta).argmax()]


class ByHand:
    """One problem: theta, noise, dy per sample, and the pieces of the formulas for a row and a sample."""

    def __init__(self, seed, name, batch, samples, tau, tau_target):
        rng = np.random.default_rng(seed)
        self.solutions = SETS[name]
        n = self.solutions.shape[1]
        self.theta = rng.normal(size=(batch, n))
        self.noise = rng.gumbel(size=(batch, samples, n))
        self.weights = rng.normal(size=(batch, n))  # loss = <weights, output> per row: dy is known
        self.tau, self.tau_target = tau, tau_target

    def forward(self, b, s):
        return argmax(self.theta[b] + self.tau * self.noise[b, s], self.solutions)

    def target(self, b, s, shift, alpha=1.0):
        return argmax(alpha * self.theta[b] - shift + self.tau_target * self.noise[b, s], self.solutions)

    def relative(self, b, beta):
        return beta * np.linalg.norm(self.theta[b]) / np.linalg.norm(self.weights[b])

    def spread(self, b, beta, *, deterministic=False):
        """The step that is relative to how much objectives vary, halfway to those that were solved."""
        theta = self.theta[b] + (0.0 if deterministic else self.tau / 2) * self.noise[b]  # [S, n]
        squares = theta.shape[1] * theta.var(axis=1)
        return beta * np.sqrt(squares.mean()) / np.linalg.norm(self.weights[b])

    def expected(self, rule):
        """mean_s rule(b, s) for every row."""
        batch, samples = self.noise.shape[:2]
        return np.array([np.mean([rule(b, s) for s in range(samples)], axis=0) for b in range(batch)])

    def gradient(self, estimator, *, sense="max", output="mean", deterministic=False):
        """What the layer gives, as a gradient for theta."""
        sign = 1.0 if sense == "max" else -1.0
        noise = FixedNoise(torch.tensor(self.noise))
        options = {} if deterministic else {"noise": noise, "nb_samples": self.noise.shape[1]}
        layer = imle.layer(
            EnumerationSolver(sense),
            solutions=self.solutions,
            estimator=estimator,
            output=output,
            temperature=self.tau,
            target_temperature=self.tau_target,
            **options,
        )
        objective = torch.tensor(sign * self.theta, requires_grad=True)
        out = layer(objective)
        if output == "samples":
            out = out.mean(dim=1)
        (out * torch.tensor(self.weights)).sum().backward()
        return sign * objective.grad.numpy(), out.detach().numpy()


problems = st.builds(
    ByHand,
    seed=st.integers(0, 10_000),
    name=st.sampled_from(sorted(SETS)),
    batch=st.integers(1, 3),
    samples=st.integers(1, 4),
    tau=st.sampled_from([0.0, 0.5, 1.0]),
    tau_target=st.sampled_from([0.0, 0.5, 1.0]),
)
senses = st.sampled_from(["max", "min"])
outputs = st.sampled_from(["mean", "samples"])


@settings(max_examples=60)
@given(
    problems,
    senses,
    outputs,
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([None, 0.3, 4.0]),
    st.sampled_from([None, False, True]),
)
def test_imle(problem, sense, output, alpha, lambda_, scale):
    def step(b):
        return problem.spread(b, 0.7) if lambda_ is None else lambda_

    def rule(b, s):
        gradient = problem.forward(b, s) - problem.target(b, s, step(b) * problem.weights[b], alpha)
        return gradient / step(b) if scale or (scale is None and lambda_ is None) else gradient

    estimator = IMLE(lambda_, beta=0.7, alpha=alpha, scale=scale)
    found, out = problem.gradient(estimator, sense=sense, output=output)
    np.testing.assert_allclose(found, problem.expected(rule), atol=1e-12)
    np.testing.assert_allclose(out, problem.expected(problem.forward), atol=1e-12)


@settings(max_examples=40)
@given(problems, senses, outputs, st.sampled_from([None, 0.3]), st.booleans())
def test_imle_symmetric(problem, sense, output, lambda_, scale):
    def rule(b, s):
        step = problem.spread(b, 0.7) if lambda_ is None else lambda_
        shift = step * problem.weights[b]
        gradient = (problem.target(b, s, -shift) - problem.target(b, s, shift)) / 2
        return gradient / step if scale else gradient

    estimator = IMLE(lambda_, beta=0.7, symmetric=True, scale=scale)
    found, _ = problem.gradient(estimator, sense=sense, output=output)
    np.testing.assert_allclose(found, problem.expected(rule), atol=1e-12)


@settings(max_examples=40)
@given(problems, senses, outputs, st.booleans())
def test_aimle(problem, sense, output, symmetric):
    def difference(b, s):
        shift = problem.relative(b, 0.7) * problem.weights[b]
        upper = problem.target(b, s, -shift) if symmetric else problem.forward(b, s)
        return (upper - problem.target(b, s, shift)) / (2 if symmetric else 1)

    estimator = AIMLE(beta=0.7, step_size=0.05, target=1.5, decay=0.9, symmetric=symmetric)
    found, _ = problem.gradient(estimator, sense=sense, output=output)
    np.testing.assert_allclose(
        found, problem.expected(lambda b, s: difference(b, s) / problem.relative(b, 0.7)), atol=1e-12
    )
    batch, samples = problem.noise.shape[:2]
    nonzeros = np.mean([np.count_nonzero(difference(b, s)) for b in range(batch) for s in range(samples)])
    running = 0.9 * 1.5 + 0.1 * nonzeros
    assert estimator.nonzeros.item() == pytest.approx(running)
    assert estimator.beta.item() == pytest.approx(0.75 if running < 1.5 else 0.65)


def test_aimle_starts_as_its_authors_do():
    assert repr(AIMLE()) == "AIMLE(beta=1, step_size=0.001, target=1, decay=0.9, symmetric=False)"


def test_aimle_beta_never_falls_below_zero():
    problem = ByHand(0, "k-subset", 2, 2, 1.0, 1.0)
    estimator = AIMLE(beta=2.0, step_size=3.0, target=0.01)
    problem.gradient(estimator)
    assert estimator.beta.item() == 0.0
    found, _ = problem.gradient(copy.deepcopy(estimator))  # a step of zero: no gradient, and no nan
    assert (found == 0).all()


@settings(max_examples=30)
@given(problems, senses, outputs, st.sampled_from([None, 0.3, 4.0]))
def test_blackbox(problem, sense, output, lambda_):
    def rule(b, s):
        step = problem.spread(b, 0.7, deterministic=True) if lambda_ is None else lambda_
        target = problem.theta[b] - step * problem.weights[b]
        return (argmax(problem.theta[b], problem.solutions) - argmax(target, problem.solutions)) / step

    found, _ = problem.gradient(Blackbox(lambda_, beta=0.7), sense=sense, output=output, deterministic=True)
    np.testing.assert_allclose(found, problem.expected(rule), atol=1e-12)


@settings(max_examples=30)
@given(problems, senses, st.sampled_from(["none", "mean", "norm", "both"]))
def test_identity(problem, sense, projection):
    found, out = problem.gradient(Identity(projection), sense=sense, deterministic=True)
    for b, theta in enumerate(problem.theta):
        # P's Jacobian, written out: subtracting the mean is I - 11'/n, dividing by the norm (I - uu')/||theta||
        n = len(theta)
        jacobian = np.eye(n)
        if projection in ("mean", "both"):
            jacobian = np.eye(n) - 1 / n
            theta = theta - theta.mean()
        if projection in ("norm", "both"):
            unit = theta / np.linalg.norm(theta)
            jacobian = (np.eye(n) - np.outer(unit, unit)) / np.linalg.norm(theta) @ jacobian
        np.testing.assert_allclose(found[b], jacobian.T @ problem.weights[b], atol=1e-12)
        np.testing.assert_array_equal(out[b], argmax(theta, problem.solutions))


@settings(max_examples=30)
@given(problems, senses, outputs)
def test_straight_through(problem, sense, output):
    found, out = problem.gradient(StraightThrough(), sense=sense, output=output)
    np.testing.assert_allclose(found, problem.weights, atol=1e-12)
    np.testing.assert_allclose(out, problem.expected(problem.forward), atol=1e-12)
