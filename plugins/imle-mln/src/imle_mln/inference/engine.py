"""MAPEngine: the most probable state of a ground network, for weights that change."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict

import numpy as np
from scipy import sparse

from imle.errors import ObjectiveError, OptionError, SolveError
from imle.solvers import SolveStatus
from imle_mln.inference.energy import Energy, energy
from imle_mln.inference.partition import signs
from imle_mln.inference.plan import Options, Plan, Solved, Structure, recent
from imle_mln.inference.result import MAPResult
from imle_mln.inference.scope import Scope
from imle_mln.inference.truths import Bools, Index, Truths, entries
from imle_mln.network import Floats, GroundNetwork

ENGINES = ("auto", "highs", "cp-sat", "min-cut", "enumeration")
_AGREE = 1e-7
"""How far apart two engines may be, relative to the sum of the coefficients' sizes."""


class MAPEngine:
    """Maximises `unary . y + weights . t(y)` over the states y of a network that keep its hard clauses and blocks.

    Structure is analysed once; what depends on the signs of the coefficients is kept for the signs seen last. A result
    depends on the arguments of its solve alone, not on earlier ones. One object serves one thread at a time.

    Args:
        network: its weights come with each solve.
        engine: "auto" takes, for each component and solve, the first that can: a closed form, the minimum cut,
            enumeration (up to 8 atoms), HiGHS. Other names use one engine for all components that have no closed form:
            "highs", "cp-sat", "min-cut", or "enumeration" (up to 20 atoms per component).
        time_limit: seconds per solve; None for no limit. It holds for HiGHS and CP-SAT.
        gap: relative gap at which branch and bound may stop.
        seed: of the solvers, and of the rule that breaks ties in HiGHS.
        cross_check: solve by two engines and compare.

    Several optimal states: the same one every time. A single atom is false, a block takes its first best atom; a
    minimum cut without flipped atoms and enumeration take one with the fewest true atoms; HiGHS prefers few of them.

    Raises:
        OptionError: a value out of range.
    """

    def __init__(
        self,
        network: GroundNetwork,
        engine: str = "auto",
        time_limit: float | None = None,
        gap: float = 0.0,
        seed: int = 0,
        cross_check: bool = False,
    ) -> None:
        _check_options(engine, time_limit, gap, seed)
        self._network, self._options = network, Options(engine, gap, seed)
        self._time_limit = time_limit
        self._truths = Truths(network.atoms, network.clauses)
        self._blocks = entries(network.blocks, np.arange(len(network.blocks)))
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()
        found = energy(network)
        self._conflict = found if isinstance(found, str) else ""
        self._structure = None if isinstance(found, str) else _structure(network, found)
        self._cross_check = cross_check
        self._others: dict[str, MAPEngine] = {}

    def solve(self, unary: Floats, weights: Floats) -> MAPResult:
        """Find a best state.

        Args:
            unary: `[A]`.
            weights: `[C]`; of hard clauses too, which count as true.

        Raises:
            ObjectiveError: wrong shapes, or not finite.
            SolveError: the engine cannot solve this, fails, or disagrees with the one that checks it.
        """
        unary = _checked("unary", unary, self._network.atoms, "atom")
        weights = _checked("weights", weights, len(self._network.clauses), "clause")
        if self._structure is None:
            return self._without(SolveStatus.INFEASIBLE, self._conflict)
        largest = max(np.abs(unary).max(initial=0.0), np.abs(weights).max(initial=0.0))
        shift = int(np.frexp(largest)[1])
        solved = self._solved(self._structure, np.ldexp(unary, -shift), np.ldexp(weights, -shift))
        if not solved.status.ok:
            return self._without(solved.status, _REASONS[solved.status], solved.engines)
        result = self._result(self._structure.energy, solved, unary, weights, shift)
        if self._cross_check:
            self._compare(result, unary, weights)
        return result

    def _solved(self, structure: Structure, unary: Floats, weights: Floats) -> Solved:
        coefficients = structure.energy.coefficients(unary, weights)
        key = signs(structure.energy, coefficients)
        plan = recent(self._plans, key, lambda: Plan(structure, self._options, coefficients))
        if self._time_limit is None:
            return plan.solve(coefficients, lambda: None)
        end = time.perf_counter() + self._time_limit
        return plan.solve(coefficients, lambda: end - time.perf_counter())

    def _result(self, energy: Energy, solved: Solved, unary: Floats, weights: Floats, shift: int) -> MAPResult:
        state = energy.reduction.decided.copy()
        state[energy.reduction.atom_ids] = solved.states
        truths = self._truths.of(state)
        if not self._keeps(state, truths):
            raise SolveError(
                f"mln: engine={self._options.engine!r} returned a state that breaks a hard clause or a block"
            )
        objective = float(unary @ state + weights @ truths)
        bound = objective + math.ldexp(solved.slack, shift)
        return MAPResult(state, truths, solved.status, objective, bound, solved.engines)

    def _keeps(self, state: Bools, truths: Bools) -> bool:
        if not truths[self._network.hard].all():
            return False
        true = np.bincount(self._blocks.row, state[self._blocks.variable], len(self._network.blocks))
        return bool((true == 1).all())

    def _without(self, status: SolveStatus, message: str, engines: Counter[str] | None = None) -> MAPResult:
        state = np.zeros(self._network.atoms, np.bool_)
        nan = float("nan")
        return MAPResult(state, self._truths.of(state), status, nan, nan, engines or Counter(), message)

    def _compare(self, result: MAPResult, unary: Floats, weights: Floats) -> None:
        name = "cp-sat" if "highs" in result.engines else "highs"
        if name not in self._others:
            self._others[name] = MAPEngine(self._network, name, self._time_limit, self._options.gap, self._options.seed)
        other = self._others[name].solve(unary, weights)
        room = _AGREE * float(np.abs(unary).sum() + np.abs(weights).sum())
        crossed = max(result.objective - other.bound, other.objective - result.bound)
        if other.status == SolveStatus.INFEASIBLE or crossed > room:
            raise SolveError(
                f"mln: cross-check: engine={self._options.engine!r} found "
                f"{result.objective!r} (bound {result.bound!r}), engine={name!r} {other.status.name.lower()} "
                f"{other.objective!r} (bound {other.bound!r})"
            )


_REASONS = {
    SolveStatus.INFEASIBLE: "no state keeps all hard clauses and exactly-one blocks",
    SolveStatus.TIMEOUT: "no state that keeps all hard clauses and exactly-one blocks was found in time",
}


def _structure(network: GroundNetwork, found: Energy) -> Structure:
    classes = _classes(network, found)
    return Structure(found, Scope(found), classes, Truths(found.reduction.atoms, found.reduction.clauses))


def _classes(network: GroundNetwork, energy: Energy) -> Index:
    """Pairs that the same formulas couple, in equal numbers, have one class: their couplings are likely to be equal."""
    shape = (len(network.clauses), len(network.constants))
    counts = sparse.csr_array((network.count_values, (network.count_clauses, network.count_formulas)), shape=shape)
    mark = np.random.default_rng(0).random(shape[1])
    value = energy.to_pair @ (counts @ mark)[energy.reduction.clause_ids]
    classes: Index = np.unique(np.round(value, 9), return_inverse=True)[1]
    return classes


def _checked(name: str, given: Floats, length: int, per: str) -> Floats:
    found = np.asarray(given, dtype=np.float64)
    if found.shape != (length,):
        raise ObjectiveError(f"mln: {name}: expected {length} numbers, one per {per}, found shape {list(found.shape)}")
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        at = int(bad[0])
        raise ObjectiveError(f"mln: {name}: expected finite numbers, found {found[at]} at position {at}")
    return found


def _check_options(engine: str, time_limit: float | None, gap: float, seed: int) -> None:
    if engine not in ENGINES:
        raise OptionError(f"mln: engine: expected one of {', '.join(ENGINES)}, found {engine!r}")
    if time_limit is not None and not time_limit > 0:
        raise OptionError(f"mln: time_limit: expected seconds > 0 or None, found {time_limit!r}")
    if not (math.isfinite(gap) and gap >= 0):
        raise OptionError(f"mln: gap: expected a finite number >= 0, found {gap!r}")
    if not 0 <= seed < 2**31:
        raise OptionError(f"mln: seed: expected an int from 0 to {2**31 - 1}, found {seed!r}")
