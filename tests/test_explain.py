"""Explanations are exact where the network is simple enough to know the answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from forecaster.attributions import baseline_windows, next_centre
from forecaster.data.sequences import PADDING
from forecaster.errors import ConfigError, DataError, ForecastWarning
from forecaster.explain import integrated_gradients, permutation_importance
from forecaster.models.backend import load_keras
from forecaster.models.feeding import feed, newest_step
from forecaster.models.heads import read_answer
from forecaster.models.recurrent import network_for
from forecaster.plotting import plot_attributions, plot_importance
from forecaster.preparing import prepare_training
from forecaster.ranges import window_known_at, windows_between
from forecaster.scrambling import block_order
from forecaster.training import train

COLUMNS = ("close", "open", "volume")


@pytest.fixture(scope="module")
def linear(make_prices, tiny_config):
    """A linear network of three features, of which it ignores the volume."""
    config = tiny_config(features__columns=list(COLUMNS), training__epochs=1)
    prices = make_prices(110)
    keras = load_keras()
    network = keras.Sequential(
        [keras.Input((4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    weights = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    weights[:, 2] = 0
    network.set_weights([weights.reshape(12, 1), np.array([0.3], "float32")])
    forecaster = train(prices, config, progress=False)
    return replace(forecaster, network=network), prices, weights


def with_fresh_network(trained, config):
    """Put first weights behind other settings: nothing here needs a training."""
    return replace(trained[0], network=network_for(config).predictor, config=config)


def test_an_ignored_feature_has_no_importance_at_all(linear):
    forecaster, prices, _ = linear
    table = permutation_importance(forecaster, prices, n_repeats=3)
    rows = table.set_index("feature")
    assert rows.loc["volume", "increase"] == 0
    assert rows.loc["volume", "increase_spread"] == 0
    assert rows.loc["volume", "ratio"] == 1
    assert (rows.loc[["close", "open"], "increase"] != 0).all()
    assert list(table["increase"]) == sorted(table["increase"], reverse=True)


def test_importance_is_the_growth_of_the_squared_error(linear):
    forecaster, prices, weights = linear
    table = permutation_importance(forecaster, prices, n_repeats=1, seed=5, block=4)
    windows = windows_between(forecaster, prices)
    random = np.random.default_rng(5)
    order = block_order(len(windows), 4, random)
    changed = np.array(windows.inputs)
    changed[:, :, 1] = windows.inputs[order][:, :, 1]

    def loss(inputs):
        number = (inputs * weights).sum(axis=(1, 2))[:, None] + 0.3
        return np.mean((windows.footing.decode(number) - windows.actual) ** 2)

    rows = table.set_index("feature")
    base = loss(windows.inputs)
    assert table.attrs["base_loss"] == pytest.approx(base, rel=1e-5)
    assert rows.loc["open", "increase"] == pytest.approx(loss(changed) - base, rel=1e-4)
    assert rows.loc["open", "ratio"] == pytest.approx(loss(changed) / base, rel=1e-4)
    assert np.isnan(rows.loc["open", "ratio_spread"])


def test_folds_are_scored_each_on_its_own_range(linear):
    forecaster, prices, _ = linear
    ranges = [("2020-03-30", "2020-04-30"), ("2020-05-01", "2020-06-05")]
    folds = [(forecaster, *dates) for dates in ranges]
    both = permutation_importance(folds, prices, n_repeats=2)
    assert both.attrs["n_folds"] == 2
    sizes = [len(windows_between(*(fold[0], prices, *fold[1:]))) for fold in folds]
    assert both.attrs["n_windows"] == sum(sizes)
    again = permutation_importance(folds, prices, n_repeats=2)
    assert both.equals(again)
    other = permutation_importance(folds, prices, n_repeats=2, seed=1)
    assert not both.equals(other)


def test_later_prices_change_no_explanation(linear):
    forecaster, prices, _ = linear
    later = prices.copy()
    later.loc["2020-05-01":, ["open", "close"]] *= 2
    later.attrs = prices.attrs
    dates = {"start": "2020-03-30", "end": "2020-04-30"}
    tables = [permutation_importance(forecaster, p, **dates) for p in (prices, later)]
    assert tables[0].equals(tables[1])
    found = [integrated_gradients(forecaster, p, **dates) for p in (prices, later)]
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_importance_refuses_what_makes_no_sense(linear, trained):
    forecaster, prices, _ = linear
    with pytest.raises(ConfigError, match="a repeat"):
        permutation_importance(forecaster, prices, n_repeats=0)
    with pytest.raises(ConfigError, match="a fold"):
        permutation_importance([], prices)
    with pytest.raises(ConfigError, match="different inputs"):
        permutation_importance(
            [(forecaster, None, None), (trained[0], None, None)], prices
        )
    with pytest.raises(ConfigError, match="range of its own"):
        permutation_importance([(forecaster, None, None)], prices, start="2020-04-01")
    with pytest.raises(DataError, match="longer range"):
        permutation_importance(forecaster, prices, start="2020-04-01", end="2020-04-01")


@given(n=st.integers(2, 120), block=st.integers(1, 40), seed=st.integers(0, 99))
def test_blocks_change_places_and_none_stays(n, block, seed):
    order = block_order(n, block, np.random.default_rng(seed))
    assert sorted(order) == list(range(n))
    assert (order != np.arange(n)).all()
    n_breaks = np.sum(np.diff(order) % n != 1)
    assert n_breaks <= max(n // block, 2)


def test_a_linear_network_is_attributed_weight_times_difference(linear):
    forecaster, prices, weights = linear
    windows = windows_between(forecaster, prices)
    for baseline, still in {
        "zero": 0.0,
        "mean": windows.inputs.mean(axis=1, keepdims=True),
        "origin": windows.inputs[:, -1:],
    }.items():
        found = integrated_gradients(forecaster, prices, n_steps=2, baseline=baseline)
        expected = (windows.inputs - still) * weights
        np.testing.assert_allclose(found.values, expected, atol=1e-6)
        assert (found.values[:, :, 2] == 0).all()
        np.testing.assert_allclose(found.gap, 0, atol=2e-6)
        span = forecaster.scaler.span("close")
        np.testing.assert_allclose(found.currency, found.values * span)
    assert list(found.mean_absolute.index) == [-3, -2, -1, 0]
    np.testing.assert_allclose(found.mean_absolute, np.abs(found.currency).mean(axis=0))


def test_a_trained_network_is_attributed_completely(trained):
    forecaster, prices = trained
    found = integrated_gradients(forecaster, prices, n_steps=64, baseline="zero")
    change = np.abs(found.forecast - found.baseline_forecast)
    assert change.min() > 1e-3
    assert np.abs(found.gap).max() < 1e-3 * change.mean()
    told = forecaster.evaluate(prices).predictions["predicted"]
    span, low = forecaster.scaler.span("close"), forecaster.scaler.low["close"]
    np.testing.assert_allclose(found.forecast * span + low, told, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "head", "members"),
    [
        ("sequence_to_vector", "quantiles", 2),
        ("sequence_to_sequence", "point", 1),
        ("sequence_to_sequence", "student_t", 2),
        ("vector_to_sequence", "direction", 1),
        ("encoder_decoder", "quantiles", 1),
    ],
)
def test_every_shape_and_head_is_explained(
    trained, make_prices, tiny_config, shape, head, members
):
    sequence = shape == "sequence_to_sequence"
    config = tiny_config(
        data__tickers=["TEST", "OTHER"],
        features__columns=["log_return", "weekday_sin"],
        features__known_future=[] if sequence else ["weekday_cos"],
        features__static=[] if sequence else ["overnight"],
        target__form="log_return",
        window__horizon=1 if sequence else 2,
        model__shape=shape,
        model__head=head,
        model__members=members,
        model__ticker_embedding=2,
    )
    prices = {
        name: make_prices(80, seed=place, ticker=name)
        for place, name in enumerate(("TEST", "OTHER"))
    }
    scaler = prepare_training(prices, config).scaler
    forecaster = replace(with_fresh_network(trained, config), scaler=scaler)
    windows = windows_between(forecaster, prices["TEST"])
    found = integrated_gradients(forecaster, prices["TEST"], n_steps=16)
    np.testing.assert_allclose(found.gap, 0, atol=2e-4)
    raw = forecaster.predict_scaled(feed(windows, config))
    answer = read_answer(newest_step(raw, config), config.model)
    up = answer.probability_up
    expected = answer.centre[:, 0] if up is None else up[:, 0]
    np.testing.assert_allclose(found.forecast, expected, atol=1e-5)
    assert found.currency is None
    if shape == "vector_to_sequence":
        assert (found.values[:, :-1] == 0).all()
    table = permutation_importance(forecaster, prices, n_repeats=1).set_index("feature")
    n_inputs = 3 if sequence else 5
    assert len(table) == n_inputs
    assert table.loc["ticker", "increase"] != 0
    assert table["ratio"].gt(0).all()


def test_a_decoder_starts_from_the_price_that_is_exchanged(trained, tiny_config):
    forecaster = with_fresh_network(
        trained,
        tiny_config(model__shape="encoder_decoder", features__columns=["volume"]),
    )
    scaler = replace(
        forecaster.scaler,
        low={**forecaster.scaler.low, "volume": 1e3},
        high={**forecaster.scaler.high, "volume": 9e3},
    )
    table = permutation_importance(replace(forecaster, scaler=scaler), trained[1])
    assert set(table["feature"]) == {"volume", "start"}


def test_padding_is_held_fixed(trained, tiny_config, make_prices):
    config = tiny_config(window__shortest=2, window__lookback=6)
    forecaster = with_fresh_network(trained, config)
    dates = {"start": "2020-01-07", "end": "2020-01-20"}
    prices = make_prices(80)
    found = integrated_gradients(forecaster, prices, **dates, baseline="zero")
    inputs = windows_between(forecaster, prices, *dates.values()).inputs
    padded = inputs == PADDING
    assert padded.any()
    assert (found.values[padded] == 0).all()
    assert (found.values[~padded] != 0).any()
    np.testing.assert_allclose(found.gap, 0, atol=1e-3)
    still = baseline_windows(inputs, "mean")
    assert (still[padded] == PADDING).all()
    np.testing.assert_allclose(still[0, -1], inputs[0][~padded[0]].mean(), rtol=1e-5)


def test_one_forecast_is_explained_by_its_date(linear):
    forecaster, prices, _ = linear
    found = integrated_gradients(forecaster, prices, as_of="2020-04-30")
    whole = integrated_gradients(forecaster, prices)
    np.testing.assert_allclose(
        found.of("2020-04-30"), whole.of("2020-04-30"), rtol=1e-4, atol=1e-6
    )
    assert len(window_known_at(forecaster, prices, "2020-04-30")) == 1
    some = integrated_gradients(forecaster, prices, n_windows=3)
    assert list(some.origins[[0, -1]]) == list(whole.origins[[0, -1]])
    assert len(some.origins) == 3
    with pytest.raises(ConfigError, match="no window ends on"):
        whole.of("2019-01-01")


def test_attributions_refuse_what_makes_no_sense(linear, monkeypatch):
    forecaster, prices, _ = linear
    with pytest.raises(ConfigError, match="mean, zero, origin, got 'median'"):
        integrated_gradients(forecaster, prices, baseline="median")
    with pytest.raises(ConfigError, match="n_steps must be at least 1"):
        integrated_gradients(forecaster, prices, n_steps=0)
    with pytest.raises(ConfigError, match="leave out start and end or as_of"):
        integrated_gradients(forecaster, prices, start="2020-04-01", as_of="2020-05-01")
    monkeypatch.setattr(load_keras().backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="runs on jax"):
        integrated_gradients(forecaster, prices)


def test_too_few_steps_are_told(linear):
    forecaster, prices, _ = linear
    keras = load_keras()
    steep = keras.Sequential(
        [
            keras.Input((4, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, "tanh", kernel_initializer="ones"),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    with pytest.warns(ForecastWarning, match="raise n_steps"):
        integrated_gradients(
            replace(forecaster, network=steep), prices, n_steps=1, baseline="zero"
        )


def test_the_centre_is_the_median_of_the_nearest_step(tiny_config):
    model = tiny_config(model__head="quantiles", model__quantiles=[0.1, 0.5, 0.9]).model
    raw = np.arange(12.0, dtype="float32").reshape(2, 2, 3)
    centre = next_centre(load_keras().ops.convert_to_tensor(raw), model)
    assert np.asarray(centre).tolist() == [1.0, 7.0]


def test_pictures_show_the_numbers(linear):
    forecaster, prices, _ = linear
    table = permutation_importance(forecaster, prices)
    ax = plot_importance(table, Figure().add_subplot())
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths[::-1], 100 * (table["ratio"] - 1))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[::-1] == list(table["feature"])
    found = integrated_gradients(forecaster, prices)
    ax = plot_attributions(found, Figure().add_subplot())
    np.testing.assert_array_equal(ax.images[0].get_array(), found.mean_absolute.T)
    alone = replace(found, features=("close",), values=found.values[..., :1])
    alone = replace(alone, currency=None)
    ax = plot_attributions(alone, Figure().add_subplot())
    np.testing.assert_allclose(
        [bar.get_height() for bar in ax.patches], alone.mean_absolute["close"]
    )
