"""Bad input: each kind has its message, its exit code, and costs nothing."""

import pytest

from forecaster.data.sources import load_prices


@pytest.fixture
def train(command, tiny_toml, tmp_path):
    """Try to train with extra words; nothing may be left behind."""

    def run(*words):
        runs = tmp_path / "runs"
        answer = command("train", tiny_toml, "--runs-dir", runs, "--quiet", *words)
        assert not runs.exists() or list(runs.iterdir()) == []
        assert "Traceback" not in answer.output
        assert answer.stdout == ""
        return answer.exit_code, answer.stderr

    return run


def test_an_unknown_ticker(train):
    code, said = train("--ticker", "GOGG")
    assert code == 3
    assert "no embedded prices for 'GOGG'" in said
    assert "Did you mean GOOG" in said
    assert "--csv FILE" in said


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ("empty",)),
        ("Date,Open,High,Low,Close\n", ("no rows",)),
        ("a,b\n1,2\n", ("date", "a, b")),
        ("Date,Price of tea\n2020-01-02,1\n", ("close", "Price of tea")),
        ("Date,Close\n2020-01-02,dear\n", ("dear", "line 2")),
        ("Date,Close\nsoon,1\n", ("soon",)),
        ("Date,Close\n2020-01-02,1\n2020-01-02,1\n", ("2020-01-02", "several rows")),
        ("Date,Close\n2020-01-02,-1\n2020-01-03,1\n", ("2020-01-02", "-1")),
        ("Date,Close\n2020-01-03,1\n2020-01-04,1\n", ("2020-01-04", "24/7")),
    ],
    ids=[
        *("empty", "header only", "no columns", "no close", "text", "no date"),
        *("duplicate", "negative", "weekend"),
    ],
)
def test_a_file_that_is_unfit(train, tmp_path, content, parts):
    path = tmp_path / "prices.csv"
    path.write_text(content)
    code, said = train("--csv", path)
    assert code == 3
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    for part in parts:
        assert part in said


def test_a_missing_file(train, tmp_path):
    code, said = train("--csv", tmp_path / "gone.csv")
    assert code == 3
    assert "gone.csv" in said


def test_too_few_sessions_for_the_lookback(train, tmp_path):
    path = tmp_path / "short.csv"
    load_prices("GOOG").loc["2016-12-20":"2017-02-01"].to_csv(path)
    code, said = train("--csv", path, "--set", "window.lookback=30")
    assert code == 3
    assert "SHORT: need at least 31 sessions, found 8" in said
    assert "window.lookback" in said


def test_a_test_range_outside_the_data(train):
    code, said = train(
        *("--set", "evaluation.start=2024-01-01", "--set", "evaluation.end=2024-12-31")
    )
    assert code == 3
    assert "test range 2024-01-01 to 2024-12-31" in said
    assert "2004-08-19 to 2023-09-21" in said


def test_a_test_range_shorter_than_the_horizon(train):
    code, said = train(
        "--set", "evaluation.end=2017-01-04", "--set", "window.horizon=5"
    )
    assert code == 3
    assert "need at least 5 sessions in the test range, found 2" in said


def test_a_training_range_outside_the_data(train):
    code, said = train(
        *("--set", "training.start=1990-01-01", "--set", "training.end=1991-01-01")
    )
    assert code == 3
    assert "training range 1990-01-01 to 1991-01-01" in said


def test_an_unknown_setting(train):
    code, said = train("--set", "window.lookbck=3")
    assert code == 2
    assert "did you mean 'lookback'?" in said


def test_a_setting_out_of_range(train):
    code, said = train("--epochs", "0")
    assert code == 2
    assert "training.epochs" in said
    assert "got 0" in said


def test_a_column_that_the_file_lacks(train, tmp_path):
    path = tmp_path / "closes.csv"
    load_prices("GOOG")[["close"]].to_csv(path)
    code, said = train("--csv", path, "--set", "data.target=open")
    assert code == 3
    assert "CLOSES: feature 'open' is no column; the prices have close" in said


def test_an_unknown_calendar(train):
    code, said = train("--set", "data.calendar=XNYC")
    assert code == 2
    assert "XNYS" in said


def test_missing_settings(command):
    answer = command("train", "gogle")
    assert answer.exit_code == 2
    assert "did you mean 'google'?" in answer.stderr


def test_an_unknown_option(command):
    answer = command("train", "--epoch", "3")
    assert answer.exit_code == 2
    assert "--epochs" in answer.stderr


@pytest.mark.parametrize("name", ["evaluate", "predict", "plot"])
def test_a_missing_run(command, runs_dir, name):
    answer = command(name, "tny", "--runs-dir", runs_dir)
    assert answer.exit_code == 4
    assert "no run 'tny'" in answer.stderr
    assert "did you mean 'tiny'?" in answer.stderr


@pytest.mark.parametrize("name", ["evaluate", "predict", "plot"])
def test_no_run_at_all(command, tmp_path, name):
    answer = command(name, "--runs-dir", tmp_path)
    assert answer.exit_code == 4
    assert "forecaster train" in answer.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("manifest.json", "config.toml", "scaler.json", "history.csv"),
        *("model.weights.h5", "model.keras"),
    ],
)
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_bundle(command, copied_run, name, damage):
    path = copied_run / "tiny" / "bundle" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content if damage == "flipped" else content[:-3])
    for words in (("predict",), ("evaluate",), ("runs", "verify")):
        answer = command(*words, "tiny", "--runs-dir", copied_run)
        assert answer.exit_code == 4
        assert name in answer.stderr
        assert "damaged" in answer.stderr
        assert "Traceback" not in answer.output


@pytest.mark.parametrize(
    "name", ["run.json", "predictions.csv", "metrics.json", "history.csv"]
)
def test_a_damaged_table(command, copied_run, name):
    path = copied_run / "tiny" / name
    path.write_bytes(path.read_bytes()[:-5])
    answer = command("runs", "verify", "tiny", "--runs-dir", copied_run)
    assert answer.exit_code == 4
    assert name in answer.stderr


def test_an_error_is_a_document_too(command, runs_dir):
    document = command.json("predict", "tny", "--runs-dir", runs_dir, code=4)
    assert document["error"] == "RunNotFound"
    assert document["exit_code"] == 4
    assert "tny" in document["message"]


def test_a_bug_keeps_its_traceback(command, runs_dir, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("forecaster.runs.list_runs", broken)
    with pytest.raises(ZeroDivisionError):
        command("runs", "list", "--runs-dir", runs_dir)
