"""Atomic writes: a file or a folder appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from forecaster.errors import OutputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that readers see either the old content or the new.

    The bytes go to a temporary file beside `path`, reach the disk, and take the
    name in one step.

    Raises
    ------
    OutputError
        If the folder cannot be written or the disk is full. The old file stays.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, content.encode("utf-8"))


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` if the block succeeds.

    Raises
    ------
    OutputError
        If `path` already exists or cannot be written. Nothing is left behind.
    """
    with output_errors(path):
        if path.exists():  # a rename would replace an empty folder without a word
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield staging
        with output_errors(path):
            sync_tree(staging)
            staging.chmod(0o755)
            staging.rename(path)
            sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one clear `OutputError`."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OutputError(
            f"cannot write {path}: {reason}. "
            "Free some space, or choose a folder that you may write."
        ) from error


def sync_tree(folder: Path) -> None:
    """Force every file below `folder` to the disk."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
