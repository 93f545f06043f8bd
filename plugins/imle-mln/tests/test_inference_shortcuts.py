"""What spares work must not change answers: ties, dead ends, nodes on the warm relaxation, many rows at once."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_mln import engines
from imle_mln.engines import highs
from imle_mln.inference import MAPEngine
from imle_mln.inference.energy import Energy, Weighted, energy
from imle_mln.inference.integer_scaling import fixed_point
from imle_mln.inference.partition import partition
from imle_mln.truths import Evaluator

_spec = importlib.util.spec_from_file_location(
    "inference_networks", Path(__file__).with_name("test_inference_brute_force.py")
)
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)
blocks_of, network, rows_of = networks.blocks_of, networks.network, networks.rows_of


def tied_network(rng):
    """Random clauses, hard and soft, nested too, over atoms some of which are tied: `a <=> b` or `a <=> !b`."""
    atoms = int(rng.integers(3, 10))
    clauses, hard = [], []
    for _ in range(int(rng.integers(1, 4))):
        a, b = rng.choice(atoms, 2, replace=False).tolist()
        other = b if rng.random() < 0.6 else ~b
        hard += [len(clauses), len(clauses) + 1]
        clauses += [sorted([~a, other]), sorted([a, ~other])]
    for _ in range(int(rng.integers(0, 10))):
        nested = len(clauses) if rng.random() < 0.3 else 0
        variables = rng.choice(atoms + nested, size=min(int(rng.integers(1, 5)), atoms), replace=False)
        if rng.random() < 0.2:
            hard.append(len(clauses))
        clauses.append(sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in variables))
    order = rng.permutation(atoms).tolist()
    blocks = [sorted(order[:size]) for size in (int(rng.integers(1, 4)),) if rng.random() < 0.4]
    return network(atoms, clauses, hard, blocks)


@pytest.mark.parametrize("engine", ["auto", "highs"])
def test_tied_atoms_are_one_and_nothing_else_changes(engine):
    rng = np.random.default_rng(0)
    smaller = 0
    for _ in range(500):
        net = tied_network(rng)
        found = energy(net)
        smaller += isinstance(found, Energy) and found.reduction.atoms < len(found.reduction.open_atoms)
        solver = MAPEngine(net, engine)
        for _ in range(2):
            networks.check(net, solver, *networks.random_weights(rng, net))
    assert smaller > 100


def test_an_atom_equal_to_its_opposite_is_infeasible():
    net = network(3, [[~1, 0], [~0, 1], [~2, 1], [~1, 2], [0, 2], [~2, ~0]], hard=range(6))
    found = MAPEngine(net).solve(np.ones(3), np.zeros(6))
    assert found.status == SolveStatus.INFEASIBLE
    assert found.message


def test_symmetric_relations_have_half_the_atoms():
    """`Same(x, y) <=> Same(y, x)`, both directions of each pair, and transitivity over all of them."""
    records = 5
    pairs = {pair: k for k, pair in enumerate((x, y) for x in range(records) for y in range(records) if x != y)}
    clauses = [sorted([~pairs[x, y], pairs[y, x]]) for x, y in pairs]
    clauses += [
        sorted([~pairs[x, y], ~pairs[y, z], pairs[x, z]]) for x, y in pairs for z in range(records) if z not in (x, y)
    ]
    net = network(len(pairs), clauses, range(len(clauses)))
    reduction = energy(net).reduction
    assert reduction.atoms == 10
    assert reduction.hard.sum() == 30


def labels(rng, cells, kinds, extra=0):
    """A ring of cells that each take one of some kinds, couplings of both signs, and free atoms beside them."""
    blocks = [list(range(cell * kinds, (cell + 1) * kinds)) for cell in range(cells)]
    atoms = cells * kinds + extra
    clauses = []
    for cell in range(cells):
        after = (cell + 1) % cells
        clauses += [sorted([~(cell * kinds + kind), after * kinds + kind]) for kind in range(kinds)]
    for _ in range(extra * 2):
        a, b = rng.choice(atoms, 2, replace=False).tolist()
        clauses.append(sorted([int(a), ~int(b)] if rng.random() < 0.5 else [~int(a), ~int(b)]))
    return network(atoms, clauses, (), blocks)


def test_dead_ends_are_in_no_optimal_state(monkeypatch):
    monkeypatch.setattr(highs, "_WORTH", 1.1)  # always solve what is left as a model of its own
    rng = np.random.default_rng(1)
    reduced = 0
    for number in range(300):
        net = labels(rng, 3, 3, extra=int(rng.integers(0, 4)))
        solver = MAPEngine(net, "highs")
        for scale in (0.5, 1.0, 3.0):
            unary, weights = scale * rng.normal(size=net.atoms), rng.normal(size=len(net.clauses))
            if number % 3 == 0:
                unary, weights = np.round(unary), np.round(weights)
            reduced += networks.check(net, solver, unary, weights).events["reduced_relaxations"]
    assert reduced > 500


def frustrated(rng, atoms=40, clauses=90):
    rows = [
        sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in rng.choice(atoms, 3, replace=False))
        for _ in range(clauses)
    ]
    return network(atoms, rows)


def test_nodes_on_the_warm_relaxation_find_what_branch_and_bound_finds(monkeypatch):
    rng = np.random.default_rng(2)
    net = networks.transitivity(9)
    searching = MAPEngine(net, "highs")
    inputs = [(1.5 * rng.logistic(size=net.atoms), np.zeros(len(net.clauses))) for _ in range(25)]
    inputs += [(rng.integers(-2, 3, net.atoms) * 1.0, np.zeros(len(net.clauses))) for _ in range(10)]
    found = [searching.solve(*one) for one in inputs]
    assert sum(one.events["searches"] for one in found) >= 5
    again = [searching.solve(*one) for one in inputs[::-1]][::-1]
    monkeypatch.setattr(highs, "NODES", 0)
    asking = MAPEngine(net, "highs")
    for one, a, b in zip(inputs, found, again, strict=True):
        other = asking.solve(*one)
        assert a.objective == pytest.approx(other.objective, abs=1e-7)
        assert a.bound >= other.objective - 1e-9
        assert 0 <= a.gap < 1e-6
        np.testing.assert_array_equal(a.state, b.state)


@pytest.mark.parametrize("engine", ["auto", "highs", "cp-sat"])
def test_rows_at_once_are_the_rows_one_by_one(engine):
    rng = np.random.default_rng(3)
    for _ in range(30):
        net = networks.random_network(rng, most=14)
        weights = rng.normal(size=len(net.clauses))
        unary = rng.normal(size=(6, net.atoms))
        unary[4] *= 1e200
        unary[5] *= 1e-200
        together = MAPEngine(net, engine).solve_rows(unary, weights)
        for row in range(6):
            alone = MAPEngine(net, engine).solve(unary[row], weights)
            assert together.row(row).status == alone.status
            np.testing.assert_array_equal(together.states[row], alone.state)
            np.testing.assert_array_equal(together.truths[row], alone.truths)


@pytest.mark.parametrize("gap", [0.05, 0.3])
def test_a_gap_is_kept_and_told(gap):
    rng = np.random.default_rng(4)
    for _ in range(10):
        net = frustrated(rng)
        unary, weights = rng.normal(size=net.atoms), 2 * rng.normal(size=len(net.clauses))
        exact = MAPEngine(net, "highs").solve(unary, weights)
        loose = MAPEngine(net, "highs", gap=gap).solve(unary, weights)
        assert loose.objective <= exact.objective + 1e-7
        assert loose.bound >= exact.objective - 1e-7
        # the gap is relative to the engine's own objective, without the constant of clauses written as costs
        assert exact.objective - loose.objective <= gap * (abs(unary).sum() + abs(weights).sum())


def test_cp_sat_goes_on_where_large_clauses_are_frustrated(monkeypatch):
    """A matter of counted clauses and nodes, never of time: the same engine every time."""
    monkeypatch.setattr(engines, "find_spec", lambda name: None)  # toulbar2 would be first
    monkeypatch.setitem(engines._ENGINES, "cp-sat", replace(engines.find("cp-sat"), after=2))
    monkeypatch.setattr(highs, "NODES", 2)
    rng = np.random.default_rng(8)
    crowded, sparse = frustrated(rng), frustrated(rng, clauses=25)
    seen = {}
    for name, net in (("crowded", crowded), ("sparse", sparse)):
        auto, plain = MAPEngine(net, cross_check=True), MAPEngine(net, "highs")
        seen[name] = 0
        for _ in range(5):
            unary, weights = 0.3 * rng.normal(size=net.atoms), 2 * rng.normal(size=len(net.clauses))
            found, other = auto.solve(unary, weights), plain.solve(unary, weights)
            assert found.objective == pytest.approx(other.objective, abs=1e-7)
            assert found.bound >= other.objective - 1e-9
            assert not other.events["decided_by_cp_sat"]
            seen[name] += found.events["decided_by_cp_sat"]
            np.testing.assert_array_equal(found.state, MAPEngine(net).solve(unary, weights).state)
    assert seen["crowded"] > 0
    assert seen["sparse"] == 0


def pairs(rng, atoms, count):
    """Couplings of both signs between random atoms."""
    rows = [sorted([~int(a), int(b)]) for a, b in (rng.choice(atoms, 2, replace=False) for _ in range(count))]
    return network(atoms, rows), rng.choice([-1.0, 1.0], count)


def test_toulbar2_takes_over_small_components_whose_relaxation_is_fractional():
    """A matter of counted variables and clauses: blocks count once, and too many large clauses are left to others."""
    rng = np.random.default_rng(9)
    small, weights = pairs(rng, 40, 160)
    seen = 0
    for _ in range(5):
        unary = 0.5 * rng.normal(size=40)
        found, other = MAPEngine(small).solve(unary, weights), MAPEngine(small, "highs").solve(unary, weights)
        assert found.objective == pytest.approx(other.objective, abs=1e-7)
        assert found.bound >= other.objective - 1e-9
        assert not other.events["decided_by_toulbar2"]
        seen += found.events["decided_by_toulbar2"]
    assert seen > 0


def test_toulbar2_takes_over_dense_clauses_of_three():
    pytest.importorskip("pytoulbar2")
    rng = np.random.default_rng(11)
    clauses = [sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in rng.choice(18, 3, replace=False))
               for _ in range(150)]  # fmt: skip
    net = network(18, clauses)
    unary, weights = rng.normal(size=18), rng.choice([-1.0, 1.0], 150)
    found = MAPEngine(net).solve(unary, weights)
    assert found.events["decided_by_toulbar2"] == 1
    assert found.objective == pytest.approx(MAPEngine(net, "enumeration").solve(unary, weights).objective, abs=1e-7)


@pytest.mark.parametrize(
    ("blocks", "block", "large", "takes"),
    [(100, 3, 0, True), (101, 3, 0, False), (20, 3, 200, True), (20, 3, 201, False)],
)
def test_what_toulbar2_takes_over_is_counted(blocks, block, large, takes):
    atoms = blocks * block
    chain = [sorted([~a, a + block]) for a in range(0, atoms - block, block)]
    clauses = chain + [[a, a + block, a + 2 * block] for a in np.arange(large) % (atoms - 2 * block)]
    net = network(atoms, clauses, blocks=[list(range(a, a + block)) for a in range(0, atoms, block)])
    found = energy(net)
    coefficients = Weighted(found, np.ones(len(clauses))).coefficients(np.zeros((1, atoms)), 0)
    parts = partition(found, coefficients)
    assert (parts.variables.tolist(), parts.sizes.tolist(), parts.clauses.tolist()) == ([blocks], [atoms], [large])
    assert engines.find("toulbar2").takes_over(parts).tolist() == [takes]


@pytest.mark.parametrize("limited", [True, False])
def test_under_a_time_limit_toulbar2_finds_states_where_relaxations_are_heavy(limited, monkeypatch):
    """Relaxations have no state until they end. Columns are counted per component and solve, after elimination."""
    monkeypatch.setattr(highs, "HEAVY", 60)
    rng = np.random.default_rng(13)
    ring, beside = labels(rng, 12, 4), frustrated(rng, atoms=25, clauses=30)
    far = [[v + ring.atoms if v >= 0 else v - ring.atoms for v in row] for row in rows_of(beside)]
    net = network(ring.atoms + beside.atoms, rows_of(ring) + far, blocks=blocks_of(48, 4))
    solver, other = MAPEngine(net, time_limit=60.0 if limited else None), MAPEngine(net, "highs")
    coupled = np.arange(len(net.clauses)) < len(ring.clauses)
    decided = []
    for scale in (0.05, 0.1, 0.2, 50.0):
        unary, weights = scale * rng.normal(size=net.atoms), rng.normal(size=len(net.clauses))
        weights[coupled] = 1.0 + 0.1 * weights[coupled]
        found, plain = solver.solve(unary, weights), other.solve(unary, weights)
        assert found.status == SolveStatus.OPTIMAL
        assert found.objective == pytest.approx(plain.objective, abs=1e-7)
        assert plain.objective - 1e-9 <= found.bound <= found.objective + 1e-8 * np.abs(unary).sum() + 1e-6
        decided.append(found.events["decided_by_toulbar2"])
    assert decided == ([1, 1, 1, 0] if limited else [0, 0, 0, 0])  # the last unaries decide all of the ring


@pytest.mark.parametrize("span", [(0, 9), (-6, 6)])
def test_weights_that_stand_for_hard_formulas_do_not_drown_the_others(span):
    """What breaks ties is relative to the largest coefficient: beside 1e9 it would outweigh 0.3. Sums as fractions."""
    rng = np.random.default_rng(11)
    decided = 0
    for _ in range(25):
        net = network(12, [sorted(rng.choice(12, 3, False) ^ -rng.integers(0, 2, 3)) for _ in range(14)])
        large = rng.random(14) < 0.5
        weights = rng.normal(size=14) * 10.0 ** np.where(large, span[1], span[0])
        unary = 0.3 * rng.normal(size=12) * 10.0 ** span[0]
        found = MAPEngine(net).solve(unary, weights)
        states = np.array(list(product((False, True), repeat=12)))
        exact = [Fraction(one) for one in (*unary.tolist(), *weights.tolist())]
        whole = np.array([int(one * 2**1100) for one in exact], object)
        values = np.concatenate([states, Evaluator(net)(states).truths], axis=1).astype(int).astype(object) @ whole
        own = values[np.flatnonzero((states == found.state).all(axis=1))[0]]
        total = sum(map(abs, exact))
        assert Fraction(int(values.max() - own), 2**1100) <= total / 10**13
        assert found.status == SolveStatus.OPTIMAL
        assert 0 <= found.slack <= total * 1e-13
        decided += found.events["decided_by_cp_sat"]
    assert decided > 10


def test_fixed_point_engines_refuse_to_overflow():
    assert fixed_point(np.array([1.5, -2.0]), 1).tolist() == [3, -4]
    with pytest.raises(SolveError, match="fixed point: expected coefficients whose sizes add up to less than"):
        fixed_point(np.array([1.0, -2.0]), 60)
    net = network(3, [[~1, 0], [~2, 1], [~2, ~0]])
    for engine in ("cp-sat", "auto"):  # every scale is brought to the same size first
        for scale in (1e-300, 1.0, 1e300):
            found = MAPEngine(net, engine).solve(scale * np.array([1.0, -0.5, 2.0]), scale * np.ones(3))
            assert found.state.tolist() == [True, True, True]


def test_time_out_leaves_a_state_a_bound_and_a_gap_on_a_frustrated_network():
    rng = np.random.default_rng(5)
    net = frustrated(rng, atoms=200, clauses=900)
    unary, weights = rng.normal(size=net.atoms), rng.normal(size=len(net.clauses))
    for limit in (1e-4, 0.3):
        found = MAPEngine(net, time_limit=limit).solve(unary, weights)
        assert found.status == SolveStatus.FEASIBLE
        assert 0 < found.gap < np.inf
        truths = found.truths
        assert found.objective == pytest.approx(unary[found.state].sum() + weights[truths].sum())
        assert found.bound > found.objective


def test_enumeration_heeds_the_time_limit():
    rng = np.random.default_rng(6)
    net = network(18, [[k, k + 1, ~((k + 2) % 18)] if k < 16 else [0, k] for k in range(17)])
    unary, weights = rng.normal(size=18), rng.normal(size=17)
    exact = MAPEngine(net, "enumeration").solve(unary, weights)
    found = MAPEngine(net, "enumeration", time_limit=1e-9).solve(unary, weights)
    assert (exact.status, found.status) == (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE)
    assert found.objective <= exact.objective <= found.bound


def test_two_threads_find_what_one_finds():
    rng = np.random.default_rng(7)
    nets = [networks.random_network(rng, most=12) for _ in range(20)] + [networks.transitivity(7)]
    inputs = [(net, *networks.random_weights(rng, net)) for net in nets for _ in range(4)]

    def solve(one):
        net, unary, weights = one
        return MAPEngine(net, "highs").solve(unary, weights)

    alone = [solve(one) for one in inputs]
    with ThreadPoolExecutor(2) as pool:
        for a, b in zip(alone, pool.map(solve, inputs), strict=True):
            assert a.status == b.status
            np.testing.assert_array_equal(a.state, b.state)
