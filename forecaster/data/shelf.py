"""Shelf: the files of one ticker in the store, its lock, and what damage costs."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from forecaster.atomic import output_errors, write_bytes, write_text
from forecaster.data.versions import (
    DamagedFile,
    Pointer,
    Version,
    decode_version,
    encode_version,
)
from forecaster.errors import PriceWarning, RunLocked

POINTER, LOCK = "current.json", ".lock"
ROWS, RECORD, DAMAGED = ".parquet", ".json", ".damaged"
SHORTEST_NAME = 16
NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Stored:
    """What a ticker's shelf holds now.

    Attributes
    ----------
    version, rows
        The current version, with raw rows as `History.rows`.
    pointer
        What happened since it was made.
    repaired
        Whether something newer or better was damaged.
    """

    version: Version
    rows: pd.DataFrame
    pointer: Pointer
    repaired: bool = False


class Shelf:
    """One ticker's folder.

    Every version is two files that never change: `<sha16>.parquet` with the rows and
    `<sha16>.json` with the record. `current.json` names the one to use. Readers need
    no lock; whoever writes must hold it.
    """

    def __init__(self, folder: Path, ticker: str) -> None:
        self.folder, self.ticker = folder, ticker

    @contextlib.contextmanager
    def lock(self, seconds: float) -> Iterator[None]:
        """Let one process at a time write; the system frees the lock of a dead one.

        Raises
        ------
        RunLocked
            If another process holds it all the time.
        OutputError
            If the folder cannot be written.
        """
        import filelock

        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.folder / LOCK)
            try:
                lock.acquire(timeout=seconds, poll_interval=0.02)
            except filelock.Timeout as error:
                raise RunLocked(
                    f"{self.ticker}: another process has been updating its stored "
                    f"prices for {seconds:g} s. Wait for it, or end it."
                ) from error
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Stored | None:
        """Return the newest version that is whole; None if there is none.

        Damaged files get the ending `.damaged`, and a `PriceWarning` says so.
        """
        problems: list[str] = []
        pointer = self._read_pointer(problems)
        repaired, wanted = pointer is None, "" if pointer is None else pointer.sha256
        for name in self._candidates(wanted):
            expected = wanted if wanted.startswith(name) else name
            try:
                version, rows = self.read_version(expected)
            except DamagedFile as error:
                self._set_aside(name)
                problems.append(f"{name}{ROWS}: {error}")
                continue
            self._warn(problems, f"using the prices up to {version.last_session}")
            if pointer is None or pointer.sha256 != version.sha256:
                pointer = Pointer(version.sha256)
            return Stored(version, rows, pointer, repaired or bool(problems))
        self._warn(problems, "no stored prices are left")
        return None

    def read_version(self, sha256: str) -> tuple[Version, pd.DataFrame]:
        """Return one version by its SHA-256, or the first 16 or more digits of it.

        Raises
        ------
        DamagedFile
            If the file is missing, or is not what was written.
        """
        file = self.folder / f"{sha256[:SHORTEST_NAME]}{ROWS}"
        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            raise DamagedFile("it is missing") from error
        except OSError as error:
            raise DamagedFile(f"it cannot be read ({error.strerror})") from error
        return decode_version(content, sha256)

    def read_record(self, name: str) -> Version:
        """Return a version's record: from its sidecar, or else from its rows' file.

        Raises
        ------
        DamagedFile
            If neither can be read.
        """
        sidecar = self._file(name, RECORD)
        try:
            version = Version.from_json(sidecar.read_bytes())
            if version.stem == name:
                return version
            _rename_aside(sidecar)
        except DamagedFile:
            _rename_aside(sidecar)
        except OSError:
            pass
        return self.read_version(name)[0]

    def records(self) -> tuple[Version, ...]:
        """Return the records of all versions with rows, newest first."""
        found = []
        for name in self.names():
            with contextlib.suppress(DamagedFile):
                found.append(self.read_record(name))
        # Equal moments: a version is newer than the one that it was made from.
        parents = {version.parent for version in found}
        found.sort(key=lambda version: version.sha256 not in parents, reverse=True)
        found.sort(key=lambda version: version.stored_at, reverse=True)
        return tuple(found)

    def names(self) -> list[str]:
        """Return the first 16 digits of every version that has rows."""
        stems = (file.stem for file in self.folder.glob(f"*{ROWS}"))
        return sorted(stem for stem in stems if NAME.fullmatch(stem))

    def read_pointer(self) -> Pointer:
        """Return what `current.json` says.

        Raises
        ------
        DamagedFile
            If it is missing or says nothing that can be understood.
        """
        try:
            return Pointer.from_json((self.folder / POINTER).read_bytes())
        except FileNotFoundError as error:
            raise DamagedFile("it is missing") from error
        except OSError as error:
            raise DamagedFile(f"it cannot be read ({error.strerror})") from error

    def publish(
        self, version: Version, rows: pd.DataFrame, pointer: Pointer
    ) -> Version:
        """Write a new version and make it the current one, in this order.

        Returns
        -------
        Version
            With its SHA-256.

        Raises
        ------
        OutputError
            If the disk is full or the folder cannot be written. The version that was
            current still is.
        """
        named, content = encode_version(version, rows)
        write_bytes(self._file(named.stem, ROWS), content)
        write_text(self._file(named.stem, RECORD), named.to_json())
        self.write_pointer(pointer, named)
        return named

    def write_pointer(self, pointer: Pointer, version: Version) -> None:
        """Make a version the current one."""
        named = replace(pointer, sha256=version.sha256)
        write_text(self.folder / POINTER, named.to_json())

    def tidy(self) -> None:
        """Remove what a killed writer left half done, and restore lost sidecars.

        Call it under the lock: only then is nobody else at work on such files.
        """
        with output_errors(self.folder):
            for file in self.folder.iterdir():
                if file.name.startswith(".") and file.name != LOCK:
                    file.unlink(missing_ok=True)
        for name in self.names():
            if not self._file(name, RECORD).exists():
                with contextlib.suppress(DamagedFile):
                    record = self.read_record(name)
                    write_text(self._file(name, RECORD), record.to_json())

    def remove(self, name: str) -> None:
        """Delete a version. A kill in between leaves rows, which are a version."""
        with output_errors(self.folder):
            self._file(name, RECORD).unlink(missing_ok=True)
            self._file(name, ROWS).unlink(missing_ok=True)

    def _file(self, name: str, ending: str) -> Path:
        return self.folder / f"{name}{ending}"

    def _read_pointer(self, problems: list[str]) -> Pointer | None:
        try:
            return self.read_pointer()
        except DamagedFile as error:
            # A first version without a pointer was cut short before its last step.
            if len(self.names()) > 1 or (self.folder / POINTER).exists():
                problems.append(f"{POINTER}: {error}")
            _rename_aside(self.folder / POINTER)
            return None

    def _candidates(self, wanted: str) -> Iterator[str]:
        """Yield the current version's name, then the others', newest first."""
        current = wanted[:SHORTEST_NAME]
        if current:
            yield current
        known = [version.stem for version in self.records()]
        unread = [name for name in self.names() if name not in known]
        yield from (name for name in [*known, *unread] if name != current)

    def _set_aside(self, name: str) -> None:
        for ending in (ROWS, RECORD):
            _rename_aside(self._file(name, ending))

    def _warn(self, problems: list[str], outcome: str) -> None:
        if problems:
            found = "; ".join(problems)
            warnings.warn(
                f"{self.ticker}: damage among the stored prices ({found}). Set aside; "
                f"{outcome}. The next update fetches everything again.",
                PriceWarning,
                stacklevel=3,
            )


def _rename_aside(file: Path) -> None:
    """Give a file the ending `.damaged`, or `.damaged.2` and so on; never delete."""
    # A reader may lack the right to rename, or another reader may have been faster.
    with contextlib.suppress(OSError):
        if file.exists():
            target, number = file.with_name(file.name + DAMAGED), 1
            while target.exists():
                number += 1
                target = file.with_name(f"{file.name}{DAMAGED}.{number}")
            file.rename(target)
