"""Surprises: exact numbers by hand, on the right sessions, and none from later ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.calendar import sessions_between
from forecaster.data.derived import derive
from forecaster.data.surprises import surprise

GREATEST = np.log(12) + np.log(8) + 2 * np.log(6)
DUE = ["surprise_due", "surprise_due_near", "surprise_due_week"]
WEIGHTS = {91: 0.5, 182: 0.3, 273: 0.3, 364: 1.0, 728: 0.5, 1092: 0.3}


def calm(first, last):
    """Return prices that move 1% a session, 0.2% of it overnight, on equal volume."""
    sessions = sessions_between(first, last).rename("session")
    move = np.where(np.arange(len(sessions)) % 2, 0.01, -0.01)
    close = 100 * np.exp(np.cumsum(move))
    return pd.DataFrame(
        {"open": close * np.exp(-0.8 * move), "close": close, "volume": 1e6},
        index=sessions,
    )


def with_jump(prices, day, *, gap=0.3, move=0.3, volume=20e6):
    """Return the prices with one session that stands out, and all later ones moved."""
    place = prices.index.get_loc(pd.Timestamp(day))
    jumped = prices.copy()
    before = prices["close"].iloc[place - 1]
    factor = before * np.exp(move) / prices["close"].iloc[place]
    jumped.iloc[place:, :2] *= factor
    jumped.iloc[place, 0] = before * np.exp(gap)
    jumped.iloc[place, 2] = volume
    return jumped


def features(prices, *names):
    return derive(prices, list(names), ticker="TEST")


def days_of(values):
    """Return the sessions of which a value is above 0, as text."""
    return [str(day.date()) for day in values.index[values > 0]]


@pytest.fixture(scope="module")
def year():
    return calm("2015-01-02", "2015-12-31")


# Usual are a gap of 0.2% and a move of 1%, to each of which 0.05% is added.
@pytest.mark.parametrize(
    ("jump", "wanted"),
    [
        ({}, GREATEST),
        ({"gap": 0.01, "move": 0.021, "volume": 2e6}, np.log(4 * 2) + 2 * np.log(2)),
        # A gap of nothing counts as half the usual one.
        ({"gap": 0.0, "move": 0.042, "volume": 3e6}, np.log(0.5 * 4) + 2 * np.log(3)),
        # Neither is a move of nothing, nor a volume of nothing, less than half.
        ({"gap": 0.3, "move": 0.0, "volume": 3e6}, np.log(12 * 0.5) + 2 * np.log(3)),
        ({"gap": 0.3, "move": 0.3, "volume": 0.0}, np.log(12 * 8) + 2 * np.log(0.5)),
        ({"gap": 0.002, "move": 0.01, "volume": 1e6}, 0.0),
    ],
)
def test_a_surprise_by_hand(year, jump, wanted):
    found = features(with_jump(year, "2015-07-24", **jump), "surprise")["surprise"]
    assert found["2015-07-24"] == pytest.approx(wanted, abs=1e-5)
    others = found.drop(pd.Timestamp("2015-07-24")).dropna()
    assert len(others) == len(year) - 66
    # The jump moves no session but itself.
    assert (others == 0).all()


def test_a_surprise_is_less_what_stood_out_in_the_week_before(year):
    small = {"gap": 0.01, "move": 0.021, "volume": 2e6}
    first = with_jump(year, "2015-07-20", **small)
    found = features(with_jump(first, "2015-07-27"), "surprise")["surprise"]
    assert found["2015-07-20"] == pytest.approx(np.log(32), abs=1e-5)
    assert found["2015-07-27"] == pytest.approx(GREATEST - np.log(32), abs=1e-5)
    # Five sessions on, the first is forgotten.
    found = features(with_jump(first, "2015-07-28"), "surprise")["surprise"]
    assert found["2015-07-28"] == pytest.approx(GREATEST, abs=1e-5)
    second = with_jump(with_jump(year, "2015-07-20"), "2015-07-22", **small)
    assert features(second, "surprise")["surprise"]["2015-07-22"] == 0.0


def test_the_greatest_of_the_last_sessions_counts(year):
    found = features(with_jump(year, "2015-07-24"), "surprise_3")["surprise_3"]
    assert days_of(found) == ["2015-07-24", "2015-07-27", "2015-07-28"]
    assert set(found[found > 0]) == {found.max()}
    assert list(found.isna()) == [row < 67 for row in range(len(year))]


def test_prices_and_volumes_that_stand_still_surprise_nobody():
    flat, none = np.full(80, 5.0), np.zeros(80)
    np.testing.assert_array_equal(surprise(flat, flat, none, 1)[65:], 0.0)


def test_a_missing_volume_leaves_its_surprises_unknown(year):
    gap = with_jump(year, "2015-07-24")
    gap.iloc[100, 2] = np.nan
    rows = features(gap, "surprise", "surprise_due")
    # Sixty sessions have it in their median, five more such a session before them.
    missing = list(np.flatnonzero(rows["surprise"].isna()))
    assert missing == [*range(65), *range(100, 165)]
    assert "2015-07-24" in gap.index[missing]
    # What is unknown is not due.
    assert (rows["surprise_due"].iloc[65:] == 0).all()


@pytest.fixture(scope="module")
def one_jump():
    """A Friday in 2015, of which no anniversary is near a holiday."""
    return with_jump(calm("2015-01-02", "2018-08-31"), "2015-07-24")


def test_a_surprise_is_due_exactly_before_its_anniversaries(one_jump):
    due = features(one_jump, "surprise_due")["surprise_due"]
    wanted = {
        pd.Timestamp("2015-07-24") + pd.Timedelta(days=days - 1): weight
        for days, weight in WEIGHTS.items()
    }
    assert set(due.index[due > 0]) == set(wanted)
    for day, weight in wanted.items():
        assert due[day] == pytest.approx((weight * GREATEST) ** 2 / 10, rel=1e-5)
    # The Thursday after which the Friday 52 weeks later follows.
    assert pd.Timestamp("2016-07-21") in wanted
    assert list(due.isna()) == [row < 65 for row in range(len(due))]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        # The Thursday and the Monday that are nearest the Friday come next.
        ("surprise_due_near", ["2016-07-20", "2016-07-22"]),
        ("surprise_due_week", ["2016-07-14", "2016-07-28"]),
    ],
)
def test_a_surprise_may_come_on_another_day(one_jump, name, wanted):
    due = features(one_jump, name)[name]
    assert days_of(due.loc["2016-05-01":"2016-09-30"]) == wanted
    np.testing.assert_allclose(due[wanted], GREATEST**2 / 10, rtol=1e-5)


def test_the_greatest_of_several_days_counts_once():
    prices = calm("2015-01-02", "2016-12-30")
    both = with_jump(with_jump(prices, "2015-07-16"), "2015-07-30")
    due = features(both, "surprise_due_week")["surprise_due_week"]
    # The Thursday between their anniversaries comes next.
    assert due["2016-07-20"] == pytest.approx(GREATEST**2 / 10, rel=1e-5)


def test_quarters_and_years_add_up():
    prices = calm("2015-01-02", "2016-12-30")
    days = ["2015-07-24", "2015-10-23", "2016-01-22", "2016-04-22"]
    for day in days:
        prices = with_jump(prices, day)
    due = features(prices, "surprise_due")["surprise_due"]
    total = (1.0 + 0.3 + 0.3 + 0.5) * GREATEST
    assert due["2016-07-21"] == pytest.approx(total**2 / 10, rel=1e-5)
    assert due.idxmax() == pd.Timestamp("2016-07-21")


def test_a_holiday_now_hides_which_session_comes_next():
    prices = calm("2015-01-02", "2016-12-30")
    # 52 weeks after this Monday is Memorial Day: the Friday before tells it.
    due = features(with_jump(prices, "2015-06-01"), "surprise_due")["surprise_due"]
    assert days_of(due.loc["2016-05-15":"2016-06-15"]) == ["2016-05-27"]
    # The Tuesday that does come next is nobody's next day.
    due = features(with_jump(prices, "2015-06-02"), "surprise_due")["surprise_due"]
    assert days_of(due.loc["2016-05-15":"2016-06-15"]) == []


def test_after_a_holiday_then_the_next_session_counts():
    prices = calm("2015-01-02", "2016-12-30")
    # 52 weeks before Friday, 1 July 2016, the exchange was closed until Monday.
    due = features(with_jump(prices, "2015-07-06"), "surprise_due")["surprise_due"]
    assert days_of(due.loc["2016-06-15":"2016-07-15"]) == ["2016-06-30", "2016-07-01"]


def test_less_than_a_year_tells_of_quarters_only():
    prices = with_jump(calm("2015-03-02", "2015-12-31"), "2015-07-24")
    due = features(prices, "surprise_due")["surprise_due"]
    assert days_of(due) == ["2015-10-22"]
    # A jump before anybody knows what is usual counts nothing.
    early = with_jump(calm("2015-03-02", "2015-12-31"), "2015-04-24")
    assert days_of(features(early, "surprise_due")["surprise_due"]) == []


def test_a_companion_s_surprise_is_due(one_jump):
    prices = calm("2016-01-04", "2016-12-30")
    names = [f"AAPL:{name}" for name in DUE]
    found = derive(prices, names, ticker="TEST", companions={"AAPL": one_jump})
    own = features(one_jump, *DUE).loc[prices.index]
    np.testing.assert_array_equal(found.to_numpy(), own.to_numpy())
    wanted = ["2016-01-21", "2016-04-21", "2016-07-21"]
    assert days_of(found["AAPL:surprise_due"]) == wanted


@pytest.mark.parametrize("n", [0, 1, 64, 65, 66])
def test_few_sessions(n):
    rows = features(calm("2015-01-02", "2015-12-31").head(n), "surprise", *DUE)
    assert list(rows.notna().sum()) == [max(n - 65, 0)] * 4


@pytest.fixture(scope="module")
def stormy():
    prices = calm("2015-01-02", "2016-12-30")
    random = np.random.default_rng(3)
    n = len(prices)
    prices[["open", "close"]] *= np.exp(0.02 * random.standard_t(2, (n, 2)))
    prices["volume"] *= np.exp(random.normal(0, 1, n))
    return prices


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), cut=st.integers(66, 503))
def test_later_rows_change_nothing(stormy, seed, cut):
    names = ["surprise", "surprise_5", *DUE]
    whole = features(stormy, *names).iloc[:cut]
    changed = stormy.copy()
    factors = np.random.default_rng(seed).normal(0, 1, (len(stormy) - cut, 3))
    changed.iloc[cut:] *= np.exp(factors)
    for other in (changed, stormy.iloc[:cut]):
        pd.testing.assert_frame_equal(
            features(other, *names).iloc[:cut], whole, check_exact=True
        )


def test_numbers_are_bounded(stormy):
    rows = features(stormy, "surprise", *DUE).iloc[65:]
    assert (rows >= 0).all().all()
    assert rows["surprise"].max() <= GREATEST
    assert rows[DUE].max().max() <= (2.9 * GREATEST) ** 2 / 10
    # And there is something to bound.
    assert (rows.max() > 1).all()
