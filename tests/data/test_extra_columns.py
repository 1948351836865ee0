"""Extra columns: a user's own numbers come along, if they are asked for."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.files import read_price_file
from forecaster.data.prices import check_prices
from forecaster.data.sources import load_prices
from forecaster.errors import ConfigError, InvalidPrices

TEXT = "Date,Close,Rating,note\n2024-01-02,1.5,-3,x\n2024-01-03,1.6,,y\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text(TEXT)
    return path


def test_an_extra_column_is_kept_when_asked_for(path):
    assert list(load_prices(path=path).columns) == ["close"]
    prices = load_prices(path=path, extra=["Rating"])
    assert list(prices.columns) == ["close", "Rating"]
    assert prices["Rating"].dtype == np.float64
    np.testing.assert_array_equal(prices["Rating"], [-3, np.nan])


def test_parquet_and_numbers_as_people_write_them(path):
    wanted = load_prices(path=path, extra=["Rating"])
    path.write_text(TEXT.replace("-3", '"1,200.5"'))
    assert load_prices(path=path, extra=["Rating"])["Rating"].iloc[0] == 1200.5
    pd.read_csv(path.with_name("test.csv")).assign(Rating=[-3, None]).to_parquet(
        path.with_suffix(".parquet")
    )
    rows = load_prices(path=path.with_suffix(".parquet"), extra=["Rating"])
    pd.testing.assert_frame_equal(rows, wanted)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["rating"], "wanted one column `rating`, found 0; .* Date, Close, Rating"),
        (["note"], "cannot read 'x' in column `note`, line 2"),
        (["Close"], "column `Close` is read anyway"),
    ],
)
def test_a_column_that_cannot_be_read(path, extra, message):
    with pytest.raises(InvalidPrices, match=message):
        read_price_file(path, extra=extra)


@pytest.mark.parametrize("extra", [["close"], ["Rating", "Rating"]])
def test_a_name_that_is_taken(path, extra):
    with pytest.raises(ConfigError, match="named twice, or is read anyway"):
        load_prices(path=path, extra=extra)


def test_only_a_file_has_extra_columns():
    with pytest.raises(ConfigError, match="extra columns rating can only come from"):
        load_prices("GOOG", extra=["rating"])


def test_the_check_at_the_door(make_prices):
    prices = make_prices(10).assign(rating=np.inf)
    kept, _ = check_prices(prices.assign(rating=-1), "TEST", extra=["rating"])
    assert list(kept.columns) == list(prices.columns)
    with pytest.raises(InvalidPrices, match="rating values must be finite, but rating"):
        check_prices(prices, "TEST", extra=["rating"])
    with pytest.raises(InvalidPrices, match="there is no column `mood`"):
        check_prices(prices, "TEST", extra=["mood"])
