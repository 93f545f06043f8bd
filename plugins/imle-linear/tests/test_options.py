"""Options are checked by one function, whoever makes the solver: the same refusals in all solvers of programs."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import imle
from imle.errors import OptionError
from imle.solvers import SolveStatus
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_pulp.solvers import PulpILPSolver, PulpLPSolver
from imle_scipy.milp import ScipyMILPSolver

HIGHS = (HighsLPSolver, HighsILPSolver, PulpLPSolver, PulpILPSolver)
REFUSED = [
    *((cls, option, value) for cls in HIGHS for option in ("threads", "seed") for value in (1.5, True, "1", None, -1)),
    *((cls, "time_limit", value) for cls in (*HIGHS, ScipyMILPSolver) for value in (0, -1.0, "1", True, np.nan)),
    *((cls, "sense", value) for cls in (*HIGHS, ScipyMILPSolver) for value in ("MIN", None, 1)),
    *((cls, "gap", value) for cls in (*HIGHS[1::2], ScipyMILPSolver) for value in (True, "0", -0.1, np.inf, np.nan)),
    *((cls, "warm", value) for cls in HIGHS[::2] for value in (1, "yes", None)),
    *((ScipyMILPSolver, "node_limit", value) for value in (1.5, 0, True)),
    *((ScipyMILPSolver, "presolve", value) for value in (1, "on")),
]


@pytest.mark.parametrize(("cls", "option", "value"), REFUSED)
def test_refused(cls, option, value):
    with pytest.raises(OptionError, match=f": {option}: expected .*, found {value!r}"):
        cls(**{option: value})


@pytest.mark.parametrize("cls", HIGHS)
def test_options_of_the_engine(cls):
    solver = cls(options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-8})
    assert solver == pickle.loads(pickle.dumps(solver))
    assert len({solver, cls(options=dict(reversed(solver.options))), cls()}) == 2
    with pytest.raises(OptionError, match="no option 'primal_feasability'; did you mean 'primal_feasibility"):
        cls(options={"primal_feasability": 1e-9})
    with pytest.raises(OptionError, match="expected a float that HiGHS takes for 'primal_feas"):
        cls(options={"primal_feasibility_tolerance": 1e-20})
    with pytest.raises(OptionError, match="expected a bool that HiGHS takes for 'mip_detect_symmetry', found 3"):
        cls(options={"mip_detect_symmetry": 3})
    with pytest.raises(OptionError, match=r"'time_limit' cannot be passed to the engine\n  hint: give time_limit=..."):
        cls(options={"time_limit": 3.0})
    with pytest.raises(OptionError, match="options: expected a dict of the engine's own options, found 3"):
        cls(options=3)


def test_options_reach_the_engine():
    """A search that may visit one node ends with what it has, and says how far off that may be."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(300, 800, (5, 60)) / 100
    instance = {"A_ub": sizes, "b_ub": sizes.sum(axis=1) / 4, "bounds": (0, 1)}
    values = rng.uniform(0.5, 1.5, (1, 60))
    short = HighsILPSolver(sense="max", options={"mip_max_nodes": 1}).prepare(**instance).solve(values)
    assert short.status.tolist() == [SolveStatus.FEASIBLE]
    assert short.messages == {0: "stopped at the node limit with a feasible point"}
    exact = HighsILPSolver(sense="max").prepare(**instance).solve(values)
    assert short.values <= exact.values <= short.bound
    assert 0 < short.gap < 0.2


def test_options_of_scipy_and_through_layers():
    assert dict(ScipyMILPSolver(options={"mip_feasibility_tolerance": 1e-9}).options) == {
        "mip_feasibility_tolerance": 1e-9
    }
    for options, message in (
        ({"mip_tolerance": 1.0}, "has no option 'mip_tolerance'; did you mean 'mip_feasibility_tolerance'"),
        (
            {"mip_feasibility_tolerance": 1e-20},
            "expected a number >= 1e-10 for 'mip_feasibility_tolerance', found 1e-20",
        ),
    ):
        with pytest.raises(OptionError, match=message):
            ScipyMILPSolver(options=options)
    for solver_id in ("highs-ilp", "scipy-milp"):
        layer = imle.layer(solver_id, options={"mip_feasibility_tolerance": 1e-9}, A_ub=[[1, 1]], b_ub=[1])
        assert layer.eval()(torch.tensor([[-1.0, -2.0]])).tolist() == [[0, 1]]
