"""What `make house` counts, on a checkout of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.house.report import table
from tools.house.source import Checkout, circles, shared_class_names

ROOT = Path(__file__).parents[2]
FILES = {
    "imle_core/imle/__init__.py": '"""The core."""\n',
    "imle_core/imle/layers/__init__.py": "from imle.layers.plan import Plan\n",
    "imle_core/imle/layers/plan.py": (
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from imle.layers import Plan\n"
        "import numpy\n"
        "class Plan:\n"
        "    def solve(self):\n"
        '        """One line,\n'
        '        and another."""\n'
        "        import imle.errors\n"
    ),
    "imle_core/imle/errors.py": "",
    "plugins/imle-one/src/imle_one/solver.py": "from imle import errors\nclass Plan: ...\n",
    "plugins/imle-one/tests/test_one.py": "assert True\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Checkout(tmp_path)


def test_modules_belong_to_a_distribution_and_a_package(checkout):
    found = {name: (module.distribution, module.package, module.lines) for name, module in checkout.modules.items()}
    assert found == {
        "imle": ("imle", "imle", 1),
        "imle.layers": ("imle", "imle.layers", 1),
        "imle.layers.plan": ("imle", "imle.layers", 10),
        "imle.errors": ("imle", "imle.errors", 0),
        "imle_one.solver": ("imle-one", "imle_one", 2),
    }
    assert checkout.lines("plugins/*/tests") == (1, 1)


def test_imports_are_those_of_files_functions_and_type_checkers(checkout):
    assert checkout.imports == {
        "imle": set(),
        "imle.layers": {"imle.layers.plan"},
        "imle.layers.plan": {"imle.layers", "imle.errors"},
        "imle.errors": set(),
        "imle_one.solver": {"imle.errors"},
    }
    assert checkout.package_imports["imle_one"] == {"imle.errors"}
    assert circles(checkout.imports) == [["imle.layers", "imle.layers.plan"]]


def test_a_function_is_as_long_as_its_code(checkout):
    assert list(checkout.modules["imle.layers.plan"].functions()) == [("imle.layers.plan.solve", 2)]


def test_class_names_have_one_meaning():
    assert not shared_class_names(Checkout(ROOT))


def test_a_class_name_of_two_classes_is_found(checkout):
    assert shared_class_names(checkout) == {"Plan": ["imle.layers.plan", "imle_one.solver"]}


def test_circles_are_whole_and_apart():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert circles(graph) == [["a", "b", "c"], ["d", "e"]]


def test_a_part_that_one_checkout_lacks_stands_under_its_heading():
    shown = table({"before": {"spine": 5, "  a": 2, "  c": 3, "files": 7}, "after": {"spine": 4, "  b": 4, "files": 6}})
    assert [line.split("|")[1].strip() for line in shown.splitlines()[2:]] == [
        "spine",
        "&nbsp;&nbsp;a",
        "&nbsp;&nbsp;b",
        "&nbsp;&nbsp;c",
        "files",
    ]
    assert "| &nbsp;&nbsp;c | 3 | - |" in shown
