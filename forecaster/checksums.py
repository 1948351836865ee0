"""Checksums: files that are noticed when a byte of them changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from forecaster.errors import BundleError

RESTORE = "Restore it from a copy, or train again."


def check_files(
    folder: Path, checksums: Any, *, wanted: tuple[str, ...], cure: str = RESTORE
) -> None:
    """Compare files with their recorded checksums.

    Parameters
    ----------
    cure
        What to do about a file that is missing or damaged.

    Raises
    ------
    BundleError
        Naming the first file that is missing or damaged.
    """
    for name in wanted:
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path}: missing. {cure}")
        if checksum(path) != checksums.get(name):
            raise BundleError(
                f"{path}: damaged, its checksum differs from the one recorded. {cure}"
            )


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(content: dict[str, Any]) -> bytes:
    """Return JSON that carries its own checksum, in the one form that is accepted."""
    text = json.dumps(content, indent=1, sort_keys=True)
    signed = {"checksum": hashlib.sha256(text.encode()).hexdigest(), **content}
    return (json.dumps(signed, indent=1, sort_keys=True) + "\n").encode()


def read_canonical_json(path: Path) -> dict[str, Any]:
    """Read what `canonical_json` made, refusing any change of a byte.

    Raises
    ------
    BundleError
        If the file is missing or damaged.
    """
    try:
        stored = path.read_bytes()
        content = json.loads(stored)
        content.pop("checksum")
    except FileNotFoundError:
        raise BundleError(
            f"{path}: no such file, so {path.parent} is not a saved run. "
            "List the runs with `forecaster runs list`."
        ) from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged ({error}). Train again.") from None
    if canonical_json(content) != stored:
        raise BundleError(f"{path}: damaged, its own checksum differs. Train again.")
    return dict(content)
