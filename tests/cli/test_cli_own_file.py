"""A file of one's own prices, outside the dates of the shipped settings."""

import pytest

from forecaster.data.calendar import next_sessions

FEW = (
    *("--epochs", "1", "--set", "window.lookback=5"),
    *("--set", "model.layers=[{units=2}]"),
)


ENDS = ("start", "end")
LEVELS = ("0.8", "0.95")


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
    assert (
        f"MINE: the first 80% of the sessions train ({days[0]} to {days[79]}), the "
        f"rest tests ({days[80]} to {days[99]}). "
        "`--set training.end=DATE` puts the border elsewhere."
    ) in told
    assert "20 forecasts" in answer.stdout


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"training.end": 49}, (0, 49, 50, 99)),
        ({"evaluation.start": 60}, (0, 59, 60, 99)),
        ({"training.start": 20, "evaluation.end": 89}, (20, 75, 76, 89)),
        ({"training.end": 49, "evaluation.start": 60}, (0, 49, 60, 99)),
    ],
)
def test_dates_that_were_chosen_are_kept(
    command, prices_csv, tmp_path, changes, wanted
):
    days = [day.date() for day in next_sessions("2020-01-01", 100)]
    words = ("--csv", prices_csv, "--runs-dir", tmp_path / "runs", "--quiet", *FEW)
    sets = [f"--set={name}={days[place]}" for name, place in changes.items()]
    answer = command("train", *words, *sets)
    assert answer.exit_code == 0, answer.output
    made = settings_of(answer, tmp_path)
    dates = [made[part][end] for part in ("training", "evaluation") for end in ENDS]
    assert dates == [days[place] for place in wanted]


def test_a_wrong_date_is_told(command, prices_csv):
    answer = command("train", "--csv", prices_csv, "--set", "training.end=soon")
    assert answer.exit_code == 2
    assert "soon" in answer.stderr


def test_dates_that_leave_out_most_prices_do_not_stand(command, make_prices, tmp_path):
    """The shipped settings would train on 2016 and test on 2017, of nine years."""
    days = next_sessions("2016-01-01", 2000)
    prices = make_prices(2000)[["close"]].set_axis(days)
    prices.rename_axis("date").to_csv(tmp_path / "long.csv")
    words = ("--csv", tmp_path / "long.csv", "--runs-dir", tmp_path / "runs", "--quiet")
    answer = command("train", *words, *FEW)
    assert answer.exit_code == 0, answer.output
    made = settings_of(answer, tmp_path)
    assert made["training"]["end"] == days[1599].date()
    assert "hold 25% of them" in " ".join(answer.stderr.split())


def test_settings_of_ones_own_need_no_dates(command, prices_csv, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('[data]\npath = "mine.csv"\n')
    words = (file, "--runs-dir", tmp_path / "runs", "--quiet", *FEW)
    answer = command("train", *words)
    assert answer.exit_code == 0, answer.output
    days = [day.date() for day in next_sessions("2020-01-01", 100)]
    assert settings_of(answer, tmp_path)["training"]["end"] == days[79]
    # Dates that are written down are meant.
    (tmp_path / "runs").rename(tmp_path / "old")
    file.write_text(file.read_text() + "[training]\nend = 2016-12-31\n")
    answer = command("train", *words)
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
    assert "warning" not in answer.stderr


def test_a_close_alone_leads_to_intervals(command, prices_csv, tmp_path):
    """The way that the README shows, and the messages that lead to it."""
    runs = ("--runs-dir", tmp_path / "runs")
    for name in ("google-quantiles", "google-open"):
        refused = command("train", name, "--csv", prices_csv, *runs, "--quiet")
        assert refused.exit_code == 3
        assert "`own-close` need no more than a close" in refused.stderr
    few = ("--epochs", "1", "--set", "calibration.n_folds=1")
    trained = command("train", "own-close", "--csv", prices_csv, *runs, "--quiet", *few)
    assert trained.exit_code == 0, trained.output
    made = command.json("predict", *runs, "--level", "0.8", "0.95")
    assert (made["ticker"], made["calibration"]) == ("MINE", "adaptive")
    assert len(made["forecast"]) == 5
    for row in made["forecast"]:
        ends = [row[f"{end}_{level}"] for end in ("low", "high") for level in LEVELS]
        low, lowest, high, highest = ends
        assert lowest < low < row["predicted"] < high < highest


def test_a_run_is_named_after_the_prices_and_the_settings(
    command, prices_csv, tmp_path
):
    runs = tmp_path / "runs"
    words = ("--csv", prices_csv, "--runs-dir", runs, "--quiet", *FEW)
    for wanted in ("MINE-google", "MINE-google-2"):
        answer = command("train", *words)
        assert answer.exit_code == 0, answer.output
        assert (runs / wanted / "bundle").is_dir()
    assert command("train", *words, "--name", "other").exit_code == 0
    assert sorted(path.name for path in runs.iterdir()) == [
        *("MINE-google", "MINE-google-2", "other")
    ]
    asked = command("predict", "MINE-google", "--runs-dir", runs)
    assert asked.stdout.startswith("MINE close")


@pytest.mark.parametrize(
    ("ticker", "name"),
    [
        ("GOOG", "google"),
        ("AAPL", "AAPL-google"),
        ("^GSPC", "GSPC-google"),
        ("EURUSD=X", "EURUSD-X-google"),
        ("BRK.B", "BRK.B-google"),
    ],
)
def test_any_ticker_makes_a_name_for_a_folder(ticker, name):
    from forecaster.cli.jobs import named_after_prices
    from forecaster.config import load_config

    config = load_config("google", [f"data.ticker={ticker}"])
    assert named_after_prices(config, "google").name == name


def test_settings_of_ones_own_name_the_run(command, prices_csv, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('[data]\npath = "mine.csv"\n')
    runs = tmp_path / "runs"
    answer = command("train", file, "--runs-dir", runs, "--quiet", *FEW)
    assert answer.exit_code == 0, answer.output
    assert (runs / "own").is_dir()


def test_settings_that_name_a_file_call_its_prices_after_it(tmp_path):
    from forecaster.config import load_config

    (tmp_path / "my prices.csv").write_text("date,close\n")
    settings = tmp_path / "mine.toml"
    settings.write_text('[data]\npath = "my prices.csv"\n')
    assert load_config(settings).data.ticker == "MY-PRICES"
    settings.write_text('[data]\npath = "my prices.csv"\nticker = "MINE"\n')
    assert load_config(settings).data.ticker == "MINE"


@pytest.fixture
def coin_csv(tmp_path):
    """A hundred prices of every day, weekends among them."""
    import pandas as pd

    days = pd.date_range("2020-01-01", periods=100)
    close = [100 + place % 7 for place in range(100)]
    file = tmp_path / "coin.csv"
    pd.DataFrame({"date": days, "close": close}).to_csv(file, index=False)
    return file


def test_the_advice_for_prices_of_every_day_can_be_followed(
    command, coin_csv, tmp_path
):
    advice = ("--calendar", "24/7")
    runs = tmp_path / "runs"
    train = ("train", "--csv", coin_csv, "--runs-dir", runs, "--quiet", *FEW)
    for words in (("data", "show", "--csv", coin_csv), train):
        refused = command(*words)
        assert refused.exit_code == 3
        assert " ".join(advice) in " ".join(refused.stderr.split())
        followed = command(*words, *advice)
        assert followed.exit_code == 0, followed.output
    assert settings_of(followed, tmp_path)["data"]["calendar"] == "24/7"
    made = command.json("predict", "--runs-dir", runs)
    assert made["forecast"][0]["session"] == "2020-04-10"  # a holiday in New York


@pytest.mark.parametrize("verb", ["train", "backtest", "compare", "tune", "audit"])
def test_commands_that_train_take_a_calendar(command, coin_csv, verb):
    name = "own-close" if verb != "tune" else "google"
    answer = command(verb, name, "--csv", coin_csv, "--calendar", "XNYC")
    assert answer.exit_code == 2
    assert "unknown calendar 'XNYC'" in answer.stderr


def test_weekly_prices_are_refused(command, coin_csv):
    """Their steps would get the dates of days, and the widths of weeks."""
    lines = coin_csv.read_text().splitlines()
    coin_csv.write_text("\n".join([lines[0], *lines[3::7]]))
    for calendar in ("XNYS", "24/7"):
        words = ("own-close", "--csv", coin_csv, "--calendar", calendar)
        answer = command("train", *words)
        assert answer.exit_code == 3
        assert "COIN: the prices have one row a week" in answer.stderr


def test_a_close_that_never_changes_is_told_and_has_a_report(command, tmp_path):
    lines = [f"{day:%F},100" for day in next_sessions("2020-01-01", 100)]
    file = tmp_path / "flat.csv"
    file.write_text("\n".join(["date,close", *lines]))
    runs = ("--runs-dir", tmp_path / "runs")
    few = ("--quiet", "--epochs", "1", "--set", "calibration.n_folds=1")
    trained = command("train", "own-close", "--csv", file, *runs, *few)
    assert trained.exit_code == 0, trained.output
    assert "FLAT: close never changes" in trained.stderr
    assert "which makes no error at all (" in trained.stdout
    assert "nan" not in trained.stdout
    reported = command("report", *runs)
    assert reported.exit_code == 0, reported.output
    assert "makes no error at all" in (
        tmp_path / "runs/FLAT-own-close/report.html"
    ).read_text(encoding="utf-8")


def test_a_file_that_lost_rows_is_doubted(command, prices_csv, tmp_path):
    runs = ("--runs-dir", tmp_path / "runs")
    trained = command("train", "--csv", prices_csv, *runs, "--quiet", *FEW)
    assert trained.exit_code == 0, trained.output
    assert "lost rows" not in command("predict", *runs).stderr
    days = [f"{day:%F}" for day in next_sessions("2020-01-01", 100)]
    assert "lost rows" not in command("predict", *runs, "--as-of", days[89]).stderr
    lines = prices_csv.read_text().splitlines()
    prices_csv.write_text("\n".join(lines[:91]))
    told = " ".join(command("predict", *runs).stderr.split())
    assert f"the prices end on {days[89]}" in told
    assert f"test up to {days[99]}: has the file lost rows?" in told
