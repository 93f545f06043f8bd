"""mln-map passes the conformance kit, on the instances it offers.

Its layer takes and returns two tensors, so the checks through the layer do not apply; test_mln_layer.py makes those.
"""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("mln-map")
def test_conformance(check):
    check()
