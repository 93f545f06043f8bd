"""Makes the arrays that compiled kernels work on: see `imle_mln.compiled.world` and `imle_mln.compiled.partial`."""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import read_only
from imle_mln.compiled.partial import UNKNOWN, Partial
from imle_mln.compiled.world import FREE, Structure, ULongs, WorldState
from imle_mln.network import Bools, Floats, Index, Lists
from imle_mln.truths import by_level


def structure_of(atoms: int, clauses: Lists, hard: Bools, blocks: Lists) -> Structure:
    """The structure of a network: of a `GroundNetwork`, for one, or of a `Reduction`.

    Args:
        atoms: n, how many there are.
        clauses: m of them; none is empty, and all that one mentions come before it.
        hard: `[m]` those that must hold.
        blocks: exactly-one blocks of atoms.
    """
    found = clauses.entries()
    variables = atoms + len(clauses)
    order = np.argsort(found.variable, kind="stable")
    mentioned = np.where(found.negated, ~found.row, found.row)[order]
    in_starts = np.concatenate([[0], np.cumsum(np.bincount(found.variable, minlength=variables))]).astype(np.int64)
    members = blocks.entries()
    block_of = np.full(atoms, FREE, np.int64)
    block_of[members.variable] = members.row
    nested = len(found.variable) and int(found.variable.max()) >= atoms
    return Structure(
        atoms=atoms,
        depth=len(by_level(atoms, clauses)) if nested else min(1, len(clauses)),
        starts=read_only(clauses.starts.astype(np.int64)),
        items=read_only(clauses.items.astype(np.int64)),
        in_starts=read_only(in_starts),
        in_items=read_only(mentioned),
        hard=read_only(hard.astype(np.bool_)),
        block_of=read_only(block_of),
        block_starts=read_only(blocks.starts.astype(np.int64)),
        block_items=read_only(blocks.items.astype(np.int64)),
    )


def world_of(structure: Structure, rewards: Floats) -> WorldState:
    """A world whose state is still to be written; see `WorldState`.

    Args:
        structure: of the network.
        rewards: `[n + m]` of atoms and clauses.
    """
    n, m = structure.atoms, len(structure.hard)
    return WorldState(
        values=np.zeros(n + m, np.bool_),
        true_literals=np.zeros(m, np.int32),
        chosen=np.zeros(len(structure.block_starts) - 1, np.int64),
        rewards=rewards.astype(np.float64),
        score=np.zeros(1),
        penalties=np.where(structure.hard, 1.0, 0.0),
        penalty=np.zeros(1),
        broken=np.zeros(m, np.int64),
        place=np.full(m, -1, np.int64),
        faults=np.zeros(1, np.int64),
        path=np.zeros((2, structure.depth + 1), np.int64),
    )


def partial_of(structure: Structure) -> Partial:
    """A partial state of which nothing is known; `imle_mln.compiled.partial.start` finds out what hard clauses say."""
    n, m, b = structure.atoms, len(structure.hard), len(structure.block_starts) - 1
    return Partial(
        values=np.full(n + m, UNKNOWN, np.int8),
        true_literals=np.zeros(m, np.int32),
        unknown=np.zeros(m, np.int32),
        left=np.zeros(b, np.int32),
        trail=np.zeros(n + m, np.int64),
        ends=np.zeros(2, np.int64),
    )


def units_of(structure: Structure) -> Index:
    """What moves by itself: free atoms, and `~block` for each block."""
    free = np.flatnonzero(structure.block_of == FREE)
    return np.concatenate([free, ~np.arange(len(structure.block_starts) - 1)])


def random_of(seed: int) -> ULongs:
    """The sequence of random numbers of a seed; see `imle_mln.compiled.world.uniform`."""
    return np.array([seed], np.uint64)
