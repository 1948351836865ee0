"""Atomic writes: a file or a folder appears whole or not at all."""

from __future__ import annotations

import contextlib
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
def new_folder(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` if the block succeeds.

    Parameters
    ----------
    replaces
        An earlier folder of the name gives way at the end; else it is refused.

    Raises
    ------
    OutputError
        If `path` is there already or cannot be written, by the block too. Nothing is
        left behind.
    """
    with output_errors(path):
        if path.exists() and not replaces:  # a rename would replace an empty folder
            raise OutputError(
                f"cannot write {path}: it is there already. Choose another name, or "
                "delete it."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with output_errors(path):
            yield staging
            sync_tree(staging)
            staging.chmod(0o755)
            _take_name(staging, path, replaces=replaces)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _take_name(staging: Path, path: Path, *, replaces: bool) -> None:
    """Give a folder its name; what had it before goes last, or comes back."""
    old = staging.with_name(f"{staging.name}.old")
    if replaces and path.exists():
        path.rename(old)
    try:
        staging.rename(path)
    except BaseException:
        if old.exists():
            old.rename(path)
        raise
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


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
