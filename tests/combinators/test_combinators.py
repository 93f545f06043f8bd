"""Solvers around solvers: the same answers, fewer solves."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import imle
from imle.errors import ImleError, ObjectiveError, OptionError
from imle.solvers import Cached, Deduplicated, SolveResult, SolveStatus, Timed
from imle.solvers.keys import ObjectKey, duplicates, name_rows, value_key
from support.solvers import EnumerationSolver, k_subsets


class Counting:
    """Top-1 by numpy with statuses, messages, row parameters and a count of rows."""

    sense = "max"
    array = "numpy"
    objective_shape = (None,)

    def __init__(self):
        self.rows = 0

    def prepare(self):
        return self

    def solve(self, objective, *, hint=None, scale=None):
        self.rows += len(objective)
        bad = np.flatnonzero(objective[:, 0] == -99)
        if len(bad):
            raise ObjectiveError("found -99", row=int(bad[0]))
        status = np.where(objective[:, 0] > 5, SolveStatus.TIMEOUT, SolveStatus.OPTIMAL).astype(np.int8)
        status[objective[:, 0] < -5] = SolveStatus.INFEASIBLE
        factor = np.ones(len(objective)) if scale is None else np.array(scale, dtype=float)
        solutions = np.eye(objective.shape[1])[objective.argmax(axis=1)] * factor[:, None]
        messages = {int(n): f"row {objective[n, 0]:g}" for n in np.flatnonzero(status)}
        return SolveResult(solutions, status, objective.max(axis=1), messages, {"seen": len(objective)}, ("advice",))

    def close(self):
        """Nothing to free."""


OBJECTIVES = st.lists(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 1.0000000000000002, 6.0, -6.0, 2.5]), min_size=3, max_size=3),
    min_size=1,
    max_size=12,
).map(np.array)


def same(found, expected):
    np.testing.assert_array_equal(found.solutions, expected.solutions)
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_array_equal(found.values, expected.values)
    assert dict(found.messages) == dict(expected.messages)


@given(OBJECTIVES, st.integers(1, 5))
def test_answers_are_those_of_the_solver_inside(objective, capacity):
    expected = Counting().solve(objective)
    for wrapped in (Deduplicated(Counting()), Cached(Counting(), capacity), Timed(Counting())):
        prepared = wrapped.prepare()
        for _ in range(3):
            same(prepared.solve(objective), expected)
    both = Cached(Deduplicated(Counting()), capacity).prepare()
    for part in (objective, objective[::-1], objective[:1], objective):
        same(both.solve(np.ascontiguousarray(part)), Counting().solve(part))


@given(OBJECTIVES, st.data())
def test_row_parameters_tell_rows_apart(objective, data):
    scale = data.draw(st.lists(st.sampled_from([1.0, 2.0]), min_size=len(objective), max_size=len(objective)))
    expected = Counting().solve(objective, scale=scale)
    prepared = Cached(Deduplicated(Counting()), 50).prepare()
    for _ in range(2):
        same(prepared.solve(objective, scale=scale), expected)


@given(OBJECTIVES)
def test_equal_rows_are_solved_once(objective):
    inner = Counting()
    result = Deduplicated(inner).prepare().solve(objective)
    different = {row.tobytes() for row in objective}
    assert inner.rows == len(different)
    assert result.counters.get("duplicate_rows", 0) == len(objective) - len(different)


@given(OBJECTIVES)
def test_names_find_exactly_the_equal_rows(objective):
    found = duplicates(name_rows(objective, {}))
    rows = [row.tobytes() for row in objective]
    if found is None:
        assert len(set(rows)) == len(rows)
        return
    first, inverse = found
    assert list(first) == sorted({rows.index(row) for row in rows})
    assert [rows[first[i]] for i in inverse] == rows


def test_the_cache_counts_hits_and_forgets_the_least_recently_used():
    inner = Counting()
    prepared = Cached(inner, capacity=2).prepare()
    a, b, c = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[2.0, 1.0]])
    for objective, hit in [(a, 0), (b, 0), (a, 1), (c, 0), (a, 1), (b, 0), (a, 1), (c, 0)]:
        counters = prepared.solve(objective).counters
        assert (counters["cache_hits"], counters["cache_misses"]) == (hit, 1 - hit)
    assert inner.rows == 5


def test_the_cache_knows_rows_with_parameters_of_their_own():
    prepared = Cached(Counting()).prepare()
    rows = np.array([[1.0, 0.0], [1.0, 0.0]])
    for scale, hits in (([1.0, 2.0], 0), ([2.0, 1.0], 2), ([3.0, 1.0], 1)):
        result = prepared.solve(rows, scale=scale)
        assert result.counters["cache_hits"] == hits
        assert result.solutions[:, 0].tolist() == scale


def test_what_is_not_final_is_not_remembered():
    inner = Counting()
    prepared = Cached(inner).prepare()
    for row, kept in [([6.0, 0.0], False), ([-6.0, 0.0], True), ([1.0, 0.0], True)]:
        before = inner.rows
        prepared.solve(np.array([row]))
        prepared.solve(np.array([row]))
        assert inner.rows - before == (1 if kept else 2)


@pytest.mark.parametrize("wrap", [Deduplicated, Cached])
def test_errors_name_the_row_of_the_batch(wrap):
    prepared = wrap(Counting()).prepare()
    prepared.solve(np.array([[1.0, 0.0]]))
    with pytest.raises(ObjectiveError) as caught:
        prepared.solve(np.array([[1.0, 0.0], [1.0, 0.0], [-99.0, 0.0], [3.0, 1.0]]))
    assert caught.value.row == 2


class Ailing(Counting):
    """Raises an error of all rows, or of one that it was not given."""

    def solve(self, objective, *, hint=None, scale=None):
        raise ObjectiveError("all of them", row=None if objective[0, 0] == 1 else 7)


@pytest.mark.parametrize("wrap", [Deduplicated, Cached])
def test_errors_of_no_row_of_the_batch_stay_as_they_are(wrap):
    prepared = wrap(Ailing()).prepare()
    for first, row in ((1.0, None), (2.0, 7)):
        with pytest.raises(ObjectiveError, match="all of them") as caught:
            prepared.solve(np.array([[first, 0.0], [first, 0.0]]))
        assert caught.value.row == row


def test_timed_adds_up():
    timed = Timed(Counting())
    prepared = timed.prepare()
    prepared.solve(np.zeros((3, 2)))
    with pytest.raises(ImleError):
        prepared.solve(np.array([[-99.0, 0.0]]))
    assert (timed.rows, timed.calls) == (4, 2)
    assert timed.seconds > 0
    assert timed.seconds_per_row == timed.seconds / 4
    timed.reset()
    assert timed.rows == 0


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda solver: pickle.loads(pickle.dumps(solver))])
def test_copies(copier):
    solver = Cached(Deduplicated(Timed(EnumerationSolver())), 10)
    prepared = copier(solver).prepare(solutions=k_subsets(4, 2))
    assert prepared.solve(np.array([[1.0, 2.0, 3.0, 4.0]])).solutions.tolist() == [[0.0, 0.0, 1.0, 1.0]]


def test_no_torch(run_python):
    code = "import sys; from imle.solvers import Cached, Deduplicated, Timed; print('torch' in sys.modules)"
    assert run_python(code) == "False"


@pytest.mark.parametrize("make", [lambda: Deduplicated(3), lambda: Cached(Counting(), 0), lambda: Timed(None)])
def test_refusals(make):
    with pytest.raises(OptionError, match="expected"):
        make()


@pytest.mark.parametrize("solver", [{"solver": EnumerationSolver(), "solutions": k_subsets(5, 2)}, None])
def test_a_layer_that_remembers(solver):
    """Three epochs over the same rows, noise-free: the forward solves of the second and third are remembered."""

    def build(**options):
        if solver is None:
            return imle.layer("topk", k=2, noise=None, **options)
        return imle.layer(solver["solver"], solutions=solver["solutions"], noise=None, **options)

    theta = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta[3] = theta[1]
    plain, remembering = build(), build(cache=100)
    for _ in range(3):
        rows = [theta.clone().requires_grad_() for _ in range(2)]
        for layer, row in zip((plain, remembering), rows, strict=True):
            (layer(row) * torch.arange(5.0)).sum().backward()
        assert torch.equal(rows[0].grad, rows[1].grad)
    events = remembering.stats.events
    assert events["cache_hits"] == 24
    assert events["cache_misses"] == 12
    assert events["duplicate_rows"] == 2
    assert repr(remembering.solver).startswith("Cached(solver=Deduplicated(")


def test_keys_are_those_of_contents():
    @dataclass(frozen=True)
    class Evidence:
        atoms: Any

    frame = pytest.importorskip("pandas").DataFrame({"who": ["Ann", "Ben"], "hour": [1, 2]})
    for one, same, other in (
        ({"a": [1, 2]}, {"a": [1, 2]}, {"a": [1, 3]}),
        ({"a": np.eye(2)}, {"a": np.eye(2)}, {"b": np.eye(2)}),
        (Evidence({"a": ("x",)}), Evidence({"a": ("x",)}), Evidence({"a": ("y",)})),
        (frame, frame.copy(), frame.rename(columns={"who": "whom"})),
        (np.array(["a", None]), np.array(["a", None]), np.array([["a", None]])),
    ):
        assert value_key(one) == value_key(same) != value_key(other)
        assert hash(value_key(one)) == hash(value_key(same))
    assert isinstance(value_key({"a": object()}), ObjectKey)
    assert isinstance(value_key(Evidence(object())), ObjectKey)
