"""Noise known in advance."""

from __future__ import annotations

import torch

from imle.noise import BaseNoiseDistribution


class FixedNoise(BaseNoiseDistribution):
    """Returns the given `[B, S, *event]` tensor. Only `sample`, like a user's own class."""

    def __init__(self, values):
        self.values = values

    def sample(self, shape):
        assert torch.Size(shape) == self.values.shape
        return self.values


class RefusedNoise(BaseNoiseDistribution):
    """Fails the test if anything is drawn."""

    def sample(self, shape):
        raise AssertionError("noise was drawn")
