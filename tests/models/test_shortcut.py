"""The spread shortcut: nothing at first, then the newest inputs scale the quantiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from forecaster.bundle import load_bundle, save_bundle
from forecaster.config import LayerConfig, ModelConfig
from forecaster.config.files import config_from_dict
from forecaster.data.sequences import PADDING
from forecaster.errors import ConfigError
from forecaster.models.backend import load_keras
from forecaster.models.heads import _ordered, loss_for, n_outputs, read_answer
from forecaster.models.recurrent import build_network
from forecaster.models.shapes import Sizes
from forecaster.training import train

HEADS = ("quantiles", "student_t")
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
MEDIAN = LEVELS.index(0.5)
WIDTHS = {"quantiles": len(LEVELS), "student_t": 3}
ACTUAL = st.floats(-50, 50, width=32)
both_heads = pytest.mark.parametrize("head", HEADS)


def model_of(head, *, shortcut=True, **settings):
    return ModelConfig(
        layers=(LayerConfig(units=3, dropout=0.0),),
        head=head,
        quantiles=LEVELS,
        spread_shortcut=shortcut,
        **settings,
    )


def config_of(head):
    model = {"head": head, "quantiles": LEVELS, "spread_shortcut": True}
    return config_from_dict({"model": model})


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def raw_of(head):
    """Draw a head's numbers for two windows and three steps, and the shortcut's."""
    elements = st.floats(-20, 20, width=32)
    return arrays(np.float32, (2, 3, WIDTHS[head] + 1), elements=elements)


def apart(quantiles, middle=MEDIAN):
    """Return distances from the median, that of the median left out."""
    distances = quantiles - quantiles[..., middle : middle + 1]
    return np.delete(distances, middle, axis=-1)


def predict(network, inputs):
    return network.predict(inputs, verbose=0)


@both_heads
@pytest.mark.parametrize("members", [1, 2])
def test_it_starts_as_no_effect(head, members):
    sizes, window = Sizes(4, 2, horizon=2), numbers(5, 4, 2)
    models = [
        model_of(head, shortcut=shortcut, members=members) for shortcut in (True, False)
    ]
    networks = [build_network(model, sizes, seed=3).predictor for model in models]
    raw, plain = (predict(network, window) for network in networks)
    assert raw.shape[-1] == n_outputs(models[0]) == WIDTHS[head] + 1
    np.testing.assert_array_equal(raw[..., :-1], plain)
    np.testing.assert_array_equal(raw[..., -1], 0.0)
    answers = read_answer(raw, models[0]), read_answer(plain, models[1])
    np.testing.assert_array_equal(answers[0].quantiles, answers[1].quantiles)
    np.testing.assert_array_equal(answers[0].centre, answers[1].centre)


@both_heads
@given(data=st.data())
def test_it_scales_the_distances_from_the_median(head, data):
    raw = data.draw(raw_of(head))
    read = read_answer(raw, model_of(head))
    plain = read_answer(raw[..., :-1], model_of(head, shortcut=False))
    np.testing.assert_array_equal(read.centre, plain.centre)
    factor = np.exp(np.clip(raw[..., -1:].astype(np.float64), -3, 3))
    np.testing.assert_allclose(
        apart(read.quantiles), factor * apart(plain.quantiles), rtol=1e-6, atol=1e-9
    )
    assert (np.diff(read.quantiles, axis=-1) >= 0).all()


@given(raw=raw_of("quantiles"))
def test_keras_orders_quantiles_as_they_are_read(raw):
    model, ops = model_of("quantiles"), load_keras().ops
    tensors = ops.convert_to_numpy(_ordered(ops.convert_to_tensor(raw), model))
    assert (np.diff(tensors, axis=-1) >= 0).all()
    np.testing.assert_allclose(
        tensors, read_answer(raw, model).quantiles, rtol=1e-5, atol=1e-5
    )


@given(raw=raw_of("quantiles"), actual=arrays(np.float32, (2, 3), elements=ACTUAL))
def test_the_pinball_loss_is_that_of_what_is_read(raw, actual):
    config = config_of("quantiles")
    read = read_answer(raw, config.model).quantiles
    error, levels = actual[..., None] - read, np.array(LEVELS)
    wanted = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
    loss = load_keras().ops.convert_to_numpy(loss_for(config)(actual[..., None], raw))
    np.testing.assert_allclose(loss, wanted, rtol=1e-4, atol=1e-4)


@given(
    raw=raw_of("student_t"),
    actual=arrays(np.float32, (2, 3), elements=ACTUAL),
)
def test_the_loss_of_student_t_is_of_the_density_that_is_read(raw, actual):
    config = config_of("student_t")
    loss = load_keras().ops.convert_to_numpy(loss_for(config)(actual[..., None], raw))
    location, width, freedom, spread = np.moveaxis(raw.astype(np.float64), -1, 0)
    scale = (np.logaddexp(0, width) + 1e-4) * np.exp(np.clip(spread, -3, 3))
    density = stats.t(np.logaddexp(0, freedom) + 2, loc=location, scale=scale)
    np.testing.assert_allclose(loss, -density.logpdf(actual), rtol=1e-3, atol=1e-3)
    read = read_answer(raw, config.model).quantiles
    for place, level in enumerate(LEVELS):
        np.testing.assert_allclose(read[..., place], density.ppf(level), rtol=1e-6)


def weights_of(network):
    """Return the shortcut's kernel and bias."""
    return network.get_layer("spread").get_weights()


def test_it_is_linear_in_the_newest_inputs_of_each_step():
    sizes = Sizes(4, 2, horizon=2, n_known=1, n_static=1)
    network = build_network(model_of("student_t"), sizes, seed=1).predictor
    kernel, bias = weights_of(network)
    # Two features of the newest session, the static one, and one of each step.
    assert kernel.shape == (5, 2)
    kernel, bias = numbers(*kernel.shape, seed=5), numbers(*bias.shape, seed=6)
    network.get_layer("spread").set_weights([kernel, bias])
    inputs = {
        "window": numbers(6, 4, 2),
        "static": numbers(6, 1, seed=2),
        "known": numbers(6, 2, 1, seed=3),
    }
    raw = predict(network, inputs)
    newest = np.concatenate(
        [inputs["window"][:, -1], inputs["static"], inputs["known"][..., 0]], axis=1
    )
    np.testing.assert_allclose(raw[..., -1], newest @ kernel + bias, atol=1e-5)
    # Older sessions reach the head's own numbers only.
    inputs["window"] = inputs["window"] + [[[1.0], [1.0], [1.0], [0.0]]]
    changed = predict(network, inputs)
    np.testing.assert_array_equal(changed[..., -1], raw[..., -1])
    assert np.abs(changed[..., :-1] - raw[..., :-1]).max() > 1e-3


@both_heads
def test_a_short_window_is_read_as_without_padding(head):
    model = model_of(head)
    long = build_network(model, Sizes(6, 2, padded=True), seed=1).predictor
    long.get_layer("spread").set_weights([numbers(2, 1), numbers(1)])
    short = build_network(model, Sizes(4, 2), seed=2).predictor
    short.set_weights(long.get_weights())
    window = numbers(5, 4, 2)
    padded = np.concatenate([np.full((5, 2, 2), PADDING, np.float32), window], axis=1)
    np.testing.assert_allclose(
        predict(long, padded), predict(short, window), rtol=1e-6, atol=1e-6
    )


@both_heads
def test_it_trains_saves_and_reloads_to_the_same_forecasts(
    head, make_prices, tiny_config, tmp_path
):
    frames = {
        "TEST": make_prices(80),
        "OTHER": make_prices(80, seed=1, ticker="OTHER"),
    }
    config = tiny_config(
        data={"ticker": "TEST", "tickers": ["TEST", "OTHER"]},
        features={"columns": ["log_return", "range"], "scaling": "standard"},
        target={"form": "log_return"},
        window={"lookback": 4, "horizon": 2},
        model={
            "layers": [{"units": 3}],
            "head": head,
            "quantiles": LEVELS,
            "spread_shortcut": True,
            "ticker_embedding": 2,
            "members": 2,
        },
    )
    forecaster = train(frames, config, progress=False)
    members = [
        layer for layer in forecaster.network.layers if layer.name.startswith("member")
    ]
    assert len(members) == 2
    for member in members:
        kernel, bias = weights_of(member)
        # Two features and the two numbers of a ticker, for each of two steps.
        assert (kernel.shape, bias.shape) == ((4, 2), (2,))
        assert (np.abs(kernel) > 0).any()
    again = load_bundle(save_bundle(forecaster, tmp_path / "bundle"))
    first, second = (each.predict(frames["TEST"]) for each in (forecaster, again))
    np.testing.assert_array_equal(first.quantiles, second.quantiles)
    assert first.quantiles.shape == (2, len(LEVELS))
    assert (np.diff(first.quantiles, axis=-1) > 0).all()


def test_its_weights_are_shrunk():
    network = build_network(model_of("quantiles"), Sizes(4, 2), seed=1).trainer
    network.get_layer("spread").set_weights([np.array([[3.0], [4.0]]), np.ones(1)])
    penalty = load_keras().ops.convert_to_numpy(sum(network.losses))
    # A thousandth of 9 and 16; the bias goes free.
    assert float(penalty) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("head", "shape", "got"),
    [
        ("point", "sequence_to_vector", "head point of shape sequence_to_vector"),
        ("direction", "sequence_to_vector", "head direction"),
        ("quantiles", "sequence_to_sequence", "of shape sequence_to_sequence"),
        ("student_t", "vector_to_sequence", "of shape vector_to_sequence"),
        ("quantiles", "encoder_decoder", "of shape encoder_decoder"),
    ],
)
def test_it_is_refused_where_there_is_nothing_to_scale(head, shape, got):
    model = {"head": head, "shape": shape, "spread_shortcut": True}
    with pytest.raises(ConfigError, match="spread_shortcut scales the quant") as caught:
        config_from_dict({"model": model})
    assert got in str(caught.value)
    assert "leave spread_shortcut out" in str(caught.value)
