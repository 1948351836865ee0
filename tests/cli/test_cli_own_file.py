"""A file of one's own prices, outside the dates of the shipped settings."""

import pytest

from forecaster.data.calendar import next_sessions

FEW = (
    *("--epochs", "1", "--set", "window.lookback=5"),
    *("--set", "model.layers=[{units=2}]"),
)


@pytest.fixture
def prices_csv(make_prices, tmp_path):
    """A hundred sessions from 2020 on: the shipped settings want 2012 to 2017."""
    file = tmp_path / "mine.csv"
    prices = make_prices(100)[["close"]]
    prices.rename_axis("Trade Day").rename(
        columns={"close": "Closing Price (USD)"}
    ).to_csv(file)
    return file


def settings_of(answer, tmp_path):
    import tomllib

    (file,) = tmp_path.glob("runs/*/bundle/config.toml")
    return tomllib.loads(file.read_text())


def test_its_first_four_fifths_train_and_the_rest_tests(command, prices_csv, tmp_path):
    words = ("--csv", prices_csv, "--runs-dir", tmp_path / "runs", "--quiet", *FEW)
    answer = command("train", *words)
    assert answer.exit_code == 0, answer.output
    days = [day.date() for day in next_sessions("2020-01-01", 100)]
    made = settings_of(answer, tmp_path)
    assert (made["training"]["start"], made["training"]["end"]) == (days[0], days[79])
    tested = made["evaluation"]
    assert (tested["start"], tested["end"]) == (days[80], days[99])
    told = " ".join(answer.stderr.split())
    assert f"the first 80% of the sessions train, {days[0]} to {days[79]}" in told
    assert "20 forecasts" in answer.stdout


def test_dates_that_were_chosen_are_kept(command, prices_csv, tmp_path):
    words = ("--csv", prices_csv, "--runs-dir", tmp_path / "runs", "--quiet", *FEW)
    answer = command("train", *words, "--set", "training.end=2016-06-30")
    assert answer.exit_code == 3
    assert "no session lies in the training range" in answer.stderr


def test_prices_that_have_the_dates_are_not_divided(command, tmp_path):
    from forecaster.resources import resource_folder

    file = resource_folder("data") / "GOOG.csv"
    words = ("--csv", file, "--runs-dir", tmp_path / "runs", "--quiet", *FEW)
    changes = ("--set", "training.start=2016-06-01")
    answer = command("train", *words, *changes)
    assert answer.exit_code == 0, answer.output
    assert settings_of(answer, tmp_path)["evaluation"]["start"].year == 2017
    assert "80%" not in answer.stderr


def test_settings_that_name_a_file_call_its_prices_after_it(tmp_path):
    from forecaster.config import load_config

    (tmp_path / "my prices.csv").write_text("date,close\n")
    settings = tmp_path / "mine.toml"
    settings.write_text('[data]\npath = "my prices.csv"\n')
    assert load_config(settings).data.ticker == "MY-PRICES"
    settings.write_text('[data]\npath = "my prices.csv"\nticker = "MINE"\n')
    assert load_config(settings).data.ticker == "MINE"
