"""`evaluate` and `predict` say the same of the same origin, whatever the network."""

import numpy as np
import pytest

from forecaster.errors import DataError, InvalidPrices, NotEnoughHistory
from forecaster.models.recurrent import member_seed
from forecaster.preparing import prepare_training
from forecaster.training import train

FEATURES = ("close", "log_return", "volume")
CASES = {
    "quantiles of prices": {"model__head": "quantiles"},
    "returns": {"target__form": "log_return", "model__head": "student_t"},
    "returns over volatility, scaled within the window": {
        "target__form": "scaled_return",
        "target__volatility": 5,
        "features__scaling": "window",
        "model__head": "quantiles",
    },
    "prices within the window": {"features__scaling": "window"},
    "shifted by one": {
        "model__shape": "sequence_to_sequence",
        "window__horizon": 1,
        "features__known_future": (),
        "target__form": "log_return",
    },
    "unrolled from a vector": {"model__shape": "vector_to_sequence"},
    "decoded, padded": {
        "model__shape": "encoder_decoder",
        "window__shortest": 2,
        "features__scaling": "window",
    },
    "direction": {"model__head": "direction"},
    "members": {"model__members": 2, "features__scaling": "standard"},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_the_same_origin_has_the_same_forecast(make_prices, tiny_config, changes):
    prices = make_prices(80)
    common = {
        "window__horizon": 3,
        "features__columns": FEATURES,
        "features__known_future": ("weekday_sin", "days_since_last"),
        "training__epochs": 1,
    }
    forecaster = train(prices, tiny_config(**(common | changes)), progress=False)
    evaluated = forecaster.evaluate(prices).predictions
    for origin in evaluated["origin"].unique()[[0, 5]]:
        rows = evaluated[evaluated["origin"] == origin].set_index("session")
        forecast = forecaster.predict(prices, as_of=str(origin.date())).frame
        assert list(forecast.index) == list(rows.index)
        for name in forecast.columns:
            np.testing.assert_allclose(forecast[name], rows[name], rtol=1e-5)


def test_a_frame_too_short_for_its_volatility_is_refused(make_prices, tiny_config):
    config = tiny_config(target__form="scaled_return", training__epochs=1)
    forecaster = train(make_prices(80), config, progress=False)
    with pytest.raises(NotEnoughHistory, match="found 0"):
        forecaster.predict(make_prices(80).iloc[-12:])


def test_padded_windows_skip_rows_that_are_not_ready(make_prices, tiny_config):
    config = tiny_config(
        window__lookback=30,
        window__shortest=5,
        features__columns=("log_return_5",),
        features__scaling="standard",
        target__form="log_return",
        training__epochs=1,
    )
    forecaster = train(make_prices(80), config, progress=False)
    short = make_prices(80).iloc[-20:]
    rows = forecaster.evaluate(short, short.index[15], short.index[19]).predictions
    forecast = forecaster.predict(short, as_of=str(short.index[14].date()))
    np.testing.assert_allclose(forecast.price, rows["predicted"].iloc[:1], rtol=1e-5)


def test_a_range_shorter_than_the_horizon_is_refused(make_prices, tiny_config):
    prices = make_prices(80)
    config = tiny_config(window__horizon=3, window__shortest=2, training__epochs=1)
    forecaster = train(prices, config, progress=False)
    with pytest.raises(DataError, match="has 2 sessions, and 3 are forecast at once"):
        forecaster.evaluate(prices, prices.index[70], prices.index[71])


def test_a_static_target_is_fed_back(make_prices, tiny_config):
    prices = make_prices(80)
    config = tiny_config(features__static=("close",), training__epochs=1)
    forecast = train(prices, config, progress=False).predict(prices, horizon=3)
    assert np.isfinite(forecast.price).all()


def test_validation_shows_a_decoder_no_real_value(make_prices, tiny_config):
    prices = make_prices(80)
    config = tiny_config(
        model__shape="encoder_decoder",
        window__horizon=3,
        training__validation_fraction=0.2,
        training__epochs=1,
    )
    forecaster = train(prices, config, progress=False)
    windows = prepare_training(prices, config).validation
    errors = forecaster.answer(windows).centre - windows.targets
    loss = forecaster.history["val_loss"].iloc[-1]
    assert loss == pytest.approx(np.mean(errors**2), rel=1e-4)


def test_ensembles_of_other_seeds_share_no_member():
    seeds = [member_seed(seed, number) for seed in range(5) for number in range(1, 6)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("value", ["buy", np.inf])
def test_a_column_that_is_no_number_is_named(make_prices, tiny_config, value):
    prices = make_prices(80).assign(rating=value)
    config = tiny_config(features__columns=("close", "rating"))
    with pytest.raises(InvalidPrices, match="rating"):
        train(prices, config, progress=False)
