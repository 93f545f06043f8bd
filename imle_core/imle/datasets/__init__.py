"""Data made here, with fixed seeds: the field's standard predict-then-optimise problems, terrain maps, and L2X's sets.

Every generator is a function of its arguments alone; nothing is downloaded. What `load_...` reads, this package does
not contain: you name the folder.
"""

from __future__ import annotations

from imle.datasets.energy import EnergyData, EnergyDays, load_energy
from imle.datasets.knapsack import KnapsackData, knapsack
from imle.datasets.l2x import ExplainData, learning_to_explain
from imle.datasets.schedule import ScheduleData, load_schedule
from imle.datasets.shortest_path import GridData, grid_edges, shortest_path
from imle.datasets.terrain import TerrainData, load_warcraft, terrain
from imle.datasets.tsp import TourData, tsp

__all__ = [
    "EnergyData",
    "EnergyDays",
    "ExplainData",
    "GridData",
    "KnapsackData",
    "ScheduleData",
    "TerrainData",
    "TourData",
    "grid_edges",
    "knapsack",
    "learning_to_explain",
    "load_energy",
    "load_schedule",
    "load_warcraft",
    "shortest_path",
    "terrain",
    "tsp",
]
