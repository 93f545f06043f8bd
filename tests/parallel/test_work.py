"""Prepared solvers that workers keep: which are reused, and which make room."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from imle.execution.work import CAPACITY, PreparedPool, Task, run_task
from support.hazards import Hazard


class Prepared:
    """Remembers whether it was closed."""

    def __init__(self, key):
        self.key = key
        self.closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def stock():
    return PreparedPool(3)


def lend(stock, *keys):
    """Borrow one after the other, and give all back in the same order; those that were lent."""
    lent = []
    for key in keys:
        with stock.acquire(key, lambda key=key: Prepared(key)) as prepared:
            lent.append(prepared)
    return lent


def test_what_is_free_is_lent_again(stock):
    first, second = lend(stock, "a", "a")
    assert first is second
    with stock.acquire("a", lambda: Prepared("a")) as one, stock.acquire("a", lambda: Prepared("a")) as other:
        assert one is first
        assert other is not first
    assert not first.closed


def test_the_least_recently_used_makes_room(stock):
    a, b, c, again, d = lend(stock, "a", "b", "c", "a", "d")
    assert again is a
    assert [one.closed for one in (a, b, c, d)] == [0, 1, 0, 0]
    assert lend(stock, "a", "c", "d") == [a, c, d]
    assert lend(stock, "b")[0] is not b
    assert [one.closed for one in (a, c, d)] == [1, 0, 0]


def test_several_of_a_kind_count_each(stock):
    with stock.acquire("a", lambda: Prepared("a")) as one, stock.acquire("a", lambda: Prepared("a")) as other:
        pass
    closed = []
    for key in "bcde":
        lend(stock, key)
        closed.append(one.closed + other.closed)
    assert closed == [0, 1, 2, 2]


def test_what_is_lent_when_all_are_closed_is_closed_when_it_comes_back(stock):
    (free,) = lend(stock, "b")
    with stock.acquire("a", lambda: Prepared("a")) as lent:
        stock.close()
        assert (free.closed, lent.closed) == (1, 0)
    assert lent.closed == 1


def test_a_worker_forgets_old_recipes():
    recipes = [pickle.dumps((Hazard(), {"size": size})) for size in range(1, CAPACITY + 2)]

    def solved(n, recipe):
        return run_task(Task(f"recipe {n}", recipe, np.ones((1, n + 1)), {}))

    for n, recipe in enumerate(recipes):
        assert solved(n, recipe).result is not None
    assert solved(0, None).missing
    assert solved(1, None).result is not None
    assert solved(CAPACITY, None).result is not None
