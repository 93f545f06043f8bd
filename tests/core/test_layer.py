"""The layer as an nn.Module: shapes, dtypes, modes, copies, statistics, failures."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, SecondDerivativeError, SolveError, SolverContractError, SolverWarning
from imle.estimators import AIMLE, IMLE, Estimator
from imle.plugins import Capabilities
from imle.plugins.inferred import spec_from_class
from imle.solvers import SolveResult
from support.noises import FixedNoise, RefusedNoise
from support.solvers import EnumerationSolver, ThresholdSolver, k_subsets

SOLUTIONS = k_subsets(5, 2)


def enumeration(**kwargs):
    return imle.layer(EnumerationSolver(kwargs.pop("sense", "max")), solutions=SOLUTIONS, **kwargs)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,), (2, 0), (4, 1, 2)])
@pytest.mark.parametrize("output", ["mean", "samples", "map"])
def test_any_number_of_batch_dimensions(lead, output):
    layer = enumeration(nb_samples=4, output=output)
    objective = torch.randn(*lead, 5, requires_grad=True)
    out = layer(objective)
    assert out.shape == ((*lead, 4, 5) if output == "samples" else (*lead, 5))
    out.sum().backward()
    assert objective.grad.shape == objective.shape
    layer.eval()
    assert layer(objective).shape == ((*lead, 1, 5) if output == "samples" else (*lead, 5))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("solver", ["numpy", "torch"])
def test_same_dtype_out(dtype, solver):
    layer = enumeration(nb_samples=3) if solver == "numpy" else imle.layer("topk", k=2, nb_samples=3)
    objective = torch.randn(4, 5).to(dtype).requires_grad_()
    out = layer(objective)
    assert out.dtype == dtype
    out.float().square().sum().backward()
    assert objective.grad.dtype == dtype
    assert out.detach().sum(dim=1).float() == pytest.approx([2.0] * 4, abs=0.02)


def test_non_contiguous_input():
    objective = torch.randn(5, 4).T
    assert not objective.is_contiguous()
    layer = enumeration().eval()
    torch.testing.assert_close(layer(objective), layer(objective.contiguous()))


@pytest.mark.parametrize("sense", ["max", "min"])
def test_eval_is_the_noise_free_solution(sense):
    layer = enumeration(sense=sense, nb_samples=7, noise=RefusedNoise()).eval()
    objective = torch.randn(6, 5)
    values = objective @ torch.tensor(SOLUTIONS, dtype=torch.float32).T
    best = values.argmax(dim=1) if sense == "max" else values.argmin(dim=1)
    torch.testing.assert_close(layer(objective), torch.tensor(SOLUTIONS[best], dtype=torch.float32))
    assert layer.stats.solves == 6


def test_nothing_is_drawn_at_temperature_zero_and_equal_samples_are_solved_once():
    layer = enumeration(noise=RefusedNoise(), nb_samples=10, temperature=0.0, output="samples")
    objective = torch.randn(3, 5, requires_grad=True)
    out = layer(objective)
    assert out.shape == (3, 10, 5)
    assert (out == out[:, :1]).all()
    assert layer.stats.solves == 3
    out.mean(dim=1).square().sum().backward()
    assert layer.stats.solves == 6


def test_one_temperature_at_zero():
    """tau = 0 solves once forward and S times backward; tau' = 0 the other way round."""
    objective = torch.randn(3, 5, requires_grad=True)
    for tau, target, forward, backward in [(0.0, 1.0, 3, 12), (1.0, 0.0, 12, 3)]:
        layer = enumeration(nb_samples=4, temperature=tau, target_temperature=target)
        out = layer(objective)
        assert layer.stats.solves == forward
        out.square().sum().backward()
        assert layer.stats.solves == forward + backward
        samples = enumeration(nb_samples=4, temperature=tau, target_temperature=target, output="samples")(objective)
        assert samples.shape == (3, 4, 5)
        samples.square().sum().backward()


def test_no_gradient_work_under_no_grad():
    layer = enumeration(nb_samples=2)
    objective = torch.randn(3, 5, requires_grad=True)
    with torch.no_grad():
        assert not layer(objective).requires_grad
    with torch.inference_mode():
        layer(objective)
    assert not layer(objective.detach()).requires_grad


def test_a_second_derivative_is_refused():
    objective = torch.randn(3, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(enumeration()(objective).square().sum(), objective, create_graph=True)
    with pytest.raises(SecondDerivativeError, match="a solver layer has no second derivative"):
        torch.autograd.grad(gradient.sum(), objective)
    with pytest.raises(SecondDerivativeError):
        gradient.sum().backward()


def test_results_depend_on_the_seed_alone():
    objective = torch.randn(3, 5)
    torch.manual_seed(3)
    first = enumeration(nb_samples=50)(objective)
    torch.manual_seed(3)
    assert torch.equal(first, enumeration(nb_samples=50)(objective))
    layer = enumeration(nb_samples=50, generator=torch.Generator().manual_seed(3))
    state = torch.get_rng_state()
    assert torch.equal(first, layer(objective))
    assert torch.equal(state, torch.get_rng_state()), "a given generator must leave the global one alone"


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_work_and_native_models_stay_behind(copier):
    layer = enumeration(estimator=AIMLE(beta=0.4), nb_samples=2)
    objective = torch.randn(3, 5, requires_grad=True)
    layer(objective).square().sum().backward()
    twin = copier(layer)
    torch.manual_seed(0)
    expected = layer(objective)
    torch.manual_seed(0)
    assert torch.equal(twin(objective), expected)
    assert twin.estimator.beta == layer.estimator.beta
    twin.estimator.beta.fill_(9.0)
    assert layer.estimator.beta != 9.0


def test_adaptive_state_travels_with_the_state_dict():
    layer, other = enumeration(estimator=AIMLE(beta=0.4)), enumeration(estimator="aimle")
    layer(torch.randn(3, 5, requires_grad=True)).square().sum().backward()
    other.load_state_dict(layer.state_dict())
    assert other.estimator.beta == layer.estimator.beta != 0.4
    assert set(layer.state_dict()) == {"estimator.beta", "estimator.nonzeros", "noise.unit"}
    assert other.noise.unit == layer.noise.unit


def test_repr_names_what_matters():
    text = repr(imle.layer("topk", k=2, nb_samples=3))
    for part in ("'topk'", "max", "GumbelNoise", "nb_samples=3", "IMLE(beta=1"):
        assert part in text


def test_close_frees_and_the_layer_goes_on():
    layer = enumeration()
    prepared = layer._instances.common()
    layer.close()
    layer.close()
    assert prepared.closed == 1
    assert layer(torch.randn(2, 5)).shape == (2, 5)


class WarmEnumerationSolver(EnumerationSolver):
    spec = replace(spec_from_class(EnumerationSolver), capabilities=Capabilities(warm_start=True))


@pytest.mark.parametrize("solver", [EnumerationSolver, WarmEnumerationSolver])
def test_forward_solutions_are_offered_as_hints_to_solvers_that_claim_to_take_them(solver):
    layer = imle.layer(solver(), solutions=SOLUTIONS, nb_samples=2)
    prepared = layer._instances.common()
    out = layer(torch.randn(3, 5, requires_grad=True))
    out.square().sum().backward()
    forward, backward = prepared.hints
    assert forward is None
    if solver is EnumerationSolver:
        assert backward is None
        return
    np.testing.assert_allclose(backward.reshape(3, 2, 5).mean(axis=1), out.detach().numpy())


def test_a_third_party_estimator_needs_one_method():
    class Half(Estimator):
        name = "half"

        def gradient(self, trace, dy):
            return dy.mean(dim=1) / 2

    objective = torch.randn(3, 5, requires_grad=True)
    enumeration(estimator=Half(), nb_samples=3)(objective).sum().backward()
    assert (objective.grad == 0.5).all()


# failures


def test_failed_rows_raise_and_are_named():
    layer = imle.layer(ThresholdSolver(), noise=None)
    with pytest.raises(SolveError) as caught:
        layer(torch.tensor([[1.0, 2.0], [11.0, 2.0], [12.0, 1.0]]))
    assert str(caught.value) == (
        "threshold-solver: 2 of 3 forward solves failed\n"
        "  row 1: timeout: no solution was found in time; raise the time limit or relax the instance\n"
        "  row 2: timeout: no solution was found in time; raise the time limit or relax the instance\n"
        '  hint: on_failure="zero-grad" skips such rows, "last" puts an earlier solution in their place'
    )
    assert layer.stats.status == {"optimal": 1, "timeout": 2}


def test_many_failed_rows_are_counted_and_folded_rows_are_named_as_the_user_indexes_them():
    layer = imle.layer(EnumerationSolver(), solutions=np.zeros((0, 3)), nb_samples=2)
    with pytest.raises(SolveError) as caught:
        layer(torch.zeros(2, 2, 3))
    text = str(caught.value)
    assert text.startswith(
        "enumeration-solver: 8 of 8 forward solves failed\n  row (0, 0), sample 0: infeasible: the list"
    )
    assert "row (0, 1), sample 1: infeasible: no solution satisfies the constraints" in text
    assert "... and 3 more" in text


def test_zero_grad_skips_failed_rows_forward_and_backward():
    layer = imle.layer(ThresholdSolver(), on_failure="zero-grad", noise=None, estimator=imle.estimators.IMLE(5.0))
    objective = torch.tensor([[1.0, 2.0], [11.0, 2.0], [8.0, 2.0]], requires_grad=True)
    out = layer(objective)
    assert out.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    # dy = -1 everywhere: targets are theta + 5, so row 2 fails in the backward solve, row 0 changes nothing
    (-out.sum()).backward()
    assert objective.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert layer.stats.status == {"optimal": 3, "timeout": 3}
    objective.grad = None
    (layer(objective) * torch.tensor([1.0, 1.0])).sum().backward()  # targets are theta - 5
    assert objective.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]


def test_failed_rows_are_listed_for_the_last_pass():
    layer = imle.layer(ThresholdSolver(), on_failure="zero-grad", noise=None, estimator=imle.estimators.IMLE(5.0))
    objective = torch.tensor([[1.0, 2.0], [11.0, 2.0], [8.0, 2.0]], requires_grad=True)
    out = layer(objective)
    assert [(f.row, f.sample, f.status.name, f.phase) for f in layer.failures] == [(1, 0, "TIMEOUT", "forward")]
    (-out.sum()).backward()
    assert [(f.row, f.phase) for f in layer.failures] == [(1, "forward"), (1, "backward"), (2, "backward")]
    layer(objective[:1])
    assert layer.failures == []


def test_last_puts_earlier_solutions_in_place_of_failed_rows():
    layer = imle.layer(ThresholdSolver(), on_failure="last", noise=None, estimator=imle.estimators.IMLE(5.0))
    bad = torch.tensor([[11.0, 2.0]])
    with pytest.raises(SolveError, match="1 of 1 forward solves failed"):
        layer(bad)  # nothing to put in its place yet
    assert layer(torch.tensor([[1.0, 2.0], [1.0, -2.0]])).tolist() == [[1.0, 1.0], [1.0, 0.0]]
    objective = torch.tensor([[11.0, 2.0], [8.0, -2.0], [1.0, -2.0]], requires_grad=True)
    out = layer(objective)
    # row 0 gets what was found last for this instance, which is row 2 of its own batch
    assert out.tolist() == [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
    (-out.sum()).backward()  # targets are theta + 5: rows 0 and 1 fail, and stay as they were
    assert objective.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, -1.0]]
    assert all(failure.replaced for failure in layer.failures)


def test_last_counts_stand_ins_in_the_mean():
    class Push(RefusedNoise):
        def sample(self, shape):
            noise = torch.zeros(shape)
            noise[:, 0, 0] = 100.0  # the first sample of each row fails
            return noise

    layer = imle.layer(ThresholdSolver(), on_failure="last", noise=Push(), nb_samples=2, estimator="straight-through")
    objective = torch.tensor([[1.0, 1.0], [1.0, -1.0]], requires_grad=True)
    out = layer(objective)
    assert out.tolist() == [[1.0, 0.5], [1.0, 0.0]], "the last solved row is [1, 0]"
    out.sum().backward()
    assert objective.grad.tolist() == [[0.5, 0.5], [0.5, 0.5]], "samples that failed have no gradient"


@pytest.mark.parametrize(
    ("make", "samples", "targets"),
    [
        (imle.estimators.IMLE, 3, 1),
        (lambda: imle.estimators.IMLE(symmetric=True), 3, 2),
        (imle.estimators.AIMLE, 3, 1),
        (lambda: imle.estimators.Blackbox(beta=3.0), 1, 1),
    ],
)
def test_rows_whose_objective_did_not_change_are_not_solved_again(make, samples, targets):
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(4, 6, generator=generator)
    weight = theta.clone()  # what is chosen is to blame
    weight[[0, 2]] = 0.0  # no loss: theta - lambda dy is theta

    def gradient(rows):
        torch.manual_seed(1)
        layer = imle.layer("topk", k=2, estimator=make(), nb_samples=samples)
        objective = theta.clone().requires_grad_()
        out = layer(objective)
        layer.stats.reset()
        (out * weight)[rows].sum().backward()
        assert layer.stats.solves == layer.stats.events["unchanged_rows"] == 2 * samples * targets
        return objective.grad

    found = gradient(slice(None))
    assert found[[1, 3]].any()
    assert not found[[0, 2]].any()
    torch.testing.assert_close(gradient([1, 3]), found)


def test_unchanged_rows_with_instances_of_their_own():
    layer = imle.layer("topk", noise=None, estimator=IMLE(beta=1.0))
    theta = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]], requires_grad=True)
    out = layer(theta, k=[1, 2, 1])
    (out * torch.tensor([[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 5.0, 0.0]])).sum().backward()
    assert layer.stats.events["unchanged_rows"] == 1
    step = 2 * 2.0**0.5 / 5.0
    expected = torch.tensor([[0.0, 0.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]) / step
    torch.testing.assert_close(theta.grad, expected)


def test_time_is_split_into_parts():
    layer = imle.layer("topk", k=2, nb_samples=3)
    layer(torch.randn(4, 6, requires_grad=True)).sum().backward()
    assert set(layer.stats.seconds) == {"noise", "solve", "transfer"}
    assert all(seconds > 0 for seconds in layer.stats.seconds.values())
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        layer(torch.randn(4, 6))
    assert {"imle::noise", "imle::solve", "imle::transfer"} <= {event.key for event in profile.key_averages()}


def test_zero_grad_averages_over_the_samples_that_were_solved():
    class Push(RefusedNoise):
        def sample(self, shape):
            noise = torch.zeros(shape)
            noise[:, 0, 0] = 100.0  # the first sample of each row fails
            return noise

    for rule, expected in [("straight-through", 1.0), ("imle", 0.0)]:
        layer = imle.layer(ThresholdSolver(), on_failure="zero-grad", noise=Push(), nb_samples=3, estimator=rule)
        objective = torch.tensor([[1.0, -2.0]], requires_grad=True)
        out = layer(objective)
        assert out.tolist() == [[1.0, 0.0]]
        out.sum().backward()
        assert objective.grad[0, 1].item() == pytest.approx(expected)


def test_solver_events_are_counted_and_advice_is_given_once():
    class Advising:
        sense = "max"
        array = "numpy"

        def prepare(self):
            return self

        objective_shape = (None,)

        def solve(self, objective, *, hint=None):
            return SolveResult(objective > 0, counters={"odd": 2}, advice=("take care\x1b[2J",))

        def close(self):
            pass

    layer = imle.layer(Advising(), noise=None)
    with pytest.warns(SolverWarning, match=r"^advising: take care\\x1b\[2J$") as caught:
        layer(torch.randn(2, 3))
    assert caught[0].filename == __file__, "the warning points at the user's line"
    layer(torch.randn(2, 3))  # warnings are errors here: no second one
    assert layer.stats.events == {"odd": 4}
    assert (layer.stats.batches, layer.stats.solves) == (2, 4)
    assert layer.stats.solves_per_second > 0
    layer.stats.reset()
    assert layer.stats.solves == 0
    assert layer.stats.events == {}


# bad input


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (
            [[1.0, 2.0]],
            "objective: expected a torch tensor, found list\n"
            "  hint: torch.as_tensor(objective, dtype=torch.float32) converts arrays and lists",
        ),
        (
            torch.ones(2, 5, dtype=torch.int64),
            "objective: expected floating-point numbers, found torch.int64\n  hint: objective.float() converts",
        ),
        (
            torch.ones(2, 5).to_sparse(),
            "objective: expected a dense tensor, found torch.sparse_coo\n  hint: objective.to_dense() converts",
        ),
        (
            torch.ones(2, 5, device="meta"),
            "objective: expected a tensor with data, found one on the meta device, which solvers cannot read\n"
            "  hint: model.to_empty(device=...) gives a model on the meta device its data",
        ),
        (
            torch.ones(2, 4),
            "objective: expected shape [*batch, 5], found [2, 4]\n"
            "  hint: the trailing dimensions are one objective; all others are batch dimensions",
        ),
        (
            torch.tensor(1.0),
            "objective: expected shape [*batch, 5], found []\n"
            "  hint: the trailing dimensions are one objective; all others are batch dimensions",
        ),
    ],
)
def test_bad_objectives(objective, message):
    with pytest.raises(ObjectiveError) as caught:
        enumeration()(objective)
    assert str(caught.value) == message


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 0)])
def test_an_objective_without_entries_is_no_empty_batch(shape):
    with pytest.raises(ObjectiveError, match=r"expected at least one entry per row, found \[.*0\]\n  hint: a batch"):
        imle.layer("topk", k=1)(torch.ones(shape))
    assert imle.layer("topk", k=1)(torch.ones(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("sense", ["max", "min"])
def test_non_finite_objectives_name_row_and_position(value, sense):
    objective = torch.zeros(2, 3, 5)
    objective[1, 2, 4] = value
    with pytest.raises(ObjectiveError) as caught:
        enumeration(sense=sense, noise=None)(objective)
    assert str(caught.value) == (
        f"objective: found {value} in row (1, 2), position 4; 1 of 30 entries are not finite\n"
        "  hint: check the network's output; or the noise, if its entries are finite"
    )


def test_what_is_not_finite_is_counted_in_the_batch_not_in_its_samples():
    objective = torch.zeros(2, 5)
    objective[1, 4] = float("nan")
    with pytest.raises(ObjectiveError, match=r"objective: found nan in row 1, position 4; 1 of 10 entries"):
        enumeration(nb_samples=7)(objective)


def test_noise_that_overflows_is_blamed_itself():
    noise = torch.zeros(2, 3, 5)
    noise[1, 2, 4] = 3e38
    layer = enumeration(noise=FixedNoise(noise), nb_samples=3, temperature=1.0)
    with pytest.raises(ObjectiveError, match="objective with noise: found inf in row 1, position 4, sample 2; 1 of 30"):
        layer(torch.full((2, 5), 3e38))


def test_non_finite_loss_gradients_are_refused():
    objective = torch.zeros(2, 5, requires_grad=True)
    out = enumeration(estimator=imle.estimators.IMLE(1.0), noise=None)(objective)
    with pytest.raises(
        ObjectiveError, match=r"target objective \(scores - lambda \* dL/dz\): found nan in row 1, position 0"
    ):
        (out * torch.tensor([[0.0] * 5, [float("nan"), 0, 0, 0, 0]])).sum().backward()


def test_targets_of_costs_are_told_in_costs():
    costs = torch.full((1, 5), 3e38, requires_grad=True)
    out = enumeration(sense="min", noise=None)(costs)
    with pytest.raises(ObjectiveError, match=r"target objective \(costs \+ lambda \* dL/dz\): found inf in"):
        (out * torch.arange(5.0)).sum().backward()


def test_infinite_costs_point_to_what_forbids_entries():
    costs = torch.ones(2, 3, 3)
    costs[1, 0, 2] = float("inf")
    with pytest.raises(ObjectiveError) as caught:
        imle.layer("assignment", noise=None)(costs)
    assert str(caught.value) == (
        "objective: found inf in row 1, position (0, 2); 1 of 18 entries are not finite\n"
        "  hint: allowed= forbids entries; infinite numbers are refused"
    )
    mask = torch.ones(3, 3, dtype=torch.bool)
    mask[0, 2] = False
    assert imle.layer("assignment", noise=None, allowed=mask)(torch.ones(3, 3))[0, 2] == 0


def test_a_target_that_overflows_is_not_blamed_on_the_loss_alone():
    objective = torch.full((1, 5), 3e38, requires_grad=True)
    out = enumeration(noise=None)(objective)
    with pytest.raises(ObjectiveError, match=r"objective and lambda are so large that torch\.float32 overflows"):
        (out * torch.arange(5.0)).sum().backward()


def test_huge_finite_objectives_are_fine():
    assert enumeration(noise=None)(torch.full((2, 5), 3e38)).shape == (2, 5)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: x[:1], r"expected solutions of shape \[2, 3\], one row per objective, found \[1, 3\]"),
        (lambda x: x[:, :2], r"expected solutions of shape \[2, 3\], one row per objective, found \[2, 2\]"),
        (lambda x: x * float("nan"), "a row reported as solved holds nan or infinity"),
    ],
)
def test_solvers_that_break_the_contract(returned, message):
    with pytest.raises(SolverContractError, match=message):
        imle.layer(returned)(torch.ones(2, 3))


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(ObjectiveError("what", hint="do", row=3)))
    assert (error.message, error.hint, error.row, str(error)) == ("what", "do", 3, "what\n  hint: do")
