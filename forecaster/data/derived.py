"""Derived features: columns made from prices by name, each row from its own past.

`feature_names` holds the names; `bars`, `surprises`, `indicators` and
`calendar_features` hold families of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config.feature_names import (
    CALENDAR_KINDS,
    COLUMN,
    PRICE_COLUMNS,
    Feature,
    did_you_mean,
    is_known_ahead,
    parse_feature,
    scale_free,
    warmup,
)
from forecaster.data import bars
from forecaster.data.calendar_features import calendar_features
from forecaster.data.indicators import indicator
from forecaster.data.surprises import surprise, surprise_due
from forecaster.errors import ConfigError, InvalidPrices

__all__ = [
    "Feature",
    "calendar_features",
    "derive",
    "is_known_ahead",
    "parse_feature",
    "scale_free",
    "warmup",
]

# Exchanges close for up to eleven days (Shanghai, 2020); what is older is no price.
STALE = np.timedelta64(14, "D")


def derive(
    prices: pd.DataFrame,
    names: Sequence[str],
    *,
    ticker: str,
    companions: Mapping[str, pd.DataFrame] | None = None,
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Return the named features of a checked price frame, in the wanted order.

    No row depends on a later one. Where a companion has no row for a session, the
    value of its session before stands in, unless that is more than two weeks old.

    Parameters
    ----------
    prices : DataFrame of shape (n_sessions, n_columns)
        Checked price frame (see `load_prices`), also with a user's numeric columns.
    names : sequence of str
        Names that `parse_feature` knows, each once.
    ticker : str
        Names the prices in messages.
    companions : mapping of str to DataFrame, optional
        Checked price frames of other tickers, for names such as `AAPL:log_return`.
    calendar : str
        The exchange that tells the last session of a month.

    Returns
    -------
    DataFrame of shape (n_sessions, n_names)
        float64; NaN where there is too little past (see `warmup`), or a volume or a
        companion's row is missing; a `surprise_due` counts a missing volume as none.

    Raises
    ------
    ConfigError
        If a name is unknown or comes twice, or a companion is missing.
    InvalidPrices
        If the prices lack a column that a feature needs, or it holds no numbers.
    """
    _check_unique(names)
    frames = {key.upper(): frame for key, frame in (companions or {}).items()}
    columns = {}
    for feature in map(parse_feature, names):
        if feature.companion is None:
            values = _values(prices, feature, ticker, calendar)
        else:
            frame = _companion(frames, feature.companion, feature.name, ticker)
            own = _values(frame, feature, feature.companion, calendar)
            values = _align(own, frame.index, prices.index)
        columns[feature.name] = values
    return pd.DataFrame(columns, index=prices.index, columns=list(names))


def _check_unique(names: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if twice:
        raise ConfigError(f"feature {twice[0]!r} is named twice. Name it once.")


def _companion(
    frames: Mapping[str, pd.DataFrame], companion: str, name: str, ticker: str
) -> pd.DataFrame:
    if companion not in frames:
        raise ConfigError(
            f"{ticker}: feature {name!r} needs the prices of {companion}; companions "
            f"are: {', '.join(frames) or 'none'}. Give its prices too, or leave the "
            "feature out."
        )
    return frames[companion]


def _align(values: FloatArray, own: pd.Index, wanted: pd.Index) -> FloatArray:
    """Return a companion's values at other sessions: of the same, or the one before."""
    positions = own.get_indexer(wanted, method="ffill")
    age = wanted.to_numpy() - own.to_numpy()[positions]
    return np.where((positions < 0) | (age > STALE), np.nan, values[positions])


def _values(
    prices: pd.DataFrame, feature: Feature, ticker: str, calendar: str
) -> FloatArray:
    _check_columns(prices, feature, ticker)
    kind, length = feature.kind, feature.length or 0
    if kind == COLUMN:
        return _numbers(prices[feature.column], ticker)
    if kind in CALENDAR_KINDS:
        sessions = pd.DatetimeIndex(prices.index)
        return calendar_features(sessions, [kind], calendar=calendar)[kind].to_numpy()
    columns = [prices[name].to_numpy(np.float64) for name in feature.columns]
    if kind in OWN:
        return OWN[kind](*columns, length)
    if kind in DUE:
        sessions = pd.DatetimeIndex(prices.index)
        return surprise_due(*columns, sessions=sessions, shifts=DUE[kind])
    return indicator(kind, prices, feature.columns, length)


def _check_columns(prices: pd.DataFrame, feature: Feature, ticker: str) -> None:
    missing = [name for name in feature.columns if name not in prices.columns]
    if missing:
        need = "is no column" if feature.kind == COLUMN else "needs " + missing[0]
        hint = did_you_mean(missing[0], prices.columns)
        raise InvalidPrices(
            f"{ticker}: feature {feature.name!r} {need}; the prices have "
            f"{', '.join(map(str, prices.columns))}. {hint}Choose another feature, or "
            f"load a file that has the column.{_way_out(prices, missing[0])}"
        )
    if feature.kind != COLUMN and feature.column in prices.columns:
        raise InvalidPrices(
            f"{ticker}: the prices have a column `{feature.column}`, but that is also "
            "the name of a feature made from prices. Rename the column."
        )


def _way_out(prices: pd.DataFrame, missing: str) -> str:
    """Return what helps where a price is missing, or is only spelt another way."""
    if missing in map(str.lower, map(str, prices.columns)):
        return " `load_prices(frame=TABLE)` reads other spellings."
    if missing in PRICE_COLUMNS and "close" in prices.columns:
        return " The settings `own-close` need no more than a close."
    return ""


def _numbers(column: pd.Series[float], ticker: str) -> FloatArray:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise InvalidPrices(
            f"{ticker}: column `{column.name}` is not made of numbers but of "
            f"{column.dtype}. Convert it with `pd.to_numeric`."
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _log_return(close: FloatArray, length: int) -> FloatArray:
    return _behind(np.log(close[length:] / close[:-length]), len(close))


def _overnight(open_: FloatArray, close: FloatArray, _: int) -> FloatArray:
    return bars.overnight(open_, close)


def _log_ratio(first: FloatArray, second: FloatArray, _: int) -> FloatArray:
    """Return log(first / second)."""
    return _floats(np.log(first / second))


def _volatility(close: FloatArray, length: int) -> FloatArray:
    windows = _windows(_log_return(close, 1), length)
    return _behind(windows.std(axis=1, ddof=1), len(close))


def _volume_change(volume: FloatArray, _: int) -> FloatArray:
    # log1p rather than log: a session may pass without a trade.
    return _behind(np.diff(np.log1p(volume)), len(volume))


def _relative_volume(volume: FloatArray, length: int) -> FloatArray:
    mean = _behind(_windows(volume, length).mean(axis=1), len(volume))
    return _floats(np.log1p(volume) - np.log1p(mean))


def _distance(close: FloatArray, length: int) -> FloatArray:
    mean = _behind(_windows(close, length).mean(axis=1), len(close))
    return _floats(np.log(close / mean))


def _obv_change(close: FloatArray, volume: FloatArray, length: int) -> FloatArray:
    """Return the change of the on-balance volume as a share of the volume traded."""
    flow = np.append(np.nan, np.sign(np.diff(close))) * volume
    signed = _windows(flow, length).sum(axis=1)
    traded = _windows(volume, length).sum(axis=1)
    # Nothing traded, nothing changed.
    shares = signed / np.where(traded == 0, 1.0, traded)
    return _behind(shares, len(close))


OWN: dict[str, Callable[..., FloatArray]] = {
    "log_return": _log_return,
    "overnight": _overnight,
    "intraday": _log_ratio,
    "range": _log_ratio,
    "volatility": _volatility,
    "volume_change": _volume_change,
    "relative_volume": _relative_volume,
    "distance": _distance,
    "obv_change": _obv_change,
    "log_volatility": bars.log_volatility,
    "volatility_ratio": bars.volatility_ratio,
    "typical_ratio": bars.typical_ratio,
    "range_ratio": bars.range_ratio,
    "bar_ratio": bars.bar_ratio,
    "fall": bars.fall,
    "trend": bars.trend,
    "volume_ratio": bars.volume_ratio,
    "surprise": surprise,
}
# Calendar days by which a surprise may miss the anniversary of the next session.
DUE = {
    "surprise_due": (0,),
    "surprise_due_near": (-1, 1),
    "surprise_due_week": (-7, 7),
}


def _windows(values: FloatArray, length: int) -> FloatArray:
    """Return each value with those before it, oldest first.

    Windows are copied, so that a value is the same to the last bit whatever rows come
    before the window or after it: running sums would remember them.

    Returns
    -------
    ndarray of shape (n_values - length + 1, length)
    """
    if len(values) < length:
        return np.empty((0, length))
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    return np.ascontiguousarray(windows)


def _behind(values: FloatArray, n_rows: int) -> FloatArray:
    """Put NaN before values that begin later than the rows."""
    return np.concatenate((np.full(n_rows - len(values), np.nan), values))


def _floats(values: FloatArray) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
