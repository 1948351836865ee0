"""The tests of equal accuracy agree with regressions, and err as often as they say."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from forecaster.errors import ConfigError, DataError
from forecaster.significance import (
    clark_west,
    diebold_mariano,
    newey_west_lags,
)

N_TESTS = 2000


def window_sums(values, horizon):
    """Sum each run of `horizon` values: overlapping forecasts of a random walk."""
    padded = np.concatenate([[0.0], np.cumsum(values)])
    return padded[horizon:] - padded[:-horizon]


def autoregressive(values, weight):
    series = np.zeros(len(values))
    for place, value in enumerate(values):
        series[place] = weight * series[place - 1] + value
    return series


def overlapping_losses(random, n_forecasts, horizon, scale=1.0):
    first, second = random.chisquare(1, (2, n_forecasts + horizon - 1))
    return window_sums(first, horizon), window_sums(scale * second, horizon)


def rejections(n_tests, draw):
    return np.mean([draw().p_value < 0.05 for _ in range(n_tests)])


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_with_lags_it_is_a_regression_on_a_constant_with_hac_errors(horizon):
    random = np.random.default_rng(horizon)
    first, second = random.chisquare(1, (2, 80))
    n_lags = newey_west_lags(80, horizon)
    fit = sm.OLS(first - second, np.ones(80)).fit(
        cov_type="HAC", cov_kwds={"maxlags": n_lags}
    )
    factor = np.sqrt((81 - 2 * horizon + horizon * (horizon - 1) / 80) / 80)
    statistic = fit.tvalues[0] * factor
    answer = diebold_mariano(first, second, horizon=horizon, n_lags=n_lags)
    assert answer.statistic == pytest.approx(statistic, rel=1e-9)
    assert answer.p_value == pytest.approx(2 * t.sf(abs(statistic), 79), rel=1e-9)
    assert answer.n_forecasts == 80


@pytest.mark.parametrize(("horizon", "n_cosines"), [(1, 7), (5, 7), (8, 5), (40, 1)])
def test_by_default_it_is_a_regression_on_cosines(horizon, n_cosines):
    """A regression on a constant and cosines leaves its coefficients to compare."""
    first, second = np.random.default_rng(horizon).chisquare(1, (2, 80))
    angles = np.pi * (np.arange(80) + 0.5) / 80
    cosines = [np.cos(k * angles) for k in range(1, n_cosines + 1)]
    fit = sm.OLS(first - second, np.column_stack([np.ones(80), *cosines])).fit()
    # Var(mean) = mean(coefficient^2) / 2, since each cosine has a mean square of 1/2.
    statistic = fit.params[0] / np.sqrt(np.mean(fit.params[1:] ** 2) / 2)
    answer = diebold_mariano(first, second, horizon=horizon)
    assert answer.statistic == pytest.approx(statistic, rel=1e-9)
    p_value = 2 * t.sf(abs(statistic), n_cosines)
    assert answer.p_value == pytest.approx(p_value, rel=1e-9)


@given(st.integers(8, 3000), st.integers(1, 60))
def test_lags_cover_the_overlap_and_fit_the_series(n_forecasts, horizon):
    n_lags = newey_west_lags(n_forecasts, horizon)
    assert min(horizon - 1, n_forecasts - 1) <= n_lags < n_forecasts


def test_swapping_the_forecasts_turns_the_sign_alone():
    first, second = np.random.default_rng(0).chisquare(1, (2, 60))
    one, other = diebold_mariano(first, second), diebold_mariano(second, first)
    assert one.statistic == -other.statistic
    assert one.p_value == other.p_value
    smaller_first = diebold_mariano(0.1 * second, second)
    assert smaller_first.statistic < 0 and smaller_first.p_value < 0.01


@pytest.mark.parametrize("n_lags", [None, 0, 3])
def test_equal_losses_are_equal(n_lags):
    losses = np.full(20, 0.1)  # a mean that rounding moves off 0.1
    assert diebold_mariano(losses, losses, n_lags=n_lags).p_value == 1
    assert diebold_mariano(losses, losses * 2, n_lags=n_lags).p_value == 0


@pytest.mark.parametrize("n_forecasts", [60, 250])
@pytest.mark.parametrize("horizon", [1, 5])
def test_it_rejects_equal_forecasts_about_one_time_in_twenty(n_forecasts, horizon):
    random = np.random.default_rng(n_forecasts + horizon)
    rejected = rejections(
        N_TESTS,
        lambda: diebold_mariano(
            *overlapping_losses(random, n_forecasts, horizon), horizon=horizon
        ),
    )
    assert 0.03 < rejected < 0.07


def test_it_allows_for_clustered_losses():
    random = np.random.default_rng(0)

    def drawn():
        return np.split(autoregressive(random.normal(size=200), 0.5), [100])

    assert 0.03 < rejections(N_TESTS, lambda: diebold_mariano(*drawn())) < 0.07


def test_lags_of_the_overlap_alone_reject_too_often():
    """Why cosine transforms are the default."""
    random = np.random.default_rng(0)
    rejected = rejections(
        N_TESTS,
        lambda: diebold_mariano(
            *overlapping_losses(random, 250, 5), horizon=5, n_lags=4
        ),
    )
    assert rejected > 0.09


def test_its_power_grows_with_the_difference_and_with_the_sample():
    random = np.random.default_rng(0)

    def power(scale, n_forecasts):
        return rejections(
            300,
            lambda: diebold_mariano(*overlapping_losses(random, n_forecasts, 1, scale)),
        )

    assert power(1.2, 100) < power(1.6, 100) < power(2.5, 100)
    assert power(2.5, 100) > 0.9
    assert power(1.6, 50) < power(1.6, 100) < power(1.6, 300)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (np.ones(7), np.zeros(7), "at least 8 forecasts to compare, found 7"),
        (np.ones(9), np.zeros(10), r"shapes \(9,\) and \(10,\)"),
        (np.full(9, np.nan), np.zeros(9), "missing or infinite"),
    ],
)
def test_losses_that_cannot_be_compared_are_refused(first, second, reason):
    with pytest.raises(DataError, match=reason):
        diebold_mariano(first, second)


def test_settings_out_of_range_are_refused():
    losses = np.random.default_rng(0).chisquare(1, (2, 10))
    with pytest.raises(ConfigError, match="0 to 9 for 10 forecasts, found 10"):
        diebold_mariano(*losses, n_lags=10)
    with pytest.raises(ConfigError, match="at least 1 session, found 0"):
        diebold_mariano(*losses, horizon=0)
    with pytest.raises(DataError, match="at least 13 forecasts to compare, found 10"):
        diebold_mariano(*losses, horizon=12)


def nested_forecasts(random, n_forecasts, horizon=1, signal=0.0):
    """Return log prices since the origin, last-value, and a noisy forecast."""
    noise = autoregressive(random.normal(size=n_forecasts), 0.5)
    moves = random.standard_t(6, n_forecasts + horizon - 1)
    actual = window_sums(moves, horizon) + signal * noise
    return actual, np.zeros(n_forecasts), noise


def test_clark_west_by_hand():
    actual = np.array([1.0, -1.0, 2.0, 0.0, 1.0, -2.0, 1.0, 1.0])
    predicted = np.array([0.5, 0.5, 1.0, -1.0, 0.0, -1.0, 0.5, 0.0])
    answer = clark_west(actual, np.zeros(8), predicted)
    # With a nested forecast of zero the adjusted gain is 2 x actual x predicted.
    gain = np.array([1.0, -1.0, 4.0, 0.0, 0.0, 4.0, 1.0, 0.0])
    # Against losses of zero, the test of equal accuracy has the same statistic.
    expected = diebold_mariano(gain, np.zeros(8))
    assert answer.statistic == pytest.approx(expected.statistic)
    assert answer.p_value == pytest.approx(expected.p_value / 2)
    assert answer.n_forecasts == 8
    paths = clark_west(*(np.stack([a, a], 1) for a in (actual, 0 * actual, predicted)))
    assert paths == answer


def test_clark_west_credits_what_the_plain_error_hides():
    """A weak signal under strong noise: a larger error, yet something is known."""
    random = np.random.default_rng(0)
    actual, nested, predicted = nested_forecasts(random, 1000, signal=0.3)
    model_loss, naive_loss = (actual - predicted) ** 2, (actual - nested) ** 2
    assert diebold_mariano(model_loss, naive_loss).statistic > 0
    assert clark_west(actual, nested, predicted).p_value < 0.001


@pytest.mark.parametrize("n_forecasts", [60, 250])
@pytest.mark.parametrize("horizon", [1, 5])
def test_clark_west_rejects_noise_about_one_time_in_twenty(n_forecasts, horizon):
    random = np.random.default_rng(n_forecasts + horizon)
    rejected = rejections(
        N_TESTS,
        lambda: clark_west(
            *nested_forecasts(random, n_forecasts, horizon), horizon=horizon
        ),
    )
    assert 0.03 < rejected < 0.07


def test_the_power_of_clark_west_grows_with_the_signal_and_with_the_sample():
    random = np.random.default_rng(0)

    def power(signal, n_forecasts):
        return rejections(
            300,
            lambda: clark_west(*nested_forecasts(random, n_forecasts, signal=signal)),
        )

    assert power(0.1, 100) < power(0.2, 100) < power(0.5, 100)
    assert power(0.5, 100) > 0.9
    assert power(0.15, 50) < power(0.15, 150) < power(0.15, 500)


def test_clark_west_of_last_value_itself_proves_nothing():
    actual = np.random.default_rng(0).normal(size=30)
    assert clark_west(actual, np.zeros(30), np.zeros(30)).p_value == 0.5


def test_clark_west_of_unlike_arrays_is_refused():
    with pytest.raises(DataError, match=r"shapes \(9,\) and \(9,\) and \(9, 1\)"):
        clark_west(np.ones(9), np.ones(9), np.ones((9, 1)))
