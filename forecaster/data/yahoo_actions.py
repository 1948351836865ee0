"""Yahoo's corporate actions: distributions of funds, and dividends in other money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.replies import at, parse
from forecaster.data.yahoo_replies import Exchange
from forecaster.errors import InvalidPrices

# Yahoo quotes some exchanges in hundredths of the money that companies pay in.
HUNDREDTHS = {"GBp": "GBP", "ZAc": "ZAR", "ILA": "ILS"}


def add_capital_gains(dividend: pd.Series, gains: pd.Series) -> pd.Series:
    """Add a fund's distributions of capital gains to its dividends.

    Yahoo counts some of them among the dividends already: a dividend at least as large
    as the gain of the same session is taken to contain it.

    Parameters
    ----------
    dividend, gains : Series of shape (n_sessions,)
        In quote currency per share; 0 if none.
    """
    contained = dividend >= gains * (1 - 1e-6)
    return dividend + gains.fillna(0.0).where(~contained, 0.0)


def foreign_dividends(
    exchanges: Sequence[Exchange], meta: Mapping[str, Any]
) -> dict[pd.Timestamp, tuple[float, str]]:
    """Return the dividends that are not paid in the currency of the prices.

    The client drops the currency that Yahoo names beside each.

    Parameters
    ----------
    exchanges
        Everything received in an attempt that ended well.
    meta
        The `meta` part of the reply.

    Returns
    -------
    dict
        Amount and currency, by naive session date.
    """
    own = meta.get("currency")
    events = at(_last_result(exchanges), "events", "dividends") or {}
    found = {}
    for event in events.values():
        currency = event.get("currency") or own
        if currency != own:
            zone = str(meta.get("exchangeTimezoneName") or "UTC")
            moment = pd.Timestamp(event["date"], unit="s", tz="UTC").tz_convert(zone)
            day = moment.tz_localize(None).normalize().as_unit("us")
            found[day] = (float(event["amount"]), str(currency))
    return found


def settle_foreign(
    rows: pd.DataFrame,
    foreign: Mapping[pd.Timestamp, tuple[float, str]],
    currency: object,
) -> tuple[pd.DataFrame, list[str]]:
    """Convert dividends between a currency and its hundredths; leave others out.

    Returns
    -------
    rows : DataFrame
        A copy with corrected dividends.
    left_out : list of str
        Such as `2023-05-11: 0.1 USD`, for dividends that would need a rate of exchange.
    """
    settled, left_out = rows.copy(), []
    for day, (amount, paid_in) in foreign.items():
        if day not in settled.index:
            continue
        if HUNDREDTHS.get(str(currency)) == paid_in:
            settled.loc[day, "dividend"] = amount * 100
        elif HUNDREDTHS.get(paid_in) == currency:
            settled.loc[day, "dividend"] = amount / 100
        else:
            settled.loc[day, "dividend"] = 0.0
            left_out.append(f"{day:%Y-%m-%d}: {amount:g} {paid_in[:8]}")
    return settled, left_out


def check_gains(ticker: str, gains: pd.Series) -> None:
    """Refuse distributions that are no amounts of money.

    Raises
    ------
    InvalidPrices
        Naming the first of them.
    """
    bad = ~np.isfinite(gains.fillna(0.0)) | (gains < 0)
    if bad.any():
        raise InvalidPrices(
            f"{ticker}: Yahoo lists an impossible capital gain "
            f"({gains[bad].iloc[0]:g}) on {gains.index[bad][0]:%Y-%m-%d}. Try again "
            "tomorrow, or use another source."
        )


def _last_result(exchanges: Sequence[Exchange]) -> Any:
    charts = [exchange for exchange in exchanges if exchange.is_chart]
    results = at(parse(charts[-1].body), "chart", "result") if charts else None
    return results[0] if isinstance(results, list) and results else {}
