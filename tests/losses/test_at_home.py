"""Losses as modules: any layer, shapes, dtypes, instances per row, failures, copies, bad input."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, SolveError
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
from imle.noise import RelativeNoiseDistribution
from support.problems import best, draw, layer_over
from support.solvers import ThresholdSolver, k_subsets

SOLUTIONS = k_subsets(5, 2)
KNOWN = [PerturbedFenchelYoung, RegularisedFenchelYoung, ImplicitMLE, StructuredHinge, NCE, MAPContrastive]
TRUE = [SPOPlus, PerturbationGradient, ListwiseLTR, PairwiseLTR, PointwiseLTR]
POOLED = [NCE, MAPContrastive, ListwiseLTR, PairwiseLTR, PointwiseLTR]
OF_RANKS = {"AveragePrecisionLoss", "RecallLoss"}
ALL = KNOWN + TRUE


def target_for(cls, true, k=2):
    """Known solutions, or the true objective."""
    if cls in TRUE:
        return true
    return torch.zeros_like(true).scatter(-1, true.topk(k, dim=-1).indices, 1.0)


def test_every_loss_is_here():
    """Others need more: test_cave.py, test_feasibility_aware.py, test_of_ranks.py, test_solver_free.py."""
    others = {
        "SolverLoss",
        "SolutionPool",
        "CaVE",
        "FeasibilityAware",
        "RegularisedFrankWolfe",
        "SolverFree",
        *OF_RANKS,
    }
    assert {cls.__name__ for cls in ALL} == {*imle.losses.__all__} - others


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,), (2, 0)])
def test_any_number_of_batch_dimensions(cls, lead):
    objective, true = draw(*lead, 5).requires_grad_(), draw(*lead, 5, seed=1)
    layer = layer_over(SOLUTIONS)
    assert cls(layer, reduction="none")(objective, target_for(cls, true)).shape == lead
    value = cls(layer)(objective, target_for(cls, true))
    value.backward()
    assert value.shape == ()
    assert objective.grad.shape == objective.shape
    assert objective.grad.isfinite().all()
    assert value.isfinite()


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_read_and_values_are_wide(cls, dtype):
    objective, true = draw(3, 5).to(dtype).requires_grad_(), draw(3, 5, seed=1)
    value = cls(imle.layer("topk", k=2))(objective, target_for(cls, true))
    assert value.dtype == torch.float32
    value.backward()
    assert objective.grad.dtype == dtype


@pytest.mark.parametrize("cls", ALL)
def test_the_layer_only_lends_its_solver(cls):
    """Estimator (even one that transforms theta), output and mode do not matter."""
    objective, true = draw(3, 5), draw(3, 5, seed=1)
    values = []
    for options, training in [({}, True), ({"estimator": "identity"}, True), ({"output": "samples"}, False)]:
        layer = layer_over(SOLUTIONS, "min", **options).train(training)
        torch.manual_seed(0)
        values.append(cls(layer)(objective, target_for(cls, true)))
        assert layer.training is training
    # LAPACK's last bit depends on where in memory numbers lie
    apart = 1e-14 * values[0].abs() if cls is RegularisedFenchelYoung else 0.0
    assert (values[1] - values[0]).abs() <= apart
    assert (values[2] - values[0]).abs() <= apart


@pytest.mark.parametrize("cls", ALL)
def test_instances_per_row(cls):
    """Rows with k of their own give what layers with that k give, each for its rows."""
    objective, true, ks = draw(4, 5), draw(4, 5, seed=1), [2, 3, 2, 3]
    options = {"temperature": 0.0} if cls in (PerturbedFenchelYoung, ImplicitMLE) else {}
    target = true if cls in TRUE else torch.stack([target_for(cls, row, k) for row, k in zip(true, ks, strict=True)])
    found = cls(imle.layer("topk"), reduction="none", **options)(objective, target, k=ks)
    for k in (2, 3):
        rows = [row for row, own in enumerate(ks) if own == k]
        alone = cls(imle.layer("topk", k=k), reduction="none", **options)(objective[rows], target[rows])
        torch.testing.assert_close(found[rows], alone)


@pytest.mark.parametrize("cls", ALL)
def test_rows_of_different_sizes_are_padded(cls):
    sets = [k_subsets(5, 2), k_subsets(3, 2), k_subsets(5, 2)]
    layer = imle.layer("support.solvers:EnumerationSolver")
    objective, true = draw(3, 5), draw(3, 5, seed=1)
    target = true if cls in TRUE else torch.zeros(3, 5)
    for row, solutions in enumerate(sets):
        n = solutions.shape[1]
        if cls in KNOWN:
            target[row, :n] = best(true[row, :n], torch.from_numpy(solutions))
    options = {"temperature": 0.0} if cls in (PerturbedFenchelYoung, ImplicitMLE) else {}
    found = cls(layer, reduction="none", **options)(objective, target, solutions=sets)
    alone = cls(layer_over(sets[1]), reduction="none", **options)(objective[1:2, :3], target[1:2, :3])
    torch.testing.assert_close(found[1:2], alone.to(found))


def test_objects_that_cannot_be_read_have_no_pool():
    layer = imle.layer("support.solvers:EnumerationSolver")

    class Opaque:
        def __init__(self, value):
            self.value = value

        def __float__(self):
            return float(self.value)

        def __reduce__(self):
            raise TypeError("this number is nobody else's")

    own = [np.array([[Opaque(entry) for entry in row] for row in SOLUTIONS], dtype=object)] * 2
    PerturbedFenchelYoung(layer)(draw(2, 5), target_for(NCE, draw(2, 5)), solutions=own)
    with pytest.raises(InstanceError, match=r"NCE: solutions: .* cannot be read"):
        NCE(layer)(draw(2, 5), target_for(NCE, draw(2, 5)), solutions=own)


@pytest.mark.parametrize("cls", [cls for cls in ALL if cls is not RegularisedFenchelYoung])  # needs a convex hull
def test_failed_rows(cls):
    objective, true = draw(3, 5), draw(3, 5, seed=1).abs()
    objective[1, 0] = true[1, 0] = 100.0  # ThresholdSolver gives up on such rows
    target = true if cls in TRUE else (true > 0).double()
    options = {"pool": SolutionPool()} if cls in POOLED else {}
    with pytest.raises(SolveError, match="row 1"):
        cls(imle.layer(ThresholdSolver()), **options)(objective, target)
    layer = imle.layer(ThresholdSolver(), on_failure="zero-grad")
    objective.requires_grad_()
    value = cls(layer, reduction="none")(objective, target)
    value.sum().backward()
    assert value.isfinite().all()
    assert layer.stats.status["timeout"] > 0
    if cls not in (NCE, MAPContrastive):  # these compare with the rest of the pool
        assert value[1] == 0
        assert not objective.grad[1].any()
    mean = cls(layer, reduction="mean")(objective, target)
    assert mean.isfinite()


def test_samples_that_failed_are_left_out():
    class Kicks(imle.noise.GaussianNoiseDistribution):
        def draw(self, shape, **_):
            noise = torch.zeros(tuple(shape), dtype=torch.float64)
            noise[0, 1, 0] = 100.0  # one sample of the first row fails
            return noise

    layer = imle.layer(ThresholdSolver(), on_failure="zero-grad")
    theta = draw(2, 5).requires_grad_()
    loss = PerturbedFenchelYoung(layer, noise=Kicks(), nb_samples=3, reduction="none")
    value = loss(theta, torch.zeros(2, 5))
    torch.testing.assert_close(value, theta.clamp(min=0).sum(1))
    value.sum().backward()
    torch.testing.assert_close(theta.grad, (theta > 0).double())


def test_noise_goes_where_the_layer_puts_it():
    """A layer that perturbs a part of the event only, as MLN layers do."""

    class Half(imle.SolverLayer):
        def _draw(self, theta, plan):
            noise = super()._draw(theta, plan)
            noise[..., :2] = 0.0
            return noise

    layer = layer_over(SOLUTIONS)
    layer.__class__ = Half
    loss = PerturbedFenchelYoung(layer, nb_samples=50, temperature=1e-3)
    theta = torch.tensor([[1.0, 0.5, 0.0, 0.0, 0.0]])
    drawn = loss.perturbed(loss.read(theta, {}))
    assert drawn.theta.shape == (1, 50, 5)
    torch.testing.assert_close(drawn.theta[0, :, :2], theta[:, :2].expand(50, 2))
    assert (drawn.theta[0, :, 2:] != 0).all()


@pytest.mark.parametrize("cls", [PerturbedFenchelYoung, ImplicitMLE])
@pytest.mark.parametrize("size", [2.0**-20, 2.0**20])
def test_noise_in_units_of_theta_does_the_same_at_every_scale(cls, size):
    def gradient(size):
        torch.manual_seed(0)
        loss = cls(imle.layer("topk", k=2), noise=RelativeNoiseDistribution(), nb_samples=4, temperature=0.5)
        theta = (size * torch.randn(3, 6)).requires_grad_()
        loss(theta, target_for(cls, torch.arange(18.0).reshape(3, 6))).backward()
        assert loss.state_dict()["noise.unit"] > 0
        return theta.grad

    assert torch.equal(gradient(size), gradient(1.0))


def test_generators_and_seeds_repeat():
    layer = layer_over(SOLUTIONS)

    def once(generator=None):
        return PerturbedFenchelYoung(layer, nb_samples=3, generator=generator)(draw(4, 5), torch.zeros(4, 5))

    assert once(torch.Generator().manual_seed(3)) == once(torch.Generator().manual_seed(3))
    torch.manual_seed(1)
    first = once()
    torch.manual_seed(1)
    assert once() == first


@pytest.mark.parametrize("cls", ALL)
def test_copies(cls):
    loss = cls(layer_over(SOLUTIONS), reduction="none")
    objective, target = draw(3, 5), target_for(cls, draw(3, 5, seed=1))
    values = []
    for other in (loss, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.manual_seed(0)
        values.append(other(objective, target))
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(values[0], values[2])
    assert "none" in repr(loss)


def test_compilers_go_around():
    loss = SPOPlus(layer_over(SOLUTIONS))
    compiled = torch.compile(lambda c, t: loss(2 * c, t), backend="eager")
    assert compiled(draw(3, 5), draw(3, 5, seed=1)) == loss(2 * draw(3, 5), draw(3, 5, seed=1))


@pytest.mark.parametrize("cls", ALL)
def test_bad_targets(cls):
    loss, objective = cls(layer_over(SOLUTIONS)), draw(3, 5)
    name = "true_objective" if cls in TRUE else "solution"
    with pytest.raises(ObjectiveError, match=rf"{cls.__name__}: {name}: expected shape \[3, 5\].*found \[3, 4\]"):
        loss(objective, draw(3, 4))
    with pytest.raises(ObjectiveError, match=f"{name}: .*found None"):
        loss(objective, None)
    with pytest.raises(ObjectiveError, match=f"{name}: .*found list"):
        loss(objective, [1.0])
    with pytest.raises(ObjectiveError, match=f"{name}: found nan"):
        loss(objective, torch.full((3, 5), torch.nan))
    with pytest.raises(ObjectiveError, match="real numbers"):
        loss(objective, torch.zeros(3, 5, dtype=torch.complex64))
    with pytest.raises(ObjectiveError, match=r"expected shape \[\*batch, 5\]"):
        loss(draw(3, 6), draw(3, 6))


@pytest.mark.parametrize("cls", ALL)
def test_bad_options(cls):
    with pytest.raises(OptionError, match="layer: expected a solver layer, found function"):
        cls(lambda x: x)
    with pytest.raises(OptionError, match="reduction: expected 'mean', 'sum' or 'none', found 'avg'"):
        cls(layer_over(SOLUTIONS), reduction="avg")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda layer: PerturbedFenchelYoung(layer, noise="gausian"), "did you mean 'gaussian'"),
        (lambda layer: PerturbedFenchelYoung(layer, noise=3), "noise: expected a name or"),
        (lambda layer: PerturbedFenchelYoung(layer, nb_samples=0), "nb_samples: expected an int >= 1, found 0"),
        (lambda layer: ImplicitMLE(layer, nb_samples=True), "nb_samples: expected an int >= 1"),
        (lambda layer: ImplicitMLE(layer, temperature=-1.0), "temperature: expected a number >= 0, found -1.0"),
        (lambda layer: ImplicitMLE(layer, temperature="1"), "temperature: expected a number"),
        (lambda layer: ImplicitMLE(layer, noise="multiplicative"), "expected additive noise"),
        (lambda layer: StructuredHinge(layer, margin=-1.0), "margin: expected a number >= 0, found -1.0"),
        (lambda layer: PerturbationGradient(layer, step=0.0), "step: expected a number > 0, found 0.0"),
        (lambda layer: PerturbationGradient(layer, symmetric=1), "symmetric: expected True or False, found 1"),
        (lambda layer: NCE(layer, shifted=1), "shifted: expected True or False"),
        (lambda layer: NCE(layer, pool=[]), "pool: expected a SolutionPool, found list"),
        (lambda layer: ListwiseLTR(layer, temperature=0.0), "temperature: expected a number > 0"),
        (lambda layer: ListwiseLTR(layer, temperature=None), "temperature: expected a number > 0"),
        (lambda layer: PairwiseLTR(layer, margin=-1), "margin: expected a number >= 0"),
        (lambda layer: PairwiseLTR(layer, margin="1"), "margin: expected a number >= 0"),
        (lambda layer: PairwiseLTR(layer, pairs="some"), "pairs: expected"),
    ],
)
def test_bad_options_of_one_loss(make, message):
    with pytest.raises(OptionError, match=message):
        make(layer_over(SOLUTIONS))


@pytest.mark.parametrize("cls", [NCE, MAPContrastive])
@pytest.mark.parametrize("shifted", [False, True])
def test_shifted_and_true_objective_go_together(cls, shifted):
    loss = cls(layer_over(SOLUTIONS), shifted=shifted)
    truth = None if shifted else draw(3, 5)
    with pytest.raises(ObjectiveError, match="true_objective: expected it with shifted=True, and only then"):
        loss(draw(3, 5), target_for(cls, draw(3, 5)), truth)


@pytest.mark.parametrize("failing", ["true", "shifted"])
def test_spo_plus_leaves_out_rows_that_fail_on_either_objective(failing):
    objective, true = draw(3, 5).requires_grad_(), draw(3, 5, seed=1)
    with torch.no_grad():
        # ThresholdSolver gives up on first scores above 10, of the truth or of 2 * objective - truth
        objective[1, 0], true[1, 0] = (40.0, 100.0) if failing == "true" else (40.0, 0.0)
    layer = imle.layer(ThresholdSolver(), on_failure="zero-grad")
    value = SPOPlus(layer, reduction="none")(objective, true)
    value.sum().backward()
    assert value[1] == 0
    assert not objective.grad[1].any()
    assert (value[[0, 2]] > 0).all()
    assert [failure.row for failure in layer.failures] == [1]
    SPOPlus(layer)(objective, objective.detach())
    assert len(layer.failures) == 2  # 40 fails twice; those of the pass before are gone


def test_functions_need_no_more_than_others():
    """Nothing is known of a function, not even whether it depends on the scale of an objective."""
    layer = imle.layer(lambda c: torch.nn.functional.one_hot(c.argmax(1), 5).to(c), shape=(None,))
    known = layer_over(k_subsets(5, 1))
    objective, true = draw(3, 5), draw(3, 5, seed=1)
    for cls, options in ((PerturbationGradient, {"step": 2.0}), (SPOPlus, {}), (StructuredHinge, {})):
        target = true if cls in TRUE else target_for(cls, true, 1)
        torch.testing.assert_close(cls(layer, **options)(objective, target), cls(known, **options)(objective, target))


def test_the_margin_needs_solutions_of_0_and_1():
    loss = StructuredHinge(layer_over(SOLUTIONS))
    with pytest.raises(ObjectiveError, match=r"StructuredHinge: solution: expected 0 and 1, found 0.5 in row \(1, 0\)"):
        loss(draw(2, 1, 5), torch.tensor([[[1.0, 1, 0, 0, 0]], [[1, 0.5, 0.5, 0, 0]]]))
    assert StructuredHinge(layer_over(SOLUTIONS), margin=0.0)(draw(1, 5), torch.full((1, 5), 0.4)).isfinite()
