"""Bundles: a Forecaster on disk, checksummed, without pickle, whole or not at all.

A bundle is a folder::

    manifest.json       format, versions, training facts, SHA-256 of every other file
    config.toml         all settings, defaults included
    scaler.json         the scaler's numbers
    history.csv         loss of each epoch
    model.weights.h5    weights; the network is rebuilt from `config.toml`
    model.keras         the same network for other Keras programs; never read here
    model.onnx          the same network again, which forecasts without TensorFlow;
                        not where it cannot be written so
    out-of-fold.csv     forecasts that calibrate; only where there are any

The checksums reveal damage. They are no defence against somebody who can write the
folder: such a person can write the manifest too.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import new_folder
from forecaster.checksums import (
    canonical_json,
    check_files,
    checksum,
    read_canonical_json,
)
from forecaster.config import Config, config_from_dict, dump_config
from forecaster.correcting import check_columns, check_rows
from forecaster.data.scaling import Scaler
from forecaster.errors import BundleError, ConfigError, OutputError
from forecaster.forecast import TrainedOn
from forecaster.forecasting import Forecaster
from forecaster.models.onnx_network import OnnxNetwork, runtime_is_installed
from forecaster.models.recurrent import network_for

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "model.weights.h5"
FILES = ("config.toml", "scaler.json", "history.csv", WEIGHTS, "model.keras")
ONNX = "model.onnx"
OUT_OF_FOLD = "out-of-fold.csv"  # beside these where the network is calibrated
OPTIONAL = (ONNX, OUT_OF_FOLD)
LIBRARIES = ("forecaster", "keras", "numpy", "pandas", "tensorflow")


def save_bundle(
    forecaster: Forecaster, folder: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a Forecaster into a new folder and return its path.

    Parameters
    ----------
    overwrite
        Replace a bundle that is there, once the new one is whole.

    Raises
    ------
    OutputError
        If the folder is there already or cannot be written. Nothing is left behind,
        and what was there stays.
    """
    forecaster.check_lease()
    folder = Path(folder)
    _refuse_taken(folder, overwrite=overwrite)
    with new_folder(folder, replaces=overwrite) as staging:
        names = _write_parts(forecaster, staging)
        manifest = {
            "format": FORMAT,
            "trained_on": forecaster.trained_on.to_dict(),
            "versions": library_versions(),
            "files": {name: checksum(staging / name) for name in names},
        }
        (staging / MANIFEST).write_bytes(canonical_json(manifest))
    return folder


def _refuse_taken(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists() or (overwrite and (folder / MANIFEST).is_file()):
        return
    cure = "or delete it" if overwrite else "or replace a bundle with `overwrite=True`"
    kind = ", and it is no bundle" if overwrite else ""
    raise OutputError(
        f"cannot write {folder}: it is there already{kind}. Choose another name, "
        f"{cure}."
    )


def load_bundle(
    folder: str | Path, *, fast: bool = False, network: Any = None
) -> Forecaster:
    """Read a bundle after checking every byte of it.

    Parameters
    ----------
    fast
        Forecast through onnxruntime, without TensorFlow, where the bundle has a
        `model.onnx` and onnxruntime is installed: the network is then an
        `OnnxNetwork`, whose answers are within 1e-5 of the Keras model's. It loads
        that model from the folder when more is asked of it.
    network
        A Keras network of the same settings, to be given the weights of the bundle;
        by default a new one is made.

    Raises
    ------
    BundleError
        If a file is missing, damaged or of another format.
    """
    folder = Path(folder)
    manifest = verify_bundle(folder)
    try:
        config = config_from_dict(
            tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
        )
        scaler = Scaler.from_dict(
            json.loads((folder / "scaler.json").read_text(encoding="utf-8"))
        )
        history = pd.read_csv(folder / "history.csv")
        trained_on = TrainedOn(**manifest["trained_on"])
        rows = _read_out_of_fold(folder, manifest, config)
    except (ConfigError, ValueError, TypeError, KeyError) as error:
        writer = manifest.get("versions", {}).get("forecaster")
        raise BundleError(
            f"{folder}: {error}. It was written by forecaster {writer}, and this is "
            f"{version('forecaster')}: use the newer of the two, or train again."
        ) from error
    answering = _fast_network(folder, manifest, config) if fast else None
    if answering is None:
        answering = _keras_network(folder, config, network)
    return Forecaster(answering, scaler, config, trained_on, history, rows)


def load_bundle_config(folder: str | Path) -> Config:
    """Read the settings alone of a bundle, after checking every byte of it.

    Raises
    ------
    BundleError
        If a file is missing, damaged or of another format.
    """
    folder = Path(folder)
    verify_bundle(folder)
    try:
        text = (folder / "config.toml").read_text(encoding="utf-8")
        return config_from_dict(tomllib.loads(text))
    except (ConfigError, ValueError) as error:
        raise BundleError(f"{folder}: {error}. Train again.") from error


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Check a bundle's manifest and checksums, and return the manifest.

    Raises
    ------
    BundleError
        Naming the first file that is missing or damaged.
    """
    manifest = read_canonical_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"{folder}: bundle format {manifest.get('format')!r}, this program reads "
            f"{FORMAT}. Train again, or use the version of forecaster that wrote it."
        )
    checksums = manifest.get("files", {})
    optional = tuple(name for name in OPTIONAL if name in checksums)
    check_files(folder, checksums, wanted=FILES + optional)
    return manifest


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that shape a result."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in LIBRARIES
    }


def _write_parts(forecaster: Forecaster, folder: Path) -> tuple[str, ...]:
    """Write all but the manifest, and return the names of the files."""
    (folder / "config.toml").write_text(
        dump_config(forecaster.config), encoding="utf-8"
    )
    (folder / "scaler.json").write_text(
        json.dumps(forecaster.scaler.to_dict()), encoding="utf-8"
    )
    forecaster.history.to_csv(folder / "history.csv", index=False)
    forecaster.network.save_weights(folder / WEIGHTS)
    forecaster.network.save(folder / "model.keras")
    return (*FILES, *_write_onnx(forecaster, folder), *_write_rows(forecaster, folder))


def _write_onnx(forecaster: Forecaster, folder: Path) -> tuple[str, ...]:
    from forecaster.models.onnx_export import export_onnx
    from forecaster.models.onnx_graph import NotExportable

    try:
        model = export_onnx(forecaster.network)
    except NotExportable:  # such a network is loaded with Keras each time
        return ()
    (folder / ONNX).write_bytes(model)
    return (ONNX,)


def _write_rows(forecaster: Forecaster, folder: Path) -> tuple[str, ...]:
    if forecaster.out_of_fold is None:
        return ()
    check_rows(forecaster.out_of_fold, forecaster.config.model.quantiles)
    # The shortest digits that give each number back exactly.
    table = forecaster.out_of_fold.to_csv(
        index=False, date_format="%Y-%m-%d", lineterminator="\n"
    )
    (folder / OUT_OF_FOLD).write_bytes(table.encode())
    return (OUT_OF_FOLD,)


def _read_out_of_fold(
    folder: Path, manifest: dict[str, Any], config: Config
) -> pd.DataFrame | None:
    if OUT_OF_FOLD not in manifest["files"]:
        return None
    rows = pd.read_csv(
        folder / OUT_OF_FOLD,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8",
    )
    check_columns(rows, config.model.quantiles)
    dates, numbers = ["origin", "session"], [*rows.columns[4:]]
    rows[dates] = rows[dates].apply(pd.to_datetime, format="%Y-%m-%d")
    rows["step"] = rows["step"].astype(int)
    # Python reads back the very number that was written; pandas' own reader may not.
    rows[numbers] = rows[numbers].map(float)
    check_rows(rows, config.model.quantiles)
    return rows


def _fast_network(
    folder: Path, manifest: dict[str, Any], config: Config
) -> OnnxNetwork | None:
    """Return the network that needs no Keras, or None where there is no such."""
    checksums = manifest["files"]
    if ONNX not in checksums or not runtime_is_installed():
        return None
    model = (folder / ONNX).read_bytes()
    if hashlib.sha256(model).hexdigest() != checksums[ONNX]:
        raise BundleError(f"{folder / ONNX}: changed while it was read. Try again.")

    def load() -> Any:
        # The folder may have changed since the bundle was loaded.
        check_files(folder, checksums, wanted=(WEIGHTS,))
        return _keras_network(folder, config)

    return OnnxNetwork(model, load)


def _keras_network(folder: Path, config: Config, network: Any = None) -> Any:
    network = network_for(config).predictor if network is None else network
    path = folder / WEIGHTS
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{path}: the weights do not fit: {error}") from error
    return network
