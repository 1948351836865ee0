"""One model over many tickers."""

import numpy as np
import pytest

from forecaster.config import config_from_dict
from forecaster.data.windows import ticker_id
from forecaster.errors import ConfigError
from forecaster.preparing import evaluated_frame, prepare_training
from forecaster.training import train


@pytest.fixture(scope="module")
def frames(make_prices):
    return {name: make_prices(80, seed=n, ticker=name) for n, name in enumerate("AB")}


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config(
        data__ticker="B",
        data__tickers=("A", "B"),
        features__columns=("log_return", "volatility_5"),
        features__scaling="standard",
        target__form="scaled_return",
        target__volatility=5,
        model__ticker_embedding=2,
    )


def test_windows_of_all_tickers_are_trained_on_with_one_scaler(frames, config):
    data = prepare_training(frames, config)
    assert set(data.training.ticker_ids) == {1, 2}
    assert data.trained_on.ticker == "A B"
    returns = [np.log(frames[name]["close"]).diff() for name in "AB"]
    rows = [
        series.loc[data.trained_on.first : data.trained_on.last] for series in returns
    ]
    pooled = np.concatenate(rows)
    assert data.scaler.low["log_return"] == pytest.approx(pooled.mean())
    assert data.trained_on.n_windows == len(data.training)


def test_a_global_model_forecasts_each_ticker_and_one_that_it_never_saw(
    frames, config, make_prices
):
    forecaster = train(frames, config, progress=False)
    for frame in (*frames.values(), make_prices(80, seed=9, ticker="C")):
        evaluation = forecaster.evaluate(frame)
        assert evaluation.ticker == frame.attrs["ticker"]
        assert evaluation.rmse_ratio < 2
    assert ticker_id(config, "a") == 1
    assert ticker_id(config, "C") == 0


def test_other_tickers_than_those_of_the_settings_are_refused(frames, config):
    with pytest.raises(ConfigError, match="A, B, and the prices are those of A"):
        prepare_training({"A": frames["A"]}, config)
    with pytest.raises(ConfigError, match=r"Set `data\.tickers`"):
        prepare_training(frames, config_from_dict({}))


def test_the_evaluated_ticker_has_to_be_among_them(frames, config):
    settings = config.resolved()
    settings["data"]["ticker"] = "Z"
    with pytest.raises(ConfigError, match=r"data\.ticker \(Z\) is not among"):
        config_from_dict(settings)
    assert evaluated_frame(frames, config).attrs["ticker"] == "B"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"features": {"columns": ["close"]}}, "no common scale: close"),
        ({"target": {"form": "price"}}, "set target.form"),
        ({"data": {"ticker": "A"}}, "needs several tickers"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_a_reason(config, changes, reason):
    settings = config.resolved()
    with pytest.raises(ConfigError, match=reason):
        config_from_dict(settings | changes)
