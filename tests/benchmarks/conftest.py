"""Benchmarks are run from the root of the repository, where `benchmarks` is importable: so also with bare `pytest`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])

if ROOT not in sys.path:
    sys.path.append(ROOT)
