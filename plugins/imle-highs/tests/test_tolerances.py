"""What "exact" means for engines that compute in floating point."""

from __future__ import annotations

import pytest

from imle.cli import main


@pytest.mark.parametrize("solver_id", ["highs-lp", "highs-ilp", "ortools-ilp", "scipy-milp", "pulp-lp", "pulp-ilp"])
def test_info_says_what_a_proof_is_up_to(solver_id, capsys):
    assert main(["info", solver_id]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "exact: solutions are proven optimal, to the solver's tolerances: constraints to " in words


def test_engines_that_only_compare_have_none(capsys):
    assert main(["info", "topk"]) == 0
    assert "tolerances" not in capsys.readouterr().out
