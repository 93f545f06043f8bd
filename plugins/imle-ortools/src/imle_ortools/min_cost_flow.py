"""Min-cost flow by OR-Tools' cost-scaling push-relabel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle_linear.arrays import integers, refuse_negative
from imle_ortools.plugin import MIN_COST_FLOW
from imle_ortools.scaling import RESOLVED, UNRESOLVED, Limits, Scaled, to_integers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ID = MIN_COST_FLOW.id
_FLOW_HINT = "multiply capacities and supplies by a common factor, and divide the flow by it"
_NODES_HINT = "nodes are numbered from 0, in the order of supplies"


@dataclass(frozen=True)
class MinCostFlowSolver(BaseSolver, spec=MIN_COST_FLOW):
    """The cheapest flow that sends all supplies to the demands, as the flow of each arc: whole numbers.

    Args:
        scale: OR-Tools wants integer costs: they are multiplied by this and rounded. "auto" takes, for each row, the
            largest power of two that is safe; see `PreparedMinCostFlow.gap` for what rounding can cost.

    Costs of any sign. Several cheapest flows: one of them, the same one every time.

    Raises:
        OptionError: a scale that is not positive.
    """

    scale: float | str = "auto"

    def prepare(self, tails: Any, heads: Any, capacities: Any, supplies: Any) -> PreparedMinCostFlow:
        """Bind to a network.

        Args:
            tails, heads: `[E]` the nodes 0..V-1 each arc leaves and enters; arcs may be parallel.
            capacities: `[E]` whole numbers >= 0.
            supplies: `[V]` whole numbers: what a node sends, or takes if negative; their sum is zero.

        Raises:
            InstanceError: shapes that disagree, nodes out of range, negative capacities, numbers that are not whole,
                or supplies that are not balanced.
        """
        ends = {
            name: integers(f"{_ID}: {name}", given, _NODES_HINT) for name, given in (("tails", tails), ("heads", heads))
        }
        limits = integers(f"{_ID}: capacities", capacities, _FLOW_HINT)
        sent = integers(f"{_ID}: supplies", supplies, _FLOW_HINT)
        refuse_negative(f"{_ID}: capacities", limits, "turn the arc around, or leave it out")
        lengths = {**{name: len(end) for name, end in ends.items()}, "capacities": len(limits)}
        if len(set(lengths.values())) > 1 or not len(limits):
            found = ", ".join(f"{count} {name}" for name, count in lengths.items())
            raise InstanceError(f"{_ID}: expected one tail, head and capacity per arc, found {found}")
        for name, end in ends.items():
            bad = (end < 0) | (end >= len(sent))
            if bad.any():
                arc = int(np.argmax(bad))
                raise InstanceError(
                    f"{_ID}: {name}: expected nodes 0..{len(sent) - 1}, one per supply, found {end[arc]} at [{arc}]",
                    hint=_NODES_HINT,
                )
        if sent.sum() != 0:
            raise InstanceError(
                f"{_ID}: supplies: expected a sum of zero, found {sent.sum()}",
                hint="let an extra node send or take the rest, through arcs that cost what leaving it costs",
            )
        return PreparedMinCostFlow(self, ends["tails"], ends["heads"], limits, sent)


@dataclass(frozen=True, eq=False)
class PreparedMinCostFlow(BasePrepared):
    """A network as arrays."""

    solver: MinCostFlowSolver
    tails: Ints
    heads: Ints
    capacities: Ints
    supplies: Ints

    @property
    def labels(self) -> list[tuple[int, int]]:
        """`[E]` tail and head of each arc."""
        return list(zip(self.tails.tolist(), self.heads.tolist(), strict=True))

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (len(self.tails),)

    def solve(self, objective: Floats) -> SolveResult:
        """Find a cheapest flow per row.

        Args:
            objective: `[N, E]` costs per unit of flow.

        Returns:
            flows `[N, E]`. If the capacities are too small for the supplies, all rows are infeasible.

        Raises:
            ObjectiveError: another number of costs.
        """
        rows = RowResults(_ID, "min", objective, self.objective_shape)
        scaled = self._scaled(rows)
        hidden = self._hidden(scaled)
        for row in map(int, rows.open):
            raise_if_cancelled()
            flow = self._network(scaled.integers[row])
            status = flow.solve()
            if status == flow.OPTIMAL:
                rows.solutions[row] = flow.flows(np.arange(len(self.tails)))
                if hidden[row] > RESOLVED * abs(float(rows.objective[row] @ rows.solutions[row])):
                    self._doubt(row, scaled, rows)
            elif status == flow.INFEASIBLE:
                rows.end(row, SolveStatus.INFEASIBLE, "the capacities do not let all supplies reach the demands")
            else:
                rows.end(row, SolveStatus.ERROR, f"OR-Tools: {status.name}")
        return rows.result()

    def gap(self, objective: Floats) -> Floats:
        """How far from optimal a row reported as optimal can be, because costs were rounded.

        Args:
            objective: `[N, E]`.

        Returns:
            `[N]` bounds on the excess cost: `sum_e rounding_e * capacity_e`, where `rounding_e <= 0.5 / scale` is the
            distance of a cost from the one used. Zero if costs are integers (or small multiples of a power of two);
            nan for rows that would fail.
        """
        rows = RowResults(_ID, "min", objective, self.objective_shape)
        gaps = self._hidden(self._scaled(rows))
        return np.where(rows.status == SolveStatus.OPTIMAL, gaps, np.nan)

    def _hidden(self, scaled: Scaled) -> Floats:
        """`[N]` how much less other flows may cost than the cheapest one in integers, at the most."""
        gaps: Floats = np.abs(scaled.rounding) @ self.capacities.astype(np.float64)
        return gaps

    def _doubt(self, row: int, scaled: Scaled, rows: RowResults) -> None:
        """Have a closer look at a flow that is the cheapest one in integers, but perhaps not in floats."""
        flow, none = rows.solutions[row], np.zeros(len(self.tails))
        cheapest = float(scaled.integers[row] @ flow)
        rows.bounds[row] = scaled.least(row, cheapest, none, self.capacities.astype(np.float64), flow)
        if not scaled.resolves(row, flow, float(rows.bounds[row])):
            rows.end(row, SolveStatus.FEASIBLE, UNRESOLVED)

    def _scaled(self, rows: RowResults) -> Scaled:
        """Costs as integers; rows for which there are none fail."""
        scaled = to_integers(rows.objective, None, self.solver.scale, self._cost_limits)
        for row in np.flatnonzero(~scaled.fits):
            message = f'scale={self.solver.scale!r} makes the costs overflow; scale="auto" takes one that fits'
            rows.end(int(row), SolveStatus.ERROR, message)
        return scaled

    @property
    def _cost_limits(self) -> Limits:
        """OR-Tools multiplies costs by V + 1, and adds up to 2 V of them to a node's potential."""
        bits = 58 - 2 * (len(self.supplies) + 1).bit_length()
        return Limits(fine=min(50, bits), most=bits)

    def _network(self, costs: Ints) -> SimpleMinCostFlow:
        """The library cannot change costs, so each row has a network; filling it from arrays is cheap."""
        flow = SimpleMinCostFlow()
        flow.add_arcs_with_capacity_and_unit_cost(self.tails, self.heads, self.capacities, costs)
        flow.set_nodes_supplies(np.arange(len(self.supplies)), self.supplies)
        return flow
