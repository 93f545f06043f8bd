"""The outcome as numbers: results.json. The same bytes for the same seed, so it holds no timings."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.demo.learning import LAMBDA, LEARNING_RATE, Recording
from imle.demo.problem import SAMPLES
from imle.demo.sampling import TEMPERATURE, Sampled
from imle.demo.showcase import Showcase

_DIGITS = 6


def results_json(showcase: Showcase) -> bytes:
    """All results, as indented JSON."""
    results = {
        "seed": showcase.seed,
        "samples_per_step": SAMPLES,
        "estimator": {"name": "imle", "lambda": LAMBDA, "alpha": 1.0},
        "optimizer": {"name": "adam", "learning_rate": LEARNING_RATE},
        "gold_path": _drawing(showcase.gold),
        "sampling": _sampling(showcase.sampled),
        "settings": [setting_facts(recording) for recording in showcase.recordings],
    }
    return (json.dumps(results, indent=2, allow_nan=False) + "\n").encode()


def _sampling(sampled: Sampled) -> dict[str, Any]:
    return {
        "temperature": TEMPERATURE,
        "frames": len(sampled.paths),
        "distinct_paths": sampled.distinct,
        "mean_cells": _rounded(sampled.paths.sum(axis=(1, 2)).mean()),
        "clipped_costs": _rounded(sampled.clipped),
    }


def setting_facts(recording: Recording) -> dict[str, Any]:
    """What one setting came to."""
    setting = recording.setting
    return {
        "name": setting.name,
        "temperature": setting.temperature,
        "target_temperature": setting.target_temperature,
        "steps": recording.steps,
        "frames": len(recording.costs),
        "map_first_gold_at_step": recording.reached,
        "map_stays_gold_from_step": recording.settled,
        "final_map_path": _drawing(recording.best[-1]),
        "final_loss": _rounded(recording.loss[-1]),
        "final_gradient_sparsity": _rounded(recording.sparsity[-1]),
        "highest_cost": _rounded(recording.highest_cost),
        "clipped_costs": _rounded(recording.clipped),
        "solves": recording.solves,
    }


def _drawing(path: NDArray[np.bool_]) -> list[str]:
    """One string per row, "#" where the path is."""
    return ["".join("#" if cell else "." for cell in row) for row in path]


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), _DIGITS)
