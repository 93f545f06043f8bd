"""Noise known in advance."""

from __future__ import annotations

import torch

from imle.noise import BaseNoiseDistribution, MultiplicativeNoiseDistribution


class FixedNoise(BaseNoiseDistribution):
    """Returns the given `[B, S, *event]` tensor. Only `sample`, like a user's own class."""

    def __init__(self, values):
        self.values = values

    def sample(self, shape):
        assert torch.Size(shape) == self.values.shape
        return self.values


class FixedShifts(FixedNoise):
    """Fixed noise with the score of a standard Gaussian."""

    def _slope(self, eps):
        return eps


class FixedFactors(MultiplicativeNoiseDistribution):
    """Fixed multiplicative noise."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def draw(self, shape, **_):
        assert torch.Size(shape) == self.values.shape
        return self.values


class RefusedNoise(BaseNoiseDistribution):
    """Fails the test if anything is drawn."""

    def sample(self, shape):
        raise AssertionError("noise was drawn")
