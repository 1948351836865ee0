"""Companions: what other tickers' prices say, as columns beside one ticker's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from forecaster.config.feature_names import parse_feature
from forecaster.data.derived import derive


def join_companions(
    prices: pd.DataFrame,
    names: Sequence[str],
    load: Callable[[str], pd.DataFrame],
    *,
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Return prices with a column for each feature of another ticker.

    Parameters
    ----------
    prices
        Checked price frame; its last session is the last that companions may know.
    names
        Features, such as ``close`` or ``AAPL:log_return``; only those of other tickers
        are added, under these names.
    load
        Returns the checked price frame of a ticker.

    Raises
    ------
    SymbolNotFound, SourceError
        If a companion cannot be loaded.
    """
    wanted = {name: parse_feature(name).companion for name in names}
    foreign = [name for name, ticker in wanted.items() if ticker is not None]
    if not foreign:
        return prices
    tickers = dict.fromkeys(wanted[name] for name in foreign)
    companions = {
        ticker: load(ticker).loc[: prices.index[-1]]
        for ticker in tickers
        if ticker is not None
    }
    ticker = str(prices.attrs.get("ticker", "prices"))
    columns = derive(
        prices, foreign, ticker=ticker, companions=companions, calendar=calendar
    )
    joined = pd.concat([prices, columns], axis="columns", sort=False)
    joined.attrs = dict(prices.attrs)
    return joined
