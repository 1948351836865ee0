import json
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from forecaster.models.backend import load_keras
from forecaster.models.reference.lstm import LSTM
from forecaster.models.reference.records import Weights

keras = load_keras()

import tensorflow as tf  # noqa: E402  after the noise is held back

from forecaster.models import fused  # noqa: E402
from forecaster.models.kernels import block_lstm, packed_lstm, scan  # noqa: E402

KINDS = ("LSTM", "GRU", "SimpleRNN")
N_STATES = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}


def layers_of(kind, shape, *, seed=0, **options):
    """Make a stock layer and a fused one with the same weights, not all small."""
    random = np.random.default_rng(seed)
    stock, ours = (getattr(made, kind)(5, **options) for made in (keras.layers, fused))
    for layer in (stock, ours):
        layer.build(shape)
    weights = [random.normal(0, 0.3, value.shape) for value in stock.get_weights()]
    stock.set_weights(weights)
    ours.set_weights(weights)
    return stock, ours


def run(layer, inputs, states=(), mask=None, *, training=True):
    """Return outputs, and the gradients of a sum in which each has a weight.

    Compiled, as in a training: layers that run at once are Keras' own.
    """

    @tf.function
    def once(*read):
        with tf.GradientTape() as tape:
            tape.watch(read)
            made = layer(
                read[0],
                initial_state=list(read[1:]) or None,
                mask=None if mask is None else tf.constant(mask),
                training=training,
            )
            made = made if isinstance(made, list | tuple) else [made]
            total = sum(tf.reduce_sum(value * weights_like(value)) for value in made)
        weights = [variable.value for variable in layer.trainable_variables]
        return list(made), tape.gradient(total, [*read, *weights])

    made, slopes = once(tf.constant(inputs), *map(tf.constant, states))
    return [np.array(value) for value in made], [np.array(slope) for slope in slopes]


def weights_like(value):
    count = tf.cast(tf.range(tf.size(value)), value.dtype)
    return tf.reshape(tf.cos(count), tf.shape(value))


def same(ours, wanted, tolerance):
    """Demand equality relative to the largest number of each array."""
    for mine, theirs in zip(ours, wanted, strict=True):
        assert mine.shape == theirs.shape
        scale = max(np.abs(theirs).max(), 1.0)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale)


def masks(n_windows, n_steps, random):
    lengths = random.integers(0, n_steps + 1, n_windows)
    return {
        "none": None,
        "before": np.arange(n_steps) >= n_steps - lengths[:, None],
        "anywhere": random.random((n_windows, n_steps)) < 0.6,
    }


@pytest.mark.parametrize("masked", ["none", "before", "anywhere"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_the_stock_layer(kind, masked):
    random = np.random.default_rng(1)
    sizes = [(1, 1, 1), (3, 1, 2), (4, 17, 3)] if masked == "none" else [(3, 6, 2)]
    for size, whole, back, given in product(sizes, *[(False, True)] * 3):
        n_windows, n_steps, n_features = size
        stock, ours = layers_of(
            kind,
            (n_windows, n_steps, n_features),
            return_sequences=whole,
            return_state=True,
            go_backwards=back,
        )
        inputs = random.normal(size=size).astype("float32")
        n_states = N_STATES[kind] if given else 0
        states = [
            random.normal(size=(n_windows, 5)).astype("float32")
            for _ in range(n_states)
        ]
        mask = masks(n_windows, n_steps, random)[masked]
        made, slopes = run(ours, inputs, states, mask)
        wanted, wanted_slopes = run(stock, inputs, states, mask)
        same(made, wanted, 1e-6)
        same(slopes, wanted_slopes, 1e-5)


@pytest.mark.parametrize("activation", ["relu", "linear", "softsign"])
def test_a_simple_rnn_may_have_any_activation(activation):
    stock, ours = layers_of("SimpleRNN", (2, 5, 1), activation=activation)
    inputs = np.random.default_rng(2).normal(size=(2, 5, 1)).astype("float32")
    made, slopes = run(ours, inputs)
    wanted, wanted_slopes = run(stock, inputs)
    same(made, wanted, 1e-6)
    same(slopes, wanted_slopes, 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loop_has_the_gradient_that_differences_show(kind):
    _, layer = layers_of(kind, (2, 4, 1), dtype="float64", return_sequences=True)
    inputs = np.random.default_rng(3).normal(size=(2, 4, 1))
    _, (by_input, *by_weights) = run(layer, inputs)

    @tf.function
    def compiled(inputs):
        made = layer(inputs, training=True)
        return tf.reduce_sum(made * weights_like(made))

    def total():
        return float(compiled(tf.constant(inputs)))

    for place in np.ndindex(inputs.shape):
        slope = _difference(total, inputs, place)
        assert by_input[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)
    for variable, slopes in zip(layer.trainable_variables, by_weights, strict=True):
        values = np.array(variable)
        for place in list(np.ndindex(values.shape))[::7]:

            def moved(variable=variable, values=values):
                variable.assign(values)
                return total()

            slope = _difference(moved, values, place)
            variable.assign(values)
            assert slopes[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def _difference(total, values, place, width=1e-6):
    before = values[place]
    values[place] = before + width
    above = total()
    values[place] = before - width
    below = total()
    values[place] = before
    return (above - below) / (2 * width)


def test_the_operation_gets_an_even_number_of_windows(monkeypatch):
    """It complains aloud of an odd one beside an odd width."""
    asked, honest = [], tf.raw_ops.BlockLSTM

    def watched(**inputs):
        asked.append(inputs["x"].shape[1])
        return honest(**inputs)

    monkeypatch.setattr(tf.raw_ops, "BlockLSTM", watched)
    layer = fused.LSTM(3)
    for n_windows in (1, 2, 5):
        made = layer(np.ones((n_windows, 4, 1), "float32"))
        assert made.shape == (n_windows, 3)
    assert asked == [2, 2, 6]


def test_the_one_operation_has_the_gradients_worked_out_by_hand():
    """Against backpropagation written in NumPy, which is checked by hand elsewhere."""
    random = np.random.default_rng(4)
    n_windows, n_steps, n_features, units = 3, 7, 2, 4
    inputs = random.normal(size=(n_windows, n_steps, n_features))
    upstream = random.normal(size=(n_windows, n_steps, units))
    weights = Weights(
        kernel=random.normal(size=(n_features, 4 * units)),
        recurrent_kernel=random.normal(size=(units, 4 * units)),
        bias=random.normal(size=4 * units),
    )
    by_hand = LSTM().backpropagate(LSTM().run(inputs, weights), upstream)
    read = [
        tf.constant(value, tf.float32)
        for value in (
            inputs.transpose(1, 0, 2),
            weights.kernel,
            weights.recurrent_kernel,
            weights.bias,
        )
    ]
    states = [tf.zeros((n_windows, units))] * 2
    with tf.GradientTape() as tape:
        tape.watch(read)
        outputs, _ = block_lstm(read[0], states, *packed_lstm(*read[1:]))
        total = tf.reduce_sum(outputs * upstream.transpose(1, 0, 2))
    slopes = [np.array(slope) for slope in tape.gradient(total, read)]
    wanted = [
        by_hand.inputs.transpose(1, 0, 2),
        by_hand.kernel,
        by_hand.recurrent_kernel,
        by_hand.bias,
    ]
    same(slopes, wanted, 1e-5)


def stack(layers, *, seed):
    """Make three layers, two of them in a wrapper or behind dropout."""
    return keras.Sequential(
        [
            keras.Input((40, 2)),
            layers.LSTM(4, return_sequences=True, name="first"),
            layers.Dropout(0.3, seed=seed),
            layers.GRU(3, return_sequences=True, name="second"),
            layers.Dropout(0.3, seed=seed + 1),
            layers.SimpleRNN(3, return_sequences=True, name="third"),
            layers.LSTM(4, name="fourth"),
            layers.Dropout(0.3, seed=seed + 2),
            keras.layers.Dense(1),
        ]
    )


def compiled_gradients(model, inputs):
    @tf.function
    def once(inputs):
        with tf.GradientTape() as tape:
            made = model(inputs, training=True)
            total = tf.reduce_sum(made * weights_like(made))
        weights = [variable.value for variable in model.trainable_variables]
        return made, tape.gradient(total, weights)

    made, slopes = once(tf.constant(inputs))
    return [np.array(made)], [np.array(slope) for slope in slopes]


def test_a_compiled_stack_drops_and_learns_what_the_stock_one_does():
    inputs = np.random.default_rng(5).normal(size=(6, 40, 2)).astype("float32")
    stock, ours = stack(keras.layers, seed=7), stack(fused, seed=7)
    ours.set_weights(stock.get_weights())
    made, slopes = compiled_gradients(ours, inputs)
    wanted, wanted_slopes = compiled_gradients(stock, inputs)
    same(made, wanted, 1e-6)
    same(slopes, wanted_slopes, 1e-5)


def test_sequences_travel_in_parts_between_layers(monkeypatch):
    lengths = []
    honest = fused.block_lstm

    def watched(inputs, *others):
        lengths.append(inputs.shape[0])
        return honest(inputs, *others)

    monkeypatch.setattr(fused, "block_lstm", watched)
    model = keras.Sequential(
        [
            keras.Input((60, 1)),
            fused.LSTM(3, return_sequences=True),
            fused.Dropout(0.2, seed=1),
            fused.LSTM(3),
        ]
    )
    lengths.clear()
    compiled_gradients(model, np.zeros((2, 60, 1), "float32"))
    assert lengths == [15] * 8


def bidirectional(layers):
    layer = layers.LSTM(3, return_sequences=True)
    with keras.saving.custom_object_scope({"LSTM": layers.LSTM}):
        return keras.layers.Bidirectional(layer)


def test_both_directions_are_those_of_the_stock_layer():
    inputs = np.random.default_rng(6).normal(size=(3, 31, 2)).astype("float32")
    stock, ours = bidirectional(keras.layers), bidirectional(fused)
    for layer in (stock, ours):
        layer.build((3, 31, 2))
    assert type(ours.forward_layer) is type(ours.backward_layer) is fused.LSTM
    ours.set_weights(stock.get_weights())
    made, slopes = compiled_gradients(ours, inputs)
    wanted, wanted_slopes = compiled_gradients(stock, inputs)
    same(made, wanted, 1e-6)
    same(slopes, wanted_slopes, 1e-5)


def behind_a_sequence(layers):
    """Make layers that cannot take the parts of the one before as they are."""
    with keras.saving.custom_object_scope({"LSTM": layers.LSTM}):
        both = keras.layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    return keras.Sequential(
        [
            keras.Input((40, 2)),
            layers.LSTM(4, return_sequences=True),
            layers.LSTM(4, return_sequences=True, go_backwards=True),
            both,
            layers.LSTM(3),
        ]
    )


def test_layers_that_read_backwards_put_parts_together_first():
    inputs = np.random.default_rng(8).normal(size=(3, 40, 2)).astype("float32")
    stock, ours = behind_a_sequence(keras.layers), behind_a_sequence(fused)
    ours.set_weights(stock.get_weights())
    made, slopes = compiled_gradients(ours, inputs)
    wanted, wanted_slopes = compiled_gradients(stock, inputs)
    same(made, wanted, 1e-6)
    same(slopes, wanted_slopes, 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stateful_layer_goes_on_as_the_stock_one_does(kind):
    stock, ours = layers_of(kind, (2, 3, 1), stateful=True)
    random = np.random.default_rng(9)
    for _ in range(3):
        inputs = random.normal(size=(2, 3, 1)).astype("float32")
        same(run(ours, inputs)[0], run(stock, inputs)[0], 1e-6)
        for mine, theirs in zip(ours.states, stock.states, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_masked_outputs_may_be_zero_as_in_the_stock_layer(kind):
    stock, ours = layers_of(kind, (2, 5, 1), return_sequences=True)
    stock.zero_output_for_mask = ours.zero_output_for_mask = True
    inputs = np.random.default_rng(10).normal(size=(2, 5, 1)).astype("float32")
    mask = np.array([[1, 0, 1, 0, 0], [0, 1, 1, 1, 0]], dtype=bool)
    same(run(ours, inputs, mask=mask)[0], run(stock, inputs, mask=mask)[0], 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision_is_left_to_keras(kind, monkeypatch):
    monkeypatch.setattr(fused, "block_lstm", None)
    monkeypatch.setattr(fused, "scan", None)
    stock, ours = layers_of(kind, (2, 3, 1), dtype="mixed_float16")
    inputs = np.random.default_rng(11).normal(size=(2, 3, 1)).astype("float16")
    np.testing.assert_array_equal(run(ours, inputs)[0], run(stock, inputs)[0])


UNFIT = {
    "a layer as activation": ("SimpleRNN", {"activation": keras.layers.ReLU()}),
    "another activation": ("LSTM", {"activation": "relu"}),
    "another gate": ("GRU", {"recurrent_activation": "hard_sigmoid"}),
    "the older GRU": ("GRU", {"reset_after": False}),
    "no bias": ("SimpleRNN", {"use_bias": False}),
    "dropout of states": ("LSTM", {"recurrent_dropout": 0.2}),
    "dropout of inputs": ("GRU", {"dropout": 0.2}),
    "unrolling": ("SimpleRNN", {"unroll": True}),
}


@pytest.mark.parametrize("kind, options", UNFIT.values(), ids=UNFIT)
def test_what_no_kernel_knows_is_left_to_keras(kind, options, monkeypatch):
    monkeypatch.setattr(fused, "block_lstm", None)
    monkeypatch.setattr(fused, "scan", None)
    _, layer = layers_of(kind, (2, 3, 1), **options)
    made, _ = run(layer, np.ones((2, 3, 1), "float32"))
    assert made[0].shape == (2, 5)


@pytest.mark.parametrize("kind", ["GRU", "SimpleRNN"])
def test_loops_are_for_compiled_training_alone(kind, monkeypatch):
    monkeypatch.setattr(fused, "scan", None)
    _, layer = layers_of(kind, (2, 3, 1))
    inputs = np.ones((2, 3, 1), "float32")
    assert layer(inputs, training=True).shape == (2, 5)
    assert run(layer, inputs, training=False)[0][0].shape == (2, 5)


def test_a_gpu_keeps_the_stock_layer(monkeypatch):
    monkeypatch.setattr(fused, "_has_gpu", lambda: True)
    monkeypatch.setattr(fused, "block_lstm", None)
    stock, ours = layers_of("LSTM", (2, 3, 1))
    inputs = np.ones((2, 3, 1), "float32")
    np.testing.assert_array_equal(ours(inputs), stock(inputs))


def test_settings_and_weights_are_those_of_the_stock_layer():
    for kind in KINDS:
        stock, ours = layers_of(kind, (1, 2, 3), name="layer")
        assert ours.get_config() == stock.get_config()
        paths = [variable.path for variable in stock.trainable_variables]
        assert [variable.path for variable in ours.trainable_variables] == paths


LOAD = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
layers = [type(layer).__module__ for layer in model._flatten_layers()]
answer = model.predict(np.linspace(0, 1, 80).reshape(1, 40, 2), verbose=0)
assert "forecaster" not in sys.modules
print(json.dumps([answer.tolist(), layers]))
"""


def test_what_is_saved_loads_where_only_keras_is(tmp_path):
    model = stack(fused, seed=1)
    model.save(tmp_path / "model.keras")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    answer, modules = json.loads(done.stdout.splitlines()[-1])
    inputs = np.linspace(0, 1, 80, dtype="float32").reshape(1, 40, 2)
    np.testing.assert_allclose(answer, model(inputs), rtol=0, atol=1e-6)
    assert all(module.startswith("keras.src") for module in modules)


def test_weights_files_fit_either_way(tmp_path):
    stock, ours = stack(keras.layers, seed=1), stack(fused, seed=2)
    inputs = np.linspace(0, 1, 80, dtype="float32").reshape(1, 40, 2)
    for source, target in ((stock, ours), (ours, stock)):
        for variable in source.trainable_variables:
            variable.assign(variable + 0.1)
        source.save_weights(tmp_path / "model.weights.h5")
        target.load_weights(tmp_path / "model.weights.h5")
        np.testing.assert_allclose(target(inputs), source(inputs), rtol=0, atol=1e-6)


def test_a_loop_skips_absent_steps_and_keeps_its_state():
    def count(projected, recurrent, states):
        return (states[0] + projected + 0 * recurrent,)

    present = tf.constant([[True], [False], [True]])
    (steps,) = scan(
        count,
        tf.ones((3, 1, 1)),
        tf.zeros((1, 1)),
        tf.zeros(1),
        [tf.zeros((1, 1))],
        present,
    )
    assert np.array(steps).ravel().tolist() == [1, 1, 2]
