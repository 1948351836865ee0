"""Shelf: the versions of one ticker in the store, and what damage costs."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from forecaster.atomic import output_errors, write_bytes, write_text
from forecaster.data.shelf_files import POINTER, RECORD, ROWS, ShelfFiles
from forecaster.data.versions import (
    DamagedFile,
    Pointer,
    Version,
    decode_version,
    encode_version,
)
from forecaster.errors import DataError, PriceWarning

SHORTEST_NAME = 16
SIDECAR = re.compile(r"[0-9a-f]{16}\.json(\.damaged(\.[0-9]+)?)?")
# What an atomic write calls a file that is not whole yet.
HALF_DONE = re.compile(r"\.(current\.json|[0-9a-f]{16}\.(json|parquet))\.[A-Za-z0-9_]+")


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


class Shelf(ShelfFiles):
    """One ticker's folder.

    Every version is two files that never change: `<sha16>.parquet` with the rows and
    `<sha16>.json` with the record. `current.json` names the one to use. Readers need
    no lock; whoever writes must hold it.
    """

    def read(self, *, repair: bool = False, warn: bool = True) -> Stored | None:
        """Return the newest version that is whole; None if there is none.

        Parameters
        ----------
        repair : bool
            Give damaged files the ending `.damaged`. Only under the lock.
        warn : bool
            Give a `PriceWarning` if something is damaged.
        """
        stored, problems = self._read(repair=repair)
        if problems and not repair:
            # Without the lock, another process may have changed files meanwhile.
            stored, problems = self._read(repair=False)
        if problems and warn:
            self._warn(problems, stored, repair=repair)
        return stored

    def _read(self, *, repair: bool) -> tuple[Stored | None, list[str]]:
        problems: list[str] = []
        pointer = self._read_pointer(problems, repair=repair)
        repaired, wanted = pointer is None, "" if pointer is None else pointer.sha256
        for name in self._candidates(wanted):
            expected = wanted if wanted.startswith(name) else name
            try:
                version, rows = self.read_version(expected)
            except DamagedFile as error:
                if repair:
                    self.set_aside(f"{name}{ROWS}", f"{name}{RECORD}")
                problems.append(f"{name}{ROWS}: {error}")
                continue
            if pointer is None or pointer.sha256 != version.sha256:
                start = self._earliest_start(version, pointer)
                pointer = Pointer(version.sha256, start=start)
            repaired = repaired or bool(problems)
            return Stored(version, rows, pointer, repaired), problems
        return None, problems

    def read_version(self, sha256: str) -> tuple[Version, pd.DataFrame]:
        """Return one version by its SHA-256, or the first 16 or more digits of it.

        Raises
        ------
        DamagedFile
            If the file is missing, or is not what was written.
        """
        file = self.file(sha256[:SHORTEST_NAME], ROWS)
        return self.load(file, lambda content: decode_version(content, sha256))

    def read_record(self, name: str) -> Version:
        """Return a version's record: from its sidecar, or else from its rows' file.

        Raises
        ------
        DamagedFile
            If neither can be read.
        """
        with contextlib.suppress(DamagedFile):
            return self.read_sidecar(name)
        return self.read_version(name)[0]

    def read_sidecar(self, name: str) -> Version:
        """Return what a version's sidecar says.

        Raises
        ------
        DamagedFile
            If it is missing, or belongs to another version.
        """
        version = self.load(self.file(name, RECORD), Version.from_json)
        if version.stem != name:
            raise DamagedFile("it belongs to another version")
        return version

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

    def read_pointer(self) -> Pointer:
        """Return what `current.json` says.

        Raises
        ------
        DamagedFile
            If it is missing or says nothing that can be understood.
        """
        return self.load(self.folder / POINTER, Pointer.from_json)

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
        write_bytes(self.file(named.stem, ROWS), content)
        write_text(self.file(named.stem, RECORD), named.to_json())
        self.write_pointer(pointer, named)
        return named

    def write_pointer(self, pointer: Pointer, version: Version) -> None:
        """Make a version the current one."""
        start = min(pointer.start or version.start, version.start)
        named = replace(pointer, sha256=version.sha256, start=start)
        write_text(self.folder / POINTER, named.to_json())

    def is_tidy(self) -> bool:
        """Tell whether `tidy` would have nothing to do."""
        half_done = any(HALF_DONE.fullmatch(file) for file in self.files())
        return not half_done and not self._without_sidecar()

    def tidy(self) -> None:
        """Remove what a killed writer left half done, and restore lost sidecars.

        Call it under the lock: only then is nobody else at work on such files.
        """
        with output_errors(self.folder):
            for file in self.files():
                if HALF_DONE.fullmatch(file):
                    (self.folder / file).unlink(missing_ok=True)
        for name in self._without_sidecar():
            # Rows that are damaged or cannot be read are another step's business.
            with contextlib.suppress(DamagedFile, DataError):
                record = self.read_version(name)[0]
                self.set_aside(f"{name}{RECORD}")
                write_text(self.file(name, RECORD), record.to_json())

    def remove(self, name: str) -> None:
        """Delete a version. A kill in between leaves rows, which are a version."""
        with output_errors(self.folder):
            self.file(name, RECORD).unlink(missing_ok=True)
            self.file(name, ROWS).unlink(missing_ok=True)

    def _read_pointer(self, problems: list[str], *, repair: bool) -> Pointer | None:
        try:
            return self.read_pointer()
        except DamagedFile as error:
            # A first version without a pointer was cut short before its last step.
            if len(self.names()) > 1 or POINTER in self.files():
                problems.append(f"{POINTER}: {error}")
            if repair:
                self.set_aside(POINTER)
            return None

    def _without_sidecar(self) -> list[str]:
        """Return the versions whose sidecar is missing or damaged."""
        found = []
        for name in self.names():
            try:
                self.read_sidecar(name)
            except DamagedFile:
                found.append(name)
        return found

    def _earliest_start(self, version: Version, pointer: Pointer | None) -> str:
        """Return the earliest date asked for since a version that is used again."""
        starts = [version.start]
        if pointer is not None and pointer.start is not None:
            starts.append(pointer.start)
        for file in filter(SIDECAR.fullmatch, self.files()):
            with contextlib.suppress(DamagedFile):
                record = self.load(self.folder / file, Version.from_json)
                if record.stored_at >= version.stored_at:
                    starts.append(record.start)
        return min(starts)

    def _candidates(self, wanted: str) -> Iterator[str]:
        """Yield the current version's name, then the others', newest first."""
        current = wanted[:SHORTEST_NAME]
        if current:
            yield current
        known = [version.stem for version in self.records()]
        unread = [name for name in self.names() if name not in known]
        yield from (name for name in [*known, *unread] if name != current)

    def _warn(
        self, problems: list[str], stored: Stored | None, *, repair: bool
    ) -> None:
        outcome = "no stored prices are left"
        if stored is not None:
            outcome = f"using the prices up to {stored.version.last_session}"
        done = "Set aside" if repair else "Left where it is"
        warnings.warn(
            f"{self.ticker}: damage among the stored prices ({'; '.join(problems)}). "
            f"{done}; {outcome}. The next update fetches everything again.",
            PriceWarning,
            stacklevel=4,
        )
