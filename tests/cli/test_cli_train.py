"""`forecaster train`: what it leaves, what it says, and what it refuses."""

import errno
import json
import os

import pandas as pd
import pytest

from forecaster.data.sources import load_prices

FILES = {
    "bundle",
    "history.csv",
    "loss.png",
    "metrics.json",
    "predicted-vs-real.png",
    "predictions.csv",
    "run.json",
}
BASELINES = ("last_value", "drift", "historical_mean", "moving_average")


def test_a_run_folder_holds_everything(runs_dir):
    assert {path.name for path in (runs_dir / "tiny").iterdir()} == FILES
    assert [path.name for path in runs_dir.iterdir()] == ["tiny"]
    predictions = pd.read_csv(runs_dir / "tiny" / "predictions.csv")
    assert predictions.columns.tolist() == [
        *("origin", "session", "step", "actual", "predicted", *BASELINES)
    ]
    assert len(predictions) == 251
    close = load_prices("GOOG")["close"].loc["2017"]
    assert predictions["actual"].tolist() == pytest.approx(close.tolist())
    metrics = json.loads((runs_dir / "tiny" / "metrics.json").read_text())
    assert set(metrics["scores"]) == {"model", *BASELINES}
    assert metrics["verdict"]["against"] in BASELINES
    for picture in ("predicted-vs-real.png", "loss.png"):
        content = (runs_dir / "tiny" / picture).read_bytes()
        assert content.startswith(b"\x89PNG")


def test_the_table_the_verdict_and_the_paths_are_printed(command, tiny_toml, tmp_path):
    answer = command("train", tiny_toml, "--runs-dir", tmp_path, "--quiet")
    assert answer.exit_code == 0
    for word in ("RMSE", "MAE", "MAPE", "MASE", "direction", "last value", "drift"):
        assert word in answer.stdout
    assert "The model loses to the best baseline, " in answer.stdout
    assert "Diebold-Mariano p < 0.001" in answer.stdout
    assert "align best with the actual prices" in answer.stdout
    assert f"{tmp_path / 'tiny' / 'predicted-vs-real.png'}" in answer.stdout
    assert f"{tmp_path / 'tiny' / 'bundle'}" in answer.stdout
    assert answer.stderr == ""


def test_progress_goes_to_stderr_with_the_time_left(command, tiny_toml, tmp_path):
    answer = command("train", tiny_toml, "--runs-dir", tmp_path, "--epochs", 2)
    assert "epoch 2/2, loss" in answer.stderr
    assert "s left" in answer.stderr
    assert "epoch" not in answer.stdout


def test_json_is_one_document(command, tiny_toml, tmp_path):
    document = command.json("train", tiny_toml, "--runs-dir", tmp_path)
    assert document["run"] == str(tmp_path / "tiny")
    assert document["epochs"] == 1
    assert document["evaluation"]["n_forecasts"] == 251


def test_a_second_run_takes_the_next_name(command, tiny_toml, copied_run):
    command("train", tiny_toml, "--runs-dir", copied_run, "--quiet")
    assert {path.name for path in copied_run.iterdir()} == {"tiny", "tiny-2"}


def test_an_exact_name_is_never_taken_twice(command, tiny_toml, copied_run):
    words = ("train", tiny_toml, "--runs-dir", copied_run, "--name", "tiny", "--quiet")
    before = (copied_run / "tiny" / "run.json").read_bytes()
    answer = command(*words)
    assert answer.exit_code == 6
    assert "exists. Choose another `--name`" in answer.stderr
    assert (copied_run / "tiny" / "run.json").read_bytes() == before
    assert command(*words, "--overwrite", "--seed", 5).exit_code == 0
    assert (copied_run / "tiny" / "run.json").read_bytes() != before
    assert [path.name for path in copied_run.iterdir()] == ["tiny"]


def test_the_open_can_be_forecast(command, tiny_toml, tmp_path):
    document = command.json(
        "train", tiny_toml, "--runs-dir", tmp_path, "--set", "data.target=open"
    )
    assert document["evaluation"]["target"] == "open"


def test_a_users_file_names_its_own_prices(command, tiny_toml, tmp_path):
    path = tmp_path / "my prices.csv"
    load_prices("AAPL").to_csv(path)
    document = command.json(
        "train", tiny_toml, "--csv", path, "--runs-dir", tmp_path / "runs"
    )
    assert document["evaluation"]["ticker"] == "MY-PRICES"
    assert document["evaluation"]["n_forecasts"] == 251
    again = command.json("predict", "--runs-dir", tmp_path / "runs")
    assert again["ticker"] == "MY-PRICES"


def test_a_folder_that_cannot_be_is_named(command, tiny_toml, tmp_path):
    (tmp_path / "file").write_text("mine")
    answer = command("train", tiny_toml, "--runs-dir", tmp_path / "file" / "runs")
    assert answer.exit_code == 6
    assert "error: cannot write" in answer.stderr
    assert "choose a folder that you may write" in answer.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_is_named_and_leaves_no_half_run(
    command, tiny_toml, tmp_path, monkeypatch
):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = command("train", tiny_toml, "--runs-dir", tmp_path / "runs", "--quiet")
    assert answer.exit_code == 6
    assert "No space left on device" in answer.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_resume_and_overwrite_exclude_each_other(command, tiny_toml):
    answer = command("train", tiny_toml, "--resume", "--overwrite")
    assert answer.exit_code == 2
    assert "exclude each other" in answer.stderr


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("prices.csv", "`forecaster train own-close --csv prices.csv`"),
        ("epochs=3", "what is meant by epochs=3?"),
    ],
)
def test_words_behind_the_settings_are_led_to_an_option(command, word, said):
    answer = command("train", "own-close", word)
    assert answer.exit_code == 2
    assert said in " ".join(answer.stderr.replace("│", " ").split())


@pytest.mark.parametrize("note", ["goes on with `--resume`", "starts anew"])
def test_a_stopped_training_is_told_what_is_kept(
    command, tiny_toml, tmp_path, monkeypatch, note
):
    def stop(*_, **__):
        stopped = KeyboardInterrupt()
        stopped.add_note(note)
        raise stopped

    monkeypatch.setattr("forecaster.jobs.run_training", stop)
    answer = command("train", tiny_toml, "--runs-dir", tmp_path)
    assert answer.exit_code == 130
    assert f"stopped. {note}" in answer.stderr


def test_resuming_nothing_is_told(command, tiny_toml, tmp_path):
    answer = command("train", tiny_toml, "--runs-dir", tmp_path, "--resume", "--quiet")
    assert answer.exit_code == 0
    assert "warning: there is nothing to resume" in answer.stderr


def test_an_unfinished_run_is_not_forgotten(command, tiny_toml, tmp_path):
    (tmp_path / ".other.partial").mkdir()
    answer = command("train", tiny_toml, "--runs-dir", tmp_path, "--quiet")
    assert "unfinished or at work: other" in answer.stderr
    assert "--resume --name NAME" in answer.stderr


def test_a_gap_in_an_input_is_named_before_any_training(command, tiny_toml, tmp_path):
    prices = load_prices("GOOG")
    prices.loc["2016-08-01", "volume"] = float("nan")
    prices.to_csv(tmp_path / "gap.csv")
    answer = command(
        *("train", tiny_toml, "--csv", tmp_path / "gap.csv", "--quiet"),
        *("--set", "features.columns=['close', 'volume']"),
        *("--runs-dir", tmp_path / "runs"),
    )
    assert answer.exit_code == 3
    assert "GAP: volume has no value on 2016-08-01" in answer.stderr
    assert not (tmp_path / "runs").exists()
