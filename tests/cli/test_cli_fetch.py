"""`forecaster fetch` and the store's commands, against a Yahoo on loopback."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from forecaster.cli import console
from forecaster.data.retrying import Gate
from tests.support import faults
from tests.support.fakeyahoo import Listing

EVENING = datetime(2023, 9, 21, 22, tzinfo=UTC)
BEFORE_THE_SPLIT, AFTER_IT = "2020-08-28", "2020-08-31"


@pytest.fixture
def evening(monkeypatch):
    """The evening of the last embedded session."""
    monkeypatch.setattr(console, "now", lambda: EVENING)


@pytest.fixture
def store(yahoo, evening, tmp_path, monkeypatch):
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Waits are told of, and not waited for.
    monkeypatch.setitem(Gate.__init__.__kwdefaults__, "sleep", lambda _: None)
    return tmp_path / "data"


@pytest.fixture
def fetch(command, store):
    def run(*words):
        return command("fetch", *words, "--start", "2022-01-01")

    return run


def test_tickers_are_fetched_once(command, fetch, yahoo):
    answer = fetch("GOOG", "aapl", "GOOG")
    assert answer.exit_code == 0
    assert answer.stdout.count("create") == 2
    n_asked = len(yahoo.requests)
    again = fetch("GOOG", "AAPL")
    assert again.stdout.count("fresh") == 2
    assert again.stderr == ""
    assert len(yahoo.requests) == n_asked
    rows = command.json("data", "list")
    stored = {row["ticker"]: row for row in rows if row["source"] == "yahoo"}
    assert stored["GOOG"]["last"] == "2023-09-21"
    assert stored["AAPL"]["first"] == "2022-01-03"


def test_one_failure_does_not_stop_the_others(fetch):
    answer = fetch("ZZZZQ", "GOOG")
    assert answer.exit_code == 5
    assert "error: ZZZZQ: Yahoo knows no such ticker" in answer.stderr
    assert "create" in answer.stdout
    assert "failed" in answer.stdout


def test_when_all_fail_the_code_is_the_failures(command, store, fetch, yahoo):
    assert fetch("ZZZZQ").exit_code == 3
    yahoo.plant("chart", faults.status(403), always=True)
    answer = fetch("GOOG")
    assert answer.exit_code == 7
    assert "delisted" not in answer.output
    document = command.json("fetch", "GOOG", code=7)
    assert document[0]["event"] == "failed"


def test_an_outage_serves_what_is_stored_and_says_so(
    command, fetch, yahoo, monkeypatch
):
    fetch("GOOG")
    later = EVENING.replace(day=25)
    monkeypatch.setattr(console, "now", lambda: later)
    yahoo.plant("chart", faults.status(403), always=True)
    answer = fetch("GOOG")
    assert answer.exit_code == 7
    assert "stale" in answer.stdout
    assert "HTTP 403" in answer.stderr
    shown = command("data", "show", "GOOG", "--source", "yahoo")
    assert shown.exit_code == 0
    assert "warning: GOOG" in shown.stderr
    assert "2023-09-21" in shown.stdout


def test_a_wait_is_told_with_its_reason(fetch, yahoo):
    yahoo.plant("chart", faults.truncated())
    answer = fetch("GOOG")
    assert answer.exit_code == 0
    (told,) = answer.stderr.splitlines()[:-1]
    assert told.startswith("waiting: GOOG: Yahoo's reply (HTTP 200")
    assert "Next attempt in" in told


def test_offline_asks_nobody(command, store, fetch, yahoo):
    answer = command("fetch", "GOOG", "--offline")
    assert answer.exit_code == 7
    assert yahoo.requests == []
    fetch("GOOG")
    n_asked = len(yahoo.requests)
    answer = command("data", "show", "GOOG", "--source", "yahoo", "--offline")
    assert answer.exit_code == 0
    assert len(yahoo.requests) == n_asked


def test_a_day_before_a_split_knows_nothing_of_it(command, store, yahoo):
    yahoo.listings["AAPL"] = Listing.embedded(
        "AAPL", "2020-01-02", splits={AFTER_IT: (4, 1)}
    )
    show = ("data", "show", "AAPL", "--source", "yahoo")
    now = command.json(*show)
    assert now["source"] == "yahoo"
    then = command(*show, "--as-of", BEFORE_THE_SPLIT)
    assert then.exit_code == 0
    # 28 August 2020 closed at 499.23, and counts as 124.81 since the 4-for-1 split.
    assert "499.23" in then.stdout
    assert "124.80" not in then.stdout


def test_a_network_is_trained_on_fetched_prices(command, store, tiny_toml, tmp_path):
    answer = command(
        *("train", tiny_toml, "--ticker", "AAPL", "--source", "yahoo", "--quiet"),
        *("--runs-dir", tmp_path / "runs"),
        *("--set", "training.start=2022-01-03", "--set", "training.end=2022-12-31"),
        *("--set", "evaluation.start=2023-01-01", "--set", "evaluation.end=2023-06-30"),
    )
    assert answer.exit_code == 0, answer.output
    shown = command.json("runs", "show", "--runs-dir", tmp_path / "runs")
    assert shown["bundle"]["trained_on"]["source"] == "yahoo"
    forecast = command.json("predict", "--runs-dir", tmp_path / "runs", "--offline")
    assert forecast["ticker"] == "AAPL"
    assert forecast["forecast"][0]["session"] == "2023-09-22"


def test_damage_is_found_named_and_survived(command, fetch, store):
    fetch("GOOG")
    assert "1 tickers are as they were written" in command("data", "verify").stdout
    (rows,) = (store / "prices" / "GOOG").glob("*.parquet")
    content = bytearray(rows.read_bytes())
    content[len(content) // 2] ^= 1
    rows.write_bytes(content)
    answer = command("data", "verify")
    assert answer.exit_code == 4
    assert rows.name in answer.stderr
    assert fetch("GOOG").exit_code == 0
    answer = command("data", "verify")
    assert answer.exit_code == 4
    assert f"{rows.name}.damaged: it was set aside" in answer.stderr
    for file in rows.parent.glob("*.damaged"):
        file.unlink()
    assert command("data", "verify").exit_code == 0


def test_versions_are_listed_and_pruned(command, fetch, monkeypatch):
    for day in (18, 19, 20, 21):
        evening = EVENING.replace(day=day)
        monkeypatch.setattr(console, "now", lambda evening=evening: evening)
        fetch("GOOG")
    versions = command.json("data", "history", "GOOG")
    assert [version["last_session"] for version in versions] == [
        f"2023-09-{day}" for day in (21, 20, 19, 18)
    ]
    assert versions[0]["event"] == "append"
    pruned = command.json("data", "prune", "GOOG", "--keep", 2)
    assert pruned["GOOG"] == [versions[2]["sha256"], versions[3]["sha256"]]
    assert len(command.json("data", "history", "GOOG")) == 2


def test_nothing_stored_is_said_so(command, store):
    answer = command("data", "history", "GOOG")
    assert answer.exit_code == 3
    assert "forecaster fetch GOOG" in answer.stderr


def test_an_unknown_source_is_refused(command, store):
    answer = command("fetch", "GOOG", "--source", "yaho")
    assert answer.exit_code == 2
    assert "yahoo" in answer.stderr


def test_a_child_process_needs_nothing_but_its_environment(
    yahoo, certificate, tmp_path
):
    environment = os.environ | {
        "FORECASTER_DATA": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HTTPS_PROXY": yahoo.url,
        "CURL_CA_BUNDLE": str(certificate),
    }
    environment.pop("NO_PROXY", None)
    environment.pop("no_proxy", None)
    answer = subprocess.run(
        [sys.executable, "-m", "forecaster", "fetch", "GOOG", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert answer.returncode == 0, answer.stderr
    assert '"event": "create"' in answer.stdout
    assert "Warning" not in answer.stderr
