"""Samplers on the state of a ground network: Gibbs sampling, and MC-SAT for hard clauses that keep states apart."""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, compiled
from imle_mln.compiled.walks import proposal, walk
from imle_mln.compiled.world import FREE, Structure, ULongs, WorldState, below, move, reset, uniform


@compiled
def scatter(structure: Structure, world: WorldState, units: Longs, random: ULongs) -> None:
    """A state at random: each unit has any of its values."""
    for unit in units:
        if unit >= 0:
            world.values[unit] = uniform(random) < 0.5
        else:
            first, last = structure.block_starts[~unit], structure.block_starts[~unit + 1]
            chosen = first + below(random, last - first)
            for at in range(first, last):
                world.values[structure.block_items[at]] = at == chosen
    reset(structure, world)


@compiled
def count(world: WorldState, sums: Longs) -> None:
    """Add the truths of all variables to `sums` `[n + m]`."""
    for variable in range(len(sums)):
        sums[variable] += world.values[variable]


@compiled
def gibbs(structure: Structure, world: WorldState, units: Longs, sweeps: int, sums: Longs, random: ULongs) -> None:
    """Draw each unit anew, given all others, once per sweep (Geman and Geman 1984). States that break hard clauses have
    no probability.

    Args:
        world: in a state that breaks nothing.
        units: what is drawn.
        sums: `[n + m]` how many states had each variable true; added to.
    """
    scores = np.empty(max(1, structure.atoms))
    for _ in range(sweeps):
        for unit in units:
            if unit >= 0:
                draw_atom(structure, world, unit, random)
            else:
                draw_block(structure, world, ~unit, scores, random)
        count(world, sums)


@compiled
def draw_atom(structure: Structure, world: WorldState, atom: int, random: ULongs) -> None:
    """Draw a free atom."""
    world.score[0] = 0.0  # a sum over all clauses would leave no digits for this atom's
    move(structure, world, atom)
    gain = world.score[0]
    if world.faults[0] > 0 or uniform(random) >= 1.0 / (1.0 + np.exp(min(-gain, 700.0))):
        move(structure, world, atom)


@compiled
def draw_block(structure: Structure, world: WorldState, block: int, scores: Floats, random: ULongs) -> None:
    """Draw the true atom of a block."""
    first, last = structure.block_starts[block], structure.block_starts[block + 1]
    most = -np.inf
    world.score[0] = 0.0
    for at in range(first, last):
        move(structure, world, structure.block_items[at])
        scores[at - first] = world.score[0] if world.faults[0] == 0 else -np.inf
        most = max(most, scores[at - first])
    total = 0.0
    for at in range(last - first):
        scores[at] = np.exp(scores[at] - most)
        total += scores[at]
    left = uniform(random) * total
    chosen = last - first - 1
    for at in range(last - first):
        left -= scores[at]
        if left < 0.0 and scores[at] > 0.0:
            chosen = at
            break
    while scores[chosen] == 0.0:  # rounding
        chosen -= 1
    move(structure, world, structure.block_items[first + chosen])


@compiled
def mc_sat(
    structure: Structure,
    world: WorldState,
    strengths: Floats,
    always: Flags,
    units: Longs,
    steps: int,
    moves: int,
    sums: Longs,
    random: ULongs,
) -> int:
    """Slice sampling (Poon and Domingos 2006): of the clauses that are true, each has to stay so with the probability
    1 - exp(-strength); then comes a state at random among those in which these are true.

    Such a state is looked for from a random one by WalkSAT and simulated annealing (SampleSAT: Wei, Erenrich and Selman
    2004), and then changed at random for a while. Where none is found in time, the last one is changed.

    Args:
        structure: with clauses that may be made hard.
        world: without rewards, in a state that breaks nothing.
        strengths: `[m]` of clauses, none of them negative.
        always: `[m]` the clauses that are hard.
        units: what may change.
        steps: samples.
        moves: of one search.
        sums: `[n + m]` how many samples had each variable true; added to.

    Returns:
        in how many steps a state was found from a random one.
    """
    n = structure.atoms
    fresh = 0
    kept = np.empty(n, np.bool_)
    for _ in range(steps):
        for clause in range(len(always)):
            true = world.values[n + clause]
            structure.hard[clause] = always[clause] or (
                true and strengths[clause] > 0.0 and uniform(random) < 1.0 - np.exp(-strengths[clause])
            )
        kept[:] = world.values[:n]
        scatter(structure, world, units, random)
        if sample_sat(structure, world, units, moves, random):
            fresh += 1
        else:
            world.values[:n] = kept
            reset(structure, world)
        for _ in range(3):
            shake(structure, world, units, random)
        count(world, sums)
    return fresh


@compiled
def sample_sat(structure: Structure, world: WorldState, units: Longs, moves: int, random: ULongs) -> bool:
    """Repair broken clauses, by turns greedily and by annealing; whether none is left."""
    done = 0
    while world.faults[0] > 0 and done < moves:
        if uniform(random) < 0.5:
            walk(structure, world, 10, 0.3, random)
        else:
            for _ in range(10):
                step(structure, world, units, 0.5, random)
        done += 10
    return bool(world.faults[0] == 0)


@compiled
def step(structure: Structure, world: WorldState, units: Longs, temperature: float, random: ULongs) -> None:
    """A move at random, taken if it breaks no more, or by chance."""
    atom = proposal(structure, world, units[below(random, len(units))], random)
    if atom == FREE:
        return
    before = world.penalty[0]
    back = move(structure, world, atom)
    worse = world.penalty[0] - before
    if worse > 0.0 and uniform(random) >= np.exp(-worse / temperature):
        move(structure, world, back)


@compiled
def shake(structure: Structure, world: WorldState, units: Longs, random: ULongs) -> None:
    """Each unit at random anew, if nothing breaks: states that break nothing are all as probable as before."""
    for unit in units:
        atom = proposal(structure, world, unit, random)
        if atom != FREE and uniform(random) < 0.5:
            back = move(structure, world, atom)
            if world.faults[0] > 0:
                move(structure, world, back)
