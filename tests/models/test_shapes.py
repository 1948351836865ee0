"""Shapes and heads, each against another way to the same number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from forecaster.config import ConvolutionConfig, LayerConfig, ModelConfig
from forecaster.config.files import config_from_dict
from forecaster.data.sequences import PADDING
from forecaster.errors import ConfigError
from forecaster.models.backend import load_keras
from forecaster.models.heads import _log_gamma, _ordered, loss_for, read_answer
from forecaster.models.recurrent import build_network, member_seed
from forecaster.models.rolling import roll_forward
from forecaster.models.shapes import Sizes
from forecaster.training import train

CELLS = ("lstm", "gru", "simple_rnn")
ENOUGH = {"rtol": 1e-6, "atol": 1e-6}


def model_of(*cells, dropout=0.2, **settings):
    layers = tuple(
        LayerConfig(cell=cell, units=3, dropout=dropout) for cell in cells or CELLS
    )
    return ModelConfig(layers=layers, **settings)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def predict(network, inputs):
    return network.predict(inputs, verbose=0)


def inputs_of(network, window, **others):
    """Return the inputs that a network has among those given."""
    given = {"window": window, **others}
    wanted = [each.name for each in network.inputs]
    return window if wanted == ["window"] else {name: given[name] for name in wanted}


@pytest.mark.parametrize("shape", ["sequence_to_vector", "encoder_decoder"])
@pytest.mark.parametrize("bare", ["lstm", "gru", "simple_rnn", "stacked"])
def test_a_padded_window_gives_what_the_short_one_does(shape, bare):
    model = model_of(*(CELLS if bare == "stacked" else [bare]), shape=shape)
    long = build_network(model, Sizes(6, 2, horizon=2, padded=True), seed=1).predictor
    short = build_network(model, Sizes(4, 2, horizon=2), seed=2).predictor
    short.set_weights(long.get_weights())
    window, start = numbers(5, 4, 2), numbers(5, 1, seed=1)
    padded = np.concatenate([np.full((5, 2, 2), PADDING, np.float32), window], axis=1)
    np.testing.assert_allclose(
        predict(long, inputs_of(long, padded, start=start)),
        predict(short, inputs_of(short, window, start=start)),
        **ENOUGH,
    )


def test_a_padded_window_reads_alike_with_all_that_stands_around_a_layer():
    layers = tuple(
        LayerConfig(
            cell=cell, units=3, residual=True, normalization=kind, bidirectional=both
        )
        for cell, kind, both in [("lstm", "layer", True), ("gru", "batch", False)]
    )
    model = ModelConfig(layers=layers)
    long = build_network(model, Sizes(6, 2, padded=True), seed=1).predictor
    short = build_network(model, Sizes(4, 2), seed=2).predictor
    short.set_weights(long.get_weights())
    window = numbers(5, 4, 2)
    padded = np.concatenate([np.full((5, 2, 2), PADDING, np.float32), window], axis=1)
    np.testing.assert_allclose(predict(long, padded), predict(short, window), **ENOUGH)


@pytest.mark.parametrize("head", ["point", "quantiles", "student_t", "direction"])
def test_padding_has_no_loss_in_a_sequence(head):
    model = model_of("lstm", shape="sequence_to_sequence", head=head)
    network = build_network(model, Sizes(5, 1, padded=True), seed=0).trainer
    network.compile(loss=loss_for(config_from_dict({"model": {"head": head}})))
    window = numbers(4, 5, 1)
    window[:, :2] = PADDING
    targets = (numbers(4, 5, 1, seed=1) > 0).astype(np.float32)
    loss = network.evaluate(window, targets, verbose=0)
    targets[:, :2] = 1 - targets[:, :2]
    assert network.evaluate(window, targets, verbose=0) == pytest.approx(loss)
    targets[:, 2:] = 1 - targets[:, 2:]
    assert network.evaluate(window, targets, verbose=0) != pytest.approx(loss)


def test_an_embedding_would_hide_which_steps_are_padding():
    with pytest.raises(ConfigError, match="learn from padding"):
        config_from_dict(
            {
                "data": {"tickers": ["TEST", "OTHER"]},
                "features": {"scaling": "window"},
                "window": {"shortest": 5},
                "model": {"shape": "sequence_to_sequence", "ticker_embedding": 2},
            }
        )


@pytest.mark.parametrize("head", ["point", "quantiles", "student_t"])
def test_teaching_a_decoder_its_own_forecasts_changes_nothing(head):
    model = model_of(shape="encoder_decoder", head=head, dropout=0)
    network = build_network(model, Sizes(4, 2, 3, n_known=2, n_static=1), seed=0)
    inputs = {
        "window": numbers(5, 4, 2),
        "known": numbers(5, 3, 2, seed=1),
        "static": numbers(5, 1, seed=2),
        "start": numbers(5, 1, seed=3),
    }
    free = predict(network.predictor, inputs)
    own = free[..., None] if head == "point" else free[..., _centre(model)]
    shown = np.concatenate([inputs["start"][:, None], own[:, :-1]], axis=1)
    taught = predict(network.trainer, inputs | {"teacher": shown})
    np.testing.assert_allclose(taught, free, **ENOUGH)
    other = predict(network.trainer, inputs | {"teacher": shown + 1})
    assert np.abs(other - free).max() > 1e-3


def _centre(model):
    place = model.quantiles.index(0.5) if model.head == "quantiles" else 0
    return slice(place, place + 1)


def test_a_decoder_unrolled_further_begins_alike():
    model = model_of(shape="encoder_decoder", head="quantiles")
    short = build_network(model, Sizes(4, 2, horizon=2), seed=0).predictor
    long = build_network(model, Sizes(4, 2, horizon=5), seed=1).predictor
    long.set_weights(short.get_weights())
    inputs = {"window": numbers(5, 4, 2), "start": numbers(5, 1, seed=1)}
    np.testing.assert_allclose(
        predict(long, inputs)[:, :2], predict(short, inputs), **ENOUGH
    )


def test_a_decoder_forecasts_further_than_it_was_trained(make_prices, tiny_config):
    prices = make_prices(70)
    config = tiny_config(
        model={"shape": "encoder_decoder", "layers": [{"units": 3}]},
        window={"lookback": 4, "horizon": 2},
        training__epochs=1,
    )
    forecaster = train(prices, config, progress=False)
    longer = forecaster.predict(prices, horizon=5)
    assert len(longer.price) == 5
    np.testing.assert_allclose(
        longer.price[:2], forecaster.predict(prices).price, rtol=1e-6
    )


# From where every step is far smaller than the last digit up to where squares overflow.
RAW = st.floats(-30, 30, width=32)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@given(raw=arrays(np.float32, (2, 3, 5), elements=RAW))
def test_quantiles_never_cross(raw):
    model = model_of(head="quantiles", quantiles=LEVELS)
    answer = read_answer(raw, model)
    assert (np.diff(answer.quantiles, axis=-1) >= 0).all()
    ops = load_keras().ops
    tensors = ops.convert_to_numpy(_ordered(ops.convert_to_tensor(raw), model))
    assert (np.diff(tensors, axis=-1) >= 0).all()
    np.testing.assert_allclose(tensors, answer.quantiles, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(answer.centre, raw[..., 2].astype(np.float64))


def test_the_loss_of_quantiles_is_that_of_what_is_read():
    model = {"head": "quantiles", "quantiles": LEVELS}
    config = config_from_dict({"model": model})
    raw, actual = numbers(6, 2, 5), numbers(6, 2, seed=1)
    read = read_answer(raw, config.model).quantiles
    error, levels = actual[..., None] - read, np.array(LEVELS)
    expected = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
    loss = load_keras().ops.convert_to_numpy(loss_for(config)(actual[..., None], raw))
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)


def softplus(values):
    return np.logaddexp(0.0, values)


@given(
    raw=arrays(np.float32, (2, 1, 3), elements=st.floats(-5, 20, width=32)),
    actual=arrays(np.float32, (2, 1), elements=st.floats(-50, 50, width=32)),
)
def test_the_loss_of_student_t_is_minus_its_log_density(raw, actual):
    config = config_from_dict({"model": {"head": "student_t"}})
    loss = load_keras().ops.convert_to_numpy(loss_for(config)(actual[..., None], raw))
    wide = raw.astype(np.float64)
    expected = -stats.t.logpdf(
        actual,
        df=softplus(wide[..., 2]) + 2,
        loc=wide[..., 0],
        scale=softplus(wide[..., 1]) + 1e-4,
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-4)


def test_the_logarithm_of_the_gamma_function():
    from scipy.special import gammaln

    x = np.linspace(1, 30, 500).astype(np.float32)
    ours = load_keras().ops.convert_to_numpy(_log_gamma(x))
    np.testing.assert_allclose(
        ours, gammaln(x.astype(np.float64)), rtol=2e-6, atol=5e-6
    )


@given(raw=arrays(np.float64, (2, 3, 3), elements=st.floats(-30, 30)))
def test_quantiles_of_student_t_are_those_of_scipy(raw):
    model = model_of(head="student_t", quantiles=LEVELS)
    answer = read_answer(raw, model)
    assert (np.diff(answer.quantiles, axis=-1) > 0).all()
    df, scale = softplus(raw[..., 2]) + 2, softplus(raw[..., 1]) + 1e-4
    for place, level in enumerate(LEVELS):
        expected = stats.t.ppf(level, df, loc=raw[..., 0], scale=scale)
        np.testing.assert_allclose(answer.quantiles[..., place], expected, rtol=1e-9)


@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize("n_steps", [5, 6])
@pytest.mark.parametrize("shape", ["sequence_to_vector", "sequence_to_sequence"])
def test_rolling_forward_is_predicting_again_and_again(shape, horizon, n_steps):
    if shape == "sequence_to_sequence" and horizon > 1:
        return
    model = model_of("lstm", "gru", shape=shape)
    network = build_network(model, Sizes(4, 1, horizon), seed=0).predictor
    windows = numbers(3, 4, 1)
    rolled = roll_forward(network, windows, horizon=horizon, n_steps=n_steps)
    series = windows
    while series.shape[1] < 4 + n_steps:
        ahead = predict(network, series[:, -4:])
        ahead = ahead[:, -1:] if shape == "sequence_to_sequence" else ahead[..., None]
        series = np.concatenate([series, ahead], axis=1)
    np.testing.assert_allclose(rolled, series[:, 4 : 4 + n_steps, 0], **ENOUGH)


@pytest.mark.parametrize("head", ["point", "quantiles", "student_t", "direction"])
def test_members_are_networks_of_their_own_seeds(head):
    sizes = Sizes(4, 2, horizon=2)
    both = build_network(model_of(head=head, members=2), sizes, seed=7).predictor
    alone = [
        build_network(model_of(head=head), sizes, seed=seed).predictor
        for seed in (7, member_seed(7, 2))
    ]
    window = numbers(5, 4, 2)
    answer = read_answer(predict(both, window), model_of(head=head, members=2))
    apart = [read_answer(predict(each, window), model_of(head=head)) for each in alone]
    for name in ("centre", "quantiles", "probability_up"):
        if getattr(answer, name) is not None:
            mean = np.mean([getattr(each, name) for each in apart], axis=0)
            np.testing.assert_allclose(getattr(answer, name), mean, **ENOUGH)


def test_members_are_trained_as_each_alone_would_be(make_prices, tiny_config):
    prices = make_prices(80)
    layers = [{"units": 3, "dropout": 0.2}]
    both = tiny_config(model={"members": 2, "layers": layers})
    first = tiny_config(model={"layers": layers})
    ensemble = train(prices, both, progress=False)
    window = numbers(3, 4, 1)
    raw = ensemble.predict_scaled(window)
    alone = train(prices, first, progress=False).predict_scaled(window)
    np.testing.assert_allclose(raw[:, 0], alone, rtol=1e-4, atol=1e-5)


def test_a_convolution_sees_no_later_step():
    model = model_of(
        "lstm",
        shape="sequence_to_sequence",
        convolution=ConvolutionConfig(filters=3, kernel_size=3),
    )
    network = build_network(model, Sizes(6, 2), seed=0).predictor
    window = numbers(4, 6, 2)
    before = predict(network, window)
    for step in range(1, 6):
        changed = window.copy()
        changed[:, step:] += 1
        after = predict(network, changed)
        np.testing.assert_allclose(after[:, :step], before[:, :step], **ENOUGH)
        assert np.abs(after[:, step] - before[:, step]).max() > 1e-4


def test_a_value_of_the_origin_is_no_part_of_earlier_steps():
    # At every session but the last it would be a later one's.
    for static in (["close"], ["log_return"]):
        with pytest.raises(ConfigError, match=r"features\.static"):
            config_from_dict(
                {
                    "model": {"shape": "sequence_to_sequence"},
                    "features": {"static": static},
                }
            )


@pytest.mark.parametrize("columns", [["close", "volume"], ["close", "log_return"]])
def test_feeding_back_invents_no_other_feature(make_prices, tiny_config, columns):
    prices = make_prices(80)
    config = tiny_config(features__columns=columns, training__epochs=1)
    forecaster = train(prices, config, progress=False)
    with pytest.raises(ConfigError, match="nobody knows"):
        forecaster.predict(prices, horizon=3)
