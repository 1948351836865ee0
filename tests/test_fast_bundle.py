"""Fast bundles: the same answers without Keras, and Keras where more is asked."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forecaster
from forecaster import bundle as bundles
from forecaster.bundle import FILES, MANIFEST, ONNX, load_bundle, save_bundle
from forecaster.errors import BundleError, ForecastWarning
from forecaster.models import onnx_export
from forecaster.models.onnx_network import OnnxNetwork
from forecaster.training import train

TINY = Path(__file__).parent / "data" / "tiny-bundle"
ROOT = Path(forecaster.__file__).parents[1]
HEAVY = (
    *("tensorflow", "keras", "jax", "onnx", "sklearn", "scipy", "statsmodels", "arch"),
    *("matplotlib", "yfinance", "requests", "curl_cffi", "optuna", "h5py", "talib"),
)
CHILD = """
import sys
from forecaster.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    return save_bundle(trained[0], tmp_path_factory.mktemp("fast") / "bundle")


def predict_in_a_process(folder, *options):
    """Return what `forecaster predict` prints as JSON, and the modules it loaded."""
    command = ["predict", folder, "--ticker", "GOOG", "--offline", "--json", *options]
    lines = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.splitlines()
    return json.loads("\n".join(lines[:-1])), set(lines[-1].split())


def test_predict_answers_without_tensorflow(bundle):
    answer, modules = predict_in_a_process(bundle, "--as-of", "2017-12-29")
    assert "onnxruntime" in modules
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)
    prices = forecaster.load_prices("GOOG")
    with pytest.warns(ForecastWarning, match="outside the range of training"):
        slow = load_bundle(bundle).predict(prices, as_of="2017-12-29")
    (row,) = answer["forecast"]
    assert row["session"] == "2018-01-02"
    assert row["predicted"] == pytest.approx(slow.price[0], rel=1e-5)


def test_predict_gives_intervals_without_tensorflow(make_prices, tiny_config, tmp_path):
    config = tiny_config(
        model={"layers": [{"units": 2}], "head": "quantiles"},
        window__horizon=2,
        training__epochs=1,
        calibration={"method": "adaptive", "n_folds": 2},
    )
    forecaster = train(make_prices(80), config, progress=False)
    folder = save_bundle(forecaster, tmp_path / "bundle")
    answer, modules = predict_in_a_process(
        folder, "--as-of", "2017-12-29", "--level", "0.8"
    )
    # The joint paths of two sessions are drawn with SciPy.
    assert modules.isdisjoint({*HEAVY} - {"scipy"})
    sessions = [row["session"] for row in answer["forecast"]]
    assert sessions == ["2018-01-02", "2018-01-03"]
    for row in answer["forecast"]:
        assert row["low_0.8"] < row["predicted"] < row["high_0.8"]


def test_a_bundle_without_an_onnx_model_is_loaded_with_keras():
    expected = json.loads((TINY.parent / "tiny-bundle-predictions.json").read_text())
    loaded = load_bundle(TINY, fast=True)
    assert not (TINY / ONNX).exists()
    assert type(loaded.network) is not OnnxNetwork
    forecast = loaded.predict(forecaster.load_prices("GOOG"), as_of="2017-12-29")
    assert forecast.price[0] == pytest.approx(expected["price"][0], rel=1e-6)


def is_loaded(network):
    """Tell whether the Keras model has been asked for."""
    return "keras_network" in vars(network)


def test_a_fast_forecaster_forecasts_as_the_slow_one_does(trained, bundle):
    _, prices = trained
    fast, slow = load_bundle(bundle, fast=True), load_bundle(bundle)
    assert type(fast.network) is OnnxNetwork
    for as_of in ("2020-02-03", "2020-04-20"):
        answers = [one.predict(prices, as_of=as_of) for one in (fast, slow)]
        np.testing.assert_allclose(answers[0].price, answers[1].price, rtol=1e-5)
    scores = [one.evaluate(prices).predictions["predicted"] for one in (fast, slow)]
    np.testing.assert_allclose(*scores, rtol=1e-5)
    assert not is_loaded(fast.network)


@pytest.mark.parametrize(
    "model",
    [
        {"layers": [{"units": 3}], "shape": "encoder_decoder"},
        {"layers": [{"units": 3}], "head": "quantiles", "members": 2},
        {"layers": [{"units": 3}], "head": "student_t"},
        {"layers": [{"units": 3}], "head": "direction"},
        {"layers": [{"units": 3}], "shape": "sequence_to_sequence"},
    ],
    ids=lambda model: model.get("head", model.get("shape")),
)
def test_a_trained_network_of_each_kind_forecasts_alike(
    make_prices, tiny_config, tmp_path, model
):
    prices = make_prices(80)
    config = tiny_config(model=model, training__epochs=1, window__shortest=2)
    folder = save_bundle(train(prices, config, progress=False), tmp_path / "bundle")
    fast, slow = load_bundle(folder, fast=True), load_bundle(folder)
    one, other = (forecaster.predict(prices) for forecaster in (fast, slow))
    assert list(one.frame.columns) == list(other.frame.columns)
    np.testing.assert_allclose(one.frame, other.frame, rtol=1e-5)
    assert type(fast.network) is OnnxNetwork
    assert not is_loaded(fast.network)


def test_a_longer_horizon_is_forecast_with_the_same_numbers(trained, bundle):
    _, prices = trained
    fast, slow = load_bundle(bundle, fast=True), load_bundle(bundle)
    prices_ahead = [one.predict(prices, horizon=4).price for one in (fast, slow)]
    np.testing.assert_allclose(*prices_ahead, rtol=1e-5)


def test_a_decoder_is_unrolled_further_with_the_same_numbers(
    make_prices, tiny_config, tmp_path
):
    model = {"layers": [{"units": 3}], "shape": "encoder_decoder"}
    prices, config = make_prices(80), tiny_config(model=model, training__epochs=1)
    folder = save_bundle(train(prices, config, progress=False), tmp_path / "bundle")
    ahead = [
        load_bundle(folder, fast=fast).predict(prices, horizon=3).price
        for fast in (True, False)
    ]
    np.testing.assert_allclose(*ahead, rtol=1e-5)


def test_whatever_else_is_asked_comes_from_the_keras_model(bundle):
    fast, slow = load_bundle(bundle, fast=True).network, load_bundle(bundle).network
    assert not is_loaded(fast)
    for one, other in zip(fast.get_weights(), slow.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert is_loaded(fast)
    assert fast.count_params() == slow.count_params()
    windows = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4, 1)
    np.testing.assert_array_equal(fast(windows), slow(windows))
    with pytest.raises(AttributeError, match="no_such_thing"):
        fast.no_such_thing  # noqa: B018


def test_two_saves_write_the_same_onnx_model(trained, bundle, tmp_path):
    again = save_bundle(trained[0], tmp_path / "again")
    assert (again / ONNX).read_bytes() == (bundle / ONNX).read_bytes()
    reloaded = save_bundle(load_bundle(bundle, fast=True), tmp_path / "reloaded")
    assert (reloaded / ONNX).read_bytes() == (bundle / ONNX).read_bytes()


def test_without_onnxruntime_a_bundle_is_loaded_with_keras(bundle, monkeypatch):
    monkeypatch.setattr(bundles, "runtime_is_installed", lambda: False)
    loaded = load_bundle(bundle, fast=True)
    assert type(loaded.network) is not OnnxNetwork
    assert loaded.network.count_params() > 0


def test_what_onnxruntime_cannot_run_keras_answers(trained, bundle):
    forecaster, prices = trained
    network = load_bundle(bundle).network
    broken = OnnxNetwork(b"no model", load=lambda: network)
    answer = dataclasses.replace(forecaster, network=broken).predict(prices)
    assert broken.session is None
    assert answer.price == pytest.approx(forecaster.predict(prices).price)


def test_a_network_that_cannot_be_exported_is_saved_without(
    trained, tmp_path, monkeypatch
):
    monkeypatch.delitem(onnx_export.WRITERS, "LSTM")
    monkeypatch.delitem(onnx_export.WRITERS, "RNN")
    folder = save_bundle(trained[0], tmp_path / "bundle")
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, *FILES])
    loaded = load_bundle(folder, fast=True)
    assert loaded.predict(trained[1]).price == pytest.approx(
        trained[0].predict(trained[1]).price
    )


def test_weights_that_change_after_loading_are_refused(trained, tmp_path):
    folder = save_bundle(trained[0], tmp_path / "bundle")
    fast = load_bundle(folder, fast=True)
    weights = folder / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert fast.predict(trained[1]).price.shape == (1,)
    with pytest.raises(BundleError, match=r"model\.weights\.h5"):
        fast.network.get_weights()


def test_the_session_is_made_of_the_bytes_that_were_checked(
    trained, tmp_path, monkeypatch
):
    folder = save_bundle(trained[0], tmp_path / "bundle")
    checked = bundles.verify_bundle

    def change_after(path):
        manifest = checked(path)
        (folder / ONNX).write_bytes(b"other")
        return manifest

    monkeypatch.setattr(bundles, "verify_bundle", change_after)
    with pytest.raises(BundleError, match=r"model\.onnx: changed"):
        load_bundle(folder, fast=True)


def test_the_manifest_records_the_onnx_model(bundle):
    recorded = json.loads((bundle / MANIFEST).read_text())["files"][ONNX]
    assert recorded == hashlib.sha256((bundle / ONNX).read_bytes()).hexdigest()
