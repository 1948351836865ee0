"""Comparisons: alike trainings in one table, reused, resumed, and failing alone."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import forecaster.comparing
from forecaster.comparing import Job
from forecaster.comparison import compare, load_configs
from forecaster.comparison_files import comparison_folder, save_comparison
from forecaster.errors import ConfigError, NotEnoughHistory, OutputError, RunWarning
from forecaster.jobs import run_training
from forecaster.training import train


def now():
    return datetime(2024, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def prices(make_prices):
    return make_prices(80)


@pytest.fixture(scope="module")
def make_job(tiny_config, prices):
    def make(name="tiny", **changes):
        return Job(tiny_config(name=name, training__epochs=1, **changes), prices)

    return make


def contrast(jobs, folder, **options):
    return compare(jobs, runs_dir=folder, now=now, progress=False, **options)


@pytest.fixture(scope="module")
def compared(make_job, tmp_path_factory):
    """Two settings of one target with two seeds, one of another target."""
    folder = tmp_path_factory.mktemp("compared")
    jobs = [
        make_job("a"),
        make_job("b", window__lookback=5),
        make_job("c", data__target="open"),
    ]
    return contrast(jobs, folder, seeds=[0, 1]), jobs, folder


def rows_of(comparison, state):
    return comparison.table[comparison.table["state"] == state]


def test_every_training_has_its_own_run(compared):
    comparison, _, folder = compared
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{name}-seed-{seed}" for name in "abc" for seed in (0, 1)
    ]
    assert [trial.state for trial in comparison.trials] == ["trained"] * 6
    assert comparison.exit_code == 0


def test_a_run_is_that_of_training_alone(compared, prices):
    _, jobs, folder = compared
    alone = train(prices, jobs[0].config, progress=False)
    run = next(t.run for t in compared[0].trials)
    assert run.folder == folder / "a-seed-0"
    for mine, its in zip(
        alone.network.get_weights(), run.load().network.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, its)


def test_a_row_is_the_mean_of_its_seeds(compared):
    comparison, _, _ = compared
    row = comparison.table[comparison.table["name"] == "a"].iloc[0]
    own = [t for t in comparison.trials if t.name == "a"]
    ratios = [t.evaluation.rmse_ratio for t in own]
    assert ratios[0] != ratios[1]
    assert row["rmse_ratio"] == pytest.approx(sum(ratios) / 2)
    assert (row["ratio_from"], row["ratio_to"]) == (min(ratios), max(ratios))
    assert row["seeds"] == 2
    # LSTM: 4 gates of 3 units, each with 1 input, 3 states, a bias; then 3 + 1.
    assert row["parameters"] == 4 * 3 * (1 + 3 + 1) + 4
    assert row["verdict"] == comparison.verdicts["a"]


def test_each_target_has_its_baselines_once(compared):
    comparison, _, _ = compared
    baselines = rows_of(comparison, "baseline")
    assert baselines["name"].tolist() == ["last value", "drift"] * 2
    assert len(comparison.groups) == 2
    assert comparison.table["name"].tolist()[:4] == ["a", "b", "last value", "drift"]
    naive = baselines[baselines["name"] == "last value"]
    assert naive["rmse_ratio"].tolist() == [1, 1]
    assert list(comparison.verdicts) == ["a", "b", "c"]


def test_a_drift_of_another_start_has_its_own_row(make_job, tmp_path):
    jobs = [make_job("a"), make_job("b", training__start="2020-01-10")]
    names = rows_of(contrast(jobs, tmp_path), "baseline")["name"]
    assert names.tolist() == ["last value", "drift of a", "drift of b"]


def test_what_is_there_is_reused(compared, monkeypatch):
    before, jobs, folder = compared
    monkeypatch.setattr(forecaster.comparing, "run_training", None)
    again = contrast(jobs, folder, seeds=[0, 1])
    assert [trial.state for trial in again.trials] == ["reused"] * 6
    columns = ["name", "rmse", "rmse_ratio", "parameters", "seconds", "verdict"]
    pd.testing.assert_frame_equal(again.table[columns], before.table[columns])


def test_a_reused_network_is_scored_on_the_wanted_range(make_job, tmp_path):
    contrast([make_job()], tmp_path)
    other = make_job("other", evaluation__start="2020-04-10")
    trial = contrast([other], tmp_path).trials[0]
    assert (trial.state, trial.run.name) == ("reused", "tiny-seed-0")
    sessions = trial.evaluation.predictions["session"]
    assert sessions.min() >= pd.Timestamp("2020-04-10")


def test_other_settings_or_prices_are_not_reused(
    make_job, tmp_path, make_prices, tiny_config
):
    contrast([make_job()], tmp_path)
    other = make_job(model__layers=[{"units": 2}])
    another = Job(tiny_config(training__epochs=1), make_prices(80, seed=1))
    runs = []
    for job in (other, another):
        (trial,) = contrast([job], tmp_path).trials
        assert trial.state == "trained"
        runs.append(trial.run.name)
    assert runs == ["tiny-seed-0-2", "tiny-seed-0-3"]


def test_a_damaged_run_is_made_again(make_job, tmp_path):
    contrast([make_job()], tmp_path)
    (tmp_path / "tiny-seed-0" / "bundle" / "model.weights.h5").write_bytes(b"?")
    with pytest.warns(RunWarning, match=r"not reused: .*damaged"):
        (trial,) = contrast([make_job()], tmp_path).trials
    assert (trial.state, trial.run.name) == ("trained", "tiny-seed-0-2")


def test_an_interrupted_comparison_goes_on(
    make_job, tiny_config, prices, tmp_path, monkeypatch
):
    jobs = [make_job("a"), Job(tiny_config(name="b"), prices)]
    jobs.append(make_job("c", window__lookback=5))
    from forecaster import training

    epoch, calls = training._run_epoch, []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 3:  # the second epoch of b
            raise KeyboardInterrupt
        return epoch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_run_epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            contrast(jobs, tmp_path)
    states = [trial.state for trial in contrast(jobs, tmp_path).trials]
    assert states == ["reused", "resumed", "trained"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("a-seed-0", "b-seed-0", "c-seed-0")
    ]


def test_a_failure_does_not_stop_the_others(make_job, tmp_path):
    failing = Job(make_job("late").config, OutputError("no prices today"))
    comparison = contrast([failing, make_job()], tmp_path)
    assert comparison.exit_code == 5
    assert comparison.verdicts["late"] == "failed"
    row = rows_of(comparison, "failed").iloc[0]
    assert row["reason"] == "seed 0: no prices today"
    assert comparison.to_dict()["trials"][0]["error"] == "OutputError"
    assert contrast([failing], tmp_path).exit_code == OutputError.exit_code


def test_short_prices_fail_before_they_are_trained_on(make_job, tmp_path):
    comparison = contrast([make_job(window__lookback=500)], tmp_path)
    assert isinstance(comparison.failed[0].failure, NotEnoughHistory)
    assert comparison.groups == []
    assert list(tmp_path.iterdir()) == []


def test_names_must_differ_and_fit_a_folder(make_job, tmp_path):
    with pytest.raises(ConfigError, match="several settings are called tiny"):
        contrast([make_job(), make_job()], tmp_path)
    with pytest.raises(ConfigError, match="name"):
        contrast([make_job("x" * 99)], tmp_path)
    with pytest.raises(ConfigError, match="no settings"):
        contrast([], tmp_path)
    with pytest.raises(ConfigError, match=r"'goggle'(?s:.*)'yours'"):
        load_configs(["goggle", "google", "yours"])


def test_a_run_of_train_is_reused_too(make_job, prices, tmp_path):
    config = make_job().config
    run_training(prices, config, runs_dir=tmp_path, created=now(), progress=False)
    (trial,) = contrast([make_job()], tmp_path).trials
    assert (trial.state, trial.run.name) == ("reused", "tiny")


def test_the_folder_is_replaced_whole(compared, tmp_path, monkeypatch):
    comparison, request = compared[0], {"seeds": [0, 1]}
    folder = comparison_folder(tmp_path, "x", request, exact=True)
    assert folder == tmp_path / "x.comparison"
    save_comparison(comparison, folder, request)
    save_comparison(comparison, folder, request)
    assert [path.name for path in tmp_path.iterdir()] == ["x.comparison"]
    table = pd.read_csv(folder / "comparison.csv")
    assert table["name"].tolist() == comparison.table["name"].tolist()
    facts = json.loads((folder / "comparison.json").read_text())
    assert facts["request"] == request
    assert [row["name"] for row in facts["table"]] == table["name"].tolist()
    before = (folder / "comparison.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(OutputError, match="No space left"):
            save_comparison(comparison, folder, {})
    assert (folder / "comparison.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.comparison"]


def full_disk(_):
    raise OSError(28, "No space left on device")


def test_a_folder_of_something_else_is_left_alone(compared, tmp_path):
    save_comparison(compared[0], tmp_path / "x.comparison", {"seeds": [0]})
    taken = {"runs_dir": tmp_path, "name": "x", "request": {"seeds": [1]}}
    with pytest.raises(OutputError, match="Choose another `--name`"):
        comparison_folder(**taken, exact=True)
    assert comparison_folder(**taken, exact=False).name == "x-2.comparison"
    (tmp_path / "x.comparison" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError):
        comparison_folder(tmp_path, "x", {"seeds": [0]}, exact=True)
    with pytest.raises(ConfigError, match="cannot be called"):
        comparison_folder(tmp_path, "../x", {}, exact=True)
