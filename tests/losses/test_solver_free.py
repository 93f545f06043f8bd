"""The solver-free loss against its definition, its negatives, and rows learned from solutions."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import pytest
import torch

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.losses import SolverFree
from imle.losses.negatives import neighbours, others, projections, walks
from support.problems import draw

CUBE = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
B, N, M, VARIABLES = 3, 7, 2, 4


def problem(seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randint(0, 2, (B, 1 + N, VARIABLES), generator=generator).double()
    a, b = draw(M, VARIABLES, seed=seed), draw(M, seed=seed + 1)
    return draw(B, VARIABLES, seed=seed + 2), points[:, 0], points[:, 1:], a, b


def by_definition(c, y, negatives, a, b, *, margin, temperature, weights, sense, learned=False, known=None):
    """The loss of each row, term by term, in Python's numbers."""
    sign = -1.0 if sense == "max" else 1.0
    values = []
    for cost, own, points in zip((sign * c).tolist(), y.tolist(), negatives.tolist(), strict=True):
        rows = [*zip(a.tolist(), b.tolist(), strict=True)]
        worth = sum(x * z for x, z in zip(cost, own, strict=True))
        if learned:
            rows.append((cost, worth))
        sizes = [math.hypot(*left) for left, _ in rows]

        def kept(k, z, rows=rows, sizes=sizes):
            return (rows[k][1] - sum(x * e for x, e in zip(rows[k][0], z, strict=True))) / sizes[k]

        inside = sum(max(margin - kept(k, own), 0.0) for k in range(M)) / M
        outside = []
        for z in points:
            better = sum(x * e for x, e in zip(cost, z, strict=True)) <= worth
            fits = known is None or all(
                sum(x * e for x, e in zip(left, z, strict=True)) <= right for left, right in known
            )
            if z == own or not (better or learned) or not fits:
                continue
            distances = [kept(k, z) for k in range(len(rows))]
            if temperature:
                least = min(distances)
                odds = [math.exp((least - d) / temperature) for d in distances]
                shares = [o / sum(odds) for o in odds]
            else:
                shares = [float(k == distances.index(min(distances))) for k in range(len(rows))]
            outside.append(sum(s * max(margin + d, 0.0) for s, d in zip(shares, distances, strict=True)))
        directions = [sum(rows[k][0][i] / sizes[k] for k in range(len(rows))) / len(rows) for i in range(VARIABLES)]
        parts = inside, sum(outside) / max(len(outside), 1), sum(d * d for d in directions) / VARIABLES
        values.append(sum(w * part for w, part in zip(weights, parts, strict=True)))
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("temperature", [0.0, 0.3])
@pytest.mark.parametrize("learned", [False, True])
def test_the_definition(sense, temperature, learned):
    about = {"margin": 0.3, "temperature": temperature, "weights": (1.0, 2.0, 0.5), "sense": sense}
    loss = SolverFree(reduction="none", **about)
    positive = torch.zeros(B, dtype=torch.bool)
    for seed in range(60):
        c, y, negatives, a, b = problem(seed)
        given = c.clone().requires_grad_(learned)
        found = loss(given, y, negatives, A_ub=a, b_ub=b)
        expected = by_definition(c, y, negatives, a, b, learned=learned, **about)
        torch.testing.assert_close(found.detach(), expected)
        positive |= found > 0
    assert positive.all()


def test_known_rows_and_no_objective():
    about = {"margin": 0.3, "temperature": 0.1, "weights": (1.0, 1.0, 1.0), "sense": "min"}
    loss = SolverFree(reduction="none", **about)
    known = [([1.0, 1.0, 0.0, 0.0], 1.0), ([0.0, 0.0, 1.0, 1.0], 1.0)]
    left, right = torch.tensor([row[0] for row in known]), torch.tensor([row[1] for row in known])
    for seed in range(50):
        c, y, negatives, a, b = problem(seed)
        found = loss(c, y, negatives, A_ub=a, b_ub=b, known={"A_ub": left, "b_ub": right})
        torch.testing.assert_close(found, by_definition(c, y, negatives, a, b, known=known, **about))
        everyone = loss(None, y, negatives, A_ub=a, b_ub=b)
        torch.testing.assert_close(everyone, by_definition(0 * c, y, negatives, a, b, **about))


@pytest.mark.parametrize("temperature", [0.0, 0.3])
def test_the_gradient_is_the_derivative_with_shares_held_fixed(temperature):
    loss = SolverFree(sense="min", margin=0.3, temperature=temperature)
    for seed in range(5):
        c, y, negatives, a, b = problem(seed)
        parts = [a.requires_grad_(), b.requires_grad_()]
        shares = {}

        class Held(SolverFree):
            def _shares(self, distances, shares=shares):
                return shares.setdefault("first", super()._shares(distances))

        held = Held(sense="min", margin=0.3, temperature=temperature)
        held(c, y, negatives, A_ub=a, b_ub=b)

        def value(p, q, held=held, rest=(c, y, negatives)):
            return held(*rest, A_ub=p, b_ub=q)

        assert torch.autograd.gradcheck(value, parts)
        free = torch.autograd.grad(loss(c, y, negatives, A_ub=a, b_ub=b), parts)
        fixed = torch.autograd.grad(held(c, y, negatives, A_ub=a, b_ub=b), parts)
        for one, other in zip(free, fixed, strict=True):
            torch.testing.assert_close(one, other)


def test_it_is_0_where_the_truth_keeps_its_margins():
    """Integer rows, cut between whole numbers: every infeasible point is at least half a unit away."""
    a, b = torch.tensor([[2.0, 3, 4, 1], [-1, 0, -1, 0]]).double(), torch.tensor([5.5, -0.5]).double()
    feasible = CUBE[(b - CUBE @ a.T >= 0).all(dim=1)]
    costs = draw(300, VARIABLES)
    y = feasible[(costs @ feasible.T).argmin(dim=1)]
    loss = SolverFree(sense="min", margin=0.5 / 5.5, temperature=0.0, weights=(1.0, 1.0, 0.0), reduction="none")
    everything = CUBE.expand(300, *CUBE.shape)
    assert not loss(costs, y, everything, A_ub=a, b_ub=b).any()
    assert not loss(costs, y, everything, A_ub=3 * a, b_ub=3 * b).any()
    assert (loss(costs, y, everything, A_ub=a[:1], b_ub=b[:1]) > 0).any()  # a row is missing
    assert (loss(costs, y, everything, A_ub=a, b_ub=b - 2) > 0).any()  # a row is too tight


def test_rows_have_no_scale():
    c, y, negatives, a, b = problem()
    loss = SolverFree(sense="min", margin=0.3)
    scale = torch.tensor([1e-4, 1e4]).double()
    found = loss(c, y, negatives, A_ub=scale.unsqueeze(1) * a, b_ub=scale * b)
    torch.testing.assert_close(found, loss(c, y, negatives, A_ub=a, b_ub=b))
    torch.testing.assert_close(found, loss(1e6 * c, y, negatives, A_ub=a, b_ub=b))


def test_shapes_dtypes_and_reductions():
    c, y, negatives, a, b = problem()
    rows = SolverFree(sense="min", reduction="none")(c, y, negatives, A_ub=a, b_ub=b)
    own = SolverFree(sense="min", reduction="none")(
        c, y, negatives, A_ub=a.expand(B, M, VARIABLES), b_ub=b.expand(B, M)
    )
    torch.testing.assert_close(rows, own)
    folded = SolverFree(sense="min", reduction="none")(
        c.unsqueeze(0), y.unsqueeze(0), negatives.unsqueeze(0), A_ub=a, b_ub=b
    )
    torch.testing.assert_close(folded, rows.unsqueeze(0))
    torch.testing.assert_close(SolverFree(sense="min", reduction="sum")(c, y, negatives, A_ub=a, b_ub=b), rows.sum())
    torch.testing.assert_close(SolverFree(sense="min")(c, y, negatives, A_ub=a, b_ub=b), rows.mean())
    half = SolverFree(sense="min")(c.half(), y.bool(), negatives.int(), A_ub=a.half(), b_ub=b.half())
    assert half.dtype == torch.float32
    empty = SolverFree(sense="min")(c[:0], y[:0], negatives[:0], A_ub=a, b_ub=b)
    assert empty == 0
    alone = SolverFree(sense="min", weights=(0.0, 1.0, 0.0))(c, y, negatives[:, :0], A_ub=a, b_ub=b)
    assert alone == 0


def test_copies():
    c, y, negatives, a, b = problem()
    loss = SolverFree(sense="max", temperature=0.2)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(c, y, negatives, A_ub=a, b_ub=b) == loss(c, y, negatives, A_ub=a, b_ub=b)
    assert "sense='max', margin=0.01, temperature=0.2" in repr(loss)


def test_neighbours():
    found = neighbours(torch.tensor([[1, 0, 1]]))
    assert found.tolist() == [[[0, 0, 1], [1, 1, 1], [1, 0, 0]]]
    found = neighbours(torch.tensor([[0.0, 5.0]]), lower=-5, upper=5)
    assert found.tolist() == [[[1, 5], [0, 5], [-1, 5], [0, 4]]]


def test_walks():
    y = torch.tensor([[1.0, 0.0, 1.0, 0.0]]).expand(50, 4)
    generator = torch.Generator().manual_seed(0)
    far = (walks(y, steps=3, samples=40, generator=generator) - y.unsqueeze(1)).abs().sum(dim=2)
    assert far.shape == (50, 40)
    counts = torch.bincount(far.long().ravel(), minlength=4) / far.numel()
    # variables hit by three draws of four: one 4/64, two 36/64, three 24/64
    torch.testing.assert_close(counts, torch.tensor([0.0, 0.0625, 0.5625, 0.375]), atol=0.04, rtol=0)
    inside = walks(torch.tensor([[3.0, -5.0, 5.0]]), steps=2, samples=500, lower=-5, upper=5, generator=generator)
    assert inside.abs().max() == 5
    moves = (inside - torch.tensor([3.0, -5.0, 5.0])).abs().sum(dim=2)
    assert set(moves.ravel().tolist()) == {2.0}
    assert {*inside[0, :, 0].tolist()} == {1.0, 2.0, 3.0, 4.0, 5.0}


def test_projections():
    a, b = torch.tensor([[1.0, 1.0], [0.0, 2.0]]), torch.tensor([0.5, -9.0])
    y = torch.tensor([[1.0, 1.0]])
    generator = torch.Generator().manual_seed(0)
    found = torch.cat([projections(y, a, b, generator=generator) for _ in range(2000)])
    # onto the first: (0.25, 0.25); onto the second: (1, -4.5), which is outside
    torch.testing.assert_close(found[:, 0].mean(0), torch.tensor([0.25, 0.25]), atol=0.04, rtol=0)
    assert {*found[:, 0].ravel().tolist()} == {0.0, 1.0}
    assert (found[:, 1] == torch.tensor([1.0, 0.0])).all()


def test_others():
    y = torch.arange(6.0).reshape(3, 2)
    assert others(y).tolist() == [[[2, 3], [4, 5]], [[4, 5], [0, 1]], [[0, 1], [2, 3]]]
    assert others(y[:1]).shape == (1, 0, 2)
    assert others(y[:0]).shape[0] == 0


def test_rows_are_learned_from_solutions_without_a_solver():
    """A knapsack of four items and its capacity: what fits is found again, all 16 subsets of it."""
    a, b = torch.tensor([[2.0, 3, 4, 1]]).double(), torch.tensor([5.5]).double()
    fits = b >= CUBE @ a.T
    feasible = CUBE[fits[:, 0]]
    values = draw(200, VARIABLES).abs()
    y = feasible[(values @ feasible.T).argmax(dim=1)]
    left, right = draw(2, VARIABLES, seed=1).requires_grad_(), torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([left, right], lr=0.05)
    loss = SolverFree(sense="max", margin=0.05, weights=(1.0, 1.0, 0.0))
    for _ in range(100):
        optimizer.zero_grad()
        loss(values, y, CUBE.expand(200, *CUBE.shape), A_ub=left, b_ub=right).backward()
        optimizer.step()
    kept = (right - CUBE @ left.T >= 0).all(dim=1)
    chosen = CUBE[kept][(values @ CUBE[kept].T).argmax(dim=1)]
    assert torch.equal(chosen, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sense": "least"}, "sense: expected 'max'"),
        ({"margin": 0}, "margin: expected a number > 0, found 0"),
        ({"temperature": -1.0}, "temperature: expected a number >= 0, found -1"),
        ({"weights": (1.0, 1.0)}, "weights: expected three numbers"),
        ({"weights": (1.0, 1.0, -1.0)}, "weights: expected a number >= 0, found -1"),
        ({"reduction": "max"}, "reduction: expected"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        SolverFree(**{"sense": "min", **options})


def test_bad_input():
    c, y, negatives, a, b = problem()
    loss = SolverFree(sense="min")
    with pytest.raises(ObjectiveError, match=r"negatives: expected \[3, N, 4\], found \[3, 4\]"):
        loss(c, y, y, A_ub=a, b_ub=b)
    with pytest.raises(ObjectiveError, match=r"objective: expected shape \[3, 4\], that of the solution, found \[4\]"):
        loss(c[0], y, negatives, A_ub=a, b_ub=b)
    with pytest.raises(ObjectiveError, match=r"solution: expected a torch tensor .* found list"):
        loss(c, y.tolist(), negatives, A_ub=a, b_ub=b)
    with pytest.raises(ObjectiveError, match="objective: found nan or infinity"):
        loss(c / 0, y, negatives, A_ub=a, b_ub=b)
    with pytest.raises(InstanceError, match=r"A_ub: expected \[m, 4\] or \[3, m, 4\], found \[2, 3\]"):
        loss(c, y, negatives, A_ub=a[:, :3], b_ub=b)
    with pytest.raises(InstanceError, match=r"b_ub: expected \[2\] or \[3, 2\], found \[1\]"):
        loss(c, y, negatives, A_ub=a, b_ub=b[:1])
    with pytest.raises(InstanceError, match="A_ub: expected at least one row to learn, found none"):
        loss(c, y, negatives, A_ub=a[:0], b_ub=b[:0])
    with pytest.raises(ObjectiveError, match="b_ub: found nan or infinity"):
        loss(c, y, negatives, A_ub=a, b_ub=b / 0)
    with pytest.raises(InstanceError, match="bounds: expected linear rows"):
        loss(c, y, negatives, A_ub=a, b_ub=b, known={"bounds": (0, 1)})


def test_bad_input_of_negatives():
    y = torch.tensor([[0.0, 1.0]])
    with pytest.raises(ObjectiveError, match="expected values between 0 and 1"):
        neighbours(2 * y)
    with pytest.raises(ObjectiveError, match="expected a torch tensor"):
        walks([0, 1], steps=1, samples=1)
    with pytest.raises(OptionError, match=r"lower: expected an int, found 0\.5"):
        neighbours(y, lower=0.5)
    with pytest.raises(OptionError, match="expected lower < upper, found 1 and 1"):
        neighbours(y, lower=1)
    with pytest.raises(OptionError, match="walks: steps: expected an int >= 1, found 0"):
        walks(y, steps=0, samples=1)
    with pytest.raises(InstanceError, match=r"A_ub: expected \[m, 2\]"):
        projections(y, torch.ones(1, 3), torch.ones(1))
    with pytest.raises(ObjectiveError, match=r"others: solution: expected \[B, n\], found \[2\]"):
        others(y[0])
