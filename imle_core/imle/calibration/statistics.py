"""What is matched: statistics of sampled marginals that move one way as the temperature rises."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imle.estimators.trace import average
from imle.layers.module import Batch
from imle.noise import BaseNoiseDistribution, perturb


def marginals_at(batch: Batch, noise: BaseNoiseDistribution, eps: Tensor, temperature: float) -> Tensor:
    """Mean solution of every row over its draws, 0 where none was solved. `[B, *event]`."""
    with torch.no_grad():
        found = batch.solve(perturb(noise, batch.theta.detach().unsqueeze(1), eps, temperature))
    return average(found.z, found.valid)


def entropy_of(marginals: Tensor) -> float:
    """Mean binary entropy of all entries, in bits: 0 if all are 0 or 1, 1 if all are 1/2."""
    p = marginals.double().clamp(0.0, 1.0)
    terms: Tensor = torch.special.xlogy(p, p) + torch.special.xlogy(1 - p, 1 - p)
    return abs(float(terms.mean())) / math.log(2)


def score_of(theta: Tensor, marginals: Tensor) -> float:
    """Mean over rows of <theta, mu>.

    With additive noise it never rises with the temperature, draw by draw: if z maximises <theta + s eps, .> and z'
    <theta + t eps, .> with s < t, both inequalities together give <theta, z> >= <theta, z'>. It is the sufficient
    statistic of the temperature: matching it is maximum likelihood in the exponential family of theta / tau.
    """
    return float((theta.double() * marginals.double()).sum() / max(len(theta), 1))
