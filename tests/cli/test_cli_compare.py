"""`forecaster compare`: its one table, its folder, and what it refuses."""

import json

import pandas as pd
import pytest

import forecaster.training


@pytest.fixture(scope="module")
def wide_toml(tiny_toml, tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "wide.toml"
    text = tiny_toml.read_text().replace("units = 2", "units = 3")
    path.write_text(text.replace('"tiny"', '"wide"'))
    return path


@pytest.fixture(scope="module")
def open_toml(tiny_toml, tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "open.toml"
    text = tiny_toml.read_text().replace('"tiny"', '"early"')
    path.write_text(text + '\n[data]\ntarget = "open"\n')
    return path


def test_one_table_with_the_baselines(command, tiny_toml, wide_toml, tmp_path):
    words = ("compare", tiny_toml, wide_toml, "--runs-dir", tmp_path)
    answer = command(*words, "--seeds", "0,1")
    assert answer.exit_code == 0, answer.stderr
    for word in (
        *("parameters", "seconds", "RMSE", "ratio", "from..to", "MAE", "direction"),
        *("verdict", "last value", "drift", "tiny", "wide", "loses", "trained"),
    ):
        assert word in answer.stdout
    assert answer.stdout.count("  last value  ") == 1
    assert "4 of 4: wide, seed 1" in answer.stderr
    assert "retracing" not in answer.stderr
    folder = tmp_path / "tiny-wide.comparison"
    assert f"kept in: {folder}" in answer.stdout
    table = pd.read_csv(folder / "comparison.csv")
    assert table["name"].tolist() == [
        *("tiny", "wide", "last value", "drift", "historical mean", "moving average")
    ]
    again = command(*words, "--seeds", "0,1", "--quiet")
    assert again.stdout.count("reused") == 2
    assert again.stderr == ""
    fewer = command.json(*words, "--seeds", "1", "--quiet")
    assert fewer["comparison"] == str(tmp_path / "tiny-wide-2.comparison")
    assert [trial["state"] for trial in fewer["trials"]] == ["reused", "reused"]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("tiny-seed-0", "tiny-seed-1", "wide-seed-0", "wide-seed-1"),
        *("tiny-wide.comparison", "tiny-wide-2.comparison"),
    }


def test_targets_are_grouped_and_failures_listed(
    command, tiny_toml, open_toml, wide_toml, tmp_path
):
    late = tmp_path / "late.toml"
    text = wide_toml.read_text().replace('"wide"', '"late"')
    late.write_text(text.replace("2016-06-01", "2016-12-29"))
    words = (tiny_toml, late, open_toml, "--runs-dir", tmp_path / "runs")
    answer = command("compare", *words, "--quiet", "--name", "mine")
    assert answer.exit_code == 5
    assert answer.stdout.count("  last value  ") == 2
    assert "A: GOOG close, 2017-01-03 to 2017-12-29" in answer.stdout
    assert "B: GOOG open" in answer.stdout
    assert "compare ratios within a group only" in answer.stdout
    assert "error: late, seed 0: GOOG: need at least 6 sessions" in answer.stderr
    facts = json.loads((tmp_path / "runs/mine.comparison/comparison.json").read_text())
    assert [row["name"] for row in facts["table"] if row["verdict"] == "failed"] == [
        "late"
    ]
    taken = command(
        *("compare", tiny_toml, "--runs-dir", tmp_path / "runs", "--name", "mine")
    )
    assert taken.exit_code == 6


def test_all_wrong_settings_are_named_before_any_training(
    command, tiny_toml, tmp_path, monkeypatch
):
    monkeypatch.setattr(forecaster.training, "train", None)
    answer = command(
        *("compare", "goggle", tiny_toml, tmp_path / "none.toml"),
        *("--runs-dir", tmp_path / "runs"),
    )
    assert answer.exit_code == 2
    assert "'goggle'; did you mean 'google'?" in answer.stderr
    assert "none.toml: no such settings file" in answer.stderr
    assert not (tmp_path / "runs").exists()
    twice = command("compare", tiny_toml, tiny_toml, "--runs-dir", tmp_path / "runs")
    assert twice.exit_code == 2
    assert "several settings are called tiny" in twice.stderr


@pytest.mark.parametrize("seeds", ["", "a", "1,,2", "-1", "4294967296"])
def test_seeds_that_are_none_are_refused(command, tiny_toml, tmp_path, seeds):
    answer = command("compare", tiny_toml, "--seeds", seeds, "--runs-dir", tmp_path)
    assert answer.exit_code == 2
    assert "seed" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_prices_that_are_not_there_give_their_own_code(command, tiny_toml, tmp_path):
    document = command.json(
        *("compare", tiny_toml, "--ticker", "NOPE", "--runs-dir", tmp_path), code=3
    )
    assert document["comparison"] is None
    assert document["trials"][0]["error"] == "SymbolNotFound"
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_ends_with_130_and_says_how_to_go_on(
    command, tiny_toml, tmp_path, monkeypatch
):
    def stopped(*_):
        raise KeyboardInterrupt

    words = ("compare", tiny_toml, "--runs-dir", tmp_path, "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(forecaster.training, "_run_epoch", stopped)
        answer = command(*words)
    assert answer.exit_code == 130
    assert "The same command goes on" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_prices_make_other_runs(command, tiny_toml, runs_dir, tmp_path):
    document = command.json(
        *("compare", tiny_toml, "--ticker", "AAPL", "--runs-dir", tmp_path, "--quiet")
    )
    assert document["groups"][0].startswith("AAPL close")
    assert document["trials"][0]["run"] == str(tmp_path / "tiny-seed-0")


def test_each_gets_the_companions_that_it_names(command, tiny_toml, tmp_path):
    own = tmp_path / "friends.toml"
    own.write_text(
        tiny_toml.read_text().replace('name = "tiny"', 'name = "friends"')
        + '[features]\ncolumns = ["close", "AAPL:close"]\n'
    )
    answer = command("compare", tiny_toml, own, "--runs-dir", tmp_path, "--quiet")
    assert answer.exit_code == 0, answer.output
