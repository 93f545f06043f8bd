"""The tabulated sum-of-gamma noise against closed forms, scipy and direct sums of gamma draws."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from imle import _sum_of_gamma
from imle._sum_of_gamma import _REACH, _apply_quantile_, _knots, _law, _quantiles, _tensors, sample_sum_of_gamma

Array = NDArray[np.float64]
CPU = torch.device("cpu")
MILLION = 1_000_000
DTYPES = (torch.float32, torch.float64)
LOGITS = np.linspace(-37.0, 37.0, 4001)


def draw(
    kappa: float, terms: int, shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return sample_sum_of_gamma(kappa, terms, shape, dtype=dtype, device=CPU, generator=generator)


def grid(values: Array) -> Array:
    return np.linspace(-_REACH, _REACH, len(values))


def table_at(kappa: float, terms: int, logits: Array) -> Array:
    """The noise at u = sigmoid(logits), interpolated as draws are."""
    values = _quantiles(kappa, terms)
    return np.interp(logits, grid(values), values)


def deviation(kappa: float, terms: int) -> float:
    return math.sqrt(sum(1 / i**2 for i in range(1, terms + 1)) / kappa)


def cumulants(values: Array) -> tuple[float, float, float]:
    """Mean, variance and third cumulant of the law with these quantiles at even logits: int_0^1 g(Q(u)) du."""
    logits = grid(values)
    weights = (logits[1] - logits[0]) / (2 + 2 * np.cosh(logits))  # u (1 - u) dlogit
    mean = float(weights @ values)
    return mean, float(weights @ (values - mean) ** 2), float(weights @ (values - mean) ** 3)


def gamma_quantiles(kappa: float, logits: Array) -> Array:
    shape = 1 / kappa
    lower, upper = 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))
    return np.where(logits < 0, stats.gamma.ppf(lower, shape), stats.gamma.isf(upper, shape))


def maximum_quantiles(terms: int, logits: Array) -> Array:
    """kappa = 1: the sum is the maximum of `terms` unit exponentials."""
    log_root = -np.logaddexp(0, -logits) / terms
    near_one = -np.log(-np.expm1(log_root))
    return np.where(log_root < -1, -np.log1p(-np.exp(np.minimum(log_root, -1))), near_one)


# --- the table


@pytest.mark.parametrize("kappa", [0.01, 0.5, 1, 5, 20.8, 50, 1000])
def test_inversion_keeps_relative_accuracy_in_both_tails(kappa: float) -> None:
    logits, log_x, _ = _knots(_law(kappa, 1))
    x, shape = np.exp(log_x), 1 / kappa
    resolved = x > 1e-300
    lower = 1 / (1 + np.exp(-logits[resolved]))
    upper = 1 / (1 + np.exp(logits))
    assert np.abs(stats.gamma.cdf(x[resolved], shape) / lower - 1).max() < 1e-9
    assert np.abs(stats.gamma.sf(x, shape) / upper - 1)[resolved].max() < 1e-9
    assert logits[0] <= -_REACH
    assert logits[-1] >= _REACH


@pytest.mark.parametrize("kappa", [0.01, 0.5, 1, 5, 20.8, 50, 1000, 1e6])
def test_one_term_is_a_gamma(kappa: float) -> None:
    # X = Gamma(shape 1/kappa, scale kappa) / kappa, since log 1 = 0
    error = np.abs(table_at(kappa, 1, LOGITS) - gamma_quantiles(kappa, LOGITS)).max()
    assert error < 5e-5 * deviation(kappa, 1)


@pytest.mark.parametrize("probability", [1e-12, 1e-6, 1e-3, 0.1])
def test_one_term_matches_scipy_at_chosen_probabilities(probability: float) -> None:
    for kappa in (0.5, 1.0, 5.0, 20.8):
        scaled = stats.gamma(1 / kappa, scale=kappa)
        logit = math.log(probability) - math.log1p(-probability)
        below, above = table_at(kappa, 1, np.array([logit, -logit])) * kappa
        assert above == pytest.approx(scaled.isf(probability), rel=2e-5)
        assert below == pytest.approx(scaled.ppf(probability), rel=2e-3, abs=1e-6 * kappa)


@pytest.mark.parametrize("terms", [1, 2, 10, 33, 48, 100, 1000, 100_000])
def test_kappa_one_is_the_maximum_of_exponentials(terms: int) -> None:
    truth = maximum_quantiles(terms, LOGITS) - math.log(terms)
    assert np.abs(table_at(1.0, terms, LOGITS) - truth).max() < 5e-5 * deviation(1.0, min(terms, 1000))
    logits, log_x, _ = _knots(_law(1.0, terms))
    assert np.abs(np.exp(log_x) / maximum_quantiles(terms, logits) - 1).max() < 1e-6


@pytest.mark.parametrize("terms", [1, 2, 10, 33, 100, 1000])
@pytest.mark.parametrize("kappa", [0.01, 0.5, 1, 5, 20.8, 50, 1000])
def test_cumulants_have_their_closed_forms(kappa: float, terms: int) -> None:
    harmonic, second, third = (sum(1 / i**p for i in range(1, terms + 1)) for p in (1, 2, 3))
    mean, variance, skew = cumulants(_quantiles(kappa, terms))
    assert mean == pytest.approx((harmonic - math.log(terms)) / kappa, abs=1e-6 * deviation(kappa, terms))
    assert variance == pytest.approx(second / kappa, rel=1e-6)
    assert skew == pytest.approx(2 * third / kappa, rel=1e-5)


@settings(max_examples=25, derandomize=True)
@given(st.floats(-5, 5), st.integers(1, 3000))
def test_any_table_increases_and_has_the_right_mean_and_variance(log_kappa: float, terms: int) -> None:
    kappa = 10**log_kappa
    values = _quantiles(kappa, terms)
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()
    mean, variance, _ = cumulants(values)
    scale = deviation(kappa, terms)
    harmonic = math.fsum(1 / i for i in range(1, terms + 1))
    assert abs(mean - (harmonic - math.log(terms)) / kappa) < 1e-5 * scale
    assert math.sqrt(variance) == pytest.approx(scale, rel=1e-5)


@pytest.mark.parametrize("terms", [1, 31, 32, 33, 40, 64, 65, 100, 1000])
def test_blocks_of_terms_add_up(terms: int) -> None:
    rates, weights = _law(1.0, terms)
    index = np.arange(1.0, terms + 1)
    for s in (1e-3, 0.7, 50.0, 1e6, -0.99, 3 + 40j, -5 + 10j):
        assert (weights * np.log(1 + s / rates)).sum() == pytest.approx(np.log(1 + s / index).sum(), rel=1e-9)
    if terms > 1:
        assert len(rates) <= 32 + 8 * math.log2(terms)


# --- draws


@lru_cache(maxsize=1)
def direct_sums(kappa: float, terms: int) -> Array:
    """A million sorted float64 draws, one gamma at a time."""
    generator = torch.Generator().manual_seed(20210607)
    concentration = torch.full((MILLION,), 1 / kappa, dtype=torch.float64)
    total = torch.zeros(MILLION, dtype=torch.float64)
    for i in range(1, terms + 1):
        total += torch._standard_gamma(concentration, generator=generator) / i
    return (total - math.log(terms) / kappa).numpy()


# The direct sums are shared by the dtypes, which therefore vary fastest.
@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("kappa", "terms"), [(0.5, 3), (1.0, 5), (5.0, 10), (20.8, 12), (50.0, 10)])
def test_a_million_draws_follow_the_law_of_direct_sums(kappa: float, terms: int, dtype: torch.dtype) -> None:
    ours = draw(kappa, terms, (MILLION,), seed=1, dtype=dtype).double().numpy()
    # float32 cannot resolve what lies just above the least value, -log(terms) / kappa
    floor = 1e-5 - math.log(terms) / kappa
    result = stats.ks_2samp(np.maximum(ours, floor), np.maximum(direct_sums(kappa, terms), floor), method="asymp")
    assert result.pvalue > 1e-3


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("terms", [1, 10, 100])
def test_tail_counts(terms: int, dtype: torch.dtype) -> None:
    count = 4 * MILLION
    ours = draw(1.0, terms, (count,), seed=2, dtype=dtype).double().numpy() + math.log(terms)
    for probability in (1e-3, 1e-4, 1e-5):
        logit = math.log(probability / (1 - probability))
        lower, upper = maximum_quantiles(terms, np.array([logit, -logit]))
        bound = 4 * math.sqrt(count * probability)
        assert abs((ours <= lower).sum() - count * probability) < bound
        assert abs((ours >= upper).sum() - count * probability) < bound


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_draws_interpolate_the_table(dtype: torch.dtype) -> None:
    uniform = torch.linspace(-0.9999, 0.9999, 10_001, dtype=dtype)
    logits = 2 * np.arctanh(uniform.double().numpy() + torch.finfo(dtype).eps / 2)
    expected = table_at(20.8, 100, logits)
    _apply_quantile_(uniform, *_tensors(20.8, 100, dtype, CPU))
    np.testing.assert_allclose(uniform.double().numpy(), expected, atol=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_ends_of_the_uniform_are_finite_and_symmetric(dtype: torch.dtype) -> None:
    eps = torch.finfo(dtype).eps
    uniform = torch.tensor([-1.0, 1.0 - eps], dtype=dtype)  # all that uniform_(-1, 1) can return
    _apply_quantile_(uniform, *_tensors(1.0, 10, dtype, CPU))
    probability = eps / 4  # half a step of the uniform
    logit = math.log(probability) - math.log1p(-probability)
    truth = maximum_quantiles(10, np.array([logit, -logit])) - math.log(10)
    np.testing.assert_allclose(uniform.double().numpy(), truth, atol=1e-4)


@pytest.mark.parametrize("kappa", [1e-12, 1e-8, 1e-3])
def test_tiny_kappa_is_nearly_gaussian(kappa: float) -> None:
    mean = (sum(1 / i for i in range(1, 11)) - math.log(10)) / kappa
    standardised = (draw(kappa, 10, (100_000,)) - mean) / deviation(kappa, 10)
    assert standardised.mean().item() == pytest.approx(0, abs=0.015)
    assert standardised.std().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kappa", [1.0, 1e6, 1e12])
def test_draws_are_finite(kappa: float, dtype: torch.dtype) -> None:
    draws = draw(kappa, 10, (100_000,), dtype=dtype)
    assert draws.dtype == dtype
    assert draws.isfinite().all()
    assert draws.min() >= -math.log(10) / kappa * 1.01


# --- the interface


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (7, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_shapes(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    draws = draw(5.0, 10, shape, dtype=dtype)
    assert draws.shape == shape
    assert draws.dtype == dtype
    assert draws.is_contiguous()


def test_same_generator_state_gives_the_same_draws() -> None:
    assert torch.equal(draw(5.0, 10, (50,), seed=3), draw(5.0, 10, (50,), seed=3))
    assert not torch.equal(draw(5.0, 10, (50,), seed=3), draw(5.0, 10, (50,), seed=4))


def test_only_the_given_generator_is_used() -> None:
    before = torch.get_rng_state()
    expected = draw(5.0, 10, (50,), seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        ours = sample_sum_of_gamma(5.0, 10, (50,), dtype=torch.float64, device=CPU, generator=None)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_rounded_float32(dtype: torch.dtype) -> None:
    assert torch.equal(draw(5.0, 10, (999,), dtype=dtype), draw(5.0, 10, (999,), dtype=torch.float32).to(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_both_precisions_have_distinct_values(dtype: torch.dtype) -> None:
    # a table without interpolation, or positions rounded to float32, would repeat itself more
    draws = draw(1.0, 10, (100_000,), dtype=dtype)
    repeated = 100_000 - draws.unique().numel()
    assert repeated < (3000 if dtype == torch.float32 else 1)


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = draw(5.0, 10, (3, 1000))
    monkeypatch.setattr(_sum_of_gamma, "_CHUNK", 7)
    assert torch.allclose(draw(5.0, 10, (3, 1000)), expected, rtol=1e-12, atol=1e-12)


def test_drawing_never_leaves_the_device() -> None:
    draws = sample_sum_of_gamma(5.0, 10, (4, 6), dtype=torch.float32, device=torch.device("meta"), generator=None)
    assert draws.device.type == "meta"
    assert draws.shape == (4, 6)


def test_the_table_is_built_once_and_outlives_inference_mode() -> None:
    _quantiles.cache_clear()
    _tensors.cache_clear()
    with torch.inference_mode():
        draw(7.0, 10, (5,))
    weight = torch.ones(5, dtype=torch.float64, requires_grad=True)
    (weight * draw(7.0, 10, (5,))).sum().backward()
    draw(7, 10, (5,), dtype=torch.float32)
    assert _quantiles.cache_info().misses == 1
    assert _tensors.cache_info().misses == 2
    assert not any(table.is_inference() for table in _tensors(7.0, 10, torch.float64, CPU))


@pytest.mark.parametrize("kappa", [0.0, -1.0, math.nan, math.inf, -math.inf, 1e-13, 1e13])
def test_bad_kappa(kappa: float) -> None:
    with pytest.raises(ValueError, match=r"expected kappa in \[1e-12, 1e\+12\].*found"):
        draw(kappa, 10, (2,))


@pytest.mark.parametrize("terms", [0, -3])
def test_bad_terms(terms: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least 1 term.*found {terms}"):
        draw(1.0, terms, (2,))


def test_bad_dtype() -> None:
    with pytest.raises(ValueError, match=r"floating-point dtype.*found torch\.int64"):
        draw(1.0, 10, (2,), dtype=torch.int64)
