"""Everything `imle.layer` accepts as a solver, and everything it refuses."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, OptionError, PluginError, UnknownSolverError
from support.solvers import EnumerationSolver, k_subsets

SOLUTIONS = k_subsets(4, 1)
BEST = [0.0, 1.0, 0.0, 0.0]


def one_hot_numpy(rows):
    assert rows.dtype == np.float64
    return np.eye(rows.shape[1], dtype=np.int32)[rows.argmax(axis=1)]


@pytest.mark.parametrize(
    ("solver", "options"),
    [
        ("topk", {"k": 1}),
        ("imle-topk/topk", {"k": 1}),
        ("support.solvers:EnumerationSolver", {"solutions": SOLUTIONS}),
        ("support.solvers:EnumerationSolver", {"solutions": SOLUTIONS, "sense": "max"}),
        (EnumerationSolver, {"solutions": SOLUTIONS}),
        (EnumerationSolver(), {"solutions": SOLUTIONS}),
        (lambda rows: torch.nn.functional.one_hot(rows.argmax(1), 4), {}),
        (one_hot_numpy, {"array": "numpy"}),
        (lambda rows: one_hot_numpy(-rows), {"array": "numpy", "sense": "min"}),
    ],
)
def test_kinds_of_solvers(solver, options):
    layer = imle.layer(solver, **options).eval()
    sign = -1.0 if options.get("sense") == "min" else 1.0
    objective = sign * torch.tensor([[0.0, 2.0, 1.0, -1.0]])
    assert layer(objective).tolist() == [BEST]
    layer.train()
    objective.requires_grad_()
    layer(objective).square().sum().backward()
    assert objective.grad.shape == (1, 4)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: imle.layer("topj", k=1),
            UnknownSolverError,
            "unknown solver 'topj'; did you mean topk?\n  hint: imle list-solvers shows all",
        ),
        (
            lambda: imle.layer("topk", kk=1),
            OptionError,
            "topk: unknown option 'kk'; did you mean 'k'?\n  hint: valid names: dim, k",
        ),
        (
            lambda: imle.layer("topk", k=1, nb_sample=10),
            OptionError,
            "topk: unknown option 'nb_sample'; did you mean 'nb_samples'?\n"
            "  hint: nb_samples is an argument of the layer; the solver's own: dim, k",
        ),
        (
            lambda: imle.layer("imle_topk.topk:Nope"),
            PluginError,
            "'imle_topk.topk:Nope': the module imle_topk.topk has no 'Nope'",
        ),
        (lambda: imle.layer("topk", k=1.5), OptionError, "topk: k: expected int, found 1.5 (float)"),
        (lambda: imle.layer("topk", k=True), OptionError, "topk: k: expected int, found True (bool)"),
        (lambda: imle.layer("topk", k=-1), InstanceError, "topk: k: expected an int >= 0, found -1"),
        (
            lambda: imle.layer("topk", k=7)(torch.randn(2, 6)),
            InstanceError,
            "topk: k: expected 0 <= k <= 6, the number of scores, found 7",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator="imlee"),
            OptionError,
            "unknown estimator 'imlee'; did you mean 'imle'?\n"
            "  hint: valid names: imle, aimle, blackbox, identity, implicit, straight-through, "
            "perturbed, perturbed-multiplicative, score-function, simple",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator=3),
            OptionError,
            "estimator: expected a name or an Estimator, found int",
        ),
        (
            lambda: imle.layer("topk", k=1, noise="gumble"),
            OptionError,
            "unknown noise 'gumble'; did you mean 'gumbel'?\n"
            "  hint: valid names: gaussian, gumbel, logistic, multiplicative, none",
        ),
        (
            lambda: imle.layer("topk", k=1, noise="sum-of-gamma"),
            OptionError,
            "sum-of-gamma noise needs kappa, the expected number of ones in a solution\n"
            "  hint: pass noise=imle.noise.SumOfGammaNoiseDistribution(k=...)",
        ),
        (
            lambda: imle.layer("topk", k=1, noise=3),
            OptionError,
            "noise: expected a name or a noise distribution, found int",
        ),
        (
            lambda: imle.layer("topk", k=1, noise=imle.noise.GumbelNoiseDistribution),
            OptionError,
            "noise: expected a name or a noise distribution, found the class GumbelNoiseDistribution",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator=imle.estimators.AIMLE),
            OptionError,
            "estimator: expected a name or an Estimator, found the class AIMLE\n  hint: AIMLE() makes one",
        ),
        (
            lambda: imle.layer("topk", k=1, generator=0),
            OptionError,
            "generator: expected a torch.Generator or None, found 0\n"
            "  hint: torch.Generator().manual_seed(0) makes one",
        ),
        (
            lambda: imle.losses.PerturbedFenchelYoung(imle.layer("topk", k=1), generator=0),
            OptionError,
            "PerturbedFenchelYoung: generator: expected a torch.Generator or None, found 0\n"
            "  hint: torch.Generator().manual_seed(0) makes one",
        ),
        (lambda: imle.layer("topk", k=1, nb_samples=0), OptionError, "nb_samples: expected an int >= 1, found 0"),
        (lambda: imle.layer("topk", k=1, temperature=-1), OptionError, "temperature: expected a number >= 0, found -1"),
        (
            lambda: imle.layer("topk", k=1, target_temperature=float("nan")),
            OptionError,
            "target_temperature: expected a number >= 0, found nan",
        ),
        (
            lambda: imle.layer("topk", k=1, output="marginals"),
            OptionError,
            "output: expected 'mean', 'samples' or 'map', found 'marginals'",
        ),
        (
            lambda: imle.layer("topk", k=1, on_failure="ignore"),
            OptionError,
            "on_failure: expected 'raise', 'zero-grad' or 'last', found 'ignore'",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator="blackbox", nb_samples=5),
            OptionError,
            "estimator 'blackbox' is deterministic: expected nb_samples=1, found 5",
        ),
        (
            lambda: imle.layer("topk", k=1, estimator="identity", noise="gumbel"),
            OptionError,
            "estimator 'identity' is deterministic: it takes no noise\n  hint: leave noise= out",
        ),
        (
            lambda: imle.layer(42),
            OptionError,
            "solver: expected an id, a solver or a function, found int\n"
            "  hint: a solver object has sense, array and prepare(); see imle.solvers.Solver",
        ),
        (
            lambda: imle.layer("no.such.module:Solver"),
            UnknownSolverError,
            "solver 'no.such.module:Solver' cannot be imported: No module named 'no'\n"
            "  hint: expected 'package.module:Class'",
        ),
        (
            lambda: imle.layer(one_hot_numpy, sense="maximise"),
            OptionError,
            "function solver: sense: expected 'max' or 'min', found 'maximise'",
        ),
        (lambda: imle.estimators.IMLE(0.0), OptionError, "estimator: lambda_: expected a number > 0, found 0.0"),
        (lambda: imle.estimators.IMLE(beta=-1), OptionError, "estimator: beta: expected a number > 0, found -1"),
        (
            lambda: imle.estimators.IMLE(symmetric=True, alpha=0.0),
            OptionError,
            "estimator: symmetric=True needs alpha=1, found alpha=0.0",
        ),
        (
            lambda: imle.estimators.Identity("mode"),
            OptionError,
            "estimator: projection: expected none, mean, norm or both, found 'mode'",
        ),
    ],
)
def test_refusals(build, error, message):
    with pytest.raises(error) as caught:
        build()
    assert str(caught.value) == message


def test_an_estimator_with_state_belongs_to_one_layer():
    """And to the layer that was made, not to one whose options were refused."""
    adaptive, plain = imle.estimators.AIMLE(), imle.estimators.IMLE()
    with pytest.raises(InstanceError):
        imle.layer("topk", k=-1, estimator=adaptive)
    layer = imle.layer("topk", k=1, estimator=adaptive)
    with pytest.raises(OptionError, match=r"belongs to one layer.*\n.*copy\.deepcopy"):
        imle.layer("topk", k=1, estimator=adaptive)
    imle.layer("topk", k=1, estimator=copy.deepcopy(layer).estimator)
    for _ in range(2):
        imle.layer("topk", k=1, estimator=plain)


def test_public_names_exist():
    for name in imle.__all__:
        assert getattr(imle, name) is not None
    assert set(imle.__all__) <= set(dir(imle))
    with pytest.raises(AttributeError, match="module 'imle' has no attribute 'layers_'"):
        imle.layers_  # noqa: B018
