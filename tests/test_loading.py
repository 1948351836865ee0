"""What settings ask for is loaded: companions, a user's columns, series."""

import numpy as np
import pandas as pd
import pytest

from forecaster.config import config_from_dict, load_config
from forecaster.data.companions import join_companions
from forecaster.data.series import cosine_series
from forecaster.data.sources import load_prices
from forecaster.errors import ConfigError, InvalidPrices, SymbolNotFound
from forecaster.loading import load_prices_for


def make_config(**sections):
    return config_from_dict({"data": {"ticker": "GOOG"}, **sections})


def test_a_companions_feature_is_a_column_under_its_name():
    config = make_config(features={"columns": ["close", "AAPL:log_return"]})
    prices = load_prices_for(config, ticker="GOOG")
    close = load_prices("AAPL")["close"]
    expected = np.log(close).diff().loc[prices.index[1:]]
    found = prices["AAPL:log_return"].iloc[1:]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    assert prices.attrs["ticker"] == "GOOG"


def test_a_companion_is_not_read_past_the_last_session(make_prices):
    prices, other = make_prices(30), make_prices(40, seed=1, ticker="B")
    joined = join_companions(prices, ["B:close"], lambda _: other)
    assert joined["B:close"].to_list() == other["close"].iloc[:30].to_list()


def test_an_unknown_companion_is_named():
    config = make_config(features={"columns": ["close", "NOPE:close"]})
    with pytest.raises(SymbolNotFound, match="NOPE"):
        load_prices_for(config, ticker="GOOG")


def test_a_users_own_column_is_read_from_the_file(make_prices, tmp_path):
    prices = make_prices(40).assign(rating=np.arange(40.0))
    prices.to_csv(tmp_path / "own.csv")
    config = make_config(features={"columns": ["close", "rating"]})
    found = load_prices_for(config, path=tmp_path / "own.csv")
    assert found["rating"].to_list() == list(range(40))


def test_the_cosine_is_that_of_the_tutorials():
    series = cosine_series()
    x = 1 + 99 * np.arange(3000) / 2999
    np.testing.assert_allclose(series["close"], np.cos(x), atol=1e-12)
    config = make_config(data={"source": "cosine", "calendar": "24/7"})
    pd.testing.assert_frame_equal(load_prices_for(config), series)


def test_any_series_may_be_negative(tmp_path):
    days = pd.date_range("2020-01-01", periods=5, name="date")
    values = pd.DataFrame({"close": [-1.0, 0.0, 1.0, -2.0, 3.0]}, index=days)
    values.to_csv(tmp_path / "numbers.csv")
    config = make_config(data={"source": "series"})
    series = load_prices_for(config, path=tmp_path / "numbers.csv")
    assert series["close"].to_list() == values["close"].to_list()
    values.iloc[[1, 0]].to_csv(tmp_path / "jumbled.csv")
    values.iloc[[0, 0]].to_csv(tmp_path / "twice.csv")
    with pytest.raises(InvalidPrices, match="repeat"):
        load_prices_for(config, path=tmp_path / "twice.csv")
    with pytest.raises(ConfigError, match=r"data\.path"):
        load_prices_for(config)


def test_the_settings_decide_what_is_absent(tmp_path, make_prices):
    assert load_prices_for(make_config(data={"ticker": "AAPL"})).attrs["ticker"] == (
        "AAPL"
    )
    make_prices(40).to_csv(tmp_path / "own.csv")
    config = make_config(data={"path": str(tmp_path / "own.csv")})
    assert len(load_prices_for(config)) == 40


def test_the_cosine_has_no_ticker():
    config = make_config(data={"source": "cosine", "calendar": "24/7"})
    with pytest.raises(ConfigError, match="AAPL was asked for"):
        load_prices_for(config, ticker="AAPL")


def test_peers_are_the_mean_of_all_other_tickers(make_prices):
    prices = make_prices(20, ticker="A")
    frames = {name: make_prices(20, seed=seed) for seed, name in enumerate("BC", 1)}
    frames["C"] = frames["C"].iloc[10:]  # begins later
    names = ["peers:log_return", "log_return"]
    joined = join_companions(prices, names, frames.__getitem__, peers=["a", "B", "C"])
    moves = {
        name: np.log(frame["close"]).diff().reindex(prices.index)
        for name, frame in frames.items()
    }
    mean = (moves["B"] + moves["C"]) / 2
    assert joined.columns.tolist() == [*prices.columns, "peers:log_return"]
    found = joined["peers:log_return"]
    np.testing.assert_allclose(found.iloc[1:11], moves["B"].iloc[1:11])
    np.testing.assert_allclose(found.iloc[11:], mean.iloc[11:])
    assert np.isnan(found.iloc[0])


def test_peers_of_nobody_are_refused(make_prices):
    prices = make_prices(20, ticker="A")
    with pytest.raises(ConfigError, match=r"there is none\. Set data\.tickers"):
        join_companions(prices, ["peers:log_return"], dict, peers=["A"])
    with pytest.raises(ConfigError, match="peers:fall is a mean over other tickers"):
        load_config("google", ["features.columns=['close', 'peers:fall']"])


def test_settings_tell_who_the_peers_are():
    features = "features.columns=['log_return', 'peers:log_return']"
    config = load_config("global-quantiles", [features])
    joined = load_prices_for(config, ticker="AAPL")["peers:log_return"]
    others = [name for name in config.data.tickers if name != "AAPL"]
    closes = {name: load_prices(name)["close"] for name in others}
    moves = [np.log(close).diff()["2017-06-01"] for close in closes.values()]
    assert joined["2017-06-01"] == pytest.approx(np.mean(moves))
