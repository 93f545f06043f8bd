"""What a solver may not return: each is an error that names the solver, and the row where it is one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import imle
from imle.errors import SolverContractError
from imle.solvers import SolveResult, SolveStatus

GOOD = np.eye(3)
TIMEOUT = int(SolveStatus.TIMEOUT)


class Returning:
    """Returns one object, whatever it is asked; for a number, that status in every row."""

    sense = "max"
    array = "numpy"

    def __init__(self, result):
        self.result = result

    def prepare(self):
        return self

    objective_shape = (3,)

    def solve(self, objective, *, hint=None):
        if isinstance(self.result, int):
            return SolveResult(objective, np.full(len(objective), self.result, np.int8))
        return self.result

    def close(self):
        pass


def solve(result, **options):
    return imle.layer(Returning(result), noise=None, **options)(torch.zeros(3, 3))


def with_entry(dtype, entry):
    found = GOOD.astype(dtype)
    found[1, 2] = entry
    return found


RESULTS = {
    "no result": (GOOD, "solve() must return a SolveResult, found ndarray"),
    "None": (SolveResult(None), "solutions: expected numbers, found NoneType"),
    "text": (SolveResult(GOOD.astype(str)), "solutions: expected numbers, found dtype <U32"),
    "an object": (SolveResult(with_entry(object, None)), "expected numbers, found None (row 1)"),
    "objects": (SolveResult(GOOD.astype(object)), "solutions: expected numbers, found dtype object"),
    "complex": (SolveResult(GOOD + 0j), "solutions: expected numbers, found dtype complex128"),
    "a complex tensor": (SolveResult(torch.eye(3) + 0j), "solutions: expected real numbers, found torch.complex64"),
    "big-endian": (SolveResult(GOOD.astype(">f8")), "solutions: expected numbers, found dtype >f8"),
    "dates": (SolveResult(GOOD.astype("datetime64[D]")), "found dtype datetime64[D]"),
    "ragged": (SolveResult([[1.0], [1.0, 2.0], [3.0]]), "solutions: expected an array, found list"),
    "a number": (SolveResult(np.float64(1)), "expected solutions of shape [3, 3], one row per objective, found []"),
    "too few": (SolveResult(GOOD[:2]), "expected solutions of shape [3, 3], one row per objective, found [2, 3]"),
    "too narrow": (SolveResult(GOOD[:, :2]), "expected solutions of shape [3, 3], one row per objective"),
    "nan": (SolveResult(with_entry(float, np.nan)), "a row reported as solved holds nan or infinity (row 1)"),
    "status 77": (SolveResult(GOOD, np.array([0, 77, 0])), "0 to 5, found 77 (row 1)"),
    "status -3": (SolveResult(GOOD, np.array([0, 0, -3], np.int8)), "0 to 5, found -3 (row 2)"),
    "status nan": (SolveResult(GOOD, np.array([np.nan, 0, 0])), "0 to 5, found nan (row 0)"),
    "status of floats": (SolveResult(GOOD, np.zeros(3)), "status: expected integers, found dtype float64"),
    "status of texts": (SolveResult(GOOD, ["optimal"] * 3), "status: expected integers, found dtype <U7"),
    "one status": (SolveResult(GOOD, np.int8(0)), "expected one status per row, 3 in all, found shape []"),
    "a status too many": (SolveResult(GOOD, np.zeros(4, np.int8)), "one status per row, 3 in all, found shape [4]"),
    "a status too few": (SolveResult(GOOD, np.zeros(2, np.int8)), "one status per row, 3 in all, found shape [2]"),
    "values": (SolveResult(GOOD, values=np.zeros((3, 1))), "values: expected one number per row, 3 in all"),
    "bound": (SolveResult(GOOD, bound=["high"] * 3), "bound: expected one number per row, 3 in all"),
    "messages": (SolveResult(GOOD, messages=["slow"]), "messages: expected a mapping, found list"),
    "message": (SolveResult(GOOD, messages={"0": "slow"}), "messages: expected a mapping of Integral to str"),
    "counters": (SolveResult(GOOD, counters=[("clipped", 1)]), "counters: expected a mapping, found list"),
    "counter": (SolveResult(GOOD, counters={"clipped": "3"}), "mapping of str to Real, found 'clipped': '3'"),
    "seconds": (SolveResult(GOOD, seconds=None), "seconds: expected a mapping, found NoneType"),
    "advice": (SolveResult(GOOD, advice="take care"), "advice: expected a tuple of str, found 'take care'"),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("on_failure", ["raise", "zero-grad"])
def test_broken_contracts(name, on_failure):
    result, message = RESULTS[name]
    with pytest.raises(SolverContractError) as caught:
        solve(result, on_failure=on_failure)
    assert str(caught.value).startswith("returning: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("cache", [None, 8])
@pytest.mark.parametrize("threads", [None, 1])
def test_broken_contracts_under_combinators(threads, cache):
    """Which are solvers, too: a broken contract stays one under a policy that lets rows fail."""
    objective = torch.arange(9.0).reshape(3, 3)
    options = {"noise": None, "on_failure": "zero-grad", "cache": cache}
    with ThreadPoolExecutor(1) as pool:
        layer = imle.layer(Returning(77), executor=pool if threads else None, **options)
        with pytest.raises(SolverContractError, match=r"returning: status: .* found 77 \(row 0\)"):
            layer(objective)
        layer = imle.layer(Returning(None), executor=pool if threads else None, **options)
        with pytest.raises(SolverContractError, match=r"^returning: solve\(\) must return a SolveResult"):
            layer(objective)


@pytest.mark.parametrize(
    "result",
    [
        SolveResult(GOOD.tolist(), [SolveStatus.OPTIMAL] * 3),
        SolveResult(GOOD > 0, np.zeros(3, np.uint8), np.array([np.nan, 1.0, 2.0]), {np.int64(1): "slow"}),
        SolveResult(GOOD.astype(np.float16), counters={"rows": np.int32(3)}, seconds={"wait": np.float32(0.5)}),
        SolveResult(torch.eye(3, dtype=torch.int8), torch.zeros(3, dtype=torch.int8)),
    ],
)
def test_numbers_of_any_kind_are_taken(result):
    assert torch.equal(solve(result), torch.eye(3))


@pytest.mark.parametrize("on_failure", ["zero-grad", "last"])
def test_nan_beside_a_failed_row_is_refused(on_failure):
    """Row 0 failed, row 1 says that it is optimal and is not."""
    status = np.array([TIMEOUT, 0, 0])
    found = with_entry(float, np.nan)
    found[0] = np.nan
    with pytest.raises(SolverContractError, match=r"holds nan or infinity \(row 1\)"):
        solve(SolveResult(found, status), on_failure=on_failure)
    found[1] = 1.0
    rows = solve(SolveResult(found, status), on_failure=on_failure)
    assert rows.isfinite().all()


def test_a_row_is_named_as_the_user_counts():
    found = torch.zeros(12, 3)
    found[7] = np.inf
    layer = imle.layer(Returning(SolveResult(found)), nb_samples=3)
    with pytest.raises(SolverContractError, match=r"holds nan or infinity \(row \(1, 0\), sample 1\)"):
        layer(torch.zeros(2, 2, 3))


def test_finite_solutions_whose_sum_overflows_are_no_error():
    found = solve(SolveResult(np.full((3, 3), 2e38)))
    assert torch.equal(found, torch.full((3, 3), 2e38))
