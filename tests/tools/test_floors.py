"""Imports point downward, from the distributions to the errors; `docs/packages.svg` shows it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from tools.house.floors import FLOORS, floors, upward
from tools.house.picture import FILE, arrange, arrows, draw
from tools.house.source import Checkout, circles

ROOT = Path(__file__).parents[2]


def made(root: Path, files: dict[str, str]) -> Checkout:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Checkout(root)


@pytest.fixture(scope="module")
def here() -> Checkout:
    return Checkout(ROOT)


def test_imports_of_this_checkout_point_downward(here):
    assert upward(here) == [], "move what is needed down, or its user up: tools/house/floors.py"


def test_no_file_imports_itself_by_way_of_others(here):
    assert circles(here.imports) == []


def test_every_floor_is_lived_on(here):
    packages = {module.package for module in here.modules.values()}
    assert {package for floor in FLOORS for package in floor} <= packages


def test_an_import_that_points_upward_is_found(tmp_path):
    files = {
        "imle_core/imle/solvers/pool.py": "",
        "imle_core/imle/layers/module.py": "from imle.solvers import pool\n",
        "plugins/imle-a/src/imle_a/a.py": "import imle.layers.module\n",
    }
    assert upward(made(tmp_path, files)) == []
    files["imle_core/imle/solvers/pool.py"] = "def build():\n    from imle.layers import module\n"
    files["imle_core/imle/errors.py"] = "import imle_a.a\n"
    assert upward(made(tmp_path, files)) == [
        "imle.errors -> imle_a (by imle.errors)",
        "imle.solvers -> imle.layers (by imle.solvers.pool)",
    ]


def test_distributions_stand_above_those_they_import(tmp_path):
    files = {
        "imle_core/imle/errors.py": "",
        "plugins/imle-a/src/imle_a.py": "import imle_b\n",
        "plugins/imle-b/src/imle_b.py": "import imle.errors\n",
        "plugins/imle-c/src/imle_c.py": "import imle_b\n",
    }
    assert floors(made(tmp_path, files)) == [["imle_a", "imle_c"], ["imle_b"], ["imle.errors"]]
    with pytest.raises(ValueError, match=re.escape("imle_a -> imle_b -> imle_a")):
        floors(made(tmp_path, {"plugins/imle-b/src/imle_b.py": "import imle_a\n"}))


def test_private_files_stand_right_above_what_they_use(tmp_path):
    files = {
        "imle_core/imle/losses/base.py": "import imle._copies\n",
        "imle_core/imle/layers/module.py": "import imle.errors\n",
        "imle_core/imle/errors.py": "import imle._text\n",
        "imle_core/imle/_copies.py": "import imle.layers.module, imle._text\n",
        "imle_core/imle/_text.py": "",
    }
    checkout = made(tmp_path, files)
    assert floors(checkout) == [["imle.losses"], ["imle._copies"], ["imle.layers"], ["imle.errors"], ["imle._text"]]
    files["imle_core/imle/errors.py"] = "import imle._copies\n"
    assert upward(made(tmp_path, files)) == ["imle.errors -> imle._copies (by imle.errors)"]


def test_a_new_package_of_the_core_needs_a_floor(tmp_path):
    with pytest.raises(ValueError, match=r"no floor for imle\.attic: .*floors\.py"):
        floors(made(tmp_path, {"imle_core/imle/attic/__init__.py": ""}))


def test_the_picture_shows_what_does_not_follow_from_other_arrows(tmp_path):
    checkout = made(
        tmp_path,
        {
            "imle_core/imle/layers/module.py": "import imle.solvers.pool, imle.errors\n",
            "imle_core/imle/solvers/pool.py": "import imle.errors\n",
            "imle_core/imle/errors.py": "",
            "plugins/imle-a/src/imle_a.py": "import imle.errors\n",
        },
    )
    assert arrows(checkout) == {
        "imle_a": {"imle.errors"},
        "imle.layers": {"imle.solvers"},
        "imle.solvers": {"imle.errors"},
        "imle.errors": set(),
    }
    assert len(re.findall("marker-end", draw(checkout))) == 3


def test_the_picture_is_of_this_checkout(here):
    assert (ROOT / FILE).read_text() == draw(here), "`make house` draws it anew"


def test_boxes_and_gaps_of_a_floor_do_not_overlap_and_arrows_go_one_floor_down_at_a_time(here):
    rows, lines = arrange(here)
    for row in rows:
        for left, right in pairwise(row):
            assert left.x + left.width / 2 < right.x - right.width / 2
    for line in lines:
        assert [place.floor for place in line] == list(range(line[0].floor, line[-1].floor + 1))
