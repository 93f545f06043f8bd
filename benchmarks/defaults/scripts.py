"""The examples whose data and networks are used here. They are scripts, which find each other by their folder."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

FOLDER = str(Path(__file__).parents[2] / "examples")
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

discrete_vae, learning_to_explain, sudoku_boards, terrain_maps, visual_sudoku = (
    importlib.import_module(name)
    for name in ("discrete_vae", "learning_to_explain", "sudoku_boards", "terrain", "visual_sudoku")
)
