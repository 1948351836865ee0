"""`forecaster batch` as a scheduler calls it: codes, logs, signals, and kills."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pandas as pd
import pytest

from forecaster.batch.journal import BarJournal, LineJournal, journal_for
from forecaster.errors import OutputError
from forecaster.ledger import Ledger
from tests.batch.conftest import Desk

WAIT_S = 90.0
N_TICKERS = 200
EVENING = "2020-04-27"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, make_prices, bundle):
    """A universe that takes some seconds, and the rows of an undisturbed run."""
    prices = {
        name: make_prices(80, seed=number, ticker=name)
        for number, name in enumerate(f"T{number:03}" for number in range(N_TICKERS))
    }
    desk = Desk(tmp_path_factory.mktemp("crowd"), prices, bundle)
    desk.universe = {"tickers": [*prices]}
    desk.run(as_of=EVENING, universe=desk.universe)
    return desk


@pytest.fixture
def begin(crowd, tmp_path):
    """Begin `forecaster batch` over the crowd, with a ledger of its own."""
    file = crowd.write_toml(
        universe=crowd.universe,
        ledger={"place": str(tmp_path / "ledger.db"), "score": False},
        outputs={"folder": str(tmp_path / "batches")},
    )
    own = tmp_path / "nightly.toml"
    shutil.copy(file, own)
    begun = []

    def start(*words):
        code = "from forecaster.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "batch", str(own), "--as-of", EVENING, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "FORECASTER_DATA": str(tmp_path / "data")},
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def n_rows(folder):
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(folder / "ledger.db")) as db,
    ):
        return db.execute("select count(*) from forecasts").fetchone()[0]
    return 0


def wait_for_rows(folder, process):
    deadline = time.monotonic() + WAIT_S
    while not n_rows(folder):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ledger_rows(folder):
    with Ledger.open(folder / "ledger.db", create=False) as ledger:
        assert ledger.verify() == ()
        rows, runs = ledger.forecasts(), ledger.runs()
    return rows.drop(columns="run"), [*runs["status"]]


def whole(crowd):
    with Ledger.open(crowd.folder / "ledger.db", create=False) as ledger:
        return ledger.forecasts().drop(columns="run")


def test_sigterm_keeps_what_was_made(begin, crowd, tmp_path):
    process = begin()
    wait_for_rows(tmp_path, process)
    process.terminate()
    _, messages = process.communicate(timeout=WAIT_S)
    assert process.returncode == 143, messages
    assert "Traceback" not in messages
    rows, statuses = ledger_rows(tmp_path)
    assert 0 < len(rows) < N_TICKERS
    assert statuses == ["abandoned"]
    again = begin()
    again.communicate(timeout=WAIT_S)
    assert again.returncode == 0
    rows, statuses = ledger_rows(tmp_path)
    pd.testing.assert_frame_equal(rows, whole(crowd), check_exact=True)
    assert statuses == ["abandoned", "finished"]


def test_kills_at_any_moment_lose_nothing(begin, crowd, tmp_path):
    moments = random.Random(7)
    n_before = 0
    for _ in range(5):
        process = begin()
        time.sleep(moments.uniform(0.5, 4.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # What was committed stays.
        assert n_rows(tmp_path) >= n_before
        n_before = n_rows(tmp_path)
    last = begin()
    _, messages = last.communicate(timeout=WAIT_S)
    assert last.returncode == 0, messages
    rows, statuses = ledger_rows(tmp_path)
    pd.testing.assert_frame_equal(rows, whole(crowd), check_exact=True)
    assert "running" not in statuses


def test_a_second_run_at_the_same_time_ends_with_75(begin, tmp_path):
    first = begin()
    wait_for_rows(tmp_path, first)
    os.killpg(first.pid, signal.SIGSTOP)
    second = begin("--json")
    answer, messages = second.communicate(timeout=WAIT_S)
    assert second.returncode == 75, messages
    assert json.loads(answer)["error"] == "LedgerHeld"
    os.killpg(first.pid, signal.SIGCONT)
    first.communicate(timeout=WAIT_S)
    assert first.returncode == 0


def test_logs_are_lines_of_json(begin, tmp_path):
    process = begin("--json")
    answer, messages = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    document = json.loads(answer)
    assert document["counts"] == {"forecast": N_TICKERS, "known": 0, "failed": 0}
    lines = [json.loads(line) for line in messages.splitlines()]
    assert lines[0]["event"] == "due"
    assert lines[0]["missing"] == N_TICKERS
    assert lines[-1]["event"] == "end"
    assert all(line["level"] and line["time"] for line in lines)


def test_a_disk_that_is_full_loses_nothing(desk, command, monkeypatch):
    from forecaster.batch import outputs

    def full(*_):
        raise OutputError("cannot write forecasts.csv: No space left on device.")

    file = desk.write_toml()
    monkeypatch.setattr(outputs, "_write_table", full)
    answer = command("batch", file, "--as-of", "2020-08-19")
    assert answer.exit_code == 6
    assert "No space left" in answer.stderr
    assert len(desk.rows()) == 4
    monkeypatch.undo()
    again = command("batch", file, "--as-of", "2020-08-19")
    assert again.exit_code == 0
    assert "0 forecast, 4 known" in again.stdout
    assert "forecasts.csv" in again.stdout


def test_the_command_line(desk, command):
    file = desk.write_toml()
    answer = command("batch", file, "--as-of", "2020-08-19")
    assert answer.exit_code == 0
    assert "nightly, tiny, after 2020-08-19: finished" in answer.stdout
    assert "4 forecast, 0 known, 0 failed" in answer.stdout
    again = command("batch", file, "--as-of", "2020-08-19", "--catch-up", "1")
    assert "4 forecast, 4 known, 0 failed" in again.stdout
    assert "after 2020-08-18 to 2020-08-19" in again.stdout


def test_failures_are_shown_at_the_end(desk, command):
    (desk.folder / "prices" / "BBB.csv").unlink()
    answer = command("batch", desk.write_toml(), "--as-of", "2020-08-19")
    assert answer.exit_code == 5
    assert "BBB" in answer.stdout
    assert "SymbolNotFound" in answer.stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("none.toml",), 2, "no such settings file of a batch"),
        (("--workers", "0"), 2, "workers"),
        (("--catch-up", "-1"), 2, "catch-up"),
        (("--as-of", "yesterday"), 2, "yesterday"),
        (("--set", "forecast.horizon=0"), 2, "forecast.horizon"),
        (("--set", "model.bundle=nothing"), 4, "no run 'nothing'"),
        (("--set", "ledger.place=mysql://x/y"), 2, "PostgreSQL"),
        (("--scheduler", "host:1"), 2, "tcp://host:port"),
    ],
)
def test_wrong_words_are_refused(desk, command, words, code, told):
    first = words[0] if words[0].endswith(".toml") else desk.write_toml()
    answer = command("batch", first, *(w for w in words if not w.endswith(".toml")))
    assert answer.exit_code == code
    assert told in " ".join(answer.output.split())


def test_lines_count_by_tenths(tmp_path):
    file = tmp_path / "log"
    with file.open("w") as stream:
        journal = LineJournal(stream)
        with journal.counting("fetch", 50) as advance:
            for _ in range(50):
                advance()
        journal.tell("failed", level="error", ticker="AAA", reason="why")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["done"] for line in lines[:-1]] == [0, *range(5, 51, 5)]
    assert lines[-1]["reason"] == "why"


def test_a_terminal_gets_bars(monkeypatch, capsys):
    class Terminal:
        def isatty(self):
            return True

    assert isinstance(journal_for(Terminal()), BarJournal)
    bars = BarJournal()
    with bars.counting("fetch", 2) as advance:
        advance()
    bars.tell("failed", level="error", ticker="AAA", reason="AAA: [no] prices")
    bars.tell("doubt", reason="nobody should see this")
    shown = capsys.readouterr().err
    assert "error: AAA: [no] prices" in shown
    assert "nobody" not in shown
