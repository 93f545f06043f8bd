"""toulbar2 on components as cost function networks: strong on pairwise models, on blocks and on small frustrated ones.

Its search runs in a process of its own, see `toulbar2_process`. Each component is built and solved anew for each
solve: toulbar2 can change a network it has solved, but has been seen to return a wrong optimum then.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle.solvers.stopping import stoppable
from imle_mln.inference.clock import Clock
from imle_mln.inference.cost_network import CostNetwork
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.found import Found
from imle_mln.inference.partition import Partition
from imle_mln.inference.parts import parts_of
from imle_mln.inference.scope import Scope
from imle_mln.inference.toulbar2_worker import borrowed
from imle_mln.inference.truths import Bools, Index, Truths, entries


class Toulbar2Engine:
    """Solves the chosen components for coefficients that change.

    Args:
        energy: the network's.
        scope: its large clauses.
        parts: its components.
        chosen: `[components]` those that are meant.
        truths: evaluates the energy's clauses.
        coefficients: only the signs of large clauses matter.
        seed: of toulbar2.

    Attributes:
        atoms: `[k]` of the energy.
        events: nothing is counted.
    """

    def __init__(
        self, energy: Energy, scope: Scope, parts: Partition, chosen: Bools, truths: Truths,
        coefficients: Coefficients, seed: int,
    ) -> None:  # fmt: skip
        self.atoms: Index = np.flatnonzero(chosen[parts.component])
        self.events = Counter[str]()
        self._energy, self._truths, self._seed = energy, truths, seed
        components = parts_of(energy, scope, parts, chosen)
        self._networks = [CostNetwork(energy, scope, part, coefficients) for part in components]

    def solve(self, coefficients: Coefficients, clock: Clock) -> Found:
        """Maximise. Optimal up to half a unit per coefficient, which are rounded: see `fixed_point`.

        After the time limit a component has the best state toulbar2 found, or all its atoms are false if that breaks
        nothing.

        Raises:
            SolveError: toulbar2 fails, or a state is not worth what toulbar2 says.
        """
        states = np.zeros(self._energy.reduction.atoms, np.bool_)
        status, slack = SolveStatus.OPTIMAL, 0.0
        for network in self._networks:
            found = self._one(network, coefficients, states, clock)
            if found.status == SolveStatus.INFEASIBLE:
                return found
            status, slack = max(status, found.status), slack + found.slack
            if found.states is not None:
                states[network.atoms] = found.states
        if status == SolveStatus.TIMEOUT and self._keeps(states):
            status = SolveStatus.FEASIBLE
        if status == SolveStatus.TIMEOUT:
            return Found(status)
        return Found(status, states[self.atoms], slack)

    def _one(self, network: CostNetwork, coefficients: Coefficients, rest: Bools, clock: Clock) -> Found:
        """One component; TIMEOUT has the slack of all its atoms being false."""
        whole = network.whole(coefficients)
        problem, best = network.problem(whole, self._seed)
        with borrowed() as worker, stoppable(worker.kill):
            values, cost, bound = worker.solve(problem, clock())
        done = bound >= cost
        if values is None and done:
            return Found(SolveStatus.INFEASIBLE)
        if not done and not worker.interrupted:
            raise SolveError(f"mln: toulbar2 ended at cost {cost} with a bound of {bound}, without being interrupted")
        states = np.zeros(len(network.atoms), np.bool_) if values is None else network.states(values)
        everything = rest.copy()
        everything[network.atoms] = states
        value = network.energy_of(whole, states, self._truths.of(everything))
        if values is not None and value != best - cost:
            raise SolveError(f"mln: toulbar2 says that a state is worth {best - cost}, it is {value}")
        slack = whole.rounding + float(np.ldexp(best - max(bound, 0) - value, -whole.shift))
        if values is None:
            return Found(SolveStatus.TIMEOUT, None, slack)
        return Found(SolveStatus.OPTIMAL if done else SolveStatus.FEASIBLE, states, slack)

    def _keeps(self, states: Bools) -> bool:
        """Whether a state keeps the hard part of the chosen components."""
        chosen = np.zeros(len(states), np.bool_)
        chosen[self.atoms] = True
        energy = self._energy
        i, j = energy.pairs.T
        state = 2 * states[i] + states[j].astype(np.int64)
        if (chosen[i] & ((energy.forbidden >> state) & 1 == 1)).any():
            return False
        blocks = entries(energy.blocks, np.arange(len(energy.blocks)))
        mine = chosen[blocks.variable]
        true = np.bincount(blocks.row[mine], states[blocks.variable[mine]], len(energy.blocks))
        if (true[np.unique(blocks.row[mine])] != 1).any():
            return False
        return bool(self._truths.of(states)[self._hard()].all())

    def _hard(self) -> Index:
        return np.concatenate([network.hard for network in self._networks])
