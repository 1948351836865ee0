"""`forecaster predict` of several tickers, and forecasts that a ledger keeps."""

import pytest

ASKED = ("--offline", "--as-of", "2016-12-30")


@pytest.fixture
def asked(runs_dir):
    return ("predict", "tiny", "--runs-dir", runs_dir, *ASKED)


def test_several_tickers_have_the_forecasts_that_each_has_alone(command, asked):
    document = command.json(*asked, "--ticker", "GOOG,aapl", "--ticker", "NVDA")
    assert document["failed"] == {}
    tickers = [forecast["ticker"] for forecast in document["forecasts"]]
    assert tickers == ["GOOG", "AAPL", "NVDA"]
    for forecast in document["forecasts"]:
        alone = command.json(*asked, "--ticker", forecast["ticker"])
        assert alone.keys() == forecast.keys()
        price, wanted = (one["forecast"][0]["predicted"] for one in (forecast, alone))
        assert price == pytest.approx(wanted, rel=1e-5)


def test_a_ticker_that_fails_does_not_stop_the_others(command, asked):
    answer = command(*asked, "--ticker", "GOOG,NOTHING,AAPL")
    assert answer.exit_code == 5
    assert "GOOG close" in answer.stdout
    assert "AAPL close" in answer.stdout
    assert "error: NOTHING:" in answer.stderr


def test_recorded_forecasts_are_kept_once(command, asked, tmp_path):
    words = (*asked, "--record", "--ledger", tmp_path / "ledger.db")
    first = command.json(*words, "--ticker", "GOOG,AAPL")
    assert first["recorded"]["n_new"] == 2
    assert first["recorded"]["model"] == "tiny"
    again = command(*words, "--ticker", "GOOG,AAPL")
    assert "up to date" in again.stdout
    alone = command.json(*words)
    assert alone["recorded"]["n_new"] == 0
    shown = command.json("ledger", "show", "--ledger", tmp_path / "ledger.db")
    rows = {row["ticker"]: row for row in shown["forecasts"]}
    assert set(rows) == {"GOOG", "AAPL"}
    assert rows["GOOG"]["origin"] == "2016-12-30"
    assert rows["GOOG"]["session"] == "2017-01-03"


def test_recorded_forecasts_are_scored_when_prices_come(command, runs_dir, tmp_path):
    ledger = ("--ledger", tmp_path / "ledger.db")
    for day in ("2016-12-28", "2016-12-29", "2016-12-30"):
        words = ("predict", "tiny", "--runs-dir", runs_dir, "--offline", "--as-of", day)
        assert command(*words, "--record", *ledger).exit_code == 0
    scored = command.json("score", "--source", "embedded", *ledger)
    (row,) = scored["scores"]
    assert (row["ticker"], row["model"], row["n_origins"]) == ("GOOG", "tiny", 3)
    assert row["rmse_ratio"] > 0


def test_another_forecast_of_the_same_session_is_refused(
    command, asked, tmp_path, tiny_toml
):
    ledger = ("--record", "--ledger", tmp_path / "ledger.db")
    assert command(*asked, *ledger).exit_code == 0
    other = ("train", tiny_toml, "--runs-dir", tmp_path / "runs", "--quiet")
    assert command(*other, "--set", "training.seed=3").exit_code == 0
    words = ("predict", "tiny", "--runs-dir", tmp_path / "runs", *ASKED)
    answer = command(*words, *ledger)
    assert answer.exit_code == 4
    assert "GOOG" in answer.stderr
    assert "Traceback" not in answer.stderr
