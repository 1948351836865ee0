"""Prices: the frame of one ticker's daily prices, and its check at the door."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
import pandas as pd

from forecaster.config import Config
from forecaster.config.feature_names import PRICE_COLUMNS
from forecaster.data.calendar import EARLIEST, LATEST
from forecaster.data.quality import (
    N_SHOWN,
    TOLERANCE,
    PriceIssue,
    find_issues,
    listed,
    outside_range,
    split_block,
)
from forecaster.data.spacing import check_spacing
from forecaster.errors import DataError, InvalidPrices

__all__ = [
    "PRICE_COLUMNS",
    "PriceIssue",
    "check_prices",
    "prices_fingerprint",
    "ticker_of",
]


def ticker_of(prices: pd.DataFrame, config: Config) -> str:
    """Return whose prices these are; without a name the configured ticker's.

    Raises
    ------
    DataError
        If these are no price frame at all.
    """
    if not isinstance(prices, pd.DataFrame):
        raise DataError(
            f"want the price frame of one ticker, as `load_prices` makes it; got "
            f"{type(prices).__name__}. `load_prices(frame=TABLE)` makes one of your "
            "own table or series, and `predict_many` takes several tickers by name."
        )
    return str(prices.attrs.get("ticker", config.data.ticker))


def check_prices(
    frame: pd.DataFrame,
    ticker: str,
    *,
    calendar: str = "XNYS",
    known_moves: Collection[str] = frozenset(),
    extra: Collection[str] = (),
) -> tuple[pd.DataFrame, tuple[PriceIssue, ...]]:
    """Check prices once, at the door; everything behind it may rely on them.

    Parameters
    ----------
    frame : DataFrame of shape (n_sessions, n_columns)
        One row for each session, oldest first, with dates as index. `close` must be
        there, in the quote currency; other names of `PRICE_COLUMNS` may be, and
        anything else is dropped unless it is in `extra`. Only `volume` (shares) and
        extra columns may have missing values. Not modified.
    ticker : str
        Names the prices in messages.
    calendar : str
        The exchange whose sessions are expected.
    known_moves : collection of str
        ISO dates of real moves as large as a split's, which are not reported.
    extra : collection of str
        Further columns to keep: any numbers, as long as they are finite.

    Returns
    -------
    prices : DataFrame
        A copy: float64 columns in the order of `PRICE_COLUMNS`, then of `extra`;
        index `session` of naive dates (unit us), strictly increasing.
    issues : tuple of PriceIssue
        What is usable but deserves a look.

    Raises
    ------
    InvalidPrices
        If the prices contradict themselves. The message names dates and cure.
    ConfigError
        If the calendar is unknown.
    """
    prices = _as_prices(frame, ticker, (*PRICE_COLUMNS, *extra))
    _check_extra(prices, ticker, extra)
    check_spacing(pd.DatetimeIndex(prices.index), ticker, calendar)
    _check_values(prices, ticker)
    _check_ranges(prices, ticker)
    return prices, find_issues(prices, ticker, calendar, known_moves)


def prices_fingerprint(prices: pd.DataFrame) -> str:
    """Return the SHA-256 of dates and values, the same for equal prices anywhere.

    Neither `attrs`, nor the order of columns, nor the unit of the index plays a part.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    index = pd.DatetimeIndex(prices.index).as_unit("us")
    digest.update(index.asi8.astype("<i8").tobytes())
    for name in sorted(prices.columns):
        # Adding zero turns -0.0 into 0.0; NaN has many bit patterns, so one is chosen.
        values = prices[name].to_numpy(dtype="<f8") + 0.0
        digest.update(f"\0{name}\0".encode())
        digest.update(np.where(np.isnan(values), np.nan, values).tobytes())
    return digest.hexdigest()


def _as_prices(
    frame: pd.DataFrame, ticker: str, names: tuple[str, ...]
) -> pd.DataFrame:
    """Bring a frame into canonical form, or say why it is no price frame."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidPrices(
            f"{ticker}: wanted a DataFrame of prices, got {type(frame).__name__}. "
            "Use `load_prices`, or build a frame with dates as index."
        )
    _check_columns(frame, ticker, names)
    index = _as_index(frame.index, ticker)
    known = [name for name in names if name in frame.columns]
    values = {name: _as_floats(frame[name], ticker) for name in known}
    return pd.DataFrame(values, index=index)


def _check_columns(frame: pd.DataFrame, ticker: str, wanted: tuple[str, ...]) -> None:
    names = list(frame.columns)
    if "close" not in names or frame.columns.nlevels > 1:
        found = ", ".join(map(str, names[:10])) or "none"
        raise InvalidPrices(
            f"{ticker}: there is no column `close`; the columns are: {found}. "
            f"Name them {', '.join(PRICE_COLUMNS)}; only `close` is required."
        )
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise InvalidPrices(
            f"{ticker}: there are several columns `{twice[0]}`. Keep one of them."
        )


def _as_index(index: pd.Index, ticker: str) -> pd.DatetimeIndex:
    """Return the local dates of an index as naive midnights."""
    if len(index) == 0:
        raise InvalidPrices(
            f"{ticker}: there are no rows. Give at least one session's price."
        )
    if not isinstance(index, pd.DatetimeIndex):
        raise InvalidPrices(
            f"{ticker}: the index must hold dates, but it begins with {index[0]!r}. "
            "Set it with `frame.set_index(pd.to_datetime(frame['date']))`."
        )
    if index.hasnans:
        raise InvalidPrices(
            f"{ticker}: {np.count_nonzero(index.isna())} rows have no date. "
            "Remove them, or fill in their dates."
        )
    days = index.tz_localize(None).normalize()
    _refuse(
        days[(days < EARLIEST) | (days > LATEST)],
        ticker,
        f"dates must lie between {EARLIEST:%F} and {LATEST:%F}, but there are",
        "Correct or remove them.",
    )
    return pd.DatetimeIndex(days.as_unit("us").to_numpy(), name="session")


def _as_floats(column: pd.Series[float], ticker: str) -> np.ndarray:
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        raise InvalidPrices(
            f"{ticker}: column `{column.name}` is not made of numbers ({error}). "
            "Convert it with `pd.to_numeric`."
        ) from error


def _check_extra(prices: pd.DataFrame, ticker: str, extra: Collection[str]) -> None:
    """Refuse further columns that are not there, or hold infinite numbers."""
    for name in extra:
        if name not in prices.columns:
            raise InvalidPrices(
                f"{ticker}: there is no column `{name}`. Name one that the prices have."
            )
        endless = prices[name][np.isinf(prices[name])]
        if len(endless):
            raise InvalidPrices(
                f"{ticker}: {name} values must be finite, but "
                f"{_valued(endless, name)}. Correct these rows in the source."
            )


def _check_values(prices: pd.DataFrame, ticker: str) -> None:
    """Refuse prices that are missing or not positive, and volumes below zero."""
    for name in [name for name in PRICE_COLUMNS if name in prices.columns]:
        column = prices[name]
        if name == "volume":
            bad = column[(column < 0) | np.isinf(column)]
            wanted = "must be zero or more, and finite, but"
        else:
            bad = column[~(np.isfinite(column) & (column > 0))]
            wanted = "must be positive, finite numbers, but"
        if len(bad):
            raise InvalidPrices(
                f"{ticker}: {name} values {wanted} {_valued(bad, name)}. "
                "Correct these rows in the source, or remove them."
            )


def _check_ranges(prices: pd.DataFrame, ticker: str) -> None:
    """Refuse rows whose open or close lies outside low to high."""
    if {"low", "high"} <= set(prices.columns):
        crossed = prices["high"] < prices["low"] * (1 - TOLERANCE)
        _refuse_range(prices, crossed, ticker, ("low", "high"), "high is below low")
    for name in ("open", "close"):
        if name == "close" and split_block(prices) is not None:
            continue
        bad = outside_range(prices, name)
        columns = (name, "low", "high")
        _refuse_range(
            prices, bad, ticker, columns, f"{name} is not between low and high"
        )


def _refuse_range(
    prices: pd.DataFrame,
    bad: pd.Series[bool],
    ticker: str,
    columns: tuple[str, ...],
    problem: str,
) -> None:
    if not bad.any():
        return
    rows = prices[bad]
    shown = [name for name in columns if name in rows.columns]
    texts = [
        f"{session:%F} ({', '.join(f'{name} {row[name]:.6g}' for name in shown)})"
        for session, row in rows.head(N_SHOWN).iterrows()
    ]
    more = f" and {len(rows) - N_SHOWN} more" if len(rows) > N_SHOWN else ""
    raise InvalidPrices(
        f"{ticker}: {problem} on {', '.join(texts)}{more}. "
        "Correct these rows in the source, or remove them; if a split or dividend is "
        "adjusted in some columns only, adjust all of them."
    )


def _refuse(sessions: pd.DatetimeIndex, ticker: str, problem: str, cure: str) -> None:
    if len(sessions):
        raise InvalidPrices(f"{ticker}: {problem} {listed(sessions)}. {cure}")


def _valued(values: pd.Series[float], name: str) -> str:
    """Write the first few values with their dates, and the count of the rest."""
    texts = [
        f"{name} is {'missing' if np.isnan(value) else f'{value:g}'} on {session:%F}"
        for session, value in values.head(N_SHOWN).items()
    ]
    more = f" and on {len(values) - N_SHOWN} more" if len(values) > N_SHOWN else ""
    return ", ".join(texts) + more
