"""Asking: compiled answers are Keras' own, of today's weights, and leave nothing."""

import gc
import weakref

import numpy as np
import pytest

from forecaster.config.network import ModelConfig
from forecaster.errors import ConfigError
from forecaster.models import asking
from forecaster.models.asking import ask, is_compilable, kept_function
from forecaster.models.recurrent import build_network
from forecaster.models.rolling import roll_forward, unroll
from forecaster.models.shapes import Sizes

ENOUGH = {"rtol": 1e-5, "atol": 1e-6}


def network_of(sizes=None, seed=0, **model):
    settings = ModelConfig.model_validate({"layers": [{"units": 3}], **model})
    return build_network(settings, sizes or Sizes(4, 2, 2), seed=seed).predictor


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Persistent:
    """No Keras model: forecasts the newest value and one more, and notes its calls."""

    def __init__(self):
        self.n_asked = []

    def predict(self, inputs, batch_size, verbose):
        assert batch_size > 0
        assert verbose == 0
        self.n_asked.append(len(inputs))
        return inputs[:, -1, :1] + np.array([0, 1], inputs.dtype)


def test_answers_are_those_of_keras_for_any_number_of_windows():
    network = network_of()
    for n_windows in (1, 3, asking.PREDICTION_BATCH, 2 * asking.PREDICTION_BATCH + 1):
        windows = numbers(n_windows, 4, 2)
        expected = network.predict(windows, batch_size=n_windows, verbose=0)
        np.testing.assert_allclose(ask(network, windows), expected, **ENOUGH)


def test_named_inputs_reach_the_network_by_name():
    sizes = Sizes(4, 2, 2, n_known=1, n_static=2, n_tickers=3)
    network = network_of(sizes, shape="encoder_decoder", ticker_embedding=2)
    inputs = {
        "static": numbers(5, 2, seed=1),
        "ticker": np.arange(5, dtype=np.int32) % 4,
        "start": numbers(5, 1, seed=2),
        "window": numbers(5, 4, 2, seed=3),
        "known": numbers(5, 2, 1, seed=4),
    }
    expected = network.predict(inputs, verbose=0)
    np.testing.assert_allclose(ask(network, inputs), expected, **ENOUGH)
    moved = inputs | {"ticker": inputs["ticker"] * 0}
    assert not np.allclose(ask(network, moved), expected)


def test_windows_of_double_precision_or_in_reverse_are_read():
    network, windows = network_of(), numbers(5, 4, 2)
    expected = ask(network, windows)
    np.testing.assert_array_equal(ask(network, windows.astype(np.float64)), expected)
    back = ask(network, windows[::-1])[::-1]
    np.testing.assert_allclose(back, expected, **ENOUGH)


def test_later_weights_are_seen():
    network, windows = network_of(), numbers(3, 4, 2)
    assert np.abs(ask(network, windows)).max() > 0
    network.set_weights([weights * 0 for weights in network.get_weights()])
    np.testing.assert_array_equal(ask(network, windows), np.zeros((3, 2)))


def test_one_trace_serves_every_number_of_windows_and_of_steps():
    network = network_of(Sizes(4, 1, 2))
    if not is_compilable(network):
        pytest.skip("nothing is compiled on this backend")
    kept = []
    for n in (1, 2, 5):
        ask(network, numbers(n, 4, 1))
        roll_forward(network, numbers(n, 4, 1), horizon=2, n_steps=3 * n)
        kept += [kept_function(network, one, pytest.fail) for one in ("answer", "roll")]
    # A concrete function is one trace, and cannot make another.
    assert len({id(function) for function in kept}) == 2
    assert all(hasattr(function, "structured_input_signature") for function in kept)


def test_many_networks_in_one_process_are_no_reason_for_a_warning(caplog):
    for _ in range(7):
        network = network_of(Sizes(4, 1, 2))
        ask(network, numbers(2, 4, 1))
        roll_forward(network, numbers(2, 4, 1), horizon=2, n_steps=4)
    assert [one.message for one in caplog.records if one.name == "tensorflow"] == []


def test_nothing_keeps_a_network_that_nobody_has_any_more():
    network = network_of(Sizes(4, 1, 2))
    ask(network, numbers(3, 4, 1))
    roll_forward(network, numbers(3, 4, 1), horizon=2, n_steps=6)
    alive = weakref.ref(network)
    del network
    gc.collect()
    assert alive() is None


def test_what_is_no_keras_model_answers_for_itself():
    network, windows = Persistent(), numbers(3, 4, 1)
    assert not is_compilable(network)
    expected = windows[:, -1] + np.float32([0, 1])
    np.testing.assert_array_equal(ask(network, windows), expected)
    assert network.n_asked == [3]


def test_what_is_no_keras_model_rolls_forward_all_windows_at_once():
    network, windows = Persistent(), numbers(3, 4, 1)
    rolled = roll_forward(network, windows, horizon=2, n_steps=5)
    # Each round begins where the one before ended, one higher.
    expected = windows[:, -1] + np.float32([0, 1, 1, 2, 2])
    np.testing.assert_allclose(rolled, expected, rtol=1e-6)
    assert network.n_asked == [3, 3, 3]


def test_rolling_in_batches_is_rolling_at_once(monkeypatch):
    network, windows = network_of(Sizes(4, 1, 2)), numbers(7, 4, 1)
    whole = roll_forward(network, windows, horizon=2, n_steps=5)
    monkeypatch.setattr(asking, "PREDICTION_BATCH", 3)
    parts = roll_forward(network, windows, horizon=2, n_steps=5)
    np.testing.assert_allclose(parts, whole, **ENOUGH)


def test_an_unrolled_network_is_kept_and_has_the_newest_weights(tiny_config):
    from forecaster.models.recurrent import network_for

    config = tiny_config(model__shape="encoder_decoder", window__horizon=2)
    network = network_for(config).predictor
    longer, settings = unroll(network, config, 5)
    assert settings.window.horizon == 5
    assert longer.output_shape == (None, 5)
    network.set_weights([weights + 1 for weights in network.get_weights()])
    again, _ = unroll(network, config, 5)
    assert again is longer
    for one, two in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert unroll(network, config, 3)[0].output_shape == (None, 3)


def test_what_has_no_weights_cannot_be_unrolled(tiny_config):
    config = tiny_config(model__shape="encoder_decoder", window__horizon=2)
    with pytest.raises(ConfigError, match="exported for 2, and cannot be unrolled"):
        unroll(Persistent(), config, 5)
