"""Frames: a pandas table of prices, whoever made it, as a price frame yet unchecked."""

from __future__ import annotations

import re
from collections.abc import Collection

import pandas as pd

from forecaster.data.headers import SPELLINGS, find_columns, for_ticker, listing
from forecaster.data.parsing import Origin, clock_times, parse_dates, parse_numbers
from forecaster.data.prices import PRICE_COLUMNS
from forecaster.errors import DataError, InvalidPrices, SymbolNotFound

# How many times of a day a message spells out.
N_TIMES = 3
TICKER_SHAPE = r"[A-Z0-9.^=\-]{1,12}"


def read_price_table(
    table: pd.DataFrame,
    ticker: str | None = None,
    extra: Collection[str] = (),
    *,
    source: str = "the table",
) -> pd.DataFrame:
    """Read daily prices from a pandas table, without judging them.

    Parameters
    ----------
    table : DataFrame
        One row for each session, with the dates as index or in a column, in any of the
        spellings that a file may have. Not modified.
    ticker, extra
        As for `forecaster.data.files.read_price_file`.
    source : str
        Names the table in messages.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        As `forecaster.data.files.read_price_file` gives it.

    Raises
    ------
    DataError, InvalidPrices, SymbolNotFound
        As for a file.
    """
    if table.empty:
        raise InvalidPrices(f"{source} has no rows. Add some prices.")
    if _holds_dates(table.index):
        table = table.rename_axis(index="date")
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index(allow_duplicates=True)
    labels = [_label(name) for name in table.columns]
    names = for_ticker(
        [name for name, _ in labels], [symbol for _, symbol in labels], ticker, source
    )
    columns = find_columns(names, source, extra=extra)
    table = table.set_axis(pd.RangeIndex(len(names)), axis="columns")
    table.index = pd.RangeIndex(len(table)) + 1
    return as_prices(table, columns, names, ticker, Origin(source, "row"))


def _holds_dates(index: pd.Index) -> bool:
    """Return whether an index is one of dates, or has no name and may be one."""
    if isinstance(index, pd.DatetimeIndex):
        return True
    plain = index.nlevels == 1 and index.name is None
    return plain and not pd.api.types.is_numeric_dtype(index.dtype)


def number_names(columns: dict[str, int]) -> list[str]:
    """Return the columns that hold numbers: prices first, then what is extra."""
    known = [name for name in PRICE_COLUMNS if name in columns]
    return known + [name for name in columns if name not in SPELLINGS]


def _label(name: object) -> tuple[str, str]:
    """Split a column name of `yfinance.download` into field and ticker."""
    if not isinstance(name, tuple):
        return str(name), ""
    first, second = (str(part) for part in (*name, "")[:2])
    return first, second


def as_prices(
    table: pd.DataFrame,
    columns: dict[str, int],
    names: list[str],
    ticker: str | None,
    origin: Origin,
) -> pd.DataFrame:
    """Pick the ticker's rows, read dates and numbers, and put old before new."""
    if "ticker" in columns:
        header = names[columns["ticker"]]
        table = _rows_of(table, columns["ticker"], header, ticker, origin.source)
    position = columns["date"]
    index = parse_dates(table[position], names[position], origin)
    _refuse_hours(table[position], index, origin.source)
    known = {name: table[columns[name]] for name in number_names(columns)}
    numbers = parse_numbers(known, origin)
    prices = pd.DataFrame(numbers, index=index)
    if index.is_monotonic_decreasing and not index.is_monotonic_increasing:
        return prices.iloc[::-1]
    return prices


def _refuse_hours(values: pd.Series, days: pd.DatetimeIndex, source: str) -> None:
    """Refuse several prices of one day, if their times differ."""
    repeated = days.duplicated(keep=False)
    if not repeated.any():
        return
    times = pd.Series(clock_times(values[repeated])).groupby(days[repeated])
    n_times = times.nunique()
    if (n_times <= 1).all():
        return
    day = n_times.index[n_times > 1][0]
    found = times.get_group(day).unique()
    more = ", ..." if len(found) > N_TIMES else ""
    raise InvalidPrices(
        f"{source} holds prices within the day: those of {day:%F} are of "
        f"{', '.join(found[:N_TIMES])}{more}. Give one row for each session, the last "
        "of its day: in pandas, with the times as index, "
        "`table.groupby(table.index.date).last()`."
    )


def _rows_of(
    table: pd.DataFrame, position: int, header: str, ticker: str | None, source: str
) -> pd.DataFrame:
    """Return the rows of one ticker, out of a column that names tickers."""
    symbols = pd.Series(
        [str(value).strip().upper() for value in table[position]], index=table.index
    )
    found = sorted(set(symbols))
    if len(found) == 1 and (ticker is None or not _is_ticker(table[position].iloc[0])):
        # "Alphabet Inc." in a column `name` is no ticker: there is nothing to choose.
        return table
    if ticker is None:
        raise DataError(
            f"{source} holds {len(found)} tickers in column `{header}`: "
            f"{listing(found)}. Choose one: with `--ticker`, or in Python as in "
            f"`load_prices({found[0]!r}, ...)`."
        )
    chosen = table[symbols == ticker.strip().upper()]
    if chosen.empty:
        raise SymbolNotFound(
            f"{source} has no rows for {ticker}; column `{header}` holds "
            f"{listing(found)}. Choose one of them: with `--ticker`, or in Python as "
            f"in `load_prices({found[0]!r}, ...)`."
        )
    return chosen


def _is_ticker(value: object) -> bool:
    return re.fullmatch(TICKER_SHAPE, str(value).strip()) is not None
