"""Folders: the versions in a model's folder, its lock, and what is left over."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from forecaster.atomic import output_errors, write_text
from forecaster.errors import BundleError, RunLocked
from forecaster.registry.naming import VERSION

LOCK, HIGHEST = ".lock", ".highest"


def versions_in(folder: Path) -> list[int]:
    """Return the versions in a model's folder, oldest first."""
    names = (path.name for path in folders_in(folder))
    return sorted(int(name) for name in names if VERSION.fullmatch(name))


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, which need not exist.

    Raises
    ------
    BundleError
        If it is no folder, or may not be read.
    """
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BundleError(
            f"{folder} cannot be read: {error.strerror}. Choose another folder with "
            "`--registry`."
        ) from error


@contextlib.contextmanager
def locked(folder: Path, timeout: float) -> Iterator[Path]:
    """Yield a model's folder while no other process may write in it.

    Raises
    ------
    RunLocked
        If another one does so for longer than `timeout` seconds.
    OutputError
        If the folder cannot be written.
    """
    lock = filelock.FileLock(folder / LOCK)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=timeout)
        except filelock.Timeout:
            raise RunLocked(
                f"another process is at work on {folder}. Wait for it."
            ) from None
    try:
        yield folder
    finally:
        lock.release()


def clear_leftovers(folder: Path) -> None:
    """Remove what processes that were killed have left; the lock has to be held."""
    for path in folder.glob(".*.*"):
        if path.name.split(".")[1].isdigit():
            shutil.rmtree(path, ignore_errors=True)


def note_highest(folder: Path, number: int) -> None:
    """Note that a version's number is given; the lock has to be held.

    It is a key in ledgers: even if the version is deleted, it never comes again.
    """
    write_text(folder / HIGHEST, f"{number}\n")


def highest_in(folder: Path) -> int:
    """Return the highest number that was noted; 0 if there is none."""
    try:
        return int((folder / HIGHEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
