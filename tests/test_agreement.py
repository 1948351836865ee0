"""`evaluate` and `predict` say the same of the same origin, whatever the network."""

import numpy as np
import pytest

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
