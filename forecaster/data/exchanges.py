"""Exchanges: whether a ticker trades where its calendar says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from forecaster.data.calendar import calendar_zone
from forecaster.errors import InvalidPrices

# Yahoo's codes of exchanges, and the calendar of each.
YAHOO_CALENDARS = {
    "NMS": "XNYS", "NGM": "XNYS", "NCM": "XNYS", "NYQ": "XNYS", "PCX": "XNYS",
    "ASE": "XNYS", "BTS": "XNYS", "PNK": "XNYS", "OQB": "XNYS", "OQX": "XNYS",
    "NAS": "XNYS", "LSE": "XLON", "IOB": "XLON", "GER": "XETR", "FRA": "XFRA",
    "PAR": "XPAR", "AMS": "XAMS", "BRU": "XBRU", "LIS": "XLIS", "MIL": "XMIL",
    "MCE": "XMAD", "EBS": "XSWX", "VIE": "XWBO", "STO": "XSTO", "CPH": "XCSE",
    "HEL": "XHEL", "OSL": "XOSL", "ISE": "XDUB", "WSE": "XWAR", "IST": "XIST",
    "TOR": "XTSE", "VAN": "XTSE", "SAO": "BVMF", "MEX": "XMEX", "JPX": "XTKS",
    "HKG": "XHKG", "SHH": "XSHG", "SHZ": "XSHG", "KSC": "XKRX", "TAI": "XTAI",
    "SES": "XSES", "ASX": "XASX", "NZE": "XNZE", "NSI": "XBOM", "BSE": "XBOM",
    "JNB": "XJSE", "CCC": "24/7", "CCY": "24/5",
}  # fmt: skip
ROUND_THE_CLOCK = ("24/7", "24/5")
# A winter's and a summer's noon tell two zones apart.
MOMENTS = (pd.Timestamp("2023-01-16 12:00"), pd.Timestamp("2023-07-17 12:00"))


def check_exchange(ticker: str, provenance: Mapping[str, Any], calendar: str) -> None:
    """Refuse a history whose exchange keeps other hours than the calendar's.

    Parameters
    ----------
    provenance
        As `History.provenance`; without a time zone nothing can be told.
    calendar
        The exchange whose sessions are expected.

    Raises
    ------
    InvalidPrices
        Naming both time zones, and the calendar to use where it is known.
    """
    zone = provenance.get("timezone")
    if not isinstance(zone, str) or calendar in ROUND_THE_CLOCK:
        return
    expected = calendar_zone(calendar)
    if _offsets(zone) in (_offsets(expected), None):
        return
    code = str(provenance.get("exchange") or "")
    known = YAHOO_CALENDARS.get(code)
    cure = f"Use `--calendar {known}`" if known else "Use `--calendar` with its own"
    raise InvalidPrices(
        f"{ticker}: it trades in {zone}, and calendar {calendar} is that of "
        f"{expected}. {cure} (in settings: `data.calendar`)."
    )


@lru_cache(maxsize=64)
def _offsets(zone: str) -> tuple[str, ...] | None:
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
    return tuple(str(known.utcoffset(moment)) for moment in MOMENTS)
