"""Files: a user's CSV or Parquet, whatever wrote it, as a price frame yet unchecked."""

from __future__ import annotations

import codecs
import io
import json
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.data.frames import as_prices, number_names, read_price_table
from forecaster.data.headers import Header, find_columns, find_header, for_ticker
from forecaster.data.parsing import NULL_WORDS, Origin, is_numeric
from forecaster.errors import DataError, InvalidPrices

PARQUET_MAGIC = b"PAR1"
# Control characters that no text file has.
BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
NULL_CELLS = sorted({*NULL_WORDS, *map(str.upper, NULL_WORDS), "NaN", "None"})


def read_price_file(
    path: str | Path, ticker: str | None = None, extra: Collection[str] = ()
) -> pd.DataFrame:
    """Read daily prices from a CSV or Parquet file, without judging them.

    Column names are recognised in many spellings, dates and numbers in many styles;
    see `headers` and `parsing`. Rows that run from new to old are turned round.

    Parameters
    ----------
    path : str or Path
        A file with one row for each session.
    ticker : str, optional
        Which rows or columns to take from a file of several tickers, in any case.
    extra : collection of str
        Further columns to read as numbers, named as the file does.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        float64 columns out of `PRICE_COLUMNS` and all `extra`; index
        `session` (naive dates, unit us).

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    InvalidPrices
        If it holds no prices, or something in it cannot be read. The message names
        the value, its column and its line.
    SymbolNotFound
        If it holds several tickers, and not the wanted one.
    """
    path = Path(path)
    content = _read_bytes(path)
    source = str(path)
    if content.startswith(PARQUET_MAGIC) or path.suffix.lower() in {".parquet", ".pq"}:
        return _read_parquet(content, source, ticker, extra)
    return _read_csv(content, source, ticker, extra)


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"there is no file {path}. Give the path of a CSV or Parquet file."
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder. Name one file inside it.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot open {str(path)!r}: {error}.") from error
    return content


def _read_csv(
    content: bytes, source: str, ticker: str | None, extra: Collection[str]
) -> pd.DataFrame:
    text = _decode(content, source)
    if not text.strip():
        raise InvalidPrices(f"{source} is empty. Give a file with dates and prices.")
    if _is_json(text.lstrip()):
        raise InvalidPrices(
            f"{source} holds JSON, which is not read. Write it as CSV or Parquet: "
            "`pandas.read_json` reads it, `to_csv` and `to_parquet` write it."
        )
    header = find_header(text)
    names = for_ticker(header.names, header.tickers, ticker, source)
    columns = find_columns(names, source, header.first_row, extra)
    body = text[header.end :]
    if not body.strip(' \t\r\n,;|"'):
        raise InvalidPrices(f"{source} has a header but no rows. Add some prices.")
    table = _parse_table(body, header, columns, source)
    # Semicolons separate where commas mark decimals.
    origin = Origin(source, decimal_comma=header.separator == ";")
    return as_prices(table, columns, names, ticker, origin)


def _decode(content: bytes, source: str) -> str:
    """Turn bytes into text: UTF-8, UTF-16 with its mark, or else Windows-1252."""
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\0" in text or BINARY.search(text[:4096]):
        raise InvalidPrices(
            f"{source} is not a CSV file: it holds binary data. "
            "Unpack an archive, and save a spreadsheet as CSV."
        )
    return text


def _is_json(text: str) -> bool:
    """Tell whether a text begins with an object or a list of JSON."""
    if not text.startswith(("{", "[")):
        return False
    try:
        json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parse_table(
    body: str, header: Header, columns: dict[str, int], source: str
) -> pd.DataFrame:
    """Split the rows into cells: numbers if all are plain, else all cells as text.

    Returns
    -------
    DataFrame
        Columns counted from 0; the index counts the lines of the file from 1.
    """
    texts = {columns[name]: "str" for name in ("date", "ticker") if name in columns}
    numbers = [columns[name] for name in number_names(columns)]
    nulls = dict.fromkeys(numbers, NULL_CELLS) | {position: [""] for position in texts}
    # A sign in the first row tells early that cells are no plain numbers.
    plain = not re.search("[$€£¥,]", "".join(_cells_at(header.first_row, numbers)))
    table = _split_cells(body, header, source, texts if plain else "str", nulls)
    if plain and not all(is_numeric(table[position]) for position in numbers):
        table = _split_cells(body, header, source, "str", nulls)
    table.index = pd.RangeIndex(len(table)) + header.n_lines + 1
    return table[[*texts, *numbers]].dropna(how="all")


def _cells_at(row: list[str], positions: list[int]) -> list[str]:
    return [row[position] for position in positions if position < len(row)]


def _split_cells(
    body: str,
    header: Header,
    source: str,
    dtype: Any,
    nulls: Mapping[Any, list[str]],
) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # A first row with more cells than the header; in later rows it is an error.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table: pd.DataFrame = pd.read_csv(
                io.StringIO(body),
                sep=header.separator,
                header=None,
                names=range(len(header.names)),
                index_col=False,
                dtype=dtype,
                na_values=nulls,
                keep_default_na=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                low_memory=False,
            )
            return table
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise InvalidPrices(
            f"{source} cannot be split into columns: {_reason(error, header)}. "
            'Put numbers with commas in quotes ("7,380,500"), and close every quote.'
        ) from error


def _reason(error: Exception, header: Header) -> str:
    """Return the parser's reason, with lines counted from the top of the file."""
    if isinstance(error, pd.errors.ParserWarning):
        return f"line {header.n_lines + 1} has more cells than the header"
    text = (
        str(error)
        .strip()
        .splitlines()[0]
        .removeprefix("Error tokenizing data. C error: ")
    )
    return re.sub(
        r"(?<=line )\d+", lambda found: str(int(found[0]) + header.n_lines), text
    )


def _read_parquet(
    content: bytes, source: str, ticker: str | None, extra: Collection[str]
) -> pd.DataFrame:
    try:
        table = pd.read_parquet(io.BytesIO(content))
    # A damaged file can break its reader in any way.
    except Exception as error:
        raise InvalidPrices(
            f"{source} is not a Parquet file that can be read: {str(error)[:200]}. "
            "Write it again, or use CSV."
        ) from error
    return read_price_table(table, ticker, extra, source=source)
