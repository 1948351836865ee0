from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.calendar import (
    as_day,
    calendar_bounds,
    check_calendar,
    next_sessions,
    session_weekdays,
    sessions_between,
)
from forecaster.errors import ConfigError

DATES = st.dates(date(1990, 1, 1), date(2035, 12, 31))


def iso(sessions):
    return list(sessions.strftime("%Y-%m-%d"))


def test_sessions_skip_weekends_and_holidays():
    assert iso(sessions_between("2016-12-23", "2017-01-03")) == [
        "2016-12-23",
        "2016-12-27",
        "2016-12-28",
        "2016-12-29",
        "2016-12-30",
        "2017-01-03",
    ]


def test_days_of_mourning_and_disaster_have_no_session():
    assert iso(sessions_between("2001-09-10", "2001-09-17")) == [
        "2001-09-10",
        "2001-09-17",
    ]
    assert iso(sessions_between("2025-01-08", "2025-01-10")) == [
        "2025-01-08",
        "2025-01-10",
    ]


def test_sessions_are_naive_microseconds_without_frequency():
    sessions = sessions_between("2017-01-01", "2017-01-31")
    assert sessions.dtype == "datetime64[us]"
    assert sessions.name == "session"
    assert sessions.freq is None


def test_empty_range_has_no_sessions():
    assert len(sessions_between("2017-01-05", "2017-01-04")) == 0
    assert len(sessions_between("2017-01-01", "2017-01-02")) == 0


def test_next_sessions_begin_after_the_date():
    assert iso(next_sessions("2017-12-29", 2)) == ["2018-01-02", "2018-01-03"]
    assert iso(next_sessions("2017-12-30", 1)) == ["2018-01-02"]
    assert len(next_sessions("2017-12-29", 0)) == 0


def test_a_market_that_never_closes():
    assert iso(next_sessions("2023-12-30", 3, "24/7")) == [
        "2023-12-31",
        "2024-01-01",
        "2024-01-02",
    ]
    assert session_weekdays("2020-01-01", "2020-01-02", "24/7") == set(range(7))


def test_dates_before_1990_are_known():
    assert iso(sessions_between("1987-10-16", "1987-10-19")) == [
        "1987-10-16",
        "1987-10-19",
    ]


@given(DATES, st.integers(1, 300))
def test_next_sessions_agree_with_sessions_between(after, n):
    following = next_sessions(after, n)
    assert len(following) == n
    tomorrow = pd.Timestamp(after) + pd.Timedelta(days=1)
    assert following.equals(sessions_between(tomorrow, following[-1]))


@pytest.mark.parametrize(
    ("name", "near"), [("xnys", "XNYS"), ("NASDQ", "NASDAQ"), ("XNYZ", "XNYS")]
)
def test_unknown_calendar_names_near_ones(name, near):
    with pytest.raises(ConfigError, match=f"Did you mean .*{near}"):
        check_calendar(name)


@pytest.mark.parametrize("name", ["zzzzzz", "", None, 7])
def test_nonsense_is_no_calendar(name):
    with pytest.raises(ConfigError, match=r"unknown calendar .*`data\.calendar`"):
        sessions_between("2017-01-01", "2017-01-31", name)


def test_a_calendar_says_where_it_ends():
    assert calendar_bounds("XTKS")[0] == pd.Timestamp("1997-01-01")
    with pytest.raises(ConfigError, match="XTKS knows sessions from 1997-01-01"):
        sessions_between("1990-01-01", "2000-01-01", "XTKS")
    with pytest.raises(ConfigError, match="wanted 1000000000 sessions"):
        next_sessions("2020-01-01", 10**9)


def test_negative_count_is_refused():
    with pytest.raises(ConfigError, match="cannot name -1 sessions"):
        next_sessions("2017-01-01", -1)


@pytest.mark.parametrize(
    "value", ["today", "2016", "03/01/2012", 2016, None, "9999-01-01"]
)
def test_what_is_not_a_date_is_refused(value):
    with pytest.raises(ConfigError, match="Write it as 2016-12-30"):
        as_day(value)


@pytest.mark.parametrize(
    "value",
    ["2016-12-30", date(2016, 12, 30), pd.Timestamp("2016-12-30 23:00-05:00")],
)
def test_a_day_is_a_local_midnight(value):
    assert as_day(value) == pd.Timestamp("2016-12-30")
