"""Trades are counted to the cent, know nothing of later, and luck is called luck."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from forecaster.accounts import drawdown
from forecaster.errors import ConfigError, DataError, ForecastWarning
from forecaster.intervals import (
    correlation_interval,
    difference_intervals,
    sharpe_interval,
)
from forecaster.trading import trade, trade_rules
from forecaster.trading_rules import Rule


def forecasts_of(moves, foretold, ticker=None):
    """Rows of step 1: simple returns that came, and those that were forecast."""
    moves, foretold = np.asarray(moves, float), np.asarray(foretold, float)
    prices = 100 * np.cumprod(np.concatenate([[1.0], 1 + moves]))
    days = pd.bdate_range("2020-01-01", periods=len(prices))
    rows = pd.DataFrame(
        {
            "origin": days[:-1],
            "session": days[1:],
            "step": 1,
            "actual": prices[1:],
            "predicted": prices[:-1] * (1 + foretold),
            "last_value": prices[:-1],
        }
    )
    return rows if ticker is None else rows.assign(ticker=ticker)


def noise(seed, n=250):
    """Returns of a market without drift, and forecasts that know nothing."""
    random = np.random.default_rng(seed)
    return random.normal(0, 0.01, n), random.normal(0, 0.003, n)


def test_a_week_by_hand():
    rows = forecasts_of([0.1, -0.2, 0.05, 0.0, -0.1], [0.01, 0.01, -0.01, 0.0, -0.01])
    result = trade(rows, costs=10)
    # Long, long, short, cash, short: turnover 1, 0, 2, 1, 1 at a thousandth each.
    gained = [0.1 - 0.001, -0.2, -0.05 - 0.002, -0.001, 0.1 - 0.001]
    assert result.returns["strategy"].tolist() == pytest.approx(gained)
    capital = 1.099 * 0.8 * 0.948 * 0.999 * 1.099
    assert result.curve["strategy"].iloc[-1] == pytest.approx(capital)
    assert result.positions["price"].tolist() == [1, 1, -1, 0, -1]
    row = result.table.loc["strategy"]
    assert row["turnover"] == pytest.approx(5 * 252 / 5)
    assert (row["n_trades"], row["hit_rate"]) == (4, 0.5)
    assert row["max_drawdown"] == pytest.approx(1 - 0.8 * 0.948 * 0.999)
    held = result.table.loc["buy_and_hold"]
    assert held["total_return"] == pytest.approx(1.099 * 0.8 * 1.05 * 0.9 - 1)
    assert (held["n_trades"], held["hit_rate"]) == (1, 0.5)
    assert result.table.loc["cash", "total_return"] == 0
    assert result.outcome == "too_few"
    assert "in 5 sessions" in result.sentence


def test_long_only_holds_cash_instead_of_short():
    rows = forecasts_of([0.1, -0.2, 0.05], [0.01, -0.01, 0.01])
    result = trade(rows, rule="long_only", costs=0)
    assert result.positions["price"].tolist() == [1, 0, 1]
    assert result.curve["strategy"].tolist() == pytest.approx([1, 1.1, 1.1, 1.155])


def test_foresight_earns_every_move_less_costs():
    moves, _ = noise(0)
    result = trade(forecasts_of(moves, moves), costs=5)
    turnover = np.abs(np.diff(np.sign(moves), prepend=0)).sum()
    earned = np.abs(moves).sum() - 0.0005 * turnover
    assert result.returns["strategy"].sum() == pytest.approx(earned)
    assert result.table.loc["strategy", "hit_rate"] == 1
    assert result.outcome == "beats"
    assert "more than noise" in result.sentence
    assert trade(forecasts_of(moves, -moves)).outcome == "loses"


@pytest.mark.parametrize("rule", ["sign", "long_only", "threshold", "scaled"])
def test_last_value_never_trades(rule):
    moves, _ = noise(0)
    result = trade(forecasts_of(moves, 0 * moves), rule=rule)
    row = result.table.loc["strategy"]
    assert (row["total_return"], row["n_trades"], row["turnover"]) == (0, 0, 0)
    assert np.isnan(row["sharpe"])
    assert np.isnan(row["hit_rate"])
    assert result.outcome == "idle"
    assert "never took a position" in result.sentence


def test_a_threshold_is_open_and_close_times_the_multiple():
    rows = forecasts_of([0.01] * 4, [0.0011, 0.0009, -0.0011, -0.0009])
    assert trade(rows, rule="threshold").positions["price"].tolist() == [1, 0, -1, 0]
    twice = trade(rows, rule=Rule("threshold", multiple=2))
    assert not twice.positions.to_numpy().any()


def test_a_threshold_can_be_the_spread_of_the_forecast():
    rows = forecasts_of([0.01] * 3, [0.02, 0.01, -0.02])
    rows["q0.05"] = rows["predicted"] - 0.015 * rows["last_value"]
    rows["q0.5"] = rows["predicted"]
    rows["q0.95"] = rows["predicted"] + 0.015 * rows["last_value"]
    rule = Rule("threshold", beyond="spread")
    assert trade(rows, rule=rule).positions["price"].tolist() == [1, 0, -1]
    with pytest.raises(ConfigError, match="needs forecast quantiles"):
        trade(rows.drop(columns=["q0.05", "q0.95"]), rule=rule)


def test_scaled_positions_are_the_forecast_over_the_volatility_known_before():
    moves, foretold = noise(0, 40)
    result = trade(forecasts_of(moves, foretold), rule=Rule("scaled", n_sessions=10))
    held = result.positions["price"].to_numpy()
    assert not held[:5].any()
    expected = foretold[30] / moves[20:30].std(ddof=1)
    assert held[30] == pytest.approx(np.clip(expected, -1, 1))
    assert np.abs(held).max() <= 1


def test_a_direction_head_trades_by_its_probability():
    rows = forecasts_of([0.01] * 3, [0.0] * 3).assign(probability_up=[0.6, 0.4, 0.5])
    assert trade(rows).positions["price"].tolist() == [1, -1, 0]
    with pytest.raises(ConfigError, match="Use `sign` or `long_only`"):
        trade(rows, rule="scaled")


@given(
    seed=st.integers(0, 10_000),
    costs=st.lists(st.floats(0, 500), min_size=2, max_size=2).map(sorted),
    rule=st.sampled_from(["sign", "long_only", "scaled"]),
)
@hypothesis_settings(max_examples=25)
def test_costs_only_ever_take(seed, costs, rule):
    rows = forecasts_of(*noise(seed, 20))
    cheap, dear = (trade(rows, rule=rule, costs=one) for one in costs)
    assert np.all(cheap.curve["strategy"] >= dear.curve["strategy"] - 1e-12)
    assert cheap.positions.equals(dear.positions)


@pytest.mark.parametrize("rule", ["sign", "long_only", "threshold", "scaled"])
def test_later_rows_change_nothing_earlier(rule):
    moves, foretold = noise(1, 60)
    rows = pd.concat(
        [forecasts_of(moves, foretold, "A"), forecasts_of(*noise(2, 60), "B")],
        ignore_index=True,
    )
    before = trade(rows, rule=rule)
    cut = rows["session"].sort_values().iloc[80]
    changed = rows.copy()
    later = changed["session"] > cut
    changed.loc[later, "actual"] *= 1.3
    changed.loc[later, "predicted"] *= 0.8
    changed.loc[changed["session"] == cut, "actual"] *= 1.2
    after = trade(changed, rule=rule)
    # The position of the cut session is taken before its price is known.
    assert after.positions[:cut].equals(before.positions[:cut])
    assert after.curve[:cut].iloc[:-1].equals(before.curve[:cut].iloc[:-1])
    assert not after.curve.equals(before.curve)


def test_rows_may_come_in_any_order_and_other_steps_are_left_out():
    rows = forecasts_of(*noise(3, 40), "A")
    more = pd.concat([rows, rows.assign(step=2, actual=1.0)], ignore_index=True)
    shuffled = more.sample(frac=1, random_state=0)
    assert trade(shuffled).to_dict() == trade(rows).to_dict()


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30))
@hypothesis_settings(max_examples=50)
def test_drawdown_is_the_worst_of_all_pairs(values):
    worst = max(1 - low / high for i, high in enumerate(values) for low in values[i:])
    assert drawdown(pd.Series(values)).max() == pytest.approx(worst, abs=1e-12)


def test_coin_flips_are_noise_about_nineteen_times_in_twenty():
    outcomes = [
        trade(forecasts_of(*noise(seed)), costs=0).outcome for seed in range(150)
    ]
    assert 0.90 <= outcomes.count("noise") / 150 <= 0.985


def test_noise_is_called_so():
    result = trade(forecasts_of(*noise(0)), costs=0)
    assert result.outcome == "noise"
    assert "is not told apart from noise (95% interval" in result.sentence
    assert result.mean_difference.includes(0)


@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_the_sharpe_interval_covers_the_truth(phi):
    n_sessions, n_series, mean = 500, 600, 0.05
    random = np.random.default_rng(0)
    shocks = random.standard_t(5, (n_series, n_sessions)) / np.sqrt(5 / 3)
    series = shocks.copy()
    for place in range(1, n_sessions):
        series[:, place] += phi * series[:, place - 1]
    truth = mean * np.sqrt(252)
    returns = mean + series * np.sqrt(1 - phi**2)
    found = [sharpe_interval(one) for one in returns]
    covered = np.mean([each.includes(truth) for each in found])
    assert 0.91 < covered < 0.97


def test_the_sharpe_interval_is_lo_when_returns_are_normal():
    returns = 0.1 + np.random.default_rng(1).normal(0, 1, 200_000)
    found = sharpe_interval(returns)
    ratio = returns.mean() / returns.std(ddof=1)
    assert found.estimate == pytest.approx(ratio * np.sqrt(252))
    reach = 1.96 * np.sqrt((1 + ratio**2 / 2) / len(returns)) * np.sqrt(252)
    assert found.high - found.estimate == pytest.approx(reach, rel=0.03)


def test_the_correlation_interval_is_fishers_when_both_are_normal():
    random = np.random.default_rng(2)
    first = random.normal(0, 1, 100_000)
    second = 0.6 * first + 0.8 * random.normal(0, 1, 100_000)
    found = correlation_interval(first, second)
    centre, reach = np.arctanh(found.estimate), 1.96 / np.sqrt(100_000)
    assert found.high == pytest.approx(np.tanh(centre + reach), abs=2e-4)
    assert found.low == pytest.approx(np.tanh(centre - reach), abs=2e-4)


def test_the_difference_of_means_is_as_unsure_as_its_standard_error():
    first, second = np.random.default_rng(3).normal(0, 0.01, (2, 2000))
    mean, sharpe = difference_intervals(first, second)
    error = 252 * (first - second).std() / np.sqrt(2000)
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert mean.estimate == pytest.approx(252 * (first.mean() - second.mean()))
    both = sharpe_interval(first).estimate - sharpe_interval(second).estimate
    assert sharpe.estimate == pytest.approx(both)
    assert sharpe.low < sharpe.estimate < sharpe.high
    assert difference_intervals(first, second)[0] == mean
    assert difference_intervals(first, second, seed=1)[0] != mean


def test_more_rules_tried_widen_the_interval():
    rows = forecasts_of(*noise(0))
    alone = trade(rows)
    several = trade_rules(rows, ["sign", "long_only", Rule("threshold", multiple=2)])
    assert list(several) == ["sign", "long_only", "threshold 2 x costs"]
    tried = several["sign"]
    assert tried.mean_difference.level == pytest.approx(1 - 0.05 / 3)
    assert tried.mean_difference.low < alone.mean_difference.low
    assert tried.mean_difference.high > alone.mean_difference.high
    assert "widened for 3 rules" in tried.sentence
    assert "widened" not in alone.sentence
    assert tried.curve.equals(alone.curve)


def test_tickers_start_with_equal_shares():
    first, second = noise(0, 40), noise(1, 40)
    rows = pd.concat([forecasts_of(*first, "A"), forecasts_of(*second, "B")])
    both = trade(rows)
    alone = [trade(forecasts_of(*each)) for each in (first, second)]
    mean = sum(each.curve for each in alone) / 2
    pd.testing.assert_frame_equal(both.curve, mean, check_freq=False)
    trades = [each.table.loc["strategy", "n_trades"] for each in alone]
    assert both.table.loc["strategy", "n_trades"] == sum(trades)
    assert list(both.positions) == ["A", "B"]


def test_a_session_that_a_ticker_lacks_leaves_it_as_it_was():
    rows = forecasts_of([0.1, 0.1, 0.1], [1, 1, 1], "A")
    gap = forecasts_of([0.2, 0.0, -0.5], [1, 1, -1], "B").drop(index=1)
    result = trade(pd.concat([rows, gap]), costs=100)
    a = np.cumprod([1 + 0.1 - 0.01, 1.1, 1.1])
    b = np.cumprod([1 + 0.2 - 0.01, 1, 1 + 0.5 - 0.02])
    assert result.curve["strategy"].tolist() == pytest.approx([1, *((a + b) / 2)])
    assert result.positions["B"].tolist() == [1, 1, -1]
    held = np.cumprod([1.19, 1, 0.5])
    assert result.curve["buy_and_hold"].tolist() == pytest.approx(
        [1, *((a + held) / 2)]
    )
    # Nothing is held of a ticker before its first row, and no cost is paid.
    late = trade(pd.concat([rows, gap.iloc[1:]]), costs=100)
    assert late.curve["buy_and_hold"].iloc[2] == pytest.approx((a[1] + 1) / 2)


def test_a_short_that_is_wiped_out_stays_so():
    result = trade(forecasts_of([1.5, -0.5, -0.5], [-1, -1, -1]), costs=0)
    assert result.curve["strategy"].tolist() == [1, 0, 0, 0]
    assert result.returns["strategy"].tolist() == [-1, 0, 0]
    assert result.table.loc["strategy", "max_drawdown"] == 1


def test_it_is_plain_json():
    facts = trade(forecasts_of(*noise(0, 40)), rule="scaled").to_dict()
    again = json.loads(json.dumps(facts, allow_nan=False))
    assert again == facts
    assert again["n_sessions"] == 40
    assert again["table"]["cash"]["sharpe"] is None
    assert again["rule"]["kind"] == "scaled"


def test_a_price_that_cannot_be_traded_is_warned_of():
    rows = forecasts_of(*noise(0, 40))
    with pytest.warns(ForecastWarning, match="`high`, which cannot be traded"):
        trade(rows, target="high")
    trade(rows, target="adj_close")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="last_value"), "lack the columns last_value"),
        (lambda rows: rows.assign(step=2), "no row of step 1"),
        (lambda rows: rows.assign(actual=np.nan), "none missing"),
        (lambda rows: pd.concat([rows, rows]), "session of a ticker once"),
        (lambda rows: rows.assign(origin=rows["session"]), "before its session"),
    ],
)
def test_rows_that_cannot_be_traded_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        trade(change(forecasts_of(*noise(0, 40))))


def test_settings_out_of_range_are_refused():
    rows = forecasts_of(*noise(0, 40))
    for wrong in ({"costs": -1}, {"level": 1}, {"n_tried": 0}):
        with pytest.raises(ConfigError, match="need costs of 0"):
            trade(rows, **wrong)
    with pytest.raises(ConfigError, match="unknown rule 'best'"):
        trade(rows, rule="best")
    with pytest.raises(ConfigError, match="multiple above 0"):
        Rule("threshold", multiple=0)
