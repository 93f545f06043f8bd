"""The electricity prices, which are no part of the repository: beside it, or where IMLE_ENERGY_DATA says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("IMLE_ENERGY_DATA") or Path(__file__).parents[3] / "shared" / "data" / "energy")

needs_energy = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no electricity prices in {FOLDER} (IMLE_ENERGY_DATA)")
