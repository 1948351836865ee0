"""Companions: what other tickers' prices say, as columns beside one ticker's own.

`AAPL:log_return` is a feature of one other ticker, `peers:log_return` the mean of that
feature over all other tickers that a network is trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from forecaster.config.feature_names import PEERS, Feature, parse_feature
from forecaster.data.derived import derive
from forecaster.errors import ConfigError

Load = Callable[[str], pd.DataFrame]


def join_companions(
    prices: pd.DataFrame,
    names: Sequence[str],
    load: Load,
    *,
    peers: Sequence[str] = (),
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Return prices with a column for each feature of other tickers.

    Parameters
    ----------
    prices
        Checked price frame; its last session is the last that companions may know.
    names
        Features, such as ``close`` or ``AAPL:log_return``; only those of other tickers
        are added, under these names.
    load
        Returns the checked price frame of a ticker.
    peers
        The tickers that ``peers:`` means; the prices' own is left out.

    Raises
    ------
    SymbolNotFound, SourceError
        If a companion cannot be loaded.
    ConfigError
        If peers are wanted, and there are none.
    """
    features = {name: parse_feature(name) for name in names}
    foreign = {name: one for name, one in features.items() if one.companion is not None}
    if not foreign:
        return prices
    ticker = str(prices.attrs.get("ticker", "prices"))
    others = [name.upper() for name in peers if name.upper() != ticker.upper()]
    companions = {
        name: load(name).loc[: prices.index[-1]]
        for name in wanted_companions(foreign, others)
    }

    def values(names: Sequence[str]) -> pd.DataFrame:
        return derive(
            prices, names, ticker=ticker, companions=companions, calendar=calendar
        )

    columns = {
        name: _mean_of_peers(name, feature, others, values)
        if feature.companion == PEERS
        else values([name])[name]
        for name, feature in foreign.items()
    }
    joined = pd.concat([prices, pd.DataFrame(columns)], axis="columns", sort=False)
    joined.attrs = dict(prices.attrs)
    return joined


def wanted_companions(
    features: dict[str, Feature], others: Sequence[str]
) -> tuple[str, ...]:
    """Return the other tickers that features speak of, each once.

    Parameters
    ----------
    others
        The tickers that ``peers:`` means.

    Raises
    ------
    ConfigError
        If peers are wanted, and there are none.
    """
    tickers: list[str] = []
    for name, feature in features.items():
        if feature.companion is None:
            continue
        if feature.companion != PEERS:
            tickers.append(str(feature.companion))
        elif others:
            tickers += others
        else:
            raise ConfigError(
                f"feature {name!r} is the mean over other tickers, and there is none. "
                "Set data.tickers to several, or leave the feature out."
            )
    return tuple(dict.fromkeys(tickers))


def _mean_of_peers(
    name: str,
    feature: Feature,
    others: Sequence[str],
    values: Callable[[Sequence[str]], pd.DataFrame],
) -> pd.Series[float]:
    """Return the mean over the peers that have a value, session by session."""
    table = values([f"{peer}:{feature.column}" for peer in others]).to_numpy()
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return pd.Series(means, index=values([]).index, name=name)
