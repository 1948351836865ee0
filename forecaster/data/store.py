"""The price store: every ticker's versions on disk, below one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from forecaster.data.shelf import POINTER, RECORD, ROWS, SHORTEST_NAME, Shelf, Stored
from forecaster.data.versions import DamagedFile, Version
from forecaster.errors import ConfigError, DataError, SymbolNotFound

FOLDER_VARIABLE = "FORECASTER_DATA"
LONGEST_TICKER = 40


@dataclass(frozen=True)
class Problem:
    """Something in the store that is not as it was written."""

    ticker: str
    file: str
    message: str


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
            If there is no such version, or it is damaged.

        Warns
        -----
        PriceWarning
            If something was damaged and an older version is used.
        """
        shelf = self.shelf(ticker)
        stored = shelf.read()
        if stored is None:
            raise SymbolNotFound(
                f"{shelf.ticker}: no prices are stored in {self.folder}. Fetch them "
                f"with `forecaster fetch {shelf.ticker}`."
            )
        return stored if sha256 is None else _another(shelf, stored, sha256)

    def versions(self, ticker: str) -> tuple[Version, ...]:
        """Return the records of all stored versions, newest first."""
        return self.shelf(ticker).records()

    def list_tickers(self) -> tuple[str, ...]:
        """Return the tickers with stored prices, in order."""
        if not self.folder.is_dir():
            return ()
        names = (path.name for path in self.folder.iterdir() if path.is_dir())
        found = (unquote(name) for name in names)
        return tuple(sorted(name for name in found if self._holds(name)))

    def verify(self, ticker: str | None = None) -> tuple[Problem, ...]:
        """Read every version of one or all tickers and say what is damaged.

        Nothing is changed.
        """
        tickers = self.list_tickers() if ticker is None else (ticker,)
        return tuple(
            problem for name in tickers for problem in _problems(self.shelf(name))
        )

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
        RunLocked, OutputError
            If another process is at work, or the folder cannot be written.
        """
        if keep < 1:
            raise ConfigError(f"cannot keep {keep} versions. Keep 1 or more.")
        shelf = self.shelf(ticker)
        if not shelf.folder.is_dir():
            return ()
        with shelf.lock(self.lock_timeout):
            stored = shelf.read()
            old = shelf.records()[keep:]
            needed = set() if stored is None else _needed(shelf, stored.version)
            surplus = [version for version in old if version.sha256 not in needed]
            for version in surplus:
                shelf.remove(version.stem)
        return tuple(version.sha256 for version in surplus)

    def _holds(self, name: str) -> bool:
        try:
            return bool(self.shelf(name).names())
        except SymbolNotFound:
            return False


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


def _needed(shelf: Shelf, current: Version) -> set[str]:
    """Return the current version and the last good one that it was made from."""
    records = {version.sha256: version for version in shelf.records()}
    lineage = []
    parent = records.pop(current.sha256, current).parent
    while parent in records:
        lineage.append(records.pop(parent))
        parent = lineage[-1].parent
    for version in [*lineage, *records.values()]:
        try:
            shelf.read_version(version.sha256)
        except DamagedFile:
            continue
        return {current.sha256, version.sha256}
    return {current.sha256}


def _problems(shelf: Shelf) -> list[Problem]:
    """Return what is wrong with one ticker's files."""
    found: dict[str, str] = {}
    try:
        current = shelf.read_pointer().sha256
        if current[:SHORTEST_NAME] not in shelf.names():
            found[POINTER] = f"it names {current[:SHORTEST_NAME]}, which is missing"
    except DamagedFile as error:
        found[POINTER] = str(error)
    for name in shelf.names():
        try:
            version, _ = shelf.read_version(name)
        except DamagedFile as error:
            found[f"{name}{ROWS}"] = str(error)
            continue
        sidecar = shelf.folder / f"{name}{RECORD}"
        if not _says(sidecar, version):
            found[f"{name}{RECORD}"] = "it is missing or not as written"
    return [Problem(shelf.ticker, file, message) for file, message in found.items()]


def _says(sidecar: Path, version: Version) -> bool:
    """Tell whether a sidecar is byte for byte what the version's record says."""
    try:
        return sidecar.read_text("utf-8") == version.to_json()
    except (OSError, ValueError):
        return False
