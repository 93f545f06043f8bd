"""Quadratic programs and regularised maximisers: against cvxpy with a parameter changed, and PyEPO

A portfolio of n assets under full investment and box bounds, one covariance and many returns: `highs-qp` against
`problem.solve` of a cvxpy problem that is built once and whose returns are a Parameter, by OSQP and by Clarabel. The
regularised maximiser of paths on a grid against PyEPO's, both forward, with the same engine (HiGHS) for what is solved
within. Values are compared before anything is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness import Claim, race
from benchmarks.linear import grid_paths
from imle_highs.qp import HighsQPSolver

Floats = NDArray[np.float64]
ROUNDS, ROWS = 3, 64
FASTER = {10: 5.0, 50: 1.5}
"""How much faster we promise to be, by the number of assets."""


def portfolio(n: int) -> tuple[dict[str, Any], Floats]:
    """A covariance of three factors and a diagonal, and returns."""
    rng = np.random.default_rng(n)
    loadings = rng.normal(size=(n, 3))
    given = {
        "Q": loadings @ loadings.T + np.diag(rng.uniform(0.1, 0.5, n)),
        "A_eq": np.ones((1, n)),
        "b_eq": np.ones(1),
        "bounds": (0, 0.3),
    }
    return given, rng.normal(size=(ROWS, n))


def by_cvxpy(given: dict[str, Any], returns: Floats, solver: str) -> Callable[[], Floats]:
    """A problem built once, with a Parameter for the returns."""
    import cvxpy

    n = returns.shape[1]
    scores, z = cvxpy.Parameter(n), cvxpy.Variable(n)
    risk = cvxpy.quad_form(z, cvxpy.psd_wrap(given["Q"]))
    problem = cvxpy.Problem(cvxpy.Maximize(scores @ z - risk / 2), [cvxpy.sum(z) == 1, z >= 0, z <= 0.3])
    accurate = {"eps_abs": 1e-8, "eps_rel": 1e-8} if solver == "OSQP" else {}

    def solve() -> Floats:
        values = []
        for row in returns:
            scores.value = row
            values.append(float(problem.solve(solver=solver, **accurate)))
        return np.array(values)

    return solve


def by_ours(given: dict[str, Any], returns: Floats) -> Callable[[], Floats]:
    prepared = HighsQPSolver(sense="max").prepare(**given)

    def solve() -> Floats:
        values = prepared.solve(returns).values
        assert values is not None
        return values

    return solve


def portfolios(n: int) -> list[Claim]:
    given, returns = portfolio(n)
    candidates = {"highs-qp": by_ours(given, returns)}
    candidates |= {f"cvxpy with {name}": by_cvxpy(given, returns, name) for name in ("OSQP", "CLARABEL")}
    expected = candidates["highs-qp"]()
    for solve in candidates.values():
        np.testing.assert_allclose(solve(), expected, rtol=1e-4, atol=1e-6)
    times = race(candidates, rounds=ROUNDS)
    return [
        Claim(
            f"portfolio of {n}: highs-qp, over {reference}",
            times["highs-qp"] / ROWS,
            times[reference] / ROWS,
            FASTER[n],
            note="per row",
        )
        for reference in candidates
        if reference != "highs-qp"
    ]


def regularised(size: int = 5) -> list[Claim]:
    """Both ask HiGHS for paths; PyEPO as it does by default, until its gap is 1e-3, ours until 1e-8."""
    import highspy
    from pyepo.func import regularizedFrankWolfeOpt
    from pyepo.model.opt import optModel

    import imle

    instance = grid_paths(size)
    arcs = instance["A_eq"].shape[1]
    layer = imle.layer("highs-lp", **instance)

    class Paths(optModel):  # type: ignore[misc]
        """HiGHS behind PyEPO's interface: the costs of one model are replaced."""

        def _getModel(self) -> tuple[Any, Any]:  # noqa: N802 - PyEPO's name
            from imle_highs.native import Native
            from imle_linear.program import from_matrices

            return Native(from_matrices("benchmark", integrality=0, **instance), {}, integer=False), range(arcs)

        def setObj(self, c: Any) -> None:  # noqa: N802 - PyEPO's name
            self.costs = np.asarray(c, np.float64)
            self._model.set_costs(self.costs)

        def solve(self) -> tuple[Floats, float]:
            assert self._model.run(None) == highspy.HighsModelStatus.kOptimal
            point = self._model.point()
            return point, float(point @ self.costs)

    costs = torch.from_numpy(np.random.default_rng(0).uniform(0.5, 1.5, (ROWS, arcs)))
    theirs = regularizedFrankWolfeOpt(Paths(), lambd=0.3, tol=1e-3)
    ours = imle.losses.RegularisedFrankWolfe(layer, strength=0.3)
    candidates = {"ours": lambda: ours(costs), "PyEPO": lambda: theirs(costs)}
    torch.testing.assert_close(candidates["ours"](), candidates["PyEPO"](), rtol=0, atol=0.1)
    times = race(candidates, rounds=ROUNDS)
    return [
        Claim(
            f"regularised paths {size}x{size}: RegularisedFrankWolfe, over PyEPO's",
            times["ours"] / ROWS,
            times["PyEPO"] / ROWS,
            2.0,
            note="per row",
        )
    ]


def claims() -> list[Claim]:
    lines = []
    if importlib.util.find_spec("cvxpy") is not None:
        lines += [line for n in FASTER for line in portfolios(n)]
    if importlib.util.find_spec("pyepo") is not None:
        lines += regularised()
    return lines
