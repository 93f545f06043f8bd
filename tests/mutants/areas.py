"""What is changed, and which tests are near it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Area(NamedTuple):
    """Sources with their nearest tests.

    Attributes:
        name: in tables.
        sources: files, or folders with all that is in them.
        tests: what pytest is given.
    """

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path = ROOT) -> list[Path]:
        """The Python files of the area in a checkout, in a fixed order."""
        found = [root / source for source in self.sources]
        return sorted(file for path in found for file in ([path] if path.is_file() else path.rglob("*.py")))


def _plugin(name: str) -> Area:
    return Area(name, (f"plugins/{name}/src",), (f"plugins/{name}/tests",))


AREAS = (
    Area(
        "layers",
        ("imle_core/imle/layers",),
        ("tests/core", "tests/blocks", "tests/losses/test_fixed_terms.py", "tests/torch_home"),
    ),
    Area("estimators", ("imle_core/imle/estimators", "imle_core/imle/target.py"), ("tests/core", "tests/torch_home")),
    Area("losses", ("imle_core/imle/losses", "imle_core/imle/metrics"), ("tests/losses", "tests/metrics")),
    Area(
        "execution",
        ("imle_core/imle/execution", "imle_core/imle/solvers"),
        ("tests/parallel", "tests/combinators", "tests/losses/test_pool.py", "tests/core"),
    ),
    _plugin("imle-linear"),
    _plugin("imle-ortools"),
    _plugin("imle-networkx"),
)
