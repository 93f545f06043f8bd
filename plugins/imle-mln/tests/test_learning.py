"""Learned weights against optimisers and evaluators that share nothing with the library, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp

import imle_mln
from imle.errors import InstanceError, OptionError
from imle_mln.learning import METHODS
from imle_mln.learning.choices import Choices
from imle_mln.learning.optimum import optimum
from support.random_mln import ARITIES, Draw, Reference, bindings

PEOPLE = "ABCDEF"
SMOKERS = """person = {A, B, C, D, E, F}
*Friends(person, person)
Smokes(person)
Cancer(person)
1 Smokes(x)
1 Cancer(x)
1 Smokes(x) => Cancer(x)
1 Friends(x,y) => (Smokes(x) <=> Smokes(y))
"""
FRIENDS = ["AB", "BA", "CD", "DC", "EF", "AE"]
FACTS = {"Friends": [tuple(pair) for pair in FRIENDS], "Smokes": list("ABE"), "Cancer": list("ACE")}


def counts_by_hand(smokes, cancer):
    """True groundings of the four formulas."""
    pairs = [smokes[a] == smokes[b] for a, b in FRIENDS]
    implied = [not smokes[x] or cancer[x] for x in PEOPLE]
    return np.array([sum(smokes.values()), sum(cancer.values()), sum(implied), sum(pairs) + 36 - len(pairs)], float)


def smokers_world():
    return {x: x in "ABE" for x in PEOPLE}, {x: x in "ACE" for x in PEOPLE}


def flipped(truths, who):
    return {**truths, who: not truths[who]}


def test_pseudo_likelihood_of_smokers_against_another_optimiser():
    smokes, cancer = smokers_world()
    here = counts_by_hand(smokes, cancer)
    others = [counts_by_hand(flipped(smokes, x), cancer) - here for x in PEOPLE]
    others += [counts_by_hand(smokes, flipped(cancer, x)) - here for x in PEOPLE]
    rows = np.array(others)

    def loss(weights):
        return np.logaddexp(0, rows @ weights).sum()

    by_hand = minimize(
        loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 9999}
    )
    found = imle_mln.learn(SMOKERS, FACTS, prior=None)
    assert found.weights == pytest.approx(by_hand.x, abs=1e-6)
    assert found.value == pytest.approx(-by_hand.fun, abs=1e-9)
    chances = 1 / (1 + np.exp(-rows @ found.weights))
    covariance = np.linalg.inv(rows.T @ (rows * (chances * (1 - chances))[:, None]))
    assert found.errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-6)


@pytest.mark.parametrize("prior", [None, 0.7])
def test_exact_likelihood_of_smokers_against_all_worlds(prior):
    every = [dict(zip(PEOPLE, bits, strict=True)) for bits in itertools.product((False, True), repeat=6)]
    table = np.array([counts_by_hand(smokes, cancer) for smokes in every for cancer in every])
    here = counts_by_hand(*smokers_world())

    def loss(weights):
        fine = logsumexp(table @ weights) - here @ weights
        return fine + (0 if prior is None else weights @ weights / (2 * prior**2))

    by_hand = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    found = imle_mln.learn(SMOKERS, FACTS, method="likelihood", prior=prior)
    assert found.weights == pytest.approx(by_hand.x, abs=1e-5)
    assert found.value == pytest.approx(here @ found.weights - logsumexp(table @ found.weights), abs=1e-9)


def explained(draw, rules, world):
    """What `world` makes of the rules: counts of those with a weight, and whether the others hold."""
    counts, holds = [], True
    for weight, formula, plus in rules:
        reference = Reference(formula)
        for case in bindings(plus, draw.domains):
            others = bindings(sorted(reference.free() - set(plus)), draw.domains)
            truths = [bool(reference.truth(world, {**case, **other}, draw.domains)) for other in others]
            if weight is None:
                holds &= all(truths)
            else:
                counts.append(sum(truths))
    return np.array(counts, float), holds


def pseudo_log_likelihood(draw, rules, world, weights):
    """By flipping every atom, or every choice of a value, of predicates that are not closed."""
    here, _ = explained(draw, rules, world)
    total = 0.0
    for name in draw.predicates:
        if name in draw.closed:
            continue
        if name in draw.unique | draw.optional:
            firsts, seconds = (draw.domains[kind] for kind in ARITIES[name])
            values = [*seconds, *[None] * (name in draw.optional)]
            choices = [[{(name, (f, s)): np.bool_(s == value) for s in seconds} for value in values] for f in firsts]
        else:
            atoms = itertools.product(*(draw.domains[kind] for kind in ARITIES[name]))
            choices = [[{(name, atom): np.bool_(value)} for value in (0, 1)] for atom in atoms]
        for choice in choices:
            found = [explained(draw, rules, world | changed) for changed in choice]
            scores = [float(weights @ counts) for counts, holds in found if holds]
            total += float(weights @ here) - logsumexp(scores)
    return total


def programs_with_data(many):
    found = 0
    for seed in itertools.count():
        draw = Draw(seed)
        text, rules = draw.program()
        rng = np.random.default_rng(seed)
        world = {}
        for name in draw.predicates:
            for atom in itertools.product(*(draw.domains[kind] for kind in ARITIES[name])):
                world[name, atom] = np.bool_(rng.random() < 0.5)
        for name in sorted(draw.unique | draw.optional):
            firsts, seconds = (draw.domains[kind] for kind in ARITIES[name])
            for first in firsts:
                value = rng.choice([*seconds, *[""] * (name in draw.optional)])
                world |= {(name, (first, s)): np.bool_(s == value) for s in seconds}
        facts = {
            name: [atom for (one, atom), truth in world.items() if one == name and truth] for name in draw.predicates
        }
        asked = [name for name in draw.predicates if name not in draw.closed]
        try:
            imle_mln.parse_program(text)
        except InstanceError:  # such as `+x` inside a quantifier over x
            continue
        if not asked or not all(facts[name] for name in asked) or not explained(draw, rules, world)[1]:
            continue
        if all(weight is None for weight, _, _ in rules):
            continue
        yield draw, text, rules, world, facts
        found += 1
        if found == many:
            return


def test_random_programs_have_the_pseudo_likelihood_of_another_evaluator():
    seen = {"hard": 0, "unique": 0, "optional": 0, "several": 0}
    for draw, text, rules, world, facts in programs_with_data(60):
        found = imle_mln.learn(text, facts, prior=2.0)
        value = pseudo_log_likelihood(draw, rules, world, found.weights)
        assert found.value == pytest.approx(value, abs=1e-9), text
        best = value - found.weights @ found.weights / 8
        rng = np.random.default_rng(0)
        for size in (1e-3, 0.1, 1.0):
            other = found.weights + size * rng.normal(size=len(found.weights))
            worse = pseudo_log_likelihood(draw, rules, world, other) - other @ other / 8
            assert worse <= best + 1e-9, text
        seen["hard"] += any(weight is None for weight, _, _ in rules)
        seen["unique"] += bool(draw.unique)
        seen["optional"] += bool(draw.optional)
        seen["several"] += len(found.weights) > len(rules)
    assert min(seen.values()) > 3, seen


@pytest.mark.parametrize("scales", [(1e4, 1.0, 1.0), (1e10, 1.0, 1e-5)])
def test_formulas_of_any_size_are_learned_alike(scales):
    """Counts of one formula may differ by millions, those of another by ones."""
    rng = np.random.default_rng(0)
    rows = rng.integers(-3, 4, size=(200, 3)) * np.where(rng.random((200, 1)) < 0.3, -1.0, 1.0)
    sizes, groups = np.array(scales), np.arange(200)
    plain, scaled = (
        optimum(Choices([(sparse.csr_array(part), groups)], 3), np.zeros(3), np.ones(3, bool), None, "abc", None)
        for part in (rows, rows * sizes)
    )
    assert scaled.weights * sizes == pytest.approx(plain.weights, rel=1e-9)
    assert scaled.errors * sizes == pytest.approx(plain.errors, rel=1e-9)
    assert scaled.value == pytest.approx(plain.value, abs=1e-9)


@pytest.mark.parametrize("method", ["pll", "likelihood"])
def test_where_learning_starts_does_not_matter(method):
    wanted = imle_mln.learn(SMOKERS, FACTS, method=method).weights
    far = SMOKERS.replace("1 Smokes(x)\n", "1e300 Smokes(x)\n").replace("1 Friends", "-1e9 Friends")
    assert imle_mln.learn(far, FACTS, method=method).weights == pytest.approx(wanted, abs=1e-9)
    kept = imle_mln.learn(SMOKERS.replace("1 Smokes(x)\n", "7 Smokes(x)\n"), FACTS, query=["Cancer"], prior=None)
    assert kept.weights[[0, 3]].tolist() == [7, 1], "the data say nothing of them"


def test_several_databases_count_together_and_have_domains_of_their_own():
    program = "Friends(person, person)\nSmokes(person)\n1 Smokes(x)\n1 Friends(x,y) ^ Smokes(x) => Smokes(y)\n"
    first = "Friends(Ann,Ben)\nSmokes(Ann)\nSmokes(Cat)\n"
    second = "Friends(Dan,Eve)\nFriends(Eve,Dan)\nSmokes(Dan)\nSmokes(Eve)\n"
    options = {"closed_world": ["Friends"], "prior": 1.0}
    both = imle_mln.learn(program, [first, second], **options)
    rows = []
    for people, friends, smokes in ((3, [(0, 1)], [1, 0, 1]), (2, [(0, 1), (1, 0)], [1, 1])):
        state = np.array(smokes)

        def counts(state, friends=friends):
            return np.array([state.sum(), sum(not state[a] or state[b] for a, b in friends)], float)

        for who in range(people):
            other = state.copy()
            other[who] = 1 - other[who]
            rows.append(counts(other) - counts(state))
    table = np.array(rows)
    by_hand = minimize(
        lambda w: np.logaddexp(0, table @ w).sum() + w @ w / 2, np.zeros(2), method="BFGS", options={"gtol": 1e-10}
    )
    assert both.weights == pytest.approx(by_hand.x, abs=1e-6)


def test_plus_shares_the_constants_of_all_databases():
    program = "*Word(page, word)\nTopic(page, topic!)\n1 Word(p,+w) ^ Topic(p,+t)\n"
    first = "Word(P1,Goal)\nTopic(P1,Sport)\nTopic(P2,Arts)\nWord(P2,Opera)\n"
    second = "Word(P9,Opera)\nTopic(P9,Arts)\nTopic(P8,Sport)\nWord(P8,Vote)\n"
    found = imle_mln.learn(program, [first, second], prior=1.0)
    assert len(found.weights) == 3 * 2
    by_name = dict(zip(found.formulas, found.weights, strict=True))
    assert by_name["Word(p,Opera) ^ Topic(p,Arts)"] > 0 > by_name["Word(p,Opera) ^ Topic(p,Sport)"]
    assert imle_mln.parse_program(imle_mln.program_text(found.program)) == found.program
    again = imle_mln.learn(found.program, [first, second], prior=1.0)
    assert again.weights == pytest.approx(found.weights, abs=1e-6)
    assert found.errors.max() <= 1.0 + 1e-9, "no more than the prior's"


def test_a_query_takes_the_rest_as_given():
    only = imle_mln.learn(SMOKERS, FACTS, query=["Cancer"], prior=2.0)
    closed = imle_mln.learn(SMOKERS, FACTS, closed_world=["Smokes"], prior=2.0)
    assert only.weights.tolist() == closed.weights.tolist()
    assert only.weights[0] == only.weights[3] == 0, "formulas of what is given say nothing"
    assert np.isinf(imle_mln.learn(SMOKERS, FACTS, query=["Cancer"], prior=None).errors[[0, 3]]).all()


def test_map_states_after_learning_are_the_data():
    program = SMOKERS.replace("1 Smokes(x)\n", "1 Smokes(+x)\n")
    torch.manual_seed(0)  # with 30 steps, I-MLE misses an atom for one seed in four
    for method in ("perceptron", "fenchel-young", "imle"):
        found = imle_mln.learn(program, FACTS, method=method, steps=100)
        best = imle_mln.map_inference(found.program, {"Friends": FACTS["Friends"]})
        smoking = [atom for atom in best.true_atoms if atom.startswith("Smokes")]
        assert smoking == ["Smokes(A)", "Smokes(B)", "Smokes(E)"], method
        assert found.value is None
        assert np.isnan(found.errors).all()
        assert found.iterations == 100


def test_learning_is_watched_and_written(tmp_path):
    told = []
    found = imle_mln.learn(SMOKERS, FACTS, watch=lambda step, value: told.append((step, value)))
    assert [step for step, _ in told] == list(range(1, found.iterations + 1))
    assert told[-1][1] > told[0][1]
    found.write(tmp_path / "learned.mln")
    again = imle_mln.parse_program(tmp_path / "learned.mln")
    assert [rule.weight for rule in again.rules] == found.weights.tolist()


@pytest.mark.parametrize(
    ("program", "databases", "options", "message"),
    [
        (SMOKERS, FACTS, {"method": "mcmc"}, "expected a method of pll, likelihood, .*found 'mcmc'"),
        (SMOKERS, FACTS, {"prior": 0.0}, "prior: expected a positive number or None, found 0.0"),
        ("P(n)\n1 P(x)\n", ["P(A)\n", ""], {}, "database 1: expected constants of type 'n', found none"),
        (SMOKERS, FACTS, {"prior": 1e-200}, "prior: expected a positive number or None, found 1e-200"),
        (SMOKERS, FACTS, {"rate": -1.0}, "rate: expected a positive number or None, found -1.0"),
        (SMOKERS, FACTS, {"steps": 2.5}, "steps: expected a whole number, found 2.5"),
        (SMOKERS, FACTS, {"query": []}, "expected open predicates to explain, found none"),
        (SMOKERS, "Smokes(A)\n0.5 Cancer(B)\nCancer(C)\n", {}, r"truth of all atoms, found 0.5 Cancer\(B\)"),
        (SMOKERS, FACTS, {"steps": 0}, "steps: expected at least 1, found 0"),
        (SMOKERS, [], {}, "expected a training database at least, found none"),
        (SMOKERS, {**FACTS, "Cancer": []}, {}, "expected atoms of Cancer in the training data, found none"),
        (SMOKERS, FACTS, {"closed_world": ["Smokes", "Cancer"]}, "expected open predicates to explain"),
        (SMOKERS, "Smokes(A)\n!Smokes(A)\nCancer(B)\n", {}, "Smokes\\(A\\)"),
        (SMOKERS, "Smokes(A)\n?Cancer(B)\nCancer(C)\n", {}, r"expected the truth of all atoms, found \?Cancer\(B\)"),
        (SMOKERS.replace("1 Smokes(x) =>", "Smokes(x) =>").replace("Cancer(x)\n1 F", "Cancer(x).\n1 F"), FACTS, {},
         r"expected a world in which hard formulas hold, found one where .*Cancer\(B\)"),
        (SMOKERS, {**FACTS, "Cancer": list("ABE")}, {"prior": None}, r"grow for ever without a prior: .*\(\+\)"),
        ("n = {A, B}\nQ(n, n!)\n1 Q(x,x)\n", "Q(A,A)\nQ(A,B)\nQ(B,B)\n", {}, r"Q\(A,B\) is true here, and Q\(A,A\)"),
        ("n = {A, B}\nQ(n, n!)\n1 Q(x,x)\n", "Q(A,A)\n", {}, r"database 0: Q takes exactly one value, but no value"),
        ("n = {1,...,20}\nP(n)\n1 P(x) ^ P(y)\n", "P(1)\n", {"method": "likelihood"}, "at most 65,536 states"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_said(program, databases, options, message):
    with pytest.raises((InstanceError, OptionError), match=message):
        imle_mln.learn(program, databases, **options)


def test_all_methods_are_named_in_the_documentation():
    assert all(f'"{method}"' in imle_mln.learn.__doc__ for method in METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_formulas_without_weights_start_at_zero_and_are_printed_with_theirs(method):
    bare = "person = {Ann, Ben, Cat}\nSmokes(person)\nHappy(person)\nSmokes(x) => Happy(x)\nSmokes(x)\n"
    data = "Smokes(Ann)\nHappy(Ann)\nHappy(Ben)\n"
    weighted = bare.replace("\nSmokes(x)", "\n0 Smokes(x)")
    torch.manual_seed(0)
    found = imle_mln.learn(bare, data, method=method, steps=3)
    torch.manual_seed(0)
    assert found.weights == pytest.approx(imle_mln.learn(weighted, data, method=method, steps=3).weights)
    assert not any(rule.unweighted for rule in found.program.rules)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_learns_from_a_world_that_breaks_hard_formulas(method):
    program = "n = {A, B}\nP(n)\n|x| P(x) <= 1\n1 P(x)\n"
    with pytest.raises(InstanceError, match=r"database 0: expected a world in which hard formulas hold, .*!P\(A\)"):
        imle_mln.learn(program, "P(A)\nP(B)\n", method=method, steps=3)


def test_weights_that_are_constants_stay_as_they_are():
    """Pseudo-likelihood with an offset: by hand, for one weight of independent atoms."""
    program = (
        "person = {Ann, Ben, Cat}\n*Rated(person, float_)\nSmokes(person)\n1 Smokes(x)\nr: Rated(x, r) => Smokes(x)\n"
    )
    data = "Rated(Ann, 1.5)\nRated(Cat, -0.5)\nSmokes(Ann)\nSmokes(Ben)\n"
    found = imle_mln.learn(program, data, prior=None)
    offsets, truths = np.array([1.5, 0.0, -0.5]), np.array([1, 1, 0])
    weight = found.weights[0]
    assert np.sum(truths - 1 / (1 + np.exp(-(weight + offsets)))) == pytest.approx(0, abs=1e-6)
    assert found.weights[1:].tolist() == [-0.5, 1.5]
    assert found.errors[1:].tolist() == [0, 0]
    assert [rule.weight_variable for rule in found.program.rules] == [None, "r"]
    for method in ("perceptron", "fenchel-young"):
        assert imle_mln.learn(program, data, method=method, steps=3).weights[1:].tolist() == [-0.5, 1.5]


def test_terms_are_learned_from_too():
    """A weight on `On(t) => On(t+1)` is that of the same formula over pairs, without those that are no groundings."""
    times = "time = {1, 2, 3, 4}\nOn(time)\n"
    data = "On(1)\nOn(2)\nOn(4)\n"
    pairs = times + "*Next(time, time)\n1 Next(t, u) ^ !(On(t) => On(u))\n0.5 On(t)\n"
    found = imle_mln.learn(times + "1 On(t) => On(t+1)\n0.5 On(t)\n", data)
    other = imle_mln.learn(pairs, data + "Next(1, 2)\nNext(2, 3)\nNext(3, 4)\n")
    assert found.weights == pytest.approx(other.weights * [-1, 1], abs=1e-6)
    assert "On(t) => On(t + 1)" in imle_mln.program_text(found.program)
