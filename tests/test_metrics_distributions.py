"""Scores of distributions agree with hand-worked values and with scoringrules."""

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from forecaster.errors import DataError
from forecaster.metrics import (
    central_intervals,
    coverage,
    crps,
    crps_samples,
    interval_score,
    mae,
    pinball,
    pit,
    pit_histogram,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
FINE = tuple(np.arange(1, 200) / 200)


def gaussian(n_windows=200, horizon=3, levels=LEVELS, spread=1.0):
    """Return prices from a Gaussian, and quantiles of one `spread` times as wide."""
    random = np.random.default_rng(0)
    centre = random.normal(100, 10, (n_windows, horizon))
    actual = centre + random.normal(size=(n_windows, horizon))
    quantiles = centre[..., None] + spread * norm.ppf(levels)
    return actual, quantiles, centre


def test_pinball_agrees_with_scoringrules():
    actual, quantiles, _ = gaussian()
    expected = scoringrules.quantile_score(
        actual[..., None], quantiles, np.array(LEVELS)
    ).mean()
    assert pinball(actual, quantiles, LEVELS) == pytest.approx(expected)


def test_crps_by_hand():
    actual, quantiles = np.array([[3.0]]), np.array([[[1.0, 4.0]]])
    # Losses 0, 0.5 x 2, 0.25 x 1 and 0 at 0, 0.5, 0.75 and 1.
    area = 0.5 * 1 / 2 + 0.25 * 1.25 / 2 + 0.25 * 0.25 / 2
    assert crps(actual, quantiles, [0.5, 0.75]) == pytest.approx(2 * area)


def test_crps_is_twice_the_area_under_the_quantile_scores():
    actual, quantiles, _ = gaussian()
    losses = scoringrules.quantile_score(actual[..., None], quantiles, np.array(LEVELS))
    padded = np.pad(losses.mean(axis=(0, 1)), 1)
    expected = 2 * np.trapezoid(padded, [0, *LEVELS, 1])
    assert crps(actual, quantiles, LEVELS) == pytest.approx(expected)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_crps_of_many_levels_is_that_of_the_distribution(spread):
    actual, quantiles, centre = gaussian(levels=FINE, spread=spread)
    expected = scoringrules.crps_normal(actual, centre, spread).mean()
    assert crps(actual, quantiles, FINE) == pytest.approx(expected, rel=0.005)


def test_crps_of_few_levels_is_a_little_small():
    # A perfect forecast has pinball losses phi(z), and a score of 1 / sqrt(pi).
    losses = norm.pdf(norm.ppf(LEVELS))
    area = np.trapezoid([0, *losses, 0], [0, *LEVELS, 1])
    assert 2 * area * np.sqrt(np.pi) == pytest.approx(0.95, abs=0.005)


def test_crps_of_a_forecast_that_is_sure_is_its_absolute_error():
    actual, _, centre = gaussian()
    sure = np.repeat(centre[..., None], len(FINE), axis=-1)
    assert crps(actual, sure, FINE) == pytest.approx(mae(actual, centre), rel=0.01)
    assert crps_samples(actual, sure) == pytest.approx(mae(actual, centre))


def test_crps_of_samples_by_hand():
    actual, samples = np.array([[2.0]]), np.array([[[4.0, 1.0, 3.0]]])
    # Errors 2, 1, 1: mean 4/3. Gaps 3, 1, 2: mean 2, of which half is taken off.
    assert crps_samples(actual, samples) == pytest.approx(4 / 3 - 1)


def test_crps_of_samples_agrees_with_scoringrules():
    random = np.random.default_rng(1)
    actual, _, centre = gaussian()
    samples = centre[..., None] + random.normal(size=(*actual.shape, 17))
    expected = scoringrules.crps_ensemble(actual, samples, estimator="fair").mean()
    assert crps_samples(actual, samples) == pytest.approx(expected)


@pytest.mark.parametrize("n_samples", [2, 50])
def test_crps_of_few_samples_is_not_biased(n_samples):
    random = np.random.default_rng(1)
    actual, _, centre = gaussian(n_windows=20000, horizon=1)
    samples = centre[..., None] + random.normal(size=(*actual.shape, n_samples))
    score = crps_samples(actual, samples)
    assert score == pytest.approx(1 / np.sqrt(np.pi), abs=0.02)


def test_crps_of_one_sample_is_refused():
    with pytest.raises(DataError, match="at least 2 for each forecast, found 1"):
        crps_samples(np.ones((2, 3)), np.ones((2, 3, 1)))


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_interval_score_agrees_with_scoringrules(level):
    actual, _, centre = gaussian()
    low, high = centre - 1, centre + 0.7
    expected = scoringrules.interval_score(actual, low, high, 1 - level).mean()
    assert interval_score(actual, low, high, level=level) == pytest.approx(expected)


def test_interval_score_is_the_pinball_of_its_ends():
    actual, quantiles, _ = gaussian(levels=(0.05, 0.95))
    low, high = quantiles[..., 0], quantiles[..., 1]
    score = interval_score(actual, low, high, level=0.9)
    # 2 / (1 - level) times the sum, so 4 / (1 - level) times the mean, of both losses.
    expected = 4 / 0.1 * pinball(actual, quantiles, (0.05, 0.95))
    assert score == pytest.approx(expected)


def test_coverage_counts_both_ends():
    actual = np.array([1.0, 2.0, 3.0, 4.0])
    assert coverage(actual, np.full(4, 2.0), np.full(4, 3.0)) == 0.5


def test_intervals_pair_levels_that_mirror_each_other():
    assert central_intervals((0.05, 0.1, 0.5, 0.9, 1 - 0.05)) == {
        0.9: (0, 4),
        0.8: (1, 3),
    }
    assert central_intervals((0.1, 0.5, 0.8)) == {}


def test_pit_by_hand():
    quantiles = np.array([10.0, 20.0, 20.0, 30.0])
    levels = [0.1, 0.4, 0.6, 0.9]
    actual = np.array([[9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 31.0]])
    values = pit(actual, np.broadcast_to(quantiles, (1, 7, 4)), levels)
    expected = [[0, 0.1, 0.25, 0.6, 0.75, 0.9, 1]]
    assert values == pytest.approx(np.array(expected))


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20), st.integers(0, 9))
def test_pit_rises_with_the_price(prices, seed):
    quantiles = np.sort(np.random.default_rng(seed).normal(0, 20, len(LEVELS)))
    actual = np.sort(prices)
    repeated = np.tile(quantiles, (len(actual), 1))
    values = pit(actual, repeated, LEVELS)
    assert (np.diff(values) >= 0).all()
    assert ((values >= 0) & (values <= 1)).all()
    inside = (actual >= quantiles[0]) & (actual <= quantiles[-1])
    interpolated = np.interp(actual[inside], quantiles, LEVELS)
    assert values[inside] == pytest.approx(interpolated, abs=1e-9)


def test_pit_of_fine_quantiles_is_the_distribution_function():
    actual, quantiles, centre = gaussian(levels=FINE)
    values = pit(actual, quantiles, FINE)
    assert values == pytest.approx(norm.cdf(actual - centre), abs=0.006)


def test_the_histogram_by_hand():
    values = np.array([0.0] * 4 + [0.2] * 2 + [0.5] * 9 + [0.7] * 3 + [1.0] * 2)
    histogram = pit_histogram(values, [0.25, 0.5, 0.75])
    assert histogram.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert histogram.counts.tolist() == [6, 9, 3, 2]
    assert histogram.expected.tolist() == [5, 5, 5, 5]
    statistic = (1 + 16 + 4 + 9) / 5
    assert histogram.statistic == pytest.approx(statistic)
    assert histogram.p_value == pytest.approx(chi2.sf(statistic, 3))
    assert histogram.n_values == 20


def test_the_histogram_merges_bins_that_expect_too_few():
    values = np.random.default_rng(0).random(50)
    histogram = pit_histogram(values, FINE)
    assert histogram.expected.min() >= 5 - 1e-6
    assert histogram.edges == pytest.approx(np.arange(11) / 10)
    with pytest.raises(DataError, match="made of 9 values"):
        pit_histogram(values[:9], FINE)


def calibration(n_windows, spread, seed):
    random = np.random.default_rng(seed)
    actual = random.normal(size=(n_windows, 1))
    quantiles = np.broadcast_to(spread * norm.ppf(LEVELS), (n_windows, 1, len(LEVELS)))
    return pit_histogram(pit(actual, quantiles, LEVELS), LEVELS)


def test_calibrated_quantiles_are_doubted_one_time_in_twenty():
    doubted = [calibration(200, 1.0, seed).p_value < 0.05 for seed in range(2000)]
    assert 0.03 < np.mean(doubted) < 0.07


@pytest.mark.parametrize("spread", [0.7, 1.5])
def test_quantiles_too_narrow_or_wide_are_found_out(spread):
    doubted = [calibration(200, spread, seed).p_value < 0.05 for seed in range(200)]
    assert np.mean(doubted) > 0.9
    outside = calibration(2000, spread, 0).counts[[0, -1]].sum()
    assert (outside > 200) == (spread < 1)  # 0.1 x 2000 are meant to lie outside
