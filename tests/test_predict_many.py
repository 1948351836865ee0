"""Many tickers at once: the forecasts of each alone, from one call of the network."""

import dataclasses
import warnings

import numpy as np
import pytest

from forecaster import answering
from forecaster.config.feature_names import KINDS
from forecaster.data import newest
from forecaster.data.calendar import next_sessions
from forecaster.data.newest import newest_windows
from forecaster.data.recent import Series, recent_rows
from forecaster.data.windows import last_window
from forecaster.errors import (
    ConfigError,
    DataError,
    ForecastWarning,
    InvalidPrices,
    NotEnoughHistory,
    TrainingFailed,
)
from forecaster.forecasting import Forecaster
from forecaster.models.recurrent import network_for
from forecaster.outoffold import train_calibrated
from forecaster.preparing import prepare_training

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
QUANTILES = {"model__head": "quantiles", "model__quantiles": LEVELS}
RETURNS = {"target__form": "log_return", "features__columns": ("log_return",)}
TICKERS = ("TEST", "ABC", "XYZ")
POOLED = {
    **RETURNS,
    "data": {"ticker": "TEST", "tickers": TICKERS},
    "model__ticker_embedding": 2,
}
# Of each kind: settings, and what is asked for.
CASES = {
    "point": ({}, {}),
    "several steps": ({"window__horizon": 3}, {"horizon": 2}),
    "rolled forward": ({"window__horizon": 2}, {"horizon": 5}),
    "last step counts": ({"model__shape": "sequence_to_sequence"}, {"horizon": 3}),
    "several features": (
        {"features__columns": ("close", "rsi_5", "log_return_2", "volatility_5")},
        {},
    ),
    "quantiles": (
        {**QUANTILES, **RETURNS, "window__horizon": 2},
        {"levels": (0.5, 0.8)},
    ),
    "scaled return": ({**RETURNS, "target__form": "scaled_return"}, {}),
    "direction": ({"model__head": "direction", **RETURNS}, {}),
    "embedding": (POOLED, {}),
    "known and static": (
        {
            "features__known_future": ("weekday_sin", "days_since_last", "month_end"),
            "features__static": ("volatility_5",),
            "window__horizon": 2,
        },
        {},
    ),
    "unrolled": (
        {
            "model__shape": "encoder_decoder",
            "features__known_future": ("weekday_cos",),
            "window__horizon": 2,
        },
        {"horizon": 6},
    ),
    "fed back with dates": (
        {
            "features__columns": ("close", "weekday_sin", "days_since_last"),
            "features__known_future": ("month_sin",),
        },
        {"horizon": 4},
    ),
    "fed back to members": ({"model__members": 2}, {"horizon": 3}),
    "fed back within windows": ({"features__scaling": "window"}, {"horizon": 3}),
    "fed back, padded": ({"window__shortest": 2}, {"horizon": 3}),
    "within windows": (
        {"features__scaling": "window", "features__columns": ("close", "rsi_5")},
        {},
    ),
    "known to a date": ({"window__horizon": 2}, {"as_of": "2020-05-05"}),
}


def untrained(prices, config):
    """Return a Forecaster with its first weights: what it says is as good as any."""
    pooled = config.data.tickers
    data = prepare_training(prices if pooled else prices["TEST"], config)
    network = network_for(config).predictor
    return Forecaster(network, data.scaler, config, data.trained_on)


@pytest.fixture(scope="module")
def prices(make_prices):
    """Three tickers: one longer, and one that ends earlier."""
    return {
        "TEST": make_prices(110),
        "ABC": make_prices(100, seed=1, ticker="ABC"),
        "XYZ": make_prices(90, seed=2, ticker="XYZ"),
    }


def alone(forecaster, prices, **asked):
    return {name: forecaster.predict(frame, **asked) for name, frame in prices.items()}


def assert_same(one, two):
    """Demand that forecasts are the same but for the rounding of batches."""
    assert list(one) == list(two)
    for ticker, forecast in one.items():
        for field in dataclasses.fields(forecast):
            ours, theirs = (getattr(f[ticker], field.name) for f in (one, two))
            if field.name == "intervals":
                ours, theirs = ({k: (v.low, v.high) for k, v in x.items()}
                                for x in (ours, theirs))  # fmt: skip
                assert ours.keys() == theirs.keys()
                ours, theirs = (np.array(list(x.values())) for x in (ours, theirs))
            if isinstance(ours, np.ndarray):
                np.testing.assert_allclose(ours, theirs, rtol=2e-6)
            else:
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
@pytest.mark.parametrize("case", CASES)
def test_forecasts_are_those_of_each_ticker_alone(prices, tiny_config, case):
    settings, asked = CASES[case]
    forecaster = untrained(prices, tiny_config(**settings))
    many = forecaster.predict_many(prices, **asked)
    assert_same(many, alone(forecaster, prices, **asked))
    assert len({one.price[0] for one in many.values()}) == len(prices)


@pytest.fixture(scope="module")
def calibrated(make_prices, tiny_config):
    config = tiny_config(
        **QUANTILES,
        target__form="log_return",
        training__epochs=1,
        training__end="2020-08-31",
        evaluation__start="2020-09-01",
        window__horizon=2,
        calibration__method="adaptive",
        calibration__n_folds=2,
        calibration__fraction=0.4,
    )
    return train_calibrated(make_prices(230), config, progress=False)


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
@pytest.mark.parametrize("method", ["none", "split", "cqr", "adaptive"])
def test_calibrated_forecasts_are_those_of_each_ticker_alone(
    make_prices, calibrated, method
):
    calibration = calibrated.config.calibration.model_copy(update={"method": method})
    config = calibrated.config.model_copy(update={"calibration": calibration})
    forecaster = dataclasses.replace(calibrated, config=config)
    prices = {
        "TEST": make_prices(230),
        "ABC": make_prices(215, seed=1, ticker="ABC"),
        "NEW": make_prices(150, seed=2, ticker="NEW"),  # nothing to be replayed
    }
    many = forecaster.predict_many(prices, levels=(0.8,))
    assert_same(many, alone(forecaster, prices, levels=(0.8,)))
    assert many["TEST"].calibration == method


@pytest.mark.parametrize("case", ["point", "quantiles", "embedding"])
def test_the_network_is_asked_once(prices, tiny_config, monkeypatch, case):
    settings, asked = CASES[case]
    forecaster = untrained(prices, tiny_config(**settings))
    n_windows = []

    def count(network, inputs):
        window = inputs["window"] if isinstance(inputs, dict) else inputs
        n_windows.append(len(window))
        return ask(network, inputs)

    ask = answering.ask
    monkeypatch.setattr(answering, "ask", count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForecastWarning)
        forecaster.predict_many(prices, **asked)
    assert n_windows == [len(prices)]


def series_of(prices, config):
    found = []
    for ticker, frame in prices.items():
        ahead = next_sessions(frame.index[-1], config.window.horizon)
        found.append(Series(ticker, frame, ahead, ahead, config))
    return found


def assert_windows_as_cut_alone(prices, config, scaler):
    series = series_of(prices, config)
    made = newest_windows(series, config, scaler)
    assert sorted(made.places) == list(range(len(series)))
    for row, place in enumerate(made.places):
        one = series[place]
        expected = last_window(one.table, config, scaler, one.ahead)
        names = {field.name for field in dataclasses.fields(expected)} - {"sequences"}
        for name in ("inputs", *sorted(names)):
            ours, theirs = (
                getattr(w, name) for w in (made.windows[row : row + 1], expected)
            )
            if name == "footing":
                np.testing.assert_array_equal(ours.anchor, theirs.anchor)
                np.testing.assert_array_equal(ours.spread, theirs.spread)
                continue
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


EVERY_KIND = (
    "close",
    *(name for name in KINDS if not name.startswith("surprise")),
    *("log_return_7", "volatility_33", "trend_70", "obv_change_3", "rsi_9"),
)


@pytest.mark.parametrize("form", ["price", "log_return", "scaled_return"])
@pytest.mark.parametrize("scaling", ["standard", "window"])
def test_recent_rows_give_the_windows_of_whole_tables_to_the_last_bit(
    make_prices, tiny_config, form, scaling
):
    config = tiny_config(
        features__columns=EVERY_KIND,
        features__static=("volatility_10", "close"),
        features__known_future=("days_since_last", "weekday_sin"),
        features__scaling=scaling,
        target__form=form,
        window__horizon=3,
        window__lookback=7,
        training__end="2020-12-31",
        evaluation__start="2021-01-01",
        evaluation__end="2021-12-31",
    )
    prices = {
        name: make_prices(n, seed=n, ticker=name)
        for name, n in {"TEST": 400, "A": 399, "B": 251, "C": 100}.items()
    }
    scaler = prepare_training(prices["TEST"], config).scaler
    (recent,) = recent_rows(series_of(prices, config), config)
    assert recent.places == [0, 1, 2, 3]
    assert_windows_as_cut_alone(prices, config, scaler)


def test_anniversaries_are_read_from_the_whole_history(make_prices, tiny_config):
    names = tuple(name for name in KINDS if name.startswith("surprise"))
    config = tiny_config(
        features__columns=names,
        training__end="2024-12-31",
        evaluation__start="2025-01-01",
        evaluation__end="2025-12-31",
    )
    prices = {"TEST": make_prices(1300), "B": make_prices(1200, seed=4, ticker="B")}
    scaler = prepare_training(prices["TEST"], config).scaler
    assert_windows_as_cut_alone(prices, config, scaler)


def test_small_groups_of_series_are_cut_like_large_ones(
    prices, tiny_config, monkeypatch
):
    config = tiny_config(features__columns=("volatility_5", "log_volatility"))
    scaler = prepare_training(prices["TEST"], config).scaler
    monkeypatch.setattr("forecaster.data.recent.MOST_NUMBERS", 1)
    assert len(list(recent_rows(series_of(prices, config), config))) == len(prices)
    assert_windows_as_cut_alone(prices, config, scaler)


def test_usual_series_need_no_whole_table(prices, tiny_config, monkeypatch):
    config = tiny_config(features__columns=("close", "log_return", "volume"))
    forecaster = untrained(prices, config)
    monkeypatch.setattr(newest, "last_window", pytest.fail)
    monkeypatch.setattr("forecaster.data.recent.make_table", pytest.fail)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForecastWarning)
        assert len(forecaster.predict_many(prices)) == len(prices)


def unusual(prices, name):
    """Return prices beside which others have a gap, other columns, text or no past."""
    frame = prices["TEST"]
    gap, old_gap = frame.copy(), frame.copy()
    gap.loc[gap.index[-2], "volume"] = np.nan
    old_gap.loc[old_gap.index[5], "volume"] = np.nan
    made = {
        "a gap": gap,
        "an old gap": old_gap,
        "text": frame.assign(volume="many"),
        "whole numbers": frame.assign(volume=frame["volume"].astype(int)),
        "numbers that may be missing": frame.astype({"volume": "Float64"}),
        "other columns": frame.drop(columns=["high", "low"]),
        "no volume": frame.drop(columns="volume"),
        "a short history": frame.iloc[:3],
        "no prices": frame.iloc[:0],
        "just enough": frame.iloc[:6],
    }[name]
    made.attrs = {"ticker": "ODD"}
    return made


FINE = ("an old gap", "whole numbers", "numbers that may be missing",
        "other columns", "just enough")  # fmt: skip
BAD = {
    "a gap": (InvalidPrices, "ODD: volume has no value on"),
    "text": (InvalidPrices, "ODD: column `volume` is not made of numbers"),
    "no volume": (InvalidPrices, "ODD: feature 'volume' is no column"),
    "a short history": (NotEnoughHistory, "ODD: need at least 4 sessions, found 2"),
    "no prices": (NotEnoughHistory, "ODD: need at least 4 sessions, found 0"),
}


@pytest.fixture(scope="module")
def of_volume(prices, tiny_config):
    config = tiny_config(features__columns=("close", "volume", "log_return"))
    return untrained(prices, config)


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
@pytest.mark.parametrize("name", FINE)
def test_unusual_prices_are_forecast_as_alone(prices, of_volume, name):
    together = {"ODD": unusual(prices, name), **prices}
    many = of_volume.predict_many(together)
    assert_same(many, alone(of_volume, together))


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
@pytest.mark.parametrize("name", BAD)
def test_wrong_prices_are_named_and_cost_no_other_ticker(prices, of_volume, name):
    kind, message = BAD[name]
    together = {"odd one": unusual(prices, name), **prices}
    with pytest.raises(kind, match=message):
        of_volume.predict(together["odd one"])
    with pytest.raises(kind, match=message):
        of_volume.predict_many(together)
    errors = {}
    many = of_volume.predict_many(together, errors=errors)
    assert list(errors) == ["odd one"]
    assert isinstance(errors["odd one"], kind)
    assert_same(many, alone(of_volume, prices))


class Choosy:
    """A network that answers with no number where the volume is high."""

    def predict(self, inputs, batch_size, verbose):
        assert batch_size > 0
        assert verbose == 0
        newest_close = inputs[:, -1, :1]
        return np.where(inputs[:, -1:, 1] > 2, np.nan, newest_close)


@pytest.mark.filterwarnings("ignore::forecaster.errors.ForecastWarning")
def test_an_answer_that_is_no_number_costs_no_other_ticker(prices, of_volume):
    choosy = dataclasses.replace(of_volume, network=Choosy())
    busy = prices["ABC"].assign(volume=prices["ABC"]["volume"] * 10)
    busy.attrs = prices["ABC"].attrs
    together = {**prices, "ABC": busy}
    with pytest.raises(TrainingFailed, match="not finite"):
        choosy.predict_many(together)
    errors = {}
    many = choosy.predict_many(together, errors=errors)
    assert isinstance(errors.pop("ABC"), TrainingFailed)
    assert not errors
    for ticker in ("TEST", "XYZ"):  # what they answer is the newest close
        newest_close = prices[ticker]["close"].iloc[-1]
        assert many[ticker].price[0] == pytest.approx(newest_close, rel=1e-6)


def test_later_prices_change_no_earlier_forecast(prices, tiny_config):
    forecaster = untrained(prices, tiny_config(features__columns=("close", "rsi_5")))
    doubled = {}
    for ticker, frame in prices.items():
        changed = frame.copy()
        changed.loc["2020-04-02":] *= 2
        changed.attrs = frame.attrs
        doubled[ticker] = changed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForecastWarning)
        one, two = (
            forecaster.predict_many(frames, as_of="2020-04-01")
            for frames in (prices, doubled)
        )
    for ticker, forecast in one.items():
        assert str(forecast.origin.date()) == "2020-04-01"
        np.testing.assert_array_equal(forecast.price, two[ticker].price)


def test_what_no_ticker_can_be_asked_is_refused_though_errors_are_taken(
    prices, of_volume
):
    for asked in ({"horizon": 3}, {"levels": (0.9,)}, {"as_of": "never"}):
        errors = {}
        with pytest.raises(ConfigError):
            of_volume.predict_many(prices, errors=errors, **asked)
        assert not errors


def test_no_prices_are_no_forecasts(of_volume):
    assert of_volume.predict_many({}) == {}


def test_prices_without_a_name_take_that_of_their_place(prices, of_volume):
    nameless = prices["TEST"].copy()
    nameless.attrs = {}
    assert of_volume.predict_many({"MINE": nameless})["MINE"].ticker == "MINE"
    with pytest.raises(DataError, match="MINE"):
        of_volume.predict_many({"MINE": nameless.iloc[:2]})


def test_prices_far_from_those_of_training_draw_the_same_warnings(prices, of_volume):
    dear = prices["ABC"].assign(close=prices["ABC"]["close"] * 3)
    dear.attrs = prices["ABC"].attrs
    together = {"TEST": prices["TEST"], "ABC": dear}
    heard = []
    for forecast in (of_volume.predict_many, lambda p: alone(of_volume, p)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            forecast(together)
        heard.append(sorted(str(one.message) for one in caught))
    assert heard[0] == heard[1]
    assert any(text.startswith("ABC: recent close") for text in heard[0])
