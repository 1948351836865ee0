"""Bundles: how a saved network travels to a worker, and stays there."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forecaster.atomic import new_folder
from forecaster.bundle import MANIFEST, load_bundle, load_bundle_config, verify_bundle
from forecaster.config import Config
from forecaster.forecasting import Forecaster

# Kinds of networks that a worker keeps; the one not used for longest goes first.
MOST_KEPT = 4
# The settings that a network of Keras is built from.
SHAPING = ("features", "target", "window", "model")


@dataclass(frozen=True)
class PackedBundle:
    """A bundle's files, to be sent to where there is no such folder.

    Attributes
    ----------
    files
        Their bytes, by name.
    fingerprint
        SHA-256 of the manifest, which names the SHA-256 of all others.
    """

    files: dict[str, bytes] = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> PackedBundle:
        """Pack a bundle after checking every byte of it.

        Raises
        ------
        BundleError
            If a file is missing or damaged.
        """
        manifest = verify_bundle(folder)
        names = (MANIFEST, *manifest["files"])
        return cls({name: (folder / name).read_bytes() for name in names})

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files into a new folder, whole or not at all.

        Raises
        ------
        OutputError
            If it exists, or cannot be written.
        """
        with new_folder(folder) as staging:
            for name, content in self.files.items():
                (staging / name).write_bytes(content)

    def load(self) -> Forecaster:
        """Return the Forecaster, which stays loaded in this process for the next call.

        Of several bundles of the same settings only the last stays, since they share
        one network: a new one for each would fill the memory. So what an earlier call
        returned is not to be used any more.
        """
        return _LOADED.load(self)


@dataclass
class _Kept:
    fingerprint: str
    forecaster: Forecaster
    # The network reads the files again, should more be asked of it.
    folder: tempfile.TemporaryDirectory[str]


class _Loaded:
    """The Forecasters that this process keeps, by the settings of their networks."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def load(self, bundle: PackedBundle) -> Forecaster:
        fingerprint = bundle.fingerprint
        for kept in self._kept.values():
            if kept.fingerprint == fingerprint:
                return kept.forecaster
        folder = tempfile.TemporaryDirectory(prefix="forecaster-")
        place = Path(folder.name) / "bundle"
        bundle.write(place)
        kind = _kind_of(load_bundle_config(place))
        before = self._kept.pop(kind, None)
        network = None if before is None else _keras_network_of(before.forecaster)
        forecaster = load_bundle(place, fast=True, network=network)
        self._kept[kind] = _Kept(fingerprint, forecaster, folder)
        gone = [] if before is None else [before]
        while len(self._kept) > MOST_KEPT:
            gone.append(self._kept.popitem(last=False)[1])
        for kept in gone:
            kept.folder.cleanup()
        return forecaster


_LOADED = _Loaded()


def _kind_of(config: Config) -> str:
    settings = config.resolved()
    facts = {name: settings[name] for name in SHAPING}
    facts |= {"tickers": config.data.tickers, "truncate": config.training.truncate}
    return json.dumps(facts, sort_keys=True, default=str)


def _keras_network_of(forecaster: Forecaster) -> Any:
    """Return the network, unless it is one that answers without Keras."""
    from forecaster.models.onnx_network import OnnxNetwork

    network = forecaster.network
    return None if isinstance(network, OnnxNetwork) else network
