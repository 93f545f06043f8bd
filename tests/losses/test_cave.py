"""CaVE: by the definition of the nearest point over listed solutions, by Clarabel's iterations, and as a module."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolverContractError
from imle.layers.normal_cones import Normals
from imle.losses import CaVE
from imle.losses.cone_projection import Generators, project
from imle.solvers import NormalCones, SolveResult
from support.problems import SETS, best, draw, layer_over, table

optimize = pytest.importorskip("scipy.optimize")
ROWS = 20


def lattice(n):
    """Edges of an n x n lattice, in the order of `support.solvers.lattice_paths`: down, then to the right."""
    down = [(row * n + column, row * n + column + n) for row in range(n - 1) for column in range(n)]
    return down + [(row * n + column, row * n + column + 1) for row in range(n) for column in range(n - 1)]


def flow(edges, nodes):
    """A_eq and b_eq: out minus in is 1 at the first node, -1 at the last."""
    rows = np.zeros((nodes, len(edges)))
    for column, (tail, head) in enumerate(edges):
        rows[tail, column], rows[head, column] = 1.0, -1.0
    sides = np.zeros(nodes)
    sides[0], sides[-1] = 1.0, -1.0
    return {"A_eq": rows, "b_eq": sides}


def matching(n):
    rows = np.zeros((2 * n, n * n))
    for row in range(n):
        rows[row, row * n : (row + 1) * n] = rows[n + row, row::n] = 1.0
    return {"A_eq": rows, "b_eq": np.ones(2 * n)}


PROGRAMS = {
    "3-of-6": {"A_eq": np.ones((1, 6)), "b_eq": [3.0]},
    "assignments 4x4": matching(4),
    "paths on 3x3": flow(lattice(3), 9),
}
"""Linear programs whose corners are the listed solutions."""


def as_program(name, sense="max", **options):
    pytest.importorskip("imle_highs")
    return imle.layer("highs-lp", sense=sense, bounds=(0, 1), **PROGRAMS[name], **options)


def nearest(theta, y, solutions):
    """The projection on the cone of scores for which y is best, by that on its polar: directions to other solutions."""
    others = (solutions - y).numpy().T
    return theta - torch.from_numpy(others @ optimize.nnls(others, theta.numpy())[0])


def exact(theta, y, solutions):
    """Value and gradient of each row."""
    values, gradients = [], []
    for scores, known in zip(theta, y, strict=True):
        p = nearest(scores, known, solutions)
        size, length = scores.norm(), p.norm()
        p = p / length if length > 1e-9 else 0 * p
        values.append(1 - (scores @ p) / size)
        gradients.append((scores @ p) * scores / size**3 - p / size)
    return torch.stack(values), torch.stack(gradients)


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_nearest_point_by_enumeration(name, sense):
    solutions, sign = table(name), 1.0 if sense == "max" else -1.0
    theta, y = draw(ROWS, solutions.shape[1], seed=1), best(draw(ROWS, solutions.shape[1], seed=2), solutions)
    theta[0] = y[0] - 0.5  # y is best
    theta[1] = 0.5 - y[1]
    value, gradient = exact(theta, y, solutions)
    objective = (sign * theta).requires_grad_()
    found = CaVE(as_program(name, sense), iterations=None, reduction="none")(objective, y)
    torch.testing.assert_close(found, value, rtol=1e-7, atol=1e-7)
    found.sum().backward()
    torch.testing.assert_close(objective.grad, sign * gradient, rtol=1e-5, atol=1e-5)
    assert found[0].item() == pytest.approx(0.0, abs=1e-9)


def test_topk_knows_its_constraints():
    theta, y = draw(ROWS, 6, seed=1), best(draw(ROWS, 6, seed=2), table("3-of-6"))
    for options in ({}, {"iterations": None}, {"solve_ratio": 0.0}):
        known, read = (CaVE(of, **options) for of in (imle.layer("topk", k=3), as_program("3-of-6")))
        torch.testing.assert_close(known(theta, y), read(theta, y))
    with pytest.raises(ObjectiveError, match=r"topk: solution: expected k entries of 1 and else 0, .*\(row 1\)"):
        CaVE(imle.layer("topk", k=3))(theta[:2], torch.tensor([[1.0, 1, 1, 0, 0, 0], [1, 1, 0.5, 0.5, 0, 0]]))
    across = CaVE(imle.layer("topk", k=3, dim=-2), reduction="none")  # three of six for each of two columns
    columns, chosen = theta[:4].reshape(2, 2, 6).movedim(1, 2), y[:4].reshape(2, 2, 6).movedim(1, 2)
    program = {"A_eq": torch.block_diag(torch.ones(1, 6), torch.ones(1, 6)).numpy(), "b_eq": [3, 3], "bounds": (0, 1)}
    together = CaVE(imle.layer("highs-lp", sense="max", **program), reduction="none")
    torch.testing.assert_close(across(columns, chosen), together(theta[:4].reshape(2, 12), y[:4].reshape(2, 12)))


@pytest.mark.parametrize("solver_id", ["assignment", "scipy-assignment"])
@pytest.mark.parametrize("options", [{}, {"iterations": None}, {"solve_ratio": 0.0}])
def test_assignments_know_theirs(solver_id, options):
    pytest.importorskip("imle_kernels" if solver_id == "assignment" else "imle_scipy")
    theta, y = draw(6, 16, seed=1), best(draw(6, 16, seed=2), table("assignments 4x4"))
    layer = imle.layer(solver_id, sense="max")
    found = CaVE(layer, reduction="none", **options)(theta.reshape(2, 3, 4, 4), y.reshape(2, 3, 4, 4))
    read = CaVE(as_program("assignments 4x4"), reduction="none", **options)(theta, y)
    torch.testing.assert_close(found, read.reshape(2, 3))


@pytest.mark.parametrize("iterations", [3, None])
def test_the_gradient_is_that_of_a_constant_target(iterations):
    """By the envelope theorem it is the whole derivative, where the target is the nearest point."""
    y = best(draw(4, 6, seed=2), table("3-of-6"))
    theta = draw(4, 6, seed=1).requires_grad_()
    loss = CaVE(as_program("3-of-6"), iterations=iterations, reduction="none")
    if iterations is None:
        assert torch.autograd.gradcheck(lambda scores: loss(scores, y[:1]), theta[:1])
    batch = loss.read(theta, {})
    aim = loss._aim(theta.detach(), y, batch)
    by_hand = 1 - torch.nn.functional.cosine_similarity(theta, aim, dim=1)
    torch.testing.assert_close(loss(theta, y), by_hand)
    expected, found = (torch.autograd.grad(v.sum(), theta)[0] for v in (by_hand, loss(theta, y)))
    torch.testing.assert_close(found, expected)


def test_any_cones():
    """Against an active-set method: random vectors, repeated, opposite, dependent, of any number."""
    rng = np.random.default_rng(3)
    for trial in range(12):
        n, r = int(rng.integers(1, 9)), int(rng.integers(0, 8))
        rows = rng.integers(-2, 3, (ROWS, r, n)).astype(float)
        if trial % 3 == 0 and r > 2:
            rows[:, 1], rows[:, 2] = -rows[:, 0], 3 * rows[:, 0]
        low, high = rng.random((2, ROWS, n)) < 0.5
        theta = rng.normal(size=(ROWS, n))
        theta /= np.sqrt((theta**2).mean(axis=1, keepdims=True))
        cones = Generators(Normals(torch.tensor(rows), torch.tensor(low), torch.tensor(high)))
        found = project(torch.tensor(theta), cones).numpy()
        for row in range(ROWS):
            vectors = np.vstack([rows[row], -np.eye(n)[low[row]], np.eye(n)[high[row]]])
            vectors = vectors[vectors.any(axis=1)]
            expected = theta[row]
            if len(vectors):
                expected = optimize.nnls(vectors.T, theta[row], maxiter=1000)[0] @ vectors
            np.testing.assert_allclose(found[row], expected, atol=1e-5)
        lengths = 10.0 ** rng.uniform(-9, 9, (ROWS, r, 1))  # of which cones know nothing
        other = Generators(Normals(torch.tensor(rows * lengths), torch.tensor(low), torch.tensor(high)))
        np.testing.assert_allclose(project(torch.tensor(theta), other).numpy(), found, atol=1e-7)


@pytest.mark.parametrize("iterations", [1, 2, 3, 5, 30])
def test_iterations_are_those_of_clarabel(iterations):
    clarabel, sparse = pytest.importorskip("clarabel"), pytest.importorskip("scipy.sparse")
    settings = clarabel.DefaultSettings()
    settings.max_iter, settings.verbose = iterations, False
    settings.presolve_enable = settings.equilibrate_enable = False
    rng = np.random.default_rng(4)
    rows, low, high = rng.normal(size=(ROWS, 5, 7)), *(rng.random((2, ROWS, 7)) < 0.5)
    rows[:, 4] = -rows[:, 0]
    theta = rng.normal(size=(ROWS, 7))
    cones = Generators(Normals(torch.tensor(rows), torch.tensor(low), torch.tensor(high)))
    found = project(torch.tensor(theta), cones, iterations).numpy()
    for row in range(ROWS):
        vectors = np.vstack([rows[row], -np.eye(7)[low[row]], np.eye(7)[high[row]]])
        count, curve = len(vectors), sparse.triu(sparse.csc_matrix(2 * vectors @ vectors.T)).tocsc()
        solver = clarabel.DefaultSolver(
            curve,
            -2 * vectors @ theta[row],
            -sparse.eye(count, format="csc"),
            np.zeros(count),
            [clarabel.NonnegativeConeT(count)],
            settings,
        )
        np.testing.assert_allclose(found[row], np.array(solver.solve().x) @ vectors, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("options", [{}, {"iterations": None}, {"solve_ratio": 0.0}])
def test_scale_does_not_matter(options):
    theta, y = draw(5, 9 + 3, seed=1), best(draw(5, 12, seed=2), table("paths on 3x3"))
    loss = CaVE(as_program("paths on 3x3"), reduction="none", **options)
    for size in (2.0**-20, 2.0**20, 1e-150):
        torch.testing.assert_close(loss(size * theta, y), loss(theta, y))


def test_the_hybrid_draws_which_batches_are_projected():
    theta, y = draw(5, 6, seed=1), best(draw(5, 6, seed=2), table("3-of-6"))
    layer = imle.layer("topk", k=3)
    projected, cheap = (CaVE(layer, solve_ratio=ratio)(theta, y) for ratio in (1.0, 0.0))
    loss = CaVE(layer, solve_ratio=0.25, generator=torch.Generator().manual_seed(0))
    found = [loss(theta, y) for _ in range(200)]
    share = sum(value == projected for value in found)
    assert all(value in (projected, cheap) for value in found)
    assert 25 < share < 75
    unit = theta / theta.norm(dim=1, keepdim=True)
    normals = torch.cat([torch.ones(5, 1, 6) / 6**0.5, -torch.ones(5, 1, 6) / 6**0.5], dim=1)
    mean = (torch.diag_embed(2 * y - 1).sum(1) + normals.sum(1)) / 8
    aim = 0.9 * unit + 0.1 * mean
    by_hand = 1 - torch.nn.functional.cosine_similarity(theta, aim, dim=1).mean()
    torch.testing.assert_close(CaVE(layer, solve_ratio=0.0, inner_ratio=0.1)(theta, y), by_hand)


@pytest.mark.parametrize("options", [{}, {"iterations": None}, {"solve_ratio": 0.0}])
def test_zeros_are_left_behind(options):
    theta, y = torch.zeros(2, 6, requires_grad=True), best(draw(2, 6, seed=2), table("3-of-6"))
    value = CaVE(imle.layer("topk", k=3), reduction="none", **options)(theta, y)
    value.sum().backward()
    assert value.tolist() == [1.0, 1.0]
    assert torch.equal((-theta.grad).topk(3).indices.sort().values, y.topk(3).indices.sort().values)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_shapes_and_dtypes(lead, dtype):
    objective = draw(*lead, 5).to(dtype).requires_grad_()
    y = torch.zeros(*lead, 5).index_fill_(-1, torch.tensor([1, 3]), 1.0)
    layer = imle.layer("topk", k=2, estimator="identity").train(False)
    values = CaVE(layer, reduction="none")(objective, y)
    assert values.shape == lead
    assert values.dtype == torch.promote_types(dtype, torch.float32)
    values.sum().backward()
    assert objective.grad.dtype == dtype
    assert objective.grad.isfinite().all()
    assert not layer.stats.solves


def test_rows_have_instances_and_sizes_of_their_own():
    theta, ks = draw(3, 6, seed=1), [2, 3, 1]
    y = torch.stack([best(row, table_of(k)) for row, k in zip(draw(3, 6, seed=2), ks, strict=True)])
    found = CaVE(imle.layer("topk"), reduction="none")(theta, y, k=ks)
    for row, k in enumerate(ks):
        alone = CaVE(imle.layer("topk", k=k), reduction="none")(theta[row : row + 1], y[row : row + 1])
        torch.testing.assert_close(found[row : row + 1], alone)
    layer, sizes = imle.layer("highs-lp", sense="max", bounds=(0, 1)), [6, 4, 6]
    rows = {"A_eq": [np.ones((1, n)) for n in sizes], "b_eq": [[2.0], [3.0], [1.0]]}
    y = torch.tensor([[1.0, 1, 0, 0, 0, 0], [1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1]])
    theta[1, 4:] = 7.0  # padding
    found = CaVE(layer, reduction="none")(theta, y, **rows)
    alone = CaVE(imle.layer("topk", k=3), reduction="none")(theta[1:2, :4], y[1:2, :4])
    torch.testing.assert_close(found[1:2], alone)


def table_of(k):
    solutions = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)
    return solutions[solutions.sum(1) == k]


def test_copies():
    theta, y = draw(5, 6, seed=1), best(draw(5, 6, seed=2), table("3-of-6"))
    loss = CaVE(as_program("3-of-6"), iterations=None, reduction="sum")
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(theta, y) == loss(theta, y)
    assert "iterations=None, solve_ratio=1, inner_ratio=0.2, reduction='sum'" in repr(loss)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": 0}, "CaVE: iterations: expected an int >= 1, found 0"),
        ({"solve_ratio": 1.5}, "CaVE: solve_ratio: expected a number from 0 to 1, found 1.5"),
        ({"inner_ratio": "a"}, "CaVE: inner_ratio: expected a number from 0 to 1, found 'a'"),
        ({"generator": 3}, "CaVE: generator: expected a torch.Generator or None"),
        ({"reduction": "avg"}, "CaVE: reduction: expected"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        CaVE(imle.layer("topk", k=3), **options)


def test_bad_solutions():
    theta = draw(2, 1, 12)
    y = best(draw(2, 1, 12, seed=2), table("paths on 3x3"))
    loss = CaVE(as_program("paths on 3x3"))
    with pytest.raises(ObjectiveError, match=r"CaVE: solution: expected shape \[2, 1, 12\].*found \[2, 12\]"):
        loss(theta, y.squeeze(1))
    broken = y.clone()
    broken[1, 0, 0] = 1 - broken[1, 0, 0]
    with pytest.raises(
        ObjectiveError, match=r"expected a feasible one, found: row 0 of A_eq is broken by 1 \(row \(1, 0\)\)"
    ):
        loss(theta, broken)
    inside = imle.layer("highs-lp", sense="max", bounds=(0, 2), A_ub=[[1.0, 1.0]], b_ub=[9.0])
    with pytest.raises(ObjectiveError, match=r"expected one at a corner of the constraints, .*binds, for row 1"):
        CaVE(inside)(draw(2, 2), torch.tensor([[0.0, 2.0], [1.0, 1.0]]))


def test_solvers_that_do_not_know_their_constraints():
    y = best(draw(2, 8), table("knapsack of 8"))
    with pytest.raises(OptionError, match=r"expected a solver that tells which constraints bind a solution"):
        CaVE(layer_over(SETS["knapsack of 8"]))(draw(2, 8), y)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (lambda z: 3, "normal_cones: expected NormalCones, found int"),
        (lambda z: cones(z, inequalities=z), r"inequalities: expected \[2, m, 3\], found \[2, 3\]"),
        (lambda z: cones(z, equations=z[:1, None]), r"equations: expected \[2, m, 3\], found \[1, 1, 3\]"),
        (lambda z: cones(z, at_lower=z), r"at_lower: expected bool \[2, 3\], found torch.float64 \[2, 3\]"),
    ],
)
def test_what_solvers_tell_is_checked(told, message):
    class Telling:
        objective_shape = (3,)

        def solve(self, objective):
            return SolveResult(np.zeros_like(objective))

        def normal_cones(self, solutions):
            return told(solutions)

        def close(self):
            pass

    class Solver:
        sense, array = "max", "numpy"

        def prepare(self):
            return Telling()

    with pytest.raises(SolverContractError, match=message):
        CaVE(imle.layer(Solver()))(draw(2, 3), torch.zeros(2, 3))


def cones(z, **parts):
    none, flags = z[:, None][:, :0], z == 0
    return NormalCones(**{"inequalities": none, "equations": none, "at_lower": flags, "at_upper": flags, **parts})
