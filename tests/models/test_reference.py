"""The cells in NumPy agree with Keras, with finite differences and with fractions."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from forecaster.errors import ConfigError, DataError
from forecaster.models.backend import load_keras
from forecaster.models.reference import GRU, LSTM, SimpleRNN, Weights, only_last_step

CELLS = {
    "tanh": SimpleRNN(),
    "linear": SimpleRNN("linear"),
    "relu": SimpleRNN("relu"),
    "lstm": LSTM(),
    "gru, reset after": GRU(),
    "gru, reset before": GRU(reset_after=False),
}
SIZES = [  # windows, steps, features, units
    (1, 1, 1, 1),
    (3, 5, 2, 4),
    (4, 12, 3, 7),
    (2, 30, 5, 3),
]
NAMES = ["kernel", "recurrent_kernel", "bias", "inputs"]
# Tanh of log 2 is 3/5; the sigmoid of log 3 is 3/4.
LOG2, LOG3 = log(2), log(3)


def made_up(cell, size, dtype=np.float64, seed=0):
    """Random weights, inputs, initial states and output gradients, all of order 1."""
    random = np.random.default_rng([seed, *size])
    n_windows, n_steps, n_features, units = size

    def draw(*shape, scale=1.0):
        return (scale * random.normal(size=shape)).astype(dtype)

    width = cell.n_blocks * units
    weights = Weights(
        draw(n_features, width, scale=n_features**-0.5),
        draw(units, width, scale=0.6 * units**-0.5),
        draw(*cell.bias_shape(units), scale=0.5),
    )
    states = [draw(n_windows, units) for _ in range(cell.n_states)]
    inputs = draw(n_windows, n_steps, n_features)
    return inputs, weights, states, draw(n_windows, n_steps, units)


def in_keras(cell, weights, dtype):
    layers = load_keras().layers
    options = {"return_sequences": True, "return_state": True, "dtype": dtype}
    if isinstance(cell, SimpleRNN):
        layer = layers.SimpleRNN(weights.units, activation=cell.activation, **options)
    elif isinstance(cell, LSTM):
        layer = layers.LSTM(weights.units, **options)
    else:
        layer = layers.GRU(weights.units, reset_after=cell.reset_after, **options)
    layer.build((None, None, len(weights.kernel)))
    layer.set_weights([weights.kernel, weights.recurrent_kernel, weights.bias])
    return layer


def ask_keras(layer, inputs, states, output_gradients):
    """Return hidden states, last states, and gradients of weights, inputs, states."""
    import tensorflow as tf

    inputs = tf.constant(inputs)
    states = [tf.constant(state) for state in states or []]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *states])
        hidden, *last = layer(inputs, initial_state=states or None)
        loss = tf.reduce_sum(hidden * output_gradients)
    gradients = tape.gradient(loss, [*layer.trainable_variables, inputs, *states])
    last = [state.numpy() for state in last]
    return hidden.numpy(), last, [np.asarray(each) for each in gradients]


def pairs(cell, size, dtype, *, given_states, only_last):
    """Yield what, ours and Keras's for every number that both give."""
    inputs, weights, states, output_gradients = made_up(cell, size, dtype)
    if not given_states:
        states = None
    if only_last:
        output_gradients = only_last_step(output_gradients[:, -1], size[1])
        output_gradients = output_gradients.astype(dtype)
    layer = in_keras(cell, weights, dtype)
    hidden, last, theirs = ask_keras(layer, inputs, states, output_gradients)
    unrolled = cell.run(inputs, weights, states)
    ours = cell.backpropagate(unrolled, output_gradients)
    yield "hidden", unrolled.hidden, hidden
    for mine, other in zip(unrolled.states, last, strict=True):
        yield "last state", mine[:, -1], other
    for name, gradient in zip(NAMES, theirs, strict=False):
        yield name, getattr(ours, name), gradient
    if given_states:
        for mine, other in zip(ours.initial_state, theirs[4:], strict=True):
            yield "initial state", mine, other


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("given_states", [True, False], ids=["states", "zeros"])
@pytest.mark.parametrize("name", CELLS)
def test_as_keras_in_single_precision(name, size, given_states):
    compared = pairs(
        CELLS[name], size, "float32", given_states=given_states, only_last=False
    )
    for what, ours, theirs in compared:
        assert ours.dtype == np.float64
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5, err_msg=what)


@pytest.mark.parametrize("only_last", [False, True], ids=["sequence", "vector"])
@pytest.mark.parametrize("name", CELLS)
def test_as_keras_in_double_precision(name, only_last):
    compared = pairs(
        CELLS[name], (3, 20, 4, 5), "float64", given_states=True, only_last=only_last
    )
    for what, ours, theirs in compared:
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-11, err_msg=what)


def slopes(loss, array, width=1e-5):
    """Return central differences of a loss by each number in an array."""
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        moved = array.copy()
        moved[place] = array[place] + width
        above = loss(moved)
        moved[place] = array[place] - width
        found[place] = (above - loss(moved)) / (2 * width)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CELLS)
def test_as_finite_differences(name, seed):
    cell = CELLS[name]
    inputs, weights, states, weighing = made_up(cell, (2, 4, 3, 3), seed=seed)

    def loss(inputs=inputs, states=states, **changed):
        hidden = cell.run(inputs, replace(weights, **changed), states).hidden
        return float((hidden**2 * weighing).sum())

    unrolled = cell.run(inputs, weights, states)
    ours = cell.backpropagate(unrolled, 2 * unrolled.hidden * weighing)
    for part in ("kernel", "recurrent_kernel", "bias"):
        found = slopes(
            lambda moved, part=part: loss(**{part: moved}), vars(weights)[part]
        )
        np.testing.assert_allclose(vars(ours)[part], found, rtol=1e-6, atol=1e-6)
    found = slopes(lambda moved: loss(inputs=moved), inputs)
    np.testing.assert_allclose(ours.inputs, found, rtol=1e-6, atol=1e-6)
    for number, gradient in enumerate(ours.initial_state):

        def moved_state(moved, number=number):
            return loss(states=[*states[:number], moved, *states[number + 1 :]])

        found = slopes(moved_state, states[number])
        np.testing.assert_allclose(gradient, found, rtol=1e-6, atol=1e-6)


def by_hand(cell, inputs, weights, states):
    """Run one window of one feature; the loss is the last hidden state."""
    kernel, recurrent_kernel, bias = weights
    arrays = Weights(
        np.array([kernel], float), np.array([recurrent_kernel], float), np.array(bias)
    )
    unrolled = cell.run(
        np.reshape(inputs, (1, -1, 1)), arrays, [np.array([[s]]) for s in states]
    )
    gradients = cell.backpropagate(
        unrolled, only_last_step(np.ones((1, 1)), len(inputs))
    )
    return unrolled, gradients


def same(found, expected):
    np.testing.assert_allclose(
        np.squeeze(found), np.asarray(expected, float), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_simple_cell_by_hand(activation):
    unrolled, gradients = by_hand(SimpleRNN(activation), [1, 2], ([2], [3], [1.0]), [1])
    same(unrolled.hidden, [6, 23])
    same(gradients.kernel, 2 * 1 + 1 * 3)
    same(gradients.recurrent_kernel, 6 * 1 + 1 * 3)
    same(gradients.bias, 1 + 3)
    same(gradients.inputs, [2 * 3, 2 * 1])
    same(gradients.initial_state[0], 9)


def test_a_simple_cell_with_tanh_by_hand():
    unrolled, gradients = by_hand(
        SimpleRNN(), [1], ([LOG2 / 2], [LOG2 / 2], [0.0]), [1]
    )
    same(unrolled.hidden, 3 / 5)
    same(gradients.bias, 16 / 25)
    same(gradients.inputs, 16 / 25 * LOG2 / 2)


def test_a_relu_that_is_shut_passes_nothing():
    unrolled, gradients = by_hand(SimpleRNN("relu"), [1], ([-2], [1], [0.5]), [1])
    same(unrolled.hidden, 0)
    same(gradients.bias, 0)
    same(gradients.initial_state[0], 0)


def test_an_lstm_by_hand():
    cell_before = 4 * (LOG2 - 9 / 20)  # so that the cell state becomes log 2
    unrolled, gradients = by_hand(
        LSTM(),
        [1],
        ([0, 0, LOG2, 0], [0, -LOG3, 0, 0], [LOG3, 0, 0, 0]),
        [1, cell_before],
    )
    gates = {name: float(gate.squeeze()) for name, gate in unrolled.gates.items()}
    expected = {"input": 3 / 4, "forget": 1 / 4, "candidate": 3 / 5, "output": 1 / 2}
    assert gates == pytest.approx(expected, rel=1e-14)
    same(unrolled.cell, LOG2)
    same(unrolled.hidden, 3 / 10)
    inside = [9 / 250, 3 / 50 * cell_before, 96 / 625, 3 / 20]
    same(gradients.bias, inside)
    same(gradients.kernel, inside)
    same(gradients.recurrent_kernel, inside)
    same(gradients.inputs, 96 / 625 * LOG2)
    same(gradients.initial_state[0], -LOG3 * 3 / 50 * cell_before)
    same(gradients.initial_state[1], 2 / 25)


def test_a_gru_that_resets_after_by_hand():
    unrolled, gradients = by_hand(
        GRU(),
        [1],
        ([-LOG3, 0, 0], [0, 0, LOG2], [[0, LOG3, 0], [0, 0, LOG2 / 3]]),
        [1],
    )
    gates = {name: float(gate.squeeze()) for name, gate in unrolled.gates.items()}
    expected = {"update": 1 / 4, "reset": 3 / 4, "candidate": 3 / 5}
    assert gates == pytest.approx(expected, rel=1e-14)
    same(unrolled.hidden, 7 / 10)
    outer, inner = [3 / 40, 3 / 25 * LOG2, 12 / 25], [3 / 40, 3 / 25 * LOG2, 9 / 25]
    same(gradients.bias, [outer, inner])
    same(gradients.kernel, outer)
    same(gradients.recurrent_kernel, inner)
    same(gradients.inputs, -LOG3 * 3 / 40)
    same(gradients.initial_state[0], 1 / 4 + 9 / 25 * LOG2)


def test_a_gru_that_resets_before_by_hand():
    unrolled, gradients = by_hand(
        GRU(reset_after=False),
        [1],
        ([-LOG3, 0, 0], [0, 0, 4 / 3 * LOG2], [0, LOG3, 0]),
        [1],
    )
    same(unrolled.hidden, 7 / 10)
    same(gradients.bias, [3 / 40, 3 / 25 * LOG2, 12 / 25])
    same(gradients.kernel, [3 / 40, 3 / 25 * LOG2, 12 / 25])
    same(gradients.recurrent_kernel, [3 / 40, 3 / 25 * LOG2, 9 / 25])
    same(gradients.initial_state[0], 1 / 4 + 12 / 25 * LOG2)


def input_gradient_norms(size_of_u, n_steps=40, units=6):
    """Norm by step of the last state's gradient, at rest, where tanh has slope 1."""
    random = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(random.normal(size=(units, units)))
    cell = SimpleRNN()
    weights = Weights(np.eye(units), size_of_u * rotation, np.zeros(units))
    unrolled = cell.run(np.zeros((1, n_steps, units)), weights)
    last = np.eye(units)[:1]
    inputs = cell.backpropagate(unrolled, only_last_step(last, n_steps)).inputs
    return np.linalg.norm(inputs[0], axis=1)


@pytest.mark.parametrize("size_of_u", [0.5, 1.0, 1.5])
def test_gradients_vanish_or_explode_by_the_size_of_the_recurrent_kernel(size_of_u):
    norms = input_gradient_norms(size_of_u)
    np.testing.assert_allclose(norms, size_of_u ** np.arange(39, -1, -1), rtol=1e-10)
    if size_of_u < 1:
        assert norms[0] < 1e-11
    if size_of_u > 1:
        assert norms[0] > 1e6


@pytest.mark.parametrize("size", [0.4, 0.9])
def test_tanh_makes_gradients_vanish_faster_still(size):
    cell = SimpleRNN()
    inputs, weights, _, last = made_up(cell, (1, 40, 2, 6))
    norm = np.linalg.norm(weights.recurrent_kernel, ord=2)
    weights = replace(weights, recurrent_kernel=weights.recurrent_kernel * size / norm)
    last = only_last_step(last[:, -1], 40)
    state = cell.backpropagate(cell.run(inputs, weights), last).initial_state[0]
    assert 0 < np.linalg.norm(state) < size**40 * np.linalg.norm(last)


def test_an_open_forget_gate_keeps_the_gradient():
    weights = ([0, 0, 1, 0], [0, 0, 0, 0], [0, 20, 0, 0])
    _, gradients = by_hand(LSTM(), [0] * 40, weights, [0, 0])
    np.testing.assert_allclose(gradients.initial_state[1], 0.5, rtol=1e-6)
    np.testing.assert_allclose(gradients.inputs, 0.25, rtol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_every_step_can_be_drawn(name):
    cell = CELLS[name]
    inputs, weights, states, _ = made_up(cell, (2, 5, 3, 4))
    unrolled = cell.run(inputs, weights, states)
    for kept in (*unrolled.states, *unrolled.gates.values()):
        assert kept.shape == (2, 5, 4)
    assert len(unrolled.gates) in (0, cell.n_blocks)
    for gate in set(unrolled.gates) - {"candidate"}:
        assert np.all((unrolled.gates[gate] > 0) & (unrolled.gates[gate] < 1))


def test_only_an_lstm_has_a_cell_state():
    inputs, weights, _, _ = made_up(GRU(), (1, 2, 1, 1))
    with pytest.raises(DataError, match="only an LSTM"):
        _ = GRU().run(inputs, weights).cell


@pytest.mark.parametrize("part", ["kernel", "recurrent_kernel", "bias"])
@pytest.mark.parametrize("name", CELLS)
def test_weights_of_a_wrong_shape_are_refused(name, part):
    cell = CELLS[name]
    inputs, weights, _, _ = made_up(cell, (2, 3, 2, 3))
    wrong = replace(weights, **{part: vars(weights)[part][..., :-1]})
    with pytest.raises(DataError, match="should be of shape"):
        cell.run(inputs, wrong)


def test_other_wrong_shapes_are_refused():
    cell = LSTM()
    inputs, weights, states, output_gradients = made_up(cell, (2, 3, 2, 3))
    with pytest.raises(DataError, match="inputs should be"):
        cell.run(inputs[0], weights)
    with pytest.raises(DataError, match="inputs should be"):
        cell.run(inputs[:, :0], weights)
    with pytest.raises(DataError, match="expected 2 initial states"):
        cell.run(inputs, weights, states[:1])
    with pytest.raises(DataError, match="an initial state should be"):
        cell.run(inputs, weights, [state[:1] for state in states])
    with pytest.raises(DataError, match="the output gradients should be"):
        cell.backpropagate(cell.run(inputs, weights), output_gradients[:, -1])


def test_an_unknown_activation_is_refused():
    with pytest.raises(ConfigError, match="tanh, linear, relu: selu"):
        SimpleRNN("selu")
