"""Diagnoses of problems whose right answer is known, and what a diagnosis leaves alone."""

from __future__ import annotations

import copy
import importlib.util
import math
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolverUnavailableError
from imle.estimators import AIMLE, IMLE
from imle.solvers import SolveResult
from support.problems import best, draw, layer_over, table
from support.solvers import ThresholdSolver, k_subsets


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


GAP = torch.tensor([1.0, -1.0])


def one_of_two(estimator, **options):
    return imle.layer("topk", k=1, estimator=estimator, **{"temperature": 0.0, **options})


def gap(z):
    """dy = (1, -1): the target theta - lambda dy picks the other one as soon as 2 lambda > theta_1 - theta_2."""
    return (z * GAP).sum(-1)


def gaps(values):
    return torch.stack([torch.as_tensor(values), torch.zeros(len(values))], dim=1)


def test_zero_gradients_of_a_small_relative_step():
    """Rows (g, 0), of norm g / sqrt 2 without their mean: lambda = beta g, so targets move from beta = 1 / 2 on."""
    report = imle.diagnose(one_of_two(IMLE(beta=0.01)), gaps([1.0, 2.0, 5.0]), gap)
    assert (report.current.zero, report.current.unchanged, report.current.saturated) == (1.0, 1.0, 0.0)
    assert math.isnan(report.current.cosine)
    assert report.nonzeros.tolist() == [0, 0, 0]
    assert report.steps == pytest.approx((0.001, 0.003, 0.01, 0.03, 0.1, 0.3))
    (advice,) = report.advice
    assert 0.5 <= advice.change["beta"] <= 0.56
    assert "100 % of rows got a zero gradient: raise beta from 0.01 to about 0.5" in advice.text
    assert advice.text.endswith("(0 % there), or use aimle")
    better = imle.diagnose(one_of_two(IMLE(beta=advice.change["beta"])), gaps([1.0, 2.0, 5.0]), gap)
    assert better.current.zero == 0.0


@pytest.mark.parametrize("estimator", [lambda s: IMLE(lambda_=s), lambda s: imle.estimators.Blackbox(lambda_=s)])
def test_zero_gradients_of_a_small_absolute_step(estimator):
    """Rows with gaps 1 to 20: half of them move at lambda = 5."""
    report = imle.diagnose(one_of_two(estimator(0.2), noise=None), gaps(torch.arange(1.0, 21.0)), gap)
    assert report.step_name == "lambda_"
    (advice,) = report.advice
    assert 5.0 <= advice.change["lambda_"] <= 5.6
    assert report.grid[-1].step == pytest.approx(6.0)
    assert report.grid[-1].zero in (8 / 20, 9 / 20)  # gaps below 12 move; 12 is a tie


def test_zero_gradients_of_aimle_are_a_matter_of_time():
    report = imle.diagnose(one_of_two(AIMLE(beta=0.1, step_size=0.01)), gaps([1.0, 2.0]), gap)
    (advice,) = report.advice
    beta = advice.change["beta"]
    assert 1 / 2**0.5 <= beta <= 1.12 / 2**0.5
    assert f"start aimle with beta={beta:g}" in advice.text
    assert f"takes {math.ceil((beta - 0.1) / 0.01)} batches" in advice.text


def test_no_step_helps_where_the_loss_prefers_what_is_there():
    report = imle.diagnose(one_of_two(IMLE(beta=0.1)), gaps([1.0, 2.0]), lambda z: -gap(z))
    (advice,) = report.advice
    assert "would at any beta up to 1e+04" in advice.text
    assert not advice.change


def test_a_loss_without_gradient():
    report = imle.diagnose(one_of_two(IMLE()), gaps([1.0, 2.0]), lambda z: (gap(z) * 0.0).sum())
    assert report.pulled == 0.0
    assert math.isnan(report.current.zero)
    assert "the loss has no gradient for any solution" in report.advice[0].text


def test_rows_without_loss_do_not_count():
    weights = torch.tensor([1.0, 0.0])
    report = imle.diagnose(one_of_two(IMLE(beta=1.5)), gaps([1.0, 2.0]), lambda z: gap(z) * weights)
    assert report.pulled == 0.5
    assert report.current.zero == 0.0
    assert report.nonzeros.tolist() == [2.0, 0.0]


def test_saturated_targets():
    """At beta = 100 the target only knows dy."""
    layer = imle.layer("topk", k=5, estimator=IMLE(beta=100.0), temperature=0.01, target_temperature=0.01)
    theta, gold = draw(50, 20, seed=1), draw(50, 20, seed=2)
    report = imle.diagnose(layer, theta, lambda z: (z * gold).sum(), steps=[0.001, 0.01, 0.1])
    assert report.current.saturated >= 0.9
    (advice,) = report.advice
    assert "ignores the objective" in advice.text
    advised = imle.layer("topk", k=5, estimator=IMLE(**advice.change), temperature=0.01)
    wanted = imle.diagnose(advised, theta, lambda z: (z * gold).sum()).current
    assert wanted.saturated <= 0.9
    assert wanted.zero <= 0.5
    combinatorial = imle.layer("topk", k=5, estimator=IMLE(beta=100.0, alpha=0.0), temperature=0.01)
    assert not imle.diagnose(combinatorial, theta, lambda z: (z * gold).sum()).advice  # asked for


def test_the_samples_that_are_advised_reach_the_cosine():
    """Advice for noisy gradients, followed: the cosine to the mean of very many draws is about 0.9."""
    theta, gold = draw(16, 10, seed=1), draw(16, 10, seed=2)

    def layer(samples, seed=7):
        return imle.layer(
            "topk",
            k=3,
            estimator=IMLE(beta=0.55),
            temperature=2.0,
            nb_samples=samples,
            generator=torch.Generator().manual_seed(seed),
        )

    def loss(z):
        return (z * gold).sum()

    report = imle.diagnose(layer(1), theta, loss, draws=64, steps=[1.0], temperatures=[1.0])
    (advice,) = report.advice
    wanted = advice.change["nb_samples"]
    assert 10 < wanted < 100

    def gradient(samples, seed):
        leaf = theta.clone().requires_grad_()
        loss(layer(samples, seed)(leaf)).backward()
        return leaf.grad.flatten()

    exact = gradient(20_000, 0)
    cosines = [torch.cosine_similarity(gradient(wanted, seed), exact, dim=0).item() for seed in range(1, 21)]
    assert np.mean(cosines) == pytest.approx(0.9, abs=0.05)


def test_equal_draws_agree_perfectly():
    """resample=False: noise, but the same each time."""
    torch.manual_seed(0)  # about one draw in thirty leaves all rows without a gradient
    layer = imle.layer("topk", k=2, estimator=IMLE(beta=1.0), resample=False)
    report = imle.diagnose(layer, draw(8, 6), lambda z: (z * draw(8, 6, seed=2)).sum())
    assert report.current.cosine == pytest.approx(1.0)
    assert report.row_cosines[report.nonzeros > 0] == pytest.approx(1.0)


def test_failed_solves():
    theta = draw(10, 5)
    theta[0, 0] = 100.0
    layer = imle.layer(ThresholdSolver(), estimator=IMLE(beta=1.0), noise=None)
    report = imle.diagnose(layer, theta, lambda z: z.sum(), draws=4)
    assert report.failed["timeout"] == 2 * 4 or report.failed["timeout"] == 4
    assert "timeout: no solution was found in time" in report.advice[0].text
    assert "failed solves" in str(report)


@dataclass(frozen=True)
class Clipping:
    """Minimum of two costs; negative ones count as 0, and are counted."""

    sense: ClassVar[str] = "min"
    array: ClassVar[str] = "numpy"

    def prepare(self):
        return self

    objective_shape: ClassVar[tuple[int]] = (2,)

    def solve(self, objective, *, hint=None):
        clipped = int((objective < 0).any(axis=1).sum())
        solutions = np.eye(2)[objective.clip(min=0).argmin(axis=1)]
        return SolveResult(solutions, counters={"clipped_rows": clipped} if clipped else {})

    def close(self):
        pass


def test_clipped_objectives():
    costs = torch.full((50, 2), 1.0) + 0.1 * draw(50, 2).float()
    layer = imle.layer(Clipping(), noise="gaussian", temperature=1.0, estimator=IMLE(beta=0.3))
    report = imle.diagnose(layer, costs, lambda z: z[..., 0].sum(), temperatures=[0.1])
    assert report.current.clipped > 0.1
    advice = report.advice[0]
    assert "clipped" in advice.text
    assert advice.change["temperature"] == pytest.approx(0.1)
    assert report.events["clipped_rows"] > 0
    hopeless = imle.diagnose(layer, costs - 5.0, lambda z: z[..., 0].sum(), temperatures=[0.1])
    assert hopeless.advice[0].change == {"noise": "multiplicative"}


def test_rules_without_a_step():
    layer = imle.layer("topk", k=2, estimator="straight-through")
    report = imle.diagnose(layer, draw(8, 6), lambda z: z[..., 0].sum())
    assert report.step_name is None
    assert report.current.unchanged is None
    assert report.current.saturated is None
    assert report.steps == (None,)
    assert report.temperatures == pytest.approx((0.3, 1.0, 3.0))
    assert report.current.zero == 0.0
    assert "ignores the objective" not in str(report)


@pytest.mark.parametrize("sense", ["max", "min"])
def test_both_senses_are_one_problem(sense):
    sign = 1.0 if sense == "max" else -1.0
    layer = layer_over(k_subsets(6, 3), sense, estimator=IMLE(beta=0.2), generator=torch.Generator().manual_seed(1))
    weights = draw(8, 6, seed=3)
    report = imle.diagnose(layer, sign * draw(8, 6), lambda z: (z * weights).sum())
    mirror = layer_over(k_subsets(6, 3), "max", estimator=IMLE(beta=0.2), generator=torch.Generator().manual_seed(1))
    other = imle.diagnose(mirror, draw(8, 6), lambda z: (z * weights).sum())
    assert str(report.grid) == str(other.grid)
    assert report.advice == other.advice


@pytest.mark.parametrize("estimator", ["imle", "aimle", "blackbox", "identity", "straight-through"])
def test_nothing_changes(estimator):
    options = {} if estimator in ("blackbox", "identity") else {"generator": torch.Generator().manual_seed(4)}
    layer = imle.layer("topk", k=2, estimator=estimator, **options).eval()
    theta = draw(8, 6).requires_grad_()
    layer.train()(theta).sum()
    layer.eval()
    weight = torch.nn.Parameter(torch.ones(6, dtype=torch.float64))
    before = copy.deepcopy(layer.__dict__)
    random = torch.get_rng_state()
    own = None if layer.generator is None else layer.generator.get_state()
    first = imle.diagnose(layer, theta, lambda z: (z * weight).square().sum())
    assert theta.grad is None
    assert weight.grad is None
    assert torch.equal(torch.get_rng_state(), random)
    assert own is None or torch.equal(layer.generator.get_state(), own)
    assert not layer.training
    assert type(layer.estimator).name == estimator
    assert str(layer.estimator.state_dict()) == str(before["_modules"]["estimator"].state_dict())
    assert layer.stats == before["stats"]
    assert (layer.temperature, layer.target_temperature) == (before["temperature"], before["target_temperature"])
    assert "call" not in layer.__dict__
    assert layer.__dict__.keys() == before.keys()
    again = imle.diagnose(layer, theta, lambda z: (z * weight).square().sum())
    assert str(first.grid) == str(again.grid)


def test_outputs_instances_and_leading_dimensions():
    layer = imle.layer("topk", estimator=IMLE(beta=0.5), output="samples", nb_samples=3)
    report = imle.diagnose(layer, draw(2, 3, 6), lambda z: z.mean(-2).square().sum(), k=[1, 2, 3] * 2)
    assert (report.rows, report.entries, report.samples) == (6, 6, 3)
    assert "6 rows of 6, 3 samples, 8 draws" in str(report)


def test_text():
    layer = imle.layer("topk", k=5, estimator=IMLE(beta=0.005), temperature=0.1)
    report = imle.diagnose(layer, draw(50, 20), lambda z: (z * draw(50, 20, seed=2)).sum())
    text = str(report)
    assert text.startswith("topk · imle  50 rows of 20, 8 draws")
    assert "▸" in text
    assert "→" in text
    assert "raise beta from 0.005 to about" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert all(line == line.rstrip() for line in text.splitlines())
    assert set(report.seconds) == {"noise", "solve", "transfer", "other"}
    assert all(part >= 0 for part in report.seconds.values())
    calm = imle.layer("topk", k=5, estimator=IMLE(beta=0.5), temperature=0.3)
    assert "nothing stands out" in str(imle.diagnose(calm, draw(50, 20), lambda z: (z * draw(50, 20, seed=2)).sum()))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
@pytest.mark.parametrize("estimator", ["imle", "blackbox", "straight-through"])
def test_picture(tmp_path, estimator):
    report = imle.diagnose(imle.layer("topk", k=2, estimator=estimator), draw(8, 6), lambda z: z[..., 0].sum())
    report.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    report.plot(str(tmp_path / "a.svg"))
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_pictures_need_matplotlib(tmp_path, monkeypatch):
    report = imle.diagnose(imle.layer("topk", k=2), draw(8, 6), lambda z: z[..., 0].sum())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SolverUnavailableError, match=r"needs matplotlib(.|\n)*hint: pip install"):
        report.plot(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((draw(8, 6), lambda z: 3.0), OptionError, "expected it to return a tensor, found float"),
        ((draw(8, 6), lambda z: z), OptionError, r"a scalar or one value per row, 8 in all, found \[8, 6\]"),
        ((draw(8, 6), lambda z: z.detach().sum()), OptionError, "does not depend on what it is given"),
        ((draw(8, 6), "mse"), OptionError, "expected a function of the layer's output, found str"),
        ((draw(0, 6), lambda z: z.sum()), ObjectiveError, r"at least one row, found \[0, 6\]"),
        (([1.0], lambda z: z.sum()), ObjectiveError, "at least one row, found list"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        imle.diagnose(imle.layer("topk", k=2), *arguments)


@pytest.mark.parametrize("options", [{"draws": 1}, {"draws": 2.5}, {"steps": [0.0]}, {"temperatures": []}])
def test_bad_options(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        imle.diagnose(imle.layer("topk", k=2), draw(8, 6), lambda z: z.sum(), **options)


def test_only_layers():
    with pytest.raises(OptionError, match="expected a solver layer, found Identity"):
        imle.diagnose(torch.nn.Identity(), draw(8, 6), lambda z: z.sum())


def test_cosines_are_cosines_however_few_draws_have_a_gradient():
    layer = imle.layer("topk", k=3, nb_samples=2, estimator=imle.estimators.IMLE(0.01))
    generator = torch.Generator().manual_seed(0)
    theta, weight = torch.randn(16, 20, generator=generator), torch.randn(20, generator=generator)
    torch.manual_seed(0)
    report = imle.diagnose(layer, theta.requires_grad_(), lambda z: (z * weight).sum(dim=-1).mean())
    assert "inf" not in str(report)
    cosines = torch.cat([report.row_cosines, torch.tensor([cell.cosine for cell in report.grid]).double()])
    assert (cosines.isnan() | (cosines.abs() <= 1 + 1e-9)).all()


def distance(z):
    return (z - draw(16, 6, seed=2).topk(3).values.sum(-1, keepdim=True) / 6).square().sum(-1)


@pytest.mark.parametrize(("size", "name"), [(1e-3, "loud-noise"), (1e3, "quiet-noise")])
def test_the_cure_for_scores_of_another_size_is_the_temperature(size, name):
    report = imle.diagnose(imle.layer("topk", k=3, temperature=1.0), size * draw(16, 6), distance)
    assert report.advice[0].name == name
    assert report.advice[0].change == {"temperature": pytest.approx(0.85 * size, rel=0.03)}
    fitting = imle.diagnose(imle.layer("topk", k=3), size * draw(16, 6), distance)
    assert not {"loud-noise", "quiet-noise"} & {advice.name for advice in fitting.advice}


def test_a_unit_that_was_measured_on_other_scores():
    layer = imle.layer("topk", k=3, target_temperature=2.0)
    layer(1e-3 * draw(16, 6))
    (advice,) = imle.diagnose(layer, draw(16, 6), distance).advice
    wanted = pytest.approx(0.85, rel=0.03)
    assert (advice.name, advice.change) == ("quiet-noise", {"temperature": wanted, "target_temperature": wanted})
    assert "raise the temperature from 3 units of 0.000" in advice.text
    assert f"to temperature={advice.change['temperature']:g}, absolute" in advice.text


def test_a_diagnosis_measures_no_unit_for_the_layer():
    layer = imle.layer("topk", k=3)
    imle.diagnose(layer, draw(16, 6), distance)
    assert layer.noise.unit.isnan()


@pytest.mark.parametrize("options", [{"noise": None}, {"temperature": 0.0}])
def test_forgotten_noise(options):
    (advice,) = imle.diagnose(imle.layer("topk", k=3, **options), draw(16, 6), distance).advice
    noise = {"noise": "gumbel"} if "noise" in options else {}
    assert advice.change == {"temperature": pytest.approx(0.85, rel=0.03), **noise}


def test_scores_that_know_the_solutions_backwards():
    gold = imle.layer("topk", k=3).eval()(draw(16, 6))
    noisy = draw(16, 6) + 0.3 * draw(16, 6, seed=3)
    layer = imle.layer("topk", k=3, temperature=0.5)
    (advice,) = imle.diagnose(layer, -noisy, lambda z: (z - gold).square().sum(-1)).advice
    assert (advice.name, advice.where, advice.change) == ("wrong-sense", "objective", {"factor": -1.0})
    right = imle.diagnose(layer, noisy, lambda z: (z - gold).square().sum(-1))
    assert "wrong-sense" not in {advice.name for advice in right.advice}


def test_gradients_too_small_for_an_optimiser():
    (advice,) = imle.diagnose(imle.layer("topk", k=3), draw(16, 6), lambda z: 1e-12 * distance(z)).advice
    assert (advice.name, advice.change) == ("starved", {"scale": False})
    undivided = imle.layer("topk", k=3, estimator=IMLE(scale=False))
    report = imle.diagnose(undivided, draw(16, 6), lambda z: 1e-12 * distance(z))
    assert "starved" not in {advice.name for advice in report.advice}
    straight = imle.layer("topk", k=3, estimator="straight-through")
    (advice,) = imle.diagnose(straight, draw(16, 6), lambda z: 1e-12 * distance(z)).advice
    assert (advice.name, advice.where, advice.change) == ("starved", "loss", {})


def test_costs_stay_positive():
    """Equal ones are divided, as a solver may take no negative ones; others with an offset are left alone."""
    layer = layer_over(k_subsets(6, 3), "min")
    (advice,) = imle.diagnose(layer, torch.full((16, 6), 50.0).double(), distance).advice
    assert (advice.name, advice.change) == ("constant-objective", {"factor": 0.02})
    assert "offset" not in {a.name for a in imle.diagnose(layer, 50.0 + draw(16, 6), distance).advice}


def test_rows_that_failed_are_named():
    theta = draw(10, 5)
    theta[[2, 7], 0] = 100.0
    loud, quiet = (
        imle.layer(ThresholdSolver(), noise=None, on_failure=on_failure) for on_failure in ("raise", "zero-grad")
    )
    first = imle.diagnose(loud, theta, lambda z: z.sum()).advice[0]
    assert (first.name, first.rows, first.change) == ("failed-rows", (2, 7), {"on_failure": "zero-grad"})
    first = imle.diagnose(quiet, theta, lambda z: z.sum()).advice[0]
    assert (first.where, first.rows, first.change) == ("instance", (2, 7), {})


@pytest.mark.parametrize("estimator", ["blackbox", "identity", "simple"])
def test_noise_is_not_missed_where_nothing_is_perturbed(estimator):
    report = imle.diagnose(imle.layer("topk", k=3, estimator=estimator), 1e3 * draw(16, 6), distance)
    assert not {"no-noise", "loud-noise", "quiet-noise"} & {advice.name for advice in report.advice}


@pytest.mark.parametrize(("sense", "sign"), [("max", 1.0), ("min", -1.0)])
def test_trained_scores_may_be_sure(sense, sign):
    """Noise that is quiet beside scores that know the solutions is no fault; beside others it is."""
    theta, gold = 10 * draw(16, 6), best(draw(16, 6), table("3-of-6"))
    layer = layer_over(k_subsets(6, 3), sense, temperature=1.0)
    sure, lost = (
        {advice.name for advice in imle.diagnose(layer, sign * scores, lambda z: (z - gold).square().sum(-1)).advice}
        for scores in (theta, 10 * draw(16, 6, seed=3))
    )
    assert "quiet-noise" not in sure
    assert lost == {"quiet-noise"}


def test_a_step_that_is_long_before_any_target_ignores_theta():
    layer = imle.layer("topk", k=10, nb_samples=4, estimator=IMLE(beta=5.0), temperature=1.0)
    report = imle.diagnose(layer, draw(16, 40), lambda z: (z * draw(16, 40, seed=2)).sum(-1).square())
    assert report.current.saturated < 0.9
    (advice,) = report.advice
    assert advice.name == "long-step"
    assert advice.change == {"beta": pytest.approx(1.0, abs=0.05)}
    assert "times as far from the objective as what is solved varies" in advice.text


def test_solvers_that_refuse_the_negative_of_an_objective():
    layer = imle.layer("grid-shortest-path", negative="raise", noise="multiplicative", temperature=0.1)
    costs = 1 + draw(16, 4, 4).abs()
    report = imle.diagnose(layer, costs, lambda z: (z - 0.5).square().sum((-2, -1)) * z[:, 1, 1], steps=[0.3])
    assert "wrong-sense" not in {advice.name for advice in report.advice}


@pytest.mark.parametrize("rule", ["imle", "aimle"])
def test_a_constant_matters_where_steps_are_relative_to_it(rule):
    """All solutions have 3 ones: only a step that is as long as the scores knows of the constant."""
    layer = imle.layer("topk", k=3, estimator=rule, nb_samples=4)
    found = {advice.name for advice in imle.diagnose(layer, 50.0 + draw(16, 6), distance).advice}
    assert ("offset" in found) == (rule == "aimle")
