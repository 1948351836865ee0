"""Explain files: what `forecaster explain` leaves beside a run, and of which networks.

In the folder are, with a picture of each table::

    importance.csv      which inputs matter, of `permutation_importance`
    attributions.csv    which sessions of them, of `integrated_gradients`
    explained.json      of which networks and sessions, and the tables' checksums

A folder of an earlier version lacks the last: of which networks it tells is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import write_text
from forecaster.bundle import MANIFEST
from forecaster.checksums import (
    canonical_json,
    check_files,
    checksum,
    read_canonical_json,
)
from forecaster.errors import BundleError

FORMAT = 1
SUFFIX = ".explain"
RECORD, IMPORTANCE, ATTRIBUTIONS = (
    "explained.json",
    "importance.csv",
    "attributions.csv",
)
BUNDLE, FOLDS = "bundle", "fold-*"
CURE = "Make it again with `forecaster explain`."


@dataclass(frozen=True, eq=False)
class Explained:
    """What was explained, read back.

    Attributes
    ----------
    importance
        As `permutation_importance` returns it, with its `attrs`.
    attributions
        Mean sizes by feature, indexed by `session_from_origin`.
    """

    importance: pd.DataFrame
    attributions: pd.DataFrame


def networks_of(folder: Path) -> dict[str, str]:
    """Return the fingerprints of the networks of a run, a bundle or a walk-forward.

    Of a walk-forward test by the folder of each fold, else under `bundle`: SHA-256 of
    the bundle's manifest, which holds those of all its files.
    """
    alone = next((one for one in (folder, folder / BUNDLE) if _is_bundle(one)), None)
    if alone is not None:
        return {BUNDLE: checksum(alone / MANIFEST)}
    return {
        fold.name: checksum(fold / BUNDLE / MANIFEST)
        for fold in sorted(folder.glob(FOLDS))
        if _is_bundle(fold / BUNDLE)
    }


def folder_beside(folder: Path) -> Path:
    """Return the folder for what is explained of a run or a walk-forward test."""
    return folder.with_name(f"{folder.name}{SUFFIX}")


def write_explained(
    folder: Path,
    importance: pd.DataFrame,
    attributions: pd.DataFrame,
    networks: Mapping[str, str],
) -> list[Path]:
    """Write both tables, and of which networks they tell; return the paths.

    Parameters
    ----------
    importance
        As `permutation_importance` returns it, with its `attrs`.
    attributions
        As `Attributions.mean_absolute`.
    networks
        As `networks_of` returns them.
    """
    write_text(folder / IMPORTANCE, importance.to_csv(index=False))
    write_text(folder / ATTRIBUTIONS, attributions.to_csv())
    names = (IMPORTANCE, ATTRIBUTIONS)
    record = {
        "format": FORMAT,
        "networks": dict(networks),
        "importance": {str(name): fact for name, fact in importance.attrs.items()},
        "files": {name: checksum(folder / name) for name in names},
    }
    write_text(folder / RECORD, canonical_json(record).decode())
    return [folder / name for name in (*names, RECORD)]


def read_networks(folder: Path) -> dict[str, str] | None:
    """Return of which networks a folder tells; None where it does not say so.

    Raises
    ------
    BundleError
        If its record is damaged.
    """
    if not (folder / RECORD).is_file():
        return None
    return dict(_read_record(folder)["networks"])


def read_explained(folder: Path) -> Explained:
    """Read the tables back, once their checksums are checked.

    Raises
    ------
    BundleError
        If a file is missing or damaged.
    """
    record = _read_record(folder)
    check_files(folder, record["files"], wanted=(IMPORTANCE, ATTRIBUTIONS), cure=CURE)
    importance = pd.read_csv(folder / IMPORTANCE)
    importance.attrs = dict(record["importance"])
    attributions = pd.read_csv(folder / ATTRIBUTIONS, index_col=0)
    return Explained(importance, attributions)


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    try:
        record = read_canonical_json(path)
    except BundleError as error:
        raise BundleError(f"{path}: damaged. {CURE}") from error
    if record.get("format") != FORMAT:
        raise BundleError(
            f"{path}: of format {record.get('format')!r}, this program reads {FORMAT}. "
            f"{CURE}"
        )
    return record


def _is_bundle(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()
