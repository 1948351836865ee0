"""Derived features: exact numbers, exact warmups, and nothing from the future."""

import re

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.config.feature_names import CALENDAR_KINDS, KINDS
from forecaster.data.calendar import next_sessions, sessions_between
from forecaster.data.derived import (
    Feature,
    calendar_features,
    derive,
    is_known_ahead,
    parse_feature,
    scale_free,
    warmup,
)
from forecaster.data.indicators import INDICATORS
from forecaster.errors import ConfigError, InvalidPrices

COLUMNS = ["open", "high", "low", "close", "volume"]
LENGTHS = [f"{kind}_{n}" for kind in KINDS if KINDS[kind].length for n in (2, 5, 70)]
EVERY = [*COLUMNS, "rating", *KINDS, *LENGTHS, "OTHER:rsi_3", "OTHER:close"]


@pytest.fixture(scope="module")
def prices(make_prices):
    rows = make_prices(90)
    return rows.assign(rating=np.arange(90) % 5)


@pytest.fixture(scope="module")
def other(make_prices):
    """A companion that lacks some sessions."""
    return make_prices(90, seed=1).drop(next_sessions("2020-02-01", 3))


def one(prices, name, **options):
    return derive(prices, [name], ticker="TEST", **options)[name]


def frame(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame(
        {name: np.array(values, dtype=float) for name, values in columns.items()},
        index=next_sessions("2024-01-01", n).rename("session"),
    )


NAN = np.nan
BY_HAND = [
    ("close", [1, 2, 8, 4]),
    ("log_return", [NAN, np.log(2), np.log(4), -np.log(2)]),
    ("log_return_2", [NAN, NAN, np.log(8), np.log(2)]),
    ("log_return_9", [NAN] * 4),
    ("overnight", [NAN, np.log(1), np.log(2), np.log(0.5)]),
    ("intraday", [np.log(0.5), np.log(2), np.log(2), 0]),
    ("range", [np.log(2), np.log(4), np.log(2), np.log(4)]),
    # Half the distance of two numbers, times the square root of 2.
    ("volatility_2", [NAN, NAN, np.log(2) / 2**0.5, np.log(8) / 2**0.5]),
    ("volume_change", [NAN, -np.log(2), np.log(8), -np.log(2)]),
    ("relative_volume_2", [NAN, -np.log(1.5), np.log(8 / 4.5), -np.log(1.5)]),
    ("distance_2", [NAN, np.log(2 / 1.5), np.log(8 / 5), np.log(4 / 6)]),
    ("obv_change_2", [NAN, NAN, 1, (7 - 3) / 10]),
]


@pytest.mark.parametrize(("name", "wanted"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_numbers_by_hand(name, wanted):
    prices = frame(
        open=[2, 1, 4, 4],
        high=[2, 4, 8, 8],
        low=[1, 1, 4, 2],
        close=[1, 2, 8, 4],
        volume=[1, 0, 7, 3],
    )
    values = one(prices, name)
    assert values.dtype == np.float64
    assert values.index.equals(prices.index)
    np.testing.assert_allclose(values, wanted, rtol=1e-14, atol=1e-15)


def test_indicators_are_those_of_talib(prices):
    high, low, close, volume = (prices[name].to_numpy() for name in COLUMNS[1:])
    upper, _, lower = talib.BBANDS(close, 7)
    balance = talib.OBV(close, volume)
    flow = np.append(np.full(7, np.nan), balance[7:] - balance[:-7])
    wanted = {
        "rsi_7": talib.RSI(close, 7),
        "macd": talib.MACD(close, 12, 26, 9)[2] / close,
        "bollinger_7": (close - lower) / (upper - lower),
        "atr_7": talib.ATR(high, low, close, 7) / close,
        "adx_7": talib.ADX(high, low, close, 7),
        "stochastic_7": talib.STOCHF(high, low, close, 7, 1)[0],
        "cci_7": talib.CCI(high, low, close, 7),
        "mfi_7": talib.MFI(high, low, close, volume, 7),
        "obv_change_7": flow / talib.SUM(volume, 7),
    }
    assert {name.removesuffix("_7") for name in wanted} == {*INDICATORS, "obv_change"}
    rows = derive(prices, list(wanted), ticker="TEST")
    assert list(rows.columns) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(rows[name], values, rtol=1e-12, err_msg=name)
        assert rows[name].notna().any()


@pytest.mark.parametrize("name", EVERY)
def test_values_begin_after_the_warmup_and_never_stop(prices, other, name):
    companions = {"OTHER": other.reindex(prices.index, method="ffill")}
    values = one(prices, name, companions=companions)
    assert list(values.isna()) == [row < warmup([name]) for row in range(len(prices))]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_give_no_value_rather_than_an_error(prices, other, name, n):
    values = one(prices.head(n), name, companions={"OTHER": other})
    assert values.notna().sum() == max(n - warmup([name]), 0)


def test_the_longest_warmup_counts():
    assert warmup([]) == 0
    assert warmup(["close", "rsi_14", "AAPL:adx_14", "log_return"]) == 27


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 89))
def test_later_rows_change_nothing(prices, other, seed, cut):
    whole = derive(prices, EVERY, ticker="TEST", companions={"OTHER": other})
    last = prices.index[cut - 1]
    random = np.random.default_rng(seed)
    changed = [later_changed(rows, last, random) for rows in (prices, other)]
    known = [rows[rows.index <= last] for rows in (prices, other)]
    for own, others in (changed, known):
        rows = derive(own, EVERY, ticker="TEST", companions={"OTHER": others})
        pd.testing.assert_frame_equal(
            rows.iloc[:cut], whole.iloc[:cut], check_exact=True
        )


def later_changed(rows, last, random):
    changed = rows.astype(float)
    later = changed.index > last
    factors = np.exp(random.normal(0, 0.5, (later.sum(), rows.shape[1])))
    changed.loc[later] = changed.loc[later].to_numpy() * factors
    return changed


@pytest.mark.parametrize("name", ["volatility_5", "distance_5", "relative_volume_5"])
def test_windows_forget_what_came_before_them(prices, name):
    late = one(prices.tail(20), name).tail(10)
    pd.testing.assert_series_equal(late, one(prices, name).tail(10), check_exact=True)


@pytest.mark.parametrize("name", [*KINDS, *LENGTHS])
def test_scale_free_features_do_not_know_the_currency(prices, name):
    assert scale_free(name)
    dearer = prices.assign(**{key: prices[key] * 130 for key in COLUMNS[:4]})
    np.testing.assert_allclose(
        one(dearer, name), one(prices, name), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", [*COLUMNS, "adj_close", "rating", "AAPL:close"])
def test_columns_keep_their_unit(name):
    assert not scale_free(name)


def test_prices_are_not_modified(prices, other):
    before = prices.copy()
    derive(prices, EVERY, ticker="TEST", companions={"OTHER": other})
    pd.testing.assert_frame_equal(prices, before, check_exact=True)


def test_a_missing_volume_is_felt_no_longer_than_it_is_looked_back_on(prices):
    gap = prices.copy()
    gap.loc[gap.index[50], "volume"] = np.nan
    names = ["mfi_5", "obv_change_5", "relative_volume_5", "volume_change"]
    rows, whole = (derive(frame, names, ticker="TEST") for frame in (gap, prices))
    for name, n_rows in zip(names, (5, 5, 5, 2), strict=True):
        bad = rows[name].isna() & whole[name].notna()
        assert list(np.flatnonzero(bad)) == list(range(50, 50 + n_rows))
        good = rows[name].notna()
        np.testing.assert_allclose(rows[name][good], whole[name][good], rtol=1e-9)


def test_prices_that_never_move_give_numbers():
    flat = [5.0] * 120
    prices = frame(open=flat, high=flat, low=flat, close=flat, volume=[0.0] * 120)
    rows = derive(prices, list(KINDS), ticker="TEST").iloc[warmup(list(KINDS)) :]
    assert np.isfinite(rows.to_numpy()).all()
    assert set(rows["bollinger"]) == {0.5}


def test_a_companion_is_aligned_by_session(prices, other):
    values = one(prices, "other:log_return", companions={"Other": other})
    own = one(other, "log_return")
    missing = prices.index.difference(other.index)
    assert len(missing) == 3
    np.testing.assert_array_equal(values[other.index], own)
    before = own[own.index < missing[0]].iloc[-1]
    assert set(values[missing]) == {before}


def test_a_companion_that_trades_on_other_days_gives_its_last_value():
    prices, other = frame(close=[1, 2, 3]), frame(close=[1, 2, 4])
    # A day on which only the companion trades.
    other.index = pd.DatetimeIndex(["2024-01-01", "2024-01-03", "2024-01-04"])
    values = one(prices, "OTHER:log_return", companions={"OTHER": other})
    np.testing.assert_allclose(values, [NAN, np.log(2), np.log(2)])


def test_a_companion_that_starts_late_or_stops_has_no_value(prices, make_prices):
    other = make_prices(90).iloc[10:40]
    values = one(prices, "OTHER:close", companions={"OTHER": other})
    assert values.iloc[:10].isna().all()
    assert values.iloc[10:40].notna().all()
    age = values.index - other.index[-1]
    assert list(values.isna())[40:] == list(age > pd.Timedelta(days=14))[40:]


def test_calendar_features_by_hand():
    sessions = sessions_between("2024-03-25", "2024-04-01")
    rows = calendar_features(sessions, CALENDAR_KINDS, before=pd.Timestamp(2024, 3, 22))
    # Good Friday is no session, so that March ends on a Thursday.
    assert rows["month_end"].tolist() == [0, 0, 0, 1, 0]
    assert rows["days_since_last"].tolist() == [2, 0, 0, 0, 3]
    angle = 2 * np.pi * np.array([0, 1, 2, 3, 0]) / 7
    np.testing.assert_allclose(rows["weekday_sin"], np.sin(angle))
    np.testing.assert_allclose(rows["weekday_cos"], np.cos(angle))
    np.testing.assert_allclose(rows["month_sin"], [*[0.75**0.5] * 4, 1])
    np.testing.assert_allclose(rows["month_cos"], [0.5, 0.5, 0.5, 0.5, 0], atol=1e-15)


def test_the_end_of_a_month_is_the_exchange_s():
    days = pd.date_range("2024-03-28", "2024-04-01")
    rows = calendar_features(days, ["month_end"], calendar="24/7")
    assert rows["month_end"].tolist() == [0, 0, 0, 1, 0]


@given(cut=st.integers(1, 88))
def test_calendar_features_are_the_same_before_and_after(prices, cut):
    future = next_sessions(prices.index[cut - 1], 90 - cut)
    ahead = calendar_features(future, CALENDAR_KINDS, before=prices.index[cut - 1])
    past = derive(prices, CALENDAR_KINDS, ticker="TEST").iloc[cut:]
    pd.testing.assert_frame_equal(ahead, past, check_exact=True)


def test_calendar_features_of_no_session():
    rows = calendar_features(next_sessions("2024-01-01", 0), CALENDAR_KINDS)
    assert rows.shape == (0, len(CALENDAR_KINDS))


def test_what_is_known_ahead():
    assert [name for name in KINDS if is_known_ahead(name)] == list(CALENDAR_KINDS)
    assert not is_known_ahead("close")
    assert not is_known_ahead("rating")


@pytest.mark.parametrize(
    ("names", "before", "message"),
    [
        (["month_end", "rsi"], None, "rsi: not known from dates alone"),
        (["month_end"], pd.Timestamp("2024-01-02"), "before 2024-01-02 cannot be"),
    ],
)
def test_calendar_features_refuse(names, before, message):
    with pytest.raises(ConfigError, match=message):
        calendar_features(next_sessions("2024-01-01", 3), names, before=before)


def test_names_are_read():
    assert parse_feature("rsi") == Feature("rsi", None, "rsi", 14)
    assert parse_feature("log_return_5") == Feature(
        "log_return_5", None, "log_return", 5
    )
    brk = parse_feature("brk-b:adj_close")
    assert brk == Feature("brk-b:adj_close", "BRK-B", "column")
    assert brk.columns == ("adj_close",)
    assert parse_feature("rating_7") == Feature("rating_7", None, "column")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rsi-14", "unknown feature 'rsi-14'. Did you mean rsi? Name a column"),
        ("log return", "Did you mean log_return?"),
        ("", "unknown feature ''. Name a column"),
        ("AAPL:", "unknown feature 'AAPL:'"),
        (":close", "'' before the colon cannot be a ticker"),
        ("A:B:close", "'A:B' before the colon cannot be a ticker"),
        ("rsi_1", "wanted 2 to 1000 sessions, got 1. Write for example rsi_14"),
        ("rsi_014", "got 014"),
        ("rsi_" + "9" * 5000, "wanted 2 to 1000 sessions"),
        ("log_return_0", "wanted 1 to 1000 sessions, got 0"),
        ("macd_12", "macd has no length. Write macd."),
        ("AAPL:month_end", "same for every ticker. Write month_end."),
        (14, "named by text, got 14"),
    ],
)
def test_names_that_can_be_nothing(name, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_feature(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("volatilty_10", "no column.* Did you mean volatility_10?"),
        ("ratings", "Did you mean rating?"),
        ("adj_close", "TEST: feature 'adj_close' is no column; the prices have open,"),
        ("words", "`words` is not made of numbers"),
        ("range", "have a column `range`, but that is also"),
    ],
)
def test_columns_that_cannot_be_had(prices, name, message):
    with pytest.raises(InvalidPrices, match=message):
        one(prices.assign(words="x", range=1.0), name)


def test_a_feature_names_the_column_that_it_needs(prices):
    with pytest.raises(InvalidPrices, match="'mfi' needs high; the prices have close"):
        one(prices[["close"]], "mfi")
    with pytest.raises(InvalidPrices, match="OTHER: feature 'OTHER:range' needs high"):
        one(prices, "OTHER:range", companions={"OTHER": prices[["close"]]})


def test_setting_errors(prices):
    with pytest.raises(ConfigError, match="prices of AAPL; companions are: OTHER"):
        one(prices, "AAPL:rsi", companions={"OTHER": prices})
    with pytest.raises(ConfigError, match="companions are: none"):
        one(prices, "AAPL:rsi")
    with pytest.raises(ConfigError, match="'rsi' is named twice"):
        derive(prices, ["rsi", "close", "rsi"], ticker="TEST")
