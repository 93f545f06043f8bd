"""MAPEngine: the most probable state of a ground network, for weights that change."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

import numpy as np

from imle.errors import ObjectiveError, OptionError, SolveError
from imle.solvers import SolveStatus
from imle_linear.engines import Clock, deadline
from imle_mln.engines import AUTO, engines, find
from imle_mln.inference.components import EngineResult, Options, recent
from imle_mln.inference.dispatch import LARGE, Dispatch, Solved, without_dominated
from imle_mln.inference.energy import Energy, Weighted, energy
from imle_mln.inference.result import MAPResult, MAPRows, joined
from imle_mln.network import Floats, GroundNetwork
from imle_mln.truths import Evaluator

if TYPE_CHECKING:
    from imle_mln.compiled.world import Structure

_AGREE = 1e-7
"""How far apart two engines may be, relative to the sum of the coefficients' sizes."""
_PLAIN = 400
"""Numbers up to two to this are taken as they are."""
_ENERGY, _SEARCHING, _NOTABLE = 20.0, 5.0, 0.3
"""How many times as long as an evaluator it takes to make an energy, which cannot be interrupted, and a network to
search; and how many seconds matter."""


class MAPEngine:
    """Maximises `unary . y + weights . t(y)` over the states y of a network that keep its hard clauses and blocks.

    Structure is analysed once; what depends on the signs of the coefficients is kept for the signs seen last. A result
    depends on the arguments of its solve alone, not on earlier ones. One object serves one thread at a time.

    Args:
        network: its weights come with each solve.
        engine: "auto" takes, for each component and solve, the first that can: a closed form, or what
            `imle_mln.engines` says. Other names use one engine for all components that have no closed form.
        time_limit, gap, seed, cross_check: as for `MLNSolver`. A maximum flow is not interrupted.

    Several optimal states: the same one every time. A single atom is false, a block takes its first best atom; a
    minimum cut without flipped atoms and enumeration take one with the fewest true atoms; HiGHS prefers few of them.

    Raises:
        OptionError: there is no such engine, or none that can check the other one.
        SolverUnavailableError: an engine whose packages are not installed.
    """

    def __init__(
        self,
        network: GroundNetwork,
        engine: str = "auto",
        time_limit: float | None = None,
        gap: float = 0.0,
        seed: int = 0,
        cross_check: bool | str = False,
    ) -> None:
        check_engines(engine, cross_check)
        if engine != AUTO:
            find(engine).load()
        if time_limit is not None:
            from imle_mln.search.local_search import warm  # with numba, which takes some tenths of a second

            warm()
        self._network, self._name = network, engine
        self._options = Options(gap, seed, hand_on=engine == AUTO, limited=time_limit is not None)
        self._time_limit = time_limit
        self._large = int(np.count_nonzero((np.diff(network.clauses.starts) > 2) & ~network.hard))
        begin = time.perf_counter()
        self._evaluate = Evaluator(network)
        self._seconds = time.perf_counter() - begin
        self._weighted: Weighted | None = None
        self._dispatches: OrderedDict[bytes, Dispatch] = OrderedDict()
        self._cross_check = cross_check
        self._others: dict[str, MAPEngine] = {}

    def solve(self, unary: Floats, weights: Floats, clock: Clock | None = None) -> MAPResult:
        """Find a best state.

        Args:
            unary: `[A]`.
            weights: `[C]`; of hard clauses too, which count as true.
            clock: one that has started already, of the same time limit.

        Raises:
            ObjectiveError: wrong shapes, or not finite.
            SolveError: the engine cannot solve this, fails, or disagrees with the one that checks it.
        """
        given = _checked("unary", np.asarray(unary)[None], self._network.atoms, "atom")
        return self.solve_rows(given, weights, clock).row(0)

    def solve_rows(self, unary: Floats, weights: Floats, clock: Clock | None = None) -> MAPRows:
        """Find a best state for each row of unaries `[N, A]`, all with the same weights `[C]`.

        Raises:
            ObjectiveError: wrong shapes, or not finite.
            SolveError: the engine cannot solve this, fails, or disagrees with the one that checks it.
        """
        unary = _checked("unary", unary, self._network.atoms, "atom")
        if not self._reducible:
            return self._rows(unary, weights, clock)
        own, found = _checked("weights", weights, len(self._network.clauses), "clause"), []
        for row in range(len(unary)):
            one, left = unary[row : row + 1], clock or deadline(self._time_limit)
            found.append(self._reduced(one, own, left) or self._rows(one, own, left))
            clock = None
        return joined(found)

    @cached_property
    def _energy(self) -> Energy | str:
        return energy(self._network.completed)

    @property
    def _reducible(self) -> bool:
        return self._options.hand_on and self._large >= LARGE and not self._network.conflict

    @cached_property
    def _structure(self) -> Structure:
        from imle_mln.search.state import structure_of  # with numba, which takes some tenths of a second

        whole = self._network.completed
        return structure_of(whole.atoms, whole.clauses, whole.hard, whole.blocks)

    def _reduced(self, unary: Floats, weights: Floats, clock: Clock) -> MAPRows | None:
        """One row, by deciding dominated atoms first; None if that is of little use."""
        if not _plain(unary, weights):
            return None
        rewards = self._rewards(unary, weights)
        found = without_dominated(self._network.completed, self._structure, rewards, self._options, clock)
        return None if found is None else self._alone("dominance", found, unary, weights)

    def _searched(self, unary: Floats, weights: Floats, clock: Clock) -> MAPRows:
        """One row, by local search on the network as it is, if there is time for that."""
        from imle_mln.engines.local import improved

        found = EngineResult(SolveStatus.TIMEOUT)
        if _SEARCHING * self._seconds < (clock() or 0.0):
            rewards = self._rewards(unary, weights)
            found = improved(found, self._structure, rewards, self._options.seed, clock)
        return self._alone("local", found, unary, weights)

    def _rewards(self, unary: Floats, weights: Floats) -> Floats:
        return np.concatenate([self._network.padded(unary)[0], np.where(self._network.hard, 0.0, weights)])

    def _alone(self, name: str, found: EngineResult, unary: Floats, weights: Floats) -> MAPRows:
        states = np.zeros((1, self._network.atoms), np.bool_) if found.states is None else found.states[None]
        status, slack = np.array([found.status], np.int8), np.array([found.slack])
        return self._result(Solved(status, states, slack, Counter({name: 1}), [found.events]), unary, weights, 0)

    def _rows(self, unary: Floats, weights: Floats, clock: Clock | None) -> MAPRows:
        left = clock() if clock and "_energy" not in self.__dict__ else None
        if left is not None and _ENERGY * self._seconds > max(left, _NOTABLE) and not self._network.conflict:
            own = _checked("weights", weights, len(self._network.clauses), "clause")
            if len(unary) == 1 and _plain(unary, own):
                return self._searched(unary, own, cast(Clock, clock))
        if isinstance(self._energy, str):
            _checked("weights", weights, len(self._network.clauses), "clause")
            return self._none(len(unary), SolveStatus.INFEASIBLE, self._energy)
        weighted = self._of_weights(self._energy, weights)
        largest = np.maximum(np.abs(unary).max(axis=1, initial=0.0), weighted.largest)
        if largest.max(initial=0.0) < 2.0**_PLAIN and largest.min(initial=1.0) > 2.0**-_PLAIN:
            return self._solved(self._energy, unary, weighted, 0, clock)
        exponents = np.frexp(largest)[1].tolist()
        parts = [self._solved(self._energy, unary[n : n + 1], weighted, own, clock) for n, own in enumerate(exponents)]
        return joined(parts)

    def _of_weights(self, energy: Energy, weights: Floats) -> Weighted:
        """What depends on the weights only: of the last solve, if they are the same again."""
        kept = self._weighted
        if kept is None or not np.array_equal(kept.weights, weights):
            kept = Weighted(energy, _checked("weights", weights, len(self._network.clauses), "clause").copy())
            self._weighted = kept
        return kept

    def _solved(self, energy: Energy, unary: Floats, weighted: Weighted, shift: int, clock: Clock | None) -> MAPRows:
        """Solve with all numbers divided by `2^shift`, so that no sum overflows or loses digits."""
        clock = clock or deadline(self._time_limit)
        whole = self._network.padded(unary)
        coefficients = weighted.coefficients(np.ldexp(whole, -shift) if shift else whole, shift)
        dispatch = recent(
            self._dispatches, weighted.signs, lambda: Dispatch(energy, self._name, self._options, coefficients)
        )
        solved = dispatch.solve(coefficients, clock, partial(deadline, self._time_limit))
        solved = solved._replace(states=energy.reduction.whole(solved.states))
        return self._result(solved, unary, weighted.weights, shift)

    def _result(self, solved: Solved, unary: Floats, weights: Floats, shift: int) -> MAPRows:
        states = solved.states[:, : self._network.atoms]
        good = solved.status <= SolveStatus.FEASIBLE
        states[~good] = False
        found = self._evaluate(states)
        if (found.violated + found.broken)[good].any():
            raise SolveError(f"mln: engine={self._name!r} returned a state that breaks a hard clause or a block")
        # not `@`: BLAS may start threads for it, which costs more than the sum
        objective = np.einsum("na,na->n", unary, states) + np.einsum("c,nc->n", weights, found.truths)
        objective[~good] = np.nan
        slack = np.where(good, np.ldexp(solved.slack, shift), np.nan)
        messages = {
            row: self._told(SolveStatus(int(solved.status[row])), float(slack[row]))
            for row in np.flatnonzero(solved.status != SolveStatus.OPTIMAL).tolist()
        }
        rows = MAPRows(states, found.truths, solved.status, objective, slack, solved.engines, solved.events, messages)
        if self._cross_check:
            for row in np.flatnonzero(good).tolist():
                self._compare(rows.row(row), unary[row], weights)
        return rows

    def _told(self, status: SolveStatus, slack: float) -> str:
        """Why a row is not proven."""
        if status == SolveStatus.INFEASIBLE:
            return "no state keeps all hard clauses and blocks"
        limit = "" if self._time_limit is None else f" within the time limit of {self._time_limit:.3g} s"
        if status == SolveStatus.FEASIBLE:
            return f"not proven{limit}: other states may be better by up to {slack:.6g}"
        return f"no state that keeps all hard clauses and blocks was found{limit or ' in time'}"

    def _none(self, rows: int, status: SolveStatus, message: str) -> MAPRows:
        states, nan = np.zeros((rows, self._network.atoms), np.bool_), np.full(rows, np.nan)
        truths, codes = self._evaluate(states).truths, np.full(rows, status, np.int8)
        nothing = Counter[str]()
        return MAPRows(states, truths, codes, nan, nan, nothing, [nothing] * rows, dict.fromkeys(range(rows), message))

    def _compare(self, result: MAPResult, unary: Floats, weights: Floats) -> None:
        name = self._cross_check if isinstance(self._cross_check, str) else _another(result)
        if name not in self._others:
            self._others[name] = MAPEngine(self._network, name, self._time_limit, self._options.gap, self._options.seed)
        other = self._others[name].solve(unary, weights)
        room = _AGREE * float(np.abs(unary).sum() + np.abs(weights).sum())
        crossed = max(result.objective - other.bound, other.objective - result.bound)
        if other.status == SolveStatus.INFEASIBLE or crossed > room:
            raise SolveError(
                f"mln: cross-check: engine={self._name!r} found "
                f"{result.objective!r} (bound {result.bound!r}), engine={name!r} {other.status.name.lower()} "
                f"{other.objective!r} (bound {other.bound!r})"
            )


def _another(result: MAPResult) -> str:
    """A general engine that has not solved any of this, or else the first one, alone."""
    general = [one for one in engines() if one.general and not one.requires]
    fresh = [one for one in general if not result.engines[one.name] and not result.events[one.decided]]
    return (fresh or general)[0].name


def _plain(unary: Floats, weights: Floats) -> bool:
    """Whether sums of these numbers can neither overflow nor lose all digits."""
    largest = max(float(np.abs(part).max(initial=0.0)) for part in (unary, weights))
    return 2.0**-_PLAIN < largest < 2.0**_PLAIN


def _checked(name: str, given: Floats, length: int, per: str) -> Floats:
    found = np.asarray(given, dtype=np.float64)
    if found.shape[-1:] != (length,):
        shape = list(found.shape[-1:] if name == "unary" else found.shape)
        raise ObjectiveError(f"mln: {name}: expected {length} numbers, one per {per}, found shape {shape}")
    if math.isfinite(float(found.sum())):
        return found  # a sum is the cheapest pass there is
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        value, at = found[tuple(bad[0])], int(bad[0, -1])
        raise ObjectiveError(f"mln: {name}: expected finite numbers, found {value} at position {at}")
    return found


def check_engines(engine: str, cross_check: bool | str) -> None:
    """Refuse names of engines.

    Raises:
        OptionError: there is no such engine, or none that can check the other one.
        SolverUnavailableError: an engine whose packages are not installed.
    """
    if engine != AUTO:
        find(engine)
    others = [one.name for one in engines() if one.general and one.name != engine]
    if not isinstance(cross_check, bool):
        if cross_check not in others:
            raise OptionError(f"mln: cross_check: expected a bool or one of {', '.join(others)}, found {cross_check!r}")
        find(cross_check)
