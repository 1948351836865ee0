"""Streaming: one state, read on from session to session, kept and refused."""

import dataclasses

import numpy as np
import pytest

from forecaster.bundle import load_bundle, save_bundle
from forecaster.data.table import make_table
from forecaster.errors import BundleError, ConfigError, DataError, InvalidPrices
from forecaster.models.recurrent import build_network, sizes_of
from forecaster.streaming import Stream
from forecaster.training import train

pytestmark = pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
MIXED = [
    {"units": 3, "cell": "lstm", "residual": True, "normalization": "layer"},
    {"units": 4, "cell": "gru", "normalization": "batch"},
    {"units": 3, "cell": "simple_rnn"},
]
CASES = {
    "vector": {"model": {"layers": MIXED}, "window__horizon": 2},
    "sequence": {"model": {"layers": MIXED, "shape": "sequence_to_sequence"}},
    "features": {
        "model": {"layers": [{"units": 3}], "head": "quantiles"},
        "features": {
            "columns": ["log_return", "rsi_5"],
            "known_future": ["weekday_sin"],
            "static": ["close"],
        },
        "target": {"form": "scaled_return", "volatility": 5},
    },
    "ticker": {
        "model": {"layers": [{"units": 3}], "ticker_embedding": 2},
        "data": {"tickers": ["TEST", "OTHER"], "ticker": "TEST"},
        "features": {"columns": ["log_return"]},
        "target": {"form": "log_return"},
    },
}


@pytest.fixture(scope="module")
def runs(make_prices, tiny_config):
    prices = make_prices(80)

    def run(case):
        config = tiny_config(**CASES[case])
        known = prices
        if config.data.tickers:
            known = {"TEST": prices, "OTHER": make_prices(80, seed=1, ticker="OTHER")}
        return train(known, config, progress=False)

    return {case: run(case) for case in CASES}, prices


def states(stream):
    from forecaster.models.truncated import states_of

    return [value.numpy() for value in states_of(stream._stepper.network)]


def as_one_window(forecaster, prices):
    """The same weights in a network whose window is as long as all the prices."""
    config = forecaster.config
    table = make_table(prices, config, ticker="TEST")
    length = len(table) - table.n_unready
    sizes = dataclasses.replace(sizes_of(config), lookback=length)
    network = build_network(config.model, sizes, seed=0).predictor
    network.set_weights(forecaster.network.get_weights())
    window = config.window.model_copy(update={"lookback": length})
    longer = config.model_copy(update={"window": window})
    return dataclasses.replace(forecaster, network=network, config=longer)


@pytest.mark.parametrize("case", CASES)
def test_row_by_row_equals_one_long_window(runs, case):
    forecaster, prices = runs[0][case], runs[1]
    stream = Stream.start(forecaster, prices[:60])
    for n in (60, 61, 65):
        if n > 60:
            stream.update(prices[:n])
        wanted = as_one_window(forecaster, prices[:n]).predict(prices[:n])
        np.testing.assert_allclose(stream.forecast.price, wanted.price, rtol=1e-5)
        assert list(stream.forecast.sessions) == list(wanted.sessions)
        if wanted.quantiles is not None:
            np.testing.assert_allclose(
                stream.forecast.quantiles, wanted.quantiles, rtol=1e-5
            )


def test_a_stream_remembers_more_than_the_lookback(runs):
    forecaster, prices = runs[0]["vector"], runs[1]
    changed = prices.copy()
    changed.iloc[40:50] *= 1.1
    one, other = (Stream.start(forecaster, frame) for frame in (prices, changed))
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(states(one), states(other), strict=True)
    )
    np.testing.assert_array_equal(
        forecaster.predict(prices).price, forecaster.predict(changed).price
    )


@pytest.mark.parametrize("case", CASES)
def test_a_reloaded_stream_goes_on_bit_for_bit(runs, tmp_path, case):
    forecaster, prices = runs[0][case], runs[1]
    whole = Stream.start(forecaster, prices[:60])
    path = Stream.start(forecaster, prices[:60]).save(tmp_path / "state")
    bundle = save_bundle(forecaster, tmp_path / "bundle")
    reloaded = Stream.load(path, load_bundle(bundle))
    assert reloaded.forecast is None
    for n in (61, 70):
        one, other = whole.update(prices[:n]), reloaded.update(prices[:n])
        np.testing.assert_array_equal(one.price, other.price)
        for a, b in zip(states(whole), states(reloaded), strict=True):
            np.testing.assert_array_equal(a, b)


def test_how_the_rows_are_dealt_out_does_not_matter(runs):
    forecaster, prices = runs[0]["sequence"], runs[1]
    at_once = Stream.start(forecaster, prices)
    one_by_one = Stream.start(forecaster, prices[:1])
    for n in range(2, len(prices) + 1):
        one_by_one.update(prices[n - 2 : n])
    np.testing.assert_allclose(
        at_once.forecast.price, one_by_one.forecast.price, rtol=1e-6
    )


def test_prices_that_do_not_fit_are_refused_and_change_nothing(runs, make_prices):
    forecaster, prices = runs[0]["vector"], runs[1]
    stream = Stream.start(forecaster, prices[:60])
    kept = states(stream)
    split = prices.copy()
    split.loc[:, "close"] /= 2
    hole = prices.copy()
    hole.iloc[62, hole.columns.get_loc("close")] = np.nan
    refused = [
        (prices[:60], DataError, "no session after"),
        (prices[60:], DataError, "lack that session"),
        (make_prices(80, ticker="OTHER"), DataError, "those of OTHER"),
        (split, InvalidPrices, "close on .* is not what this stream has read"),
        (hole, InvalidPrices, "close has no value"),
    ]
    for frame, error, message in refused:
        with pytest.raises(error, match=message):
            stream.update(frame)
        for a, b in zip(states(stream), kept, strict=True):
            np.testing.assert_array_equal(a, b)
    again = Stream.start(forecaster, prices[:60]).update(prices)
    np.testing.assert_array_equal(stream.update(prices).price, again.price)


def test_an_interrupted_update_changes_nothing(runs, monkeypatch):
    forecaster, prices = runs[0]["vector"], runs[1]
    stream = Stream.start(forecaster, prices[:60])
    kept = states(stream)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(stream._stepper), "predict", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.update(prices)
    assert stream.last == prices.index[59]
    for a, b in zip(states(stream), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_of_another_network_or_a_damaged_one_is_refused(runs, tmp_path):
    forecaster, prices = runs[0]["vector"], runs[1]
    path = Stream.start(forecaster, prices).save(tmp_path / "state")
    with pytest.raises(BundleError, match="another network"):
        Stream.load(path, runs[0]["sequence"])
    other = forecaster.network.get_weights()
    other[0] = other[0] + 1
    moved = as_one_window(forecaster, prices)
    moved.network.set_weights(other)
    with pytest.raises(BundleError, match="another network"):
        Stream.load(path, moved)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match="checksum"):
        Stream.load(path, forecaster)
    path.write_bytes(b"")
    with pytest.raises(BundleError, match="Start it again"):
        Stream.load(path, forecaster)
    with pytest.raises(BundleError, match="no usable state"):
        Stream.load(tmp_path / "none", forecaster)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": {"shape": "encoder_decoder"}}, "encoder_decoder keeps no state"),
        ({"model": {"shape": "vector_to_sequence"}}, "vector_to_sequence keeps no"),
        ({"model": {"layers": [{"bidirectional": True}]}}, "bidirectional"),
        ({"model": {"convolution": {"filters": 2}}}, "convolution"),
        ({"window": {"lookback": 4, "shortest": 2}}, "shortest"),
        ({"features": {"scaling": "window"}}, "features.scaling"),
        ({"model": {"members": 2}}, "members is 2"),
    ],
)
def test_networks_without_such_a_state_are_refused_with_the_reason(
    trained, tiny_config, changes, reason
):
    forecaster, prices = trained
    other = dataclasses.replace(forecaster, config=tiny_config(**changes))
    with pytest.raises(ConfigError, match=reason):
        Stream.start(other, prices)
