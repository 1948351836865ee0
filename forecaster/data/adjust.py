"""Adjusting: from prices as traded to the price frame, as it was known on a date."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from forecaster.data.calendar import as_day
from forecaster.data.prices import PRICE_COLUMNS
from forecaster.errors import InvalidPrices


def adjust_prices(
    rows: pd.DataFrame, *, as_of: str | date | None = None
) -> pd.DataFrame:
    """Make prices comparable over splits and dividends.

    Parameters
    ----------
    rows : DataFrame of shape (n_sessions, 7)
        As `History.rows`: prices and volume as traded that day, with `dividend` and
        `split`. Not modified.
    as_of : str or date, optional
        Nothing later is looked at, neither prices nor splits nor dividends, so the
        answer is the one that this function would have given on that evening. By
        default everything is.

    Returns
    -------
    prices : DataFrame of shape (n_known, 6)
        float64 columns `open high low close adj_close volume`, index `session`.
        `open` to `close` are divided, and `volume` is multiplied, by the splits after
        each session; `adj_close` is `close` times the dividend factors after each
        session. The last session's prices are those traded. Empty if nothing was
        known.

    Raises
    ------
    InvalidPrices
        If a dividend is not smaller than the close before it.

    Notes
    -----
    For session ``t`` with close ``p[t]``, split ``s[t]`` and dividend ``d[t]``::

        close[t]     = p[t] / (s[t+1] * s[t+2] * ... * s[last])
        adj_close[t] = close[t] * f[t+1] * f[t+2] * ... * f[last]
        f[t]         = 1 - d[t] / (p[t-1] / s[t])

    A dividend is paid for each share that exists on its ex-date, so the close before it
    is put on the same footing by that day's own split.

    References
    ----------
    .. [1] Center for Research in Security Prices, Data Descriptions Guide for the US
       Stock Databases: Factor to Adjust Price, and Cumulative Factor to Adjust Price.
    """
    known = rows if as_of is None else rows.loc[: as_day(as_of)]
    shares = product_of_later(known["split"].to_numpy())
    factors = product_of_later(dividend_factors(known))
    prices = {name: known[name].to_numpy() / shares for name in PRICE_COLUMNS[:4]}
    prices["adj_close"] = prices["close"] * factors
    prices["volume"] = known["volume"].to_numpy() * shares
    return pd.DataFrame(prices, index=known.index, columns=list(PRICE_COLUMNS))


def undo_later_splits(
    prices: pd.DataFrame, splits: pd.Series | None, as_of: str | date | None
) -> pd.DataFrame:
    """Put adjusted prices on the footing of a date.

    Parameters
    ----------
    prices : DataFrame of shape (n_sessions, n_columns)
        Prices adjusted for all `splits`, none of them later than `as_of`. Not modified.
    splits : Series of shape (n_splits,), optional
        New shares for each old one; the index has the session that each began with.
        If absent, they are not known, and nothing is undone.
    as_of : str or date, optional
        The last day known; if absent, nothing is undone.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        Prices multiplied, and volume divided, by the splits after `as_of`. The last
        `adj_close` is the last `close`, as no later dividend is known.
    """
    if as_of is None or splits is None:
        return prices
    shares = float(splits[splits.index > as_day(as_of)].to_numpy().prod())
    known = prices.copy()
    for name in known.columns:
        known[name] *= 1 / shares if name == "volume" else shares
    if "adj_close" in known:
        known["adj_close"] *= known["close"].iloc[-1] / known["adj_close"].iloc[-1]
    return known


def product_of_later(values: np.ndarray) -> np.ndarray:
    """Multiply, for each place, all values after it.

    Parameters
    ----------
    values : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
        The last is 1.

    Examples
    --------
    >>> product_of_later(np.array([5.0, 2.0, 3.0])).tolist()
    [6.0, 3.0, 1.0]
    """
    from_the_end = np.cumprod(values[::-1])[::-1]
    products: np.ndarray = np.append(from_the_end, 1.0)[1:]
    return products


def dividend_factors(rows: pd.DataFrame) -> np.ndarray:
    """Return what each session's dividend leaves of the close before it.

    Returns
    -------
    ndarray of shape (n_sessions,)
        In (0, 1], 1 where no dividend is paid. The first session's is 1: there is no
        close before it, and nothing to adjust.

    Raises
    ------
    InvalidPrices
        If a dividend is not smaller than the close before it.
    """
    before = (rows["close"].shift(1) / rows["split"]).to_numpy()
    dividends = rows["dividend"].to_numpy()
    paid = (dividends != 0) & np.isfinite(before)
    factors: np.ndarray = np.ones(len(rows))
    factors[paid] = 1.0 - dividends[paid] / before[paid]
    too_large = np.flatnonzero(factors <= 0)
    if len(too_large):
        place = too_large[0]
        raise InvalidPrices(
            f"the dividend of {dividends[place]:g} on {rows.index[place]:%Y-%m-%d} is "
            f"not smaller than the close before it, {before[place]:g}. Fetch again "
            "later, or from another source."
        )
    return factors
