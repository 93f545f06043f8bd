"""What the engine promises beyond the optimum: equal answers, statuses, bounds, refusals, engines that agree."""

from __future__ import annotations

import importlib.util
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from imle.errors import ObjectiveError, OptionError, SolveError
from imle.solvers import SolveStatus
from imle_mln.engines import highs
from imle_mln.inference import MAPEngine, encoding

_spec = importlib.util.spec_from_file_location(
    "inference_networks", Path(__file__).with_name("test_inference_brute_force.py")
)
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)
network = networks.network


def grid(n):
    """Ising: `a <=> b` between neighbours, as a nested clause that is true unless they are equal."""
    index, clauses, tops = np.arange(n * n).reshape(n, n), [], []
    right = np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()], axis=1)
    down = np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1)
    for a, b in np.concatenate([right, down]).tolist():
        base = n * n + len(clauses)
        clauses += [[~b, a], [~a, b], [~(base + 1), ~base]]
        tops.append(len(clauses) - 1)
    return network(n * n, [sorted(clause) for clause in clauses]), tops


@pytest.mark.parametrize("sign", [-1, 1])
def test_ising_grids_are_minimum_cuts_whatever_the_sign(sign):
    rng = np.random.default_rng(0)
    net, tops = grid(20)
    cut, other = MAPEngine(net, "min-cut"), MAPEngine(net, "highs")
    for _ in range(5):
        unary, weights = rng.normal(size=net.atoms), np.zeros(len(net.clauses))
        weights[tops] = sign * rng.random(len(tops))  # a grid is bipartite: flipping a colour turns the sign
        found = cut.solve(unary, weights)
        assert found.objective == pytest.approx(other.solve(unary, weights).objective, abs=1e-7)
        assert 0 <= found.gap < 1e-10


def test_a_weight_that_crosses_zero_changes_the_engine():
    rng = np.random.default_rng(1)
    net = network(3, [[~1, 0], [~2, 1], [~2, 0]])
    engine, seen = MAPEngine(net), set()
    for _ in range(300):
        unary, weights = networks.random_weights(rng, net)
        seen |= set(networks.check(net, engine, unary, weights).engines)
    assert seen == {"closed", "min-cut", "enumeration"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "tries"), [("auto", 25), ("highs", 25), ("cp-sat", 25), ("toulbar2", 10), ("rc2", 10)]
)
def test_answers_do_not_depend_on_what_was_solved_before(engine, tries):
    rng = np.random.default_rng(2)
    for _ in range(tries):
        net = networks.random_network(rng, most=14)
        inputs = [networks.random_weights(rng, net) for _ in range(4)]
        used = MAPEngine(net, engine)
        fresh = [MAPEngine(net, engine).solve(*one).state for one in inputs]
        for k in (0, 1, 2, 3, 0, 2, 1, 0):
            np.testing.assert_array_equal(used.solve(*inputs[k]).state, fresh[k])


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize(
    "records", [6, pytest.param(7, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.slow)]
)
def test_cutting_planes_find_what_the_full_model_finds(records, hard, monkeypatch):
    rng = np.random.default_rng(records)
    net = networks.transitivity(records, hard)
    monkeypatch.setattr(highs, "_CROWDED", 0.0)
    lazy = MAPEngine(net, "highs")
    weights = np.full(len(net.clauses), 0.3)
    inputs = [(rng.normal(size=net.atoms), s * weights) for s in (1, 1, -1, 1, -1)]
    inputs += [(rng.integers(-2, 3, net.atoms) * 1.0, weights)]
    found = [lazy.solve(*one) for one in inputs]
    again = [lazy.solve(*one).state for one in inputs]  # with all the rows that any of them needed
    monkeypatch.setattr(highs, "_CROWDED", np.inf)
    full = MAPEngine(net, "highs")
    for one, a, b in zip(inputs, found, again, strict=True):
        assert a.objective == pytest.approx(full.solve(*one).objective, abs=1e-7)
        np.testing.assert_array_equal(a.state, b)


def test_counted_exclusions_are_exact_and_given_up_where_weights_differ(monkeypatch):
    rng = np.random.default_rng(3)
    sets = [range(6), range(4, 11), range(11, 14)]
    pairs = sorted({pair for members in sets for pair in combinations(members, 2)})
    clauses = [sorted([~i, ~j]) for i, j in pairs] + [[0, 11, 13], [2, 9, ~12]]
    net = network(14, clauses, formulas=[0] * len(pairs) + [1, 2])
    counted = MAPEngine(net, "highs")
    monkeypatch.setattr(encoding, "exclusions", lambda *_: [])
    plain = MAPEngine(net, "highs")
    for number in range(30):
        unary = rng.normal(size=14) + 1
        weights = np.full(len(clauses), abs(rng.normal()))
        if number % 3 == 0:
            weights += 0.1 * rng.random(len(clauses))
        expected = networks.scores(net, unary, weights).max()
        monkeypatch.undo()
        assert counted.solve(unary, weights).objective == pytest.approx(expected, abs=1e-7)
        monkeypatch.setattr(encoding, "exclusions", lambda *_: [])
        assert plain.solve(unary, weights).objective == pytest.approx(expected, abs=1e-7)


def test_cross_check_agrees_and_notices():
    rng = np.random.default_rng(4)
    for _ in range(30):
        net = networks.random_network(rng)
        networks.check(net, MAPEngine(net, cross_check=True), *networks.random_weights(rng, net))
    net = network(2, [[~1, 0]])
    engine = MAPEngine(net, cross_check=True)
    engine.solve(np.array([0.5, 1.0]), np.ones(1))
    engine._others["highs"] = MAPEngine(network(2, [[0, 1]], hard=[0]))  # another problem
    with pytest.raises(SolveError, match="cross-check"):
        engine.solve(np.array([-5.0, -1.0]), np.zeros(1))


@pytest.mark.parametrize("engine", ["auto", "cp-sat"])
def test_a_time_limit_leaves_a_state_and_a_bound(engine):
    rng = np.random.default_rng(5)
    clauses = [sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in rng.choice(250, 3, replace=False))
               for _ in range(1500)]  # fmt: skip
    net = network(250, clauses)
    found = MAPEngine(net, engine, time_limit=0.5).solve(rng.normal(size=250), rng.normal(size=1500))
    assert found.status == SolveStatus.FEASIBLE
    assert found.bound > found.objective
    assert 0 < found.gap < np.inf


def test_where_nothing_can_be_made_in_time_the_network_itself_is_searched(monkeypatch):
    monkeypatch.setattr("imle_mln.inference.engine._NOTABLE", 0.0)
    monkeypatch.setattr("imle_mln.inference.engine._ENERGY", 1e9)
    rng = np.random.default_rng(7)
    infeasible = 0
    for _ in range(100):
        net = networks.random_network(rng)
        unary, weights = networks.random_weights(rng, net)
        total = networks.scores(net, unary, np.where(net.hard, 0.0, weights))
        clocks = iter([60.0, 60.0])
        found = MAPEngine(net, time_limit=60.0).solve(unary, weights, lambda clocks=clocks: next(clocks, 0.0))
        infeasible += np.isneginf(total).all()
        if np.isneginf(total).all():
            assert not found.status.ok
            assert found.message
        elif found.status.ok:
            hard = float(weights[net.hard].sum())
            assert np.isfinite(total[int(found.state @ (1 << np.arange(net.atoms)))])
            assert found.bound >= total.max() + hard - 1e-6
            assert found.engines["local"] == 1
    assert infeasible > 2
    monkeypatch.setattr("imle_mln.inference.engine._SEARCHING", 1e9)
    late = MAPEngine(net, time_limit=60.0).solve(unary, weights, lambda: 1e-6)
    assert late.status == SolveStatus.TIMEOUT
    assert "within the time limit of 60 s" in late.message


def test_the_fewest_true_atoms_break_ties():
    net = network(6, [[~1, 0], [~0, 1], [2, 3], [4]])
    found = MAPEngine(net).solve(np.zeros(6), np.array([1.0, 1.0, 1.0, 0.0]))
    assert found.state.sum() == 1
    assert found.objective == 3


def test_infeasible_networks_say_what_contradicts_what():
    for net in (
        network(1, [[0], [~0]], hard=[0, 1]),
        network(2, [[0, 1], [~0, 1], [~1, 0], [~1, ~0]], hard=range(4)),
        network(3, [[0], [1]], hard=[0, 1], blocks=[[0, 1, 2]]),
    ):
        found = MAPEngine(net).solve(np.zeros(net.atoms), np.zeros(len(net.clauses)))
        assert found.status == SolveStatus.INFEASIBLE
        assert found.message
        assert np.isnan(found.objective)


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1.0, 1e12, 1e300])
def test_the_scale_of_the_weights_does_not_matter(scale):
    rng = np.random.default_rng(6)
    net = networks.random_network(rng, most=14)
    unary, weights = rng.normal(size=net.atoms), rng.normal(size=len(net.clauses))
    for engine in ("auto", "highs"):
        expected = MAPEngine(net, engine).solve(unary, weights).state
        found = MAPEngine(net, engine).solve(scale * unary, scale * weights)
        np.testing.assert_array_equal(found.state, expected)


def test_long_chains_and_empty_networks():
    chain = network(3000, [[0], *([~k, k + 1] for k in range(2999))], hard=range(3000))
    assert MAPEngine(chain).solve(-np.ones(3000), np.zeros(3000)).state.all()
    empty = MAPEngine(network(0, [])).solve(np.zeros(0), np.zeros(0))
    assert (empty.status, empty.objective) == (SolveStatus.OPTIMAL, 0.0)


def test_refusals():
    net = network(3, [[~0, ~1], [~1, ~2], [~2, ~0]])
    with pytest.raises(SolveError, match="submodular"):
        MAPEngine(net, "min-cut").solve(np.ones(3), np.ones(3))
    with pytest.raises(ObjectiveError, match="expected finite numbers, found nan at position 1"):
        MAPEngine(net).solve(np.ones(3), np.array([0, np.nan, 0]))
    with pytest.raises(ObjectiveError, match="expected 3 numbers, one per atom"):
        MAPEngine(net).solve(np.ones(2), np.ones(3))
    with pytest.raises(OptionError, match="engine"):
        MAPEngine(net, "walksat")
    wide = network(21, [[k, k + 1, k + 2] for k in range(19)])
    with pytest.raises(SolveError, match="at most 20 atoms"):
        MAPEngine(wide, "enumeration").solve(np.ones(21), np.ones(19))
