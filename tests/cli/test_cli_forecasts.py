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
