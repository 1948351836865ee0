"""Embedded prices: six tickers that come with the package, and their splits."""

from __future__ import annotations

import csv
import difflib

import pandas as pd

from forecaster.data.files import read_price_file
from forecaster.errors import SymbolNotFound
from forecaster.resources import resource_folder


def embedded_tickers() -> tuple[str, ...]:
    """Return the tickers whose prices come with the package, in order."""
    stems = (file.stem for file in resource_folder("data").glob("*.csv"))
    return tuple(sorted(stem for stem in stems if stem.isupper()))


def read_embedded(symbol: str) -> pd.DataFrame:
    """Read a ticker's prices, adjusted for all splits up to their last session.

    Raises
    ------
    SymbolNotFound
        If there are none.
    """
    known = embedded_tickers()
    # Compared with the names that exist, so that no path can be smuggled in.
    if symbol not in known:
        near = difflib.get_close_matches(symbol, known, n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise SymbolNotFound(
            f"no embedded prices for {symbol[:40]!r}; there are {', '.join(known)}."
            f"{hint} Fetch it with `--source yahoo`, or bring your own with "
            "`--csv FILE` (in Python: `path=FILE` or `frame=TABLE`)."
        )
    return read_price_file(resource_folder("data") / f"{symbol}.csv")


def known_moves(ticker: str) -> frozenset[str]:
    """Return the ISO dates of a ticker's real moves that are as large as a split's."""
    return frozenset(row["session"] for row in _rows_of("known_moves.csv", ticker))


def known_splits(ticker: str) -> pd.Series:
    """Return the splits that the embedded prices of a ticker are adjusted for.

    Returns
    -------
    Series of shape (n_splits,)
        New shares for each old one; the index has the session that each began with.
    """
    rows = _rows_of("splits.csv", ticker)
    sessions = pd.DatetimeIndex([row["session"] for row in rows])
    return pd.Series([float(row["shares"]) for row in rows], sessions, dtype="float64")


def _rows_of(table: str, ticker: str) -> list[dict[str, str]]:
    file = resource_folder("data") / table
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["ticker"] == ticker]
