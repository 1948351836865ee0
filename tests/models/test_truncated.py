"""Truncated training: states flow from part to part, gradients do not."""

import math

import numpy as np
import pytest

import forecaster.training as training_module
from forecaster.config import load_config
from forecaster.models.compiling import compile_network, steps_per_epoch
from forecaster.models.recurrent import network_for
from forecaster.models.truncated import states_of, truncated_network
from forecaster.training import train


@pytest.fixture(scope="module")
def make_config(tiny_config):
    def make(truncate, *, layers=({"units": 3, "dropout": 0.0},), **changes):
        chosen = {"window__lookback": 8, "training__batch_size": 13} | changes
        return tiny_config(
            model={"shape": "sequence_to_sequence", "layers": list(layers)},
            training__truncate=truncate,
            **chosen,
        )

    return make


def assert_same(first, second, **tolerance):
    for one, other in zip(
        first.network.get_weights(), second.network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, **tolerance)
    np.testing.assert_allclose(first.history, second.history, **tolerance)


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
@pytest.mark.parametrize("fraction", [0.0, 0.2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_one_part_as_long_as_the_window_is_training_in_full(
    make_prices, make_config, cell, fraction
):
    layers = [
        {"units": 3, "dropout": 0.0, "cell": cell},
        {"units": 3, "dropout": 0.0, "cell": cell, "normalization": "layer"},
    ]
    cut, full = (
        make_config(
            truncate,
            layers=layers,
            training__validation_fraction=fraction,
            training__batch_size=8 if fraction else 13,
        )
        for truncate in (8, 0)
    )
    prices = make_prices(80)
    first, second = (train(prices, one, progress=False) for one in (cut, full))
    assert second.trained_on.n_windows % cut.training.batch_size == 0
    assert_same(first, second, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(
        first.predict(prices).price, second.predict(prices).price, rtol=1e-5
    )


def tiny_rnn_losses(weights, inputs, targets, state):
    """A SimpleRNN and its projection over some steps: mean loss and last state."""
    kernel, recurrent, bias, out, out_bias = weights
    errors = []
    for step in range(inputs.shape[1]):
        state = np.tanh(inputs[:, step] @ kernel + bias + state @ recurrent)
        errors.append((state @ out + out_bias)[:, 0] - targets[:, step])
    return float(np.mean(np.square(errors))), state


def numeric_gradients(weights, loss, step=1e-6):
    gradients = []
    for value in weights:
        gradient = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            kept, sides = value[place], []
            for side in (step, -step):
                value[place] = kept + side
                sides.append(loss())
            value[place] = kept
            gradient[place] = (sides[0] - sides[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def test_the_gradient_of_a_part_does_not_reach_back_and_the_state_does(make_config):
    random, rate = np.random.default_rng(0), 0.5
    config = make_config(
        2,
        layers=[{"units": 2, "cell": "simple_rnn", "dropout": 0.0}],
        window__lookback=4,
        training__optimizer="sgd",
        training__learning_rate=rate,
        training__batch_size=3,
    )
    trainer = truncated_network(config, n_windows=3).trainer
    compile_network(trainer, config, n_windows=3)
    inputs = random.normal(size=(3, 4, 1)).astype("float32")
    targets = random.normal(size=(3, 4)).astype("float32")
    weights = [value.astype(np.float64) for value in trainer.network.get_weights()]
    trainer.fit(inputs, targets)

    state, reaching = np.zeros((3, 2)), None
    for part in (slice(0, 2), slice(2, 4)):
        shown, wanted = inputs[:, part], targets[:, part]
        before = [value.copy() for value in weights]

        def loss(first=state, shown=shown, wanted=wanted):
            return tiny_rnn_losses(weights, shown, wanted, first)[0]

        def loss_reaching_back(wanted=wanted):
            _, first = tiny_rnn_losses(weights, inputs[:, :2], wanted, np.zeros((3, 2)))
            return tiny_rnn_losses(weights, inputs[:, 2:], wanted, first)[0]

        gradients = numeric_gradients(weights, loss)
        if part.start:
            reaching = numeric_gradients(weights, loss_reaching_back)
            assert np.abs(reaching[1] - gradients[1]).max() > 1e-3
        state = tiny_rnn_losses(before, shown, wanted, state)[1]
        for value, gradient in zip(weights, gradients, strict=True):
            value -= rate * gradient
    for ours, theirs in zip(weights, trainer.network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    (kept,) = states_of(trainer.network)
    np.testing.assert_allclose(kept.numpy(), state, atol=2e-6)


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_a_resumed_training_ends_as_if_never_interrupted(
    make_prices, make_config, tmp_path, monkeypatch, fraction
):
    prices = make_prices(80)
    config = make_config(
        2,
        layers=[{"units": 3, "dropout": 0.2, "recurrent_dropout": 0.2}],
        training__epochs=4,
        training__batch_size=10,
        training__validation_fraction=fraction,
        training__watch_gradients=True,
        training__schedule="cosine",
    )
    whole = train(prices, config, progress=False)
    checkpoint, save = tmp_path / "checkpoint.npz", training_module.save_checkpoint

    def save_then_stop(path, state, stamp):
        save(path, state, stamp)
        if state.n_epochs == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_module, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            train(prices, config, checkpoint=checkpoint, progress=False)
    resumed = train(prices, config, checkpoint=checkpoint, resume=True, progress=False)
    assert_same(whole, resumed, atol=0, rtol=0)
    norms = whole.history.filter(like="gradient/")
    assert list(norms) == ["gradient/lstm_1", "gradient/price"]
    assert (norms > 0).all(axis=None)


def test_the_validation_loss_is_that_of_the_weights_kept(make_prices, make_config):
    from forecaster.preparing import prepare_training

    prices = make_prices(80)
    config = make_config(
        4, training__validation_fraction=0.2, training__learning_rate=0.1
    )
    forecaster = train(prices, config, progress=False)
    windows = prepare_training(prices, config).validation
    errors = forecaster.predict_scaled(windows.inputs)[..., 0] - windows.targets
    best = forecaster.history["val_loss"].min()
    assert np.mean(errors**2) == pytest.approx(best, rel=1e-5)


def test_context_beside_the_window_is_shown_to_every_part(make_prices, tiny_config):
    prices = {
        "TEST": make_prices(80),
        "OTHER": make_prices(80, seed=1, ticker="OTHER"),
    }

    def trained_with(truncate):
        config = tiny_config(
            data={"tickers": ["TEST", "OTHER"], "ticker": "TEST"},
            features={"columns": ["log_return", "intraday"]},
            target={"form": "log_return"},
            window__lookback=8,
            model={
                "shape": "sequence_to_sequence",
                "layers": [{"units": 3, "dropout": 0.0}],
                "ticker_embedding": 2,
            },
            training__truncate=truncate,
            training__batch_size=1000,
        )
        return train(prices, config, progress=False)

    assert_same(trained_with(8), trained_with(0), atol=1e-5, rtol=1e-5)
    assert np.isfinite(trained_with(4).history["loss"]).all()


def test_windows_of_400_sessions_are_trained_50_steps_at_a_time(make_prices):
    config = load_config(
        "google",
        [
            "training.start=2020-01-01",
            "training.end=2021-10-30",
            "training.epochs=1",
            "training.truncate=50",
            "window.lookback=400",
            "evaluation.start=2021-11-01",
            "evaluation.end=2022-03-01",
            "model.shape=sequence_to_sequence",
            "model.layers=[{units=4}]",
        ],
    )
    prices = make_prices(500)
    forecaster = train(prices, config, progress=False)
    fresh = network_for(config).predictor.get_weights()
    assert not np.array_equal(forecaster.network.get_weights()[0], fresh[0])
    assert forecaster.network.output_shape == (None, 400, 1)
    assert math.isfinite(forecaster.predict(prices).price[0])


def test_an_incomplete_batch_is_left_out_and_a_schedule_counts_parts(make_config):
    assert steps_per_epoch(make_config(2, training__batch_size=10), 52) == 5 * 4
    assert steps_per_epoch(make_config(2, training__batch_size=99), 52) == 4
    assert steps_per_epoch(make_config(0, training__batch_size=10), 52) == 6
