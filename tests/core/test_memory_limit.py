"""A memory limit changes when rows are solved, and no number: values, gradients and state are equal bit by bit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolverContractError
from imle.estimators import AIMLE, IMLE, Estimator
from imle.estimators.parts import parts_of
from imle.noise import SumOfGammaNoiseDistribution
from imle.plugins.estimators import OWN
from support.noises import FixedShifts
from support.solvers import EnumerationSolver, ThresholdSolver, k_subsets

ROWS, SAMPLES, EVENT = 41, 6, 23  # 138 draws per row: parts end in the middle of a block of draws
TIGHT = 1.0  # the smallest parts there are, of 2048 entries
RULES = sorted({spec.id for spec in OWN} - {"score-function", "implicit"})
DETERMINISTIC = {"blackbox", "identity"}


def tensors(dtype=torch.float32, rows=ROWS, event=EVENT):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(rows, event, dtype=dtype, generator=generator) for _ in range(2)]


def passed(make, limit, theta, weights, **rows):
    """Two training steps, from the same seed: what came out, and the layer."""
    torch.manual_seed(5)
    layer = make(memory_limit=limit)
    for _ in range(2):
        leaf = theta.clone().requires_grad_()
        out = layer(leaf, **rows)
        (out * weights).sum().backward()
    state = torch.get_rng_state() if layer.generator is None else layer.generator.get_state()
    return [out.detach(), leaf.grad, state, *layer.estimator.buffers()], layer


def assert_equal(make, *given, parts=2, dtype=torch.float32, **rows):
    """With and without a limit; returns the layers."""
    theta, weights = given or tensors(dtype)
    whole, one = passed(make, None, theta, weights, **rows)
    limited, other = passed(make, TIGHT, theta, weights, **rows)
    assert other.stats.batches >= parts * one.stats.batches
    assert other.stats.solves == one.stats.solves
    for left, right in zip(whole, limited, strict=True):
        assert torch.equal(left, right)
    assert whole[1].any()
    return one, other


def topk(**options):
    return imle.layer("topk", k=5, **options)


def options_of(name, **options):
    return {"estimator": name, **({} if name in DETERMINISTIC else {"nb_samples": SAMPLES}), **options}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", RULES)
def test_every_rule(name, dtype):
    given = tensors(dtype, rows=ROWS * SAMPLES) if name in DETERMINISTIC else tensors(dtype)
    assert_equal(lambda **limit: topk(**options_of(name, **limit)), *given)


def test_derivatives_of_solutions():
    curved = {"sense": "max", "Q": np.eye(EVENT), "bounds": (0, 0.5)}
    assert_equal(lambda **limit: imle.layer("highs-qp", estimator="implicit", **curved, **limit), *tensors(rows=180))


@pytest.mark.parametrize("event", [22, 32, 64, 101])
@pytest.mark.parametrize("noise", ["gumbel", "gaussian", "logistic", SumOfGammaNoiseDistribution(k=5)])
def test_noise_of_every_distribution_and_alignment(noise, event):
    given = tensors(event=event)
    assert_equal(lambda **limit: topk(noise=noise, nb_samples=SAMPLES, **limit), *given)


@pytest.mark.parametrize(
    "options",
    [
        {"antithetic": True},
        {"temperature": 0.0, "target_temperature": 1.0, "nb_samples": 24},
        {"target_temperature": 0.0},
        {"resample": False},
        {"output": "map", "nb_samples": 1},
        {"estimator": "perturbed", "antithetic": True},
        {"estimator": "perturbed", "noise": FixedShifts(torch.randn(ROWS, SAMPLES, EVENT))},
    ],
    ids=["antithetic", "tau is 0", "tau' is 0", "kept noise", "map", "perturbed", "a noise of the user's"],
)
def test_options(options):
    given = tensors(rows=ROWS * SAMPLES) if options.get("output") == "map" else tensors()
    options = {"nb_samples": SAMPLES, **options}
    assert_equal(lambda **limit: topk(**options, **limit), *given, parts=1.5)


@pytest.mark.parametrize("make", [lambda: IMLE(symmetric=True, scale=True), lambda: IMLE(0.5, alpha=0.0), AIMLE])
def test_forms_of_a_rule(make):
    assert_equal(lambda **limit: topk(estimator=make(), nb_samples=SAMPLES, **limit))


def test_a_generator_of_the_users():
    one, other = assert_equal(
        lambda **limit: topk(generator=torch.Generator().manual_seed(2), nb_samples=SAMPLES, **limit)
    )
    assert torch.equal(one.generator.get_state(), other.generator.get_state())


def test_instances_and_parameters_of_rows():
    ks = torch.arange(ROWS) % 7
    assert_equal(lambda **limit: imle.layer("topk", nb_samples=SAMPLES, **limit), k=ks)
    assert_equal(lambda **limit: imle.layer("topk", nb_samples=SAMPLES, estimator="simple", **limit), k=ks)
    sets = [k_subsets(EVENT, 1 + row % 2) for row in range(ROWS)]
    assert_equal(lambda **limit: imle.layer(EnumerationSolver(), nb_samples=SAMPLES, **limit), parts=1, solutions=sets)


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 0.5], [-128.0, 127.0], [0.0, 300.0]])
def test_solutions_are_kept_as_they_are(values):
    """Of which only whole numbers of 8 bits fit into a byte."""
    low, high = values
    solve = lambda scores: torch.where(scores > scores.mean(dim=1, keepdim=True), high, low)  # noqa: E731
    assert_equal(lambda **limit: imle.layer(solve, estimator="perturbed", nb_samples=SAMPLES, **limit))


@pytest.mark.parametrize("name", ["imle", "aimle", "perturbed", "straight-through"])
def test_rows_that_fail(name):
    def make(**limit):
        return imle.layer(
            ThresholdSolver(1.0), estimator=name, nb_samples=SAMPLES, on_failure="zero-grad", noise="gaussian", **limit
        )

    one, other = assert_equal(make)
    assert one.failures
    assert sorted(one.failures) == sorted(other.failures)
    assert one.stats.status == other.stats.status


def test_errors_name_rows_of_the_batch():
    theta, _ = tensors(rows=40)
    theta[33, 4] = float("inf")
    with pytest.raises(ObjectiveError, match=r"found inf in row \(3, 3\), position 4"):
        topk(nb_samples=SAMPLES, memory_limit=TIGHT)(theta.reshape(4, 10, EVENT))

    def broken(scores):
        return torch.where(scores > 100, float("nan"), 0.0)

    theta[33, 4] = 1000.0
    with pytest.raises(SolverContractError, match=r"holds nan or infinity \(row 33, sample 0\)"):
        imle.layer(broken, nb_samples=SAMPLES, temperature=1.0, memory_limit=TIGHT)(theta)


@pytest.mark.parametrize("name", ["imle", "perturbed"])
def test_backward_passes_draw_again_and_leave_generators_alone(name):
    theta, weights = tensors()
    generator = torch.Generator().manual_seed(0)
    layer = topk(estimator=name, nb_samples=SAMPLES, generator=generator, memory_limit=TIGHT)
    leaf = theta.clone().requires_grad_()
    loss = (layer(leaf) * weights).sum()
    before = generator.get_state(), torch.get_rng_state()
    layer(theta)  # what the generator did since does not matter
    generator.set_state(before[0])
    (first,) = torch.autograd.grad(loss, leaf, retain_graph=True)
    (second,) = torch.autograd.grad(loss, leaf)
    assert torch.equal(first, second)
    assert torch.equal(generator.get_state(), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize("name", ["imle", "perturbed"])
def test_batched_gradients(name):
    theta, _ = tensors()
    many = torch.randn(3, ROWS, EVENT, generator=torch.Generator().manual_seed(1))
    found = []
    for limit in (None, TIGHT):
        torch.manual_seed(5)
        _, pull = torch.func.vjp(topk(estimator=name, nb_samples=SAMPLES, memory_limit=limit), theta)
        found.append(torch.func.vmap(pull)(many)[0])
    assert found[0].any()
    assert torch.equal(*found)


def test_mapped_layers():
    theta, _ = tensors(rows=3 * ROWS)
    found = []
    for limit in (None, TIGHT):
        torch.manual_seed(5)
        layer = topk(nb_samples=SAMPLES, memory_limit=limit)
        found.append(torch.func.vmap(layer, randomness="different")(theta.reshape(3, ROWS, EVENT)))
    assert torch.equal(*found)


@pytest.mark.slow
def test_compiled_layers():
    theta, weights = tensors()
    found = []
    for limit in (None, TIGHT):
        torch.manual_seed(5)
        layer = topk(nb_samples=SAMPLES, memory_limit=limit)
        leaf = theta.clone().requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, as it imports its compiler
            out = torch.compile(layer, backend="aot_eager", fullgraph=True)(leaf)
        (out * weights).sum().backward()
        found.append((out.detach(), leaf.grad))
    assert layer.stats.batches > 2
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_a_rule_that_may_mix_rows_gets_them_all():
    class Mixing(Estimator):
        name = "mixing"

        def gradient(self, trace, dy):
            return dy.mean(dim=1) - dy.mean(dim=(0, 1))

    theta, weights = tensors()
    _, layer = passed(lambda **limit: topk(estimator=Mixing(), nb_samples=SAMPLES, **limit), TIGHT, theta, weights)
    assert layer.stats.batches == 2


@pytest.mark.parametrize(
    ("rows", "samples", "event"), [(2, 5, 1000), (3, 5, 1000), (1000, 1, 1), (5, 2, 3), (4099, 1, 1)]
)
def test_parts_cover_the_batch_and_are_no_single_rows(rows, samples, event):
    layer = topk(nb_samples=samples, memory_limit=TIGHT)
    call = layer.call(layer.plan(torch.Size([rows])), layer._mode())
    parts = parts_of(torch.zeros(rows, event), call)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    if len(parts) > 1:
        assert min((part.stop - part.start) * samples * event for part in parts) >= 2048
        assert min(part.stop - part.start for part in parts) >= 2


@pytest.mark.parametrize("limit", [0, -1.0, True, "1GB", float("nan")])
def test_limits_are_positive_numbers(limit):
    with pytest.raises(OptionError, match="memory_limit: expected a positive number of bytes or None, found"):
        topk(memory_limit=limit)


PROGRAM = """
    import sys
    import numpy as np, torch, imle

    def peak():
        with open("/proc/self/status") as status:  # what getrusage says includes the process that started this one
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def best(scores):
        chosen = np.zeros_like(scores)
        chosen[np.arange(len(scores)), scores.argmax(axis=1)] = 1
        return chosen

    layer = imle.layer(best, array="numpy", nb_samples=20, memory_limit=eval(sys.argv[1]))
    layer(torch.zeros(2, 1000, requires_grad=True)).sum().backward()  # what libraries take for themselves
    theta = torch.randn(300, 1000, requires_grad=True)
    with open("/proc/self/clear_refs", "w") as peaks:
        peaks.write("5")  # from now on: imports may have taken more for a moment than they keep
    before = peak()
    layer(theta).square().sum().backward()
    print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory():
    """24 MB of draws: without a limit some 12 times as much; with one, a byte per entry, some rows, and little else."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    returned = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # or glibc keeps what is freed, some 20 to 40 MB
    peaks = [int(subprocess.check_output([*command, limit], env=returned)) for limit in ("None", "1e7")]
    assert peaks[0] > 5 * 24e6
    assert peaks[1] < peaks[0] / 4


def test_solvers_that_see_rows_one_after_another_see_the_same():
    seen = {None: [], TIGHT: []}
    for limit, rows in seen.items():

        def watch(scores, rows=rows):
            rows.append(scores.copy())
            return scores > 0

        torch.manual_seed(5)
        imle.layer(watch, array="numpy", nb_samples=SAMPLES, memory_limit=limit)(tensors()[0])
    assert len(seen[TIGHT]) > 1
    assert np.array_equal(np.concatenate(seen[None]), np.concatenate(seen[TIGHT]))
