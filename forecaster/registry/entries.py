"""Entries: one version of a model, with its bundle, its evidence and its audit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.bundle import MANIFEST, load_bundle, verify_bundle
from forecaster.checksums import checksum, read_canonical_json
from forecaster.config import Config, config_from_dict
from forecaster.errors import BundleError, ConfigError
from forecaster.verdict import Verdict, best_facts

if TYPE_CHECKING:
    from forecaster.forecasting import Forecaster

FORMAT = 1
RECORD, BUNDLE, AUDIT = "record.json", "bundle", "audit.json"
CONFIG = "config.toml"
CURE = "Restore it from a copy, or register the model again"


@dataclass(frozen=True, eq=False)
class Entry:
    """One version of a registered model; it never changes.

    Attributes
    ----------
    folder
        Holds `bundle/`, `record.json` and, once there was an audit, `audit.json`.
    record
        What `record.json` says: when it was registered, from which run, on what it was
        trained, and the evaluation of that run.
    """

    name: str
    version: int
    folder: Path
    record: dict[str, Any]

    @property
    def label(self) -> str:
        """Name and version, such as `google@3`: the model's name in a ledger."""
        return f"{self.name}@{self.version}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the bundle's manifest, which holds that of every other file."""
        return str(self.record["fingerprint"])

    @property
    def verdict(self) -> Verdict | None:
        """What the model is worth beside the best baseline; None without a run.

        On quantiles if there are any, as `Evaluation.best_verdict`.
        """
        facts = self.record["evaluation"]
        if facts is None:
            return None
        return Verdict.from_dict(best_facts(facts))

    def verify(self) -> list[str]:
        """Check every file but the audit and return their names.

        Raises
        ------
        BundleError
            Naming the first file that is missing or damaged.
        """
        again = read_entry(self.folder, self.name, self.version)
        manifest = self.folder / BUNDLE / MANIFEST
        read_signed(manifest, CURE)
        files = verify_bundle(manifest.parent)["files"]
        if checksum(manifest) != again.fingerprint:
            raise BundleError(
                f"{manifest}: damaged, it is not the one that was registered. {CURE}."
            )
        return [RECORD, *(f"{BUNDLE}/{name}" for name in (MANIFEST, *files))]

    def load(self, *, fast: bool = False) -> Forecaster:
        """Read the trained Forecaster, once every file is checked.

        Parameters
        ----------
        fast
            As in `forecaster.bundle.load_bundle`.

        Raises
        ------
        BundleError
            Naming the first file that is missing or damaged.
        """
        self.verify()
        return load_bundle(self.folder / BUNDLE, fast=fast)

    def load_config(self) -> Config:
        """Read the model's settings, without its network."""
        return read_config(self.folder / BUNDLE)

    def load_audit(self) -> dict[str, Any] | None:
        """Read what the last audit found; None if there was none of this bundle.

        Raises
        ------
        BundleError
            If the file is damaged.
        """
        path = self.folder / AUDIT
        if not path.exists():
            return None
        found = read_signed(path, "Audit again with `forecaster models promote`")
        return found if found["fingerprint"] == self.fingerprint else None

    def __repr__(self) -> str:
        return f"Entry({self.label}: {self.verdict or 'no evidence'})"


def read_entry(folder: Path, name: str, number: int) -> Entry:
    """Read one version's record.

    Raises
    ------
    BundleError
        If it is missing, damaged, of another format, or another version's.
    """
    path = folder / RECORD
    record = read_signed(path, CURE)
    if record.get("format") != FORMAT:
        raise BundleError(
            f"{path}: format {record.get('format')!r}, this program reads {FORMAT}. "
            "Use the version of forecaster that wrote it."
        )
    if (record["name"], record["version"]) != (name, number):
        raise BundleError(
            f"{path}: it is that of {record['name']}@{record['version']}, not of "
            f"{name}@{number}. {CURE}."
        )
    return Entry(name, number, folder, record)


def read_signed(path: Path, cure: str) -> dict[str, Any]:
    """Read what `canonical_json` made.

    Raises
    ------
    BundleError
        If it is missing or damaged; with what to do.
    """
    try:
        return read_canonical_json(path)
    except BundleError as error:
        state = "damaged" if path.exists() else "missing"
        raise BundleError(f"{path}: {state}. {cure}.") from error


def read_config(bundle: Path) -> Config:
    """Read the settings of a bundle that was verified.

    Raises
    ------
    BundleError
        If this version of forecaster does not know such settings.
    """
    path = bundle / CONFIG
    try:
        return config_from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ConfigError, ValueError) as error:
        raise BundleError(
            f"{path}: {error}. This is forecaster {version('forecaster')}: use the one "
            "that wrote it, or train again."
        ) from error
