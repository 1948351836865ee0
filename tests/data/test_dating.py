"""Dates of training and test for prices that settings were not written for."""

import warnings
from datetime import date, timedelta

import pytest

import forecaster as fc
from forecaster.config import config_from_dict
from forecaster.data.dating import DATES, dates_are_chosen
from forecaster.errors import ConfigError, RunWarning

DAY = timedelta(1)


def dates_of(config):
    values = config.resolved()
    return [values[part][end] for part, end in (name.split(".") for name in DATES)]


@pytest.fixture
def prices(make_prices):
    """A hundred sessions from 2020 on: the shipped settings want 2012 to 2017."""
    return make_prices(100)[["close"]]


@pytest.fixture
def days(prices):
    return [day.date() for day in prices.index]


@pytest.mark.parametrize("name", ["google", "own-close"])
def test_the_first_four_fifths_train_and_the_rest_tests(prices, days, name):
    with pytest.warns(RunWarning) as told:
        dated = fc.with_dates(fc.load_config(name), prices)
    assert dates_of(dated) == [days[0], days[79], days[80], days[99]]
    assert str(told[0].message) == (
        f"TEST: the first 80% of the sessions train ({days[0]} to {days[79]}), the "
        f"rest tests ({days[80]} to {days[99]}). "
        '`with_dates(config, prices, {"training.end": DATE})` puts the border '
        "elsewhere."
    )
    assert fc.with_dates(dated, prices) is dated


def test_the_warning_names_the_callers_line(prices):
    with pytest.warns(RunWarning) as told:
        fc.with_dates(fc.load_config("google"), prices)
    assert [one.filename for one in told] == [__file__]


def test_the_dates_that_were_used_are_those_of_the_trained_settings(
    make_prices, tiny_config
):
    prices = make_prices(100)
    settings = tiny_config().resolved()
    for part in ("training", "evaluation"):
        del settings[part]["start"], settings[part]["end"]
    undated = config_from_dict(settings)
    with pytest.raises(fc.ForecasterError, match=r"`with_dates\(config, prices\)`"):
        fc.train(prices, undated)
    with pytest.warns(RunWarning):
        dated = fc.with_dates(undated, prices)
    run = fc.train(prices, dated, progress=False)
    assert run.config == dated
    assert run.trained_on.last == str(dated.training.end)
    assert run.evaluate(prices).to_dict()["n_forecasts"] == 20


def test_prices_that_fit_keep_the_dates():
    config = fc.load_config("google")
    prices = fc.load_prices("GOOG", start="2012-01-01", end="2018-06-30")
    assert fc.with_dates(config, prices) is config
    with pytest.warns(RunWarning, match=r"2012-01-01 to .* hold 51% of them"):
        fc.with_dates(config, fc.load_prices("GOOG", start="2012-01-01"))


def test_dates_that_were_written_down_are_meant(prices, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nend = 2016-12-31\n")
    config = fc.load_config(file, ["data.ticker=TEST"])
    assert dates_are_chosen(config)
    assert fc.with_dates(config, prices) is config
    changed = fc.load_config("google", ["evaluation.end=2017-06-30"])
    assert dates_of(fc.with_dates(changed, prices)) == dates_of(changed)


def test_settings_that_lost_nothing_but_their_file_are_still_the_shipped(prices):
    again = config_from_dict(fc.load_config("google").resolved())
    with pytest.warns(RunWarning):
        assert fc.with_dates(again, prices) != again


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({"training.end": 49}, (0, 49, 50, 99)),
        ({"evaluation.start": 60}, (0, 59, 60, 99)),
        ({"training.start": 20, "evaluation.end": 89}, (20, 75, 76, 89)),
    ],
)
def test_some_dates_can_be_chosen(prices, days, chosen, wanted):
    texts = {name: str(days[place]) for name, place in chosen.items()}
    with pytest.warns(RunWarning) as told:
        dated = fc.with_dates(fc.load_config("google"), prices, texts)
    start, end, tested, stop = (days[place] for place in wanted)
    assert dates_of(dated) == [start, end, tested, stop]
    said = f"TEST: training from {start} to {end}, test from {tested} to {stop}."
    assert str(told[0].message).startswith(said)
    assert ("puts the border" in str(told[0].message)) == ("training.end" not in chosen)


def test_the_border_of_dated_settings_moves_both_ranges(prices, days):
    with pytest.warns(RunWarning):
        dated = fc.with_dates(fc.load_config("google"), prices)
    for place in (49, 89):  # before the border of 80%, and behind it
        chosen = {"training.end": days[place]}
        assert dates_of(fc.with_dates(dated, prices, chosen)) == [
            *(days[0], days[place], days[place] + DAY, days[99])
        ]
        chosen = {"evaluation.start": days[place]}
        assert dates_of(fc.with_dates(dated, prices, chosen)) == [
            *(days[0], days[place] - DAY, days[place], days[99])
        ]


def test_sessions_that_settings_leave_out_between_the_ranges_stay_out(prices, days):
    with pytest.warns(RunWarning):
        dated = fc.with_dates(fc.load_config("google"), prices)
    both = {"training.end": days[69], "evaluation.start": days[80]}
    gap = fc.with_dates(dated, prices, both)
    assert dates_of(gap) == [days[0], days[69], days[80], days[99]]
    moved = fc.with_dates(gap, prices, {"training.end": days[59]})
    assert dates_of(moved) == [days[0], days[59], days[80], days[99]]


def test_shipped_dates_that_stay_meet_at_the_chosen_border():
    prices = fc.load_prices("GOOG", start="2012-01-01", end="2018-06-30")
    chosen = {"training.end": "2015-12-31"}
    dated = fc.with_dates(fc.load_config("google"), prices, chosen)
    assert dated.evaluation.start == date(2016, 1, 1)
    assert dated.evaluation.end == date(2017, 12, 31)


def test_the_dates_that_are_told_are_sessions(make_prices):
    prices = make_prices(100)[["close"]]
    days = prices.index
    place = next(n for n in range(70, 99) if days[n].day_name() == "Monday")
    friday, monday = days[place - 1].date(), days[place].date()
    with pytest.warns(RunWarning, match=f"to {friday}, test from {monday} to"):
        fc.with_dates(
            fc.load_config("google"), prices, {"evaluation.start": monday - DAY}
        )


def test_a_chosen_date_changes_written_ones_without_a_word(prices, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nend = 2016-12-31\n")
    chosen = {"training.end": date(2016, 6, 30)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dated = fc.with_dates(fc.load_config(file), prices, chosen)
    assert dated.training.end == date(2016, 6, 30)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"training.stop": "2020-02-01"}, r"training.stop is no date of a range"),
        ({"training.end": "soon"}, "'soon' is not a date"),
        (
            {"training.end": "2020-03-31", "evaluation.start": "2020-02-28"},
            "evaluation.start .* must be later than training.end",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::forecaster.errors.RunWarning")
def test_wrong_dates_are_refused(prices, chosen, said):
    with pytest.raises(ConfigError, match=said):
        fc.with_dates(fc.load_config("google"), prices, chosen)


def test_several_tickers_need_written_dates(prices):
    config = fc.load_config("global-quantiles")
    with pytest.raises(ConfigError, match=r"several tickers.*training\.start"):
        fc.with_dates(config, {"GOOG": prices})


def test_a_search_of_settings_stays(prices):
    config = fc.load_config("google", ["tuning.space={'window.lookback'=[3, 5]}"])
    with pytest.warns(RunWarning):
        dated = fc.with_dates(config, prices)
    assert dated.tuning == config.tuning


def test_too_few_sessions_are_left_to_what_refuses_them(make_prices):
    config = fc.load_config("google", ["data.ticker=TEST"])
    assert fc.with_dates(config, make_prices(2).head(1)) is config


@pytest.mark.filterwarnings("ignore::forecaster.errors.RunWarning")
def test_a_saved_run_knows_whose_prices_it_was_trained_on(closes_csv, prices):
    read = fc.load_prices(path=closes_csv.name)
    dated = fc.with_dates(fc.load_config("google"), read)
    assert (dated.data.ticker, dated.data.path) == ("MINE", str(closes_csv))
    table = fc.with_dates(dated, fc.load_prices("acme", frame=prices))
    assert (table.data.ticker, table.data.path) == ("ACME", None)
    apple = fc.with_dates(dated, fc.load_prices("AAPL"))
    assert (apple.data.ticker, apple.data.path) == ("AAPL", None)


@pytest.fixture
def closes_csv(prices, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prices.to_csv("mine.csv")
    return tmp_path / "mine.csv"
