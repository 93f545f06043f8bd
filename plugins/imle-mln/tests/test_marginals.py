"""Exact marginals against all worlds of random programs, their derivatives, and what perturb-and-MAP is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

import imle_mln
from imle.errors import InstanceError, ObjectiveError, OptionError, SolveError
from imle_mln.probability import METHODS
from support.random_mln import Draw, evaluated, worlds

SMOKERS = """*Friends(person, person)
Smokes(person)
1.5 Smokes(x) => !Smokes(x)
0.8 Friends(x,y) ^ Smokes(x) => Smokes(y)
"""
FRIENDS = "Friends(Ann,Ben)\nFriends(Ben,Cat)\nFriends(Cat,Ann)\n"


def everything(seed):
    """A random program on random evidence: its text, and all worlds with their scores and counts; None if too large."""
    draw = Draw(seed)
    text, rules = draw.program()
    said = draw.evidence()
    found = worlds(draw, said)
    if found is None:
        return None
    world, fine = found
    fine, score, counts = evaluated(draw, rules, world, fine)
    literals = "".join(f"{sign}{name}({','.join(atom)})\n" for (name, atom), sign in said.items())
    return text, literals, world, fine, score, counts


def test_random_programs_have_the_marginals_of_all_worlds():
    done = infeasible = coupled = 0
    for seed in itertools.count():
        made = everything(seed)
        if made is None:
            continue
        text, literals, world, fine, score, counts = made
        try:
            imle_mln.map_inference(text, literals)
        except SolveError:
            with pytest.raises(SolveError, match="infeasible"):
                imle_mln.marginals(text, literals)
            infeasible += 1
            continue
        except InstanceError:  # no program, or evidence that contradicts itself
            continue
        found = imle_mln.marginals(text, literals)
        assert found.log_partition == pytest.approx(logsumexp(score[fine]), abs=1e-9), (text, literals)
        chances = np.exp(score - logsumexp(score[fine])) * fine
        for (name, atom), truth in world.items():
            label = f"{name}({','.join(atom)})"
            if label in found.atoms:
                assert found[label] == pytest.approx(float(chances @ truth), abs=1e-9), (text, literals)
        assert found.counts == pytest.approx([float(chances @ count) for count in counts], abs=1e-8)
        coupled += len(found.atoms) > 3
        done += 1
        if done == 150:
            break
    assert min(infeasible, coupled) > 10


def test_probabilities_can_be_differentiated_and_differentiated_again():
    layer = imle_mln.MarginalLayer(SMOKERS, FRIENDS)
    torch.manual_seed(0)
    unary = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.5, 0.8], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer.log_partition, (unary, weights))
    assert torch.autograd.gradcheck(lambda u, w: tuple(layer(u, w)), (unary, weights))
    state, counts = layer(unary, weights)
    found = torch.autograd.grad(layer.log_partition(unary, weights).sum(), (unary, weights))
    torch.testing.assert_close(state, found[0])
    torch.testing.assert_close(counts.sum(dim=0), found[1])


def test_likelihoods_of_a_layer_are_those_of_all_states_and_train():
    layer = imle_mln.MarginalLayer(SMOKERS, FRIENDS)
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)), dtype=torch.float64)
    unary = torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64, requires_grad=True)
    logs = layer.log_probability(every, unary)
    assert float(logs.detach().exp().sum()) == pytest.approx(1.0, abs=1e-12)
    torch.testing.assert_close((logs.exp().unsqueeze(1) * every).sum(dim=0), layer(unary).state)
    gradient = torch.autograd.grad(-layer.log_probability(every[5], unary), unary)[0]
    torch.testing.assert_close(gradient, layer(unary).state.detach() - every[5])
    assert layer(unary.detach().float()).state.requires_grad is False
    assert layer(torch.zeros(4, 2, 3), torch.zeros(2, 2)).state.shape == (4, 2, 3)
    assert "3 atoms, 2 formulas" in repr(layer)


def test_states_that_hard_formulas_forbid_have_no_probability():
    layer = imle_mln.MarginalLayer("n = {A, B}\nP(n)\nT(n, n!)\nP(A) v P(B).\n1 P(x) ^ T(x,x)\n")
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=6)), dtype=torch.float64)
    logs = layer.log_probability(every)
    assert float(logs.exp().sum()) == pytest.approx(1.0, abs=1e-12)
    assert int(torch.isfinite(logs).sum()) == 3 * 4


def test_layers_without_formulas_or_atoms():
    hard = imle_mln.MarginalLayer("n = {A, B}\nP(n)\nP(A) v P(B).\n")
    unary = torch.tensor([[0.0, 0.0], [1.0, -1.0]], requires_grad=True)
    state, counts = hard(unary)
    assert (state[0].tolist(), counts.shape) == (pytest.approx([2 / 3, 2 / 3]), (2, 0))
    assert hard.log_probability(torch.tensor([1, 0])).item() == pytest.approx(-np.log(3))
    decided = imle_mln.MarginalLayer("n = {A}\nP(n)\n1 P(x)\n", "P(A)")
    state, counts = decided(weights=torch.ones(3, 2, 1))
    assert (state.shape, counts.tolist()) == ((3, 2, 0), [[[1.0]] * 2] * 3)
    assert decided.log_probability(torch.zeros(0)).item() == 0


def test_states_unaries_and_weights_have_one_batch():
    layer = imle_mln.MarginalLayer(SMOKERS, FRIENDS)
    state, unary, weights = torch.ones(2, 1, 3), torch.randn(3, 3), torch.randn(2, 1, 2)
    found = layer.log_probability(state, unary, weights)
    assert found.shape == (2, 3)
    assert found[1, 2].item() == pytest.approx(layer.log_probability(state[1, 0], unary[2], weights[1, 0]).item())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((torch.zeros(2),), r"unary: expected a tensor \[\*batch, 3\], found \[2\]"),
        (([0.0] * 3,), r"unary: expected a tensor \[\*batch, 3\], found list"),
        ((None, torch.tensor([0.0, torch.nan])), "weights: expected finite numbers, found nan"),
        ((torch.zeros(2, 3), torch.zeros(3, 2)), r"expected batches of one shape, found \[2\], \[3\]"),
    ],
)
def test_what_a_layer_of_marginals_refuses(given, message):
    with pytest.raises(ObjectiveError, match=message):
        imle_mln.MarginalLayer(SMOKERS, FRIENDS)(*given)


def test_hidden_atoms_are_summed_over():
    shown = imle_mln.MarginalLayer("n = {A, B}\nP(n)\nQ(n)\n1 P(x) => Q(x)\n0.5 Q(x) ^ P(y)\n", query=["P"])
    whole = imle_mln.MarginalLayer("n = {A, B}\nP(n)\nQ(n)\n1 P(x) => Q(x)\n0.5 Q(x) ^ P(y)\n")
    unary = torch.tensor([0.5, -1.0])
    torch.testing.assert_close(shown(unary).state, whole(torch.cat([unary, torch.zeros(2)])).state[:2])
    with pytest.raises(ObjectiveError, match="of all open atoms"):
        shown.log_probability(torch.zeros(2))


def test_perturb_and_map_is_another_model_but_not_for_atoms_alone():
    alone = "n = {A, B, C}\nP(n)\nT(n, n!)\nE(n, n?)\n0.7 P(x)\n-0.4 P(A)\n1 T(x,x)\n0.5 T(A,+y)\n0.3 E(x,A)\n"
    exact = imle_mln.marginals(alone)
    sampled = imle_mln.marginals(alone, method="perturb-and-map", samples=4000)
    assert np.abs(sampled.probabilities - exact.probabilities).max() < 5 * sampled.errors.max()
    assert sampled.log_partition is None
    assert exact.errors.max() == 0
    equal = "*Friends(person, person)\nSmokes(person)\n-1.5 Smokes(x)\n2 Friends(x,y) => (Smokes(x) <=> Smokes(y))\n"
    coupled = imle_mln.marginals(equal, FRIENDS)
    other = imle_mln.marginals(equal, FRIENDS, method="perturb-and-map", samples=4000)
    assert (other.probabilities > 3 * coupled.probabilities).all(), "maxima of sums of noise, not sums"
    assert (np.abs(other.probabilities - coupled.probabilities) > 10 * other.errors).all()
    assert imle_mln.marginals(SMOKERS, FRIENDS, method="perturb-and-map", samples=10).counts.shape == (2,)


@pytest.mark.parametrize("method", ["gibbs", "mc-sat"])
def test_chains_sample_what_is_exact(method):
    done = 0
    for seed in itertools.count():
        text, rules = Draw(seed).program()
        if any(weight is None for weight, _, _ in rules):  # hard formulas have tests of their own
            continue
        try:
            exact = imle_mln.marginals(text)
        except (InstanceError, SolveError):
            continue
        if not len(exact.atoms):
            continue
        found = imle_mln.marginals(text, method=method, samples=2000, seed=seed)
        # draws of MC-SAT are nearly uniform, not quite
        room = 5 * found.errors + (0.005 if method == "gibbs" else 0.02)
        assert (np.abs(found.probabilities - exact.probabilities) <= room).all(), text
        scale = np.maximum(1.0, np.abs(exact.counts))
        assert (np.abs(found.counts - exact.counts) / scale < 0.1).all(), text
        done += 1
        if done == 25:
            break


def test_mc_sat_crosses_what_gibbs_cannot():
    apart = "n = {A, B, C}\nP(n)\nQ(n)\nP(x) <=> P(y).\nP(x) <=> !Q(x).\n0.4 P(x)\n"
    exact = imle_mln.marginals(apart)
    stuck = imle_mln.marginals(apart, method="gibbs", samples=200)
    assert stuck.rhat.max() > 1.5, "chains that started apart stay apart"
    found = imle_mln.marginals(apart, method="mc-sat", samples=2000)
    assert found.rhat.max() < 1.05
    assert np.abs(found.probabilities - exact.probabilities).max() < 0.03


@pytest.mark.parametrize("method", ["gibbs", "mc-sat"])
def test_chains_respect_blocks_and_hard_formulas(method):
    program = "n = {A, B}\nt = {X, Y, Z}\nT(n, t!)\nP(n)\nE(n, t?)\nP(x) => !T(x,X).\n"
    program += "0.5 P(x)\n1 T(x,+y)\n0.7 T(A,y) ^ T(B,y)\n0.6 E(x,y) ^ T(x,y)\n"
    weights = [0.5, 1.0, -0.5, 0.2, 0.7, 0.6]
    exact = imle_mln.marginals(program, weights=weights)
    found = imle_mln.marginals(program, weights=weights, method=method, samples=5000)
    assert np.abs(found.probabilities - exact.probabilities).max() < 0.03
    assert sum(found[f"T(A,{value})"] for value in "XYZ") == pytest.approx(1.0)
    again = imle_mln.marginals(program, weights=weights, method=method, samples=5000)
    assert again.probabilities.tolist() == found.probabilities.tolist()


LARGE = "n = {A, B}\nk = {X, Y, Z}\nP(n)\nT(n, k!)\n1e18 P(A)\n1 P(B)\n-1e300 P(A) ^ T(B,X)\n1 T(x,X)\n-1e19 T(A,X)\n"


@pytest.mark.parametrize("method", ["exact", "gibbs", "mc-sat"])
def test_large_weights_leave_small_ones_their_part(method):
    found = imle_mln.marginals(LARGE, method=method, samples=2000)
    assert found["P(A)"] == 1
    assert found["T(A,X)"] == found["T(B,X)"] == 0
    assert found["P(B)"] == pytest.approx(1 / (1 + np.exp(-1)), abs=0.03)
    assert found["T(A,Y)"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("weight", [1e18, -1e18, 1e300, -1e300])
@pytest.mark.parametrize("formula", ["P(x) ^ Q(x)", "P(x) v Q(x)", "P(x) <=> Q(x)"])
def test_large_weights_are_hard_formulas(formula, weight):
    declared = "n = {A, B}\nP(n)\nQ(n)\n0.5 P(x)\n"
    soft = imle_mln.marginals(f"{declared}{weight!r} {formula}\n")
    hard = imle_mln.marginals(f"{declared}{'' if weight > 0 else '!'}({formula}).\n")
    assert soft.probabilities == pytest.approx(hard.probabilities, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_where_evidence_decides_all_there_is_nothing_to_tell(method):
    found = imle_mln.marginals("n = {A, B}\nP(n)\n1 P(x)\n", "P(A)\n!P(B)\n", method=method)
    assert (found.atoms, found.counts.tolist(), found.rhat.tolist()) == ((), [1.0], [])


@pytest.mark.parametrize("method", METHODS[1:])
def test_how_far_sampling_has_come(method):
    told = []
    imle_mln.marginals(SMOKERS, FRIENDS, method=method, samples=30, watch=lambda *at: told.append(at))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == ((30, 30) if method == "perturb-and-map" else (4 * 36, 4 * 36))


def test_other_weights_and_unaries():
    found = imle_mln.marginals(SMOKERS, FRIENDS, weights=[0, 0], unary=[0.5, 0, -1])
    assert found.probabilities == pytest.approx(1 / (1 + np.exp(-np.array([0.5, 0, -1]))))
    assert found["Smokes(Ann)"] == found['Smokes( "Ann" )'] == found.probabilities[0]
    with pytest.raises(KeyError, match=r"Smokes\(An\): did you mean"):
        found["Smokes(An)"]


@pytest.mark.parametrize(
    ("program", "options", "message"),
    [
        ("n = {1,...,30}\nP(n)\n1 P(x) ^ P(y)\n", {}, "expected tables of at most 1,048,576 entries, found one of"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"method": "gibs"}, "expected a method of exact, gibbs, .*found 'gibs'"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"samples": 0}, "samples: expected at least 1"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"unary": [1, 2]}, r"unary: expected 1 numbers, found shape \[2\]"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"chains": 1}, "chains: expected at least 2"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"samples": 10.5}, "samples: expected a whole number, found 10.5"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"seed": -1}, "seed: expected an int from 0 to .*, found -1"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"weights": [np.nan]}, "weights: expected finite numbers, found nan at position 0"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"unary": [np.inf]}, "unary: expected finite numbers, found inf at position 0"),
        ("n = {A}\nP(n)\n1 P(x)\n", {"weights": "much"}, "weights: expected 1 numbers, found 'much'"),
        (
            "n = {A, B}\nP(n)\n1e308 P(x)\n",
            {},
            "scores of worlds that are finite numbers, found weights that are too l",
        ),
        ("n = {A}\nP(n)\nP(A).\n!P(A).\n", {}, "infeasible"),
        ("n = {A}\nP(n)\nP(A).\n!P(A).\n", {"method": "mc-sat"}, "infeasible"),
        ("n = {A}\nP(n)\nP(A).\n!P(A).\n", {"method": "perturb-and-map"}, "infeasible|contradict|P\\(A\\)"),
    ],
)
def test_what_has_no_marginals_is_said(program, options, message):
    with pytest.raises((InstanceError, ObjectiveError, OptionError, SolveError), match=message):
        imle_mln.marginals(program, **options)
