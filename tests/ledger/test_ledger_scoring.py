"""Scores: of forecasts that were written down before their prices came."""

import math

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import binomtest

from forecaster.ledger.schema import scores
from forecaster.ledger.scoring import N_REFERENCE, score_table
from forecaster.metrics import pinball, rmse

NOT_SCORED = ["n_open"]


def walk(n, seed=0):
    random = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(random.normal(0, 0.01, n)))


@pytest.fixture
def scored(small, begin, make_rows, price_frame):
    """Write forecasts, and the first `n_known` prices; return the only score."""

    def score(prices, n_known=None, **more):
        options = {name: more.pop(name) for name in ("step", "keep") if name in more}
        horizon = more.get("horizon", 1)
        origins = prices[: len(prices) - horizon]
        small.write(make_rows(begin(small), origins, **more))
        small.add_actuals("GOOG", price_frame(prices[:n_known]))
        return small.score(**options).iloc[0]

    return score


def test_scores_by_hand(scored, days):
    """Forecasts are 1% above 100, 110 and 99; the prices are 110, 99 and 99."""
    found = scored([100, 110, 99, 99], factors={0.0: 1.01})
    own = np.array([0.09, 1.01 - 0.9, 0.01])
    naive = np.array([0.10, 0.10, 0.0])
    assert found["rmse"] == pytest.approx(math.sqrt((own**2).mean()))
    assert found["mae"] == pytest.approx(own.mean())
    assert found["mae_ratio"] == pytest.approx(own.mean() / naive.mean())
    ratio = math.sqrt((own**2).sum() / (naive**2).sum())
    assert found["rmse_ratio"] == pytest.approx(ratio)
    assert (found["n_origins"], found["n_open"]) == (3, 0)
    assert (found["first"], found["through"]) == (days[0], days[3])
    assert math.isnan(found["p_value"])  # three forecasts prove nothing
    assert found["outcome"] == "ties"


def test_last_value_is_as_good_as_itself(scored):
    found = scored(walk(40), factors={0.0: 1.0}, horizon=3)
    assert found["rmse_ratio"] == found["mae_ratio"] == 1
    assert found["outcome"] == "ties"


def test_a_forecast_that_knows_better_beats_last_value(
    small, begin, make_rows, price_frame
):
    prices = walk(101)
    rows = make_rows(begin(small), prices[:-1], factors={0.0: 1.0})
    small.write(rows.assign(value=(prices[:-1] + prices[1:]) / 2))
    small.add_actuals("GOOG", price_frame(prices))
    found = small.score().iloc[0]
    assert found["rmse_ratio"] == pytest.approx(0.5)
    assert found["outcome"] == "beats"
    assert found["p_value"] < 0.001
    assert found["rmse_ratio_low"] <= 0.5 <= found["rmse_ratio_high"] < 1


def test_errors_are_shares_of_the_price_at_the_origin(scored):
    prices = walk(30)
    found = scored(prices, factors={0.0: 1.01})
    actual = prices[1:] / prices[:-1]
    assert found["rmse"] == pytest.approx(rmse(actual, np.full(29, 1.01)))


def test_pinball_and_coverage(scored):
    prices, levels = walk(61), (0.05, 0.25, 0.5, 0.75, 0.95)
    factors = dict(zip(levels, (0.985, 0.995, 1.0, 1.005, 1.015), strict=True))
    found = scored(prices, factors=factors)
    returns = (prices[1:] / prices[:-1])[:, None]
    quantiles = np.broadcast_to(list(factors.values()), (60, 1, 5))
    assert found["pinball"] == pytest.approx(pinball(returns, quantiles, levels))
    for level, width in ((0.9, 0.015), (0.5, 0.005)):
        inside = np.abs(returns - 1) <= width
        assert found[f"coverage_{level}"] == pytest.approx(inside.mean())
        p_value = binomtest(int(inside.sum()), 60, level).pvalue
        # Fewer trials, if neighbours depend on each other.
        assert found[f"coverage_{level}_p_value"] >= p_value - 1e-12
    assert math.isnan(found["rmse"])  # there is no point forecast
    assert "coverage_0" not in found.index


def test_coverage_of_few_prices_has_no_p_value(scored):
    found = scored(walk(20))
    assert 0 <= found["coverage_0.8"] <= 1
    assert math.isnan(found["coverage_0.8_p_value"])


def test_an_origin_counts_when_all_its_sessions_have_passed(scored, small):
    found = scored([100, 101, 102, 103, 104], n_known=3, horizon=2)
    assert (found["n_origins"], found["n_open"]) == (1, 2)
    one = small.score(step=1).iloc[0]
    assert (one["n_origins"], one["n_open"]) == (2, 1)


def test_forecasts_without_any_price_are_waited_for(small, begin, make_rows):
    small.write(make_rows(begin(small), [100, 101]))
    found = small.score(keep=True).iloc[0]
    assert (found["n_origins"], found["n_open"]) == (0, 2)
    assert math.isnan(found["rmse_ratio"])
    assert pd.isna(found["through"])


def test_an_empty_ledger_has_no_scores(small):
    assert small.score().empty
    assert small.score(keep=True)["ticker"].tolist() == []


def test_a_session_that_was_not_held_is_not_waited_for(
    small, begin, make_rows, price_frame, days
):
    small.write(make_rows(begin(small), [100, 101, 102], factors={0.0: 1.0}, horizon=2))
    small.add_actuals("GOOG", price_frame([100, 101, 102, 103, 104]).drop(days[2]))
    found = small.score().iloc[0]
    # The third origin has no price, so nothing can be said of it.
    assert (found["n_origins"], found["n_open"]) == (2, 1)
    assert found["mae"] == pytest.approx((0.01 + 2 / 101) / 2)


def test_losses_that_stay_as_they_were_are_no_drift(scored):
    found = scored(walk(161), factors={0.0: 1.0005})
    assert pd.isna(found["drift_since"])
    assert found["drift_p_value"] > 0.05


def test_few_origins_are_not_watched(scored):
    assert math.isnan(scored(walk(N_REFERENCE + 1))["drift_p_value"])


def test_the_drift_begins_where_the_losses_rise(
    small, begin, make_rows, price_frame, days
):
    prices = walk(161)
    rows = make_rows(begin(small), prices[:-1], factors={0.0: 1.0})
    random = np.random.default_rng(1)
    wrong = np.where(np.arange(160) < 100, 0.002, 0.05) * random.normal(0, 1, 160)
    small.write(rows.assign(value=rows["last_price"] * (1 + wrong)))
    small.add_actuals("GOOG", price_frame(prices))
    found = small.score().iloc[0]
    assert days[100] <= found["drift_since"] <= days[115]
    assert found["drift_p_value"] < 0.01


def test_later_prices_change_no_earlier_score(small, begin, make_rows, price_frame):
    prices = walk(130)
    small.write(make_rows(begin(small), prices[:100], horizon=2))
    small.add_actuals("GOOG", price_frame(prices[:90]))
    before = small.score(keep=True)
    stored = read_scores(small)
    # More forecasts wait, and prices that no scored forecast is about come in.
    small.write(make_rows(begin(small), prices[:120], horizon=2))
    assert_frame_equal(
        small.score().drop(columns=NOT_SCORED), before.drop(columns=NOT_SCORED)
    )
    small.add_actuals("GOOG", price_frame(np.append(prices[:90], walk(40, 5))))
    later = small.score(keep=True)
    assert later["n_origins"].item() > before["n_origins"].item()
    kept = read_scores(small)
    assert {key: kept[key] for key in stored} == stored


def read_scores(ledger):
    with ledger._engine.connect() as connection:
        rows = connection.execute(sa.select(scores)).all()
    return {tuple(row[:-1]): row.value for row in rows}


def test_scores_are_kept_by_the_last_session_and_the_step(
    ledger, begin, make_rows, price_frame
):
    prices = walk(30)
    ledger.write(make_rows(begin(ledger), prices[:28], horizon=2))
    ledger.add_actuals("GOOG", price_frame(prices))
    found = ledger.score(keep=True).iloc[0]
    once = read_scores(ledger)
    ledger.score(keep=True)
    assert read_scores(ledger) == once
    key = ("GOOG", "lstm", 0, found["through"].date())
    for metric in ("n_origins", "rmse_ratio", "coverage_0.8", "p_value", "pinball"):
        assert once[(*key, metric)] == found[metric]
    assert (*key, "drift_p_value") not in once  # too few forecasts for that
    ledger.score(keep=True, step=2)
    assert {name[2] for name in read_scores(ledger)} == {0, 2}


def test_each_ticker_and_model_has_its_own_score(ledger, begin, make_rows, price_frame):
    first, second = begin(ledger), begin(ledger, "gru")
    prices = [100, 102, 101, 103]
    for ticker in ("AAPL", "GOOG"):
        ledger.write(make_rows(first, prices[:3], ticker=ticker))
        ledger.write(make_rows(second, prices[:2], ticker=ticker, model="gru"))
    ledger.add_actuals("GOOG", price_frame(prices))
    found = ledger.score().set_index(["ticker", "model"])
    assert found["n_origins"].to_dict() == {
        ("AAPL", "gru"): 0,
        ("AAPL", "lstm"): 0,
        ("GOOG", "gru"): 2,
        ("GOOG", "lstm"): 3,
    }
    assert len(ledger.score(tickers=["goog"], model="gru")) == 1


@settings(max_examples=25)
@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 5))
def test_the_currency_of_the_prices_does_not_matter(factor, seed):
    prices = walk(30, seed)
    rows = pd.DataFrame(
        {
            "ticker": "GOOG",
            "model": "lstm",
            "target": "close",
            "origin": pd.date_range("2020-01-01", periods=29),
            "session": pd.date_range("2020-01-02", periods=29),
            "quantile": 0.0,
            "step": 1,
            "value": prices[:-1] * 1.001,
            "last_price": prices[:-1],
            "actual": prices[1:],
        }
    )
    newest = {("GOOG", "close"): rows["session"].max()}
    scaled = rows.copy()
    scaled[["value", "last_price", "actual"]] *= factor
    names = ["rmse", "mae", "rmse_ratio", "mae_ratio", "p_value"]
    found = score_table([scaled], newest)[names]
    assert_frame_equal(found, score_table([rows], newest)[names], rtol=1e-6)
