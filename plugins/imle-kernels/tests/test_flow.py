"""Flows: recognised, and solved as HiGHS solves them; on small networks, as listing all flows does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_highs.engines import LinearEngine
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_kernels.structures import StructureEngine
from imle_kernels.structures.flow import FlowStructure
from imle_linear.arrays import from_entries
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, from_matrices


def random_network(rng: np.random.Generator, whole: bool = True) -> LinearProgram:
    """Rows with both ends, one or equal ones; arcs with any bounds; some rows with their signs turned."""
    rows, n = int(rng.integers(1, 5)), int(rng.integers(1, 8))
    dense = np.zeros((rows, n))
    for j in range(n):
        ends = rng.permutation(rows + 2)[:2]
        for end, value in zip(ends, (1.0, -1.0), strict=True):
            if end < rows:
                dense[end, j] = value
    dense *= rng.choice([1.0, -1.0], size=(rows, 1))
    sides = rng.integers(-3, 4, size=(2, rows)).astype(float) if whole else rng.normal(size=(2, rows))
    lower, upper = sides.min(axis=0), sides.max(axis=0)
    kind = rng.integers(0, 4, size=rows)
    lower = np.where(kind == 0, upper, np.where(kind == 1, -np.inf, lower))
    upper = np.where(kind == 2, np.inf, upper)
    ends = rng.integers(-2, 4, size=(2, n)).astype(float) if whole else rng.normal(size=(2, n))
    least, most = ends.min(axis=0), ends.max(axis=0)
    kind = rng.integers(0, 8, size=n)
    least, most = np.where(kind < 2, -np.inf, least), np.where((kind == 1) | (kind == 2), np.inf, most)
    at, columns = np.nonzero(dense)
    matrix = from_entries(at, columns, dense[at, columns], (rows, n))
    integer = np.full(n, whole and bool(rng.integers(2)))
    return LinearProgram(matrix, lower, upper, least, most, integer, np.arange(n, dtype=np.int32), np.zeros(n))


def solved(program: LinearProgram, costs: np.ndarray) -> Outcome:
    structure = FlowStructure.of(program)
    assert structure is not None
    outcome = structure.solve(costs, program.rows, None)
    assert outcome is not None
    return outcome


@pytest.mark.parametrize("whole", [True, False])
def test_random_networks_against_highs(whole):
    rng = np.random.default_rng(5 + whole)
    statuses = set()
    for _ in range(400):
        program = random_network(rng, whole)
        costs = rng.normal(size=program.matrix.shape[1]) * 500 * (rng.uniform(size=program.matrix.shape[1]) < 0.8)
        ours, theirs = solved(program, costs), LinearEngine(program, {}).solve(costs, program.rows, None)
        assert ours.status == theirs.status
        statuses.add(ours.status)
        if ours.point is None:
            continue
        assert theirs.point is not None
        assert costs @ ours.point == pytest.approx(costs @ theirs.point, abs=1e-6, rel=1e-9)
        if whole:
            assert ours.exact
            assert (ours.point == np.rint(ours.point)).all()
        activity = program.matrix.times(ours.point)
        assert (np.maximum(program.row_lower - activity, activity - program.row_upper) < 1e-9).all()
        assert ((ours.point >= program.lower) & (ours.point <= program.upper)).all()
    assert statuses == {SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED}


def test_small_networks_against_a_list_of_all_flows():
    """Two supplies and two demands over four arcs of capacity 2, as a transportation problem."""
    rows = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    points = np.array(list(itertools.product(range(3), repeat=4)))
    rng = np.random.default_rng(0)
    for _ in range(200):
        supply = rng.integers(0, 4, size=2)
        demand = rng.integers(0, 4, size=2)
        program = from_matrices("test", A_ub=rows, b_ub=[*supply, 4, 4], bounds=(0, 2))
        program.row_lower[2:] = demand
        feasible = points[
            (points @ rows.T <= program.row_upper).all(axis=1) & (points @ rows.T >= program.row_lower).all(axis=1)
        ]
        costs = rng.integers(-5, 6, size=4) * 64.0
        outcome = solved(program, costs)
        if not len(feasible):
            assert outcome.status == SolveStatus.INFEASIBLE
            continue
        assert outcome.status == SolveStatus.OPTIMAL
        assert costs @ outcome.point == (feasible @ costs).min()


@pytest.mark.parametrize("solver", [HighsLPSolver(), HighsILPSolver()], ids=["lp", "ilp"])
def test_around_highs_with_sides_bounds_and_duals_per_row(solver):
    """A path from 0 to 3 on five arcs: right sides, bounds and values' derivatives per row are those of HiGHS alone."""
    arcs = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    matrix = np.zeros((4, 5))
    for j, (tail, head) in enumerate(arcs):
        matrix[tail, j], matrix[head, j] = 1, -1
    whole = isinstance(solver, HighsILPSolver)
    program = from_matrices("test", A_eq=matrix, b_eq=[1, 0, 0, -1], bounds=(0, 1), integrality=int(whole))
    ours, theirs = solver.bind(program, StructureEngine), solver.bind(program)
    costs = np.random.default_rng(1).uniform(1, 2, size=(20, 5))
    one, other = ours.solve(costs, duals=("b_eq", "bounds")), theirs.solve(costs)
    assert one.counters["flows"] == 20
    assert not one.status.any()
    np.testing.assert_allclose(one.solutions, other.solutions)
    proof = one.duals["b_eq"] @ [1, 0, 0, -1] + (one.duals["bounds"] * [0, 1]).sum(axis=(1, 2))
    np.testing.assert_allclose(proof, other.values)  # strong duality; ties of paths leave the duals open
    rows = {"b_eq": [[2, 0, 0, -2]] * 10 + [[1, 0, 0, -1]] * 10, "bounds": [(0, 2)] * 5 + [(0, 1)] * 15}
    one, other = ours.solve(costs, **rows), theirs.solve(costs, **rows)
    np.testing.assert_allclose(one.values, other.values)
    assert one.counters["flows"] == 20


def test_a_large_network_is_solved_as_by_highs():
    """Transport between 30 plants and 40 shops, with capacities: hundreds of pivots."""
    rng = np.random.default_rng(3)
    m, k = 30, 40
    rows, columns = np.indices((m, k)).reshape(2, -1)
    entries = np.concatenate([rows, m + columns]), np.tile(np.arange(m * k), 2)
    matrix = from_entries(*entries, np.ones(2 * m * k), (m + k, m * k))
    demand = rng.integers(1, 9, size=k).astype(float)
    lower, upper = np.append(np.full(m, -np.inf), demand), np.append(np.full(m, demand.sum() // m + 3), demand)
    n = m * k
    program = LinearProgram(
        matrix, lower, upper, np.zeros(n), np.full(n, 5.0), np.zeros(n, bool), np.arange(n, dtype=np.int32), np.zeros(n)
    )
    for _ in range(5):
        costs = rng.uniform(100, 1000, size=n)
        ours, theirs = solved(program, costs), LinearEngine(program, {}).solve(costs, program.rows, None)
        assert ours.status == SolveStatus.OPTIMAL
        assert costs @ ours.point == pytest.approx(costs @ theirs.point, rel=1e-9)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 1, 0], [1, 0, 1], [0, 1, 1]],  # an odd circle: no change of signs makes it a network
        [[1, 2, 0], [-1, 0, 1]],
        [[1, 0], [1, 0], [1, 1]],
    ],
)
def test_what_is_no_flow(matrix):
    assert FlowStructure.of(from_matrices("test", A_ub=matrix, b_ub=np.ones(len(matrix)))) is None


def test_integers_under_fractional_sides_are_left_to_others():
    program = from_matrices("test", A_ub=[[1, -1]], b_ub=[0.5], bounds=(0, 3))
    assert FlowStructure.of(program).solve(np.ones(2), program.rows, None) is None
    prepared = HighsILPSolver(sense="max").bind(program, StructureEngine)
    result = prepared.solve(np.array([[1.0, -0.1]]))
    assert result.solutions.tolist() == [[3, 3]]
    assert not result.counters["flows"]
