"""Verifying: what is wrong with one ticker's files, and which of them are needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forecaster.data.shelf import SHORTEST_NAME, SIDECAR, Shelf
from forecaster.data.shelf_files import DAMAGED, POINTER, RECORD, ROWS
from forecaster.data.versions import DamagedFile, Version
from forecaster.errors import DataError


@dataclass(frozen=True)
class Problem:
    """Something in the store that is not as it was written."""

    ticker: str
    file: str
    message: str


def find_needed(shelf: Shelf, current: Version) -> set[str]:
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


def current_record(shelf: Shelf) -> Version:
    """Return the record that `current.json` names."""
    names = shelf.names()
    if len(names) == 1 and POINTER not in shelf.files():
        return shelf.read_record(names[0])  # its last step is still to come
    current = shelf.read_pointer().sha256[:SHORTEST_NAME]
    if current not in names:
        raise DamagedFile(f"{current}{ROWS} is missing")
    return shelf.read_record(current)


def find_problems(shelf: Shelf) -> list[Problem]:
    """Return what is wrong with one ticker's files."""
    found: dict[str, str] = {}
    names, files = shelf.names(), shelf.files()
    try:
        current = shelf.read_pointer().sha256
        if current[:SHORTEST_NAME] not in names:
            found[POINTER] = f"it names {current[:SHORTEST_NAME]}, which is missing"
    except (DamagedFile, DataError) as error:
        found[POINTER] = str(error)
    for name in names:
        try:
            version, _ = shelf.read_version(name)
        except (DamagedFile, DataError) as error:
            found[f"{name}{ROWS}"] = str(error)
            continue
        if not _says(shelf.file(name, RECORD), version):
            found[f"{name}{RECORD}"] = "it is missing or not as written"
    for file in files:
        if DAMAGED in file:
            found[file] = "it was set aside as damaged; delete it if nobody needs it"
        elif SIDECAR.fullmatch(file) and file.removesuffix(RECORD) not in names:
            found[file] = "its rows are missing"
    return [Problem(shelf.ticker, file, message) for file, message in found.items()]


def _says(sidecar: Path, version: Version) -> bool:
    """Tell whether a sidecar is byte for byte what the version's record says."""
    try:
        return sidecar.read_text("utf-8") == version.to_json()
    except (OSError, ValueError):
        return False
