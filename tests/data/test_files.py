from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forecaster.data import parsing
from forecaster.data.files import read_price_file
from forecaster.data.frames import read_price_table
from forecaster.errors import (
    DataError,
    ForecasterError,
    InvalidPrices,
    SymbolNotFound,
)

DAYS = ["2012-01-03", "2012-01-04"]
any_folder = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def read(tmp_path):
    def read_content(content, ticker=None, name="prices.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_price_file(path, ticker)

    return read_content


def dates(frame):
    return list(frame.index.strftime("%Y-%m-%d"))


def test_plain_file(read):
    frame = read("date,open,close,volume\n2012-01-03,1.5,2,10\n2012-01-04,2.5,3,\n")
    assert list(frame.columns) == ["open", "close", "volume"]
    assert frame.index.name == "session"
    assert frame.index.dtype == "datetime64[us]"
    assert set(frame.dtypes) == {np.dtype("float64")}
    assert frame["close"].tolist() == [2.0, 3.0]
    assert np.isnan(frame["volume"].iloc[1])


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Date,Open,High,Low,Close,Adj Close,Volume", 6),
        ("Datetime,OPEN,HIGH,LOW,CLOSE,adj_close,VOL.", 6),
        ("timestamp,1. open,2. high,3. low,4. close,5. adjusted close,6. volume", 6),
        ("Session,open,high,low,Close/Last,AdjClose,Vol.", 6),
        ("Time,Open,High,Low,Price,Adjusted,Volume", 6),
        ("<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<ADJCLOSE>,<VOL>", 6),
        (" day , Open ($), High ($), Low ($), Close* , Adj Close** ,Change %", 5),
    ],
)
def test_names_in_many_spellings(read, header, columns):
    frame = read(f"{header}\n2012-01-03,2,4,1,3,2.5,100\n")
    assert len(frame.columns) == columns
    assert frame.iloc[0, :5].tolist() == [2, 4, 1, 3, 2.5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2012-01-03", "2012-01-04"),
        ("2012/01/03", "2012/01/04"),
        ("20120103", "20120104"),
        ("1/3/2012", "1/4/2012"),
        ("01/03/2012", "01/04/2012"),
        ("1/3/2012 16:00:00", "1/4/2012 16:00:00"),
        ('"Jan 3, 2012"', '"Jan 4, 2012"'),
        ('"January 03, 2012"', '"January 04, 2012"'),
        ("3 Jan 2012", "4 Jan 2012"),
        ("03-Jan-2012", "04-Jan-2012"),
        ("2012-01-03 00:00:00-05:00", "2012-01-04 00:00:00-04:00"),
        ("2012-01-03T23:30:00+0100", "2012-01-04T00:00:00.000Z"),
        ("2012-01-03 09:30", "2012-01-04 09:30"),
        ("1325548800", "1325635200"),
        ("1325548800000", "1325635200000"),
        ("03.01.2012", "04.01.2012"),
    ],
)
def test_dates_in_many_styles(read, first, second):
    assert dates(read(f"Date,Close\n{first},1\n{second},2\n")) == DAYS


def test_day_first_where_american_dates_are_impossible(read):
    frame = read("Date,Close\n12/01/2012,1\n13/01/2012,2\n")
    assert dates(frame) == ["2012-01-12", "2012-01-13"]


def test_day_first_where_american_dates_are_out_of_order(read):
    frame = read("Date,Close\n11/01/2012,1\n12/01/2012,2\n01/02/2012,3\n02/02/2012,4\n")
    assert dates(frame) == ["2012-01-11", "2012-01-12", "2012-02-01", "2012-02-02"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"7,380,500"', 7380500),
        ('"$1,234.50"', 1234.5),
        ("$12", 12),
        ("1.2M", 1.2e6),
        ("350.5K", 350500),
        ("1b", 1e9),
        ('"1,23,45,678"', 12345678),
        ("1e3", 1000),
        ("n/a", np.nan),
        ("-", np.nan),
        ("null", np.nan),
        ("", np.nan),
        ("1\u00a0234", 1234),
        ("7 380 500", 7380500),
        ("1.5 M", 1.5e6),
        ("1'234 €", 1234),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_numbers_in_many_styles(read, text, value):
    frame = read(f"Date,Close,Volume\n2012-01-03,1,{text}\n2012-01-04,2,5\n")
    assert frame["volume"].iloc[0] == pytest.approx(value, rel=1e-15, nan_ok=True)
    assert frame["volume"].iloc[1] == 5


PRICES = st.lists(st.floats(0.01, 1e6), min_size=3, max_size=9)
SWAPPED = str.maketrans(",.", ".,")
STYLES = ("{:.2f}", "{:,.2f}", "${:,.2f}", "{:,.0f}", "{:.0f}.", "{:g}")


@given(PRICES, st.lists(st.sampled_from(STYLES), min_size=9, max_size=9), st.booleans())
def test_common_numbers_are_read_as_all_others_are(values, styles, european):
    texts = [style.format(value) for style, value in zip(styles, values, strict=False)]
    if european:
        texts = [text.translate(SWAPPED) for text in texts]
    columns = {"close": pd.Series([*texts, ""], dtype="str")}
    origin = parsing.Origin("a test", decimal_comma=european)
    quick = parsing.parse_numbers(columns, origin)["close"]
    with mock.patch.object(parsing, "_parse_common", return_value=None):
        slow = parsing.parse_numbers(columns, origin)["close"]
    np.testing.assert_array_equal(quick, slow)


@pytest.mark.parametrize("style", parsing.AS_ISO)
def test_padded_dates_are_read_as_all_others_are(style):
    days = pd.date_range("1999-12-25", periods=40)
    texts = pd.Series(days.strftime(style), dtype="str")
    quick = parsing._as_days(texts, style)
    assert list(quick) == list(days)
    wrong = pd.concat([texts, pd.Series(["31/31/2000", "1.1.20"], dtype="str")])
    assert parsing._as_days(wrong, style).isna().sum() == 2


def test_decimal_commas(read):
    frame = read(
        "Date;Open;Close;Volume\n03.01.2012;1.234,5;2.345,678;7.380.500\n"
        "04.01.2012;1.234,5;2.345,678;1.000\n"
    )
    assert frame["open"].tolist() == [1234.5, 1234.5]
    assert frame["close"].tolist() == [2345.678, 2345.678]
    assert frame["volume"].tolist() == [7380500, 1000]


def test_semicolons_settle_what_a_comma_means(read):
    assert read("Date;Close\n2012-01-03;123,456\n")["close"].tolist() == [123.456]
    assert read('Date,Close\n2012-01-03,"123,456"\n')["close"].tolist() == [123456]


def test_numbers_are_read_exactly(read):
    values = [0.1, 1 / 3, 131.360001, 1.7976931348623157e300, 2.490913]
    days = pd.bdate_range("2012-01-03", periods=len(values)).strftime("%Y-%m-%d")
    rows = [f"{day},{value!r}" for day, value in zip(days, values, strict=True)]
    frame = read("\n".join(["date,close", *rows]))
    assert frame["close"].tolist() == values


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separators_line_ends_and_encodings(read, separator, end, encoding):
    lines = ["Date,Close,Café", "2012-01-03,1.5,é", "", "2012-01-04,2.5,é", ",,"]
    text = end.join(lines).replace(",", separator)
    frame = read(text.encode(encoding))
    assert dates(frame) == DAYS
    assert frame["close"].tolist() == [1.5, 2.5]


def test_index_column_and_trailing_separator(read):
    assert dates(read(",Date,Close\n0,2012-01-03,1\n1,2012-01-04,2\n")) == DAYS
    assert dates(read(",Close\n2012-01-03,1\n2012-01-04,2\n")) == DAYS
    assert dates(read("Date,Close\n2012-01-03,1,\n2012-01-04,2,\n")) == DAYS


def test_lines_above_the_header(read):
    text = "Some site, daily\n\nNo warranty\nDate,Close\n2012-01-03,1\n2012-01-04,x\n"
    with pytest.raises(InvalidPrices, match="'x' in column `close`, line 6"):
        read(text)
    assert dates(read(text.replace("x", "2"))) == DAYS


@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=20))
@any_folder
def test_reversed_file_is_the_same(read, values):
    days = pd.bdate_range("2012-01-03", periods=len(values)).strftime("%m/%d/%Y")
    rows = [f"{day},{value}" for day, value in zip(days, values, strict=True)]
    forward = read("\n".join(["Date,Close", *rows]))
    backward = read("\n".join(["Date,Close", *reversed(rows)]))
    pd.testing.assert_frame_equal(forward, backward)


LONG = (
    "date,close,Name\n2012-01-03,1,AAPL\n2012-01-04,2,AAPL\n"
    "2012-01-03,x,NA\n2012-01-03,5,TRUE\n"
)


def test_one_ticker_of_several(read):
    assert read(LONG, "aapl")["close"].tolist() == [1, 2]
    assert read(LONG, "TRUE")["close"].tolist() == [5]
    with pytest.raises(DataError, match="3 tickers in column `Name`: AAPL, NA, TRUE"):
        read(LONG)
    with pytest.raises(SymbolNotFound, match=r"no rows for GOOG.*AAPL, NA, TRUE"):
        read(LONG, "GOOG")
    with pytest.raises(InvalidPrices, match="'x' in column `close`, line 4"):
        read(LONG, "NA")


def test_single_ticker_column(read):
    one = "Symbol,date,close\nAAPL,2012-01-03,1\n"
    assert read(one)["close"].tolist() == [1]
    with pytest.raises(SymbolNotFound, match="GOOG"):
        read(one, "GOOG")
    assert len(read("Name,date,close\nAlphabet Inc.,2012-01-03,1\n", "GOOG")) == 1


YFINANCE = (
    "Price,Close,High,Close,High\nTicker,AAPL,AAPL,GOOG,GOOG\nDate,,,,\n"
    "2012-01-03,1,2,3,4\n2012-01-04,5,6,7,8\n"
)


def test_three_line_header_of_yfinance(read):
    frame = read("Price,Close,Volume\nTicker,GOOG,GOOG\nDate,,\n2012-01-03,1,2\n")
    assert frame["close"].tolist() == [1]
    grouped = "Ticker,GOOG,GOOG\nPrice,Open,Close\nDate,,\n2012-01-03,1,2\n"
    assert read(grouped, "goog")["close"].tolist() == [2]
    assert read(YFINANCE, "GOOG")["close"].tolist() == [3, 7]
    assert read(YFINANCE, "aapl")["high"].tolist() == [2, 6]
    with pytest.raises(DataError, match="2 tickers: AAPL, GOOG"):
        read(YFINANCE)
    with pytest.raises(SymbolNotFound, match="MSFT"):
        read(YFINANCE, "MSFT")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["is empty"]),
        (" \n\n", ["is empty"]),
        ("\u2028\xa0", ["is empty"]),
        ("\n" * 40 + "Date,Close\n2012-01-03,1\n", ["no date column"]),
        ("\ufeff", ["is empty"]),
        ("Date,Close\n", ["no rows"]),
        ("Date,Close\n,\n", ["no rows"]),
        ("when,Close\n2012-01-03,1\n", ["no date column", "when, Close"]),
        ("Date,Level\n2012-01-03,1\n", ["no close column", "Date, Level", "adj_close"]),
        (
            "2012-01-03,1\n2012-01-04,2\n",
            ["no close column", "2012-01-03", "first line"],
        ),
        ("Date,Close,close\n2012-01-03,1,2\n", ["several columns `close`"]),
        ("Date,Close\n2012-01-03,1\nsoon,2\n", ["'soon'", "`Date`", "line 3"]),
        ("Date,Close\n2012-01-03,1\n,2\n", ["empty cell", "`Date`", "line 3"]),
        ("Date,Close\n2012-02-30,1\n", ["'2012-02-30'", "line 2"]),
        ("Date,Close\n2012-01-03,1\n\n2012-01-04,abc\n", ["'abc'", "close", "line 4"]),
        ("Date,Close\n2012-01-03,True\n", ["'True'", "`close`", "line 2"]),
        ('Date,Close\n2012-01-03,"1,2,3"\n', ["'1,2,3'"]),
        ("Date,Close\n2012-01-03,1 2\n", ["'1 2'"]),
        ('Date,Close\n2012-01-03,"5\n6"\n', ["line 2"]),
        ('Date;Close\n2012-01-03;"1,2"\n2012-01-04;1.5\n', ["'1.5'", "line 3"]),
        ("Date,Close\n2012-01-03,1_000\n", ["'1_000'"]),
        ("Date,Volume,Close\n2012-01-03,7,380,500\n", ["line 2", "quotes"]),
        ("Date,Close\n2012-01-03,1\n2012-01-04,1,2\n", ["line 3", "quotes"]),
        ('Date,Close\n2012-01-03,"1\n', ["columns", "quote"]),
        (b"PK\x03\x04\x00\x00", ["not a CSV", "spreadsheet"]),
        (b"\x89PNG\r\n\x1a\n\x00", ["not a CSV"]),
        (b"PAR1 is not enough", ["not a Parquet"]),
    ],
)
def test_what_cannot_be_read(read, content, parts):
    with pytest.raises(InvalidPrices) as caught:
        read(content)
    for part in ["prices.csv", *parts]:
        assert part in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nothing\.csv"):
        read_price_file(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_price_file(tmp_path)
    with pytest.raises(DataError, match="cannot open"):
        read_price_file("a\0b")


@pytest.mark.parametrize("where", ["index", "column", "text", "zone", "unnamed"])
def test_parquet(tmp_path, where):
    index = pd.DatetimeIndex(DAYS, name=None if where == "unnamed" else "Date")
    frame = pd.DataFrame({"Open": [1.0, 2.0], "Close": [3, 4]}, index=index)
    if where in {"column", "text"}:
        frame = frame.reset_index()
    if where == "text":
        frame["Date"] = ["1/3/2012", "1/4/2012"]
    if where == "zone":
        frame.index = frame.index.tz_localize("America/New_York")
    frame.to_parquet(tmp_path / "prices.parquet")
    read = read_price_file(tmp_path / "prices.parquet")
    assert dates(read) == DAYS
    assert read["close"].tolist() == [3.0, 4.0]


def test_parquet_of_yfinance(tmp_path):
    names = pd.MultiIndex.from_product([["Close"], ["AAPL", "GOOG"]])
    index = pd.DatetimeIndex(DAYS, name="Date")
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=index, columns=names)
    frame.to_parquet(tmp_path / "two.parquet")
    assert read_price_file(tmp_path / "two.parquet", "goog")["close"].tolist() == [2, 4]


def test_damaged_parquet(tmp_path):
    path = tmp_path / "prices.parquet"
    index = pd.DatetimeIndex(DAYS, name="Date")
    pd.DataFrame({"Close": [1.0, 2.0]}, index=index).to_parquet(path)
    content = path.read_bytes()
    for damaged in (content[:-20], content[:60] + content[90:], b"Date,Close\n"):
        path.write_bytes(damaged)
        with pytest.raises(InvalidPrices, match=r"prices\.parquet is not a Parquet"):
            read_price_file(path)


def test_text_in_a_parquet_column(tmp_path):
    path = tmp_path / "prices.parquet"
    pd.DataFrame({"date": DAYS, "close": ["1", "x"]}).to_parquet(path)
    with pytest.raises(InvalidPrices, match="'x' in column `close`, row 2"):
        read_price_file(path)


def read_or_refuse(read, content, ticker):
    try:
        frame = read(content, ticker)
    except ForecasterError as error:
        assert "prices.csv" in str(error)
    else:
        assert "close" in frame
        assert frame.index.dtype == "datetime64[us]"


@given(st.binary(max_size=200), st.sampled_from([None, "GOOG"]))
@example(b'"', None)
@example(b"\xff\xfea", None)
@example(b"PAR1", None)
@any_folder
def test_any_bytes_are_read_or_refused(read, content, ticker):
    read_or_refuse(read, content, ticker)


CELLS = st.sampled_from(
    [
        "Date",
        "Close",
        "Price",
        "Ticker",
        "Volume",
        "2012-01-03",
        "1/3/2012",
        "1.5",
        "1,5",
        "",
        '"',
        '""',
        "nan",
        "$",
        "GOOG",
        "1e999",
        "-",
        "é",
        "\u2028",
        "True",
        "99999999999",
    ]
) | st.text(max_size=4)
ROWS = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=5).map("\n".join)


@given(st.sampled_from(["", "Date,Close\n", "Price,Close\nTicker,GOOG\n"]), ROWS)
@settings(any_folder, max_examples=300)
def test_any_table_is_read_or_refused(read, header, rows):
    read_or_refuse(read, (header + rows).encode(), "GOOG")


HOURS = {
    "2012-01-03 09:30": "2012-01-03 10:30",
    "1/3/2012 9:30 AM": "1/3/2012 9:30 PM",
    "2012-01-03T09:30:00-05:00": "2012-01-03T10:30:00-05:00",
    "1325583000": "1325586600",
}


@pytest.mark.parametrize("first", HOURS)
def test_prices_within_the_day_are_refused_with_their_times(read, first):
    rows = "".join(f"{day},1\n" for day in (first, HOURS[first], HOURS[first]))
    with pytest.raises(InvalidPrices) as caught:
        read(f"Date,Close\n{rows}")
    said = str(caught.value)
    assert "prices within the day: those of 2012-01-03 are of " in said
    assert "9:30" in said
    assert "groupby(table.index.date).last()" in said


def test_hours_of_a_frame_are_refused_too_and_the_cure_works():
    hours = pd.date_range("2012-01-03 09:30", periods=40, freq="h")
    table = pd.DataFrame({"close": np.arange(1.0, 41.0)}, index=hours)
    with pytest.raises(InvalidPrices, match=r"of 09:30, 10:30, 11:30, \.\.\."):
        read_price_table(table)
    daily = read_price_table(table.groupby(table.index.date).last())
    assert dates(daily) == [*DAYS, "2012-01-05"]
    assert daily["close"].iloc[0] == 15.0


def test_a_day_that_repeats_at_one_time_is_left_to_the_check(read):
    frame = read("Date,Close\n2012-01-03 16:00,1\n2012-01-03 16:00,2\n")
    assert dates(frame) == [DAYS[0]] * 2


@pytest.mark.parametrize(
    "row", ["2012-01-03,325.25", "1/3/2012;325,25;7", "20120103,$325"]
)
def test_a_file_without_a_header_is_told_so(read, row):
    with pytest.raises(InvalidPrices) as caught:
        read(f"{row}\n{row}\n")
    said = str(caught.value)
    assert "where the names should be, seems to hold prices (" in said
    assert "such as date, open" in said


def test_names_that_are_not_known_are_no_prices(read):
    with pytest.raises(InvalidPrices) as caught:
        read("Jour,Cours 2012\n2012-01-03,1\n")
    assert "its columns are: Jour, Cours 2012. Name them date, " in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        '{"date": ["2012-01-03"], "close": [1]}',
        ' [{"date": "2012-01-03", "close": 1}]',
        '{"date": "2012-01-03", "close": 1}\n{"date": "2012-01-04", "close": 2}\n',
    ],
)
def test_json_is_told_from_csv(read, content):
    with pytest.raises(InvalidPrices, match=r"holds JSON, .* `pandas.read_json`"):
        read(content)


def test_names_in_square_brackets_are_no_json(read):
    assert dates(read("[Date],[Close]\n2012-01-03,1\n2012-01-04,2\n")) == DAYS
