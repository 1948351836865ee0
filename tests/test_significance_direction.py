"""The test of direction agrees with contingency tables, and errs as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, norm

from forecaster.errors import DataError
from forecaster.significance import pesaran_timmermann

ORIGIN = 100.0
SIDES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=8, max_size=60)


def priced(sides):
    return np.where(sides, ORIGIN + 1, ORIGIN - 1)


def outcome(rises, calls, horizon=1):
    origin = np.full(len(rises), ORIGIN)
    return pesaran_timmermann(priced(rises), priced(calls), origin, horizon=horizon)


def test_by_hand():
    """12 forecasts, 8 rises, 6 calls of a rise, 5 of them right."""
    rises = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0], bool)
    calls = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    # Hits 8/12; by chance 2/3 x 1/2 + 1/3 x 1/2 = 1/2.
    # V(hits) = 1/4 / 12; V(chance) = (1/9 x 1/4 + 0) / 12 + 4 x 2/9 x 1/4 / 144.
    variance = 1 / 48 - 1 / 432 - 1 / 648
    statistic = (8 / 12 - 1 / 2) / np.sqrt(variance)
    answer = outcome(rises, calls)
    assert answer.statistic == pytest.approx(statistic, rel=1e-12)
    assert answer.p_value == pytest.approx(norm.sf(statistic), rel=1e-12)
    assert answer.n_forecasts == 12


@given(SIDES)
def test_its_square_is_the_chi_square_of_the_contingency_table(pairs):
    rises, calls = np.array(pairs).T
    table = [
        [np.sum(rises & calls), np.sum(rises & ~calls)],
        [np.sum(~rises & calls), np.sum(~rises & ~calls)],
    ]
    answer = outcome(rises, calls)
    if rises.all() or calls.all() or not rises.any() or not calls.any():
        assert np.isnan(answer.statistic) and np.isnan(answer.p_value)
        return
    chi_square = chi2_contingency(table, correction=False).statistic
    n_forecasts = len(pairs)
    expected = chi_square * n_forecasts / (n_forecasts - 1)
    assert answer.statistic**2 == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_moves_of_zero_are_left_out():
    random = np.random.default_rng(0)
    actual, predicted = random.normal(ORIGIN, 1, (2, 40))
    origin = np.full(40, ORIGIN)
    alone = pesaran_timmermann(actual, predicted, origin)
    actual_more = np.concatenate([actual, [ORIGIN, 101.0]])
    predicted_more = np.concatenate([predicted, [101.0, ORIGIN]])
    more = pesaran_timmermann(actual_more, predicted_more, np.full(42, ORIGIN))
    assert more == alone
    assert more.n_forecasts == 40
    with pytest.raises(DataError, match="found 0"):
        pesaran_timmermann(actual, origin, origin)


def drawn_rises(random, n_forecasts, horizon, skill=0.0):
    """Moves over `horizon` sessions with a drift, and calls of one side for weeks."""
    steps = random.normal(0.1, 1, n_forecasts + horizon - 1)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    rises = walk[horizon:] > walk[:-horizon]
    noise = np.convolve(random.normal(size=n_forecasts + 4), np.ones(5), "valid")
    knows = random.random(n_forecasts) < skill
    return rises, np.where(knows, rises, noise > -0.5)


def rejections(n_tests, draw):
    return np.mean([draw().p_value < 0.05 for _ in range(n_tests)])


@pytest.mark.parametrize("n_forecasts", [60, 250])
@pytest.mark.parametrize("horizon", [1, 5])
def test_it_rejects_guesses_about_one_time_in_twenty(n_forecasts, horizon):
    random = np.random.default_rng(n_forecasts + horizon)
    rejected = rejections(
        2000,
        lambda: outcome(*drawn_rises(random, n_forecasts, horizon), horizon=horizon),
    )
    assert 0.03 < rejected < 0.07


def test_without_the_overlap_it_would_reject_too_often():
    random = np.random.default_rng(0)
    rejected = rejections(500, lambda: outcome(*drawn_rises(random, 250, 5)))
    assert rejected > 0.1


@pytest.mark.parametrize("horizon", [1, 5])
def test_its_power_grows_with_skill_and_with_the_sample(horizon):
    random = np.random.default_rng(0)

    def power(skill, n_forecasts):
        return rejections(
            300,
            lambda: outcome(
                *drawn_rises(random, n_forecasts, horizon, skill), horizon=horizon
            ),
        )

    assert power(0.05, 100) < power(0.2, 100) < power(0.6, 100)
    assert power(0.6, 100) > 0.9
    assert power(0.15, 40) < power(0.15, 120) < power(0.15, 500)
