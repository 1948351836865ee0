"""Loading: the prices that settings ask for, with all the columns that they name."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.config import Config, DataConfig
from forecaster.config.feature_names import COLUMN, PRICE_COLUMNS, parse_feature
from forecaster.data.companions import join_companions, wanted_companions
from forecaster.data.series import COSINE, cosine_series, read_series
from forecaster.data.sources import load_prices
from forecaster.errors import ConfigError

DEFAULT_TICKER = DataConfig().ticker


def load_prices_for(  # noqa: PLR0913  the same door as `load_prices`
    config: Config,
    *,
    ticker: str | None = None,
    source: str | None = None,
    path: str | Path | None = None,
    as_of: str | date | None = None,
    offline: bool = False,
    now: datetime | None = None,
    companions: dict[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Return a ticker's checked prices, its own further columns, and companions'.

    Parameters
    ----------
    config
        Settings of a run: source, calendar, and the features that are wanted.
    ticker, source, path, as_of, offline, now
        As for `load_prices`; the settings decide what is absent. Companions come from
        the same source, or from the same folder of files.
    companions
        Keeps the prices of companions for further calls with the same `as_of`.

    Raises
    ------
    ConfigError, DataError, SourceError
        As `load_prices`.
    """
    own, chosen = config.data, source or config.data.source
    if path is None and source is None and ticker in (None, own.ticker):
        path = own.path
    ticker = ticker or (own.ticker if path is None else None)
    if chosen == COSINE and path is None:
        return _cosine(ticker)
    if chosen == "series":
        if path is None:
            raise ConfigError("data.source 'series' needs a file: set data.path.")
        return read_series(path, ticker)
    names = (*config.features.columns, *config.features.static)
    folder = path if path is not None and Path(path).is_dir() else None
    wanted: dict[str, Any] = {
        "calendar": own.calendar,
        "as_of": as_of,
        "offline": offline,
        "now": now,
    }
    extra = extra_columns(config) if path is not None else ()
    prices = load_prices(ticker, source=chosen, path=path, extra=extra, **wanted)
    kept = {} if companions is None else companions

    def load(companion: str) -> pd.DataFrame:
        if companion not in kept:
            kept[companion] = load_prices(
                companion, source=chosen, path=folder, **wanted
            )
        return kept[companion]

    return join_companions(
        prices, names, load, peers=own.tickers, calendar=own.calendar
    )


def companions_of(config: Config) -> tuple[str, ...]:
    """Return the other tickers whose prices the features of settings need."""
    names = (*config.features.columns, *config.features.static)
    features = {name: parse_feature(name) for name in names}
    return wanted_companions(features, config.data.tickers)


def _cosine(ticker: str | None) -> pd.DataFrame:
    if ticker is not None and ticker.upper() not in (COSINE.upper(), DEFAULT_TICKER):
        raise ConfigError(
            f"data.source 'cosine' is a series of its own, and {ticker} was asked for. "
            "Leave the ticker out, or choose another source."
        )
    return cosine_series()


def extra_columns(config: Config) -> tuple[str, ...]:
    """Return the columns that settings name and only a user's own file can have."""
    names = dict.fromkeys((*config.features.columns, *config.features.static))
    parsed = {name: parse_feature(name) for name in names}
    return tuple(
        name
        for name, feature in parsed.items()
        if feature.kind == COLUMN
        and feature.companion is None
        and name not in PRICE_COLUMNS
    )
