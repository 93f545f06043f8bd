"""Counts in the millions and beyond: differences of worlds are exact, whatever evidence decides, in any dtype."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
import imle_mln
from imle.estimators import IMLE
from imle.solvers import SolveStatus
from imle_mln.solver import MLNSolver

UNDIVIDED = IMLE(scale=False)  # gradients of weights are counts
PEOPLE = 5000
FRIENDS = f"person = {{1,...,{PEOPLE}}}\n*F(person, person)\nS(person)\n1 F(x,y) ^ S(x) => S(y)\n"

# 24 million million groundings of each formula, of which evidence leaves six open.
EVENTS = """
day = {1,...,20000}
thing = {A, B, C}
*Holds(day, day, day, thing)
Good(thing)
Bad(thing)
1.5  Holds(p,q,r,x) => Good(x)
-0.7 Holds(p,q,r,x) ^ Good(x)
0.9  Holds(p,q,r,x) ^ Good(x) => Bad(x)
0.3  !Holds(p,q,r,x) v (Bad(x) ^ !Good(x))
"""
HOLDS = [(1, 2, 3, "A"), (1, 2, 4, "A"), (2, 2, 3, "B"), (3, 3, 3, "C"), (4, 3, 3, "C"), (5, 3, 3, "C")]
ALL = 3 * 20000**3


def events(**options):
    evidence = "\n".join(f"Holds({p},{q},{r},{x})" for p, q, r, x in HOLDS)
    return imle.layer("mln-map", program=EVENTS, evidence=evidence, noise="none", **options)


def event_counts(world):
    """Counts of the four formulas over all groundings, as Python's integers, for Good(A..C) and Bad(A..C)."""
    good, bad = dict(zip("ABC", world[:3], strict=True)), dict(zip("ABC", world[3:], strict=True))
    open_ = [x for *_, x in HOLDS]
    rest = ALL - len(open_)
    return [
        rest + sum(good[x] for x in open_),
        sum(good[x] for x in open_),
        rest + sum(not good[x] or bad[x] for x in open_),
        rest + sum(bad[x] and not good[x] for x in open_),
    ]


def best_world(unary, weights):
    """The best of all 64 worlds, and its counts; what is common to all worlds is left out of the comparison."""
    worlds = list(itertools.product((0, 1), repeat=6))
    least = [min(column) for column in zip(*map(event_counts, worlds), strict=True)]

    def value(world):
        own = [count - low for count, low in zip(event_counts(world), least, strict=True)]
        return float(np.dot(unary, world) + np.dot(weights, own))

    return max(worlds, key=value)


@pytest.mark.parametrize("scale", ["mean", "sum"])
def test_one_open_grounding_among_25_million(scale):
    """By hand: S(1) => S(2) is the only open grounding; pulling S(1) up and S(2) down makes it false."""
    layer = imle.layer(
        "mln-map", program=FRIENDS, evidence="F(1,2)", estimator=UNDIVIDED, noise="none", count_scale=scale
    )
    unary = torch.zeros(PEOPLE)
    unary[:2] = torch.tensor([2.0, -1.5])
    weights = torch.tensor([1.0], requires_grad=True)
    state, counts = layer(unary, weights)
    assert state.dtype == torch.float32
    assert state[:2].tolist() == [1, 0]
    assert counts.tolist() == [PEOPLE**2 - 1]
    (-state[1]).backward()
    assert weights.grad.tolist() == [-1]

    one, other = state.detach(), state.detach().clone()
    other[1] = 1
    both = [imle_mln.score(layer, world, unary, weights.detach()) for world in (one, other)]
    assert both[1].weighted - both[0].weighted == 1 - 1.5
    assert [score.counts.tolist() for score in both] == [[PEOPLE**2 - 1], [PEOPLE**2]]
    assert [imle_mln.score(layer, world, decided=False).counts.tolist() for world in (one, other)] == [[0], [1]]


def test_losses_read_complete_counts_and_compare_open_ones():
    layer = imle.layer("mln-map", program=FRIENDS, evidence="F(1,2)")
    unary = torch.zeros(PEOPLE)
    unary[:2] = torch.tensor([2.0, -1.5])
    gold = torch.zeros(PEOPLE)
    gold[:2] = 1
    theta = torch.cat([torch.tensor([0.25]), unary]).requires_grad_()
    label = torch.cat([imle_mln.score(layer, gold).counts, gold])
    for loss in (imle.losses.PerturbedFenchelYoung, imle.losses.ImplicitMLE):
        theta.grad = None
        value = loss(layer, temperature=0.0)(theta[None], label[None])
        value.backward()
        assert value == 2.0 - (2.0 - 1.5 + 0.25)  # the best world has S(1) only
        assert theta.grad[:3].tolist() == [-1, 0, -1]
    shifted = imle.losses.SPOPlus(layer)(theta[None], theta.detach()[None])
    assert shifted == 0
    found = layer.expected_loss(theta[None], lambda z: z[..., 0])
    assert found.tolist() in ([PEOPLE**2 - 1], [PEOPLE**2])


@pytest.mark.parametrize("seed", range(8))
def test_gradients_among_decided_groundings_without_number(seed):
    """float32 in; target and gradient of an I-MLE step by enumeration in whole numbers."""
    generator = torch.Generator().manual_seed(seed)
    unary = torch.randn(6, generator=generator).requires_grad_()
    weights = torch.randn(4, generator=generator).requires_grad_()
    push = torch.randn(6, generator=generator)
    layer = events(estimator=IMLE(lambda_=2.0), count_scale="sum")
    state, counts = layer(unary, weights)
    (state * push).sum().backward()
    first = best_world(unary.tolist(), weights.tolist())
    second = best_world((unary.detach() - 2.0 * push).tolist(), weights.tolist())
    assert state.tolist() == list(first)
    assert counts.tolist() == event_counts(first)
    expected = [a - b for a, b in zip(event_counts(first), event_counts(second), strict=True)]
    assert weights.grad.tolist() == expected
    assert unary.grad.tolist() == [a - b for a, b in zip(first, second, strict=True)]


def test_rows_keep_their_own_decided_groundings():
    layer = imle.layer("mln-map", program=EVENTS, noise="none").eval()
    rows = ["\n" + "".join(f"Holds({p},{q},{r},{x})\n" for p, q, r, x in part) for part in (HOLDS[:2], HOLDS)]
    state, counts = layer(torch.full((2, 6), -9.0), evidence=rows)
    assert not state.any()
    assert counts.tolist() == [[ALL - n, 0, ALL, ALL - n] for n in (2, 6)]
    samples = imle.layer("mln-map", program=EVENTS, output="samples", nb_samples=3)
    assert (samples(torch.full((2, 6), -99.0), evidence=rows).counts == counts[:, None]).all()
    theta = torch.cat([torch.tensor([[1.5, -0.7, 0.9, 0.3]] * 2), torch.full((2, 6), -99.0)], dim=1)
    found = samples.expected_loss(theta, lambda z: z[..., 3], evidence=rows)
    assert found.tolist() == [ALL - 2, ALL - 6]
    label = torch.cat([counts, state], dim=1)
    lost = imle.losses.PerturbedFenchelYoung(layer, temperature=0.0, reduction="none")(theta, label, evidence=rows)
    assert lost.tolist() == [0, 0]


def test_prepared_solvers_count_open_groundings_only():
    """Values, bounds and gaps are those of the open part."""
    evidence = {"Holds": [(str(p), str(q), str(r), x) for p, q, r, x in HOLDS]}
    problem = MLNSolver().prepare(EVENTS, evidence)
    assert problem.grounding.network.undecided.tolist() == [6] * 4
    assert problem.grounding.network.decided.tolist() == [ALL - 6, 0, ALL - 6, ALL - 6]
    result = problem.solve(np.array([[1.5, -0.7, 0.9, 0.3, 0.1, 0.0, 0.0, 0.0, 0.2, 0.0]]))
    assert result.solutions.tolist() == [[6, 6, 6, 0, 1, 1, 1, 1, 1, 1]]
    assert result.values[0] == pytest.approx(1.5 * 6 - 0.7 * 6 + 0.9 * 6 + 0.3, rel=1e-12)
    assert result.values[0] <= result.bound[0] == pytest.approx(result.values[0], rel=1e-9)


def test_the_gap_is_that_of_the_open_part():
    """The same open part, alone and beside 27 thousand million groundings that evidence decides: the same gap."""
    rng = np.random.default_rng(0)
    literals = [[f"{'!' * int(rng.integers(2))}On({k})" for k in rng.choice(20, 3, False)] for _ in range(60)]
    rules = [f"{rng.normal():.3f} " + " v ".join(clause) for clause in literals]
    alone = "\n".join(["cell = {0,...,19}", "On(cell)", *rules])
    beside = alone + "\nday = {1,...,3000}\n*Never(day, day, day)\n1 !Never(p,q,r)\n"
    found = [imle_mln.map_inference(text, "", engine="enumeration", time_limit=1e-9) for text in (alone, beside)]
    assert [one.status for one in found] == [SolveStatus.FEASIBLE] * 2
    assert found[0].gap > 1e-3
    assert found[1].gap == found[0].gap
    assert found[1].score == pytest.approx(found[0].score + 3000**3, rel=1e-15)
    assert found[1].bound - found[1].score == pytest.approx(found[0].bound - found[0].score, abs=1e-4)
    gaps = []
    for text in (alone, beside):
        layer = imle.layer("mln-map", program=text, evidence="", engine="enumeration", time_limit=1e-9).eval()
        layer(torch.zeros(1, 20))
        gaps += [row.gap for row in layer.unproven]
    assert len(gaps) == 2
    assert gaps[0] == gaps[1] == pytest.approx(found[0].slack / abs(found[0].open_score), rel=1e-6)


@pytest.mark.parametrize(
    ("people", "dtype", "expected"),
    [
        (16, torch.bfloat16, torch.bfloat16),
        (17, torch.bfloat16, torch.float32),
        (46, torch.float16, torch.float32),
        (4097, torch.float32, torch.float64),
        (3, torch.float64, torch.float64),
    ],
)
def test_counts_have_a_dtype_that_holds_them(people, dtype, expected):
    program = FRIENDS.replace(str(PEOPLE), str(people))
    layer = imle.layer("mln-map", program=program, evidence="F(1,2)").eval()
    unary = torch.zeros(people, dtype=dtype)
    unary[:2] = torch.tensor([4.0, -4.0])
    state, counts = layer(unary)
    assert (state.dtype, counts.dtype) == (dtype, expected)
    assert counts.tolist() == [people**2 - 1]


@pytest.mark.slow
def test_open_groundings_may_be_more_than_float32_counts():
    """Each x has 25,010,001 groundings, an odd number; the weight is float64, so its gradient can be seen whole."""
    program = "key = {1,...,5001}\nthing = {A, B}\nS(thing)\nD(key)\n1 S(x) ^ (D(y) v !D(y)) ^ (D(z) v !D(z))\n"
    layer = imle.layer("mln-map", program=program, query=["S"], estimator=UNDIVIDED, noise="none", count_scale="sum")
    weights = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    state, counts = layer(torch.tensor([1.0, -1.0]), weights)
    assert state.tolist() == [1, 0]
    assert counts.tolist() == [5001**2]
    (state[0] * 1.0).backward()
    assert weights.grad.tolist() == [5001**2]


def test_metrics_read_complete_counts_and_compare_open_ones():
    """Two worlds of S(1) and S(2) that tie for a prediction, and differ by 0.5 in truth."""
    layer = imle.layer("mln-map", program=FRIENDS, evidence="F(1,2)").eval()
    predicted, truth = torch.zeros(1, 1 + PEOPLE), torch.zeros(1, 1 + PEOPLE)
    predicted[0, :3] = torch.tensor([1.0, 2.0, -1.0])  # S(1) alone, or S(2) and the formula besides: worth 2 both
    truth[0, :3] = torch.tensor([1.0, 2.0, -1.5])
    states = torch.zeros(2, PEOPLE)
    states[:, 0] = states[1, 1] = 1
    alone, both = torch.cat([imle_mln.score(layer, states).counts, states], dim=1)
    worst = imle.metrics.worst_tied(layer, predicted, truth)
    assert worst.dtype == torch.float64
    assert worst[0].tolist() == both.tolist()
    assert imle.metrics.regret(truth, worst, alone[None], layer=layer).item() == 0.5
    assert imle.metrics.normalised_regret(truth, worst, alone[None], layer=layer).item() == 0.25
    pool = torch.stack([alone, both])
    assert imle.metrics.unambiguous_regret(truth, predicted, pool, layer=layer).item() == 0.5
    predicted[0, 2] = -1.001  # no tie any more, relative to what evidence leaves open
    assert imle.metrics.unambiguous_regret(truth, predicted, pool, layer=layer).item() == 0
