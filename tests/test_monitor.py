"""Drift is found where there is some, and seldom where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecaster.data.calendar import next_sessions
from forecaster.drift import (
    correlation_time,
    covers_as_promised,
    same_distribution,
    stability_index,
    watch_losses,
)
from forecaster.errors import ConfigError, DataError, NoDataInRange, NotEnoughHistory
from forecaster.models.backend import load_keras
from forecaster.monitor import monitor
from forecaster.significance import long_run_variance
from forecaster.training import train


def clustered(random, n):
    """Return returns whose volatility comes in clusters (a GARCH(1,1))."""
    values, variance = np.zeros(n + 100), 1.0
    for place in range(1, n + 100):
        variance = 0.05 + 0.1 * values[place - 1] ** 2 + 0.85 * variance
        values[place] = np.sqrt(variance) * random.normal()
    return values[100:]


def test_the_index_is_the_sum_over_bins():
    old, new = np.arange(100.0), np.arange(50.0)
    p = np.full(10, 10.5 / 105)
    q = np.array([10.5] * 5 + [0.5] * 5) / 55
    assert stability_index(old, new) == pytest.approx(np.sum((q - p) * np.log(q / p)))
    assert stability_index(old, old) == 0
    assert stability_index(np.ones(30), np.ones(30)) == 0


def test_independent_values_count_each_and_dependent_ones_less():
    random = np.random.default_rng(0)
    noise = random.normal(size=20_000)
    assert correlation_time(noise) == pytest.approx(1, abs=0.1)
    smooth = np.zeros(20_000)
    for place in range(1, len(smooth)):
        smooth[place] = 0.8 * smooth[place - 1] + noise[place]
    assert correlation_time(smooth) == pytest.approx(1.8 / 0.2, rel=0.2)
    assert correlation_time(np.ones(50)) == 1


def test_the_long_run_variance_of_three_values_by_hand():
    # Centred -1 0 1; lag 1 gives nothing: (1 + 0 + 1) / 3.
    assert long_run_variance(np.array([1.0, 2.0, 3.0]), 1) == pytest.approx(2 / 3)
    values = np.array([1.0, 1.0, -1.0, -1.0])  # lag 1: weight 1/2, sum 1
    assert long_run_variance(values, 1) == pytest.approx((4 + 2 * 0.5 * 1) / 4)


def test_without_dependence_it_is_the_kolmogorov_smirnov_test():
    random = np.random.default_rng(3)
    old, new = random.normal(size=800), random.normal(size=400) + 0.2
    ours, theirs = same_distribution(old, new), stats.ks_2samp(old, new)
    assert ours.statistic == theirs.statistic
    assert ours.n_effective == pytest.approx(400, rel=0.3)


@pytest.mark.parametrize("make", [clustered, lambda random, n: random.normal(size=n)])
def test_inputs_that_do_not_change_raise_few_alarms(make):
    random = np.random.default_rng(1)
    same, doubled = [], []
    for _ in range(60):
        values = make(random, 750)
        same.append(same_distribution(values[:500], values[500:]).p_value)
        doubled.append(same_distribution(values[:500], 2 * values[500:]).p_value)
    assert np.mean(np.array(same) < 0.05) <= 0.10
    assert np.mean(np.array(doubled) < 0.05) >= 0.7


def test_losses_that_do_not_grow_raise_few_alarms_however_long():
    random = np.random.default_rng(2)
    alarms, found = 0, 0
    for _ in range(150):
        returns = clustered(random, 1000)
        losses = np.abs(returns + 0.3 * random.normal(size=1000)) - np.abs(returns)
        alarms += watch_losses(losses[:250], losses[250:]).first is not None
        worse = losses[250:500] + 0.5 * losses.std()
        found += watch_losses(losses[:250], worse).first is not None
    assert alarms / 150 <= 0.09
    assert found / 150 >= 0.95


def test_watching_is_what_the_formula_says():
    old = np.tile([-1.0, 1.0], 50)
    deviation = np.sqrt(long_run_variance(old))
    alarm = watch_losses(old, np.ones(30))
    k = np.arange(1, 31)
    bound = deviation * 10 * (1 + k / 100)
    assert alarm.statistic == pytest.approx(30 / bound[-1])
    assert alarm.first == np.flatnonzero(k / bound > stats.norm.ppf(0.975))[0]
    assert alarm.p_value == pytest.approx(2 * stats.norm.sf(alarm.statistic))
    before = watch_losses(old, np.concatenate([np.ones(30), np.full(9, 99.0)]))
    assert before.first == alarm.first
    quiet = watch_losses(np.zeros(30), np.zeros(30))
    assert (quiet.first, quiet.p_value) == (None, 1.0)


def test_coverage_is_a_binomial_test_where_hits_are_independent():
    inside = np.tile([True] * 9 + [False], 20)
    random = np.random.default_rng(0)
    random.shuffle(inside)
    assert covers_as_promised(inside, 0.9) == pytest.approx(1, abs=0.01)
    assert covers_as_promised(inside, 0.5) < 1e-6


@pytest.mark.parametrize("call", [same_distribution, watch_losses])
def test_a_small_sample_is_refused(call):
    with pytest.raises(DataError, match="at least 20 sessions, found 5"):
        call(np.zeros(5), np.zeros(50))


def frame(returns):
    close = 100 * np.exp(np.cumsum(returns))
    prices = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0},
        index=next_sessions("2020-01-01", len(close)).rename("session"),
    )
    prices.attrs = {"ticker": "TEST", "source": "made", "issues": []}
    return prices


LENGTH, LIVE = 520, 400


@pytest.fixture(scope="module")
def watched(tiny_config):
    """A network of returns that forecasts no change, and returns to watch it on."""
    returns = np.random.default_rng(0).normal(0, 0.01, LENGTH)
    prices = frame(returns)
    config = tiny_config(
        features__columns=["log_return"],
        features__scaling="standard",
        target__form="log_return",
        model__head="quantiles",
        model__quantiles=[0.05, 0.5, 0.95],
        training__end=str(prices.index[249].date()),
        training__epochs=1,
        evaluation__start=str(prices.index[250].date()),
        evaluation__end=str(prices.index[LIVE - 1].date()),
    )
    forecaster = train(prices, config, progress=False)
    # Quantiles of independent normals, known exactly: no luck of training here.
    keras = load_keras()
    window = keras.Input((4, 1))
    answer = keras.layers.Dense(3, kernel_initializer="zeros")
    steps = keras.layers.Reshape((1, 3))(answer(keras.layers.Flatten()(window)))
    distance = np.log(np.expm1(stats.norm.ppf(0.95)))
    answer.set_weights(
        [np.zeros((4, 3), "float32"), np.array([distance, 0.0, distance], "float32")]
    )
    network = keras.Model(window, steps)
    return replace(forecaster, network=network), returns, answer


def test_what_stays_as_it_was_is_ok(watched):
    forecaster, returns, _ = watched
    report = monitor(forecaster, frame(returns))
    assert (report.verdict, len(report.reasons)) == ("ok", 1)
    assert report.errors["mae_ratio"] == pytest.approx(1)
    assert report.errors["reference"] == "test"
    assert report.inputs["state"].tolist() == ["ok"]
    assert report.coverage["level"].tolist() == [0.9]
    assert report.first == frame(returns).index[LIVE].date()
    assert report.to_dict()["verdict"] == "ok"
    assert str(report).startswith("ok: Inputs and errors are as they were.")


def test_a_doubled_volatility_spoils_inputs_and_intervals(watched):
    forecaster, returns, _ = watched
    changed = np.where(np.arange(LENGTH) < LIVE, returns, 2.5 * returns)
    report = monitor(forecaster, frame(changed))
    assert report.verdict == "refit"
    assert report.inputs["state"].tolist() == ["watch"]
    assert report.coverage["state"].tolist() == ["refit"]
    assert any("90% interval" in reason for reason in report.reasons)


def test_a_shifted_mean_is_seen(watched):
    forecaster, returns, _ = watched
    report = monitor(
        forecaster, frame(np.where(np.arange(LENGTH) < LIVE, returns, returns + 0.02))
    )
    assert report.verdict != "ok"
    assert report.inputs["p_value"].max() < 0.001
    assert report.inputs["psi"].min() > 0.25


def test_a_model_that_gets_worse_is_to_be_trained_again(watched):
    forecaster, returns, answer = watched
    weights = answer.get_weights()
    kernel = np.zeros((4, 3), "float32")
    kernel[-1, 1] = 0.8  # what followed until now, and then no more
    answer.set_weights([kernel, weights[1]])
    try:
        followed = returns.copy()
        for place in range(1, LIVE):
            followed[place] = 0.8 * followed[place - 1] + 0.6 * returns[place]
        report = monitor(forecaster, frame(followed))
    finally:
        answer.set_weights(weights)
    assert report.verdict == "refit"
    assert report.errors["mae_ratio"] > 1.1
    assert report.errors["reference_ratio"] < 1
    assert report.errors["alarm"] >= report.first
    assert any("errors have risen" in reason for reason in report.reasons)


def test_later_prices_change_no_report(watched):
    forecaster, returns, _ = watched
    end = frame(returns).index[460].date()
    changed = np.where(np.arange(LENGTH) <= 460, returns, 5 * returns)
    reports = [monitor(forecaster, frame(r), end=end) for r in (returns, changed)]
    assert reports[0].to_dict() == reports[1].to_dict()


def test_prices_beyond_the_range_of_training_are_told(trained, make_prices):
    forecaster, prices = trained
    higher = prices.copy()
    higher.loc["2020-03-30":] *= 2
    higher.attrs = prices.attrs
    report = monitor(forecaster, higher, start="2020-03-28")
    assert report.verdict == "refit"
    # The first of 20 origins is the last session before the range.
    assert report.inputs["outside"].tolist() == [0.95]
    assert report.errors["reference"] == "none"
    assert report.to_dict()["errors"]["reference_ratio"] is None


def test_a_range_that_cannot_be_watched_is_refused(watched):
    forecaster, returns, _ = watched
    prices = frame(returns)
    with pytest.raises(ConfigError, match="needs sessions after training"):
        monitor(forecaster, prices, start="2020-02-03")
    with pytest.raises(DataError, match="at least 20 forecasts, found 5"):
        monitor(forecaster, prices, start=prices.index[-5].date())


def test_prices_without_training_or_new_sessions_are_told(watched):
    forecaster, returns, _ = watched
    prices = frame(returns)
    last = pd.Timestamp(forecaster.trained_on.last)
    with pytest.raises(NotEnoughHistory, match="in the training range, to compare"):
        monitor(forecaster, prices.loc[last:], start=prices.index[-30].date())
    test_end = pd.Timestamp(forecaster.config.evaluation.end)
    with pytest.raises(NoDataInRange, match="Fetch newer ones, or give --start"):
        monitor(forecaster, prices.loc[:test_end])
