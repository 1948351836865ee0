"""Registering: a run's model copied into the registry, with what the run recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.atomic import new_folder, output_errors
from forecaster.bundle import FILES, MANIFEST, OPTIONAL, verify_bundle
from forecaster.checksums import canonical_json, checksum
from forecaster.errors import BundleError
from forecaster.registry.entries import BUNDLE, FORMAT, RECORD, read_config
from forecaster.runs import BUNDLE as RUN_BUNDLE
from forecaster.runs import RECORD as RUN_RECORD
from forecaster.runs import Run, find_run


@dataclass(frozen=True, eq=False)
class Candidate:
    """A verified model that is to be registered.

    Attributes
    ----------
    bundle
        Where it lies.
    run
        The run that trained it; None for a bundle alone.
    name
        Of its settings.
    facts
        What is to be recorded of it, but for name, version and time.
    """

    bundle: Path
    run: Run | None
    name: str
    facts: dict[str, Any]

    @classmethod
    def find(cls, reference: str | Path | None, runs_dir: Path) -> Candidate:
        """Return the model of a run, or of the folder of a bundle alone.

        Raises
        ------
        RunNotFound
            If there is neither.
        BundleError
            If it is damaged.
        """
        bundle, run = _locate(reference, runs_dir)
        manifest = verify_bundle(bundle)
        config = read_config(bundle)
        if run is not None:
            run.load_evaluation()  # its tables have to be whole, too
        facts = {
            "format": FORMAT,
            "fingerprint": checksum(bundle / MANIFEST),
            "ticker": manifest["trained_on"]["ticker"],
            "target": config.data.target,
            "trained_on": manifest["trained_on"],
            "versions": manifest["versions"],
            "run": None if run is None else _origin(run),
            "evaluation": None if run is None else run.record["evaluation"],
        }
        return cls(bundle, run, config.name, facts)

    def write(self, folder: Path, record: dict[str, Any]) -> None:
        """Write a version's folder, whole or not at all.

        Raises
        ------
        BundleError
            If the run changes meanwhile.
        OutputError
            If the folder cannot be written.
        """
        with new_folder(folder) as staging:
            _copy_bundle(self.bundle, staging / BUNDLE)
            self._refuse_change(staging / BUNDLE)
            (staging / RECORD).write_bytes(canonical_json(record))

    def _refuse_change(self, copied: Path) -> None:
        """Refuse a copy of which a part is older than another."""
        verify_bundle(copied)
        same = checksum(copied / MANIFEST) == self.facts["fingerprint"]
        if self.run is not None:
            same &= find_run(self.run.folder, self.run.folder).record == self.run.record
        if not same:
            raise BundleError(
                f"{self.bundle}: changed while it was registered. Try again."
            )


def _locate(reference: str | Path | None, runs_dir: Path) -> tuple[Path, Run | None]:
    if reference is not None and (Path(reference) / MANIFEST).is_file():
        bundle = Path(reference).resolve()
        parent = bundle.parent
        of_a_run = bundle.name == RUN_BUNDLE and (parent / RUN_RECORD).is_file()
        return bundle, find_run(parent, runs_dir) if of_a_run else None
    run = find_run(reference, runs_dir)
    return run.folder / RUN_BUNDLE, run


def _origin(run: Run) -> dict[str, str]:
    folder = run.folder.resolve()
    return {
        "name": folder.name,
        "folder": str(folder),
        "created": run.record["created"],
    }


def _copy_bundle(source: Path, target: Path) -> None:
    """Copy the files that make up a bundle, and no others."""
    files = verify_bundle(source)["files"]
    present = [name for name in (*FILES, *OPTIONAL) if name in files]
    with output_errors(target):
        target.mkdir()
    for name in (MANIFEST, *present):
        try:
            content = (source / name).read_bytes()
        except OSError as error:
            raise BundleError(
                f"{source / name}: {error.strerror}. Try again."
            ) from error
        with output_errors(target):
            (target / name).write_bytes(content)
