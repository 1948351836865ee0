"""Watching a ledger: what has changed is found, and chance is not."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from statsmodels.stats.multitest import multipletests

from forecaster.drift import watch_losses
from forecaster.errors import ConfigError
from forecaster.ledger.pooling import adjust_for_many, pool_losses
from forecaster.ledger.watching import careful_p_value, watch_live
from forecaster.significance import diebold_mariano, ratio_interval

N_DAYS = 200
WIDTH = 1.6448536269514722 * 0.01  # of the central 90% of returns
DAYS = pd.bdate_range("2020-01-01", periods=N_DAYS + 1)


def make_part(
    seed, ticker="GOOG", model="lstm", *, noise=0.0, width=WIDTH, market=0.0, n=N_DAYS
):
    """Make forecasts of returns of 1%, half known, with errors as large again.

    The part that is known is forecast twice over: so the forecast is worth exactly as
    much as last-value, whatever `noise` (n,) does not add to it. `market` is the share
    of the variance that all tickers have in common.
    """
    random, common = np.random.default_rng(seed), np.random.default_rng(12345)
    known = 0.005 * random.normal(0, 1, n)
    rest = np.sqrt(0.01**2 - 0.005**2)
    shared = math.sqrt(market) * common.normal(0, 1, n)
    returns = known + rest * (shared + math.sqrt(1 - market) * random.normal(0, 1, n))
    wrong = np.broadcast_to(noise, n) * random.normal(0, 1, n)
    factors = {0.0: 2 * known + wrong, 0.05: -width, 0.95: width}
    last = 100 * np.exp(np.cumsum(0.01 * random.normal(0, 1, n)))
    rows = [
        pd.DataFrame(
            {
                "origin": DAYS[:n],
                "session": DAYS[1 : n + 1],
                "quantile": level,
                "step": 1,
                "value": last * (1 + change),
                "last_price": last,
                "actual": last * (1 + returns),
            }
        )
        for level, change in factors.items()
    ]
    return pd.concat(rows).assign(ticker=ticker, model=model, target="close")


def watch(*parts):
    newest = {(part["ticker"].iloc[0], "close"): DAYS[-1] for part in parts}
    return watch_live(parts, newest)


RISEN = np.where(np.arange(N_DAYS) < 100, 0.0, 0.03)
NARROW, NARROWER = 0.5 * WIDTH, np.where(np.arange(N_DAYS) < 60, WIDTH, 0.3 * WIDTH)


def test_each_ticker_has_the_verdict_that_it_earns():
    report = watch(
        make_part(1, "CHANGED", width=NARROWER),
        make_part(2, "NARROW", width=NARROW),
        make_part(3, "RISEN", noise=RISEN),
        make_part(4, "STABLE"),
        make_part(5, "USELESS", noise=0.02),
    )
    found = report.tickers.set_index("ticker")
    assert found["state"].to_dict() == {
        "CHANGED": "refit",
        "NARROW": "watch",
        "RISEN": "refit",
        "STABLE": "ok",
        "USELESS": "watch",
    }
    assert report.verdict == "refit"
    assert found.loc["STABLE", "reasons"] == ()
    (narrow,) = found.loc["NARROW", "reasons"]
    share = found.loc["NARROW", "coverage_0.9"]
    assert narrow.startswith(f"{share:.1%} of prices lay in the 90% interval")
    (changed,) = found.loc["CHANGED", "reasons"]
    assert "in the first 60 origins it was 9" in changed
    rise = found.loc["RISEN", "reasons"][0]
    assert "have risen for good" in rise
    assert DAYS[100] <= found.loc["RISEN", "drift_since"] <= DAYS[120]
    assert str(found.loc["RISEN", "drift_since"].date()) in rise
    (useless,) = found.loc["USELESS", "reasons"]
    assert "It loses to repeating the last price: its RMSE is 2." in useless


def test_a_model_is_judged_over_all_its_tickers():
    parts = [make_part(n, f"T{n}", noise=0.01) for n in range(4)]
    parts += [make_part(9, "T9", "gru")]
    report = watch(*parts)
    models = report.models.set_index("model")
    assert models["n_tickers"].to_dict() == {"gru": 1, "lstm": 4}
    assert models["n_origins"].to_dict() == {"gru": N_DAYS, "lstm": N_DAYS}
    assert models["state"].to_dict() == {"gru": "ok", "lstm": "watch"}
    assert "loses to repeating the last price" in models.loc["lstm", "reasons"][0]
    counts = models[["n_ok", "n_watch", "n_refit"]].sum(axis="columns")
    assert counts.to_dict() == {"gru": 1, "lstm": 4}
    lone = report.tickers.set_index("model").loc["gru"]
    for name in ("rmse_ratio", "rmse_ratio_low", "rmse_ratio_high", "p_value"):
        assert models.loc["gru", name] == pytest.approx(lone[name], rel=1e-9)


def test_pooled_skill_is_that_of_the_daily_means():
    """By hand: each ticker in units of its own naive loss, then a mean for each day."""
    random = np.random.default_rng(0)
    quiet, restless = (
        pd.DataFrame(scale * random.chisquare(1, (60, 2)), columns=["own", "naive"])
        for scale in (1.0, 400.0)
    )
    restless = restless.iloc[10:]
    n_tickers, verdict = pool_losses([quiet, restless, quiet.head(19)], horizon=2)
    assert (n_tickers, verdict.n_forecasts) == (2, 60)
    first = quiet / quiet["naive"].mean()
    second = (restless / restless["naive"].mean()).reindex(first.index)
    daily = (first + second.fillna(first)) / 2
    own, naive = (daily[name].to_numpy() for name in ("own", "naive"))
    assert verdict.ratio == pytest.approx(math.sqrt(own.mean() / naive.mean()))
    interval = ratio_interval(own, naive, horizon=2, seed=0)
    assert (verdict.low, verdict.high) == pytest.approx((interval.low, interval.high))
    test = diebold_mariano(own, naive, horizon=2)
    assert verdict.p_value == pytest.approx(test.p_value)


def test_tickers_of_one_day_are_one_fact():
    """Ten copies of a ticker prove no more than one."""
    one = make_part(7, noise=0.005)
    copies = [one.assign(ticker=f"T{n}") for n in range(10)]
    alone, many = (watch(*parts).models.iloc[0] for parts in ([one], copies))
    assert many["n_tickers"] == 10
    for name in ("rmse_ratio", "rmse_ratio_low", "rmse_ratio_high", "p_value"):
        assert many[name] == pytest.approx(alone[name], rel=1e-6)


def test_chance_raises_few_alarms_however_many_tickers():
    """Three ledgers of 40 tickers that share a market, and in which nothing changes."""
    n_false, n_unadjusted = 0, 0
    for world in range(3):
        parts = [make_part(1000 * world + n, f"T{n}", market=0.3) for n in range(40)]
        report = watch(*parts)
        n_false += report.verdict != "ok"
        found = report.tickers
        n_unadjusted += (found["drift_p_value"] < 0.05).sum()
        n_unadjusted += (found["outcome"] == "loses").sum()
        n_unadjusted += (found["coverage_0.9_p_value"] < 0.01).sum()
    assert n_unadjusted >= 6  # two in each ledger
    assert n_false == 0


def test_small_p_values_of_a_rise_are_as_rare_as_they_say():
    random, p_values = np.random.default_rng(0), []
    for _ in range(4000):
        losses = random.standard_t(5, 260)
        alarm = watch_losses(losses[:60], losses[60:])
        p_values.append((alarm.p_value, careful_p_value(alarm.p_value, 1)))
    plain, careful = np.transpose(p_values)
    assert (plain < 0.002).mean() > 0.002
    for level in (0.05, 0.01, 0.002):
        assert (careful < level).mean() <= level
    assert (careful >= plain).all()
    assert math.isnan(careful_p_value(math.nan, 1))


@settings(max_examples=10)  # the other library takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_p_values_are_adjusted_as_holm_says(p_values):
    expected = multipletests(p_values, method="holm")[1]
    found = adjust_for_many(np.array([math.nan, *p_values, math.nan]))
    assert np.isnan(found[[0, -1]]).all()
    assert found[1:-1] == pytest.approx(expected)


def test_nothing_tested_is_nothing_adjusted():
    assert adjust_for_many(np.array([])).shape == (0,)
    assert np.isnan(adjust_for_many(np.full((2, 3), math.nan))).all()


def test_other_models_do_not_weigh_on_a_ticker():
    own = make_part(3, "GOOG", noise=0.004)
    alone = watch(own).tickers
    others = [make_part(n, f"T{n}", "gru") for n in range(5)]
    found = watch(own, *others).tickers
    found = found.loc[found["model"] == "lstm", list(alone)]
    assert_frame_equal(found.reset_index(drop=True), alone)


def test_few_origins_are_told_to_be_few():
    report = watch(make_part(1, n=12, noise=0.5))
    assert report.verdict == "ok"
    expected = ("12 origins are scored: too few to tell.",)
    assert report.tickers["reasons"].item() == expected
    assert report.models["n_tickers"].item() == 0
    assert report.models["reasons"].item()[0].endswith("too few to tell.")


def test_an_empty_ledger_is_ok(small):
    report = small.watch()
    assert report.verdict == "ok"
    assert report.n_scored == 0
    assert report.tickers.empty
    assert report.models.empty
    assert "state" in report.models


def test_point_forecasts_need_no_intervals():
    part = make_part(1)
    report = watch(part.loc[part["quantile"] == 0])
    assert report.verdict == "ok"
    intervals = watch(part.loc[part["quantile"] != 0])
    assert intervals.tickers["coverage_0.9_p_adjusted"].item() > 0.01
    assert intervals.models["n_tickers"].item() == 0


def test_later_prices_change_nothing_of_what_had_come():
    part = make_part(3, noise=RISEN)
    newest = {("GOOG", "close"): DAYS[150]}
    changed = part.copy()
    changed.loc[changed["session"] > DAYS[150], "actual"] *= 1.5
    before, after = (watch_live([rows], newest) for rows in (part, changed))
    assert_frame_equal(before.tickers, after.tickers)
    assert_frame_equal(before.models, after.models)


def test_a_ledger_watches_what_was_stored(ledger, begin, make_rows, price_frame):
    random = np.random.default_rng(0)
    prices = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 201)))
    wrong = 0.0005 + np.where(np.arange(200) < 80, 0.0, 0.05)
    for ticker, change in (("AAPL", 0.0005), ("GOOG", wrong)):
        rows = make_rows(begin(ledger), prices[:-1], factors={0.0: 1.0}, ticker=ticker)
        ledger.write(rows.assign(value=prices[:-1] * (1 + change)))
        ledger.add_actuals(ticker, price_frame(prices))
    report = ledger.watch()
    assert report.tickers["state"].tolist() == ["ok", "refit"]
    assert report.n_scored == 400
    assert ledger.watch(tickers=["aapl"]).verdict == "ok"
    assert ledger.watch(model="none").tickers.empty
    scores = ledger.score()
    assert_frame_equal(report.tickers[list(scores)], scores)
    with pytest.raises(ConfigError):
        ledger.score(step=0)


def test_the_forecasts_before_a_refit_can_be_left_out(
    ledger, begin, make_rows, price_frame, days
):
    """A hundred good ones, sixty bad ones, and good ones again."""
    random = np.random.default_rng(0)
    prices = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 301)))
    bad = (np.arange(300) >= 100) & (np.arange(300) < 160)
    wrong = np.where(bad, 0.05, 0.0005)
    rows = make_rows(begin(ledger), prices[:-1], factors={0.0: 1.0})
    ledger.write(rows.assign(value=prices[:-1] * (1 + wrong)))
    ledger.add_actuals("GOOG", price_frame(prices))
    assert ledger.watch().verdict == "refit"
    later = ledger.watch(since=days[160].date())
    assert later.verdict == "ok"
    assert later.n_scored == 140


def test_models_that_no_longer_forecast_are_not_watched(
    ledger, begin, make_rows, price_frame
):
    prices = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 101)))
    for model, n, factor in (("old@1", 79, 1.05), ("new@2", 100, 1.0)):
        rows = make_rows(begin(ledger, model), prices[:n], factors={0.0: factor})
        ledger.write(rows.assign(model=model))
    ledger.add_actuals("GOOG", price_frame(prices))
    report = ledger.watch()
    assert report.idle == ("old@1",)
    assert [*report.models["model"]] == ["new@2"]
    assert report.verdict == "ok"
    # Whoever asks for it is told.
    assert ledger.watch(model="old@1").verdict == "watch"
