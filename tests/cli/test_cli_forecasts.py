"""`forecaster evaluate`, `predict` and `plot` on a finished run."""

import json

import pandas as pd
import pytest

from forecaster.data.sources import load_prices


def test_predict_names_real_sessions(command, runs_dir):
    words = ("predict", "tiny", "--as-of", "2017-12-29", "--horizon", 3)
    document = command.json(*words, "--runs-dir", runs_dir)
    assert document["origin"] == "2017-12-29"
    sessions = [row["session"] for row in document["forecast"]]
    assert sessions == ["2018-01-02", "2018-01-03", "2018-01-04"]
    answer = command(*words, "--runs-dir", runs_dir)
    assert answer.exit_code == 0
    for session in sessions:
        assert session in answer.stdout


def test_predict_warns_where_the_price_is_far_from_training(command, runs_dir):
    answer = command("predict", "--runs-dir", runs_dir)
    assert answer.exit_code == 0
    assert "warning: GOOG: recent close" in answer.stderr
    assert "2023-09-22" in answer.stdout


def test_predict_takes_another_ticker_and_a_file(command, runs_dir, tmp_path):
    asked = ("predict", "tiny", "--runs-dir", runs_dir, "--as-of", "2012-06-01")
    apple = command.json(*asked, "--ticker", "aapl")
    assert apple["ticker"] == "AAPL"
    path = tmp_path / "AAPL.parquet"
    load_prices("AAPL").to_parquet(path)
    from_file = command.json(*asked, "--csv", path)
    assert from_file["forecast"] == apple["forecast"]


def test_a_run_is_found_by_name_by_folder_and_by_bundle(command, runs_dir):
    end = ("--as-of", "2016-12-30")
    answers = [
        command.json("predict", "tiny", "--runs-dir", runs_dir, *end),
        command.json("predict", runs_dir / "tiny", *end),
        command.json("predict", runs_dir / "tiny" / "bundle", *end),
        command.json("predict", "--runs-dir", runs_dir, *end),
    ]
    assert all(answer == answers[0] for answer in answers)


def test_evaluate_repeats_the_scores_of_the_run(command, runs_dir):
    scores = command.json("evaluate", "tiny", "--runs-dir", runs_dir)
    metrics = json.loads((runs_dir / "tiny" / "metrics.json").read_text())
    assert scores == metrics


def test_evaluate_takes_a_range_and_writes_its_tables(command, runs_dir, tmp_path):
    answer = command(
        *("evaluate", "tiny", "--runs-dir", runs_dir, "--out", tmp_path / "out"),
        *("--start", "2018-01-01", "--end", "2018-01-31"),
    )
    assert answer.exit_code == 0
    assert "2018-01-02 to 2018-01-31, 21 forecasts" in answer.stdout
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 21
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["n_forecasts"] == 21


def test_evaluate_warns_on_training_dates(command, runs_dir):
    words = ("--start", "2016-07-01", "--end", "2016-08-01")
    answer = command("evaluate", "--runs-dir", runs_dir, *words)
    assert answer.exit_code == 0
    assert "flatter the model" in answer.stderr


@pytest.mark.parametrize("name", ["start", "end"])
def test_evaluate_refuses_what_is_no_date(command, runs_dir, name):
    answer = command("evaluate", "--runs-dir", runs_dir, f"--{name}", "2018-13-01")
    assert answer.exit_code == 2
    assert "2018-13-01" in answer.stderr


def test_plot_draws_the_same_pictures_again(command, copied_run, tmp_path):
    folder = copied_run / "tiny"
    before = (folder / "loss.png").read_bytes()
    (folder / "loss.png").unlink()
    answer = command("plot", "tiny", "--runs-dir", copied_run)
    assert answer.stdout.split() == [
        str(folder / "predicted-vs-real.png"),
        str(folder / "loss.png"),
    ]
    assert (folder / "loss.png").read_bytes() == before
    elsewhere = command.json("plot", "--runs-dir", copied_run, "--out", tmp_path / "x")
    assert elsewhere["pictures"][0] == str(tmp_path / "x" / "predicted-vs-real.png")
    assert (tmp_path / "x" / "loss.png").is_file()


def test_a_start_alone_reaches_to_the_end_of_the_prices(command, runs_dir):
    document = command.json("evaluate", "--runs-dir", runs_dir, "--start", "2018-01-01")
    assert document["first_session"] == "2018-01-02"
    assert document["last_session"] == "2023-09-21"


def test_a_range_that_ends_before_it_begins_is_refused(command, runs_dir):
    words = ("--start", "2018-02-01", "--end", "2018-01-01")
    answer = command("evaluate", "--runs-dir", runs_dir, *words)
    assert answer.exit_code == 2
    assert "begins on 2018-02-01 and ends before, on 2018-01-01" in answer.stderr


def test_a_date_that_the_prices_do_not_reach_is_told(command, runs_dir):
    answer = command("predict", "--runs-dir", runs_dir, "--as-of", "2030-01-01")
    assert answer.exit_code == 0
    assert "the prices end on 2023-09-21, before 2030-01-01" in answer.stderr


def test_a_horizon_beyond_all_measure_is_refused(command, runs_dir):
    answer = command("predict", "--runs-dir", runs_dir, "--horizon", "100000")
    assert answer.exit_code == 2
    assert "at most 250, got 100000" in answer.stderr


@pytest.mark.parametrize("how", ["--csv", "--set"])
def test_a_runs_file_answers_for_its_own_ticker_alone(
    command, tiny_toml, tmp_path, monkeypatch, how
):
    monkeypatch.chdir(tmp_path)
    load_prices("AAPL").to_csv(tmp_path / "mine.csv")
    words = ("--csv", "mine.csv") if how == "--csv" else ("--set", "data.path=mine.csv")
    run = command.json("train", tiny_toml, *words, "--runs-dir", "runs")
    assert run["evaluation"]["ticker"] == "MINE"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    asked = ("predict", "--runs-dir", tmp_path / "runs", "--as-of", "2017-12-29")
    mine, google = command.json(*asked), command.json(*asked, "--ticker", "GOOG")
    assert (mine["ticker"], google["ticker"]) == ("MINE", "GOOG")
    close = {
        name: load_prices(name)["close"]["2017-12-29"] for name in ("AAPL", "GOOG")
    }
    assert mine["last_price"] == pytest.approx(close["AAPL"])
    assert google["last_price"] == pytest.approx(close["GOOG"])


def test_a_settings_file_names_prices_that_lie_beside_it(command, tiny_toml, tmp_path):
    load_prices("AAPL").to_csv(tmp_path / "mine.csv")
    settings = tmp_path / "mine.toml"
    beside = '\n[data]\nticker = "MINE"\npath = "mine.csv"\n'
    settings.write_text(
        tiny_toml.read_text().replace("\n[window]", f"{beside}\n[window]")
    )
    run = command.json("train", settings, "--runs-dir", tmp_path / "runs")
    assert run["evaluation"]["ticker"] == "MINE"
