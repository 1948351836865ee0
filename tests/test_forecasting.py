"""Forecasts: real sessions, honest recursion, warnings where they mean little."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.bundle import load_bundle
from forecaster.data.calendar import sessions_between
from forecaster.data.sources import load_prices
from forecaster.doubts import warn_if_lost
from forecaster.errors import (
    ConfigError,
    DataError,
    ForecastWarning,
    InvalidPrices,
    NotEnoughHistory,
    TrainingFailed,
)
from forecaster.fans import check_levels_wanted
from forecaster.monitor import monitor
from forecaster.training import train


@pytest.fixture(scope="module")
def two_inputs(make_prices, tiny_config):
    config = tiny_config(features__columns=("close", "volume"), window__horizon=2)
    prices = make_prices(80)
    return train(prices, config, progress=False), prices


@pytest.mark.parametrize(
    ("origin", "sessions"),
    [
        ("2020-03-31", ["2020-04-01", "2020-04-02", "2020-04-03", "2020-04-06"]),
        ("2020-04-09", ["2020-04-13", "2020-04-14"]),  # Good Friday between
    ],
)
def test_sessions_are_the_exchanges_own(trained, origin, sessions):
    forecaster, prices = trained
    forecast = forecaster.predict(prices, as_of=origin, horizon=len(sessions))
    assert str(forecast.origin.date()) == origin
    assert [str(day.date()) for day in forecast.sessions] == sessions
    assert forecast.last_price == prices.loc[origin, "close"]


def test_as_of_a_weekend_knows_friday(trained):
    forecaster, prices = trained
    forecast = forecaster.predict(prices, as_of="2020-04-05")
    assert str(forecast.origin.date()) == "2020-04-03"


def test_as_of_hides_what_comes_later(trained):
    forecaster, prices = trained
    whole = forecaster.predict(prices, as_of="2020-04-01", horizon=3)
    cut = forecaster.predict(prices.loc[:"2020-04-01"], horizon=3)
    np.testing.assert_array_equal(whole.price, cut.price)


def test_an_unread_table_is_led_to_the_reader(trained):
    forecaster, prices = trained
    for as_of in (None, "2020-04-01"):
        with pytest.raises(DataError, match=r"load_prices\(frame=TABLE\)"):
            forecaster.predict(prices.reset_index(), as_of=as_of)
    with pytest.raises(DataError, match=r"load_prices\(frame=TABLE\)"):
        forecaster.predict_many({"TEST": prices.reset_index()})
    with pytest.raises(DataError, match="close"):
        forecaster.predict(prices.rename(columns={"close": "Close"}))


@pytest.mark.parametrize("wrong", [None, "TEST", {"TEST": None}, pd.Series([1.0])])
def test_what_is_no_table_is_led_to_the_reader_too(trained, wrong):
    forecaster, _ = trained
    said = rf"got {type(wrong).__name__}\. `load_prices\(frame=TABLE\)`"
    with pytest.raises(DataError, match=said):
        forecaster.predict(wrong)
    with pytest.raises(DataError, match=said):
        forecaster.evaluate(wrong)
    with pytest.raises(DataError, match=r"load_prices\(frame=TABLE\)"):
        monitor(forecaster, wrong)


def test_levels_may_be_one_number_and_nothing_but_numbers():
    assert check_levels_wanted(0.8) == check_levels_wanted([0.8]) == (0.8,)
    assert check_levels_wanted("0.8,0.5") == (0.5, 0.8)
    for wrong in (["much"], [None], object()):
        with pytest.raises(ConfigError, match=r"`levels` are numbers between 0 and 1"):
            check_levels_wanted(wrong)
    with pytest.raises(ConfigError, match="not 80"):
        check_levels_wanted(80)


def test_a_longer_horizon_feeds_forecasts_back(trained):
    forecaster, prices = trained
    forecast = forecaster.predict(prices, horizon=3)
    scaled = forecaster.scaler.transform(prices[["close"]])
    for step in range(3):
        ahead = forecaster.predict_scaled(scaled[None, -4:])
        price = forecaster.scaler.inverse(ahead, "close")[0, 0]
        assert price == pytest.approx(forecast.price[step], rel=1e-6)
        scaled = np.concatenate([scaled, ahead])


def test_a_prediction_agrees_with_the_evaluation_of_that_session(trained):
    forecaster, prices = trained
    rows = forecaster.evaluate(prices).predictions.set_index("session")
    session = rows.index[7]
    forecast = forecaster.predict(prices, as_of=rows.loc[session, "origin"].date())
    assert forecast.sessions[0] == session
    assert forecast.price[0] == pytest.approx(rows.loc[session, "predicted"], rel=1e-6)


def test_other_inputs_are_never_made_up(two_inputs):
    forecaster, prices = two_inputs
    assert len(forecaster.predict(prices).price) == 2
    assert len(forecaster.predict(prices, horizon=1).price) == 1
    with pytest.raises(ConfigError, match=r"reads volume.*window.horizon=3"):
        forecaster.predict(prices, horizon=3)


def test_each_input_has_its_own_scale(two_inputs):
    forecaster, prices = two_inputs
    scaled = forecaster.scaler.transform(prices[["close", "volume"]].iloc[:60])
    np.testing.assert_allclose(scaled.min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.max(axis=0), 1, atol=1e-6)


def test_two_steps_are_scored_from_each_origin(two_inputs):
    forecaster, prices = two_inputs
    rows = forecaster.evaluate(prices).predictions
    assert rows["step"].tolist()[:4] == [1, 2, 1, 2]
    close = prices["close"]
    np.testing.assert_array_equal(rows["actual"], close.loc[rows["session"]])
    np.testing.assert_array_equal(rows["last_value"], close.loc[rows["origin"]])
    position = prices.index.get_indexer
    np.testing.assert_array_equal(
        position(rows["session"]), position(rows["origin"]) + rows["step"]
    )


def test_a_missing_column_is_named_with_those_there_are(two_inputs):
    forecaster, prices = two_inputs
    with pytest.raises(
        InvalidPrices, match="'volume' is no column; the prices have open"
    ):
        forecaster.predict(prices.drop(columns="volume"))


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_horizon_below_one_is_refused(trained, horizon):
    with pytest.raises(ConfigError, match="at least 1"):
        trained[0].predict(trained[1], horizon=horizon)


def test_too_little_history_names_what_is_needed(trained):
    forecaster, prices = trained
    with pytest.raises(NotEnoughHistory, match="need at least 4 sessions, found 3"):
        forecaster.predict(prices.iloc[:3])
    with pytest.raises(NotEnoughHistory, match="4 sessions before 2020-01-06, found 2"):
        forecaster.evaluate(prices, "2020-01-06", "2020-01-10")


def test_a_test_range_outside_the_prices_names_both(trained):
    forecaster, prices = trained
    with pytest.raises(DataError, match=r"2021-01-01 to 2021-02-01.*2020-01-02"):
        forecaster.evaluate(prices, "2021-01-01", "2021-02-01")


def test_a_date_that_is_none_is_refused(trained):
    with pytest.raises(ConfigError, match="yesterday"):
        trained[0].predict(trained[1], as_of="yesterday")


def test_prices_far_from_those_of_training_draw_a_warning(trained):
    forecaster, prices = trained
    dear = prices * 3
    dear.attrs = prices.attrs
    with pytest.warns(ForecastWarning, match="outside the range of training"):
        forecaster.predict(dear)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster.predict(prices)


def test_scores_on_training_dates_draw_a_warning(trained):
    forecaster, prices = trained
    with pytest.warns(ForecastWarning, match="begins before training ends"):
        forecaster.evaluate(prices, "2020-03-01", "2020-03-31")


def test_objects_show_themselves(trained):
    forecaster, prices = trained
    forecast, evaluation = forecaster.predict(prices), forecaster.evaluate(prices)
    for shown in (forecaster, forecast, evaluation):
        assert "TEST close" in repr(shown)
        assert "TEST close" in shown._repr_html_()
    assert "<table" in forecast._repr_html_()
    assert forecast.to_dict()["forecast"][0]["session"] == str(
        forecast.sessions[0].date()
    )


@pytest.mark.parametrize(
    ("origin", "sessions"),
    [
        ("2020-11-25", ["2020-11-27", "2020-11-30"]),  # Thanksgiving, a short Friday
        ("2020-12-23", ["2020-12-24", "2020-12-28", "2020-12-29"]),  # Christmas
        ("2020-12-31", ["2021-01-04", "2021-01-05"]),  # New Year
        ("2021-01-15", ["2021-01-19"]),  # Martin Luther King's day
        ("2018-12-04", ["2018-12-06"]),  # mourning for a president
    ],
)
def test_holidays_are_no_sessions(trained, origin, sessions):
    forecaster, prices = trained
    recent = prices.iloc[-10:].set_index(sessions_between("2018-01-01", origin)[-10:])
    forecast = forecaster.predict(recent, horizon=len(sessions))
    assert str(forecast.origin.date()) == origin
    assert [str(day.date()) for day in forecast.sessions] == sessions


def test_two_steps_at_once_are_fed_back_by_twos(make_prices, tiny_config):
    prices = make_prices(80)
    config = tiny_config(window__horizon=2, training__epochs=1)
    forecaster = train(prices, config, progress=False)
    scaled = forecaster.scaler.transform(prices[["close"]])
    expected = []
    for _ in range(3):
        ahead = forecaster.predict_scaled(scaled[None, -4:])[0]
        expected.extend(forecaster.scaler.inverse(ahead, "close"))
        scaled = np.concatenate([scaled, ahead[:, None]])
    forecast = forecaster.predict(prices, horizon=5)
    np.testing.assert_allclose(forecast.price, expected[:5], rtol=1e-6)
    assert not np.allclose(expected[0], expected[2], rtol=1e-6)


def test_as_of_before_the_first_session_names_what_is_needed(trained):
    forecaster, prices = trained
    with pytest.raises(NotEnoughHistory, match="need at least 4 sessions, found 0"):
        forecaster.predict(prices, as_of="2019-12-31")


def test_forecasts_that_are_no_numbers_are_refused(trained):
    inputs = np.full((1, 4, 1), np.nan, dtype=np.float32)
    with pytest.raises(TrainingFailed, match="not finite numbers"):
        trained[0].predict_scaled(inputs)


def test_google_2017_is_251_forecasts_and_last_value_is_pandas_shift():
    bundle = Path(__file__).parent / "data" / "tiny-bundle"
    evaluation = load_bundle(bundle).evaluate(load_prices("GOOG"))
    close = load_prices("GOOG")["close"]
    tested = close.loc["2017-01-01":"2017-12-31"]
    rows = evaluation.predictions
    assert len(rows) == evaluation.verdict.n_forecasts == 251
    assert rows["session"].tolist() == tested.index.tolist()
    days = close.index
    before = days[days.get_indexer(rows["session"]) - 1]
    assert rows["origin"].tolist() == before.tolist()
    naive = close.shift(1).loc[tested.index]
    np.testing.assert_array_equal(rows["actual"], tested)
    np.testing.assert_array_equal(rows["last_value"], naive)
    np.testing.assert_array_equal(rows["last_value"].iloc[1:], rows["actual"].iloc[:-1])
    rmse = ((tested - naive) ** 2).mean() ** 0.5
    scores = evaluation.scores
    assert scores.loc["last_value", "rmse"] == pytest.approx(rmse, rel=1e-12)
    errors = rows["predicted"] - rows["actual"]
    ratio = (errors**2).mean() ** 0.5 / rmse
    assert scores.loc["model", "rmse_ratio"] == pytest.approx(ratio, rel=1e-12)
    assert scores.loc["last_value", "rmse_ratio"] == 1
    slope = (close.loc["2016-12-30"] - close.loc["2012-01-03"]) / 1257
    np.testing.assert_allclose(rows["drift"], naive + slope, rtol=1e-12)


def test_prices_that_lost_rows_are_doubted(trained, make_prices, tiny_config):
    forecaster, prices = trained
    trained_on = forecaster.trained_on
    monday = prices.index[-1]
    assert monday.day_name() == "Monday"
    until_sunday = tiny_config(evaluation__end=(monday - pd.Timedelta(days=1)).date())
    until_monday = tiny_config(evaluation__end=monday.date())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_lost(prices, trained_on, until_monday)
        warn_if_lost(prices.iloc[:-1], trained_on, until_sunday)
        warn_if_lost(make_prices(30, ticker="OTHER"), trained_on, until_monday)
    with pytest.warns(ForecastWarning, match="has the file lost rows") as told:
        warn_if_lost(prices.iloc[:-1], trained_on, until_monday)
    assert len(told) == 1
    gone = prices.drop(prices.index[10:13])
    n_trained = trained_on.n_sessions
    wanted = f"have {n_trained - 3} of the {n_trained} sessions from 2020-01-0"
    with pytest.warns(ForecastWarning, match=wanted):
        warn_if_lost(gone, trained_on, until_monday)
