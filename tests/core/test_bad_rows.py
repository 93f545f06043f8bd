"""One bad row never takes the batch along: what a solver raises for it is its status, with executor and without."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, SolveError, SolverContractError
from imle.solvers import SolveStatus
from support.hazards import RAISE, REFUSE, Hazard
from support.solvers import EnumerationSolver

pytestmark = pytest.mark.parametrize("executor", [None, "threads"])


@pytest.fixture
def workers(executor):
    if executor is None:
        yield None
        return
    with ThreadPoolExecutor(2) as pool:
        yield pool


def batch(codes, rows=9):
    objective = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row, code in codes.items():
        objective[row, 0] = code
    return objective


def expected(objective, lost=()):
    solved = torch.nn.functional.one_hot(objective.argmax(dim=1), 4).to(objective)
    solved[list(lost)] = 0
    return solved


@pytest.mark.parametrize("codes", [{0: RAISE}, {4: RAISE, 8: RAISE}, {3: REFUSE}, {1: REFUSE, 2: RAISE, 7: REFUSE}])
def test_other_rows_are_solved(workers, codes):
    objective = batch(codes)
    layer = imle.layer(Hazard(), executor=workers, on_failure="zero-grad", noise=None)
    assert torch.equal(layer(objective), expected(objective, codes))
    texts = {RAISE: "ZeroDivisionError: this row divides by zero", REFUSE: "this row is refused"}
    assert [(f.row, f.status, f.message) for f in sorted(layer.failures)] == [
        (row, SolveStatus.ERROR, texts[code]) for row, code in codes.items()
    ]
    assert layer.stats.status == {"optimal": 9 - len(codes), "error": len(codes)}


def test_the_last_solution_stands_in(workers):
    layer = imle.layer(Hazard(), executor=workers, on_failure="last", noise=None)
    layer(batch({}))
    objective = batch({0: REFUSE, 5: RAISE})
    out = layer(objective)
    assert torch.equal(out[[1, 2, 3, 4, 6, 7, 8]], expected(objective)[[1, 2, 3, 4, 6, 7, 8]])
    assert torch.equal(out[[0, 5]], expected(objective)[[8, 8]])
    assert [failure.replaced for failure in layer.failures] == [True, True]


def test_gradients_of_other_rows(workers):
    objective = batch({4: RAISE}).requires_grad_()
    layer = imle.layer(Hazard(), executor=workers, on_failure="zero-grad", noise=None, estimator="blackbox")
    layer(objective).sum(dim=0)[0].backward()
    assert not objective.grad[4].any()
    assert objective.grad.any()


def test_raise_names_the_rows_and_keeps_what_was_raised(workers):
    layer = imle.layer(Hazard(), executor=workers, noise=None)
    with pytest.raises(SolveError, match="2 of 9 forward solves failed") as caught:
        layer(batch({4: RAISE, 6: RAISE}))
    assert "row 4: error: ZeroDivisionError: this row divides by zero" in str(caught.value)
    if workers is None:
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert caught.value.__cause__.__context__ is None


def test_raise_keeps_errors_of_imle(workers):
    layer = imle.layer(Hazard(), executor=workers, noise=None)
    with pytest.raises(ObjectiveError, match=r"this row is refused \(row 6\)"):
        layer(batch({6: REFUSE, 7: REFUSE}))


def test_samples(workers):
    """The rows of a solver are the samples of a layer's rows."""

    def positive(scores):
        if (scores[:, 0] > 100).any():
            raise ValueError("too large")
        return (scores > 0).astype(float)

    layer = imle.layer(
        positive,
        array="numpy",
        executor=workers,
        on_failure="zero-grad",
        nb_samples=3,
        output="samples",
        temperature=1.0,
    )
    out = layer(batch({2: 1e6}))
    assert [(failure.row, failure.sample) for failure in sorted(layer.failures)] == [(2, 0), (2, 1), (2, 2)]
    assert not out[2].any()
    assert layer.stats.status["optimal"] == 24


def test_row_parameters_go_with_their_rows(workers):
    layer = imle.layer("knapsack", weights=[1.0, 2.0], on_failure="zero-grad", noise=None, executor=workers)
    capacity = [0.0, 1.0, [1.0, 1.0], 3.0]
    assert layer(torch.ones(4, 2), capacity=capacity).tolist() == [[0, 0], [1, 0], [0, 0], [1, 1]]
    assert [failure.row for failure in layer.failures] == [2]


def test_a_function_that_always_raises(workers):
    def broken(scores):
        raise KeyError("weights")

    layer = imle.layer(broken, array="numpy", executor=workers, on_failure="zero-grad", noise=None)
    assert not layer(batch({})).any()
    assert {failure.message for failure in layer.failures} == {"KeyError: 'weights'"}


def test_the_exception_of_every_row_comes_first(workers):
    def broken(scores):
        raise KeyError("weights")

    layer = imle.layer(broken, array="numpy", executor=workers, noise=None)
    with pytest.raises(SolveError) as caught:
        layer(batch({}))
    advice = "look into the solver and its instance" if workers else "the traceback above says where the solver"
    first, second, hint = str(caught.value).split("\n")
    assert (first, second) == ("function-solver: KeyError: 'weights'", "  9 of 9 forward solves failed like this")
    assert advice in hint
    assert "on_failure" not in hint


@pytest.mark.parametrize(
    "function",
    [
        lambda scores: scores.astype(float),
        lambda scores: np.add(scores.copy(), 0),
        lambda scores: np.eye(4) @ scores.T,
    ],
)
def test_numpy_code_that_is_given_tensors_is_told_so(workers, function):
    with pytest.raises(SolveError, match='array="numpy" hands it numpy arrays'):
        imle.layer(function, executor=workers, noise=None)(batch({}))


def test_failures_are_listed_in_the_order_of_rows(workers):
    """Rows that share an instance are solved together; they are told in the user's order all the same."""
    layer = imle.layer(EnumerationSolver(), executor=workers, noise=None)
    one, other = np.zeros((0, 4)), np.zeros((0, 4), dtype=np.float32)
    with pytest.raises(SolveError) as caught:
        layer(torch.zeros(4, 4), solutions=[one, other, one, other])
    assert [line.split(":")[0] for line in str(caught.value).split("\n")[1:5]] == [f"  row {n}" for n in range(4)]


def test_wrong_answers_are_no_bad_rows(workers):
    def odd(scores):
        if len(scores) > 1:
            raise ValueError("one by one, please")
        return np.zeros((len(scores), 7))

    layer = imle.layer(odd, array="numpy", executor=workers, on_failure="zero-grad", noise=None)
    with pytest.raises(SolverContractError, match="expected solutions of shape"):
        layer(batch({}))
