"""Noise: one table lookup against the sum of gamma draws that it replaces."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Gamma

from benchmarks.harness import Claim, race
from imle._sum_of_gamma import sample_sum_of_gamma

SHAPE = torch.Size((320, 1000))  # 32 rows x 10 samples, 1000 variables
KAPPA = 10.0


def sum_of_gammas(terms: int, dtype: torch.dtype) -> Tensor:
    """The loop of the original torch-imle."""
    samples = torch.zeros(SHAPE, dtype=dtype)
    for i in range(1, terms + 1):
        concentration = torch.tensor(1.0 / KAPPA, dtype=dtype)
        rate = torch.tensor(i / KAPPA, dtype=dtype)
        samples = samples + Gamma(concentration=concentration, rate=rate).sample(SHAPE)
    return (samples - math.log(terms)) / KAPPA


def compare(terms: int, dtype: torch.dtype, target: float, rounds: int) -> Claim:
    times = race(
        {
            "ours": lambda: sample_sum_of_gamma(
                KAPPA, terms, SHAPE, dtype=dtype, device=torch.device("cpu"), generator=None
            ),
            "reference": lambda: sum_of_gammas(terms, dtype),
        },
        rounds=rounds,
    )
    kind = str(dtype).removeprefix("torch.")
    name = f"sum-of-gamma noise, {SHAPE[0]}x{SHAPE[1]}, {terms} terms"
    return Claim(name, times["ours"], times["reference"], target, note=kind)


def claims() -> list[Claim]:
    return [
        compare(10, torch.float32, target=30, rounds=7),
        compare(100, torch.float32, target=300, rounds=3),
        compare(10, torch.float64, target=30, rounds=5),
    ]
