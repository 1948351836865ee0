"""A folder of price files is a source: one file for each ticker."""

import pandas as pd
import pytest

from forecaster.data.folders import find_price_file
from forecaster.data.sources import load_prices
from forecaster.errors import DataError, SymbolNotFound


@pytest.fixture
def folder(tmp_path, make_prices):
    make_prices(30, seed=1).to_csv(tmp_path / "AAA.csv")
    make_prices(30, seed=2).to_parquet(tmp_path / "brk-b.parquet")
    (tmp_path / "notes.txt").write_text("not prices")
    (tmp_path / ".AAA.csv.swp").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("ticker", "file"),
    [("AAA", "AAA.csv"), ("aaa", "AAA.csv"), ("BRK-B", "brk-b.parquet")],
)
def test_prices_come_from_the_file_that_is_named_after_the_ticker(folder, ticker, file):
    found = load_prices(ticker, path=folder)
    pd.testing.assert_frame_equal(found, load_prices(path=folder / file))
    assert found.attrs["ticker"] == ticker.upper()
    assert found.attrs["source"] == str(folder / file)


def test_one_file_alone_needs_no_ticker(tmp_path, make_prices):
    make_prices(30).to_csv(tmp_path / "only.csv")
    assert load_prices(path=tmp_path).attrs["ticker"] == "ONLY"


def test_several_files_need_a_ticker(folder):
    with pytest.raises(DataError, match="holds 2 tickers: AAA, BRK-B"):
        load_prices(path=folder)


def test_a_ticker_without_a_file_names_those_that_have_one(folder):
    with pytest.raises(SymbolNotFound, match=r"AAA, BRK-B\. Did you mean AAA"):
        load_prices("AA", path=folder)


def test_two_files_of_one_ticker_are_refused(folder):
    (folder / "aaa.parquet").touch()
    with pytest.raises(DataError, match=r"AAA\.csv and aaa\.parquet"):
        find_price_file(folder, "AAA")


def test_a_folder_without_prices_is_refused(tmp_path):
    with pytest.raises(DataError, match="no CSV or Parquet file"):
        load_prices("AAA", path=tmp_path)
