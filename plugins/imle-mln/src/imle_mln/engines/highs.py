"""HiGHS: the linear relaxation by a warm simplex, with rows as they are needed; branch and bound if it is fractional.

A whole-numbered vertex that breaks no row proves itself. Components whose part of the vertex is fractional are solved
one by one: by some nodes on the warm relaxation, and where these do not do, by HiGHS' own branch and bound, on the
rows known so far, until no row that was left out is broken; or by another engine, if they may be handed on. Where
unaries alone decide many atoms, only the rest is solved, as a model of its own.

Basis and active rows are kept from solve to solve, so a tie would be broken by history. Therefore every atom costs a
little: between one and two times 2^-32 of the largest coefficient, by a fixed pseudo-random rule. Among equally good
states one is then best, with few true atoms; the bound that is reported says what this can have cost. Components with
coefficients so much smaller than the largest that this could decide them are handed on, if they may be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from highspy import HighsModelStatus

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_highs.native import Settings
from imle_linear.branching import NodeSearch
from imle_linear.engines import Clock
from imle_mln.engines import HEAVY, NODES, EngineSpec, engines
from imle_mln.engines.elimination import Elimination
from imle_mln.engines.relaxation import LazyRelaxation, Relaxation
from imle_mln.inference.components import Components, ComponentSolver, EngineResult, Options
from imle_mln.inference.encoding import BROKEN, Counting, Encoding
from imle_mln.inference.energy import Coefficients
from imle_mln.network import Bools, Floats, Index

_SIZE = 20
"""HiGHS is given costs of up to two to this: its tolerances are absolute."""
_FINE, _DUST = 2.0 ** (_SIZE - 24), 2.0 ** (_SIZE - 44)
"""Costs below the one are near what breaks ties, and below the other what is left where sums cancel out."""
_NOTHING = 1000
"""Where all costs are zero the bias is not a loss: this scale makes none of it."""
_BIAS = 2.0 ** (_SIZE - 32)
_SIMPLEX: Settings = {"presolve": "off", "solver": "simplex", "simplex_strategy": 1}
_TUNINGS: tuple[Settings, ...] = (
    {"presolve": "off", "mip_heuristic_effort": 0.0, "mip_detect_symmetry": False, "mip_max_nodes": 128},
    {"presolve": "choose", "mip_heuristic_effort": 0.05, "mip_detect_symmetry": True, "mip_max_nodes": 2**31 - 1},
)
"""Lean first: presolve and heuristics cost more than a few nodes."""
_WORTH = 0.6
"""A model without what is decided is built if it has less than this part of the columns."""
_SLOW = 50_000
"""Under a time limit components with more rows are not handed on: to build their model would take seconds."""
_CROWDED = 8.0
"""From this many lazy rows per atom on, they are left out until broken."""

Proven = tuple[Index, float, float]
"""Columns of a component, what the relaxation proves of their cost, if anything, and how far from optimal they are."""


def highs(components: Components, options: Options) -> ComponentSolver:
    """The engine."""
    return Counting(components, lambda encoding: HighsModel(encoding, options))


class HighsModel:
    """Solves an encoding. The seed is that of HiGHS and of the rule that breaks ties."""

    def __init__(self, encoding: Encoding, options: Options) -> None:
        self.atoms, self._encoding, self._rows = encoding.atoms, encoding, encoding.rows
        self._events, self._options = Counter[str](), options
        atoms = len(encoding.atoms)
        columns = self._rows.matrix.shape[1]
        few = np.count_nonzero(self._rows.lazy) < _CROWDED * atoms
        active = np.ones(len(self._rows.lazy), np.bool_) if few else ~self._rows.lazy
        self._shared: Settings = {"threads": 1, "random_seed": options.seed}
        self._exact: Settings = {**self._shared, "mip_rel_gap": options.gap, "mip_abs_gap": 0.0}
        self._linear = LazyRelaxation(self._rows, active, {**self._shared, **_SIMPLEX}, self._events)
        self._elimination = Elimination(encoding) if few else None
        self._next: dict[tuple[int, str], EngineSpec | None] = {}
        self._successors: dict[tuple[str, int], ComponentSolver] = {}
        self._bias = np.zeros(columns)
        self._bias[:atoms] = _BIAS * (1.0 + np.random.default_rng(options.seed).random(columns)[:atoms])
        self._component_of_row = encoding.row_component
        self._integer = encoding.integer
        self._kept: dict[int, tuple[int, Relaxation]] = {}

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise."""
        before = Counter(self._events)
        found = self._solve(coefficients, clock)
        return replace(found, events=self._events - before)

    def _solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        costs = self._encoding.costs(coefficients)
        largest = float(np.abs(costs).max(initial=0.0))
        shift = _SIZE - int(np.frexp(largest)[1]) if largest else _NOTHING
        scaled = np.ldexp(costs, shift)
        fine = self._fine(scaled)
        bias = np.where(np.isin(self._encoding.component, fine), 0.0, self._bias) if len(fine) else self._bias
        scaled += bias
        linear, lower, columns, heavy = self._open(scaled)
        linear.set_costs(scaled[columns])
        found = linear.solve(clock) if len(columns) else np.zeros(0)
        if isinstance(found, SolveStatus):
            return EngineResult(found) if found == SolveStatus.INFEASIBLE else self._encoding.fallback(costs)
        x = lower
        x[columns] = found
        bound = float((x * scaled).sum())
        atoms = len(self._encoding.atoms)
        fractional = np.abs(x[:atoms] - np.rint(x[:atoms])) > BROKEN
        hard = np.union1d(self._encoding.component[:atoms][fractional], np.union1d(fine, heavy))
        ended = SolveStatus.OPTIMAL
        self._events["integral_relaxations"] += not len(hard)
        biased = coefficients._replace(unary=coefficients.unary.copy())
        biased.unary[self.atoms] -= np.ldexp(bias[:atoms], -shift)
        proven: list[Proven] = []
        for component in hard.tolist():
            why = "heavy" if component in heavy else "finest" if component in fine else "takes_over"
            successor = self._successor(component, why)
            status, gained = None, 0.0
            nodes = NODES if successor is None else successor.after
            if nodes and why == "takes_over":
                status, gained = self._search(component, x, scaled, linear, columns, nodes, clock)
            if status is None and successor is not None:
                own = np.flatnonzero(self._encoding.component == component)
                known = -np.inf if why == "heavy" else float((x[own] * scaled[own]).sum())
                handed = self._hand_on(component, successor, x, biased, clock)
                status = handed.status
                proven.append((own, known, float(np.ldexp(handed.slack, shift))))
            elif status is None:
                status, gained = self._branch(component, x, scaled, clock)
            if not status.ok:
                return EngineResult(status)
            ended = max(ended, status)
            bound += gained
        return self._checked(ended, x, scaled, bias, bound, proven, shift)

    def _fine(self, scaled: Floats) -> Index:
        """Components with costs that the breaking of ties could outweigh, if another engine may decide them."""
        if not self._options.hand_on:
            return np.zeros(0, np.int64)
        sizes = np.abs(scaled)
        return np.unique(self._encoding.component[(sizes < _FINE) & (sizes > _DUST)])

    def _open(self, scaled: Floats) -> tuple[LazyRelaxation, Floats, Index, Index]:
        """The model to solve, the values of all columns that are not in it, its columns, and components left out."""
        lower, upper, everything = np.zeros(len(scaled)), np.ones(len(scaled)), np.arange(len(scaled))
        if self._elimination is not None and self._elimination.possible:
            live, fixed = self._elimination.of(scaled)
            k, (first, second) = len(live), self._encoding.pair_ends.T
            lower[:k], upper[:k] = fixed, live
            lower[self._encoding.pair_columns] = fixed[first] & fixed[second]
            upper[self._encoding.pair_columns] = live[first] & live[second]
        heavy = self._heavy(lower < upper)
        left_out = np.isin(self._encoding.component, heavy)
        lower[left_out] = upper[left_out] = 0.0
        if not len(heavy) and np.count_nonzero(lower < upper) > _WORTH * len(scaled):
            return self._linear, np.zeros(len(scaled)), everything, heavy
        rows, columns = self._rows.without(lower, upper, ~np.isin(self._component_of_row, heavy))
        self._events["reduced_relaxations"] += 1
        active = np.ones(len(rows.lazy), np.bool_)
        linear = LazyRelaxation(rows, active, {**self._shared, **_SIMPLEX}, self._events)
        return linear, lower, columns, heavy

    def _heavy(self, open_: Bools) -> Index:
        """Components with so many open columns that under a time limit another engine has to find a state."""
        component = self._encoding.component
        if not self._options.limited or np.count_nonzero(open_) <= HEAVY:
            return np.zeros(0, np.int64)
        most = np.flatnonzero(np.bincount(component[open_]) > HEAVY)
        return np.array([one for one in most.tolist() if self._successor(one, "heavy") is not None], np.int64)

    def _search(
        self,
        component: int,
        x: Floats,
        scaled: Floats,
        linear: LazyRelaxation,
        columns: Index,
        nodes: int,
        clock: Clock,
    ) -> tuple[SolveStatus | None, float]:
        """Nodes on the warm relaxation: writes a component's solution into x, and says how its bound has risen.

        The status is None if others have to go on.
        """
        inside = self._encoding.component[columns] == component
        atoms = np.flatnonzero(inside & self._integer[columns])
        costs = np.where(inside, scaled[columns], 0.0)
        search = NodeSearch(linear, atoms, np.zeros(len(columns)), np.ones(len(columns)), costs, self._options.gap)
        before = float(x[columns] @ costs)
        finished = search.run(x[columns], nodes, clock)
        if not finished and (search.best is None or clock() != 0.0):
            return None, 0.0
        self._events["searches"] += 1
        if search.best is None:
            return SolveStatus.INFEASIBLE, 0.0
        x[columns[inside]] = search.best[inside]
        status = SolveStatus.OPTIMAL if finished else SolveStatus.FEASIBLE
        return status, max(0.0, search.bound - before)

    def _checked(
        self, status: SolveStatus, x: Floats, scaled: Floats, bias: Floats, bound: float, proven: list[Proven],
        shift: int,
    ) -> EngineResult:  # fmt: skip
        """The whole-numbered point, checked against all rows, those never looked at too."""
        states = x[: len(self._encoding.atoms)] > 0.5
        whole = self._encoding.complete(states)
        if len(self._rows.broken(whole)):
            if status == SolveStatus.OPTIMAL:
                raise SolveError("mln: HiGHS' solution, rounded to whole numbers, breaks a hard clause")
            return EngineResult(SolveStatus.TIMEOUT)
        for columns, known, slack in proven:
            own = float(whole[columns] @ scaled[columns]) - slack
            bound += max(0.0, own - known) if np.isfinite(known) else own
        biased = max(0.0, float(whole @ scaled) - bound)
        return EngineResult(status, states, float(np.ldexp(biased + float(bias @ (1.0 - whole)), -shift)))

    def _successor(self, component: int, why: str) -> EngineSpec | None:
        """Which engine goes on, if any: of those whose lines say so, the one after the fewest nodes.

        Args:
            component: that HiGHS does not finish.
            why: the attribute of an `EngineSpec` that says whether it does.
        """
        rows = np.count_nonzero(self._component_of_row == component)
        if not self._options.hand_on or (why == "takes_over" and self._options.limited and rows > _SLOW):
            return None
        if (component, why) not in self._next:
            parts = self._encoding.components.parts
            willing = []
            for engine in engines():
                rule = getattr(engine, why)
                if rule and (rule is True or rule(parts)[component]) and not engine.missing:
                    willing.append(engine)
            self._next[component, why] = min(willing, key=lambda engine: engine.after, default=None)
        return self._next[component, why]

    def _hand_on(
        self, component: int, engine: EngineSpec, x: Floats, biased: Coefficients, clock: Clock
    ) -> EngineResult:
        """Another engine on one component, whose states are written into x."""
        self._events[engine.decided] += 1
        solver = self._successors.get((engine.name, component))
        if solver is None:
            solver = engine.load()(self._encoding.components.only(component), self._options)
            self._successors[engine.name, component] = solver
        found = solver.solve(biased, clock)
        if found.states is not None:
            x[np.searchsorted(self.atoms, solver.atoms)] = found.states
        elif found.status != SolveStatus.INFEASIBLE:
            return EngineResult(self._rounded(component, x))
        return found

    def _branch(self, component: int, x: Floats, scaled: Floats, clock: Clock) -> tuple[SolveStatus, float]:
        """Branch and bound on one component: writes its solution into x, and says by how much its bound has risen."""
        self._events["branch_and_bound"] += 1
        while True:
            native = self._native(component)
            before = float(x[native.columns] @ scaled[native.columns])
            status = self._run(native, scaled, clock)
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE, 0.0
            if not native.has_point:
                return self._rounded(component, x), 0.0
            point = x.copy()
            point[native.columns] = np.clip(native.point(), 0.0, 1.0)
            gained = max(0.0, native.bound - before)  # nan, where nothing is proven, is not greater
            broken = self._rows.broken(point)
            broken = broken[self._component_of_row[broken] == component]
            if status == HighsModelStatus.kOptimal and self._linear.add(broken):
                continue
            x[native.columns] = point[native.columns]
            return SolveStatus.OPTIMAL if status == HighsModelStatus.kOptimal else SolveStatus.FEASIBLE, gained

    def _rounded(self, component: int, x: Floats) -> SolveStatus:
        """No time, no point: the nearest whole numbers may do, the caller checks them."""
        own = np.flatnonzero((self._encoding.component == component) & self._integer)
        x[own] = x[own] > 0.5
        return SolveStatus.FEASIBLE

    def _run(self, native: Relaxation, scaled: Floats, clock: Clock) -> HighsModelStatus:
        status = HighsModelStatus.kNotset
        for settings in _TUNINGS:
            native.configure(settings)
            native.forget()
            native.set_costs(scaled[native.columns])
            status = native.run(clock())
            if status != HighsModelStatus.kSolutionLimit:
                break
        if status in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible, HighsModelStatus.kTimeLimit):
            return status
        raise SolveError(f"mln: HiGHS ended branch and bound with model status {status.name}")

    def _native(self, component: int) -> Relaxation:
        """The component's rows and columns as a model with whole numbers; kept while no rows are added."""
        rows = np.flatnonzero(self._linear.active & (self._component_of_row == component))
        count, kept = self._kept.get(component, (-1, None))
        if kept is None or count != len(rows):
            columns = np.flatnonzero(self._encoding.component == component)
            kept = Relaxation(self._rows, rows, columns, self._integer, self._exact)
            self._kept[component] = len(rows), kept
        return kept
