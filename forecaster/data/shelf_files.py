"""Shelf files: the folder of one ticker, its lock, and which failure is damage."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from forecaster.atomic import output_errors
from forecaster.data.versions import DamagedFile, NotUnderstood
from forecaster.errors import DataError, RunLocked

Content = TypeVar("Content")

POINTER, LOCK = "current.json", ".lock"
ROWS, RECORD, DAMAGED = ".parquet", ".json", ".damaged"
NAME = re.compile(r"[0-9a-f]{16}")


class ShelfFiles:
    """One ticker's folder, as names and bytes.

    Only a file whose bytes were read and are wrong is damaged. If the system refuses
    to read one, or a newer forecaster wrote it, every reader raises `DataError`.
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
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
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

    def names(self) -> list[str]:
        """Return the first 16 digits of every version that has rows."""
        stems = [file.removesuffix(ROWS) for file in self.files() if ROWS in file]
        return sorted(stem for stem in stems if NAME.fullmatch(stem))

    def files(self) -> list[str]:
        """Return the names of all files, hidden ones included, in order."""
        try:
            return sorted(os.listdir(self.folder))  # noqa: PTH208  no Path is needed
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._refused(self.folder, error) from error

    def holds(self) -> bool:
        """Tell whether anything was ever stored here, be it damaged or not."""
        return any(
            file == POINTER or DAMAGED in file or NAME.match(file)
            for file in self.files()
        )

    def file(self, name: str, ending: str) -> Path:
        """Return the path of one of a version's files."""
        return self.folder / f"{name}{ending}"

    def load(self, file: Path, parse: Callable[[bytes], Content]) -> Content:
        """Return what a file says.

        Raises
        ------
        DamagedFile
            If it is missing, or is not what was written.
        DataError
            If the system refuses to read it, or a newer forecaster wrote it.
        """
        try:
            return parse(file.read_bytes())
        except FileNotFoundError as error:
            raise DamagedFile("it is missing") from error
        except OSError as error:
            raise self._refused(file, error) from error
        except NotUnderstood as error:
            raise DataError(f"{self.ticker}: {file} {error}.") from error

    def _refused(self, path: Path, error: OSError) -> DataError:
        return DataError(
            f"{self.ticker}: {path} cannot be read: {error.strerror or error}. Nothing "
            "was changed. Try again, or see to the disk and your right to read it."
        )

    def set_aside(self, *files: str) -> None:
        """Give files the ending `.damaged`, or `.damaged.2` and so on; never delete."""
        with output_errors(self.folder):
            for file in map(self.folder.joinpath, files):
                target, number = file.with_name(file.name + DAMAGED), 1
                while target.exists():
                    number += 1
                    target = file.with_name(f"{file.name}{DAMAGED}.{number}")
                with contextlib.suppress(FileNotFoundError):
                    file.rename(target)
