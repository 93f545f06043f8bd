"""HiGHS: the linear relaxation by a warm simplex, with rows as they are needed; branch and bound if it is fractional.

A whole-numbered vertex that breaks no row proves itself. Components whose part of the vertex is fractional are solved
one by one: by some nodes on the warm relaxation, and where these do not do, by HiGHS' own branch and bound, on the
rows known so far, until no row that was left out is broken. Where unaries alone decide many atoms, only the rest is
solved, as a model of its own.

Basis and active rows are kept from solve to solve, so a tie would be broken by history. Therefore every atom costs a
little: between one and two times 2^-32 of the largest coefficient, by a fixed pseudo-random rule. Among equally good
states one is then best, with few true atoms; the bound that is reported says what this can have cost. Components with
coefficients so much smaller than the largest that this could decide them are left to CP-SAT, if it may go on.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from highspy import HighsModelStatus

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_highs.native import Settings
from imle_mln.inference.branching import Search
from imle_mln.inference.clock import Clock
from imle_mln.inference.cp_sat import CPSATModel
from imle_mln.inference.elimination import Elimination
from imle_mln.inference.encoding import BROKEN, Encoding, Rows
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.found import Found
from imle_mln.inference.lazy import LazyRelaxation
from imle_mln.inference.relaxation import Relaxation
from imle_mln.inference.rescue import Complete, rescued
from imle_mln.inference.truths import Index
from imle_mln.network import Floats

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
_LARGE = 1.0
"""From this many clauses of three or more literals per atom on, CP-SAT goes on where nodes did not do."""
_CROWDED = 8.0
"""From this many lazy rows per atom on, they are left out until broken."""


class HighsEngine:
    """Solves an encoding for costs that change.

    Args:
        encoding: what to solve.
        complete: all columns from states of its atoms.
        gap: relative gap of branch and bound.
        seed: of HiGHS and of the rule that breaks ties.
        cp_sat: whether CP-SAT goes on where nodes did not do, in components with many large clauses.

    Attributes:
        atoms: `[k]` of the energy.
        events: what was done, counted.
    """

    def __init__(self, encoding: Encoding, complete: Complete, gap: float, seed: int, *, cp_sat: bool = False) -> None:
        self.atoms, self.events = encoding.atoms, Counter[str]()
        self._encoding, self._complete, self._rows = encoding, complete, encoding.rows
        atoms = len(encoding.atoms)
        columns = self._rows.matrix.shape[1]
        few = np.count_nonzero(self._rows.lazy) < _CROWDED * atoms
        active = np.ones(len(self._rows.lazy), np.bool_) if few else ~self._rows.lazy
        self._shared: Settings = {"threads": 1, "random_seed": seed}
        self._exact: Settings = {**self._shared, "mip_rel_gap": gap, "mip_abs_gap": 0.0}
        self._linear = LazyRelaxation(self._rows, active, {**self._shared, **_SIMPLEX}, self.events)
        self._elimination = Elimination(encoding) if few else None
        self._gap, self._seed, self._cp_sat = gap, seed, cp_sat
        self._models: dict[int, CPSATModel] = {}
        self._bias = np.zeros(columns)
        self._bias[:atoms] = _BIAS * (1.0 + np.random.default_rng(seed).random(columns)[:atoms])
        self._component_of_row = encoding.component[self._rows.matrix.indices[self._rows.matrix.indptr[:-1]]]
        self._integer = encoding.integer
        self._kept: dict[int, tuple[int, Relaxation]] = {}

    def solve(self, coefficients: Coefficients, clock: Clock) -> Found:
        """Maximise."""
        costs = self._encoding.costs(coefficients)
        largest = float(np.abs(costs).max(initial=0.0))
        shift = _SIZE - int(np.frexp(largest)[1]) if largest else _NOTHING
        scaled = np.ldexp(costs, shift)
        fine = self._fine(scaled)
        bias = np.where(np.isin(self._encoding.component, fine), 0.0, self._bias) if len(fine) else self._bias
        scaled += bias
        linear, lower, columns = self._open(scaled)
        linear.set_costs(scaled[columns])
        found = linear.solve(clock) if len(columns) else np.zeros(0)
        if isinstance(found, SolveStatus):
            return Found(found) if found == SolveStatus.INFEASIBLE else rescued(self._encoding, self._complete, costs)
        x = lower
        x[columns] = found
        bound = float((x * scaled).sum())
        atoms = len(self._encoding.atoms)
        fractional = np.abs(x[:atoms] - np.rint(x[:atoms])) > BROKEN
        hard = np.union1d(self._encoding.component[:atoms][fractional], fine)
        ended = SolveStatus.OPTIMAL
        self.events["integral_relaxations"] += not len(hard)
        for component in hard.tolist():
            if component in fine:
                status, gained = self._decide(component, x, scaled, clock)
            else:
                status, gained = self._search(component, x, scaled, linear, columns, clock)
            if not status.ok:
                return Found(status)
            ended = max(ended, status)
            bound += gained
        return self._checked(ended, x, scaled, bias, bound, shift)

    def _fine(self, scaled: Floats) -> Index:
        """Components with costs that the breaking of ties could outweigh, if CP-SAT may decide them."""
        if not self._cp_sat:
            return np.zeros(0, np.int64)
        sizes = np.abs(scaled)
        return np.unique(self._encoding.component[(sizes < _FINE) & (sizes > _DUST)])

    def _open(self, scaled: Floats) -> tuple[LazyRelaxation, Floats, Index]:
        """The model to solve, the values of all columns that are not in it, and its columns."""
        nothing, everything = np.zeros(len(scaled)), np.arange(len(scaled))
        if self._elimination is None or not self._elimination.possible:
            return self._linear, nothing, everything
        live, fixed = self._elimination.of(scaled)
        lower, upper = nothing, np.ones(len(scaled))
        k, (first, second) = len(live), self._encoding.pair_ends.T
        lower[:k], upper[:k] = fixed, live
        lower[self._encoding.pair_columns] = fixed[first] & fixed[second]
        upper[self._encoding.pair_columns] = live[first] & live[second]
        if np.count_nonzero(lower < upper) > _WORTH * len(scaled):
            return self._linear, np.zeros(len(scaled)), everything
        self.events["reduced_relaxations"] += 1
        rows, columns = self._rows.without(lower, upper)
        active = np.ones(len(rows.lazy), np.bool_)
        return LazyRelaxation(rows, active, {**self._shared, **_SIMPLEX}, self.events), lower, columns

    def _search(
        self, component: int, x: Floats, scaled: Floats, linear: LazyRelaxation, columns: Index, clock: Clock
    ) -> tuple[SolveStatus, float]:
        """Nodes on the warm relaxation: writes a component's solution into x, and says how its bound has risen."""
        inside = self._encoding.component[columns] == component
        own = np.flatnonzero(inside)
        search = Search(linear, own, np.flatnonzero(inside & self._integer[columns]), scaled[columns], self._gap)
        before = float((x[columns[own]] * scaled[columns[own]]).sum())
        status = search.run(x[columns], clock)
        if status is None:
            go_on = self._decide if self._cp_sat and self._crowded(component) else self._branch
            return go_on(component, x, scaled, clock)
        self.events["searches"] += 1
        if search.best is None:
            return status, 0.0
        x[columns[own]] = search.best[own]
        return status, max(0.0, search.bound - before)

    def _checked(self, status: SolveStatus, x: Floats, scaled: Floats, bias: Floats, bound: float, shift: int) -> Found:
        """The whole-numbered point, checked against all rows, those never looked at too."""
        states = x[: len(self._encoding.atoms)] > 0.5
        whole = self._complete(states)
        if len(self._rows.broken(whole)):
            if status == SolveStatus.OPTIMAL:
                raise SolveError("mln: HiGHS' solution, rounded to whole numbers, breaks a hard clause")
            return Found(SolveStatus.TIMEOUT)
        biased = max(0.0, float(whole @ scaled) - bound)
        return Found(status, states, float(np.ldexp(biased + float(bias @ (1.0 - whole)), -shift)))

    def _crowded(self, component: int) -> bool:
        """Whether a component has as many large clauses as atoms: there CP-SAT proves optima sooner than HiGHS."""
        atoms = np.flatnonzero(self._encoding.component[: len(self._encoding.atoms)] == component)
        return bool(self._encoding.large_of[component] >= _LARGE * len(atoms))

    def _decide(self, component: int, x: Floats, scaled: Floats, clock: Clock) -> tuple[SolveStatus, float]:
        """CP-SAT on one component, all its rows: writes its solution into x, and says how its bound has risen."""
        self.events["decided_by_cp_sat"] += 1
        columns = np.flatnonzero(self._encoding.component == component)
        model = self._models.get(component)
        if model is None:
            rows = np.flatnonzero(self._component_of_row == component)
            matrix = self._rows.matrix[rows][:, columns]
            own = Rows(matrix, self._rows.lower[rows], self._rows.upper[rows], self._rows.lazy[rows])
            model = self._models[component] = CPSATModel(own, self._gap, self._seed)
        before = float((x[columns] * scaled[columns]).sum())
        found = model.solve(scaled[columns], clock)
        if found.status == SolveStatus.INFEASIBLE:
            return found.status, 0.0
        if found.values is None:
            return self._rounded(component, x), 0.0
        x[columns] = found.values
        return found.status, max(0.0, found.bound - before)

    def _branch(self, component: int, x: Floats, scaled: Floats, clock: Clock) -> tuple[SolveStatus, float]:
        """Branch and bound on one component: writes its solution into x, and says by how much its bound has risen."""
        self.events["branch_and_bound"] += 1
        while True:
            native = self._native(component)
            before = native.cost(x, scaled)
            status = self._run(native, scaled, clock)
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE, 0.0
            if not native.has_point:
                return self._rounded(component, x), 0.0
            point = x.copy()
            point[native.columns] = np.clip(native.point(), 0.0, 1.0)
            gained = max(0.0, native.bound - before)
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
