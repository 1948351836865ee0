"""Backtesting: a walk in a folder loses no finished fold, whatever stops it."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pandas as pd
import pytest

from forecaster import backtesting
from forecaster.backtesting import LOCK, run_backtest, walk_forward
from forecaster.errors import (
    BundleError,
    ConfigError,
    DataError,
    OutputError,
    RunLocked,
)

WAIT_S = 120
QUANTILES = {"model__head": "quantiles", "model__quantiles": (0.1, 0.5, 0.9)}
FILES = {"request.json", "lock", "predictions.parquet", "scores.csv", "backtest.json"}
PICTURES = {"advantage.png"}  # drawn by the command
SETTINGS = """
name = "tiny"
[window]
lookback = 5
[[model.layers]]
units = 2
[training]
start = 2016-06-01
epochs = 1
[evaluation]
baselines = ["last_value", "drift"]
[backtest]
stride = "quarter"
"""


@pytest.fixture(scope="module")
def prices(make_prices):
    return make_prices(90)


@pytest.fixture(scope="module")
def config(tiny_config):
    def make(**changes):
        return tiny_config(
            training__epochs=1,
            evaluation__end="2020-04-20",
            backtest={"stride": 8},
            **{**QUANTILES, **changes},
        )

    return make


@pytest.fixture(scope="module")
def finished(prices, config, tmp_path_factory):
    """A finished test of two folds; nobody changes it."""
    folder = tmp_path_factory.mktemp("walks") / "tiny.backtest"
    return run_backtest(prices, config(), folder=folder, progress=False), folder


@pytest.fixture
def copied(finished, tmp_path):
    import shutil

    return shutil.copytree(finished[1], tmp_path / "tiny.backtest")


@pytest.fixture
def walked(monkeypatch):
    """The numbers of the folds that are walked through again."""
    numbers, walk = [], backtesting.walk

    def noted(task):
        numbers.append(task.folds[0].number)
        return walk(task)

    monkeypatch.setattr(backtesting, "walk", noted)
    return numbers


def test_all_files_are_whole_and_nothing_else_is_left(finished):
    backtest, folder = finished
    assert {path.name for path in folder.iterdir()} == {*FILES, "fold-1", "fold-2"}
    kept = pd.read_parquet(folder / "predictions.parquet")
    pd.testing.assert_frame_equal(kept, backtest.frame)
    facts = json.loads((folder / "backtest.json").read_text())
    assert facts == json.loads(json.dumps(backtest.to_dict()))
    scores = pd.read_csv(folder / "scores.csv", index_col=["ticker", "model"])
    assert scores["rmse"].to_numpy() == pytest.approx(
        backtest.by("ticker")["rmse"].to_numpy()
    )
    request = json.loads((folder / "request.json").read_text())
    assert request["backtest.warm_start"] is False
    assert request["training.epochs"] == 1
    assert list(request["prices"]) == ["TEST"]


def test_with_a_folder_and_without_the_forecasts_are_the_same(finished, prices, config):
    frame = walk_forward(prices, config(), progress=False)
    pd.testing.assert_frame_equal(frame, finished[0].frame, check_exact=True)


def test_a_finished_fold_is_not_walked_again(finished, copied, prices, config, walked):
    for path in (copied / "fold-2", copied):
        for name in ("predictions.parquet", *(["backtest.json"] * (path == copied))):
            (path / name).unlink()
    import shutil

    shutil.rmtree(copied / "fold-2")
    (copied / ".fold-2.half").mkdir()
    backtest = run_backtest(prices, config(), folder=copied, progress=False)
    assert walked == [2]
    pd.testing.assert_frame_equal(backtest.frame, finished[0].frame, check_exact=True)
    assert {path.name for path in copied.iterdir()} == {*FILES, "fold-1", "fold-2"}


def test_another_calibration_reuses_the_folds(finished, copied, prices, config, walked):
    settings = config(calibration__method="adaptive")
    backtest = run_backtest(prices, settings, folder=copied, progress=False)
    assert walked == []
    assert "uncalibrated" in backtest.scores.index
    raw = backtest.frame[backtest.frame["model"] == "uncalibrated"]
    first = finished[0].frame
    names = ["q0.1", "q0.5", "q0.9"]
    assert (
        raw[names].to_numpy().tolist()
        == first.loc[first["model"] == "model", names].to_numpy().tolist()
    )


def test_other_settings_or_prices_are_refused_by_name(copied, prices, config, walked):
    settings = config(training__seed=5, window__lookback=3)
    with pytest.raises(
        ConfigError, match=r"window\.lookback, training\.seed differ\. Give this one"
    ):
        walk_forward(prices, settings, folder=copied)
    other = prices.copy()
    other.loc["2020-04-20", "close"] *= 1.0001
    with pytest.raises(ConfigError, match=r"begun with other .*: prices differ"):
        walk_forward(other, config(), folder=copied)
    other = prices.copy()
    other.loc["2020-04-21":, "close"] *= 2  # after the test
    walk_forward(other, config(name="renamed"), folder=copied, progress=False)
    assert walked == []


def test_a_folder_in_use_is_locked(copied, prices, config):
    with (
        filelock.FileLock(copied / LOCK),
        pytest.raises(RunLocked, match="another process is at work") as refused,
    ):
        walk_forward(prices, config(), folder=copied)
    assert refused.value.exit_code == 75


def test_a_damaged_fold_is_told_with_a_cure(copied, prices, config):
    file = copied / "fold-1" / "predictions.parquet"
    content = file.read_bytes()
    middle = bytes(byte ^ 0xFF for byte in content[200:260])
    for damaged in (
        b"",
        content[:-20],
        b"x" * len(content),
        content[:200] + middle + content[260:],
    ):
        file.write_bytes(damaged)
        with pytest.raises(BundleError, match=r"cannot be read .*Delete .*fold-1") as e:
            run_backtest(prices, config(), folder=copied, progress=False)
        assert e.value.exit_code == 4
    file.unlink()
    with pytest.raises(BundleError, match=r"Delete .*fold-1"):
        run_backtest(prices, config(), folder=copied, progress=False)
    pd.DataFrame({"a": [1]}).to_parquet(file)
    with pytest.raises(BundleError, match=r"Delete .*fold-1"):
        run_backtest(prices, config(), folder=copied, progress=False)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3"])
def test_a_damaged_request_is_told(copied, prices, config, text):
    (copied / "request.json").write_text(text)
    with pytest.raises(BundleError, match=r"request\.json is damaged"):
        walk_forward(prices, config(), folder=copied)


def test_a_full_disk_loses_no_finished_fold(
    finished, prices, config, tmp_path, monkeypatch, walked
):
    folder, write = tmp_path / "tiny.backtest", pd.DataFrame.to_parquet

    def full(frame, path, **options):
        if "fold-2" in str(path):
            write(frame.head(1), path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(frame, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OutputError, match="fold-2: No space left on device"):
            run_backtest(prices, config(), folder=folder, progress=False)
    assert {path.name for path in folder.iterdir()} == {
        *("fold-1", "lock", "request.json")
    }
    backtest = run_backtest(prices, config(), folder=folder, progress=False)
    assert walked == [1, 2, 2]
    pd.testing.assert_frame_equal(backtest.frame, finished[0].frame, check_exact=True)


def test_results_that_cannot_be_written_leave_the_old_ones(
    copied, prices, config, monkeypatch
):
    before = (copied / "predictions.parquet").read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("forecaster.atomic.os.fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            run_backtest(prices, config(), folder=copied, progress=False)
    assert (copied / "predictions.parquet").read_bytes() == before
    assert {path.name for path in copied.iterdir()} == {*FILES, "fold-1", "fold-2"}


def words(folder, *more):
    return [
        *(sys.executable, "-m", "forecaster", "backtest", str(folder / "tiny.toml")),
        *("--runs-dir", str(folder / "runs"), *more),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A walk through Google in two processes, and how it was told."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(SETTINGS)
    answer = subprocess.run(
        words(folder, "--workers", "2"), check=True, capture_output=True, text=True
    )
    return folder / "runs" / "tiny.backtest", answer


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_walk_goes_on_to_the_same_result_with_any_number_of_workers(
    whole, tmp_path, how
):
    (tmp_path / "tiny.toml").write_text(SETTINGS)
    folder = tmp_path / "runs" / "tiny.backtest"
    child = subprocess.Popen(
        words(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + WAIT_S
    while not (folder / "fold-1").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, how)
    out, err = child.communicate(timeout=WAIT_S)
    assert out == ""
    assert not (folder / "fold-4").exists()
    if how == signal.SIGINT:
        assert child.returncode == 130
        assert "Finished folds are kept: the same command goes on" in err
        assert "Traceback" not in err
        assert not list(folder.glob(".fold-*"))
    answer = subprocess.run(words(tmp_path), check=True, capture_output=True, text=True)
    assert answer.stdout.replace(str(folder), str(whole[0])) == whole[1].stdout
    one, other = (
        pd.read_parquet(f / "predictions.parquet") for f in (folder, whole[0])
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    names = {*FILES, *PICTURES, "fold-1", "fold-2", "fold-3", "fold-4"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "fold-1/predictions.parquet").read_bytes() == (
        whole[0] / "fold-1/predictions.parquet"
    ).read_bytes()


def test_two_workers_say_as_little_as_one(whole):
    lines = whole[1].stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("training ") for line in lines)


def test_errors_of_prices_come_before_any_work(prices, config, tmp_path):
    with pytest.raises(DataError):
        walk_forward(prices.iloc[:10], config(), folder=tmp_path / "walk")
    assert not list(Path(tmp_path).glob("walk/fold-*"))
