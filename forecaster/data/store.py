"""The price store: every ticker's versions on disk, below one folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from forecaster.data.shelf import SHORTEST_NAME, Shelf, Stored
from forecaster.data.verifying import (
    Problem,
    current_record,
    find_needed,
    find_problems,
)
from forecaster.data.versions import DamagedFile, Version
from forecaster.errors import ConfigError, DataError, SymbolNotFound

FOLDER_VARIABLE = "FORECASTER_DATA"
LONGEST_TICKER = 40


class PriceStore:
    """Stored prices, as traded, in versions that never change.

    Parameters
    ----------
    folder : str or Path, optional
        Where the tickers' folders lie. By default `prices` below the folder that the
        environment variable FORECASTER_DATA names, or below the user's data folder.
    lock_timeout : float
        Seconds to wait for another process that updates the same ticker.
    """

    def __init__(
        self, folder: str | Path | None = None, *, lock_timeout: float = 600.0
    ) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        self.lock_timeout = lock_timeout

    def shelf(self, ticker: str) -> Shelf:
        """Return one ticker's files, which need not exist yet.

        Raises
        ------
        SymbolNotFound
            If this cannot be a ticker.
        """
        symbol = stored_name(ticker)
        return Shelf(self.folder / folder_name(symbol), symbol)

    def read(self, ticker: str, sha256: str | None = None) -> Stored:
        """Return the raw rows and the record of a ticker's current version.

        Parameters
        ----------
        ticker : str
            In any case.
        sha256 : str, optional
            Another version, by at least the first 16 digits of its SHA-256.

        Raises
        ------
        SymbolNotFound
            If nothing is stored for the ticker.
        DataError
            If there is no such version, it is damaged, or it cannot be read.

        Warns
        -----
        PriceWarning
            If something is damaged and an older version is used.
        """
        shelf = self.shelf(ticker)
        stored = shelf.read()
        if stored is None:
            raise self._nothing_in(shelf)
        return stored if sha256 is None else _another(shelf, stored, sha256)

    def versions(self, ticker: str) -> tuple[Version, ...]:
        """Return the records of all stored versions, newest first.

        Raises
        ------
        SymbolNotFound
            If nothing is stored for the ticker.
        """
        shelf = self.shelf(ticker)
        records = shelf.records()
        if not records:
            raise self._nothing_in(shelf)
        return records

    def current(self, ticker: str) -> Version:
        """Return the current version's record; its rows are not read.

        Raises
        ------
        DataError
            If it cannot be told, because of damage or otherwise.
        """
        shelf = self.shelf(ticker)
        try:
            return current_record(shelf)
        except DamagedFile:
            pass
        try:
            # Another process may have changed files meanwhile.
            return current_record(shelf)
        except DamagedFile as error:
            raise DataError(
                f"{shelf.ticker}: the stored prices are damaged ({error}). See "
                f"`forecaster data verify {shelf.ticker}`."
            ) from error

    def list_tickers(self) -> tuple[str, ...]:
        """Return the tickers with anything stored, be it damaged, in order."""
        if not self.folder.is_dir():
            return ()
        try:
            names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        except OSError as error:
            raise DataError(
                f"{self.folder} cannot be read: {error.strerror or error}. Choose a "
                "folder that you may read."
            ) from error
        return tuple(sorted(unquote(name) for name in names if self._holds(name)))

    def verify(self, ticker: str | None = None) -> tuple[Problem, ...]:
        """Read every version of one or all tickers and say what is damaged.

        Nothing is changed.

        Raises
        ------
        SymbolNotFound
            If nothing was ever stored for the ticker.
        """
        tickers = self.list_tickers() if ticker is None else (ticker,)
        return tuple(problem for name in tickers for problem in self._verify(name))

    def prune(self, ticker: str, *, keep: int) -> tuple[str, ...]:
        """Delete all but the newest versions of a ticker.

        The current version and the last good one before it always stay, and so does
        whatever was set aside as damaged.

        Parameters
        ----------
        ticker : str
            In any case.
        keep : int
            How many versions to keep, 1 or more.

        Returns
        -------
        tuple of str
            The SHA-256 of every version that was deleted.

        Raises
        ------
        ConfigError
            If `keep` is below 1.
        SymbolNotFound
            If nothing was ever stored for the ticker.
        RunLocked, OutputError
            If another process is at work, or the folder cannot be written.
        """
        if keep < 1:
            raise ConfigError(f"cannot keep {keep} versions. Keep 1 or more.")
        shelf = self.shelf(ticker)
        if not shelf.holds():
            raise self._nothing_in(shelf)
        with shelf.lock(self.lock_timeout):
            stored = shelf.read(repair=True)
            old = shelf.records()[keep:]
            needed = set() if stored is None else find_needed(shelf, stored.version)
            surplus = [version for version in old if version.sha256 not in needed]
            for version in surplus:
                shelf.remove(version.stem)
        return tuple(version.sha256 for version in surplus)

    def _verify(self, ticker: str) -> list[Problem]:
        shelf = self.shelf(ticker)
        if not shelf.holds():
            raise self._nothing_in(shelf)
        # Another process may have changed files meanwhile: damage is there twice.
        return find_problems(shelf) and find_problems(shelf)

    def _holds(self, name: str) -> bool:
        try:
            shelf = self.shelf(unquote(name))
            return shelf.folder.name == name and shelf.holds()
        except SymbolNotFound:
            return False
        except DataError:
            return True  # and whoever reads it is told why that fails

    def _nothing_in(self, shelf: Shelf) -> SymbolNotFound:
        left = "no whole version is left" if shelf.holds() else "no prices are stored"
        return SymbolNotFound(
            f"{shelf.ticker}: {left} in {self.folder}. Fetch them with `forecaster "
            f"fetch {shelf.ticker}`."
        )


def default_folder() -> Path:
    """Return where prices are stored unless somebody says otherwise."""
    import platformdirs

    chosen = os.environ.get(FOLDER_VARIABLE)
    base = Path(chosen) if chosen else Path(platformdirs.user_data_dir("forecaster"))
    return base / "prices"


def stored_name(ticker: str) -> str:
    """Return a ticker in upper case, if a folder can be named after it.

    Raises
    ------
    SymbolNotFound
        If it is empty, long, or has blanks or control characters in it.
    """
    symbol = str(ticker).strip().upper()
    printable = symbol.isprintable() and " " not in symbol
    if not symbol or not printable or len(symbol) > LONGEST_TICKER:
        raise SymbolNotFound(
            f"{str(ticker)[:LONGEST_TICKER]!r} cannot be a ticker. Give one such as "
            "GOOG, BRK-B or ^GSPC."
        )
    return symbol


def folder_name(symbol: str) -> str:
    """Return a name for a ticker's folder that is safe, and that can be read back.

    Examples
    --------
    >>> folder_name("^GSPC"), folder_name("BRK-B"), folder_name("EURUSD=X")
    ('^GSPC', 'BRK-B', 'EURUSD=X')
    >>> folder_name("../ETC"), unquote(folder_name("../ETC"))
    ('%2E.%2FETC', '../ETC')
    """
    name = quote(symbol, safe="^=")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _another(shelf: Shelf, stored: Stored, sha256: str) -> Stored:
    """Return another version than the current one."""
    if len(sha256) < SHORTEST_NAME:
        raise DataError(
            f"{shelf.ticker}: {sha256!r} is too short to name a version. Give at least "
            f"{SHORTEST_NAME} digits of its SHA-256."
        )
    try:
        version, rows = shelf.read_version(sha256)
    except DamagedFile as error:
        raise DataError(
            f"{shelf.ticker}: version {sha256[:SHORTEST_NAME]} is unusable: {error}. "
            f"See `forecaster data history {shelf.ticker}` for the others."
        ) from error
    return replace(stored, version=version, rows=rows)
