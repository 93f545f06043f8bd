"""The oracles against each other, and against arithmetic done another way."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest

from fuzz.exact.model import Program, Row
from fuzz.exact.solving import Solver
from fuzz.judging import Answer, judge
from fuzz.listed import Listed
from fuzz.networks.language import count, free, text
from fuzz.programs.points import TOLERANCE, box, is_whole, listed, readings
from fuzz.programs.solved import Solved
from imle.solvers import SolveStatus

F = Fraction


def random_program(rng: random.Random, *, integer: bool, infinite: bool = False) -> Program:
    n = rng.randint(2, 3)
    rows = []
    for _ in range(rng.randint(1, 3)):
        coefficients = tuple(F(rng.randint(-7, 7), rng.choice([1, 3, 7])) for _ in range(n))
        rows.append(Row(coefficients, F(rng.randint(-9, 20)), rng.random() < 0.1))
    lower = tuple(None if infinite and rng.random() < 0.4 else F(rng.randint(-3, 0)) for _ in range(n))
    upper = tuple(None if infinite and rng.random() < 0.4 else F(rng.randint(1, 8), 2) for _ in range(n))
    return Program(tuple(rows), lower, upper, (integer,) * n)


def satisfied(program: Program, point: tuple[Fraction, ...]) -> bool:
    sums = [(sum(c * x for c, x in zip(row.coefficients, point, strict=True)), row) for row in program.rows]
    rows = all(total == row.right if row.equal else total <= row.right for total, row in sums)
    ends = zip(program.lower, point, program.upper, strict=True)
    return rows and all((low is None or low <= x) and (high is None or x <= high) for low, x, high in ends)


def vertices(program: Program) -> list[tuple[Fraction, ...]]:
    """All points of a bounded program where n of its rows and bounds hold with equality, by Cramer's rule."""
    n = len(program.lower)
    planes = [(row.coefficients, row.right) for row in program.rows]
    for place in range(n):
        unit = tuple(F(int(place == j)) for j in range(n))
        planes += [(unit, program.lower[place]), (unit, program.upper[place])]
    found = []
    for chosen in itertools.combinations(planes, n):
        matrix = [list(coefficients) for coefficients, _ in chosen]
        whole = determinant(matrix)
        if whole:
            columns = [
                [[*row[:j], right, *row[j + 1 :]] for row, (_, right) in zip(matrix, chosen, strict=True)]
                for j in range(n)
            ]
            point = tuple(determinant(replaced) / whole for replaced in columns)
            if satisfied(program, point):
                found.append(point)
    return found


def determinant(matrix: list[list[Fraction]]) -> Fraction:
    if not matrix:
        return F(1)
    below = [[row[:j] + row[j + 1 :] for row in matrix[1:]] for j in range(len(matrix))]
    return sum(((-1) ** j * matrix[0][j] * determinant(rest) for j, rest in enumerate(below)), F(0))


@pytest.mark.parametrize("seed", range(30))
def test_the_simplex_method_finds_the_best_vertex(seed):
    rng = random.Random(seed)
    program = random_program(rng, integer=False)
    solver, known = Solver(program), vertices(program)
    for _ in range(4):  # one after the other: each starts where the one before ended
        costs = [F(rng.randint(-20, 20), 3) for _ in program.lower]
        answer = solver.minimise(costs)
        if not known:
            assert answer.kind == "infeasible"
            continue
        assert answer.kind == "optimal"
        assert satisfied(program, answer.point)
        assert answer.value == min(sum(c * x for c, x in zip(costs, point, strict=True)) for point in known)


@pytest.mark.parametrize("seed", range(30))
def test_branch_and_bound_finds_the_best_point_of_the_box(seed):
    rng = random.Random(seed)
    program = random_program(rng, integer=True)
    points = [tuple(map(F, point)) for point in box(program).tolist()]
    known = [point for point in points if satisfied(program, point)]
    solver = Solver(program)
    for _ in range(4):
        costs = [F(rng.randint(-20, 20)) for _ in program.lower]
        answer = solver.minimise(costs)
        if known:
            assert answer.value == min(sum(c * x for c, x in zip(costs, point, strict=True)) for point in known)
        else:
            assert answer.kind == "infeasible"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_unbounded_falls_without_end(seed):
    """Boxes that grow tell it another way."""
    rng = random.Random(seed)
    program = random_program(rng, integer=bool(seed % 2), infinite=True)
    costs = [F(rng.randint(-20, 20)) for _ in program.lower]
    answer = Solver(program).minimise(costs)
    ends = []
    for size in (50, 500):
        lower = tuple(F(-size) if low is None else low for low in program.lower)
        upper = tuple(F(size) if high is None else high for high in program.upper)
        ends.append(Solver(Program(program.rows, lower, upper, program.integer)).minimise(costs))
    if answer.kind == "unbounded":
        assert ends[1].value < ends[0].value - 10
    elif answer.kind == "optimal":
        assert ends[1].value == answer.value
    elif answer.kind == "infeasible":
        assert ends[1].kind in ("infeasible", "open")


def test_rows_are_read_as_they_are_meant():
    """Thirds are exact, whatever floats make of them; rows of other floats hold up to rounding."""
    points = box(Program((), (F(0),) * 2, (F(9),) * 2, (True,) * 2))
    third = Row((F(1, 3), F(-1)), F(0), equal=True)
    assert is_whole(third, (True, True))
    kept, same = readings(third, points, whole=True)
    assert points[kept].tolist() == points[same].tolist() == [[0, 0], [3, 1], [6, 2], [9, 3]]
    tenths = Row((F(0.1), F(0.2)), F(0.3))
    assert not is_whole(tenths, (True, True))
    sure, possible = readings(tenths, points, whole=False)
    assert points[sure].tolist() == points[possible].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [3, 0]]
    nearly = Row((F(0.2), F(0.2 * TOLERANCE / 2)), F(0.2))
    sure, possible = (points[kept].tolist() for kept in readings(nearly, points, whole=False))
    assert [one for one in possible if one not in sure] == [[1, 1], [1, 2]]


@pytest.mark.parametrize("seed", range(10))
def test_the_two_oracles_of_programs_agree(seed):
    rng = random.Random(100 + seed)
    program = random_program(rng, integer=True)
    n = len(program.lower)
    objectives = np.array([[rng.randint(-9, 9) for _ in range(n)] for _ in range(5)], float)
    for sign in (1, -1):
        one = listed(program, list(range(n)), [0.0] * n, sign).expected(objectives, sign)
        other = Solved(program).expected(objectives, sign)
        assert [known.kind for known in one] == [known.kind for known in other]
        np.testing.assert_allclose([known.best for known in one], [known.best for known in other], rtol=1e-12)


def test_terms_that_are_not_learned_are_at_their_best():
    """min -x + 3u, u >= x - 2, over whole numbers of 0 to 5: beyond 2 each step of x costs 2."""
    program = Program((Row((F(1), F(-1)), F(2)),), (F(0),) * 2, (F(5),) * 2, (True,) * 2)
    truth = listed(program, [0], [0.0, 3.0], 1)
    assert truth.expected(np.array([[-1.0], [-4.0]]), 1) == [("optimal", -2.0, 0.0), ("optimal", -11.0, 0.0)]
    assert truth.value(np.array([-1.0]), np.array([4.0]), 1) == 2.0


TRUTH = Listed(np.array([[0.0, 1.0], [1.0, 0.0]]))


@pytest.mark.parametrize(
    ("status", "solution", "value", "bound", "wrong"),
    [
        (SolveStatus.OPTIMAL, [1, 0], 1.0, np.nan, ""),
        (SolveStatus.OPTIMAL, [0, 1], 2.0, np.nan, "the best value is 1.0"),
        (SolveStatus.OPTIMAL, [1, 0], 2.0, np.nan, "the value 2.0 is told"),
        (SolveStatus.OPTIMAL, [1, 1], 3.0, np.nan, "is not feasible"),
        (SolveStatus.FEASIBLE, [0, 1], 2.0, 0.5, ""),
        (SolveStatus.FEASIBLE, [0, 1], 2.0, 1.5, "the bound 1.5 is told"),
        (SolveStatus.FEASIBLE, [0, 0], 0.0, 0.0, "is not feasible"),
        (SolveStatus.INFEASIBLE, [0, 0], 0.0, 0.0, "infeasible, but"),
        (SolveStatus.UNBOUNDED, [0, 0], 0.0, 0.0, "unbounded, but"),
        (SolveStatus.ERROR, [0, 0], 0.0, 0.0, ""),
        (SolveStatus.TIMEOUT, [0, 0], 0.0, 0.0, ""),
    ],
)
def test_wrong_answers_are_told(status, solution, value, bound, wrong):
    """Costs 1 and 2; and mirrored, scores -1 and -2."""
    for sign in (1, -1):
        answer = Answer(
            np.array([status], np.int8),
            np.array([solution], float),
            np.array([sign * value]),
            np.array([sign * bound]),
            {},
        )
        (verdict,) = judge(TRUTH, np.array([[1.0, 2.0]]) * sign, answer, sign)
        assert verdict.wrong.replace("-", "").find(wrong) >= 0
        assert bool(verdict.wrong) == bool(wrong)


def test_formulas_are_counted_over_all_groundings():
    """Three people, two of whom smoke, and one friendship."""
    people = ("Ann", "Ben", "Cat")
    table = {("S", (one,)): np.array([one != "Cat"]) for one in people}
    table |= {("F", pair): np.array([pair == ("Ann", "Cat")]) for pair in itertools.product(people, repeat=2)}
    domains = {"x": people, "y": people}
    friends, one, other = ("atom", "F", ("x", "y")), ("atom", "S", ("x",)), ("atom", "S", ("y",))
    rule = ("=>", ("^", friends, one), other)
    assert text(rule) == "((F(x,y)) ^ (S(x))) => (S(y))"
    assert free(rule) == ["x", "y"]
    assert count(rule, table, domains).tolist() == [8]
    assert count(("EXIST", "y", ("^", ("!", friends), ("!", other))), table, domains).tolist() == [2]
    assert count(("<=>", ("=", "x", "y"), friends), table, domains).tolist() == [5]
