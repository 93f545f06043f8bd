"""However rows are spread over workers, results are the same, bit by bit."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import imle
from imle.execution import Parallel, Processes
from imle.solvers import Cached, Deduplicated, SolveResult, SolveStatus, Timed
from imle.solvers.rows import Part, join
from support.hazards import Hazard

pytestmark = pytest.mark.filterwarnings("ignore:.*negative costs were clipped")
GRAPH = {"neighbours": 8, "source": (0, 0)}


def step(executor, solver="grid-shortest-path", shape=(9, 7), **options):
    """Output and gradient of one training step."""
    layer = imle.layer(
        solver,
        nb_samples=3,
        output="samples",
        executor=executor,
        generator=torch.Generator().manual_seed(1),
        **options,
    )
    costs = torch.rand(5, *shape, generator=torch.Generator().manual_seed(2)).add(0.5).requires_grad_()
    weights = torch.rand(5, 3, *shape, generator=torch.Generator().manual_seed(3))
    out = layer(costs)
    (out * weights).sum().backward()
    return out.detach(), costs.grad, layer


@pytest.fixture(scope="module")
def expected():
    return step(None, **GRAPH)[:2]


def same(found, expected):
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("executor", [1, 2, 3, "auto"])
def test_workers_of_this_machine(executor, expected):
    same(step(executor, **GRAPH), expected)


def test_executors_of_the_user(expected):
    with ThreadPoolExecutor(2) as threads:
        same(step(threads, **GRAPH), expected)
    with Processes(2) as processes:
        found = step(processes, **GRAPH)
        same(found, expected)
        assert found[2].stats.events["parallel_rows"] >= 15
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = step(pool, **GRAPH)
        same(found, expected)
        assert "lost_executors" not in found[2].stats.events


def test_loky(expected):
    from loky import get_reusable_executor

    pool = get_reusable_executor(max_workers=2)
    try:
        found = step(pool, **GRAPH)
        same(found, expected)
        assert "lost_executors" not in found[2].stats.events
    finally:
        pool.shutdown(wait=True, kill_workers=True)


@pytest.mark.parametrize(
    ("solver", "shape", "options"),
    [
        ("highs-ilp", (6,), {"A_ub": np.arange(1.0, 13.0).reshape(2, 6), "b_ub": [15.0, 30.0], "sense": "max"}),
        ("assignment", (4, 4), {}),
        ("topk", (8,), {"k": 3}),
    ],
)
def test_backends(solver, shape, options):
    if solver == "highs-ilp":
        options = {**options, "integrality": 1, "bounds": (0, 1)}
    serial = step(None, solver, shape, **options)[:2]
    same(step(2, solver, shape, **options), serial)


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 64])
def test_any_number_of_rows(rows):
    objective = np.random.default_rng(0).normal(size=(rows, 4))
    alone, spread = Hazard().prepare(), Parallel(Hazard(), 2).prepare()
    for _ in range(3):  # sizes of chunks change as times become known
        expected, found = alone.solve(objective), spread.solve(objective)
        np.testing.assert_array_equal(found.solutions, expected.solutions)
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.counters["rows_seen"] == rows


def test_combinators_compose():
    objective = np.random.default_rng(0).normal(size=(6, 4))[[0, 1, 2, 0, 1, 3]]
    timed = Timed(Parallel(Hazard(), 2))
    prepared = Cached(Deduplicated(timed)).prepare()
    first, second = prepared.solve(objective), prepared.solve(objective)
    np.testing.assert_array_equal(first.solutions, Hazard().prepare().solve(objective).solutions)
    np.testing.assert_array_equal(second.solutions, first.solutions)
    assert (timed.rows, second.counters["cache_hits"], first.counters["parallel_rows"]) == (4, 6, 4)


def test_parallel_inside_parallel_does_not_wait_for_itself():
    with ThreadPoolExecutor(1) as pool:
        prepared = Parallel(Parallel(Hazard(), pool), pool).prepare()
        objective = np.eye(4)
        np.testing.assert_array_equal(prepared.solve(objective).solutions, np.eye(4))


def test_hints_and_rows_reach_the_right_rows():
    layer = imle.layer("grid-shortest-path", executor=2, neighbours=4)
    serial = imle.layer("grid-shortest-path", neighbours=4)
    costs = torch.rand(4, 5, 5) + 0.1
    rows = {"source": [(0, 0), (1, 1), (2, 2), (0, 4)], "target": [(4, 4), (4, 0), (0, 0), (4, 0)]}
    assert torch.equal(layer.eval()(costs, **rows), serial.eval()(costs, **rows))


@given(data=st.data(), rows=st.integers(1, 12))
def test_join_is_the_same_for_any_split(data, rows):
    rng = np.random.default_rng(rows)
    whole = SolveResult(
        rng.integers(0, 2, size=(rows, 3)).astype(float),
        rng.integers(0, 6, size=rows).astype(np.int8),
        rng.normal(size=rows),
        {n: f"row {n}" for n in range(0, rows, 2)},
        {"seen": rows},
        ("advice",),
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, rows - 1)) if rows > 1 else st.just(set())))
    parts = []
    for start, stop in zip([0, *cuts], [*cuts, rows], strict=True):
        inside = slice(start, stop)
        parts.append(
            Part(
                start,
                stop,
                SolveResult(
                    whole.solutions[inside],
                    whole.status[inside],
                    whole.values[inside],
                    {n - start: text for n, text in whole.messages.items() if start <= n < stop},
                    {"seen": stop - start},
                    whole.advice,
                ),
            )
        )
    joined = join(data.draw(st.permutations(parts)), np.zeros((rows, 3)))
    np.testing.assert_array_equal(joined.solutions, whole.solutions)
    np.testing.assert_array_equal(joined.status, whole.status)
    np.testing.assert_array_equal(joined.values, whole.values)
    assert (joined.messages, joined.counters, joined.advice) == (whole.messages, whole.counters, whole.advice)


def test_lost_rows_are_told_apart():
    told = SolveResult(np.ones((2, 3)), duals={"b": np.ones((2, 4))})
    parts = [Part(0, 2, told), Part(2, 3, None, SolveStatus.ERROR, "gone")]
    joined = join(parts, np.zeros((3, 3)))
    assert joined.status.tolist() == [0, 0, SolveStatus.ERROR]
    assert joined.messages == {2: "gone"}
    np.testing.assert_array_equal(joined.duals["b"], [[1] * 4, [1] * 4, [np.nan] * 4])


@pytest.mark.parametrize("executor", [2, "auto", "processes"])
@pytest.mark.parametrize("cache", [None, 100])
def test_instances_of_their_own(executor, cache):
    """Each row has its own feasible set, also of different sizes: they are solved at the same time."""

    def found(workers):
        layer = imle.layer(
            "highs-ilp",
            sense="max",
            integrality=1,
            bounds=(0, 1),
            executor=workers,
            cache=cache,
            nb_samples=2,
            generator=torch.Generator().manual_seed(1),
        )
        values = torch.rand(6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
        rows = {
            "A_ub": [np.arange(1.0, size + 1)[None] for size in (5, 4, 5, 3, 5, 4)],
            "b_ub": [np.array([capacity]) for capacity in (6.0, 5.0, 7.0, 2.0, 6.0, 5.0)],
        }
        out = layer(values, **rows)
        (out * torch.arange(30.0).reshape(6, 5)).sum().backward()
        assert layer.stats.solves == layer.stats.status["optimal"]
        return out.detach(), values.grad

    if executor == "processes":
        with Processes(2) as executor:
            same(found(executor), found(None))
    else:
        same(found(executor), found(None))


def test_an_error_in_one_of_many_instances():
    layer = imle.layer("highs-ilp", sense="max", executor=2, noise=None, bounds=(0, None), integrality=1)
    rows = {"A_ub": [np.ones((1, 3)), np.zeros((1, 3)), np.ones((1, 3))], "b_ub": [np.ones(1)] * 3}
    with pytest.raises(imle.errors.SolveError, match=r"row 1: unbounded"):
        layer(torch.rand(3, 3), **rows)
    rows["A_ub"][1] = np.full((1, 3), np.nan)
    with pytest.raises(imle.errors.InstanceError):
        layer(torch.rand(3, 3), **rows)
