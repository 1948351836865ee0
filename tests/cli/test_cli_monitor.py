"""`forecaster monitor`: verdicts for people, and an exit code for schedulers."""

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecaster.data.calendar import next_sessions
from forecaster.ledger import Ledger

DATES = ("--start", "2018-01-01", "--end", "2018-06-29")


def test_monitor_prints_the_verdict_with_reasons(command, runs_dir):
    answer = command("monitor", "tiny", "--runs-dir", runs_dir, *DATES)
    assert answer.exit_code == 0
    assert "GOOG close, 2018-01-02 to 2018-06-29" in answer.stdout
    assert "verdict: refit" in answer.stdout
    assert "close is outside the range of training on 100% of days" in answer.stdout
    assert "Train again" in answer.stdout


@pytest.mark.parametrize("fail_on", ["refit", "watch"])
def test_a_scheduler_may_ask_for_an_exit_code(command, runs_dir, fail_on):
    words = ("monitor", "--runs-dir", runs_dir, *DATES, "--fail-on", fail_on)
    document = command.json(*words, code=10)
    assert document["verdict"] == "refit"
    assert document["first_session"] == "2018-01-02"
    assert document["inputs"][0]["outside"] == 1
    assert "the verdict is refit" in command(*words).stderr


def test_monitor_refuses_dates_of_training(command, runs_dir):
    answer = command("monitor", "--runs-dir", runs_dir, "--start", "2016-01-01")
    assert answer.exit_code == 2
    assert "needs sessions after training" in answer.stderr


N_DAYS = 160


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """A ledger with a ticker that is as it was, and one whose errors have risen."""
    place = tmp_path_factory.mktemp("ledger") / "ledger.db"
    random, days = np.random.default_rng(3), next_sessions("2020-01-01", N_DAYS + 1)
    with Ledger.open(place) as opened:
        run = opened.begin_run(
            "tiny", "lstm", started=datetime(2026, 11, 20, tzinfo=UTC), version="1"
        )
        for ticker, wrong in (("AAPL", 0.0), ("GOOG", 0.05)):
            prices = 100 * np.exp(np.cumsum(random.normal(0, 0.01, N_DAYS + 1)))
            off = 1.0005 + wrong * (np.arange(N_DAYS) >= 80)
            values = {0.0: off, 0.05: 0.98, 0.95: 1.02}
            rows = pd.DataFrame(
                {"origin": days[:-1], "session": days[1:], "last_price": prices[:-1]}
            ).assign(ticker=ticker, model="lstm", step=1, run=run)
            for quantile, factor in values.items():
                value = prices[:-1] * factor
                opened.write(rows.assign(quantile=quantile, value=value))
            opened.add_actuals(ticker, pd.DataFrame({"close": prices}, index=days))
        rows = rows.tail(1).assign(ticker="MSFT", quantile=0.0, value=1.0)
        opened.write(rows)  # nobody knows its prices
    return place


def test_a_ledger_gives_each_model_and_ticker_a_verdict(command, ledger):
    answer = command("monitor", "--ledger", ledger)
    assert answer.exit_code == 0, answer.output
    shown = answer.stdout
    assert re.search(r"lstm +2 +160 +\S+ +\S+ to \S+ +\S+ +loses .* +watch", shown)
    assert re.search(r"GOOG +lstm +160 +2020-\S+ .* 90%: \d+\.\d% +refit", shown)
    assert re.search(r"AAPL +lstm +160 +2020-\S+ .* 90%: \d+\.\d% +ok", shown)
    assert re.search(r"MSFT +lstm +0 +ok", shown)
    assert shown.index("GOOG") < shown.index("AAPL")  # the worst first
    assert "- GOOG lstm: The errors have risen for good" in shown
    assert "- MSFT lstm: 0 origins are scored: too few to tell." in shown
    assert shown.rstrip().endswith("verdict: refit")


def test_a_program_reads_the_verdicts_of_a_ledger(command, ledger):
    document = command.json("monitor", "--ledger", ledger)
    assert document["ledger"] == str(ledger)
    assert document["verdict"] == "refit"
    (model,) = document["models"]
    assert (model["model"], model["n_tickers"], model["n_origins"]) == ("lstm", 2, 160)
    assert (model["n_ok"], model["n_watch"], model["n_refit"]) == (2, 0, 1)
    assert model["rmse_ratio_low"] < model["rmse_ratio"] < model["rmse_ratio_high"]
    found = {row["ticker"]: row for row in document["tickers"]}
    states = {ticker: row["state"] for ticker, row in found.items()}
    assert states == {"AAPL": "ok", "GOOG": "refit", "MSFT": "ok"}
    assert "have risen" in found["GOOG"]["reasons"][0]
    assert found["MSFT"]["rmse_ratio"] is None
    assert found["GOOG"]["drift_p_adjusted"] < 0.05 <= found["AAPL"]["p_adjusted"]


def test_a_scheduler_may_ask_a_ledger_for_an_exit_code(command, ledger):
    words = ("monitor", "--ledger", ledger, "--model", "lstm")
    assert command.json(*words, "--fail-on", "refit", code=10)["verdict"] == "refit"
    answer = command(*words, "--fail-on", "refit")
    assert f"{ledger}: the verdict is refit" in answer.stderr
    alone = (*words, "--ticker", "aapl, MSFT", "--fail-on", "refit")
    found = command.json(*alone)
    assert [row["ticker"] for row in found["tickers"]] == ["AAPL", "MSFT"]
    assert all(row["state"] == "ok" for row in found["tickers"])


def test_a_ledger_whose_prices_nobody_read_says_so(command, ledger):
    answer = command("monitor", "--ledger", ledger, "--ticker", "MSFT")
    assert answer.exit_code == 0
    assert "forecaster score --source NAME" in answer.stderr
    assert "verdict: ok" in answer.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("tiny",), 2, "RUN cannot be given with it"),
        (("--end", "2020-01-01", "--offline"), 2, "--end, --offline cannot be"),
        (("--model", "gru"), 3, "no forecasts of the model gru. It knows lstm."),
        (("--ticker", "GOOG,ORCL"), 3, "holds no forecasts of ORCL"),
        (("--ticker", "no ticker"), 3, "cannot be a ticker"),
    ],
)
def test_a_wrong_question_of_a_ledger_is_refused(command, ledger, words, code, message):
    document = command.json("monitor", "--ledger", ledger, *words, code=code)
    assert message in document["message"]


def test_a_model_is_one_of_a_ledger(command, tmp_path):
    answer = command("monitor", "--model", "lstm")
    assert answer.exit_code == 2
    assert "no --ledger is given" in answer.stderr
    answer = command("monitor", "--ledger", tmp_path / "none.db")
    assert answer.exit_code == 4
    assert "there is no ledger at" in answer.stderr
    Ledger.open(tmp_path / "empty.db").close()
    answer = command("monitor", "--ledger", tmp_path / "empty.db")
    assert answer.exit_code == 3
    assert "holds no forecasts" in answer.stderr
