"""The compiled state of a network, and what is built on it, against evaluation and brute force."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from imle.solvers import SolveStatus
from imle_linear.engines import deadline
from imle_mln.compiled.dual import bound, exclude, share_anew
from imle_mln.compiled.partial import UNKNOWN, attempt, dominate, release, restore, start, take_back
from imle_mln.compiled.world import flip, move, reset
from imle_mln.inference import MAPEngine
from imle_mln.inference.dispatch import Dispatch
from imle_mln.search.expansion import Expansion
from imle_mln.search.local_search import LocalSearch
from imle_mln.search.state import partial_of, structure_of, units_of, world_of
from imle_mln.truths import Evaluator

_spec = importlib.util.spec_from_file_location(
    "inference_networks", Path(__file__).with_name("test_inference_brute_force.py")
)
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def plain(net):
    """A network of exactly-one blocks, as engines see it, in which unaries of all atoms may be anything."""
    return replace(net.completed, nones=0)


def structure(net):
    return structure_of(net.atoms, net.clauses, net.hard, net.blocks)


def rewards_of(net, unary, weights):
    return np.concatenate([unary, np.where(net.hard, 0.0, weights)])


def any_state(rng, net):
    state = rng.random(net.atoms) < 0.5
    for b in range(len(net.blocks)):
        state[net.blocks[b]] = False
        state[rng.choice(net.blocks[b])] = True
    return state


def test_moves_keep_what_evaluation_finds():
    rng = np.random.default_rng(0)
    for _ in range(150):
        net = plain(networks.random_network(rng, most=12))
        unary, weights = networks.random_weights(rng, net)
        own, evaluate = structure(net), Evaluator(net)
        world = world_of(own, rewards_of(net, unary, weights))
        world.penalties[:] = np.where(net.hard, rng.random(len(net.hard)), 0.0)
        world.values[: net.atoms] = any_state(rng, net)
        reset(own, world)
        for number in range(12):
            atom = int(rng.integers(net.atoms))
            if number % 4 == 3:
                back = move(own, world, atom)
                move(own, world, back)
            elif own.block_of[atom] < 0 and number % 2:
                flip(own, world, atom)
            else:
                move(own, world, atom)
            found = evaluate(world.values[None, : net.atoms])
            np.testing.assert_array_equal(world.values[net.atoms :], found.truths[0])
            false = np.flatnonzero(net.hard & ~found.truths[0])
            assert sorted(world.broken[: world.faults[0]].tolist()) == false.tolist()
            assert found.broken[0] == 0
            assert world.penalty[0] == pytest.approx(world.penalties[false].sum(), abs=1e-9)
            score = unary @ world.values[: net.atoms] + np.where(net.hard, 0.0, weights) @ found.truths[0]
            assert world.score[0] == pytest.approx(score, abs=1e-9)


def test_propagation_is_taken_back_whole():
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        net = plain(networks.random_network(rng, most=10))
        own = structure(net)
        partial = partial_of(own)
        if not start(own, partial):
            total = networks.scores(net, np.zeros(net.atoms), np.zeros(len(net.hard)))
            assert np.isneginf(total).all()
            continue
        mark = int(partial.ends[0])
        before = [part.copy() for part in partial[:4]]
        known = partial.trail[:mark].copy()
        for atom in rng.permutation(net.atoms).tolist():
            if partial.values[atom] == UNKNOWN:
                refused += not attempt(own, partial, atom, int(rng.integers(2)))
        take_back(own, partial, mark)
        for one, other in zip(partial[:4], before, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(partial.trail[:mark], known)
    assert refused > 3


def test_what_is_released_and_restored_is_as_before():
    """Decided anew by the values it had, a whole state comes back, nested clauses too."""
    rng = np.random.default_rng(9)
    tried = 0
    for _ in range(200):
        net = plain(networks.random_network(rng, most=10))
        total = networks.scores(net, rng.normal(size=net.atoms), np.zeros(len(net.hard)))
        if np.isneginf(total).all():
            continue
        best = (total.argmax() >> np.arange(net.atoms)) & 1 == 1
        own = structure(net)
        partial = partial_of(own)
        assert start(own, partial)
        for atom in np.flatnonzero(partial.values[: net.atoms] == UNKNOWN).tolist():
            assert partial.values[atom] != UNKNOWN or attempt(own, partial, atom, int(best[atom]))
        before = [part.copy() for part in partial[:4]]
        near = rng.random(net.atoms) < 0.4
        for b in range(len(net.blocks)):
            near[net.blocks[b]] = near[net.blocks[b][0]]
        assert release(own, partial, near)
        known = partial.values[: net.atoms] != UNKNOWN
        np.testing.assert_array_equal(partial.values[: net.atoms][known] == 1, best[known])
        assert restore(own, partial, best, near)
        for one, other in zip(partial[:4], before, strict=True):
            np.testing.assert_array_equal(one, other)
        tried += 1
    assert tried > 100


def test_some_best_state_has_all_that_dominance_decides():
    rng = np.random.default_rng(2)
    decided = 0
    for _ in range(1200):
        net = plain(networks.random_network(rng))
        unary, weights = networks.random_weights(rng, net)
        total = networks.scores(net, unary, np.where(net.hard, 0.0, weights))
        own = structure(net)
        partial = partial_of(own)
        if not (start(own, partial) and dominate(own, partial, rewards_of(net, unary, weights))):
            assert np.isneginf(total).all()
            continue
        known = np.flatnonzero(partial.values[: net.atoms] != UNKNOWN)
        decided += len(known)
        states = (np.arange(1 << net.atoms)[:, None] >> np.arange(net.atoms)) & 1
        kept = (states[:, known] == partial.values[known]).all(axis=1)
        assert total[kept].max() == pytest.approx(total.max(), abs=1e-9)
    assert decided > 2000


def test_bounds_fall_and_stay_above_all_states():
    rng = np.random.default_rng(3)
    for _ in range(400):
        net = plain(networks.random_network(rng))
        unary, weights = networks.random_weights(rng, net)
        total = networks.scores(net, unary, np.where(net.hard, 0.0, weights))
        own = structure(net)
        kept, shares = rewards_of(net, unary, weights), np.zeros(len(own.items))
        room = np.zeros(16)
        for _ in range(6):
            assert bound(own, kept, shares) >= total.max() - 1e-9
            share_anew(own, kept, shares, room, bool(rng.random() < 0.5), 0, 2 * len(own.hard))


def test_bounds_are_tight_where_the_relaxation_is():
    """A chain without blocks: the linear relaxation is integral."""
    rng = np.random.default_rng(4)
    net = networks.network(12, [[~k, k + 1] for k in range(11)])
    unary, weights = rng.normal(size=12), rng.random(11)
    own = structure(net)
    kept, shares = rewards_of(net, unary, weights), np.zeros(len(own.items))
    for _ in range(300):
        share_anew(own, kept, shares, np.zeros(2), True, 0, 2 * len(own.hard))
    assert bound(own, kept, shares) == pytest.approx(networks.scores(net, unary, weights).max(), abs=1e-3)


def triangles(unary, pairs):
    """The best value of hard transitivity's linear relaxation."""
    net = networks.transitivity(len(pairs))
    rows = np.zeros((len(net.clauses), net.atoms))
    for row, clause in enumerate(networks.rows_of(net)):
        for item in clause:
            rows[row, max(item, ~item)] = -1.0 if item >= 0 else 1.0
    return -linprog(-unary, rows, np.ones(len(rows)), bounds=(0, 1)).fun


def test_bounds_of_transitivity_are_below_those_of_its_linear_relaxation():
    """Six records of which one may be any other, but no two others the same: one of these pairs at most is true."""
    net = networks.transitivity(6)
    pairs = list(combinations(range(6), 2))
    star = np.array([1.0 if pair[0] == 0 else -3.0 for pair in pairs])
    own = structure(net)
    kept = rewards_of(net, star, np.zeros(len(net.clauses)))
    found = exclude(own, kept, np.arange(net.atoms))
    assert found == pytest.approx(1.0)
    assert bound(own, kept, np.zeros(len(own.items))) + found == pytest.approx(1.0)
    assert triangles(star, range(6)) == pytest.approx(2.5)


def test_exclusions_hold_in_all_states():
    rng = np.random.default_rng(4)
    lower = 0
    for _ in range(200):
        net = networks.transitivity(int(rng.integers(3, 6)))
        extra = networks.random_network(rng, most=net.atoms + 1)
        rows = networks.rows_of(net)[:: int(rng.integers(1, 3))] + [
            [item for item in row if max(item, ~item) < min(net.atoms, extra.atoms)] for row in networks.rows_of(extra)
        ]
        rows = [row for row in rows if row]
        net = networks.network(net.atoms, rows, [row for row in range(len(rows)) if rng.random() < 0.9])
        unary, weights = networks.random_weights(rng, net)
        weights = np.where(net.hard, 0.0, weights)
        total = networks.scores(net, unary, weights).max()
        own = structure(net)
        kept, shares = rewards_of(net, unary, weights), np.zeros(len(own.items))
        room = np.zeros(int(np.diff(own.starts).max()))
        before = bound(own, kept, shares)
        if rng.random() < 0.5:
            share_anew(own, kept, shares, room, False, 0, 2 * len(own.hard))
        found = exclude(own, kept, rng.permutation(net.atoms))
        after = bound(own, kept, shares) + found
        assert total - 1e-9 <= after
        lower += after < before - 1e-9
        share_anew(own, kept, shares, room, True, 0, 2 * len(own.hard))
        assert total - 1e-9 <= bound(own, kept, shares) + found <= after + 1e-9
    assert lower > 50


def test_local_search_finds_small_optima():
    rng = np.random.default_rng(5)
    missed = 0
    for number in range(80):
        net = plain(networks.random_network(rng))
        unary, weights = networks.random_weights(rng, net)
        total = networks.scores(net, unary, np.where(net.hard, 0.0, weights))
        found = MAPEngine(net, "local").solve(unary, np.where(net.hard, 0.0, weights))
        if number % 8 == 0:
            again = MAPEngine(net, "local").solve(unary, np.where(net.hard, 0.0, weights))
            np.testing.assert_array_equal(found.state, again.state)
        if np.isneginf(total).all():
            assert found.status in (SolveStatus.INFEASIBLE, SolveStatus.TIMEOUT)
            continue
        assert found.status.ok
        assert found.bound >= total.max() - 1e-9
        missed += found.objective < total.max() - 1e-9
    assert missed <= 2


def pairwise(rng, atoms, blocks, attractive):
    """Random clauses of two atoms, of which attractive ones reward equal values."""
    inside = {atom: at for at, block in enumerate(blocks) for atom in block}
    rows = []
    for i, j in combinations(range(atoms), 2):
        apart = inside.get(i, -1) != inside.get(j, -2)
        if apart and rng.random() < 0.5 and (not attractive or i % 3 == j % 3 or not blocks):
            one, other = (i, j) if rng.random() < 0.5 else (j, i)
            rows.append(
                sorted([~one, other]) if attractive or rng.random() < 0.4 else [i if rng.random() < 0.5 else ~i, j]
            )
    hard = [] if attractive else [row for row in range(len(rows)) if rng.random() < 0.15]
    net = networks.network(atoms, [sorted(row) for row in rows], hard, blocks)
    weights = rng.random(len(rows)) if attractive else rng.normal(size=len(rows))
    return net, rng.normal(size=atoms), np.where(net.hard, 0.0, weights)


def test_a_move_of_attractive_atoms_finds_the_optimum_at_once():
    rng = np.random.default_rng(8)
    for _ in range(150):
        net, unary, weights = pairwise(rng, int(rng.integers(2, 9)), [], attractive=True)
        moves = Expansion(structure(net), rewards_of(net, unary, weights))
        total = networks.scores(net, unary, weights)
        assert len(moves.labels) == 1
        found = moves.best(any_state(rng, net), 0)
        assert total[found @ (1 << np.arange(net.atoms))] == pytest.approx(total.max(), abs=1e-9)


def test_moves_to_a_label_are_the_best_of_all_choices_of_blocks():
    rng = np.random.default_rng(9)
    better = 0
    for _ in range(100):
        net, unary, weights = pairwise(rng, 12, networks.blocks_of(12, 3), attractive=True)
        moves = Expansion(structure(net), rewards_of(net, unary, weights))
        total = networks.scores(net, unary, weights)
        state = any_state(rng, net)
        for label in range(len(moves.labels)):
            members = moves.labels[label]
            assert len(set(members % 3)) == 1
            reached = []
            for taken in range(1 << len(members)):
                other = state.copy()
                for at, atom in enumerate(members):
                    if taken >> at & 1:
                        other[atom // 3 * 3 : atom // 3 * 3 + 3] = False
                        other[atom] = True
                reached.append(total[other @ (1 << np.arange(12))])
            found = total[moves.best(state, label) @ (1 << np.arange(12))]
            assert found == pytest.approx(max(reached), abs=1e-9)
            better += found > reached[0] + 1e-9
    assert better > 50


def test_no_move_is_worse_or_breaks_anything():
    rng = np.random.default_rng(10)
    done = better = 0
    while done < 150:
        net, unary, weights = pairwise(rng, 9, networks.blocks_of(6, 3), attractive=False)
        total = networks.scores(net, unary, weights)
        state = any_state(rng, net)
        before = total[state @ (1 << np.arange(9))]
        moves = Expansion(structure(net), rewards_of(net, unary, weights))
        if before == -np.inf or not moves.possible:
            continue
        for label in range(len(moves.labels)):
            after = total[moves.best(state, label) @ (1 << np.arange(9))]
            assert after >= before - 1e-9
            better += after > before + 1e-9
        done += 1
    assert better > 50


def test_a_start_keeps_chains_of_hard_clauses_and_blocks():
    """Only one state is left, and no single move leads to it."""
    net = networks.network(60, [[~k, k + 1] for k in range(59)], hard=range(59))
    search = LocalSearch(structure(net), np.concatenate([np.linspace(-2, 1, 60), np.zeros(59)]), 0)
    search.run(lambda: 0.0)
    assert search.score == pytest.approx(np.linspace(-2, 1, 60)[np.linspace(-2, 1, 60) > 0].sum())
    cells = networks.blocks_of(30, 3)
    pairs = [sorted([~(3 * cell + kind), 3 * cell + 3 + kind]) for cell in range(9) for kind in range(3)]
    one = networks.network(30, pairs, hard=range(len(pairs)), blocks=cells)
    search = LocalSearch(structure(one), np.random.default_rng(0).normal(size=30 + len(pairs)) * 0 + 1, 0)
    search.run(lambda: 0.0)
    assert search.score > -np.inf
    assert len(set(np.flatnonzero(search.best) % 3)) == 1


def test_pure_literals_are_optimal_at_once():
    """A disjunction without negation: 22 atoms a relation, 10,648 clauses, true in every best state."""
    side = 22
    clauses = [[a, side + b, 2 * side + c] for a in range(side) for b in range(side) for c in range(side)]
    net = networks.network(3 * side, clauses)
    found = MAPEngine(net).solve(np.zeros(3 * side), np.full(len(clauses), 0.5))
    assert found.status == SolveStatus.OPTIMAL
    assert found.objective == pytest.approx(0.5 * len(clauses))
    assert found.events["dominated"] == found.engines["dominance"] == 1
    assert found.state.sum() == side


@pytest.mark.parametrize("level", ["dispatch", "engine"])
def test_what_dominance_leaves_is_solved_exactly(monkeypatch, level):
    monkeypatch.setattr(f"imle_mln.inference.{level}.LARGE", 0)
    rng = np.random.default_rng(6)
    used = 0
    for _ in range(150):
        net = networks.random_network(rng, most=14)
        engine = MAPEngine(net)
        unary, weights = networks.random_weights(rng, net)
        size = rng.choice([0.3, 1.0, 3.0])
        one = networks.check(net, engine, unary * size, weights)
        used += one.events["dominated"]
        rows = engine.solve_rows(np.stack([-unary, unary * size]), weights)
        assert rows.row(1).state.tolist() == one.state.tolist()
    assert used > 5


@pytest.mark.parametrize("engine", ["auto", "highs", "cp-sat", "toulbar2", "rc2"])
def test_no_time_leaves_a_state(engine):
    """Hard transitivity over 8 records: all false is a state, and nothing has to be proven."""
    rng = np.random.default_rng(7)
    net = networks.transitivity(8)
    unary = rng.normal(size=net.atoms)
    found = MAPEngine(net, engine, time_limit=1e-6).solve(unary, np.zeros(len(net.clauses)))
    best = MAPEngine(net).solve(unary, np.zeros(len(net.clauses)))
    assert found.status.ok
    assert found.bound >= best.objective - 1e-9 >= found.objective - 2e-9
    if found.status == SolveStatus.FEASIBLE:
        assert "within the time limit of 1e-06 s: other states may be better by up to" in found.message


def test_the_first_row_pays_for_what_all_share(monkeypatch):
    clocks = []
    solve = Dispatch.solve

    def watched(self, coefficients, clock, begin):
        clocks.append((clock(), begin()()))
        return solve(self, coefficients, clock, begin)

    monkeypatch.setattr(Dispatch, "solve", watched)
    net = networks.network(3, [[0, 1, 2]])
    MAPEngine(net, time_limit=50.0).solve_rows(np.ones((2, 3)), np.ones(1))
    ((first, later),) = clocks
    assert first < later <= 50.0


def test_a_clock_that_has_run_out_still_leaves_a_search_with_a_bound():
    rng = np.random.default_rng(8)
    net = networks.network(40, [sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in rng.choice(40, 3, False))
                                for _ in range(120)])  # fmt: skip
    search = LocalSearch(structure(net), rng.normal(size=160), 0)
    search.run(deadline(1e-9))
    assert -np.inf < search.score <= search.bound < np.inf
    assert len(units_of(structure(net))) == 40


def test_a_start_is_no_worse_than_nothing_true():
    """Also where time is over at once: decided one by one, atoms may drag in more than they gain."""
    rng = np.random.default_rng(12)
    tried = 0
    for _ in range(300):
        net = plain(networks.random_network(rng, most=12))
        nothing = np.zeros((1, net.atoms), np.bool_)
        found = Evaluator(net)(nothing)
        if len(net.blocks) or not net.hard.any() or found.violated[0]:
            continue
        unary, weights = networks.random_weights(rng, net)
        search = LocalSearch(structure(net), rewards_of(net, unary, weights), 0)
        search.run(lambda: 0.0)
        assert search.score >= np.where(net.hard, 0.0, weights) @ found.truths[0] - 1e-9
        tried += 1
    assert tried > 10
