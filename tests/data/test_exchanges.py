"""A ticker's exchange and its calendar have to agree."""

import pytest

from forecaster.data.calendar import check_calendar
from forecaster.data.exchanges import YAHOO_CALENDARS, check_exchange
from forecaster.errors import InvalidPrices

LONDON = {"timezone": "Europe/London", "exchange": "LSE"}


def test_another_time_zone_is_refused_and_the_calendar_named():
    with pytest.raises(InvalidPrices, match=r"Europe/London.*--calendar XLON"):
        check_exchange("VOD.L", LONDON, "XNYS")


@pytest.mark.parametrize("calendar", ["XLON", "XDUB", "24/7"])
def test_the_same_hours_or_none_at_all_will_do(calendar):
    check_exchange("VOD.L", LONDON, calendar)


@pytest.mark.parametrize(
    "provenance", [{}, {"timezone": None}, {"timezone": "Nowhere"}]
)
def test_without_a_known_zone_nothing_is_told(provenance):
    check_exchange("VOD.L", provenance, "XNYS")


def test_an_unknown_exchange_is_refused_without_a_name():
    with pytest.raises(InvalidPrices, match="with its own"):
        check_exchange("X", {"timezone": "Asia/Tokyo", "exchange": "???"}, "XNYS")


@pytest.mark.parametrize("calendar", sorted(set(YAHOO_CALENDARS.values())))
def test_every_named_calendar_exists(calendar):
    check_calendar(calendar)
