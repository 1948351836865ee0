"""Processes: several write at once, and some are killed while they do."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.ledger import Ledger

ROOT = Path(__file__).parents[2]
N_WRITERS, N_TICKERS, N_ORIGINS = 8, 6, 10
WRITER = """
import random, sys
from datetime import UTC, datetime
import pandas as pd
from forecaster.ledger import Ledger

seed, n_tickers, n_origins = map(int, sys.argv[1:4])
started = datetime(2026, 11, 20, tzinfo=UTC)

def write_all(ledger):
    run = ledger.begin_run("google", "lstm", started=started, version="1")
    days = [f"2020-{n // 28 + 1:02d}-{n % 28 + 1:02d}" for n in range(n_origins + 1)]
    jobs = [(t, n) for t in range(n_tickers) for n in range(n_origins)]
    random.Random(seed).shuffle(jobs)
    n_new = 0
    for first in range(0, len(jobs), 12):
        rows = [
            (f"T{t:03d}", "lstm", days[n], days[n + 1], q / 10, 1, 100.0 + t + q, 99.0)
            + (run,)
            for t, n in jobs[first : first + 12] for q in range(10)
        ]
        columns = "ticker model origin session quantile step value last_price run"
        table = pd.DataFrame(rows, columns=columns.split())
        n_new += ledger.write_all(table)[0] if seed % 2 else ledger.write(table)
    return n_new

print("ready", flush=True)
for line in sys.stdin:
    with Ledger.open(line.strip()) as ledger:
        print(write_all(ledger), flush=True)
"""
CAREFUL = """
import sys
from datetime import UTC, datetime
import pandas as pd
from forecaster.ledger import Ledger

with Ledger.open(sys.argv[1]) as ledger:
    run = ledger.begin_run(
        "google", "lstm", started=datetime(2026, 11, 20, tzinfo=UTC), version="1"
    )
    for t in range(int(sys.argv[2])):
        rows = pd.DataFrame({"quantile": [q / 1000 for q in range(1000)]}).assign(
            ticker=f"T{t:03d}", model="lstm", origin="2020-01-02", step=1,
            session="2020-01-03", value=1.0 + t, last_price=1.0, run=run,
        )
        print(f"T{t:03d}", ledger.write(rows), flush=True)
"""


def start(code, *words):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def writers():
    """Eight processes that have loaded all they need."""
    started = [start(WRITER, seed, N_TICKERS, N_ORIGINS) for seed in range(N_WRITERS)]
    for writer in started:
        assert writer.stdout.readline() == "ready\n"
    yield started
    for writer in started:
        writer.kill()
        writer.communicate()


def test_eight_writers_end_with_exactly_the_expected_rows(place, writers):
    """All create the tables, and write the same rows, each in its order and way."""
    for writer in writers:
        writer.stdin.write(f"{place}\n")
        writer.stdin.flush()
    answers = [writer.stdout.readline() for writer in writers]
    n_rows = N_TICKERS * N_ORIGINS * 10
    assert sum(map(int, answers)) == n_rows
    with Ledger.open(place, create=False) as ledger:
        found = ledger.forecasts()
        assert len(found) == n_rows
        assert not found.duplicated(["ticker", "origin", "quantile"]).any()
        expected = 100 + found["ticker"].str[1:].astype(int) + 10 * found["quantile"]
        assert (found["value"] - expected).abs().max() < 1e-9
        assert len(ledger.runs()) == N_WRITERS
        assert ledger.verify() == ()


def test_a_kill_loses_nothing_that_was_written(place):
    n_tickers = 400
    writer = start(CAREFUL, place, n_tickers)
    seen = [writer.stdout.readline().split() for _ in range(3)]
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    seen += [line.split() for line in rest.splitlines() if len(line.split()) == 2]
    assert writer.returncode == -signal.SIGKILL
    with Ledger.open(place, create=False) as ledger:
        known = ledger.known("lstm")
        # All that was reported is there, and what is there is whole.
        assert {ticker for ticker, _ in seen} <= set(known["ticker"])
        assert len(known) < n_tickers
        assert known["n_rows"].eq(1000).all()
        assert ledger.verify() == ()
    again = start(CAREFUL, place, len(known) + 1)
    answer, _ = again.communicate()
    assert again.returncode == 0
    n_new = [int(line.split()[1]) for line in answer.splitlines()]
    assert n_new == [0] * len(known) + [1000]
