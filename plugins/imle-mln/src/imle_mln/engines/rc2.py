"""RC2, python-sat's core-guided MaxSAT solver, on an encoding: its rows as clauses, its costs as rewards of literals.

Costs are whole numbers here. Real weights make many levels of them, so this is for small networks, of some hundreds of
atoms: see the plugin's README.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.inference.components import Components, EngineResult, Options
from imle_mln.inference.encoding import Constraints, Encoding
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.integer_scaling import fixed_point, shift_to
from imle_mln.network import Bools
from imle_pysat.oracle import any_model, best_model

_SIZE = 50
"""Costs add up to less than two to this."""


class RC2:
    """Solves components; each solve starts anew."""

    def __init__(self, components: Components, options: Options) -> None:
        del options
        self._encoding = Encoding(components)
        self.atoms = components.atoms
        self._clauses = clauses(self._encoding.rows)
        self._any: NDArray[np.int64] | None = None

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise. Optimal up to half a unit per column, costs being rounded: see `fixed_point`; the slack says so.

        After the time limit the model of the last level that RC2 settled, or any model, is FEASIBLE, if all atoms being
        false is not better.
        """
        costs = self._encoding.costs(coefficients)
        shift = shift_to(_SIZE, costs)
        whole = fixed_point(costs, shift)
        if self._any is None:
            model, certain = any_model(self._clauses, clock())
            if model is None:
                found = EngineResult(SolveStatus.INFEASIBLE)
                return found if certain else self._encoding.fallback(costs)
            self._any = np.array(model)
        rewards = {
            (column + 1 if cost < 0 else -column - 1): abs(cost) for column, cost in enumerate(whole.tolist()) if cost
        }
        left = clock()
        best = best_model(
            self._clauses,
            rewards,
            len(costs),
            stratified=True,
            time_limit=None if left is None else max(left, 0.0),
        )
        if best.proven:
            states = self._states(np.array(best.model, np.int64))
            return EngineResult(SolveStatus.OPTIMAL, states, float(np.ldexp(0.5 * len(costs), -shift)))
        states = self._states(self._any if best.model is None else np.array(best.model, np.int64))
        value = float(self._encoding.complete(states) @ costs)
        missed = max(0.0, float(np.ldexp(best.missed - 0.5 * len(costs), -shift)))  # by every state
        found = EngineResult(SolveStatus.FEASIBLE, states, value - float(np.minimum(costs, 0.0).sum()) - missed)
        nothing = self._encoding.fallback(costs)
        return nothing if nothing.status.ok and nothing.slack < found.slack else found

    def _states(self, model: NDArray[np.int64]) -> Bools:
        states = np.zeros(len(self.atoms), np.bool_)
        states[model[(model > 0) & (model <= len(states))] - 1] = True
        return states


def clauses(rows: Constraints) -> list[list[int]]:
    """Rows as clauses: each wants one of its literals to be true, or at most one to be false, or both."""
    found: list[list[int]] = []
    for columns, signs, lower, upper in rows:
        literals = (signs * (columns + 1)).tolist()
        negative = int((signs < 0).sum())
        if np.isfinite(lower):
            found += _at_least(literals, int(lower) + negative)
        if np.isfinite(upper):
            found += _at_least([-literal for literal in literals], len(literals) - negative - int(upper))
    return found


def _at_least(literals: list[int], count: int) -> list[list[int]]:
    """Clauses for: at least so many of these literals are true."""
    if count <= 1:
        return [literals] * count
    assert count == len(literals) - 1, "rows of encodings without counted exclusions are clauses and at-most-ones"
    return [[one, other] for place, one in enumerate(literals) for other in literals[:place]]
