"""Optimisers: schedules, clipping, and gradients watched before they are clipped."""

import numpy as np
import pytest

from forecaster.config import Config, LayerConfig, ModelConfig, TrainingConfig
from forecaster.models.backend import load_keras
from forecaster.models.compiling import compile_network, take_gradient_norms
from forecaster.models.recurrent import build_network
from forecaster.models.shapes import Sizes


def make_network(**training):
    layers = (LayerConfig(units=2, dropout=0, cell="simple_rnn"),)
    network = build_network(ModelConfig(layers=layers), Sizes(3, 1), seed=0).trainer
    config = Config(training=TrainingConfig(**training))
    compile_network(network, config, n_windows=40)
    network.optimizer.build(network.trainable_variables)
    return network


@pytest.mark.parametrize(
    ("schedule", "end"), [("constant", 0.01), ("cosine", 0.0), ("exponential", 0.0001)]
)
def test_the_learning_rate_ends_where_its_schedule_says(schedule, end):
    network = make_network(
        learning_rate=0.01, schedule=schedule, epochs=3, batch_size=8
    )
    rate = network.optimizer.learning_rate
    inputs, targets = np.ones((40, 3, 1), "float32"), np.ones((40, 1), "float32")
    network.fit(inputs, targets, epochs=3, batch_size=8, verbose=0)
    rate = network.optimizer.learning_rate
    assert float(rate) == pytest.approx(end, abs=1e-7)


def test_a_clipped_step_is_no_longer_than_the_norm():
    network = make_network(optimizer="sgd", learning_rate=1.0, clip_norm=0.001)
    before = network.get_weights()
    network.train_on_batch(np.ones((4, 3, 1)), np.full((4, 1), 100.0))
    for old, new in zip(before, network.get_weights(), strict=True):
        assert np.linalg.norm(new - old) <= 0.001 * (1 + 1e-3)


def test_a_clipped_step_is_no_larger_than_the_value():
    network = make_network(optimizer="sgd", learning_rate=1.0, clip_value=0.001)
    before = network.get_weights()
    network.train_on_batch(np.ones((4, 3, 1)), np.full((4, 1), 100.0))
    for old, new in zip(before, network.get_weights(), strict=True):
        assert np.abs(new - old).max() <= 0.001 * (1 + 1e-3)


def test_watched_norms_are_those_of_the_gradients_before_clipping():
    import tensorflow as tf

    network = make_network(watch_gradients=True, clip_norm=0.001)
    inputs, targets = np.ones((4, 3, 1), "float32"), np.full((4, 1), 5.0, "float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((network(inputs, training=True) - targets) ** 2)
    gradients = tape.gradient(loss, network.trainable_variables)
    squares = [float(tf.reduce_sum(gradient**2)) for gradient in gradients]
    network.train_on_batch(inputs, targets)
    norms = take_gradient_norms(network)
    assert list(norms) == ["simple_rnn_1", "price"]
    assert norms["simple_rnn_1"] == pytest.approx(sum(squares[:3]) ** 0.5, rel=1e-4)
    assert norms["price"] == pytest.approx(sum(squares[3:]) ** 0.5, rel=1e-4)
    assert take_gradient_norms(network) == dict.fromkeys(norms, 0.0)


def test_nobody_watches_unless_asked():
    assert take_gradient_norms(make_network()) == {}
    assert type(make_network().optimizer) is load_keras().optimizers.Adam
