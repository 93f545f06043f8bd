"""What flipping atoms changes, on random networks, against evaluating both worlds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import imle_mln
from imle_mln.changes import Changes, Moves, single_moves
from imle_mln.grounding import ground
from imle_mln.learning.joint import joint_moves
from imle_mln.truths import Evaluator
from support.random_mln import Draw


def networks(many):
    """Grounded random programs, each with a state that keeps all blocks."""
    rng = np.random.default_rng(0)
    found = 0
    for seed in itertools.count():
        text, _ = Draw(seed).program()
        try:
            program = imle_mln.parse_program(text)
        except imle_mln.errors.MLNSyntaxError:
            continue
        network = ground(program).network
        if not 0 < network.atoms <= 12:
            continue
        state = rng.random(network.atoms) < 0.5
        for block in range(len(network.blocks)):
            own = network.blocks[block]
            state[own] = np.arange(len(own)) == rng.integers(len(own))
        for block in range(len(network.optional)):
            own = network.optional[block]
            state[own] = np.arange(len(own)) == rng.integers(-1, len(own))
        yield network, state
        found += 1
        if found == many:
            return


def after(state, moves):
    """`[M, A]` the worlds that moves lead to."""
    return (state.astype(int) + moves.atoms.toarray()).astype(bool)


def test_changes_are_those_of_evaluating_both_worlds():
    nested = blocks = optional = broken = 0
    for network, state in networks(300):
        moves = single_moves(network, state)
        changes = Changes(network, state)
        evaluate = Evaluator(network)
        before, then = evaluate(state[None]), evaluate(after(state, moves))
        assert not then.broken.any()
        truths = changes.clauses(moves).toarray()
        assert (truths == then.truths.astype(int) - before.truths).all()
        counts, breaking = changes.counts(moves)
        assert (counts.toarray() == then.counts - before.counts).all()
        assert changes.totals.tolist() == before.counts[0].tolist()
        lost = (before.truths & ~then.truths)[:, network.hard].any(axis=1)
        assert breaking.tolist() == np.flatnonzero(lost).tolist()
        nested += bool((network.clauses.entries().variable >= network.atoms).any())
        blocks += len(network.blocks)
        optional += len(network.optional)
        broken += len(breaking)
    assert min(nested, blocks, optional, broken) > 20


def test_single_moves_are_all_other_values_of_one_unit():
    for network, state in networks(50):
        moves = single_moves(network, state)
        found = {tuple(world) for world in after(state, moves).tolist()}
        wanted = set()
        inside = set(network.choices.items.tolist())
        for atom in set(range(network.atoms)) - inside:
            other = state.copy()
            other[atom] ^= True
            wanted.add(tuple(other.tolist()))
        for at, members in enumerate(network.choices[at].tolist() for at in range(len(network.choices))):
            for value in [*members, *[None] * (at >= len(network.blocks))]:
                other = state.copy()
                other[members] = False
                if value is not None:
                    other[value] = True
                wanted.add(tuple(other.tolist()))
        assert found == wanted - {tuple(state.tolist())}
        assert len(found) == len(moves)


def test_joint_moves_are_all_other_states_of_each_part():
    apart = 0
    for network, state in networks(60):
        moves = joint_moves(network, state, "database 0")
        worlds = after(state, moves)
        assert len({tuple(world) for world in worlds.tolist()}) == len(moves)
        assert not Evaluator(network)(worlds).broken.any()
        inside = np.zeros(network.atoms, bool)
        inside[network.choices.items] = True
        states = 2 ** int((~inside).sum()) * int(np.prod(np.diff(network.blocks.starts)))
        states *= int(np.prod(np.diff(network.optional.starts) + 1))
        assert np.prod(np.bincount(moves.group) + 1) == states
        changed = Changes(network, state).clauses(moves).toarray()
        for clause in changed.T:
            assert len(np.unique(moves.group[clause != 0])) <= 1, "no clause has atoms of two parts"
        apart += len(np.unique(moves.group)) > 1
    assert apart > 5


def test_moves_among_chosen_atoms():
    program = imle_mln.parse_program("n = {A, B}\nP(n)\nQ(n, n!)\n1 P(x)\n1 Q(x,y)\n")
    network = ground(program).network
    state = np.array([True, False, True, False, False, True])
    chosen = np.array([True, False, False, False, True, True])
    moves = single_moves(network, state, chosen)
    assert after(state, moves).astype(int).tolist() == [[0, 0, 1, 0, 0, 1], [1, 0, 1, 0, 1, 0]]
    assert moves.group.tolist() == [0, 2]
    assert len(Moves.of(np.zeros(0, int), np.zeros(0, int), state, np.zeros(0, int))) == 0


@pytest.mark.parametrize("truth", [True, False])
def test_hard_clauses_that_do_not_hold(truth):
    program = imle_mln.parse_program("n = {A}\nP(n)\nQ(n)\nP(x) => Q(x).\n")
    found = Changes(ground(program).network, np.array([True, truth]))
    assert len(found.broken) == (not truth)
