"""A solver on the base classes: its options, `prepare` and `solve` are all there is, and it passes the whole kit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import PreparedSolver, RowResults, Solver, SolveStatus
from imle.testing import Instance, State, check_solver
from support.kruskal import TREE, KruskalSolver

EDGES = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 0)]


TREES = [list(mask) for mask in itertools.product([0.0, 1.0], repeat=5) if sum(mask) == 3]
TREES = [mask for mask in TREES if mask[3] + mask[4] > 0 and mask[:3] != [1.0] * 3 and mask[2:] != [1.0] * 3]
"""Three edges that are no triangle."""


@pytest.mark.parametrize("sense", ["min", "max"])
def test_the_whole_kit(sense):
    instance = Instance("a square with a diagonal", {"edges": EDGES, "nodes": 4}, {"sense": sense}, solutions=TREES)
    report = check_solver(KruskalSolver, [instance])
    assert report.ok, [str(outcome.failure) for outcome in report.failed]
    passed = {outcome.check.name for outcome in report.outcomes if outcome.state is State.PASSED}
    assert {"spec-class", "spec-options", "spec-instance", "gradients", "magnitudes", "leaks", "spawn"} <= passed


def test_what_the_bases_say():
    solver = KruskalSolver("max")
    assert isinstance(solver, Solver)
    assert (solver.spec, solver.array, solver.sense, KruskalSolver().sense) == (TREE, "numpy", "max", "min")
    prepared = solver.prepare(EDGES, 4)
    assert isinstance(prepared, PreparedSolver)
    assert (prepared.homogeneous, prepared.any_size, prepared.fixed_terms, prepared.close()) == (True, True, None, None)
    with pytest.raises(ObjectiveError, match=r"^kruskal: expected objectives of shape \[N, 5\], found \[2, 4\]$"):
        prepared.solve(np.zeros((2, 4)))
    with pytest.raises(OptionError, match=r"^kruskal: sense: expected 'min' or 'max', found 'up'$"):
        KruskalSolver("up")


def test_the_spec_of_a_class_is_that_of_its_layers():
    for given in (KruskalSolver, KruskalSolver()):
        layer = imle.layer(given, edges=EDGES, nodes=4)
        assert (layer.spec.id, layer.spec.instance, layer.spec.capabilities) == (
            "kruskal",
            TREE.instance,
            TREE.capabilities,
        )
        with pytest.raises(InstanceError, match=r"^kruskal: nodes: expected an int >= 1, found 0$"):
            imle.layer(given, edges=EDGES, nodes=0)
        with pytest.raises(InstanceError, match=r"^kruskal: nodes: expected an int >= 1, found 0 \(row 1\)$"):
            layer(torch.zeros(2, 5), nodes=[4, 0])
        with pytest.raises(
            InstanceError, match=r"expected edges, found none\n  hint: give edges=\.\.\. to imle\.layer for"
        ):
            imle.layer(given, nodes=4)(torch.zeros(2, 5))


def test_rows_that_end_in_different_ways():
    rows = RowResults("who", "max", [[1.0, 2.0], [np.nan, 0.0], [3.0, 4.0], [5.0, 6.0]], (None,))
    assert rows.open.tolist() == [0, 2, 3]
    assert rows.objective[1].tolist() == [0.0, 0.0]
    rows.solutions[:] = 1.0
    rows.fixed[2] = 0.5
    rows.end(2, SolveStatus.FEASIBLE)
    rows.bounds[2] = 7.0  # less than the value, by round-off
    rows.end(3, SolveStatus.TIMEOUT, "too late")
    rows.bounds[3] = 12.0
    rows.counters["seen"] += 4
    result = rows.result()
    assert result.status.tolist() == [0, 5, 1, 4]
    np.testing.assert_array_equal(result.values, [3.0, np.nan, 7.5, np.nan])
    np.testing.assert_array_equal(result.bound, [3.0, np.nan, 7.5, 12.0])
    assert not result.solutions[[1, 3]].any()
    assert result.messages == {1: "the objective is nan at position 0", 3: "too late"}
    assert result.counters == {"seen": 4}
    plain = RowResults("who", "min", np.ones((2, 2, 3)), (2, None), dtype=np.int8).result()
    assert (plain.status, plain.bound, plain.solutions.dtype, plain.values.tolist()) == (
        None,
        None,
        np.int8,
        [0.0, 0.0],
    )
