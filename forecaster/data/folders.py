"""Folders: which file of a folder holds a ticker's prices."""

from __future__ import annotations

import difflib
from pathlib import Path

from forecaster.config.places import ticker_of_file
from forecaster.data.headers import listing
from forecaster.errors import DataError, SymbolNotFound

SUFFIXES = (".csv", ".parquet", ".pq")


def find_price_file(folder: Path, ticker: str | None) -> Path:
    """Return the file that is named after a ticker, such as `GOOG.csv`.

    Parameters
    ----------
    folder : Path
        Holds one CSV or Parquet file for each ticker; other files are ignored.
    ticker : str, optional
        In any case. Needed unless there is one file only.

    Raises
    ------
    SymbolNotFound
        If no file has the ticker's name.
    DataError
        If there is no file at all, several have the name, or it cannot be opened.
    """
    files = _price_files(folder)
    names = sorted({ticker_of_file(file) for file in files})
    if not files:
        raise DataError(
            f"{folder} has no CSV or Parquet file. Put one into it for each ticker, "
            "such as GOOG.csv."
        )
    if ticker is None and len(names) > 1:
        raise DataError(
            f"{folder} holds {len(names)} tickers: {listing(names)}. "
            "Choose one with `--ticker`."
        )
    wanted = (ticker or names[0]).upper()
    found = [file for file in files if _is_named(file, wanted)]
    if not found:
        near = difflib.get_close_matches(wanted, names, n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise SymbolNotFound(
            f"{folder} has no file for {wanted[:40]}; it holds {listing(names)}.{hint} "
            f"Add {wanted[:40]}.csv, or choose one of them with `--ticker`."
        )
    if len(found) > 1:
        both = " and ".join(file.name for file in found)
        raise DataError(f"{folder} has {both}. Keep one of them, or name the file.")
    return found[0]


def _price_files(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot open {str(folder)!r}: {error}.") from error
    return [
        file
        for file in files
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]


def _is_named(file: Path, wanted: str) -> bool:
    return wanted in (file.stem.upper(), ticker_of_file(file))
