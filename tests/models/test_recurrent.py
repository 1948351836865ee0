"""Networks with constant weights give the numbers that are worked out by hand here."""

import numpy as np
import pytest

from forecaster.config import Config, LayerConfig, ModelConfig, TrainingConfig
from forecaster.models.compiling import compile_network
from forecaster.models.recurrent import build_network as build
from forecaster.models.shapes import Sizes


def build_network(layers, *, lookback, n_features, horizon, seed):
    sizes = Sizes(lookback, n_features, horizon)
    return build(ModelConfig(layers=tuple(layers)), sizes, seed=seed).predictor


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run_lstm(series, w, units):
    """All weights w, biases 0 but the forget gate's 1; every unit is alike."""
    h = c = 0.0
    for x in series:
        z = w * x + units * w * h
        c = sigmoid(z + 1) * c + sigmoid(z) * np.tanh(z)
        h = sigmoid(z) * np.tanh(c)
        yield h


def run_gru(series, w, units):
    """All weights w, biases 0; the reset gate acts after the recurrent product."""
    h = 0.0
    for x in series:
        z = sigmoid(w * x + units * w * h)
        r = sigmoid(w * x + units * w * h)
        candidate = np.tanh(w * x + r * (units * w * h))
        h = z * h + (1 - z) * candidate
        yield h


def run_simple_rnn(series, w, units):
    h = 0.0
    for x in series:
        h = np.tanh(w * x + units * w * h)
        yield h


BY_HAND = {"lstm": run_lstm, "gru": run_gru, "simple_rnn": run_simple_rnn}


def constant(network, w):
    """Set kernels to w and leave the biases as they start."""
    weights = [
        np.full_like(value, w) if value.ndim == 2 and min(value.shape) > 0 else value
        for value in network.get_weights()
    ]
    names = [variable.path for variable in network.weights]
    network.set_weights(
        [
            np.zeros_like(value) if "gru" in name and name.endswith("bias") else value
            for name, value in zip(names, weights, strict=True)
        ]
    )


@pytest.mark.parametrize("cell", BY_HAND)
def test_one_layer_by_hand(cell):
    layers = [LayerConfig(cell=cell, units=2, dropout=0)]
    network = build_network(layers, lookback=3, n_features=1, horizon=2, seed=0)
    constant(network, 0.3)
    series = np.array([0.1, -0.4, 0.7])
    last = list(BY_HAND[cell](series, 0.3, units=2))[-1]
    answer = network.predict(series.reshape(1, 3, 1), verbose=0)
    np.testing.assert_allclose(answer, [[2 * 0.3 * last] * 2], rtol=1e-5)


def test_two_layers_by_hand():
    layers = [LayerConfig(units=2, dropout=0.5), LayerConfig(units=1, dropout=0.5)]
    network = build_network(layers, lookback=4, n_features=1, horizon=1, seed=0)
    constant(network, 0.2)
    series = np.array([0.5, 0.1, 0.9, -0.3])
    inner = 2 * np.array(list(run_lstm(series, 0.2, units=2)))
    last = list(run_lstm(inner, 0.2, units=1))[-1]
    answer = network.predict(series.reshape(1, 4, 1), verbose=0)
    np.testing.assert_allclose(answer, [[0.2 * last]], rtol=1e-5)


def test_the_reference_network_is_the_tutorials():
    layers = [LayerConfig()] * 4
    network = build_network(layers, lookback=60, n_features=1, horizon=1, seed=0)
    parts = network.layers[1:]  # behind the input
    kinds = [type(layer).__name__ for layer in parts]
    assert kinds == ["LSTM", "Dropout"] * 4 + ["Dense"]
    assert [layer.units for layer in parts[::2]] == [50, 50, 50, 50, 1]
    assert [layer.rate for layer in parts[1::2]] == [0.2] * 4
    assert network.count_params() == 71051
    compile_network(network, Config(), n_windows=1198)
    assert type(network.optimizer).__name__ == "Adam"
    assert float(network.optimizer.learning_rate) == pytest.approx(0.001)
    assert network.loss == "mse"


def test_the_seed_decides_the_weights_and_leaves_global_randomness_alone():
    def weights(seed):
        layers = [LayerConfig(units=3)]
        network = build_network(layers, lookback=2, n_features=1, horizon=1, seed=seed)
        return network.get_weights()

    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = weights(1), weights(1), weights(2)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[0], other[0])


def forward_lstm(series, kernel, recurrent, bias):
    """Gates in the order input, forget, candidate, output."""
    h = c = np.zeros(len(recurrent))
    for x in series:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def forward_gru(series, kernel, recurrent, bias):
    """Gates in the order update, reset, candidate; reset after the product."""
    h = np.zeros(len(recurrent))
    for x in series:
        z, r, g = np.split(x @ kernel + bias[0], 3)
        hz, hr, hg = np.split(h @ recurrent + bias[1], 3)
        z, r = sigmoid(z + hz), sigmoid(r + hr)
        h = z * h + (1 - z) * np.tanh(g + r * hg)
        yield h


def forward_simple_rnn(series, kernel, recurrent, bias):
    h = np.zeros(len(recurrent))
    for x in series:
        h = np.tanh(x @ kernel + h @ recurrent + bias)
        yield h


FORWARD = {"lstm": forward_lstm, "gru": forward_gru, "simple_rnn": forward_simple_rnn}


@pytest.mark.parametrize(
    "cells", [["lstm"], ["gru"], ["simple_rnn"], ["lstm", "gru", "simple_rnn"]]
)
def test_any_weights_give_what_plain_numpy_gives(cells):
    # Unlike weights tell gates, biases and units apart; equal ones cannot.
    layers = [LayerConfig(cell=cell, units=n + 2) for n, cell in enumerate(cells)]
    network = build_network(layers, lookback=5, n_features=3, horizon=2, seed=0)
    random = np.random.default_rng(7)
    weights = [random.normal(0, 0.7, value.shape) for value in network.get_weights()]
    network.set_weights(weights)
    inputs = random.normal(0, 1, (4, 5, 3))
    expected = []
    for series in inputs:
        for number, cell in enumerate(cells):
            series = list(FORWARD[cell](series, *weights[3 * number : 3 * number + 3]))
        expected.append(series[-1] @ weights[-2] + weights[-1])
    answer = network.predict(inputs.astype(np.float32), verbose=0)
    assert answer.shape == (4, 2)
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [("adam", "Adam"), ("nadam", "Nadam"), ("rmsprop", "RMSprop"), ("sgd", "SGD")],
)
def test_the_optimizer_and_the_loss_are_those_of_the_settings(optimizer, name):
    network = build_network(
        [LayerConfig(units=2)], lookback=2, n_features=1, horizon=1, seed=0
    )
    training = TrainingConfig(optimizer=optimizer, learning_rate=0.02, loss="mae")
    compile_network(network, Config(training=training), n_windows=1)
    assert type(network.optimizer).__name__ == name
    assert float(network.optimizer.learning_rate) == pytest.approx(0.02)
    assert network.loss == "mae"


def test_dropout_works_in_training_alone():
    layers = [LayerConfig(units=4, dropout=0.5)]
    network = build_network(layers, lookback=3, n_features=1, horizon=1, seed=0)
    inputs = np.ones((1, 3, 1), dtype=np.float32)
    tested = [float(network(inputs, training=False)[0, 0]) for _ in range(4)]
    trained = [float(network(inputs, training=True)[0, 0]) for _ in range(4)]
    assert len(set(tested)) == 1
    assert len(set(trained)) > 1
