"""Sources: from a ticker's name to its checked prices."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecaster.config.places import ticker_of_file
from forecaster.data.adjust import undo_later_splits
from forecaster.data.calendar import as_day
from forecaster.data.embedded import known_moves, known_splits, read_embedded
from forecaster.data.files import read_price_file
from forecaster.data.folders import find_price_file
from forecaster.data.frames import read_price_table
from forecaster.data.headers import SPELLINGS
from forecaster.data.prices import check_prices
from forecaster.errors import ConfigError, DataError, PriceWarning

if TYPE_CHECKING:
    from forecaster.data.store import PriceStore

EMBEDDED = "embedded"
# What a table without a ticker is called.
NAMELESS = "PRICES"
# Events of an update that a user of the prices should know of.
NOTEWORTHY = ("stale", "split", "restated")


def load_prices(  # noqa: PLR0913  one door for all prices
    ticker: str | None = None,
    *,
    source: str = EMBEDDED,
    path: str | Path | None = None,
    frame: pd.DataFrame | pd.Series[float] | None = None,
    calendar: str = "XNYS",
    start: str | date | None = None,
    end: str | date | None = None,
    as_of: str | date | None = None,
    offline: bool = False,
    store: PriceStore | None = None,
    now: datetime | None = None,
    extra: Sequence[str] = (),
) -> pd.DataFrame:
    """Return checked prices: embedded, of a file, or fetched into the store.

    Everything is checked before the range is cut, so the same file gives the same
    warnings for every range.

    Parameters
    ----------
    ticker : str, optional
        In any case; GOOG if absent. With `path` or `frame`, names the prices and
        chooses among several tickers; if absent, the file's own name stands for it.
    source : str
        `embedded`, or a source that is asked through the store: `yahoo`, `tiingo`.
    path : str or Path, optional
        A CSV or Parquet file instead of any source, or a folder with a file for each
        ticker.
    frame : DataFrame or Series, optional
        A pandas table instead of any source, with dates as index or in a column; the
        names of its columns may be spelt as in a file. A Series is one of closes, with
        dates as index. Not modified.
    calendar : str
        The exchange whose sessions are expected.
    start, end : str or date, optional
        First and last date wanted, both included.
    as_of : str or date, optional
        The last session known: nothing later is returned, whatever `end` says.
        Prices are adjusted for the splits and dividends up to then, and no later
        ones, unless they are of a file: what it is adjusted for is not known.
    offline : bool
        Use what is stored, and open no connection.
    store : PriceStore, optional
        Where fetched prices are kept; the user's own store if absent.
    now : datetime, optional
        The time with its zone, for fetched prices; the clock's if absent.
    extra : sequence of str
        Further columns of numbers to keep, named as `path` or `frame` does. What a
        row says there must have been known at its session's end: nothing can check it.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        Prices in the quote currency and volume in shares, as `check_prices` describes.
        `attrs` holds `ticker`, `source` (`embedded`, the path or `a table`) and
        `issues` (the messages that were also given as warnings).

    Raises
    ------
    SymbolNotFound
        If no prices are known for the ticker.
    InvalidPrices
        If the prices contradict themselves.
    DataError
        If the file cannot be opened, or nothing lies in the range.
    SourceError
        If the source fails and nothing is stored.
    ConfigError
        If the calendar or a date is wrong, or an extra column cannot be had.

    Warns
    -----
    PriceWarning
        Once for each thing that is usable but deserves a look.
    """
    if not isinstance(ticker, str | None):
        raise ConfigError("a ticker is text, such as GOOG; a table goes to `frame`.")
    frame = frame.to_frame("close") if isinstance(frame, pd.Series) else frame
    _check_place(path, frame, extra)
    wanted = None if ticker is None else ticker.strip().upper()
    symbol, origin = "GOOG" if wanted is None else wanted, source
    splits = None
    if frame is not None:
        symbol, origin = wanted or NAMELESS, "a table"
        rows = read_price_table(frame, wanted, extra)
    elif path is not None:
        file = find_price_file(Path(path), wanted) if Path(path).is_dir() else path
        symbol, origin = wanted or ticker_of_file(file), str(file)
        rows = read_price_file(file, wanted, extra)
    elif source == EMBEDDED:
        rows, splits = read_embedded(symbol), known_splits(symbol)
    else:
        rows = _read_fetched(symbol, source, calendar, as_of, offline, store, now)
    moves = known_moves(symbol)
    prices, issues = check_prices(
        rows, symbol, calendar=calendar, known_moves=moves, extra=extra
    )
    for issue in issues:
        warnings.warn(issue.message, PriceWarning, stacklevel=2)
    prices = undo_later_splits(_cut(prices, symbol, start, end, as_of), splits, as_of)
    messages = [issue.message for issue in issues]
    prices.attrs = {"ticker": symbol, "source": origin, "issues": messages}
    return prices


def _check_place(
    path: str | Path | None, frame: pd.DataFrame | None, extra: Sequence[str]
) -> None:
    """Refuse two places at once, and further columns where there can be none.

    Raises
    ------
    ConfigError
        If there is no file or frame for them, or a name is taken or comes twice.
    """
    if not isinstance(path, str | Path | None):
        raise ConfigError("`path` names a file; a pandas table goes to `frame`.")
    if not isinstance(frame, pd.DataFrame | None):
        kind = type(frame).__name__
        raise ConfigError(f"`frame` is a DataFrame with dates and a close, no {kind}.")
    if path is not None and frame is not None:
        raise ConfigError("`path` and `frame` exclude each other: give one of them.")
    if extra and path is None and frame is None:
        raise ConfigError(
            f"extra columns {', '.join(extra)} can only come from a file. "
            "Give its `path` too, or leave them out."
        )
    for name in extra:
        if name in SPELLINGS or list(extra).count(name) > 1:
            raise ConfigError(
                f"extra column {name!r} is named twice, or is read anyway. Leave it "
                "out, or give it another name in the file."
            )


def _read_fetched(
    symbol: str,
    source: str,
    calendar: str,
    as_of: str | date | None,
    offline: bool,
    store: PriceStore | None,
    now: datetime | None,
) -> pd.DataFrame:
    """Bring the store up to date and return its prices as they were known."""
    from forecaster.data.adjust import adjust_prices
    from forecaster.data.remote import open_source
    from forecaster.data.store import PriceStore
    from forecaster.data.update import update_ticker

    store = store or PriceStore()
    update = update_ticker(
        store,
        open_source(source, offline=offline),
        symbol,
        now=now or datetime.now(UTC),
        calendar=calendar,
    )
    stored = store.read(symbol)
    if update.event in NOTEWORTHY or stored.pointer.stale:
        warnings.warn(update.message, PriceWarning, stacklevel=3)
    return adjust_prices(_cut(stored.rows, symbol, None, None, as_of), as_of=as_of)


def _cut(
    prices: pd.DataFrame,
    symbol: str,
    start: str | date | None,
    end: str | date | None,
    as_of: str | date | None,
) -> pd.DataFrame:
    """Return the rows from `start` to the earlier of `end` and `as_of`."""
    index = prices.index
    first = index[0] if start is None else as_day(start)
    ends = [as_day(day) for day in (end, as_of) if day is not None]
    last = min(ends) if ends else index[-1]
    chosen = prices[(index >= first) & (index <= last)]
    if chosen.empty:
        raise DataError(
            f"{symbol}: no prices from {first:%F} to {last:%F}; they run from "
            f"{index[0]:%F} to {index[-1]:%F}. Widen `start`, `end` or `as_of`."
        )
    return chosen.copy()
