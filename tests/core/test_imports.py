"""Every public module can be the first one imported, and heavy ones only where they are needed."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_public_modules_in_any_order(run_python):
    modules = """imle imle.aimle imle.ste imle.sfe imle.errors imle.estimators imle.imle imle.layers imle.noise
        imle.plugins imle.solvers imle.losses imle.metrics imle.calibration imle.diagnosis imle.listing imle.target
        imle.wrapper imle.cli"""
    code = f"""
import importlib, sys
for name in {modules.split()}:
    for loaded in [module for module in sys.modules if module.partition(".")[0] == "imle"]:
        del sys.modules[loaded]
    importlib.import_module(name)
    assert name in sys.modules
print("all")
"""
    assert run_python(code) == "all"


def test_importing_imle_and_finding_plugins_imports_no_torch(run_python):
    code = (
        "import sys, imle; imle.plugins.solvers(); print([m for m in ('torch', 'numpy', 'numba') if m in sys.modules])"
    )
    assert run_python(code) == "[]"


@pytest.mark.slow
def test_the_first_layer_imports_nothing_but_imle_and_light_modules_of_plugins(run_python):
    """All else would be waited for: torch._dynamo takes as long as torch itself, scipy and numba half a second."""
    code = """
import sys, torch
before = set(sys.modules)
import imle
imle.layer("topk", k=3)
new = {name for name in sys.modules.keys() - before if name.partition(".")[0] not in sys.stdlib_module_names}
light = {record.spec.target.partition(".")[0] for record in imle.plugins.solvers()}
light |= {"imle", "imle_linear", "numpy", "pluggy"}
print([name for name in new if name.partition(".")[0] not in light])
print([name for name in ("torch._dynamo", "sympy", "scipy", "numba", "rich", "click") if name in sys.modules])
"""
    assert run_python(code).splitlines() == ["[]", "[]"]


@pytest.mark.slow
def test_names_load_on_first_use(run_python):
    code = """
import sys, imle
assert {"losses", "metrics", "calibrate", "diagnose"} <= set(dir(imle))
assert "torch" not in sys.modules
print(imle.calibrate.__name__, imle.diagnose.__name__, imle.losses.SPOPlus.__name__, imle.metrics.regret.__name__)
assert "matplotlib" not in sys.modules
import torch
layer, scores = imle.layer("topk", k=1), torch.eye(3, requires_grad=True)
(layer(scores).sum() + imle.losses.SPOPlus(layer)(scores, torch.eye(3))).backward()
assert "torch._dynamo" not in sys.modules, "it takes as long as torch"
"""
    assert run_python(code) == "calibrate diagnose SPOPlus regret"
