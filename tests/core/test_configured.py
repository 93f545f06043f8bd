"""`imle.layer(**config)`: the layer that a file describes is the one that code makes; errors name the option."""

from __future__ import annotations

import json

import pytest
import torch

import imle
from imle.errors import OptionError

EDGES = [["a", "b"], ["b", "d"], ["a", "c"], ["c", "d"]]


def step(layer, size):
    """A forward and a backward pass: solutions, gradient, state."""
    torch.manual_seed(3)
    objective = (torch.rand(4, size) + 0.1).requires_grad_()
    out = layer(objective)
    (out * torch.arange(float(size))).sum().backward()
    return out.detach(), objective.grad, dict(layer.state_dict())


@pytest.mark.parametrize(
    ("config", "size", "build"),
    [
        (
            {"solver": "topk", "k": 2, "estimator": {"name": "aimle", "step_size": 0.01, "target": 2}, "nb_samples": 3},
            6,
            lambda: imle.layer("topk", k=2, estimator=imle.estimators.AIMLE(step_size=0.01, target=2.0), nb_samples=3),
        ),
        (
            {"solver": "topk", "k": 2, "noise": {"name": "sum-of-gamma", "k": 2, "nb_iterations": 20}, "cache": 10},
            6,
            lambda: imle.layer(
                "topk",
                k=2,
                noise=imle.noise.RelativeNoiseDistribution(imle.noise.SumOfGammaNoiseDistribution(2, 20)),
                cache=10,
            ),
        ),
        (
            {"solver": "topk", "k": 2, "noise": {"name": "gumbel", "scale": 0.5}, "temperature": 2.0},
            6,
            lambda: imle.layer("topk", k=2, noise=imle.noise.GumbelNoiseDistribution(scale=0.5), temperature=2.0),
        ),
        (
            {
                "solver": "networkx-shortest-path",
                "edges": EDGES,
                "source": "a",
                "target": "d",
                "estimator": {"name": "blackbox"},
                "noise": {"name": "none"},
            },
            4,
            lambda: imle.layer(
                "networkx-shortest-path", edges=EDGES, source="a", target="d", estimator="blackbox", noise=None
            ),
        ),
        (
            {"solver": "support.solvers:EnumerationSolver", "solutions": [[1, 0], [0, 1]], "estimator": "identity"},
            2,
            lambda: imle.layer(
                "support.solvers:EnumerationSolver", solutions=[[1, 0], [0, 1]], estimator=imle.estimators.Identity()
            ),
        ),
    ],
    ids=["estimator", "noise", "absolute", "instance", "class"],
)
def test_a_file_describes_the_same_layer(config, size, build):
    read = json.loads(json.dumps(config))
    found, expected = step(imle.layer(**read), size), step(build(), size)
    assert read == config, "building a layer leaves its configuration as it was"
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    assert found[2].keys() == expected[2].keys()
    assert all(torch.equal(found[2][name], value) for name, value in expected[2].items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": {"step_size": 0.1}}, "estimator: expected a mapping with a name, found the keys 'step_size'"),
        ({"estimator": {}}, "estimator: expected a mapping with a name, found the keys none"),
        ({"estimator": {"name": 3}}, "estimator: expected a mapping with a name, found name=3"),
        (
            {"estimator": {"name": "aimle", "stepsize": 0.1}},
            "estimator 'aimle': unknown option 'stepsize'; did you mean 'step_size'?\n"
            "  hint: valid names: beta, step_size, target, decay, symmetric",
        ),
        (
            {"estimator": {"name": "straight-through", "beta": 1}},
            "estimator 'straight-through': unknown option 'beta'\n  hint: it takes no options",
        ),
        (
            {"estimator": {"name": "aimle", "step_size": "0.1"}},
            "estimator: step_size: expected a number > 0, found '0.1'",
        ),
        (
            {"estimator": {"name": "imle", "alpha": "one"}},
            "estimator 'imle': cannot be made with alpha='one': could not convert string to float: 'one'",
        ),
        ({"estimator": {"name": "imlee"}}, "unknown estimator 'imlee'; did you mean 'imle'?"),
        ({"noise": {"name": "gumble"}}, "unknown noise 'gumble'; did you mean 'gumbel'?"),
        ({"noise": {"name": "sum-of-gamma"}}, "sum-of-gamma noise needs kappa"),
        (
            {"noise": {"name": "gumbel", "scal": 2}},
            "noise 'gumbel': unknown option 'scal'; did you mean 'scale'?\n"
            "  hint: valid names: location, scale, device",
        ),
        ({"solver": None}, "solver: expected an id, a solver or a function, found NoneType"),
    ],
)
def test_errors_name_the_option(options, message):
    with pytest.raises(OptionError) as caught:
        imle.layer(**{"solver": "topk", "k": 2, **options})
    assert str(caught.value).startswith(message)


def test_without_a_solver():
    with pytest.raises(OptionError, match="solver: expected an id"):
        imle.layer(k=2)


def test_an_option_of_a_solver_may_have_the_name():
    """As `pulp-ilp` has: a configuration takes the key for the solver itself."""
    with pytest.raises(OptionError, match="topk: unknown option 'solver'"):
        imle.layer("topk", k=2, solver="mine")
