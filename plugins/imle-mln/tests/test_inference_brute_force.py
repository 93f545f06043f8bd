"""Every engine against brute force, on thousands of small random networks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_mln.inference import MAPEngine
from imle_mln.network import GroundNetwork, Lists


def lists(rows):
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Lists(starts, np.array([item for row in rows for item in row], np.int32))


def network(atoms, clauses, hard=(), blocks=(), formulas=None, optional=()):
    """A network with one formula per clause, or the given formula numbers."""
    count = len(clauses)
    own = np.arange(count) if formulas is None else np.asarray(formulas)
    flags = np.zeros(count, np.bool_)
    flags[list(hard)] = True
    kinds = int(own.max(initial=-1)) + 1
    return GroundNetwork(
        atoms=atoms,
        clauses=lists(clauses),
        count_clauses=np.arange(count, dtype=np.int32),
        count_formulas=own.astype(np.int32),
        count_values=np.ones(count),
        constants=np.zeros(kinds),
        groundings=np.bincount(own, minlength=kinds).astype(np.float64),
        hard=flags,
        blocks=lists(blocks),
        optional=lists(optional),
    )


def transitivity(records, hard=True):
    """Of which records are the same: clauses over all their pairs."""
    pairs = {pair: k for k, pair in enumerate(combinations(range(records), 2))}
    clauses = []
    for i, j, k in combinations(range(records), 3):
        a, b, c = pairs[i, j], pairs[j, k], pairs[i, k]
        clauses += [sorted([~x, ~y, z]) for x, y, z in ((a, b, c), (a, c, b), (b, c, a))]
    return network(len(pairs), clauses, range(len(clauses)) if hard else ())


def blocks_of(atoms, size):
    return [list(range(start, start + size)) for start in range(0, atoms, size)]


def rows_of(net):
    return [row.tolist() for row in np.split(net.clauses.items, net.clauses.starts[1:-1])]


def random_network(rng, most=9):
    atoms = int(rng.integers(1, most))
    clauses = []
    for number in range(int(rng.integers(0, 14))):
        nested = number if rng.random() < 0.4 else 0
        variables = rng.choice(atoms + nested, size=min(int(rng.integers(1, 5)), atoms + nested), replace=False)
        clauses.append(sorted(int(v) if rng.random() < 0.5 else ~int(v) for v in variables))
    hard = [c for c in range(len(clauses)) if rng.random() < rng.choice([0, 0.1, 0.3])]
    order, blocks, optional = rng.permutation(atoms).tolist(), [], []
    while rng.random() < 0.4 and order:
        size = int(rng.integers(1, 5))
        (blocks if rng.random() < 0.5 else optional).append(sorted(order[:size]))
        order = order[size:]
    return network(atoms, clauses, hard, blocks, optional=optional)


def random_weights(rng, net):
    unary, weights = rng.normal(size=net.atoms), rng.normal(size=len(net.clauses))
    if rng.random() < 0.5:
        unary, weights = rng.integers(-2, 3, net.atoms) * 1.0, rng.integers(-2, 3, len(weights)) * 1.0
    return unary, weights


def scores(net, unary, weights):
    """Objectives of all states `[2^A]`, -inf where something hard is broken, without the library's code."""
    states = (np.arange(1 << net.atoms)[:, None] >> np.arange(net.atoms)) & 1 == 1
    values = list(states.T)
    for c in range(len(net.clauses)):
        items = net.clauses.items[net.clauses.starts[c] : net.clauses.starts[c + 1]]
        values.append(np.any([values[v] if v >= 0 else ~values[~v] for v in items], axis=0))
    truths = np.array(values[net.atoms :]).reshape(len(net.clauses), len(states))
    total = states @ unary + weights @ truths
    total[~truths[net.hard].all(axis=0)] = -np.inf
    for lists_of, least in ((net.blocks, 1), (net.optional, 0)):
        for b in range(len(lists_of)):
            true = states[:, lists_of.items[lists_of.starts[b] : lists_of.starts[b + 1]]].sum(axis=1)
            total[(true > 1) | (true < least)] = -np.inf
    return total


def check(net, engine, unary, weights):
    total = scores(net, unary, weights)
    found = engine.solve(unary, weights)
    if np.isneginf(total).all():
        assert found.status == SolveStatus.INFEASIBLE
        assert found.message
        return found
    assert found.status == SolveStatus.OPTIMAL
    own = total[int(found.state @ (1 << np.arange(net.atoms)))]
    assert found.objective == pytest.approx(own, abs=1e-9)
    assert own == pytest.approx(total.max(), abs=1e-7)
    assert found.objective <= found.bound <= found.objective + 1e-6
    assert found.bound >= total.max() - 1e-9
    return found


@pytest.mark.parametrize(
    ("engine", "networks"),
    [("auto", 1500), ("enumeration", 400), ("highs", 500), ("cp-sat", 100), ("toulbar2", 500), ("rc2", 500)],
)
def test_every_engine_finds_the_optimum(engine, networks):
    rng = np.random.default_rng(len(engine))
    for _ in range(networks):
        net = random_network(rng)
        solver = MAPEngine(net, engine)
        for _ in range(3):
            check(net, solver, *random_weights(rng, net))
