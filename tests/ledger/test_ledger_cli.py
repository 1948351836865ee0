"""`forecaster ledger` and `forecaster score`: what a person and a program see."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import typer
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

from forecaster.cli import ledger as commands
from forecaster.data.sources import load_prices
from forecaster.ledger import Ledger

ROOT = Path(__file__).parents[2]
APP = typer.Typer()
APP.add_typer(commands.app, name="ledger")
APP.command("score")(commands.score_command)


def strict_json(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def call(*words, code=0):
    answer = CliRunner().invoke(APP, [str(word) for word in words])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == code, answer.output
    return answer


@pytest.fixture
def place(tmp_path, monkeypatch, begin):
    """A ledger with forecasts of embedded prices, named by the environment."""
    place = tmp_path / "ledger.db"
    monkeypatch.setenv("FORECASTER_LEDGER", str(place))
    with Ledger.open() as ledger:
        run = begin(ledger)
        for ticker in ("GOOG", "AAPL"):
            close = load_prices(ticker)["close"].loc["2016-06-01":].iloc[:41]
            rows = pd.DataFrame(
                {"origin": close.index[:-1], "session": close.index[1:], "step": 1}
            ).assign(ticker=ticker, model="lstm", run=run)
            last = close.to_numpy()[:-1]
            for level, factor in ((0.0, 1.0), (0.1, 0.99), (0.9, 1.01)):
                values = {"quantile": level, "value": last * factor, "last_price": last}
                ledger.write(rows.assign(**values))
    return place


def test_the_newest_forecasts_are_shown(place):
    shown = call("ledger", "show", "--last", 2, "--ticker", "goog").stdout
    assert "AAPL" not in shown
    assert re.search(r"ticker +model +origin +session +step", shown)
    assert re.search(r"predicted +q0\.1 +q0\.9", shown)
    assert len(re.findall(r"GOOG +lstm +2016-07-\d\d", shown)) == 2
    document = strict_json(call("ledger", "show", "--json").stdout)
    assert document["ledger"] == str(place)
    assert [row["ticker"] for row in document["forecasts"]] == ["AAPL", "GOOG"]
    row = document["forecasts"][1]
    assert row["predicted"] == row["last_price"]
    assert row["q0.1"] == row["last_price"] * 0.99
    assert row["actual"] is None
    assert re.fullmatch(r"2016-07-\d\d", row["origin"])


def test_an_empty_answer_is_shown_as_such(place):
    found = strict_json(call("ledger", "show", "--ticker", "MSFT", "--json").stdout)
    assert found["forecasts"] == []
    assert call("ledger", "show", "--model", "none").exit_code == 0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_all_forecasts_are_exported(place, tmp_path, ending):
    file = tmp_path / f"out.{ending}"
    answer = call("ledger", "export", "--out", file, "--json")
    assert strict_json(answer.stdout) == {"file": str(file), "n_rows": 240}
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    found = read(file).astype(dict.fromkeys(("origin", "session"), "datetime64[us]"))
    with Ledger.open(place) as ledger:
        assert_frame_equal(
            found, ledger.forecasts(), check_dtype=False, check_exact=True
        )


def test_an_export_appears_whole_or_not_at_all(place, tmp_path):
    answer = call("ledger", "export", "--out", "/proc/none/out.csv", code=6)
    assert "cannot write" in answer.stderr
    answer = call("ledger", "export", "--out", tmp_path / "out.xlsx", code=2)
    assert "ends in .csv or .parquet" in answer.stderr
    assert [file.name for file in tmp_path.glob("*out*")] == []


def test_verification_ends_with_a_code(place):
    assert "nothing is wrong" in call("ledger", "verify").stdout
    with Ledger.open() as ledger, ledger._write() as connection:
        wrong = (
            "UPDATE forecasts SET value = 1 WHERE quantile = 0.9 AND ticker = 'GOOG'"
        )
        connection.exec_driver_sql(wrong)
    answer = call("ledger", "verify", code=4)
    assert answer.stdout.count("crossing: GOOG lstm 2016-") == 40
    assert "40 problems" in answer.stderr
    document = strict_json(call("ledger", "verify", "--json", code=4).stdout)
    assert len(document["problems"]) == 40


def test_runs_are_listed_with_the_newest_first(place, begin):
    failed = pd.DataFrame({"ticker": ["MSFT", "ORCL"], "origin": "2026-11-20"})
    failed = failed.assign(kind="DataError", reason="no prices", n_attempts=1)
    with Ledger.open() as ledger:
        last = begin(ledger, origin=date(2026, 11, 20), fingerprint="ab12")
        ledger.add_failures(last, failed)
        at = datetime(2026, 11, 20, 22, 31, 30, tzinfo=UTC)
        counts = {"forecast": 498, "failed": 2}
        ledger.finish_run(last, "partly", counts, finished=at)
    shown = call("ledger", "runs").stdout
    row = rf"{last} +google +lstm +2026-11-20 +partly +2026-11-20T22:30:00\+00:00 +90 "
    assert re.search(row + r"+failed 2, forecast 498 +2 *\n", shown)
    assert shown.index("partly") < shown.index("running")
    document = strict_json(call("ledger", "runs", "--json").stdout)
    assert document["ledger"] == str(place)
    newest, oldest = document["runs"]
    assert newest == {
        "id": last,
        "config": "google",
        "model": "lstm",
        "target": "close",
        "version": "1",
        "started": "2026-11-20T22:30:00+00:00",
        "finished": "2026-11-20T22:31:30+00:00",
        "status": "partly",
        "counts": counts,
        "origin": "2026-11-20",
        "fingerprint": "ab12",
        "seconds": 90.0,
        "n_failures": 2,
    }
    assert (oldest["id"], oldest["status"], oldest["n_failures"]) == (1, "running", 0)
    assert oldest["finished"] is oldest["seconds"] is oldest["origin"] is None
    one = strict_json(call("ledger", "runs", "--last", 1, "--json").stdout)["runs"]
    assert one == [newest]
    call("ledger", "runs", "--last", 0, code=2)


def test_a_ledger_without_runs_is_told(tmp_path):
    place = tmp_path / "empty.db"
    Ledger.open(place).close()
    answer = call("ledger", "runs", "--ledger", place, "--json")
    assert "holds no runs" in answer.stderr
    assert strict_json(answer.stdout)["runs"] == []


def test_a_ledger_that_is_not_there_is_told(tmp_path):
    for words in (
        *(("ledger", name) for name in ("show", "runs", "verify")),
        ("score",),
    ):
        missing = tmp_path / "none.db"
        answer = call(*words, "--ledger", missing, "--json", code=4)
        assert "there is no ledger at" in answer.stderr
        assert strict_json(answer.stdout)["error"] == "LedgerError"
    assert list(tmp_path.iterdir()) == []


def test_scores_join_the_prices_that_came(place):
    waiting = strict_json(call("score", "--json").stdout)["scores"]
    assert [row["n_origins"] for row in waiting] == [0, 0]
    document = strict_json(call("score", "--source", "embedded", "--json").stdout)
    assert document["failed"] == {}
    row = document["scores"][1]
    assert (row["ticker"], row["model"], row["n_origins"]) == ("GOOG", "lstm", 40)
    assert row["rmse_ratio"] == 1
    assert row["outcome"] == "ties"
    assert row["drift_since"] is None
    close = load_prices("GOOG")["close"].loc["2016-06-01":].iloc[:41]
    inside = close.pct_change().abs().iloc[1:] <= 0.01
    assert row["coverage_0.8"] == pytest.approx(inside.mean())
    # What was read stays: nothing need be read again.
    shown = call("score", "--ticker", "GOOG").stdout
    assert re.search(
        rf"GOOG +lstm +40 +0 +2016-\S+ +1 .* 80%: {inside.mean():.1%}", shown
    )


def test_a_ticker_without_prices_does_not_stop_the_others(place, tmp_path):
    folder = tmp_path / "prices"
    folder.mkdir()
    load_prices("GOOG").to_csv(folder / "GOOG.csv")
    answer = call("score", "--csv", folder, "--json", code=5)
    assert "warning: " in answer.stderr
    document = strict_json(answer.stdout)
    assert list(document["failed"]) == ["AAPL"]
    assert [row["n_origins"] for row in document["scores"]] == [0, 40]


def test_help_explains_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom forecaster.cli import ledger\n"
        "try:\n    ledger.app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'alembic', 'pandas', 'numpy', 'scipy', 'tensorflow'}\n"
        "print('LOADED', *sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines()[-1] == "LOADED"
    for words in (
        ("ledger", "show"),
        ("ledger", "export"),
        ("ledger", "verify"),
        ("ledger", "runs"),
        ("score",),
    ):
        shown = call(*words, "--help").stdout
        assert f"forecaster {' '.join(words)}" in shown
        assert "--json" in shown
        assert "FORECASTER_LEDGER" in shown
