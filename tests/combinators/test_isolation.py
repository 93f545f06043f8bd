"""Which rows are solved again where a solver raises for some of them."""

from __future__ import annotations

import numpy as np
import pytest

from imle.execution.isolation import FailureBisection, solve_isolating_failures
from imle.solvers import SolveResult, SolveStatus


class Raising:
    """Raises where a row that it is given is negative."""

    objective_shape = (1,)

    def __init__(self):
        self.asked = []

    def solve(self, objective):
        self.asked.append(len(objective))
        if (objective < 0).any():
            raise ValueError("negative")
        return SolveResult(objective)

    def close(self):
        pass


@pytest.mark.parametrize("bad", range(8))
def test_one_bad_row_of_eight(bad):
    objective = np.arange(1.0, 9.0)[:, None]
    objective[bad] *= -1
    solver = Raising()
    found = solve_isolating_failures(solver, objective, {}, tolerant=True).result
    assert sorted(solver.asked) == [1, 1, 2, 2, 4, 4, 8], "halves, and halves of the half with the bad row"
    assert found.counters["repeated_rows"] == sum(solver.asked) - 8
    assert np.flatnonzero(found.status).tolist() == [bad]
    assert found.status[bad] == SolveStatus.ERROR
    assert found.messages == {bad: "ValueError: negative"}


def test_rows_in_the_middle_of_a_batch():
    search = FailureBisection()
    assert search.raised(4, 9, "no") == [(4, 6), (6, 9)]
    assert search.repeated == 5
    assert search.raised(4, 5, "no") == []
    assert search.repeated == 5
