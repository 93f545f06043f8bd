"""toulbar2 on components as cost function networks: strong on pairwise models, on blocks and on small frustrated ones.

Its search runs in a process of its own, see `toulbar2_process`. Each component is built and solved anew for each
solve: toulbar2 can change a network it has solved, but has been seen to return a wrong optimum then.
"""

from __future__ import annotations

import numpy as np

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import stoppable
from imle_mln.engines.cost_network import CostNetwork
from imle_mln.engines.toulbar2_worker import borrowed
from imle_mln.inference.components import Clock, Components, EngineResult, Options
from imle_mln.inference.encoding import Encoding
from imle_mln.inference.energy import Coefficients


class Toulbar2:
    """Solves components one by one, for coefficients that change.

    Args:
        components: under the signs they will be solved with.
        options: toulbar2's seed.

    Attributes:
        atoms: `[k]` of the energy.
    """

    def __init__(self, components: Components, options: Options) -> None:
        self.atoms = components.atoms
        self._components, self._seed = components, options.seed
        self._networks = [CostNetwork(one) for one in components.each()]

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise. Optimal up to half a unit per coefficient, which are rounded: see `fixed_point`.

        After the time limit a component has the best state toulbar2 found, or all its atoms are false if that breaks
        nothing.

        Raises:
            SolveError: toulbar2 fails, or a state is not worth what toulbar2 says.
        """
        states = np.zeros(len(self._components.inside), np.bool_)
        status, slack = SolveStatus.OPTIMAL, 0.0
        for network in self._networks:
            found = self._one(network, coefficients, clock)
            if found.status == SolveStatus.INFEASIBLE:
                return found
            status, slack = max(status, found.status), slack + found.slack
            if found.states is not None:
                states[network.atoms] = found.states
        own = states[self.atoms]
        if status == SolveStatus.TIMEOUT:
            encoding = Encoding(self._components)
            if len(encoding.rows.broken(encoding.complete(own))):
                return EngineResult(status)
            status = SolveStatus.FEASIBLE
        return EngineResult(status, own, slack)

    def _one(self, network: CostNetwork, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """One component; TIMEOUT has the slack of all its atoms being false."""
        whole = network.whole(coefficients)
        problem, best = network.problem(whole, self._seed)
        with borrowed() as worker, stoppable(worker.kill):
            values, cost, bound = worker.solve(problem, clock())
        done = bound >= cost
        if values is None and done:
            return EngineResult(SolveStatus.INFEASIBLE)
        if not done and not worker.interrupted:
            raise SolveError(f"mln: toulbar2 ended at cost {cost} with a bound of {bound}, without being interrupted")
        states = np.zeros(len(network.atoms), np.bool_) if values is None else network.states(values)
        value = network.energy_of(whole, states)
        if values is not None and value != best - cost:
            raise SolveError(f"mln: toulbar2 says that a state is worth {best - cost}, it is {value}")
        slack = whole.rounding + float(np.ldexp(best - max(bound, 0) - value, -whole.shift))
        if values is None:
            return EngineResult(SolveStatus.TIMEOUT, None, slack)
        return EngineResult(SolveStatus.OPTIMAL if done else SolveStatus.FEASIBLE, states, slack)
