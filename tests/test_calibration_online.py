"""Corrections that follow time: they hold coverage, and never look ahead."""

import time

import numpy as np
import pytest

from forecaster.calibration import OnlineRule, calibrate_online, fit_calibrator
from forecaster.errors import ConfigError, DataError
from tests.test_calibration import LEVELS, normal_quantiles, share_below

RULES = [
    OnlineRule(),
    OnlineRule("tracking", symmetric=False, rate=0.1),
    OnlineRule("adaptive", n_scores=60),
    OnlineRule("adaptive", symmetric=False, n_scores=60),
]


def forecasts(n_windows, horizon=1, seed=0, move=1.0):
    """Quantiles of log scale 0.02, and prices whose scale is `move` times that."""
    random = np.random.default_rng(seed)
    quantiles = normal_quantiles(np.full((n_windows, horizon), 0.02))
    scale = 0.02 * np.broadcast_to(move, n_windows)[:, None]
    return 100 * np.exp(scale * random.standard_normal((n_windows, horizon))), quantiles


def test_tracking_by_hand():
    """A pair at 0.1 and 0.9: a miss moves the log factor by 0.8, a hit by -0.2."""
    quantiles = np.tile([90.0, 100.0, 112.0], (5, 1, 1))
    actual = np.array([[200.0], [100.0], [50.0], [100.0], [np.nan]])
    made = calibrate_online(
        actual, quantiles, (0.1, 0.5, 0.9), rule=OnlineRule(rate=1.0)
    )
    expected = np.exp([0, 0.8, 0.6, 1.4, 1.2])
    np.testing.assert_allclose(made.factors[:, 0, 2], expected)
    np.testing.assert_allclose(made.factors[:, 0, 0], expected)
    np.testing.assert_array_equal(made.factors[:, 0, 1], 1)
    np.testing.assert_allclose(made.quantiles[1, 0, 2], 100 * 1.12 ** np.exp(0.8))


def test_adaptive_without_moves_is_the_conformal_quantile_of_what_is_known():
    actual, quantiles = forecasts(80)
    rule = OnlineRule("adaptive", rate=0, n_scores=60, symmetric=False)
    made = calibrate_online(actual, quantiles, LEVELS, rule=rule)
    for window in (50, 79):
        past = slice(max(0, window - 60), window)
        fitted = fit_calibrator("cqr-scaled", actual[past], quantiles[past], LEVELS)
        np.testing.assert_allclose(
            made.factors[window, 0, [0, 1, 3, 4]] - 1,
            np.array(fitted.corrections)[0, [0, 1, 3, 4]],
        )
    np.testing.assert_array_equal(made.factors[:9], 1)  # too few to say


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("grouped", [False, True])
def test_a_price_changes_nothing_before_it_is_known(rule, grouped):
    horizon, n_times = 3, 120
    actual, quantiles = forecasts(2 * n_times, horizon)
    positions = np.repeat(np.arange(n_times), 2)
    groups = ["A", "B"] * n_times if grouped else None

    def factors(prices):
        made = calibrate_online(
            prices, quantiles, LEVELS, positions=positions, groups=groups, rule=rule
        )
        return made.factors, made.quantiles

    before = factors(actual)
    changed_time = 90
    for step in range(horizon):
        other = actual.copy()
        other[positions >= changed_time, step] *= 3
        after = factors(other)
        known = positions >= changed_time + step + 1
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old[~known], new[~known])
            others = [place for place in range(horizon) if place != step]
            np.testing.assert_array_equal(old[:, others], new[:, others])
        first = positions == changed_time + step + 1
        assert (before[0][first, step] != after[0][first, step]).any()


def test_positions_say_what_is_known_when_origins_are_apart():
    """Origins 2 sessions apart: step 3 is known two origins later, not one."""
    actual, quantiles = forecasts(4, horizon=3)
    actual[0] = 500.0
    made = calibrate_online(actual, quantiles, LEVELS, positions=np.arange(0, 8, 2))
    moved = (made.factors[..., -1] != 1).tolist()
    assert moved[0] == [False, False, False]
    assert moved[1] == [True, True, False]
    assert moved[2] == [True, True, True]


@pytest.mark.parametrize(
    "rule", [OnlineRule(rate=0.05), OnlineRule("adaptive", symmetric=False)]
)
def test_coverage_is_held_after_a_jump_of_volatility_where_split_fails(rule):
    move = np.where(np.arange(2500) < 1000, 1.0, 2.5)
    actual, quantiles = forecasts(2500, move=move)
    split = fit_calibrator("split", actual[:1000], quantiles[:1000], LEVELS)
    after = slice(1100, 2500)

    def inside(made):
        share = share_below(actual[after], made)
        return share[3] - share[1]

    made = calibrate_online(actual, quantiles, LEVELS, rule=rule)
    assert inside(split.apply(quantiles[after])) < 0.5
    assert inside(made.quantiles[after]) == pytest.approx(0.8, abs=0.02)


def test_tracking_holds_whatever_comes():
    """Misses differ from the aim by at most the factor's travel over rate and time."""
    random = np.random.default_rng(4)
    move = np.exp(np.cumsum(0.05 * random.standard_normal(3000)))
    actual, quantiles = forecasts(3000, move=move)
    made = calibrate_online(actual, quantiles, LEVELS, rule=OnlineRule(rate=0.1))
    share = share_below(actual[:-1], made.quantiles[:-1])
    travel = abs(np.log(made.factors[-1, 0, 1])) / (0.1 * 2999)
    assert share[3] - share[1] == pytest.approx(0.8, abs=travel + 1e-3)


def test_groups_are_apart_and_pooled_ones_share():
    calm, quantiles = forecasts(600, move=0.5, seed=1)
    wild, _ = forecasts(600, move=2.0, seed=2)
    actual, both = np.concatenate([calm, wild]), np.concatenate([quantiles, quantiles])
    positions, groups = np.tile(np.arange(600), 2), ["calm"] * 600 + ["wild"] * 600
    apart = calibrate_online(actual, both, LEVELS, positions=positions, groups=groups)
    pooled = calibrate_online(actual, both, LEVELS, positions=positions)
    alone = calibrate_online(wild, quantiles, LEVELS)
    np.testing.assert_array_equal(apart.factors[600:], alone.factors)
    np.testing.assert_array_equal(pooled.factors[600:], pooled.factors[:600])
    assert apart.factors[599, 0, 3] < 0.7
    assert apart.factors[1199, 0, 3] > 1.5


def test_the_order_of_windows_does_not_matter():
    actual, quantiles = forecasts(300, horizon=2)
    shuffled = np.random.default_rng(1).permutation(300)
    made = calibrate_online(actual, quantiles, LEVELS)
    again = calibrate_online(
        actual[shuffled], quantiles[shuffled], LEVELS, positions=shuffled
    )
    np.testing.assert_array_equal(again.factors, made.factors[shuffled])


def test_the_newest_correction_travels_as_a_calibrator():
    actual, quantiles = forecasts(300, horizon=2, move=1.7)
    actual[-1] = np.nan  # the forecast of today
    made = calibrate_online(actual, quantiles, LEVELS)
    carried = made.calibrator().apply(quantiles[-1:])
    np.testing.assert_allclose(carried, made.quantiles[-1:], rtol=1e-12)
    assert (carried[..., -1] > quantiles[-1:, :, -1]).all()


@pytest.mark.parametrize("rule", RULES)
def test_quantiles_never_cross(rule):
    move = np.where(np.arange(400) % 90 < 45, 0.2, 4.0)
    actual, quantiles = forecasts(400, move=move)
    made = calibrate_online(actual, quantiles, LEVELS, rule=rule)
    assert (np.diff(made.quantiles, axis=-1) >= 0).all()
    assert np.isfinite(made.quantiles).all()


@pytest.mark.parametrize("method", ["tracking", "adaptive"])
def test_years_of_six_tickers_take_moments(method):
    actual, quantiles = forecasts(12_000)
    levels = (0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975)
    quantiles = normal_quantiles(np.full((12_000, 1), 0.02), levels)
    positions, groups = np.repeat(np.arange(2000), 6), list("ABCDEF") * 2000
    began = time.process_time()
    calibrate_online(
        actual,
        quantiles,
        levels,
        positions=positions,
        groups=groups,
        rule=OnlineRule(method),
    )
    assert time.process_time() - began < 4  # 0.1 to 0.7 s on an idle machine


@pytest.mark.parametrize(
    "change", [{"method": "magic"}, {"rate": -1.0}, {"n_scores": 0}]
)
def test_a_rule_out_of_range_is_refused(change):
    with pytest.raises(ConfigError, match=r"unknown calibration|must not be negative"):
        OnlineRule(**change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"positions": np.arange(3)}, "3 positions for 50"),
        ({"groups": ["A"]}, "1 groups for 50"),
        ({"actual": np.zeros((50, 1))}, "greater than 0"),
        ({"actual": np.ones((50, 2))}, "do not fit"),
        ({"actual": np.ones((0, 1)), "quantiles": np.ones((0, 1, 5))}, "at least one"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, reason):
    actual, quantiles = forecasts(50)
    given = {"actual": actual, "quantiles": quantiles, "levels": LEVELS, **change}
    with pytest.raises(DataError, match=reason):
        calibrate_online(**given)
