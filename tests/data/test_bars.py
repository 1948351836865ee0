"""Features of bars: exact numbers by hand, bounds, and prices that stand still."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.data import bars
from forecaster.data.bars import FLOOR

# Twenty moves of 1% at least, up and down, then one of 4%.
CALM = np.tile([0.01, -0.01], 40)
JUMP = np.append(CALM, 0.04)
# Mean square of the last twenty: 19 of 1% and one of 4%.
BASE = 1.75e-4


def closes(moves):
    """Return prices that make these log moves, from 100 on."""
    return 100 * np.exp(np.append(0.0, np.cumsum(moves)))


def half_log(square):
    return 0.5 * np.log(square + FLOOR)


def test_log_volatility_is_of_the_root_mean_square():
    found = bars.log_volatility(closes([0.03, -0.04, 0.0]), 2)
    wanted = [np.nan, np.nan, half_log((9e-4 + 16e-4) / 2), half_log(16e-4 / 2)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize(("length", "square"), [(1, 16e-4), (2, 8.5e-4), (20, BASE)])
def test_volatility_ratio_is_to_that_of_twenty_sessions(length, square):
    found = bars.volatility_ratio(closes(JUMP), length)
    assert found[-1] == pytest.approx(half_log(square) - half_log(BASE), abs=1e-12)
    # Before the jump all spans are alike.
    np.testing.assert_allclose(found[20:-1], 0.0, atol=1e-12)


def test_typical_ratio_hardly_feels_a_jump():
    found = bars.typical_ratio(closes(JUMP), 3)
    assert found[-1] == pytest.approx(half_log(1e-4) - half_log(BASE), abs=1e-12)
    # With two moves the median is their mean.
    found = bars.typical_ratio(closes(JUMP), 2)
    assert found[-1] == pytest.approx(half_log(0.025**2) - half_log(BASE), abs=1e-12)


def test_range_ratio_is_of_parkinson_s_volatility():
    close = closes(JUMP)
    high, low = close.copy(), close.copy()
    high[-1] *= 2
    # (log 2) squared over 4 log 2.
    variance = np.log(2) / 4
    found = bars.range_ratio(high, low, close, 1)
    assert found[-1] == pytest.approx(half_log(variance) - half_log(BASE), abs=1e-12)
    found = bars.range_ratio(high, low, close, 4)
    assert found[-1] == pytest.approx(half_log(variance / 4) - half_log(BASE))


def test_bar_ratio_adds_the_night_to_the_variance_of_the_day():
    close = closes(np.append(CALM, 0.03))
    # All of a calm day's move happens overnight.
    open_, high, low = close.copy(), close.copy(), close.copy()
    open_[-1] = close[-2] * np.exp(0.02)
    high[-1], low[-1] = open_[-1] * np.exp(0.03), open_[-1] * np.exp(-0.01)
    # Overnight 2%; then 3% x 2% for the high, -1% x -2% for the low.
    variance = 4e-4 + 6e-4 + 2e-4
    base = half_log((19 * 1e-4 + 9e-4) / 20)
    found = bars.bar_ratio(open_, high, low, close, 1)
    assert found[-1] == pytest.approx(half_log(variance) - base, abs=1e-9)
    found = bars.bar_ratio(open_, high, low, close, 3)
    assert found[-1] == pytest.approx(half_log((variance + 2e-4) / 3) - base, abs=1e-9)


def test_a_day_that_goes_straight_up_has_no_variance_of_its_own():
    close = closes(JUMP)
    open_ = np.append(close[0], close[:-1])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    found = bars.bar_ratio(open_, high, low, close, 1)
    assert found[-1] == pytest.approx(half_log(0.0) - half_log(BASE), abs=1e-9)


def test_fall_is_in_units_of_volatility():
    found = bars.fall(closes(np.append(CALM, [-0.02, 0.02])), 0)
    unit = np.sqrt((59 * 1e-4 + 4e-4) / 60 + FLOOR)
    assert found[-2] == pytest.approx(0.02 / unit)
    assert found[-1] == 0.0
    assert np.isnan(found[:60]).all()
    # 50% would be 7.7 times the volatility of which it is part.
    assert bars.fall(closes([*[0.0] * 60, -0.5]), 0)[-1] == 5.0


def test_trend_is_in_units_of_a_random_walk():
    unit = np.sqrt(1e-4 + FLOOR)
    found = bars.trend(closes(np.full(60, 0.01)), 4)
    assert found[-1] == pytest.approx(0.04 / (unit * 2))
    assert bars.trend(closes(CALM), 4)[-1] == pytest.approx(0.0, abs=1e-12)
    # Sixty times 1% is 7.7 times the root of sixty times 1%.
    assert bars.trend(closes(np.full(60, 0.01)), 60)[-1] == 4.0
    assert bars.trend(closes(np.full(60, -0.01)), 60)[-1] == -4.0


def test_volume_ratio_is_of_mean_logarithms():
    volume = np.expm1(np.append(np.full(55, 1.0), np.full(5, 2.0)))
    found = bars.volume_ratio(volume, 5)
    assert found[-1] == pytest.approx(2 - (55 + 10) / 60)
    assert np.isnan(found[:-1]).all()
    # A session without a trade has a logarithm too: that of 1.
    volume[-1] = 0.0
    assert bars.volume_ratio(volume, 1)[-1] == pytest.approx(0 - (55 + 8) / 60)


def test_a_missing_volume_is_felt_for_sixty_sessions():
    volume = np.full(200, 7.0)
    volume[100] = np.nan
    missing = np.flatnonzero(np.isnan(bars.volume_ratio(volume, 5)))
    assert list(missing) == [*range(59), *range(100, 160)]


def test_prices_that_stand_still():
    flat, none = np.full(70, 5.0), np.zeros(70)
    assert bars.log_volatility(flat, 20)[-1] == pytest.approx(np.log(1e-4))
    for found in (
        bars.volatility_ratio(flat, 5),
        bars.typical_ratio(flat, 5),
        bars.range_ratio(flat, flat, flat, 5),
        bars.bar_ratio(flat, flat, flat, flat, 5),
        bars.fall(flat, 0),
        bars.trend(flat, 5),
        bars.volume_ratio(none, 5),
    ):
        assert found[-1] == 0.0


def test_overnight_and_trailing_begin_with_what_is_missing():
    np.testing.assert_allclose(
        bars.overnight(np.array([3.0, 4.0]), np.array([2.0, 8.0])), [np.nan, np.log(2)]
    )
    np.testing.assert_array_equal(
        bars.trailing(np.max, np.array([3.0, 1.0, 2.0]), 2), [np.nan, 3.0, 2.0]
    )
    assert np.isnan(bars.trailing_mean(np.ones(3), 4)).all()


MOVES = arrays(np.float64, 80, elements=st.floats(-0.7, 0.7))


@given(moves=MOVES, nights=MOVES, length=st.integers(1, 70))
def test_any_prices_give_bounded_numbers(moves, nights, length):
    close = closes(moves)
    open_ = np.append(close[0], close[:-1]) * np.exp(np.append(0.0, nights))
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    fall, trend = bars.fall(close, 0)[70:], bars.trend(close, length)[70:]
    assert ((fall >= 0) & (fall <= 5)).all()
    assert (np.abs(trend) <= 4).all()
    # Twenty moves hold at most twenty times their mean square.
    limit = half_log(20 * 0.49) - half_log(0.0)
    ratios = [
        bars.volatility_ratio(close, length),
        bars.typical_ratio(close, length),
        bars.range_ratio(high, low, close, length),
        bars.bar_ratio(open_, high, low, close, length),
    ]
    for ratio in ratios:
        assert (np.abs(ratio[70:]) <= limit).all()


@given(moves=MOVES, cut=st.integers(1, 79), length=st.integers(1, 30))
def test_later_prices_change_nothing_and_earlier_ones_are_forgotten(moves, cut, length):
    close = closes(moves)
    changed = close.copy()
    changed[cut:] *= 1.5
    for function in (bars.log_volatility, bars.volatility_ratio, bars.trend, bars.fall):
        whole = function(close, length)
        np.testing.assert_array_equal(function(changed, length)[:cut], whole[:cut])
        np.testing.assert_array_equal(function(close[:cut], length), whole[:cut])
    late = bars.volatility_ratio(close[-31:], length)
    assert late[-1] == bars.volatility_ratio(close, length)[-1]
