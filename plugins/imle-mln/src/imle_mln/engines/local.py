"""Local search on components: good states and bounds, and hardly ever a proof."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.compiled.world import Structure
from imle_mln.inference.components import Components, EngineResult, Options
from imle_mln.inference.energy import Coefficients
from imle_mln.network import Floats
from imle_mln.search.component_network import ComponentNetwork
from imle_mln.search.local_search import LocalSearch

_ROUNDING = 1e-12
"""A bound that is no further off than this, relative to the sum of the coefficients' sizes, is a proof."""


class Local:
    """Searches all components at once."""

    def __init__(self, components: Components, options: Options) -> None:
        self.atoms, self._components, self._seed = components.atoms, components, options.seed

    @cached_property
    def network(self) -> ComponentNetwork:
        """What is searched."""
        return ComponentNetwork.of(self._components)

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise."""
        return self.improve(EngineResult(SolveStatus.TIMEOUT), coefficients, clock)

    def improve(self, found: EngineResult, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """What another engine has found and not proven, or a better state, and the lower one of two bounds."""
        return improved(found, self.network.structure, self.network.rewards(coefficients), self._seed, clock)


def improved(found: EngineResult, structure: Structure, rewards: Floats, seed: int, clock: Clock) -> EngineResult:
    """See `Local.improve`, of any network; `rewards` `[n + m]` are what each variable adds if it is true."""
    search = LocalSearch(structure, rewards, seed)
    if search.contradiction:
        return EngineResult(SolveStatus.INFEASIBLE, events=found.events)
    before = -np.inf if found.states is None else search.adopt(found.states)
    search.run(clock)
    if search.score == -np.inf:
        return found
    slack = search.bound - search.score
    if before > -np.inf:
        slack = min(slack, found.slack - (search.score - before))
    proven = slack <= _ROUNDING * float(np.abs(rewards).sum())
    status = SolveStatus.OPTIMAL if proven else SolveStatus.FEASIBLE
    return EngineResult(status, search.best, max(slack, 0.0), found.events)
