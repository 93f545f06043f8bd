"""pyomo passes the conformance kit, on the instances it offers."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("pyomo")
def test_models(check):
    check()
