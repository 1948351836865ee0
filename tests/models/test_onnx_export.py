"""ONNX export: every kind of network answers as its Keras model does."""

import numpy as np
import onnx
import pytest

from forecaster.config import ModelConfig
from forecaster.data.windows import PADDING
from forecaster.models.backend import load_keras
from forecaster.models.onnx_export import WRITERS, export_onnx
from forecaster.models.onnx_graph import NotExportable
from forecaster.models.onnx_network import OnnxNetwork
from forecaster.models.recurrent import build_network
from forecaster.models.shapes import Sizes

CELLS = ("lstm", "gru", "simple_rnn")
ACTIVATIONS = (
    *("tanh", "linear", "relu", "elu", "selu", "gelu", "softsign", "sigmoid"),
)
CLOSE = 1e-5
N_WINDOWS, N_TICKERS = 5, 2
WHOLE = Sizes(lookback=6, n_features=2, horizon=3)
BESIDE = Sizes(6, 2, 3, n_known=2, n_static=1, n_tickers=N_TICKERS)
PADDED = Sizes(6, 2, 3, padded=True)
ALL = Sizes(6, 2, 3, n_known=2, n_static=1, n_tickers=N_TICKERS, padded=True)
STACKS = {cell: [{"cell": cell, "units": 3}, {"cell": cell}] for cell in CELLS}
MIXED = [{"cell": cell, "units": 3} for cell in CELLS]


def layers(**options):
    return [layer | options for layer in MIXED]


# Sizes and settings of the network.
KINDS = {
    **{f"{cell}": (WHOLE, {"layers": STACKS[cell]}) for cell in CELLS},
    **{
        f"all cells, {activation}": (WHOLE, {"layers": layers(activation=activation)})
        for activation in ACTIVATIONS
    },
    "the reference run": (Sizes(60, 1), {}),
    "both directions": (WHOLE, {"layers": layers(bidirectional=True)}),
    "both directions, padded": (PADDED, {"layers": layers(bidirectional=True)}),
    "residual": (WHOLE, {"layers": layers(residual=True)}),
    "batch normalisation": (WHOLE, {"layers": layers(normalization="batch")}),
    "layer normalisation": (WHOLE, {"layers": layers(normalization="layer")}),
    "recurrent dropout": (WHOLE, {"layers": layers(recurrent_dropout=0.3)}),
    "padded": (PADDED, {"layers": MIXED}),
    "padded, with everything": (
        ALL,
        {
            "layers": layers(residual=True, bidirectional=True, normalization="layer"),
            "ticker_embedding": 2,
            "members": 2,
        },
    ),
    "convolution": (WHOLE, {"layers": MIXED, "convolution": {"filters": 4}}),
    "convolution longer than the window": (
        WHOLE,
        {"layers": MIXED, "convolution": {"kernel_size": 9, "activation": "gelu"}},
    ),
    "inputs beside the window": (BESIDE, {"layers": MIXED, "ticker_embedding": 2}),
    "members": (WHOLE, {"layers": MIXED, "members": 3}),
    "quantiles": (WHOLE, {"layers": MIXED, "head": "quantiles"}),
    "Student-t": (WHOLE, {"layers": MIXED, "head": "student_t"}),
    "direction": (WHOLE, {"layers": MIXED, "head": "direction"}),
    "spread shortcut": (
        BESIDE,
        {
            "layers": MIXED,
            "head": "quantiles",
            "spread_shortcut": True,
            "ticker_embedding": 1,
        },
    ),
    "sequence to sequence": (
        Sizes(6, 2),
        {"layers": layers(residual=True), "shape": "sequence_to_sequence"},
    ),
    "sequence to sequence, padded": (
        Sizes(6, 2, padded=True),
        {
            "layers": layers(residual=True),
            "shape": "sequence_to_sequence",
            "head": "student_t",
        },
    ),
    "sequence to sequence, of tickers": (
        Sizes(6, 2, n_tickers=N_TICKERS),
        {"layers": MIXED, "shape": "sequence_to_sequence", "ticker_embedding": 2},
    ),
    "vector to sequence": (
        BESIDE,
        {"layers": MIXED, "shape": "vector_to_sequence", "ticker_embedding": 2},
    ),
    "encoder and decoder, one layer": (
        WHOLE,
        {"layers": STACKS["gru"][:1], "shape": "encoder_decoder"},
    ),
    "encoder and decoder, padded": (
        ALL,
        {
            "layers": layers(normalization="batch"),
            "shape": "encoder_decoder",
            "head": "quantiles",
            "ticker_embedding": 2,
        },
    ),
    "encoder and decoder, members, untaught": (
        WHOLE,
        {
            "layers": MIXED,
            "shape": "encoder_decoder",
            "members": 2,
            "teacher_forcing": False,
        },
    ),
}


def made(kind, seed=0):
    """Return a Keras model with weights that are all alive, and windows for it."""
    sizes, settings = KINDS[kind]
    network = build_network(ModelConfig(**settings), sizes, seed=1).predictor
    random = np.random.default_rng(seed)
    for weight in network.weights:
        drawn = random.normal(0.1, 0.4, weight.shape) / max(weight.shape[0], 9) * 6
        weight.assign(np.abs(drawn) if "variance" in weight.path else drawn)
    inputs = {
        value.name: random.normal(0, 1, (N_WINDOWS, *value.shape[1:])).astype("f")
        for value in network.inputs
    }
    if "ticker" in inputs:
        inputs["ticker"] = np.arange(N_WINDOWS, dtype=np.int32) % (N_TICKERS + 1)
    if sizes.padded:
        for number, window in enumerate(inputs["window"]):
            window[:number] = PADDING
    return network, inputs if len(inputs) > 1 else inputs["window"]


def by_keras(network, inputs):
    keras = load_keras()
    return keras.ops.convert_to_numpy(network(inputs, training=False))


def by_onnx(network, inputs, **how):
    exported = OnnxNetwork(export_onnx(network), load=None)
    assert exported.session is not None
    return exported.predict(inputs, **how)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_answers_as_keras_does(kind):
    network, inputs = made(kind)
    expected, answer = by_keras(network, inputs), by_onnx(network, inputs)
    assert answer.shape == expected.shape
    assert answer.dtype == expected.dtype
    assert np.ptp(expected) > 10 * CLOSE  # the windows do differ
    np.testing.assert_allclose(answer, expected, rtol=CLOSE, atol=CLOSE)


def test_a_subclass_of_a_layer_is_written_as_the_layer():
    keras = load_keras()

    class Faster(keras.layers.LSTM):
        pass

    inputs = keras.Input((4, 1), name="window")
    network = keras.Model(inputs, Faster(3, seed=1)(inputs))
    windows = np.random.default_rng(0).normal(size=(2, 4, 1)).astype("f")
    expected = by_keras(network, windows)
    np.testing.assert_allclose(by_onnx(network, windows), expected, atol=CLOSE)


def test_an_lstm_of_known_weights_gives_the_number_worked_out_by_hand():
    keras = load_keras()
    inputs = keras.Input((2, 1), name="window")
    layer = keras.layers.LSTM(1)
    network = keras.Model(inputs, layer(inputs))
    # Gates in the order input, forget, candidate, output.
    weights = [[[1.0, 2.0, 3.0, 4.0]], [[0.5, 0.25, -1.0, 2.0]], [0.0, 1.0, 0.0, 0.0]]
    layer.set_weights([np.array(weight) for weight in weights])

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    state = carry = 0.0
    for x in (0.3, -0.2):
        admit, forget = sigmoid(x + 0.5 * state), sigmoid(2 * x + 0.25 * state + 1)
        carry = forget * carry + admit * np.tanh(3 * x - state)
        state = sigmoid(4 * x + 2 * state) * np.tanh(carry)
    answer = by_onnx(network, np.array([[[0.3], [-0.2]]], dtype=np.float32))
    assert answer[0, 0] == pytest.approx(state, abs=1e-6)


@pytest.mark.parametrize(
    "kind", ["padded, with everything", "encoder and decoder, padded"]
)
def test_the_model_is_valid_onnx_and_the_same_each_time(kind):
    network, _ = made(kind)
    model = export_onnx(network)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    again, _ = made(kind)  # its layers have other automatic names
    assert export_onnx(again) == model


def test_other_weights_give_another_model():
    assert export_onnx(made("lstm")[0]) != export_onnx(made("lstm", seed=1)[0])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 256])
def test_windows_are_answered_alike_in_any_batches(batch_size):
    network, inputs = made("inputs beside the window")
    whole = by_onnx(network, inputs)
    parts = by_onnx(network, inputs, batch_size=batch_size)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-6)


def test_onnxruntime_is_never_asked_about_no_windows():
    # It divides by their number, which ends the process.
    class Keras:
        def predict(self, inputs, **_):
            return np.zeros((len(inputs), 3))

    network, inputs = made("lstm")
    exported = OnnxNetwork(export_onnx(network), load=Keras)
    assert exported.predict(inputs[:0]).shape == (0, 3)


def refuse(output, **inputs):
    keras = load_keras()
    network = keras.Model(list(inputs.values()), output)
    with pytest.raises(NotExportable) as caught:
        export_onnx(network)
    return str(caught.value)


def test_what_has_no_counterpart_is_refused_by_name():
    keras = load_keras()
    window = keras.Input((4, 2), name="window")
    pooled = keras.layers.GlobalMaxPooling1D()(window)
    assert "GlobalMaxPooling1D" in refuse(pooled, window=window)
    plain = keras.layers.GRU(2, reset_after=False)(window)
    assert "GRUCell" in refuse(plain, window=window)
    mish = keras.layers.LSTM(2, activation="mish")(window)
    assert "mish" in refuse(mish, window=window)
    reverse = keras.layers.LSTM(2, go_backwards=True)(window)
    assert "backwards" in refuse(reverse, window=window)
    added = keras.layers.Bidirectional(keras.layers.LSTM(2), merge_mode="sum")(window)
    assert "directions" in refuse(added, window=window)
    same = keras.layers.Conv1D(2, 3, padding="same")(window)
    assert "causal" in refuse(same, window=window)
    assert "part" in refuse(window[:, ::2], window=window)
    sequential = keras.Model()
    with pytest.raises(NotExportable, match="no functional model"):
        export_onnx(sequential)


def test_every_writer_is_for_something_that_a_network_holds():
    held = set()

    def note(operation):
        held.update(kind.__name__ for kind in type(operation).__mro__)
        if type(operation).__name__ == "Functional":
            operation._run_through_graph(operation.inputs, operation_fn=note)
        return operation

    for kind in KINDS:
        network, _ = made(kind)
        network._run_through_graph(network.inputs, operation_fn=note)
    assert set(WRITERS) <= held
