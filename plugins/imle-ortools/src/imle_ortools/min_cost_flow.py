"""Min-cost flow by OR-Tools' cost-scaling push-relabel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus, missing_instance
from imle.solvers.cancellation import raise_if_cancelled
from imle_linear.arrays import are_whole, integers, refuse_negative, row_by_row, together
from imle_ortools.plugin import MIN_COST_FLOW
from imle_ortools.scaling import RESOLVED, UNRESOLVED, Limits, Scaled, to_integers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ID = MIN_COST_FLOW.id
_CAPACITIES, _SUPPLIES = f"{_ID}: capacities", f"{_ID}: supplies"
_FLOW_HINT = "multiply capacities and supplies by a common factor, and divide the flow by it"
_BALANCE_HINT = "let an extra node send or take the rest, through arcs that cost what leaving it costs"
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

    def prepare(self, tails: Any, heads: Any, capacities: Any = None, supplies: Any = None) -> PreparedMinCostFlow:
        """Bind to a network.

        Args:
            tails, heads: `[E]` the nodes 0..V-1 each arc leaves and enters; arcs may be parallel.
            capacities: `[E]` whole numbers >= 0; None if they are given per row when solving.
            supplies: `[V]` whole numbers: what a node sends, or takes if negative; their sum is zero. None likewise.

        Raises:
            InstanceError: shapes that disagree, nodes out of range, negative capacities, numbers that are not whole,
                or supplies that are not balanced.
        """
        ends = {
            name: integers(f"{_ID}: {name}", given, _NODES_HINT) for name, given in (("tails", tails), ("heads", heads))
        }
        lengths = {name: len(end) for name, end in ends.items()}
        limits = sent = None
        if capacities is not None:
            limits = integers(_CAPACITIES, capacities, _FLOW_HINT)
            refuse_negative(_CAPACITIES, limits, "turn the arc around, or leave it out")
            lengths["capacities"] = len(limits)
        if len(set(lengths.values())) > 1 or not len(ends["tails"]):
            found = ", ".join(f"{count} {name}" for name, count in lengths.items())
            raise InstanceError(f"{_ID}: expected one tail, head and capacity per arc, found {found}")
        if supplies is not None:
            sent = integers(_SUPPLIES, supplies, _FLOW_HINT)
            if sent.sum() != 0:
                raise InstanceError(f"{_SUPPLIES}: expected a sum of zero, found {sent.sum()}", hint=_BALANCE_HINT)
        prepared = PreparedMinCostFlow(self, ends["tails"], ends["heads"], limits, sent)
        prepared.refuse_nodes(None if sent is None else len(sent))
        return prepared


class Network(NamedTuple):
    """What arcs carry and nodes send in each row.

    Attributes:
        capacities: `[N, E]`.
        supplies: `[N, V]`.
    """

    capacities: Ints
    supplies: Ints


@dataclass(frozen=True, eq=False)
class PreparedMinCostFlow(BasePrepared):
    """A network as arrays; capacities and supplies, if all rows share them."""

    solver: MinCostFlowSolver
    tails: Ints
    heads: Ints
    capacities: Ints | None
    supplies: Ints | None

    @property
    def labels(self) -> list[tuple[int, int]]:
        """`[E]` tail and head of each arc."""
        return list(zip(self.tails.tolist(), self.heads.tolist(), strict=True))

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (len(self.tails),)

    def refuse_nodes(self, count: int | None) -> None:
        """Refuse arcs of nodes that there are not.

        Args:
            count: how many nodes there are; None if that is not known yet.

        Raises:
            InstanceError: a node is out of range.
        """
        for name, end in (("tails", self.tails), ("heads", self.heads)):
            bad = (end < 0) | (False if count is None else end >= count)
            if bad.any():
                arc = int(np.argmax(bad))
                nodes = "nodes 0.." if count is None else f"nodes 0..{count - 1}, one per supply,"
                raise InstanceError(f"{_ID}: {name}: expected {nodes} found {end[arc]} at [{arc}]", hint=_NODES_HINT)

    def solve(
        self, objective: Floats, *, capacities: Sequence[Any] | None = None, supplies: Sequence[Any] | None = None
    ) -> SolveResult:
        """Find a cheapest flow per row.

        Args:
            objective: `[N, E]` costs per unit of flow.
            capacities: `[N, E]` whole numbers, instead of the fixed ones.
            supplies: `[N, V]`, likewise.

        Returns:
            flows `[N, E]`. A row is infeasible if its capacities are too small for its supplies or one is negative, or
            if its supplies are not balanced.

        Raises:
            ObjectiveError: another number of costs.
            InstanceError: capacities or supplies are missing, or not of the right shape, or not whole (names the row).
        """
        rows = RowResults(_ID, "min", objective, self.objective_shape)
        network = self._network(len(rows.objective), capacities, supplies)
        self._refuse_impossible(network, rows)
        scaled = self._scaled(rows, network)
        hidden = _hidden(scaled, network)
        every = np.arange(network.supplies.shape[1])
        for row in map(int, rows.open):
            raise_if_cancelled()
            # the library cannot change costs, so each row has a network; filling it from arrays is cheap
            flow = SimpleMinCostFlow()
            flow.add_arcs_with_capacity_and_unit_cost(
                self.tails, self.heads, network.capacities[row], scaled.integers[row]
            )
            flow.set_nodes_supplies(every, network.supplies[row])
            status = flow.solve()
            if status == flow.OPTIMAL:
                rows.solutions[row] = flow.flows(np.arange(len(self.tails)))
                if hidden[row] > RESOLVED * abs(float(rows.objective[row] @ rows.solutions[row])):
                    _doubt(row, scaled, network.capacities[row].astype(np.float64), rows)
            elif status == flow.INFEASIBLE:
                rows.end(row, SolveStatus.INFEASIBLE, "the capacities do not let all supplies reach the demands")
            else:
                rows.end(row, SolveStatus.ERROR, f"OR-Tools: {status.name}")
        return rows.result()

    def gap(
        self, objective: Floats, *, capacities: Sequence[Any] | None = None, supplies: Sequence[Any] | None = None
    ) -> Floats:
        """How far from optimal a row reported as optimal can be, because costs were rounded.

        Args:
            objective: `[N, E]`.
            capacities, supplies: see `solve`.

        Returns:
            `[N]` bounds on the excess cost: `sum_e rounding_e * capacity_e`, where `rounding_e <= 0.5 / scale` is the
            distance of a cost from the one used. Zero if costs are integers (or small multiples of a power of two);
            nan for rows that would fail.
        """
        rows = RowResults(_ID, "min", objective, self.objective_shape)
        network = self._network(len(rows.objective), capacities, supplies)
        self._refuse_impossible(network, rows)
        gaps = _hidden(self._scaled(rows, network), network)
        return np.where(rows.status == SolveStatus.OPTIMAL, gaps, np.nan)

    def _network(self, count: int, capacities: Sequence[Any] | None, supplies: Sequence[Any] | None) -> Network:
        arcs = len(self.tails)
        limits = _per_row("capacities", self.capacities, capacities, count, f"{arcs} numbers, one per arc")
        sent = _per_row("supplies", self.supplies, supplies, count, "as many numbers in each row")
        if limits.shape[1] != arcs:
            raise InstanceError(f"{_CAPACITIES}: expected {arcs} numbers, one per arc, found {limits.shape[1]}")
        if supplies is not None:
            self.refuse_nodes(sent.shape[1])
        return Network(limits, sent)

    def _refuse_impossible(self, network: Network, rows: RowResults) -> None:
        """Rows of which no network could be made are infeasible."""
        for row in np.flatnonzero((network.capacities < 0).any(axis=1)).tolist():
            arc = int(np.argmax(network.capacities[row] < 0))
            message = f"capacity {network.capacities[row, arc]} at [{arc}] is negative: no flow is that small"
            rows.end(row, SolveStatus.INFEASIBLE, message)
        sums = network.supplies.sum(axis=1)
        for row in np.flatnonzero(sums).tolist():
            rows.end(row, SolveStatus.INFEASIBLE, f"supplies are not balanced: their sum is {sums[row]}, not zero")

    def _scaled(self, rows: RowResults, network: Network) -> Scaled:
        """Costs as integers; rows for which there are none fail."""
        # OR-Tools multiplies costs by V + 1, and adds up to 2 V of them to a node's potential
        bits = 58 - 2 * (network.supplies.shape[1] + 1).bit_length()
        scaled = to_integers(rows.objective, None, self.solver.scale, Limits(fine=min(50, bits), most=bits))
        for row in np.flatnonzero(~scaled.fits):
            message = f'scale={self.solver.scale!r} makes the costs overflow; scale="auto" takes one that fits'
            rows.end(int(row), SolveStatus.ERROR, message)
        return scaled


def _per_row(name: str, fixed: Ints | None, given: Sequence[Any] | None, count: int, expected: str) -> Ints:
    """Whole numbers of each row `[N, length]`: the fixed ones, or those that are given."""
    where = f"{_ID}: {name}"
    if given is None:
        if fixed is None:
            raise missing_instance(_ID, f"{name} missing", f"{name}=...")
        return np.broadcast_to(fixed, (count, len(fixed)))
    if len(given) != count:
        raise InstanceError(f"{where}: expected one vector per row, {count} in all, found {len(given)}")
    found = together(where, given)
    if found is None or found.ndim != 2 or not are_whole(found).all():
        rows = row_by_row(given, lambda own: integers(where, own, _FLOW_HINT))
        for row, own in enumerate(rows):
            if len(own) != len(rows[0]):
                raise InstanceError(f"{where}: expected {expected}, found {len(own)}", row=row)
        found = np.array(rows)
    return found.astype(np.int64)


def _hidden(scaled: Scaled, network: Network) -> Floats:
    """`[N]` how much less other flows may cost than the cheapest one in integers, at the most."""
    gaps: Floats = np.einsum("ne,ne->n", np.abs(scaled.rounding), network.capacities.astype(np.float64))
    return gaps


def _doubt(row: int, scaled: Scaled, capacities: Floats, rows: RowResults) -> None:
    """Have a closer look at a flow that is the cheapest one in integers, but perhaps not in floats."""
    flow = rows.solutions[row]
    cheapest = float(scaled.integers[row] @ flow)
    rows.bounds[row] = scaled.least(row, cheapest, np.zeros(len(flow)), capacities, flow)
    if not scaled.resolves(row, flow, float(rows.bounds[row])):
        rows.end(row, SolveStatus.FEASIBLE, UNRESOLVED)
