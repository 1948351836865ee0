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


def other_run(command, tiny_toml, folder):
    words = ("train", tiny_toml, "--runs-dir", folder, "--quiet")
    assert command(*words, "--set", "training.seed=3").exit_code == 0
    return ("predict", "tiny", "--runs-dir", folder, *ASKED)


def test_a_forecast_that_contradicts_the_ledger_stops_no_other(
    command, asked, tmp_path, tiny_toml
):
    ledger = ("--record", "--ledger", tmp_path / "ledger.db")
    assert command(*asked, *ledger).exit_code == 0
    words = other_run(command, tiny_toml, tmp_path / "runs")
    answer = command(*words, *ledger, "--ticker", "GOOG,AAPL")
    assert answer.exit_code == 5
    assert "error: GOOG: the ledger says otherwise" in answer.stderr
    assert "AAPL close" in answer.stdout
    assert "1 new rows" in answer.stdout
    shown = command.json("ledger", "show", *ledger[1:], "--ticker", "goog,aapl")
    assert {row["ticker"] for row in shown["forecasts"]} == {"GOOG", "AAPL"}


def test_the_same_forecast_by_another_way_changes_nothing(
    command, asked, tmp_path, monkeypatch
):
    ledger = ("--record", "--ledger", tmp_path / "ledger.db")
    assert command.json(*asked, *ledger)["recorded"]["n_new"] == 1
    monkeypatch.setattr("forecaster.bundle.runtime_is_installed", bool)
    again = command.json(*asked, *ledger, "--ticker", "GOOG,AAPL")
    assert again["failed"] == {}
    assert again["recorded"]["n_new"] == 1


def test_a_bundle_is_known_by_the_name_of_its_run(command, runs_dir, tmp_path):
    ledger = ("--record", "--ledger", tmp_path / "ledger.db")
    words = ("predict", runs_dir / "tiny" / "bundle", *ASKED)
    assert command.json(*words, *ledger)["recorded"]["model"] == "tiny"


def test_one_file_for_several_tickers_is_refused(command, asked, tmp_path):
    from forecaster.resources import resource_folder

    file = resource_folder("data") / "GOOG.csv"
    answer = command(*asked, "--ticker", "GOOG,AAPL", "--csv", file)
    assert answer.exit_code == 2
    assert "holds the prices of one ticker" in answer.stderr
    ledger = ("--ledger", tmp_path / "ledger.db")
    assert command(*asked, "--ticker", "GOOG,AAPL", "--record", *ledger).exit_code == 0
    refused = command("score", *ledger, "--csv", file)
    assert refused.exit_code == 2
    assert command("score", *ledger, "--csv", file, "--ticker", "GOOG").exit_code == 0


def test_a_ledger_that_nothing_goes_into_is_refused(command, asked, tmp_path):
    answer = command(*asked, "--ledger", tmp_path / "ledger.db")
    assert answer.exit_code == 2
    assert "--record" in answer.stderr
    assert not (tmp_path / "ledger.db").exists()


def test_a_ledger_that_cannot_be_opened_is_told_first(command, asked, tmp_path):
    (tmp_path / "ledger.db").write_text("no database")
    answer = command(*asked, "--record", "--ledger", tmp_path / "ledger.db")
    assert answer.exit_code == 4
    assert answer.stdout == ""


def test_an_empty_choice_is_told(command, asked, tmp_path):
    ledger = ("--ledger", tmp_path / "ledger.db")
    assert command(*asked, "--record", *ledger).exit_code == 0
    answer = command("ledger", "show", *ledger, "--ticker", "NOTHING")
    assert "holds no such forecasts" in answer.stderr
