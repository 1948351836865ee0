"""Joint paths have the forecast's quantiles at each step and the wanted dependence."""

import numpy as np
import pytest
from scipy import stats

from forecaster.calibration import pits
from forecaster.errors import ConfigError, DataError
from forecaster.paths import draw_paths, fan, path_interval
from tests.test_calibration import LEVELS, normal_quantiles

HORIZON = 5
SCALE = 0.02 * np.sqrt(np.arange(1, HORIZON + 1))
QUANTILES = normal_quantiles(SCALE)


def random_walks(n_windows, seed=1):
    random = np.random.default_rng(seed)
    return 100 * np.exp(0.02 * random.standard_normal((n_windows, HORIZON)).cumsum(1))


@pytest.fixture(scope="module")
def past():
    quantiles = np.tile(QUANTILES, (800, 1, 1))
    return pits(random_walks(800), quantiles, LEVELS)


@pytest.mark.parametrize("with_past", [False, True])
def test_the_quantiles_of_each_step_are_those_of_the_forecast(past, with_past):
    paths = draw_paths(QUANTILES, LEVELS, past if with_past else None, n_paths=4000)
    # One draw in each 4000th of the probabilities: within 1/4000 of every level.
    low, high = (fan(paths, np.array(LEVELS) + shift / 4000) for shift in (-1.5, 1.5))
    assert ((low <= QUANTILES) & (high >= QUANTILES)).all()


@pytest.mark.parametrize("with_past", [False, True])
def test_random_walks_move_as_random_walks_between_steps(past, with_past):
    paths = draw_paths(QUANTILES, LEVELS, past if with_past else None, n_paths=4000)
    moved = np.diff(np.log(paths), axis=1).std(axis=0)
    np.testing.assert_allclose(moved, 0.02, rtol=0.12)
    random = np.random.default_rng(0)
    stitched = np.stack([random.permutation(step) for step in paths.T], axis=1)
    wrong = np.diff(np.log(stitched), axis=1).std(axis=0)
    assert (wrong[1:] > 0.04).all()  # sqrt(j + k) in place of 1 unit


def test_the_rank_correlation_of_the_past_is_kept(past):
    paths = draw_paths(QUANTILES, LEVELS, past, n_paths=2400)
    wanted = stats.spearmanr(past).statistic
    np.testing.assert_allclose(stats.spearmanr(paths).statistic, wanted, atol=0.01)


def test_any_dependence_is_kept_not_that_of_random_walks_alone():
    """A past in which the second step always undoes the first."""
    first = np.random.default_rng(2).random(200)
    past = np.stack([first, 1 - first], axis=1)
    paths = draw_paths(QUANTILES[:2], LEVELS, past, n_paths=200)
    assert stats.spearmanr(paths).statistic == pytest.approx(-1)


def test_without_a_past_steps_correlate_as_those_of_a_random_walk():
    paths = draw_paths(QUANTILES, LEVELS, n_paths=8000)
    steps = np.arange(1, HORIZON + 1)
    wanted = np.sqrt(np.minimum.outer(steps, steps) / np.maximum.outer(steps, steps))
    scores = stats.norm.ppf((stats.rankdata(paths, axis=0) - 0.5) / 8000)
    np.testing.assert_allclose(np.corrcoef(scores.T), wanted, atol=0.03)


def test_tails_are_exponential_through_the_two_outermost_quantiles():
    paths = draw_paths(QUANTILES[:1], LEVELS, n_paths=100_000)
    for side, outer, inner in ((1, -1, -2), (-1, 0, 1)):
        edge, within = np.log(QUANTILES[0, [outer, inner]])
        beyond = side * (np.log(paths[:, 0]) - edge)
        rate = side * (edge - within) / np.log(4)  # 0.1 beyond one, 0.025 the other
        assert beyond[beyond > 0].mean() == pytest.approx(rate, rel=0.05)
        assert (beyond > 0).mean() == pytest.approx(0.025, abs=1e-4)


def test_the_seed_decides(past):
    one, same, other = (
        draw_paths(QUANTILES, LEVELS, past, n_paths=50, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_band_by_hand():
    """Path 0 is lowest at one step, path 4 highest at another: 3 of 5 stay inside."""
    paths = np.array([[1.0, 30], [2, 10], [3, 20], [4, 40], [5, 50]])
    band = path_interval(paths, 0.2)
    # Outside each: min(0, 2), min(1, 0), min(2, 1), 1, 0: two paths at depth 1.
    np.testing.assert_array_equal(band.low, [2, 20])
    np.testing.assert_array_equal(band.high, [4, 40])
    assert band.share == pytest.approx(2 / 5)
    assert path_interval(paths, 0.41).share == 1


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_a_band_holds_whole_paths_where_intervals_of_steps_do_not(level):
    band = path_interval(draw_paths(QUANTILES, LEVELS, n_paths=8000), level)
    new = random_walks(8000, seed=9)
    inside = ((new >= band.low) & (new <= band.high)).all(axis=1).mean()
    assert inside == pytest.approx(level, abs=0.025)
    tail = (1 - level) / 2
    low, high = fan(new, (tail, 1 - tail)).T
    assert ((new >= low) & (new <= high)).all(axis=1).mean() < level - 0.05
    assert band.share >= level


def test_what_does_not_fit_is_refused(past):
    with pytest.raises(DataError, match="at least 20 past vectors of 5 steps"):
        draw_paths(QUANTILES, LEVELS, past[:19])
    with pytest.raises(DataError, match="past vectors of 5 steps"):
        draw_paths(QUANTILES, LEVELS, past[:, :3])
    with pytest.raises(DataError, match="missing values"):
        draw_paths(QUANTILES, LEVELS, np.full((30, HORIZON), np.nan))
    with pytest.raises(ConfigError, match="both sides of the median"):
        draw_paths(QUANTILES[:, 2:], LEVELS[2:])
    with pytest.raises(ConfigError, match="n_paths"):
        draw_paths(QUANTILES, LEVELS, n_paths=0)
    with pytest.raises(ConfigError, match="level of a band"):
        path_interval(random_walks(30), 95)
