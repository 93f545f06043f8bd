"""Which constraints bind solutions: every constraint looked at, and every solution compared."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import optimize

from imle.errors import ObjectiveError
from imle.solvers import NormalCones
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_linear.matching import Matching
from imle_linear.normal_cones import normal_cones
from imle_linear.program import from_matrices

POINTS = np.array(list(itertools.product([0.0, 1.0, 2.0], repeat=3)))


def vectors(cones, row):
    """All that span the cone of a solution, equations in both directions."""
    unit = np.eye(cones.at_lower[row].size)
    equations = cones.equations[row].reshape(-1, len(unit))
    parts = [
        cones.inequalities[row].reshape(-1, len(unit)),
        equations,
        -equations,
        -unit[cones.at_lower[row].ravel()],
        unit[cones.at_upper[row].ravel()],
    ]
    found = np.concatenate(parts)
    return found[found.any(axis=1)]


def counted(rows):
    return sorted(map(tuple, (np.asarray(rows) + 0.0).tolist()))


def test_rows_and_bounds_that_hold_with_equality():
    """Six hundred programs: what binds is what is equal, and scores in the cone have no better point."""
    rng, points = np.random.default_rng(0), 0
    for trial in range(600):
        below, equal = rng.integers(-2, 3, (2, 3)), rng.integers(0, 2, (trial % 2, 3))
        upper = rng.integers(1, 3, 3)
        at = np.minimum(POINTS[rng.integers(len(POINTS))], upper)
        b_ub, b_eq = below @ at + rng.integers(0, 2, 2), equal @ at
        sides = {"A_ub": below, "b_ub": b_ub, "bounds": [(0, int(end)) for end in upper]}
        program = from_matrices("test", **sides, **({"A_eq": equal, "b_eq": b_eq} if len(equal) else {}))
        kept = (upper >= POINTS).all(1) & (b_ub >= POINTS @ below.T).all(1) & (b_eq == POINTS @ equal.T).all(1)
        feasible = POINTS[kept]
        cones = normal_cones("test", program, feasible, [program.rows] * len(feasible))
        for row, point in enumerate(feasible):
            points += 1
            unit = np.eye(3)
            expected = [*below[below @ point == b_ub], *equal, *-equal, *-unit[point == 0], *unit[point == upper]]
            found = vectors(cones, row)
            assert counted(found) == counted([v for v in expected if v.any()])
            scores = rng.exponential(size=len(found)) @ found
            assert scores @ point >= (feasible @ scores).max() - 1e-9
    assert points > 1500


@pytest.mark.parametrize("solver", [HighsLPSolver(sense="max"), HighsILPSolver(sense="min")])
def test_rows_of_a_batch_bring_their_own(solver):
    program = solver.prepare(A_ub=[[1, 1], [2, 0]], A_eq=[[1, -1]], bounds=(0, 5))
    found = program.normal_cones(
        np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]]),
        b_ub=[[2, 9], [4, 4], [9, 0]],
        b_eq=[[0], [0], [0]],
        bounds=[(0, 1), (0, 5), (0, 0)],
    )
    both = [(1.0, -1.0), (-1.0, 1.0)]
    assert counted(vectors(found, 0)) == counted([*both, (1, 1), (1, 0), (0, 1)])
    assert counted(vectors(found, 1)) == counted([*both, (1, 1), (2, 0)])
    assert counted(vectors(found, 2)) == counted([*both, (2, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])


@pytest.mark.parametrize("size", [1.0, 300.0, 1e6])
def test_corners_that_were_rounded_to_float32(size):
    """Thirds of a side, and a bound that float32 does not have: what binds is the same at any size."""
    program = HighsLPSolver().prepare(
        A_ub=size * np.array([[3.0, 0, 0], [0, 0.7, 0.7]]), b_ub=[size * size, size * size], bounds=(0.1 * size, None)
    )
    corner = np.array([size / 3, 0.1 * size, size / 0.7 - 0.1 * size])
    for point in (corner, corner.astype(np.float32).astype(np.float64)):
        found = program.normal_cones(np.stack([point, [0.2 * size] * 3]))
        expected = [(3 * size, 0, 0), (0, 0.7 * size, 0.7 * size), (0, -1, 0)]
        assert counted(vectors(found, 0)) == counted(expected)
        assert not len(vectors(found, 1))


def test_variables_in_the_order_of_the_objective():
    program = HighsILPSolver().prepare(A_ub=[[1, 2, 3]], b_ub=[3], bounds=(0, 1), variables=[2, 0, 1])
    found = program.normal_cones(np.array([[1.0, 0.0, 0.0]]))
    assert counted(vectors(found, 0)) == counted([(3, 1, 2), (1, 0, 0), (0, -1, 0), (0, 0, -1)])


def test_where_not_all_variables_are_learned_costs_say_as_well_what_is_best():
    assert HighsILPSolver().prepare(A_ub=[[1, 2]], b_ub=[2], bounds=(0, 1), variables=[0]).normal_cones is None


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ([1.0, 1.0], "highs-ilp: solution: expected a feasible one, found: row 0 of A_ub is broken by 1"),
        ([0.5, 0.0], "expected a whole number within its bounds for variable 0, found 0.5"),
        ([2.0, 0.0], "expected a whole number within its bounds for variable 0, found 2"),
    ],
)
def test_solutions_that_are_none(point, message):
    program = HighsILPSolver().prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1))
    with pytest.raises(ObjectiveError, match=message) as error:
        program.normal_cones(np.array([[1.0, 0.0], point]))
    assert error.value.row == 1


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (1, 3)])
def test_assignments(shape):
    """All of a size, with forbidden pairs: scores are in the cone of one where no assignment is better."""
    rng = np.random.default_rng(1)
    every = []
    for chosen in itertools.permutations(range(max(shape)), min(shape)):
        matrix = np.zeros((min(shape), max(shape)))
        matrix[np.arange(min(shape)), chosen] = 1.0
        every.append(matrix if shape[0] <= shape[1] else matrix.T)
    for _ in range(20):
        allowed = rng.random(shape) < 0.8
        kept = np.array([matrix for matrix in every if not matrix[~allowed].any()])
        if not len(kept):
            continue
        matching = Matching.read("test", "min", allowed=allowed, unmatched=None, sizes=None)
        cones = matching.normal_cones(kept)
        assert isinstance(cones, NormalCones)
        for row, matrix in enumerate(kept):
            found = vectors(cones, row)
            scores = (rng.exponential(size=len(found)) @ found).reshape(shape)
            assert (scores * matrix).sum() >= (kept * scores).sum(axis=(1, 2)).max() - 1e-9
            given = rng.normal(size=(4, *shape))
            for own in given[(kept * given[:, None]).sum(axis=(2, 3)).argmax(axis=1) == row]:
                assert optimize.nnls(found.T, own.ravel())[1] < 1e-9


def test_assignments_of_other_sizes():
    matching = Matching.read("test", "max", allowed=None, unmatched=None, sizes=None)
    padded = np.zeros((2, 3, 3))
    padded[0, 0, 1] = padded[0, 1, 0] = padded[1, :3, :3] = 0.0
    padded[0, [0, 1], [1, 0]] = padded[1, [0, 1, 2], [1, 2, 0]] = 1.0
    cones = matching.normal_cones(padded, sizes=[(2, 3), (3, 3)])
    assert (cones.at_upper & cones.at_lower)[0, 2].all()  # the third row of the first is padding
    assert cones.equations[0].any(axis=(1, 2)).tolist() == [True, True, False, False, False, False]
    assert cones.inequalities[0].any(axis=(1, 2)).tolist() == [False, False, False, True, True, False]
    assert cones.equations[1].any(axis=(1, 2)).all()
    for wrong in (np.zeros((1, 3, 3)), np.ones((1, 3, 3)), padded[1:] / 2):
        with pytest.raises(ObjectiveError, match="test: solution: expected a complete assignment") as error:
            matching.normal_cones(np.concatenate([padded[1:], wrong]))
        assert error.value.row == 1


def test_models_with_parameters_in_the_matrix():
    """Rows that share a program are found together; each has what its own program has."""
    pyo = pytest.importorskip("pyomo.environ")
    solver = pytest.importorskip("imle_pyomo.solver")
    model = pyo.ConcreteModel()
    model.capacity = pyo.Param(mutable=True, initialize=4.0)
    model.size = pyo.Param(range(3), mutable=True, initialize=dict(enumerate([1.0, 2.0, 3.0])))
    model.x = pyo.Var(range(3), domain=pyo.Binary)
    model.fits = pyo.Constraint(expr=pyo.sum_product(model.size, model.x) <= model.capacity)
    prepared = solver.PyomoSolver(sense="max").prepare(model=model, variables="x")
    solutions = np.array([[1.0, 0, 1], [1, 1, 0], [0, 1, 0], [0, 1, 0]])
    sizes = np.array([[1.0, 2, 3], [2, 2, 9], [1, 2, 3], [2, 2, 9]])
    values = [{"size": own, "capacity": capacity} for own, capacity in zip(sizes, (4.0, 5.0, 2.0, 2.0), strict=True)]
    found = prepared.normal_cones(solutions, values=values)
    for row, (own, given) in enumerate(zip(sizes, values, strict=True)):
        alone = HighsILPSolver().prepare(A_ub=[own], b_ub=[given["capacity"]], bounds=(0, 1))
        assert counted(vectors(found, row)) == counted(vectors(alone.normal_cones(solutions[[row]]), 0))
    assert counted(vectors(prepared.normal_cones(solutions[:1]), 0)) == counted(vectors(found, 0))
    with pytest.raises(ObjectiveError, match="broken by 1") as error:
        prepared.normal_cones(solutions, values=[*values[:3], {"size": sizes[3], "capacity": 1.0}])
    assert error.value.row == 3
