"""Resampled answers repeat for a seed, and hold the truth as often as they say."""

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap

from forecaster.errors import ConfigError, DataError
from forecaster.significance import model_confidence_set, ratio_interval
from forecaster.significance.bootstrap import block_length, stationary_indices


def overlapping(random, n_forecasts, horizon, ratio=0.9):
    """Squared errors of two forecasts that share most of their error."""
    shared, one, other = random.standard_normal((3, n_forecasts + horizon - 1))
    errors = ratio * (shared + 0.7 * one), shared + 0.7 * other
    return [np.convolve(e, np.ones(horizon), "valid") ** 2 for e in errors]


def test_resampled_blocks_are_consecutive_and_as_long_as_asked():
    drawn = stationary_indices(100, 2000, 8.0, np.random.default_rng(0))
    assert drawn.shape == (2000, 100)
    steps = (drawn[:, 1:] - drawn[:, :-1]) % 100
    # A new block starts with probability 1/8, one in 100 of them where it would go on.
    assert np.mean(steps != 1) == pytest.approx(1 / 8 * 0.99, abs=0.003)
    counts = np.bincount(drawn.ravel(), minlength=100)
    assert counts.min() > 0.9 * 2000 and counts.max() < 1.1 * 2000


def test_every_origin_is_drawn_anew_with_a_block_of_one():
    drawn = stationary_indices(50, 500, 1.0, np.random.default_rng(0))
    assert np.mean((drawn[:, 1:] - drawn[:, :-1]) % 50 == 1) < 0.03


def test_the_interval_is_that_of_the_bootstrap_of_arch():
    first, second = overlapping(np.random.default_rng(0), 250, 1)
    answer = ratio_interval(first, second, seed=0, n_bootstrap=4000, block=6)
    theirs = StationaryBootstrap(6, first, second, seed=1).apply(
        lambda a, b: np.log(a.mean() / b.mean()) / 2, 4000
    )
    from scipy.stats import t

    reach = t.ppf(0.975, 250 / 6) * theirs.std(ddof=1) / np.sqrt(1 - 11 / 250)
    assert answer.ratio == pytest.approx(np.sqrt(first.mean() / second.mean()))
    assert np.log(answer.high / answer.ratio) == pytest.approx(reach, rel=0.05)
    assert np.log(answer.ratio / answer.low) == pytest.approx(reach, rel=0.05)
    assert (answer.level, answer.block, answer.n_forecasts) == (0.95, 6, 250)


def test_the_interval_repeats_for_a_seed_and_widens_with_the_level():
    losses = overlapping(np.random.default_rng(0), 120, 1)
    answer = ratio_interval(*losses, seed=3)
    assert answer == ratio_interval(*losses, seed=3)
    assert answer.low != ratio_interval(*losses, seed=4).low
    wide = ratio_interval(*losses, seed=3, level=0.99)
    assert wide.low < answer.low < answer.ratio < answer.high < wide.high
    whole = ratio_interval(*losses, seed=3, root=False)
    assert whole.ratio == pytest.approx(answer.ratio**2)
    assert whole.high == pytest.approx(answer.high**2)


def test_proportional_losses_have_one_ratio():
    losses = np.random.default_rng(0).chisquare(1, 60)
    answer = ratio_interval(4 * losses, losses, seed=0)
    assert [answer.low, answer.ratio, answer.high] == pytest.approx([2, 2, 2])


@pytest.mark.parametrize(
    ("n_forecasts", "horizon"), [(60, 1), (250, 1), (120, 5), (250, 5)]
)
def test_the_interval_holds_a_known_ratio(n_forecasts, horizon):
    random = np.random.default_rng(n_forecasts + horizon)
    n_tests, held = 2000, 0
    for seed in range(n_tests):
        losses = overlapping(random, n_forecasts, horizon)
        answer = ratio_interval(*losses, horizon=horizon, seed=seed, n_bootstrap=100)
        held += answer.low <= 0.9 <= answer.high
    assert 0.92 < held / n_tests < 0.98


def test_blocks_cover_overlaps_and_leave_four_of_them():
    random = np.random.default_rng(0)
    differences = random.normal(size=(200, 2))
    assert block_length(differences, 1) < 5
    assert 24 <= block_length(differences, 7) <= 50
    assert block_length(differences[:20], 60) == 5
    assert block_length(np.ones((20, 1)), 1) == 1
    walks = np.cumsum(differences, axis=0)
    assert block_length(walks, 1) > 10
    for n_forecasts in range(20, 40):
        assert 1 <= block_length(differences[:n_forecasts], 1) <= n_forecasts / 4


def test_what_cannot_be_resampled_is_refused():
    losses = np.ones(30)
    with pytest.raises(DataError, match="at least 20 forecasts to resample, found 9"):
        ratio_interval(losses[:9], losses[:9], seed=0)
    with pytest.raises(DataError, match="missing or infinite"):
        ratio_interval(losses * np.nan, losses, seed=0)
    with pytest.raises(DataError, match="err at least once"):
        ratio_interval(losses, 0 * losses, seed=0)
    with pytest.raises(DataError, match=r"\(30,\) and \(29,\)"):
        ratio_interval(losses, losses[1:], seed=0)
    with pytest.raises(ConfigError, match="found 1"):
        ratio_interval(losses, losses, seed=0, level=1)
    with pytest.raises(ConfigError, match="1 to 15 for 30 forecasts, found 16"):
        ratio_interval(losses, losses, seed=0, block=16)


def model_losses(random, n_forecasts=200, worse=1.0):
    losses = pd.DataFrame(random.chisquare(1, (n_forecasts, 4)), columns=list("abcd"))
    return losses.assign(d=losses["d"] + worse)


def test_the_set_keeps_equal_models_and_drops_a_worse_one():
    losses = model_losses(np.random.default_rng(2))
    answer = model_confidence_set(losses, seed=0)
    assert answer.included == ("a", "b", "c")
    assert answer.p_values["d"] < 0.01
    assert max(answer.p_values.values()) == 1
    assert answer.n_forecasts == 200
    assert answer == model_confidence_set(losses, seed=0)
    in_other_order = model_confidence_set(losses[list("dcba")], seed=0)
    assert in_other_order.included == ("c", "b", "a")


def test_the_set_holds_the_best_model_as_often_as_it_says():
    random = np.random.default_rng(0)
    kept = dropped = 0
    for seed in range(200):
        losses = model_losses(random, 100, worse=0.8)
        answer = model_confidence_set(losses, seed=seed, n_bootstrap=100)
        kept += {"a", "b", "c"} <= set(answer.included)
        dropped += "d" not in answer.included
    assert kept > 0.85 * 200
    assert dropped > 0.9 * 200


def test_models_with_equal_losses_share_their_fate():
    losses = model_losses(np.random.default_rng(2))
    twins = losses.assign(e=losses["a"], f=losses["d"])
    answer, alone = (model_confidence_set(x, seed=0) for x in (twins, losses))
    assert answer.included == ("a", "b", "c", "e")
    assert answer.p_values == {
        **alone.p_values,
        "e": alone.p_values["a"],
        "f": alone.p_values["d"],
    }
    same = model_confidence_set(twins[["a", "e"]], seed=0)
    assert same.p_values == {"a": 1, "e": 1}


def test_a_model_that_is_always_worse_by_the_same_amount_is_dropped():
    losses = model_losses(np.random.default_rng(2))[["a", "b"]]
    answer = model_confidence_set(losses.assign(c=losses["a"] + 0.5), seed=0)
    assert answer.included == ("a", "b")


def test_a_set_that_cannot_be_made_is_refused():
    losses = model_losses(np.random.default_rng(0))
    with pytest.raises(DataError, match="at least 2 models, found 1"):
        model_confidence_set(losses[["a"]], seed=0)
    with pytest.raises(DataError, match="found 10"):
        model_confidence_set(losses[:10], seed=0)
    with pytest.raises(ConfigError, match="found 0"):
        model_confidence_set(losses, seed=0, size=0)
    with pytest.raises(ConfigError, match="found 201"):
        model_confidence_set(losses, seed=0, block=201)
