"""`forecaster backtest`: what it prints, keeps, and ends with."""

import json

import pandas as pd
import pytest

from forecaster.data.sources import load_prices

TINY = """
name = "tiny"
[window]
lookback = 5
[[model.layers]]
units = 2
[training]
start = 2016-06-01
epochs = 1
[evaluation]
end = 2017-04-28
baselines = ["last_value", "drift"]
[backtest]
stride = "quarter"
"""
QUANTILES = (
    *("--set", "model.head=quantiles", "--set", "calibration.method=adaptive"),
    *("--set", "target.form=log_return", "--set", "features.scaling=window"),
    *("--set", 'data.tickers=["AAPL","GOOG"]', "--set", 'name="two"'),
    *("--set", 'evaluation.baselines=["last_value","constant_quantiles"]'),
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("settings") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    return tmp_path_factory.mktemp("walks")


@pytest.fixture(scope="module")
def first(command, settings, walks):
    """A walk through a quarter and a month."""
    return command("backtest", settings, "--runs-dir", walks)


def test_the_table_stands_beside_a_verdict(first, walks):
    assert first.exit_code == 0
    lines = first.stdout.splitlines()
    assert lines[0].strip() == "GOOG: 2 folds, 2017-01-03 to 2017-04-28"
    assert lines[2].split() == ["forecast", "RMSE", "ratio", "MAE", "direction"]
    assert [line.split()[0] for line in lines[4:7]] == ["drift", "last", "model"]
    assert "percent of the price at the origin" in first.stdout
    assert "pinball" not in first.stdout
    assert "The model loses to" in first.stdout
    assert lines[-1] == f"kept in: {walks / 'tiny.backtest'}"
    assert first.stderr.splitlines()[-1].startswith(
        "training 2/2, tested 2017-04-03 to 2017-04-28"
    )


def test_json_is_one_document_and_the_folds_are_reused(command, settings, walks, first):
    answer = command(
        "backtest", settings, "--runs-dir", walks, "--json", "--require-skill"
    )
    facts = json.loads(answer.stdout)
    assert answer.exit_code == 11
    assert "error: no skill: The model loses to" in answer.stderr
    assert "tested 2017" not in answer.stderr
    assert facts["n_folds"] == 2
    assert facts["folder"] == str(walks / "tiny.backtest")
    assert facts["verdict"]["sentence"] in first.stdout
    assert facts["lags"]["GOOG"]["sentence"] in first.stdout


def test_no_skill_keeps_everything(command, settings, walks):
    answer = command(
        *("backtest", settings, "--runs-dir", walks, "--require-skill", "--quiet"),
        *("--name", "mine"),
    )
    assert answer.exit_code == 11
    assert answer.stderr.startswith("error: no skill")
    assert "kept in" in answer.stdout
    folder = walks / "mine.backtest"
    assert len(pd.read_parquet(folder / "predictions.parquet")) == 3 * 81
    assert (folder / "fold-2" / "bundle" / "manifest.json").is_file()
    assert json.loads((folder / "backtest.json").read_text())["n_folds"] == 2


def test_quantiles_of_two_tickers_are_calibrated_and_told(command, settings, walks):
    answer = command("backtest", settings, *QUANTILES, "--runs-dir", walks, "--quiet")
    assert answer.exit_code == 0, answer.stderr
    assert answer.stderr == ""
    text = answer.stdout
    assert "AAPL, GOOG: 2 folds" in text
    assert "uncalibrated" in text
    assert "inside 90%" in text
    assert "model on" in text
    assert "its pinball loss is" in text
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert len([line for line in lines if line[0] == "AAPL"]) == 1


def test_other_settings_in_the_same_folder_are_refused(command, settings, walks, first):
    answer = command(
        *("backtest", settings, "--runs-dir", walks, "--set", "training.seed=9"),
    )
    assert answer.exit_code == 2
    assert "training.seed differ" in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere"], 2, "nowhere"),
        (["--set", "backtest.stride=week"], 2, "backtest.stride"),
        (["--set", "backtest.strides=3"], 2, "stride"),
        (["--workers", "0"], 2, "workers"),
        (["--name", "a/b"], 2, "name"),
        (["--set", "evaluation.end=2016-01-01"], 2, "must not be later"),
        (["--set", "evaluation.start=2016-01-01"], 2, "later than training.end"),
        (["--set", "calibration.method=cqr"], 2, "the point head has none"),
        (["--set", "backtest.purge=900"], 3, "in the training range"),
        (["--ticker", "NOSUCH"], 3, "NOSUCH"),
        (["--csv", "nowhere.csv"], 3, "nowhere.csv"),
        (
            [
                *("--set", "evaluation.start=2090-01-01"),
                *("--set", "evaluation.end=2090-12-31"),
            ],
            3,
            "in the test range",
        ),
    ],
)
def test_mistakes_end_in_one_line_and_their_code(
    command, settings, tmp_path, words, code, message
):
    named = [] if words[0] == "nowhere" else [settings]
    answer = command("backtest", *named, *words, "--runs-dir", tmp_path / "walks")
    assert answer.exit_code == code
    assert message in answer.stderr
    assert answer.stdout == ""
    assert not list((tmp_path).glob("walks/*/fold-*"))


def test_an_error_is_a_document_too(command, settings, tmp_path):
    facts = command.json(
        *("backtest", settings, "--set", "backtest.purge=900"),
        *("--runs-dir", tmp_path),
        code=3,
    )
    assert facts["error"] == "NotEnoughHistory"
    assert facts["exit_code"] == 3


def test_tickers_come_from_a_folder_of_files_and_are_explained_by_name(
    command, settings, tmp_path
):
    for ticker, name in (("AAPL", "ONE"), ("NVDA", "TWO")):
        rows = load_prices(ticker).loc["2015":"2017"]
        rows.to_csv(tmp_path / f"{name}.csv")
    tickers = ("--set", 'data.tickers=["ONE","TWO"]', "--set", "data.ticker=ONE")
    words = ("backtest", settings, *QUANTILES, *tickers, "--quiet", "--name", "two")
    answer = command(*words, "--csv", tmp_path, "--runs-dir", tmp_path / "runs")
    assert answer.exit_code == 0, answer.stderr
    assert "ONE, TWO: 2 folds" in answer.stdout
    refused = command(*words, "--csv", tmp_path / "ONE.csv", "--runs-dir", tmp_path)
    assert refused.exit_code == 2
    assert "is no folder" in refused.stderr
    words = ("explain", "two.backtest", "--repeats", "1", "--windows", "2")
    told = command.json(*words, "--runs-dir", tmp_path / "runs")
    assert (tmp_path / "runs" / "two.backtest.explain" / "importance.png").is_file()
    assert told["importance"]


def test_a_direction_is_judged_by_its_brier_score(command, settings, tmp_path):
    words = ("backtest", settings, "--runs-dir", tmp_path, "--quiet", "--trade")
    answer = command(*words, "--set", "model.head=direction")
    assert answer.exit_code == 0, answer.stderr
    assert "its Brier score is" in answer.stdout
    assert "a coin" in answer.stdout
    assert "copy yesterday" not in answer.stdout
