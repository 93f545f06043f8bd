"""Gumbel, Gaussian and Logistic noise: the law, and where draws live."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from imle.errors import OptionError
from imle.noise import (
    GaussianNoiseDistribution,
    GumbelNoiseDistribution,
    LogisticNoiseDistribution,
    MultiplicativeNoiseDistribution,
    SumOfGammaNoiseDistribution,
)
from support.noises import FixedNoise

LAWS = {
    GumbelNoiseDistribution: stats.gumbel_r,
    GaussianNoiseDistribution: stats.norm,
    LogisticNoiseDistribution: stats.logistic,
}
ALL = [cls(location=0.5, scale=2.0) for cls in LAWS] + [SumOfGammaNoiseDistribution(k=5, nb_iterations=10)]
CPU = torch.device("cpu")


@pytest.mark.parametrize("cls", LAWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_law(cls, dtype):
    noise = cls(location=0.5, scale=2.0)
    draws = noise.draw((300_000,), dtype=dtype, device=CPU, generator=torch.Generator().manual_seed(1))
    assert draws.isfinite().all()
    assert stats.kstest(draws.double().numpy(), LAWS[cls](loc=0.5, scale=2.0).cdf).pvalue > 1e-3


@pytest.mark.parametrize("noise", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_draws_follow_dtype_device_and_generator(noise, dtype):
    first = noise.draw((3, 4), dtype=dtype, device=CPU, generator=torch.Generator().manual_seed(2))
    again = noise.draw((3, 4), dtype=dtype, device=CPU, generator=torch.Generator().manual_seed(2))
    assert first.shape == (3, 4)
    assert first.dtype == dtype
    assert torch.equal(first, again)
    assert noise.draw((0, 4), dtype=dtype, device=CPU).shape == (0, 4)


@pytest.mark.parametrize("noise", ALL, ids=repr)
def test_sample_is_the_originals_call(noise):
    torch.manual_seed(0)
    draws = noise.sample(torch.Size([2, 3]))
    assert draws.shape == (2, 3)
    assert draws.dtype == torch.float32
    torch.manual_seed(0)
    assert torch.equal(noise.sample(torch.Size([2, 3])), draws)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("noise", ALL, ids=repr)
def test_draws_on_cuda(noise):
    assert noise.draw((3, 4), dtype=torch.float32, device=torch.device("cuda")).is_cuda


def test_own_noise_cannot_use_a_generator_and_says_so():
    with pytest.raises(OptionError, match=r"FixedNoise cannot use a generator: it only implements sample\(shape\)"):
        FixedNoise(torch.zeros(2)).draw((2,), dtype=torch.float32, device=CPU, generator=torch.Generator())


@pytest.mark.parametrize("cls", LAWS)
@pytest.mark.parametrize("bad", [{"scale": 0.0}, {"scale": float("inf")}, {"location": float("nan")}])
def test_bad_parameters(cls, bad):
    with pytest.raises(OptionError, match="expected a finite location and a positive scale"):
        cls(**bad)


def test_the_score_of_factors_is_finite_for_numbers_that_are_nearly_zero():
    theta = torch.tensor([0.0, 1e-40, 2e-38, 1.0])
    eps = torch.full((4,), 1.5)
    score = MultiplicativeNoiseDistribution().score(theta, eps, 0.1)
    assert score.isfinite().all()
    assert score[:2].tolist() == [0.0, 0.0]
    assert score[3].item() == pytest.approx(15.0)
