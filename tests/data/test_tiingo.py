import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.history import RAW_COLUMNS
from forecaster.data.remote import open_source
from forecaster.data.retrying import RetryPolicy
from forecaster.data.tiingo import TiingoSource
from forecaster.data.tiingo_replies import read_rows
from forecaster.data.yahoo import YahooSource
from forecaster.errors import (
    BadResponse,
    ConfigError,
    ForecasterError,
    InvalidPrices,
    NoDataInRange,
    RateLimited,
    SourceTimeout,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.support import faults
from tests.support.faketiingo import KEY, FakeTiingo, row
from tests.support.mutations import json_values, mutate

ROWS = [
    row("2020-08-28", 499.23, volume=46_907_479),
    row("2020-08-31", 129.04, volume=225_702_688, split=4.0),
    row("2020-11-06", 118.69, volume=114_457_922, dividend=0.205),
]


@pytest.fixture
def tiingo(monkeypatch):
    monkeypatch.setenv("TIINGO_API_KEY", KEY)
    with FakeTiingo({"aapl": ROWS}) as server:
        yield server


@pytest.fixture
def make_tiingo(tiingo, make_gate):
    def make(*, attempts=4, timeout=5.0, gate=None, **settings):
        return TiingoSource(
            timeout=timeout,
            policy=RetryPolicy(attempts=attempts),
            gate=gate or make_gate("tiingo"),
            **({"address": tiingo.url} | settings),
        )

    return make


def test_rows_are_as_traded(make_tiingo):
    history = make_tiingo().history("aapl", "2020-01-01")
    assert history.ticker == "AAPL"
    assert tuple(history.rows.columns) == RAW_COLUMNS
    assert history.rows.index.dtype == np.dtype("datetime64[us]")
    assert history.rows.index.name == "session"
    assert history.rows["close"].tolist() == [499.23, 129.04, 118.69]
    assert history.rows["split"].tolist() == [1, 4, 1]
    assert history.rows["dividend"].tolist() == [0, 0, 0.205]
    assert history.rows["volume"].iloc[0] == 46_907_479


def test_start_is_passed_on(make_tiingo, tiingo):
    rows = make_tiingo().history("AAPL", "2020-08-31").rows
    assert rows.index[0] == pd.Timestamp("2020-08-31")
    assert tiingo.requests[0].query == {"startDate": "2020-08-31", "format": "json"}


def test_key_is_sent_but_never_shown(make_tiingo, tiingo):
    source = make_tiingo()
    history = source.history("AAPL", "2020-01-01")
    assert tiingo.requests[0].headers["Authorization"] == f"Token {KEY}"
    assert KEY not in json.dumps(history.provenance) + repr(vars(source))
    assert history.provenance["source"] == "tiingo"


def test_netrc_does_not_replace_the_key(make_tiingo, tiingo, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    make_tiingo().history("AAPL", "2020-01-01")
    assert tiingo.requests[0].headers["Authorization"] == f"Token {KEY}"


@pytest.mark.parametrize("key", ["", "  "])
def test_missing_key_says_where_to_get_one(make_tiingo, tiingo, monkeypatch, key):
    monkeypatch.setenv("TIINGO_API_KEY", key)
    with pytest.raises(ConfigError, match=r"tiingo.com/account/api/token.*TIINGO_API_"):
        make_tiingo().history("AAPL", "2020-01-01")
    assert tiingo.requests == []


@pytest.mark.parametrize("key", ["wrong", "two\nlines", "schlüssel"])
def test_wrong_key_is_not_repeated(make_tiingo, clock, monkeypatch, key):
    monkeypatch.setenv("TIINGO_API_KEY", key)
    with pytest.raises(ConfigError, match="TIINGO_API_KEY") as caught:
        make_tiingo().history("AAPL", "2020-01-01")
    assert key not in str(caught.value)
    assert clock.waits == []


FAULTS = {
    "403": (faults.status(403, b"{}"), ConfigError),
    "404": (faults.status(404, b'{"detail":"Not found."}'), SymbolNotFound),
    "429": (faults.status(429, b"{}", Retry_After="9000"), RateLimited),
    "500": (faults.status(500, b"<html/>"), SourceUnavailable),
    "503": (faults.status(503), SourceUnavailable),
    "418": (faults.status(418), BadResponse),
    "redirect": (faults.redirect("http://127.0.0.1:1/elsewhere"), BadResponse),
    "truncated": (faults.truncated(), BadResponse),
    "page": (faults.body(b"<html/>"), BadResponse),
    "object": (faults.body(b'{"detail":"none of your business"}'), BadResponse),
    "deep": (faults.body(b"[" * 100_000), BadResponse),
    "empty list": (faults.body(b"[]"), NoDataInRange),
    "empty row": (faults.body(b"[{}]"), InvalidPrices),
    "numbers": (faults.body(b"[1, 2]"), InvalidPrices),
    "slow": (faults.slow(1.2), SourceTimeout),
    "drip": (faults.drip(3.0), SourceTimeout),
    "reset": (faults.reset(), SourceUnavailable),
    "hang up": (faults.hang_up(), SourceUnavailable),
    "cut off": (faults.cut_off(), SourceUnavailable),
}


@pytest.mark.parametrize("name", FAULTS)
def test_persistent_fault_has_one_clear_error(make_tiingo, make_gate, tiingo, name):
    fault, error = FAULTS[name]
    tiingo.plant("aapl", fault, always=True)
    gate = make_gate("tiingo", now=time.time)
    with pytest.raises(error) as caught:
        make_tiingo(attempts=2, timeout=0.5, gate=gate).history("AAPL", "2020-01-01")
    assert str(caught.value).startswith("AAPL: ")
    assert KEY not in str(caught.value)


def test_transient_faults_are_survived(make_tiingo, tiingo):
    tiingo.plant("aapl", faults.reset(), faults.status(502), faults.truncated())
    assert len(make_tiingo().history("AAPL", "2020-01-01").rows) == 3


def test_unknown_ticker(make_tiingo, clock):
    with pytest.raises(SymbolNotFound, match="ZZZZQ: Tiingo knows no such ticker"):
        make_tiingo().history("ZZZZQ", "2020-01-01")
    assert clock.waits == []


def test_nobody_listens(make_tiingo):
    source = make_tiingo(attempts=1, address="http://127.0.0.1:1")
    with pytest.raises(SourceUnavailable, match="AAPL: cannot reach Tiingo"):
        source.history("AAPL", "2020-01-01")


def test_offline_needs_no_key(make_tiingo, tiingo, monkeypatch):
    monkeypatch.delenv("TIINGO_API_KEY")
    with pytest.raises(SourceUnavailable, match=r"AAPL.*offline mode"):
        make_tiingo(offline=True).history("AAPL", "2020-01-01")
    assert tiingo.requests == []


def test_rows_come_in_order():
    rows = read_rows("AAPL", json.dumps(ROWS[::-1]).encode())
    assert rows.index.is_monotonic_increasing


def test_repeated_session_is_refused():
    with pytest.raises(InvalidPrices, match="AAPL: Tiingo sent 2020-08-28 twice"):
        read_rows("AAPL", json.dumps([ROWS[0], *ROWS]).encode())


@pytest.mark.parametrize("split", [0, -1, None, "4"])
def test_impossible_split_is_refused(split):
    rows = [{**ROWS[0], "splitFactor": split}]
    with pytest.raises(InvalidPrices, match="`splitFactor` of 2020-08-28"):
        read_rows("AAPL", json.dumps(rows).encode())


def judge(body):
    try:
        rows = read_rows("AAPL", body)
    except ForecasterError as error:
        assert str(error).startswith("AAPL: ")
        assert str(error).isprintable()
    else:
        assert rows.index.is_unique
        assert np.isfinite(rows).all().all()


@given(st.binary())
def test_any_bytes(body):
    judge(body)


@given(st.lists(st.tuples(st.integers(0, 10**6), json_values), max_size=4))
def test_any_mutation_of_a_good_reply(steps):
    judge(json.dumps(mutate(ROWS, steps)).encode())


@pytest.mark.parametrize(
    ("name", "kind"), [("yahoo", YahooSource), (" Tiingo ", TiingoSource)]
)
def test_open_source(name, kind):
    source = open_source(name, offline=True)
    assert isinstance(source, kind)
    assert source.name == name.strip().lower()
    assert source.offline


def test_open_source_suggests_a_name():
    with pytest.raises(ConfigError, match=r"'yaho'.*yahoo and tiingo.*mean yahoo\?"):
        open_source("yaho")
    with pytest.raises(ConfigError) as caught:
        open_source("bloomberg")
    assert "Did you mean" not in str(caught.value)
