"""Every shipped set of settings runs: one epoch of each, and three to the end."""

import warnings

import numpy as np
import pytest

from forecaster.config import list_configs, load_config
from forecaster.errors import PriceWarning
from forecaster.loading import load_prices_for
from forecaster.preparing import evaluated_frame
from forecaster.training import train


def load(config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriceWarning)
        if not config.data.tickers:
            return load_prices_for(config, ticker=config.data.ticker)
        tickers = config.data.tickers
        return {ticker: load_prices_for(config, ticker=ticker) for ticker in tickers}


def run(name, *changes):
    config = load_config(name, changes)
    prices = load(config)
    forecaster = train(prices, config, progress=False)
    return forecaster, evaluated_frame(prices, config)


@pytest.mark.parametrize("name", list_configs())
def test_settings_train_evaluate_and_predict(name):
    few = ("training.epochs=1", "training.windows_per_epoch=64")
    forecaster, prices = run(name, *few, "model.members=1")
    evaluation = forecaster.evaluate(prices)
    assert np.isfinite(evaluation.scores["rmse"]).all()
    forecast = forecaster.predict(prices, as_of=forecaster.config.evaluation.start)
    assert len(forecast.price) == forecaster.config.window.horizon


def test_clipped_gradients_learn_the_cosine():
    forecaster, series = run("cosine")
    scores = forecaster.evaluate(series).scores["rmse"]
    assert scores["model"] < 0.001
    assert scores["last_value"] == pytest.approx(0.0235, abs=5e-5)


def test_unclipped_gradients_explode_on_the_cosine():
    forecaster, series = run("cosine-exploding")
    history = forecaster.history
    assert history["loss"].iloc[0] > 1e3
    assert history["gradient/simple_rnn_1"].iloc[0] > 1e3
    assert forecaster.evaluate(series).verdict.outcome == "loses"


def test_the_last_close_halves_the_error_of_the_next_open():
    forecaster, prices = run("google-open")
    evaluation = forecaster.evaluate(prices)
    assert evaluation.verdict.outcome == "beats"
    # What repeating the last close gives: most of the move has happened by then.
    year = prices.loc["2016-12-30":"2017-12-29"]
    opens, closes = year["open"].to_numpy(), year["close"].to_numpy()
    overnight = np.sqrt(np.mean((opens[1:] - closes[:-1]) ** 2))
    naive = np.sqrt(np.mean((opens[1:] - opens[:-1]) ** 2))
    assert evaluation.rmse_ratio == pytest.approx(overnight / naive, abs=0.02)
