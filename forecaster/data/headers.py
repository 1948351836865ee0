"""Headers: which column of a file is which, in the spellings found in the wild."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass

from forecaster.data.prices import PRICE_COLUMNS
from forecaster.errors import DataError, InvalidPrices, SymbolNotFound

# Spellings in lower case without blanks and signs; an earlier one wins over a later.
SPELLINGS = {
    "date": (
        *("date", "tradedate", "tradingdate", "session", "day", "tradeday"),
        *("tradingday", "datetime", "timestamp", "time", "datum", "fecha"),
    ),
    "open": ("open", "openprice"),
    "high": ("high", "highprice"),
    "low": ("low", "lowprice"),
    "close": (
        *("close", "closeprice", "closingprice", "closelast", "closing", "last"),
        *("lastprice", "price", "schlusskurs", "schluss", "cierre"),
    ),
    "adj_close": ("adjclose", "adjustedclose", "adjusted", "closeadj"),
    "volume": ("volume", "vol"),
    "ticker": ("ticker", "symbol", "name"),
}
SEPARATORS = (",", ";", "\t", "|")
LINE_END = re.compile(r"\r\n|\n|\r")
# What stands in a row rather than above it.
DATE_CELL = re.compile(r"\s*[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|\s*[0-9]{8}\s*$")
NUMBER_CELL = re.compile(r"\s*[$€£]? ?[0-9]+([.,][0-9]+)*\s*")
# Some sites write a few lines about themselves above the header.
N_PREAMBLE = 25
N_LISTED = 10


@dataclass(frozen=True)
class Header:
    """What stands above the rows of a CSV file.

    Attributes
    ----------
    names, tickers : list of str of shape (n_cells,)
        Column names as written; tickers are empty but for files of `yfinance`.
    end, n_lines : int
        Characters and lines before the first row.
    first_row : list of str
        Cells of the first row.
    """

    names: list[str]
    tickers: list[str]
    separator: str
    end: int
    n_lines: int
    first_row: list[str]


def find_header(text: str) -> Header:
    """Find the line with the column names, and what separates them.

    The first line that names a date and a close, else the first that is not blank.
    """
    lines, ends = _first_lines(text)
    filled = [n for n, line in enumerate(lines) if line.strip()]
    for n in filled:
        for separator in SEPARATORS:
            if _is_header(_cells(lines[n], separator)):
                return _header(lines, ends, n, separator)
    first = filled[0] if filled else 0
    separator = max(SEPARATORS, key=lambda sign: len(_cells(lines[first], sign)))
    return _header(lines, ends, first, separator)


def for_ticker(
    names: list[str], tickers: list[str], wanted: str | None, source: str
) -> list[str]:
    """Return column names with those of other tickers blanked out.

    Raises
    ------
    DataError
        If there are several tickers and none is wanted.
    SymbolNotFound
        If the wanted ticker is not among them.
    """
    found = sorted({ticker for ticker in tickers if ticker})
    if not found:
        return names
    if wanted is None and len(found) > 1:
        raise DataError(
            f"{source} holds {len(found)} tickers: {listing(found)}. "
            "Choose one with `--ticker`."
        )
    chosen = (wanted or found[0]).strip().upper()
    if chosen not in {ticker.upper() for ticker in found}:
        raise SymbolNotFound(
            f"{source} has no prices of {wanted}; it holds {listing(found)}. "
            "Choose one of them with `--ticker`."
        )
    pairs = zip(names, tickers, strict=True)
    return [name if ticker.upper() in {"", chosen} else "" for name, ticker in pairs]


def find_columns(
    names: list[str],
    source: str,
    first_row: list[str] | None = None,
    extra: Collection[str] = (),
) -> dict[str, int]:
    """Return the position of each known column, by its canonical name.

    Those of `extra` are found by their name as written, and are none of the known.

    Raises
    ------
    InvalidPrices
        If there is no date, no close or none of an extra name, or two columns have
        the same name.
    """
    keys = [_key(name) for name in names]
    columns = {}
    for name, spellings in SPELLINGS.items():
        for spelling in spellings:
            if keys.count(spelling) > 1:
                raise InvalidPrices(
                    f"{source} has several columns `{name}`. Keep one of them."
                )
            if spelling in keys and name not in columns:
                columns[name] = keys.index(spelling)
    if "date" not in columns and _is_unnamed_date(keys, first_row or []):
        columns["date"] = 0
    for name in ("date", "close"):
        if name not in columns:
            raise InvalidPrices(_missing_message(source, name, names))
    return columns | _find_extra(names, source, extra, set(columns.values()))


def listing(texts: list[str]) -> str:
    """Write the first few texts, and the count of the rest."""
    more = len(texts) - N_LISTED
    shown = ", ".join(text[:40] for text in texts[:N_LISTED])
    return f"{shown} and {more} more" if more > 0 else shown


def _find_extra(
    names: list[str], source: str, extra: Collection[str], taken: Collection[int]
) -> dict[str, int]:
    written = [name.strip() for name in names]
    for name in extra:
        if written.count(name) != 1:
            raise InvalidPrices(
                f"{source}: wanted one column `{name}`, found {written.count(name)}; "
                f"its columns are: {listing(written)}. Write the name as the file does."
            )
        if written.index(name) in taken:
            raise InvalidPrices(
                f"{source}: column `{name}` is read anyway. Leave it out of the extra "
                "columns."
            )
    return {name: written.index(name) for name in extra}


def _missing_message(source: str, name: str, names: list[str]) -> str:
    wanted = ", ".join(("date", *PRICE_COLUMNS))
    found = listing([text.strip() or "(unnamed)" for text in names])
    if _is_row(names):
        return (
            f"{source} has no {name} column: its first line, where the names should "
            f"be, seems to hold prices ({found}). Put the names above it, such as "
            f"{wanted}; only date and close are required."
        )
    return (
        f"{source} has no {name} column; its columns are: {found}. "
        f"Name them {wanted}; only date and close are required."
    )


def _is_row(names: list[str]) -> bool:
    """Tell whether names are the cells of a row: a date, and a number.

    >>> _is_row(["3/1/2012", "$325.25", ""]), _is_row(["2012-01-03", "2012-01-04"])
    (True, False)
    """
    dated = any(DATE_CELL.match(name) for name in names)
    return dated and any(NUMBER_CELL.fullmatch(name) for name in names)


def _first_lines(text: str) -> tuple[list[str], list[int]]:
    """Return the first lines, and where the line after each begins."""
    lines, ends, start = [], [], 0
    for found in LINE_END.finditer(text):
        lines.append(text[start : found.start()])
        ends.append(found.end())
        start = found.end()
        if len(lines) == N_PREAMBLE:
            return lines, ends
    return [*lines, text[start:]], [*ends, len(text)]


def _cells(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        cells = []
    return cells or [line]


def _key(name: str) -> str:
    """Reduce a column name to letters: "5. Adj Close*" and "ADJ_CLOSE" are the same."""
    bare = re.sub(r"^\s*[0-9]+[.]|[(].*?[)]", "", name)
    return re.sub(r"[^a-z]", "", bare.lower())


def _is_header(cells: list[str]) -> bool:
    keys = [_key(cell) for cell in cells]
    has_close = any(spelling in keys for spelling in SPELLINGS["close"])
    has_date = any(spelling in keys for spelling in SPELLINGS["date"])
    return len(keys) > 1 and has_close and (has_date or keys[0] in {"", "price"})


def _header(lines: list[str], ends: list[int], n: int, separator: str) -> Header:
    """Gather the header at line `n`, which `yfinance` spreads over three lines."""
    names = _cells(lines[n], separator)
    tickers = [""] * len(names)
    if _key(names[0]) == "price":
        for other in (n - 1, n + 1):
            cells = _cells(lines[other], separator) if 0 <= other < len(lines) else []
            if len(cells) == len(names) and _key(cells[0]) == "ticker":
                names, tickers = ["date", *names[1:]], ["", *cells[1:]]
                n = _last_header_line(lines, max(n, other), separator)
                break
    first_row = _cells(lines[n + 1], separator) if n + 1 < len(lines) else []
    # Rows that all end with a separator have one cell more than the header.
    while len(names) < len(first_row) and not first_row[len(names)].strip():
        names, tickers = [*names, ""], [*tickers, ""]
    return Header(names, tickers, separator, ends[n], n + 1, first_row)


def _last_header_line(lines: list[str], n: int, separator: str) -> int:
    """Return the line that names the index and nothing else, if it follows line `n`."""
    cells = _cells(lines[n + 1], separator) if n + 1 < len(lines) else [""]
    alone = bool(cells) and _key(cells[0]) in SPELLINGS["date"] and not any(cells[1:])
    return n + 1 if alone else n


def _is_unnamed_date(keys: list[str], first_row: list[str]) -> bool:
    """Tell whether the first column is a date that pandas wrote without a name."""
    if not keys or keys[0] not in {"", "unnamed", "index"} or not first_row:
        return False
    return re.match(r"\s*[0-9]{1,4}[-/.][0-9]", first_row[0]) is not None
