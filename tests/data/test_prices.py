import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.calendar import sessions_between
from forecaster.data.prices import PRICE_COLUMNS, check_prices, prices_fingerprint
from forecaster.errors import ConfigError, InvalidPrices

TUESDAY, SATURDAY = 1, 5


def make_prices(n_sessions=20, *, first="2017-01-03", calendar="XNYS"):
    index = sessions_between(first, "2019-12-31", calendar)[:n_sessions]
    close = 100.0 + np.arange(len(index))
    columns = {
        "open": close,
        "high": close + 1.0,
        "low": close - 1.0,
        "close": close,
        "adj_close": close / 2,
        "volume": np.full(len(index), 1e6),
    }
    return pd.DataFrame(columns, index=index)


def kinds(frame, **options):
    return [issue.kind for issue in check_prices(frame, "GOOG", **options)[1]]


def test_good_prices_pass_without_issue_and_unchanged():
    frame = make_prices()
    before = frame.copy()
    prices, issues = check_prices(frame, "GOOG")
    assert issues == ()
    pd.testing.assert_frame_equal(prices, before)
    prices.iloc[0, 0] = -1.0
    pd.testing.assert_frame_equal(frame, before)


def test_canonical_form():
    frame = make_prices(5)[["volume", "close"]].astype({"volume": "int64"})
    frame["dividends"] = "none"
    frame.index = frame.index.tz_localize("America/New_York").rename("Date")
    prices, _ = check_prices(frame, "GOOG")
    assert list(prices.columns) == ["close", "volume"]
    assert set(prices.dtypes) == {np.dtype("float64")}
    assert prices.index.equals(make_prices(5).index)
    assert prices.index.name == "session"
    assert prices.index.dtype == "datetime64[us]"


def edited(column, value, row=3):
    frame = make_prices()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "parts"),
    [
        ([1, 2], ["DataFrame", "list"]),
        (make_prices().drop(columns="close"), ["no column `close`", "adj_close"]),
        (make_prices().reset_index(drop=True), ["must hold dates", "set_index"]),
        (make_prices().iloc[:0], ["no rows"]),
        (make_prices().iloc[::-1], ["must increase", "2017-01-30", "Sort"]),
        (
            pd.concat([make_prices(), make_prices().iloc[[4]]]).sort_index(),
            ["several rows for 2017-01-09", "Keep one"],
        ),
        (edited("close", np.nan), ["close", "missing on 2017-01-06", "Correct"]),
        (edited("open", np.nan), ["open", "missing on 2017-01-06"]),
        (edited("adj_close", np.inf), ["adj_close", "inf on 2017-01-06"]),
        (edited("low", 0.0), ["low is 0 on 2017-01-06"]),
        (edited("close", -3.5), ["close is -3.5 on 2017-01-06"]),
        (edited("volume", -1.0), ["volume is -1 on 2017-01-06"]),
        (edited("volume", np.inf), ["volume is inf"]),
        (edited("high", 101.0), ["high is below low", "2017-01-06", "high 101"]),
        (edited("open", 150.0), ["open is not between", "open 150", "2017-01-06"]),
        (edited("close", 104.5), ["close is not between", "close 104.5"]),
        (make_prices().astype({"close": str}).replace("100.0", "x"), ["numbers"]),
    ],
)
def test_contradictions_are_refused(frame, parts):
    with pytest.raises(InvalidPrices) as caught:
        check_prices(frame, "GOOG")
    for part in ["GOOG: ", *parts]:
        assert part in str(caught.value)


def said_of(frame, **options):
    with pytest.raises(InvalidPrices) as caught:
        check_prices(frame, "BTC-USD", **options)
    return str(caught.value)


def test_weekend_rows_are_refused_with_their_cure():
    frame = make_prices(12, calendar="24/7")
    said = said_of(frame)
    assert "2017-01-07, 2017-01-08 and" not in said
    assert "2017-01-07, 2017-01-08, 2017-01-14" in said
    assert "`--calendar 24/7`" in said
    assert 'data.calendar = "24/7"' in said
    assert kinds(frame, calendar="24/7") == []


def test_prices_of_some_weekends_are_not_called_those_of_every_day():
    frame = make_prices(60, calendar="24/7")
    without_saturdays = frame[frame.index.day_of_week != SATURDAY]
    stray = pd.concat([make_prices(60), frame.iloc[[4]]]).sort_index()
    for prices in (without_saturdays, stray):
        said = said_of(prices)
        assert "2017-01-0" in said
        assert "24/7" not in said
        assert "Remove them" in said
    gappy = frame.drop(frame.index[[11, 30]])
    assert "24/7" in said_of(gappy)


@pytest.mark.parametrize("calendar", ["XNYS", "24/7"])
@pytest.mark.parametrize(
    ("frequency", "named"),
    [
        ("W-FRI", "a week"),
        ("14D", "every two weeks"),
        ("ME", "a month"),
        ("BME", "a month"),
        ("QE", "a quarter"),
        ("YE", "a year"),
    ],
)
def test_prices_that_are_not_daily_are_refused(frequency, named, calendar):
    index = pd.date_range("2001-01-05", periods=20, freq=frequency)
    frame = pd.DataFrame({"close": np.arange(1.0, 21.0)}, index=index)
    said = said_of(frame, calendar=calendar)
    assert f"one row {named}," in said
    assert "Give daily prices" in said


def test_long_gaps_between_daily_prices_are_reported_alone():
    frame = make_prices(100)
    halves = pd.concat([frame.iloc[:20], frame.iloc[70:]])
    assert kinds(halves) == ["missing_sessions"]


def test_dates_that_repeat_are_named_once_each():
    frame = make_prices()
    thrice = frame.iloc[np.repeat(np.arange(len(frame)), 3)]
    said = said_of(thrice)
    assert "2017-01-03, 2017-01-04, 2017-01-05 and 17 more (20 in all)" in said
    assert "the last of each day" in said
    once = pd.concat([frame, frame.iloc[[4, 4]]]).sort_index()
    assert "several rows for 2017-01-09. Keep one row for each session." in said_of(
        once
    )


def test_many_dates_are_counted():
    frame = make_prices()
    frame["close"] = -1.0
    with pytest.raises(InvalidPrices, match="2017-01-05 and on 17 more"):
        check_prices(frame, "GOOG")


def test_rounding_is_no_contradiction():
    assert kinds(edited("close", 104.0 * (1 + 5e-7))) == []


def test_unreadable_dates_are_refused():
    frame = make_prices(3)
    frame.index = pd.DatetimeIndex(["2017-01-03", pd.NaT, "2017-01-05"])
    with pytest.raises(InvalidPrices, match="1 rows have no date"):
        check_prices(frame, "GOOG")
    frame.index = pd.DatetimeIndex(["1017-01-03", "2017-01-04", "2017-01-05"])
    with pytest.raises(InvalidPrices, match=r"between 1800-01-01 and .*1017-01-03"):
        check_prices(frame, "GOOG")


def test_unknown_calendar_is_a_setting_error():
    with pytest.raises(ConfigError, match="XNYZ"):
        check_prices(make_prices(), "GOOG", calendar="XNYZ")


def test_holiday_rows_are_reported():
    frame = make_prices()
    frame.index = frame.index.where(
        frame.index != "2017-01-17", pd.Timestamp("2017-01-16")
    )
    holiday, missing = check_prices(frame, "GOOG")[1]
    assert (holiday.kind, holiday.sessions) == ("holiday_rows", ("2017-01-16",))
    assert (missing.kind, missing.sessions) == ("missing_sessions", ("2017-01-17",))
    assert "GOOG" in holiday.message and "XNYS has no session" in holiday.message
    assert "1 session is missing: 2017-01-17" in missing.message


def test_a_few_weekly_prices_miss_sessions():
    frame = make_prices(20)
    (issue,) = check_prices(frame[frame.index.day_of_week == TUESDAY], "GOOG")[1]
    assert issue.kind == "missing_sessions"
    assert "and 12 more (15 in all)" in issue.message


@pytest.mark.parametrize("factor", [0.5, 1 / 3, 2.0, 10.0])
def test_split_sized_jump_is_reported_unless_known(factor):
    frame = make_prices()
    frame.iloc[8:, :5] *= factor
    (issue,) = check_prices(frame, "GOOG")[1]
    assert (issue.kind, issue.sessions) == ("jump", ("2017-01-13",))
    assert f"2017-01-13 (ratio {factor * 108 / 107:.4g})" in issue.message
    assert "a split may not be applied" in issue.message
    assert kinds(frame, known_moves={"2017-01-13"}) == []


def test_a_large_real_move_is_no_jump():
    frame = make_prices()
    frame.iloc[8:, :5] *= 0.6
    assert kinds(frame) == []


def test_a_close_that_never_changes_is_reported():
    frame = make_prices(70)[["close"]].assign(close=100.0)
    (issue,) = check_prices(frame, "GOOG")[1]
    assert issue.kind == "constant_close"
    assert "GOOG: close never changes: it is 100 on all 70 dates" in issue.message
    assert len(issue.sessions) == 70
    frame.iloc[-1] = 100.01
    assert kinds(frame) == []
    assert kinds(frame.iloc[:30]) == []  # some still weeks are no fault


def test_missing_and_zero_volume_are_reported():
    frame = make_prices()
    frame.iloc[2, 5] = np.nan
    frame.iloc[4, 5] = 0.0
    (issue,) = check_prices(frame, "GOOG")[1]
    assert issue.kind == "no_volume"
    assert issue.sessions == ("2017-01-05", "2017-01-09")


def test_calendar_that_begins_later_checks_what_it_knows():
    index = pd.bdate_range("1996-12-30", "1997-01-10")
    frame = pd.DataFrame({"close": np.full(len(index), 10.0)}, index=index)
    bounds, holidays = check_prices(frame, "7203", calendar="XTKS")[1]
    assert (bounds.kind, bounds.sessions) == (
        "calendar_bounds",
        ("1996-12-30", "1996-12-31"),
    )
    assert holidays.kind == "holiday_rows"
    assert "1997-01-01" in holidays.sessions


@pytest.mark.parametrize("factor", [2.002, 0.5, 1.5, 20.0])
def test_unadjusted_close_is_recognised_once(factor):
    frame = make_prices(40)
    frame.iloc[:15, 3] *= factor
    (issue,) = check_prices(frame, "GOOG")[1]
    assert issue.kind == "unadjusted_close"
    assert issue.sessions == tuple(frame.index[:15].strftime("%Y-%m-%d"))
    assert f"before {frame.index[15]:%F}" in issue.message
    assert f"{factor:.2f} times" in issue.message
    assert "data.target=open" in issue.message


def test_unadjusted_close_over_the_whole_file():
    frame = make_prices(40)
    frame["close"] *= 2.0
    assert kinds(frame) == ["unadjusted_close"]


def test_unadjusted_close_does_not_hide_other_faults():
    frame = make_prices(40)
    frame.iloc[:15, 3] *= 2.0
    frame.iloc[30, 0] = 500.0
    with pytest.raises(InvalidPrices, match="open is not between"):
        check_prices(frame, "GOOG")
    frame = make_prices(40)
    frame.iloc[:15, 3] *= 2.0
    frame.iloc[30, 3] *= 2.0
    with pytest.raises(InvalidPrices, match="close is not between"):
        check_prices(frame, "GOOG")


@settings(deadline=None)
@given(
    st.lists(st.floats(1.0, 1e4), min_size=2, max_size=30),
    st.sets(st.integers(0, 29), max_size=5),
)
def test_check_is_idempotent(closes, dropped):
    index = sessions_between("2017-01-03", "2019-12-31")[: len(closes)]
    frame = pd.DataFrame({"close": closes, "volume": 0.0}, index=index)
    frame = frame.drop(index=[index[n] for n in dropped if 0 < n < len(closes)])
    once, issues = check_prices(frame, "GOOG")
    twice, again = check_prices(once, "GOOG")
    pd.testing.assert_frame_equal(once, twice)
    assert issues == again


def test_fingerprint_ignores_what_is_not_data():
    prices = make_prices()
    expected = prices_fingerprint(prices)
    other = prices[list(reversed(PRICE_COLUMNS))].copy()
    other.attrs = {"source": "elsewhere"}
    other.index = other.index.as_unit("ns").rename("Date")
    assert prices_fingerprint(other) == expected
    assert len(expected) == 64


def test_fingerprint_of_missing_and_negative_zero():
    one = make_prices(2).assign(volume=[0.0, np.nan])
    two = make_prices(2).assign(volume=[-0.0, -np.nan])
    assert prices_fingerprint(one) == prices_fingerprint(two)


def test_fingerprint_knows_columns_and_dates():
    prices = make_prices(5)
    variants = [
        prices,
        prices.rename(columns={"open": "high", "high": "open"}),
        prices.drop(columns="open"),
        prices.iloc[:4],
        prices.set_axis(make_prices(5, first="2017-02-01").index),
    ]
    assert len({prices_fingerprint(variant) for variant in variants}) == len(variants)


@given(st.integers(0, 19), st.integers(0, 5), st.floats(1e-3, 1e6))
def test_fingerprint_changes_with_any_value(row, column, value):
    prices = make_prices()
    changed = prices.copy()
    changed.iloc[row, column] = value
    same = prices.iloc[row, column] == value
    assert (prices_fingerprint(changed) == prices_fingerprint(prices)) is bool(same)
