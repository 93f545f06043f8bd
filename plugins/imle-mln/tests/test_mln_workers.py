"""Rows at the same time, by the executors of the core: the same results, and an end to all when Ctrl-C is pressed."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
import torch

import imle
from imle.solvers import SolveStatus
from imle_mln.solver import MLNSolver

LINKS = """
person = {1,...,5}
Knows(person, person)
0.4 Knows(x,y) ^ Knows(y,z) => Knows(x,z)
-0.7 Knows(x,+y)
Knows(x,1) v Knows(x,2).
"""


def hard_program(atoms=200, clauses=1200):
    rng = np.random.default_rng(0)
    rules = []
    for _ in range(clauses):
        chosen = rng.choice(atoms, 3, replace=False)
        rules.append(f"{rng.normal():.4f} " + " v ".join(f"{'!' * int(rng.integers(2))}On({k})" for k in chosen))
    return "\n".join([f"cell = {{0,...,{atoms - 1}}}", "On(cell)", *rules])


def on_threads(workers, **options):
    """What `executor=workers` makes of the solver."""
    return imle.layer("mln-map", program=LINKS, executor=workers, **options).solver


@pytest.mark.parametrize("engine", ["auto", "highs", "cp-sat", "toulbar2", "rc2"])
def test_any_number_of_workers_finds_the_same(engine):
    rng = np.random.default_rng(1)
    alone = MLNSolver(engine=engine).prepare(LINKS)
    objective = rng.logistic(size=(5, *alone.objective_shape))
    objective[1:3, :6] = objective[0, :6]  # rows with the same weights are solved together
    expected = alone.solve(objective)
    for workers in (2, 3, 9):
        found = on_threads(workers, engine=engine).prepare(program=LINKS).solve(objective)
        np.testing.assert_array_equal(found.solutions, expected.solutions)
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.status is expected.status is None
        assert {name: n for name, n in found.counters.items() if name.endswith("components")} == {
            name: n for name, n in expected.counters.items() if name.endswith("components")
        }


def test_statuses_and_messages_keep_their_rows():
    program = "Rain()\nSnow()\n1 Rain() v Snow()\nRain() v Snow().\n!Rain().\n!Snow().\n"
    alone, both = MLNSolver().prepare(program), on_threads(3).prepare(program=program)
    objective = np.zeros((7, *alone.objective_shape))
    expected, found = alone.solve(objective), both.solve(objective)
    assert found.status.tolist() == expected.status.tolist() == [SolveStatus.INFEASIBLE] * 7
    assert found.messages == expected.messages
    assert sorted(found.messages) == list(range(7))
    assert np.isnan(found.values).all()


@pytest.mark.parametrize("options", [{"executor": 2}, {"cache": 100}, {"pool": 1.0}, {"timeout": 60, "executor": 2}])
def test_layers_have_the_same_gradients(options):
    grown = []
    for own in ({}, options):
        torch.manual_seed(0)
        layer = imle.layer("mln-map", program=LINKS, nb_samples=3, **own)
        unary = torch.randn(4, len(layer.labels["unary"]), requires_grad=True)
        weights = torch.randn(4, len(layer.labels["weights"])).requires_grad_()
        state, counts = layer(unary, weights)
        (state.square().sum() + counts.sum()).backward()
        grown.append((state.detach(), counts.detach(), unary.grad, weights.grad))
    for mine, theirs in zip(*grown, strict=True):
        assert torch.equal(mine, theirs)


def test_empty_batches():
    layer = imle.layer("mln-map", program=LINKS, executor=2)
    assert layer(torch.zeros(0, len(layer.labels["unary"]))).state.shape == (0, len(layer.labels["unary"]))


@pytest.mark.parametrize("engine", ["cp-sat", "toulbar2"])
def test_ctrl_c_ends_all_rows(engine):
    problem = on_threads(2, engine=engine).prepare(program=hard_program())
    objective = np.random.default_rng(0).normal(size=(4, *problem.objective_shape))
    others = helpers()  # of earlier tests
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run where it is ignored
    try:
        threading.Timer(0.8, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            problem.solve(objective)
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while (left := helpers() - others) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def helpers():
    """Threads that solve rows."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")}
