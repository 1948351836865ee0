"""`forecaster predict --level`: intervals in the table, in JSON, and their errors."""

import tomllib

import pytest

from forecaster.config import config_from_dict
from forecaster.fans import usual_levels

CALIBRATED = """
name = "sure"

[window]
lookback = 5
horizon = 2

[target]
form = "log_return"

[model]
head = "student_t"

[[model.layers]]
units = 2

[training]
start = 2016-03-01
epochs = 1

[calibration]
method = "adaptive"
n_folds = 1
"""

SURE = config_from_dict(tomllib.loads(CALIBRATED))


@pytest.fixture(scope="module")
def sure(command, tmp_path_factory):
    """A folder of runs with a calibrated one, `sure`."""
    folder = tmp_path_factory.mktemp("sure")
    (folder / "sure.toml").write_text(CALIBRATED)
    words = ("train", folder / "sure.toml", "--runs-dir", folder, "--quiet")
    answer = command(*words)
    assert answer.exit_code == 0, answer.output
    return folder


def asked(sure, *words):
    return ("predict", "sure", "--runs-dir", sure, "--as-of", "2017-12-29", *words)


def test_each_interval_has_its_columns(command, sure):
    answer = command(*asked(sure, "--level", "0.8", "--level", "0.9"))
    assert answer.exit_code == 0
    for heading in ("low 80%", "high 80%", "low 90%", "high 90%"):
        assert heading in answer.stdout
    assert "q0.05" not in answer.stdout
    assert "bands that hold whole paths" in answer.stdout
    assert "calibrated on out-of-fold forecasts (adaptive)" in answer.stdout


def test_without_levels_the_usual_ones_are_printed(command, sure):
    answer = command(*asked(sure))
    assert answer.exit_code == 0
    assert "low 80%" in answer.stdout
    named = [f"--level={level}" for level in usual_levels(SURE)]
    assert answer.stdout == command(*asked(sure, *named)).stdout
    document = command.json(*asked(sure))
    assert document["levels"] == []
    assert "q0.05" in document["forecast"][0]


@pytest.mark.parametrize(
    ("changes", "levels"),
    [
        ({"quantiles": [0.025, 0.5, 0.975]}, (0.8, 0.95)),
        ({"quantiles": [0.05, 0.5, 0.95]}, (0.8,)),
        ({"quantiles": [0.1, 0.5, 0.9]}, (0.8,)),
        ({"quantiles": [0.2, 0.5, 0.975]}, ()),
        ({"head": "point"}, ()),
    ],
)
def test_the_usual_levels_are_those_that_the_quantiles_reach(changes, levels):
    settings = SURE.resolved()
    settings["model"] |= changes
    settings["calibration"]["method"] = "none"
    assert usual_levels(config_from_dict(settings)) == levels
    settings["target"]["form"] = "price"
    assert usual_levels(config_from_dict(settings)) == ()


def test_the_document_holds_the_intervals(command, sure):
    document = command.json(*asked(sure, "--level", "0.8,0.9"))
    assert document["levels"] == [0.8, 0.9]
    assert document["calibration"] == "adaptive"
    for row in document["forecast"]:
        ends = [row[n] for n in ("low_0.9", "low_0.8", "q0.5", "high_0.8", "high_0.9")]
        assert ends == sorted(ends)
    assert [band["level"] for band in document["bands"]] == [0.8, 0.9]
    apart = command.json(*asked(sure, "--level", "0.9", "--level", "0.8"))
    assert apart == document


def test_one_session_has_its_quantiles_for_ends(command, sure):
    words = ("--level", "0.9", "--horizon", "1")
    document = command.json(*asked(sure, *words))
    row = document["forecast"][0]
    assert row["low_0.9"] == pytest.approx(row["q0.05"], rel=1e-12)
    assert row["high_0.9"] == pytest.approx(row["q0.95"], rel=1e-12)
    assert document["bands"] == []


def test_the_quantiles_that_a_model_lacks_are_named(command, sure):
    answer = command(*asked(sure, "--level", "0.99"))
    assert answer.exit_code == 2
    assert "add 0.005 and 0.995 to `model.quantiles`" in answer.stderr


@pytest.mark.parametrize("word", ["95", "most", "0.8;0.9"])
def test_what_is_no_level_ends_with_code_2(command, sure, word):
    answer = command(*asked(sure, "--level", word))
    assert answer.exit_code == 2
    assert "interval's level" in answer.stderr


def test_a_point_forecast_says_what_to_do(command, runs_dir):
    words = ("predict", "tiny", "--runs-dir", runs_dir, "--level", "0.9")
    answer = command(*words)
    assert answer.exit_code == 2
    assert "which has no intervals" in answer.stderr
    assert "model.head" in answer.stderr


def test_a_point_network_is_not_calibrated(command, tiny_toml, tmp_path):
    words = ("--set", "calibration.method=cqr", "--runs-dir", tmp_path)
    answer = command("train", tiny_toml, *words)
    assert answer.exit_code == 2
    assert "the point head has none" in answer.stderr


def test_the_run_verifies_with_its_calibration(command, sure):
    document = command.json("runs", "verify", "sure", "--runs-dir", sure)
    assert "bundle/out-of-fold.csv" in str(document)


@pytest.mark.parametrize("words", [["--level", "0.8", "0.9"], ["--level", "0.8,0.9"]])
def test_levels_may_follow_one_another(command, sure, words):
    answer = command(*asked(sure, *words))
    assert answer.exit_code == 0, answer.stderr
    assert "80%" in answer.stdout
    assert "90%" in answer.stdout


def test_words_without_a_level_are_not_understood(command, sure):
    answer = command(*asked(sure), "0.9", "0.95")
    assert answer.exit_code == 2
    assert "0.95" in answer.stderr
