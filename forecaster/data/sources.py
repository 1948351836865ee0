"""Sources: from a ticker's name to its checked prices."""

from __future__ import annotations

import csv
import difflib
import re
import warnings
from datetime import date
from pathlib import Path

import pandas as pd

from forecaster.data.calendar import as_day
from forecaster.data.files import read_price_file
from forecaster.data.prices import check_prices
from forecaster.errors import DataError, PriceWarning, SymbolNotFound
from forecaster.resources import resource_folder


def load_prices(
    ticker: str | None = None,
    *,
    path: str | Path | None = None,
    calendar: str = "XNYS",
    start: str | date | None = None,
    end: str | date | None = None,
    as_of: str | date | None = None,
) -> pd.DataFrame:
    """Return checked prices: the embedded ones, or those of a file.

    Everything is checked before the range is cut, so the same file gives the same
    warnings for every range.

    Parameters
    ----------
    ticker : str, optional
        In any case; GOOG if absent. With `path`, names the prices and chooses among
        several tickers; if absent, the file's own name stands for it.
    path : str or Path, optional
        A CSV or Parquet file instead of the embedded prices.
    calendar : str
        The exchange whose sessions are expected.
    start, end : str or date, optional
        First and last date wanted, both included.
    as_of : str or date, optional
        The last session known: nothing later is returned, whatever `end` says.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        Prices in the quote currency and volume in shares, as `check_prices` describes.
        `attrs` holds `ticker`, `source` (`embedded` or the path) and `issues` (the
        messages that were also given as warnings).

    Raises
    ------
    SymbolNotFound
        If no prices are known for the ticker.
    InvalidPrices
        If the prices contradict themselves.
    DataError
        If the file cannot be opened, or nothing lies in the range.
    ConfigError
        If the calendar or a date is wrong.

    Warns
    -----
    PriceWarning
        Once for each thing that is usable but deserves a look.
    """
    wanted = None if ticker is None else str(ticker).strip().upper()
    if path is None:
        symbol, source = "GOOG" if wanted is None else wanted, "embedded"
        frame = _read_embedded(symbol)
    else:
        symbol, source = wanted or ticker_of_file(path), str(path)
        frame = read_price_file(path, wanted)
    prices, issues = check_prices(
        frame, symbol, calendar=calendar, known_moves=known_moves(symbol)
    )
    for issue in issues:
        warnings.warn(issue.message, PriceWarning, stacklevel=2)
    prices = _cut(prices, symbol, start, end, as_of)
    messages = [issue.message for issue in issues]
    prices.attrs = {"ticker": symbol, "source": source, "issues": messages}
    return prices


def ticker_of_file(path: str | Path) -> str:
    """Return a name for a file's prices, made of the file's own.

    Examples
    --------
    >>> ticker_of_file("downloads/my prices.csv")
    'MY-PRICES'
    """
    words = re.findall(r"[A-Z0-9.=^_-]+", Path(path).stem.upper())
    return "-".join(words).lstrip(".=_-")[:32] or "PRICES"


def embedded_tickers() -> tuple[str, ...]:
    """Return the tickers whose prices come with the package, in order."""
    stems = (file.stem for file in resource_folder("data").glob("*.csv"))
    return tuple(sorted(stem for stem in stems if stem.isupper()))


def known_moves(ticker: str) -> frozenset[str]:
    """Return the ISO dates of a ticker's real moves that are as large as a split's."""
    file = resource_folder("data") / "known_moves.csv"
    if not file.is_file():
        return frozenset()
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return frozenset(row["session"] for row in rows if row["ticker"] == ticker)


def _read_embedded(symbol: str) -> pd.DataFrame:
    known = embedded_tickers()
    # Compared with the names that exist, so that no path can be smuggled in.
    if symbol not in known:
        near = difflib.get_close_matches(symbol, known, n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise SymbolNotFound(
            f"no embedded prices for {symbol[:40]!r}; there are {', '.join(known)}."
            f"{hint} Bring your own with `--csv FILE`."
        )
    return read_price_file(resource_folder("data") / f"{symbol}.csv")


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
