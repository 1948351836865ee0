"""Corrections fitted once: coverage, ranks, and what they refuse."""

import json
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecaster.calibration import Calibrator, fit_calibrator, intervals, pits
from forecaster.calibration.intervals import value_at
from forecaster.errors import BundleError, ConfigError, DataError

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SCORES = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
METHODS = ("split", "cqr", "cqr-scaled")


def normal_quantiles(scale, levels=LEVELS, centre=100.0):
    """Quantiles of prices whose log is normal, around `centre`."""
    scores = np.array([NormalDist().inv_cdf(level) for level in levels])
    return centre * np.exp(np.asarray(scale)[..., None] * scores)


def share_below(actual, quantiles):
    return (actual[..., None] <= quantiles).mean(axis=(0, 1))


def test_ranks_by_hand():
    """Of 9 residuals, 10% beyond is rank ceil(10 * 0.9) = 9; 20% is rank 8."""
    moves = np.array([5, -1, 2, -3, 4, -6, 7, 8, -9]) / 100
    actual = 100 * np.exp(moves)[:, None]
    point = np.full((9, 1, 1), 100.0)
    fitted = fit_calibrator("split", actual, point, (0.1, 0.2, 0.5, 0.8, 0.9))
    # Downward: -8 -7 -5 -4 -2 1 3 6 9 hundredths; upward the same with other signs.
    assert fitted.corrections[0] == pytest.approx((0.09, 0.06, 0.0, 0.07, 0.08))
    both = fit_calibrator("split", actual, point, (0.1, 0.5, 0.9), symmetric=True)
    assert both.corrections[0] == pytest.approx((0.08, 0.0, 0.08))


def test_a_scale_multiplies():
    actual = 100 * np.exp(np.arange(1, 10) / 100)[:, None]
    point, scale = np.full((9, 1, 1), 100.0), np.full((9, 1), 0.5)
    fitted = fit_calibrator("split", actual, point, (0.1, 0.5, 0.9), scale=scale)
    assert fitted.corrections[0][-1] == pytest.approx(0.18)  # 0.09 / 0.5
    applied = fitted.apply(point[:1], scale=np.array([[2.0]]))
    assert applied[0, 0, -1] == pytest.approx(100 * np.exp(0.36))
    with pytest.raises(DataError, match="wants a scale"):
        fitted.apply(point)


def test_scores_of_both_conformal_forms_by_hand():
    """One level at +0.1 of log price, nine prices at +0.05 to +0.45."""
    quantiles = np.tile(100 * np.exp([-0.1, 0.0, 0.1]), (9, 1, 1))
    actual = 100 * np.exp(np.arange(1, 10) * 0.05)[:, None]
    added = fit_calibrator("cqr", actual, quantiles, (0.2, 0.5, 0.8))
    scaled = fit_calibrator("cqr-scaled", actual, quantiles, (0.2, 0.5, 0.8))
    assert added.corrections[0][2] == pytest.approx(0.4 - 0.1)  # rank 8
    assert scaled.corrections[0][2] == pytest.approx(0.4 / 0.1 - 1)
    for fitted in (added, scaled):
        assert fitted.apply(quantiles)[0, 0, 2] == pytest.approx(100 * np.exp(0.4))


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_coverage_of_exchangeable_prices_is_kept(method, symmetric):
    """Of 4000 small calibrations the mean share inside is what the ranks promise."""
    random = np.random.default_rng(3)
    n_past, n_rounds, level = 39, 4000, 0.9
    scale = random.uniform(0.01, 0.05, (n_rounds, n_past + 1))
    move = scale * random.standard_t(4, scale.shape)
    quantiles = normal_quantiles(0.7 * scale, (0.05, 0.5, 0.95))[:, :, None]
    actual = 100 * np.exp(move)[:, :, None]
    n_inside = 0
    for known, forecast in zip(actual, quantiles, strict=True):
        fitted = fit_calibrator(
            method, known[:-1], forecast[:-1], (0.05, 0.5, 0.95), symmetric=symmetric
        )
        low, _, high = fitted.apply(forecast[-1:])[0, 0]
        n_inside += low <= known[-1, 0] <= high
    # Ranks of 39: 36 of 40 for both tails at once, 38 of 40 for each tail: exact.
    slack = stats.binom.ppf([1e-4, 1 - 1e-4], n_rounds, level)
    assert slack[0] <= n_inside <= slack[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [0.4, 2.5])
def test_quantiles_too_narrow_or_too_wide_are_repaired(method, wrong):
    random = np.random.default_rng(5)
    scale = random.uniform(0.01, 0.04, (6000, 2)) * [1, 3]
    actual = 100 * np.exp(scale * random.standard_normal(scale.shape))
    quantiles = normal_quantiles(wrong * scale)
    fitted = fit_calibrator(method, actual[:3000], quantiles[:3000], LEVELS)
    repaired = fitted.apply(quantiles[3000:])
    off = np.abs(share_below(actual[3000:], repaired) - LEVELS)
    assert off.max() < 0.015
    raw = np.abs(share_below(actual[3000:], quantiles[3000:]) - LEVELS)
    assert raw.max() > 0.08


def test_the_scaled_form_finds_the_factor_and_the_added_form_does_not():
    """Volatile and calm windows: only a factor suits both."""
    random = np.random.default_rng(6)
    scale = np.tile([[0.01], [0.05]], (3000, 1))
    actual = 100 * np.exp(scale * random.standard_normal(scale.shape))
    quantiles = normal_quantiles(0.5 * scale)
    calm = np.arange(6000) % 2 == 0
    shares = {}
    for method in ("cqr", "cqr-scaled"):
        made = fit_calibrator(method, actual, quantiles, LEVELS).apply(quantiles)
        shares[method] = share_below(actual[calm], made[calm])[3]
    assert shares["cqr-scaled"] == pytest.approx(0.9, abs=0.02)
    assert shares["cqr"] > 0.97


def test_each_step_has_its_own_correction_and_fewer_steps_are_allowed():
    random = np.random.default_rng(7)
    scale = np.full((500, 2), 0.02)
    actual = 100 * np.exp(scale * [1, 4] * random.standard_normal(scale.shape))
    quantiles = normal_quantiles(scale)
    fitted = fit_calibrator("cqr-scaled", actual, quantiles, LEVELS)
    near, far = np.array(fitted.corrections)[:, -1]
    assert abs(near) < 0.3
    assert far == pytest.approx(3, abs=0.9)
    first = fitted.apply(quantiles[:, :1])
    np.testing.assert_array_equal(first, fitted.apply(quantiles)[:, :1])
    with pytest.raises(DataError, match="calibrated for 2 steps"):
        fitted.apply(np.concatenate([quantiles, quantiles], axis=1))


@given(
    st.lists(
        st.lists(st.floats(-0.5, 3.0), min_size=5, max_size=5), min_size=1, max_size=3
    ),
    st.lists(st.floats(1, 1000), min_size=5, max_size=5),
    st.sampled_from(METHODS),
)
def test_corrected_quantiles_never_cross_and_the_median_stays(corrections, row, method):
    fitted = Calibrator(method, LEVELS, tuple(map(tuple, corrections)))
    quantiles = np.tile(np.sort(row), (1, len(corrections), 1))
    made = fitted.apply(quantiles)
    assert (np.diff(made, axis=-1) >= 0).all()
    np.testing.assert_allclose(made[..., 2], quantiles[..., 2], rtol=1e-12)


@pytest.mark.parametrize("n_past", [38, 39])
def test_too_few_forecasts_are_refused_with_their_number(n_past):
    """0.025 beyond needs rank ceil((n + 1) * 0.975) <= n: n of 39 at least."""
    actual = np.linspace(90, 110, n_past)[:, None]
    quantiles = normal_quantiles(np.full((n_past, 1), 0.02))
    if n_past == 39:
        assert fit_calibrator("cqr", actual, quantiles, LEVELS).n_fitted == 39
        return
    with pytest.raises(DataError, match=r"at least 39 out-of-fold .* found 38"):
        fit_calibrator("cqr", actual, quantiles, LEVELS)


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"method": "magic"}, ConfigError, "unknown calibration"),
        ({"method": "cqr", "scale": np.ones((50, 1))}, ConfigError, "only `split`"),
        ({"scale": np.ones((50, 2))}, DataError, "the scale has shape"),
        ({"actual": np.full((50, 1), np.nan)}, DataError, "greater than 0"),
        ({"actual": np.ones((50, 3))}, DataError, "do not fit"),
        ({"quantiles": -np.ones((50, 1, 5))}, DataError, "greater than 0"),
        ({"levels": (0.1, 0.5, 0.9)}, DataError, "3 levels, but 5"),
        ({"levels": (0.1, 0.1, 0.5, 0.9, 0.95)}, ConfigError, "increase"),
        (
            {"levels": (0.1, 0.2, 0.5, 0.9, 0.95), "symmetric": True},
            ConfigError,
            "pairs",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, error, reason):
    given = {
        "method": "split",
        "actual": np.full((50, 1), 100.0),
        "quantiles": normal_quantiles(np.full((50, 1), 0.02)),
        "levels": LEVELS,
        **change,
    }
    with pytest.raises(error, match=reason):
        fit_calibrator(**given)


def test_a_calibrator_survives_json():
    random = np.random.default_rng(8)
    actual = 100 * np.exp(0.02 * random.standard_normal((60, 2)))
    quantiles = normal_quantiles(np.full((60, 2), 0.01))
    fitted = fit_calibrator("cqr-scaled", actual, quantiles, LEVELS)
    read = Calibrator.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert read == fitted
    np.testing.assert_array_equal(read.apply(quantiles), fitted.apply(quantiles))


@pytest.mark.parametrize(
    "damage",
    [{"method": "x"}, {"corrections": [[1.0]]}, {"levels": None}, {"n_fitted": "many"}],
)
def test_a_damaged_calibration_is_refused(damage):
    whole = Calibrator("cqr", LEVELS, ((0.0,) * 5,)).to_dict()
    with pytest.raises(BundleError, match="saved calibration"):
        Calibrator.from_dict({**whole, **damage})
    del whole["scaled"]
    with pytest.raises(BundleError, match="scaled"):
        Calibrator.from_dict(whole)


def test_intervals_are_exact_where_levels_are_and_normal_between():
    quantiles = normal_quantiles(np.array([[0.02]]))
    made = intervals(quantiles, LEVELS)
    assert made[0.8].low[0, 0] == pytest.approx(quantiles[0, 0, 1])
    assert made[0.95].high[0, 0] == pytest.approx(quantiles[0, 0, 4])
    # Log prices are normal here, so between the levels the rule is exact too.
    expected = 100 * np.exp(0.02 * NormalDist().inv_cdf(0.95))
    assert made[0.9].high[0, 0] == pytest.approx(expected)


def test_intervals_beyond_the_levels_name_the_missing_quantiles():
    quantiles = normal_quantiles(np.array([[0.02]]))
    with pytest.raises(ConfigError, match=r"add 0\.005 and 0\.995"):
        intervals(quantiles, LEVELS, wanted=(0.99,))
    with pytest.raises(ConfigError, match=r"must lie in \(0, 1\)"):
        intervals(quantiles, LEVELS, wanted=(90,))


def test_pits_are_levels_at_the_quantiles_and_decay_beyond():
    quantiles = np.tile(normal_quantiles(np.array([[0.02]])), (7, 1, 1))
    gap = np.log(quantiles[0, 0, 4] / quantiles[0, 0, 3])
    beyond = quantiles[0, 0, 4] * np.exp(gap)
    under = quantiles[0, 0, 0] * np.exp(-gap)
    actual = np.array([*quantiles[0, 0], beyond, under])[:, None]
    # As far beyond the outermost as that from the next: a quarter of 0.025 is left.
    expected = [*LEVELS, 1 - 0.025 / 4, 0.025 / 4]
    np.testing.assert_allclose(pits(actual, quantiles, LEVELS)[:, 0], expected)


@given(st.floats(1e-6, 1 - 1e-6))
def test_pits_undo_value_at(probability):
    quantiles = normal_quantiles(np.array([[0.02]]))
    price = value_at(np.array([probability]), quantiles[0, 0], LEVELS)
    found = pits(price[None], quantiles, LEVELS)
    assert found[0, 0] == pytest.approx(probability, rel=1e-6, abs=1e-9)
