"""Bundles: bit-identical after reload, refused when damaged, free of pickle."""

import dataclasses
import errno
import io
import json
import os
import pickle
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

from forecaster.bundle import FILES, MANIFEST, ONNX, load_bundle, save_bundle
from forecaster.checksums import canonical_json
from forecaster.data.sources import load_prices
from forecaster.errors import BundleError, OutputError

TINY = Path(__file__).parent / "data" / "tiny-bundle"


@pytest.fixture
def bundle(trained, tmp_path):
    return save_bundle(trained[0], tmp_path / "bundle")


def test_a_bundle_is_replaced_when_it_is_asked_for(trained, bundle):
    with pytest.raises(OutputError, match=r"there already.*`overwrite=True`"):
        save_bundle(trained[0], bundle)
    (bundle / "scaler.json").write_text("damaged")
    assert save_bundle(trained[0], bundle, overwrite=True) == bundle
    assert load_bundle(bundle).config == trained[0].config
    assert list(bundle.parent.iterdir()) == [bundle]


def test_a_folder_that_is_no_bundle_is_never_replaced(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"it is no bundle.*delete it"):
        save_bundle(trained[0], tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "note.txt").read_text() == "mine"


CHILD = """
import sys
import pandas as pd
import forecaster as fc
prices = pd.read_parquet(sys.argv[2])
prices.attrs = {"ticker": "TEST"}
predictions = fc.load_bundle(sys.argv[1]).evaluate(prices).predictions
print(" ".join(value.hex() for value in predictions["predicted"]))
"""


def test_a_bundle_predicts_bit_identically_in_a_new_process(trained, bundle, tmp_path):
    forecaster, prices = trained
    prices.to_parquet(tmp_path / "prices.parquet")
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, bundle, tmp_path / "prices.parquet"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    predicted = forecaster.evaluate(prices).predictions["predicted"]
    assert len(answer) == len(predicted) > 10
    assert answer == [value.hex() for value in predicted]


def test_a_reloaded_forecaster_carries_all_it_was_saved_with(trained, bundle):
    forecaster, _ = trained
    loaded = load_bundle(bundle)
    assert loaded.config == forecaster.config
    assert loaded.scaler == forecaster.scaler
    assert loaded.trained_on == forecaster.trained_on
    np.testing.assert_array_equal(loaded.history["loss"], forecaster.history["loss"])


def test_a_bundle_holds_its_files_and_nothing_else(bundle):
    assert sorted(path.name for path in bundle.iterdir()) == sorted(
        [MANIFEST, ONNX, *FILES]
    )


def is_free_of_pickle(name, content):
    """Tell whether content is the text or the HDF5 of numbers that its name says."""
    if name.endswith(".h5"):
        with h5py.File(io.BytesIO(content)) as file:
            kinds = []
            file.visititems(lambda _, item: kinds.append(getattr(item, "dtype", None)))
        # Opaque and object types could carry any bytes.
        return all(kind is None or kind.kind in "fiub" for kind in kinds)
    if name.endswith(".onnx"):
        onnx.checker.check_model(content)
        model = onnx.load_from_string(content)
        # Neither functions nor anything outside the file.
        return not model.functions and not model.metadata_props
    if name.endswith(".json"):
        return json.loads(content) is not None
    if name.endswith(".toml"):
        return bool(tomllib.loads(content.decode()))
    return name.endswith(".csv") and content.decode().count("\n") > 1


def test_a_bundle_holds_no_pickle(bundle):
    for path in bundle.iterdir():
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    assert is_free_of_pickle(name, archive.read(name)), name
        else:
            assert is_free_of_pickle(path.name, path.read_bytes()), path.name


def test_a_pickle_would_be_noticed():
    weights = pickle.dumps({"weights": [1.0]})
    for name in ("model.weights.h5", "scaler.json", "config.toml", "other.pkl"):
        with pytest.raises((ValueError, OSError, AssertionError)):
            assert is_free_of_pickle(name, weights)


def flip(content, position):
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "empty": lambda _: b"",
    "longer": lambda content: content + b"\n",
    "first bit": lambda content: flip(content, 0),
    "a bit in the first tenth": lambda content: flip(content, len(content) // 10),
    "middle bit": lambda content: flip(content, len(content) // 2),
    "last bit": lambda content: flip(content, len(content) - 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [MANIFEST, ONNX, *FILES])
def test_every_damage_is_refused_by_name(bundle, name, damage):
    path = bundle / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(BundleError, match=name):
        load_bundle(bundle)


def test_every_single_bit_of_the_manifest_counts(bundle):
    path = bundle / MANIFEST
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(flip(content, position))
        with pytest.raises(BundleError, match=MANIFEST):
            load_bundle(bundle)


@pytest.mark.parametrize("name", [MANIFEST, ONNX, *FILES])
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(bundle)


def test_a_folder_that_is_no_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match="not a saved run"):
        load_bundle(tmp_path / "nothing")


def test_an_existing_folder_is_never_replaced(trained, bundle):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    (bundle / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        save_bundle(trained[0], bundle)
    assert (bundle / "note.txt").read_text() == "mine"
    assert before.items() <= {p.name: p.read_bytes() for p in bundle.iterdir()}.items()
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_full_disk_leaves_nothing_behind(trained, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save_bundle(trained[0], tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_the_committed_bundle_still_predicts_its_numbers():
    expected = json.loads((TINY.parent / "tiny-bundle-predictions.json").read_text())
    forecaster = load_bundle(TINY)
    forecast = forecaster.predict(load_prices("GOOG"), as_of="2017-12-29", horizon=3)
    assert [str(day.date()) for day in forecast.sessions] == expected["sessions"]
    np.testing.assert_allclose(forecast.price, expected["price"], rtol=1e-6)


def test_a_disk_that_fills_while_the_weights_are_written_leaves_nothing(
    trained, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(trained[0].network), "save_weights", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save_bundle(trained[0], tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_another_format_is_refused(bundle):
    content = json.loads((bundle / MANIFEST).read_text())
    del content["checksum"]
    (bundle / MANIFEST).write_bytes(canonical_json({**content, "format": 2}))
    with pytest.raises(BundleError, match="format 2, this program reads 1"):
        load_bundle(bundle)


def test_a_bundle_is_the_same_under_a_locale_that_is_not_utf8(
    trained, tmp_path, monkeypatch
):
    def as_under_ascii(method):
        def call(path, *args, encoding=None, **how):
            return method(path, *args, encoding=encoding or "ascii", **how)

        return call

    data = trained[0].config.data.model_copy(update={"path": "Kurse/täglich.csv"})
    config = trained[0].config.model_copy(update={"data": data})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", as_under_ascii(Path.write_text))
        patch.setattr(Path, "read_text", as_under_ascii(Path.read_text))
        folder = save_bundle(
            dataclasses.replace(trained[0], config=config), tmp_path / "bundle"
        )
        assert load_bundle(folder).config == config
