"""Small programs: solved as HiGHS solves them where they are proven optimal, and left to it where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle.solvers.compiled import read_only
from imle_highs.engines import LinearEngine
from imle_highs.lp import HighsLPSolver
from imle_kernels.compiled.simplex import proven
from imle_kernels.structures import StructureEngine
from imle_kernels.structures.small import SmallStructure
from imle_linear.arrays import from_entries
from imle_linear.checking import SolutionChecker
from imle_linear.duals import Duals
from imle_linear.engines import TIGHT
from imle_linear.program import LinearProgram, Rows, from_matrices

PROGRAMS, ROWS = 60, 12


def random_program(rng: np.random.Generator, kind: str) -> tuple[LinearProgram, list[Rows], np.ndarray]:
    """One matrix with empty rows and columns, and for each row ends, bounds (some missing, equal) and costs."""
    m, n = int(rng.integers(0, 8)), int(rng.integers(1, 11))
    whole = kind == "degenerate"
    matrix = rng.integers(-1, 2, (m, n)) * 1.0 if whole else rng.normal(size=(m, n)) * (rng.uniform(size=(m, n)) < 0.7)
    if kind == "repeated" and m > 2:
        matrix[1], matrix[2] = matrix[0], -2 * matrix[0]
    row_sizes, sizes = np.ones(m), np.ones(n)
    if kind == "scaled":
        row_sizes, sizes = 10.0 ** rng.integers(-3, 4, m), 10.0 ** rng.integers(-3, 4, n)
    scaled = matrix * row_sizes[:, None] * sizes

    def numbers(*shape: int) -> np.ndarray:
        return rng.integers(-2, 3, shape) * 1.0 if whole else rng.normal(size=shape)

    rows = []
    for _ in range(ROWS):
        ends = matrix @ numbers(n) + np.sort(numbers(2, m), axis=0) * (rng.uniform(size=m) < 0.8)
        bounds = np.sort(numbers(2, n), axis=0)
        for pair, share in ((ends, 0.25), (bounds, 0.2)):
            equal = rng.uniform(size=pair.shape[1]) < 0.2
            pair[0, equal] = pair[1, equal]
            pair[0, rng.uniform(size=pair.shape[1]) < share] = -np.inf
            pair[1, rng.uniform(size=pair.shape[1]) < share] = np.inf
        rows.append(Rows(*(ends * row_sizes), *(bounds / sizes)))
    at, columns = np.nonzero(scaled)
    entries = from_entries(at, columns, scaled[at, columns], (m, n))
    program = LinearProgram(entries, *rows[0], np.zeros(n, bool), np.arange(n, dtype=np.int32), np.zeros(n))
    costs = numbers(ROWS, n) * sizes * (rng.uniform(size=(ROWS, n)) < 0.8)
    return program, rows, costs * 512 / np.maximum(np.abs(costs).max(axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize("kind", ["plain", "degenerate", "repeated", "scaled"])
def test_thousands_of_random_rows_against_highs(kind):
    rng = np.random.default_rng(7)
    solved, left, others = 0, 0, set()
    for _ in range(PROGRAMS):
        program, rows, costs = random_program(rng, kind)
        structure, engine, checker = SmallStructure.of(program), LinearEngine(program, TIGHT), SolutionChecker(program)
        assert structure is not None
        for own, row in zip(costs, rows, strict=True):
            ours, theirs = structure.solve(own, row, None), engine.solve(own, row, None)
            if theirs.status != SolveStatus.OPTIMAL:
                assert ours is None
                others.add(theirs.status)
            elif ours is None:
                left += 1
            else:
                solved += 1
                value, best = own @ ours.point, own @ theirs.point
                assert abs(value - best) <= 1e-9 * max(np.abs(own).max(), abs(best))
                assert ((ours.point >= row.least) & (ours.point <= row.most)).all()
                assert not checker.mend(ours.point, row)[1]
                assert Duals.proven(program, own, row, ours.point, ours.duals, allowed=1e-9 * max(512, abs(best)))
    assert solved > PROGRAMS * ROWS / 5
    assert left <= solved / 200  # few are, of round-off
    assert others == {SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED}


@pytest.mark.parametrize("sense", ["min", "max"])
def test_batches_with_infeasible_and_unbounded_rows_come_out_as_highs_has_them(sense):
    """Right sides and bounds per row, variables that are not learned, and derivatives of values."""
    rng = np.random.default_rng(3)
    n, above = 6, rng.normal(size=(2, 6))
    program = from_matrices(
        "test",
        A_ub=[*above, -above[0]],  # no point is on the right side of the first and the last, where these are apart
        A_eq=rng.normal(size=(1, n)),
        integrality=0,
        bounds=[(0, None)] * 3 + [(None, None)] + [(-1, 1)] * 2,
        variables=[4, 0, 3, 5],
        costs=rng.uniform(-1, 1, n),
    )
    solver = HighsLPSolver(sense=sense)
    ours, theirs = solver.bind(program, StructureEngine), solver.bind(program)
    rows = {"b_ub": rng.normal(0.7, 1, (200, 3)), "b_eq": rng.normal(size=(200, 1))}
    costs = rng.normal(size=(200, 4))
    one, other = ours.solve(costs, **rows), theirs.solve(costs, **rows)
    np.testing.assert_array_equal(one.status, other.status)
    assert set(one.status.tolist()) == {SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED}
    optimal = one.status == SolveStatus.OPTIMAL
    assert one.counters["small_programs"] == optimal.sum()
    np.testing.assert_allclose(one.values[optimal], other.values[optimal], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.solutions[optimal], other.solutions[optimal], atol=1e-7)
    rows = {name: own[optimal] for name, own in rows.items()}
    names = ("A_ub", "b_ub", "A_eq", "b_eq", "bounds", "costs")
    one, other = (prepared.solve(costs[optimal], **rows, duals=names) for prepared in (ours, theirs))
    for name in names:
        np.testing.assert_allclose(one.duals[name], other.duals[name], atol=1e-6)
    bounds = np.stack([np.full((len(costs), n), -0.5), rng.uniform(-0.6, 2, (len(costs), n))], axis=-1)[optimal]
    one, other = (prepared.solve(costs[optimal], **rows, bounds=bounds) for prepared in (ours, theirs))
    np.testing.assert_array_equal(one.status, other.status)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9, atol=1e-9)
    assert one.counters["small_programs"] == (one.status == SolveStatus.OPTIMAL).sum() > 10


def test_which_of_several_optima_comes_out_depends_on_the_row_alone():
    rng = np.random.default_rng(0)
    program = from_matrices(
        "test", A_ub=rng.integers(0, 3, (6, 12)), b_ub=np.full(6, 4.0), bounds=(0, 1), integrality=0
    )
    costs = rng.integers(-2, 1, (50, 12)) * 1.0
    prepared = HighsLPSolver().bind(program, StructureEngine)
    together, order = prepared.solve(costs), rng.permutation(50)
    assert together.counters["small_programs"] == 50
    assert (prepared.solve(costs[order]).solutions == together.solutions[order]).all()
    assert (prepared.solve(costs[7:8]).solutions == together.solutions[7:8]).all()


def transport(plants: int, shops: int) -> LinearProgram:
    """Every basis is degenerate: all supplies are alike, and so are all demands."""
    rows, columns = np.indices((plants, shops)).reshape(2, -1)
    matrix = np.zeros((plants + shops, plants * shops))
    matrix[rows, np.arange(len(rows))] = matrix[plants + columns, np.arange(len(rows))] = 1.0
    sides = [shops] * plants + [plants] * shops
    return from_matrices("test", A_eq=matrix, b_eq=sides, bounds=(0, None), integrality=0)


def beale() -> LinearProgram:
    """On which the simplex method by the largest reduced cost goes round in circles (Beale 1955)."""
    rows = [[0.25, -60, -0.04, 9], [0.5, -90, -0.02, 3], [0, 0, 1, 0]]
    return from_matrices("test", A_ub=rows, b_ub=[0, 0, 1], integrality=0)


def cube(n: int) -> LinearProgram:
    """Where that rule visits all 2^n vertices, unless rows and variables are brought to one size (Klee, Minty 1972)."""
    powers = np.arange(n)[:, None] - np.arange(n) + 1
    rows = np.tril(2.0**powers, -1) + np.eye(n)
    return from_matrices("test", A_ub=rows, b_ub=5.0 ** np.arange(1, n + 1), integrality=0)


@pytest.mark.parametrize(
    ("program", "costs"),
    [
        (transport(6, 9), np.random.default_rng(1).integers(1, 4, (20, 54)) * 100.0),
        (transport(7, 7), np.random.default_rng(2).integers(-2, 2, (20, 49)) * 100.0),
        (beale(), np.array([[-0.75, 150, -0.02, 6]])),
        (cube(10), -(2.0 ** np.arange(9, -1, -1))[None]),
    ],
    ids=["transport", "square transport", "Beale", "Klee-Minty"],
)
def test_degenerate_programs_do_not_go_round_in_circles(program, costs):
    structure, engine = SmallStructure.of(program), LinearEngine(program, TIGHT)
    for own in costs:
        ours = structure.solve(own, program.rows, None)
        assert ours is not None
        assert own @ ours.point == pytest.approx(own @ engine.solve(own, program.rows, None).point, rel=1e-9)


def test_points_and_duals_that_prove_nothing():
    """min x + 2y, x + y >= 1, 0 <= x, 0 <= y <= 3: x = 1, y = 0 and a dual of 1."""
    given = [[1, 1]], [1, 2], [1], [np.inf], [0, 0], [np.inf, 3]
    data = [read_only(np.array(part, float)) for part in given]  # as `minimise` calls it: not compiled anew

    def holds(x: float, y: float, dual: float) -> bool:
        return bool(proven(*data, np.array([x, y]), np.array([dual])))

    assert holds(1, 0, 1)
    assert holds(1 + 1e-12, -1e-12, 1)
    assert not holds(0.999, 0, 1)  # breaks the row
    assert not holds(1.001, -0.001, 1)  # breaks a bound
    assert not holds(0, 1, 1)  # feasible, and not the best
    assert not holds(1, 0, 0.999)  # another value
    assert not holds(1, 0, 1.001)  # the first reduced cost points to an end that is not there
    assert not holds(1, 0, -1)  # and so does the dual
    assert not holds(np.nan, 0, 1)
    assert not holds(1, 0, np.nan)


def test_what_is_not_small():
    assert SmallStructure.of(from_matrices("test", A_ub=np.ones((1, 3)), b_ub=[1], integrality=[0, 0, 1])) is None
    assert SmallStructure.of(from_matrices("test", A_ub=np.ones((51, 100)), b_ub=np.ones(51), integrality=0)) is None
    assert SmallStructure.of(from_matrices("test", bounds=[(0, 1)] * 501, integrality=0)) is None
