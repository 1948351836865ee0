"""Networks that the batch trains: when they are due, on what, and again the same."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecaster.batch import working
from forecaster.batch.bundles import PackedBundle
from forecaster.batch.models import Fit, TrainedModel
from forecaster.bundle import load_bundle
from forecaster.config import load_config
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.data.calendar import sessions_between
from forecaster.errors import ConfigError
from tests.batch.conftest import LAST, TICKERS, write_prices


@pytest.fixture
def trains(training_file):
    """Return the section `model` of a batch that trains."""

    def make(**more):
        return {"settings": str(training_file), **more}

    return make


def model_of(desk, section):
    batch = check_settings(BatchConfig, desk.settings(model=section))
    return TrainedModel(load_config(section["settings"]), batch, TICKERS)


def test_the_first_training_ends_where_the_settings_say(desk, trains):
    model = model_of(desk, trains())
    for day in (date(2020, 3, 27), date(2020, 8, 19)):
        assert model.fit_for("AAA", day) == Fit("universe", date(2020, 3, 27))
    with pytest.raises(ConfigError, match="first training ends on 2020-03-27"):
        model.fit_for("AAA", date(2020, 3, 26))


def test_refits_follow_the_sessions(desk, trains):
    model = model_of(desk, trains(refit=10, scope="ticker"))
    sessions = sessions_between("2020-03-27", LAST)
    for place, day in enumerate(sessions):
        end = sessions[place - place % 10].date()
        assert model.fit_for("AAA", day.date()) == Fit("AAA", end)


def test_one_network_for_all(desk, trains):
    summary = desk.run(model=trains(refit=40))
    assert summary.counts["forecast"] == len(TICKERS)
    (folder,) = (desk.folder / "batches" / "nightly" / "models").glob("*/*/*")
    assert (folder.parent.name, folder.name) == ("universe", "2020-07-22")
    config = load_bundle(folder).config
    assert config.data.tickers == TICKERS
    assert config.training.end == date(2020, 7, 22)
    (run,) = desk.runs().to_dict("records")
    assert run["fingerprint"] == PackedBundle.read(folder).fingerprint
    assert run["model"] == "tiny"


def test_one_network_for_each(desk, trains):
    desk.run(model=trains(scope="ticker"))
    folders = (desk.folder / "batches" / "nightly" / "models").glob("*/*/*")
    found = {folder.parent.name: load_bundle(folder) for folder in folders}
    assert {*found} == {*TICKERS}
    assert {one.trained_on.ticker for one in found.values()} == {*TICKERS}
    rows = desk.rows()
    for ticker, forecaster in found.items():
        own = rows.loc[rows["ticker"] == ticker]
        assert own["value"].iloc[0] == pytest.approx(
            forecaster.predict(read(desk, ticker)).price[0], rel=1e-5
        )


def read(desk, ticker):
    from forecaster.data.sources import load_prices

    return load_prices(ticker, path=desk.folder / "prices")


@pytest.mark.parametrize("scope", ["universe", "ticker"])
def test_a_replay_with_fresh_networks_has_the_same_rows(desk, trains, scope, universe):
    section = trains(refit=10, scope=scope)
    desk.run(catch_up=2, model=section)
    # Nothing later than the evening may be seen, in training either.
    random = np.random.default_rng(1)
    for frame in universe.values():
        changed = frame.copy()
        changed.attrs = dict(frame.attrs)
        later = changed.index > "2020-08-17"
        prices = ["open", "high", "low", "close"]
        changed.loc[later, prices] *= random.uniform(0.5, 2.0)
        write_prices(desk.folder / "prices", changed)
    desk.run(
        as_of="2020-08-17",
        model=section,
        ledger__place=str(desk.folder / "b.db"),
        outputs__folder=str(desk.folder / "elsewhere"),
    )
    rows = desk.rows()
    rows = rows.loc[rows["origin"] == "2020-08-17"].reset_index(drop=True)
    pd.testing.assert_frame_equal(desk.rows("b.db"), rows, check_exact=True)


def test_networks_are_trained_once(desk, trains):
    section = trains(scope="ticker", refit=60)
    desk.run(as_of="2020-08-17", model=section)
    files = [*(desk.folder / "batches").rglob("model.weights.h5")]
    written = [file.stat().st_mtime_ns for file in files]
    assert len(files) == len(TICKERS)
    desk.run(model=section)
    assert [file.stat().st_mtime_ns for file in files] == written
    assert not [one for one in desk.notes.told if one["event"] == "train"]


def test_a_rolling_window_moves_its_beginning(desk, trains):
    model = model_of(desk, trains(refit=10, window="rolling"))
    fit = model.fit_for("AAA", date(2020, 8, 19))
    config = model.config_of(fit, TICKERS)
    assert config.training.end == fit.end
    assert config.training.end - config.training.start == (
        date(2020, 3, 27) - date(2020, 1, 1)
    )
    # Another beginning is another network.
    other = model_of(desk, trains(refit=10))
    assert other.folder_of(fit) != model.folder_of(fit)


def test_a_young_ticker_is_forecast_by_a_network_that_never_saw_it(
    desk, trains, universe, monkeypatch
):
    young = universe["DDD"].iloc[-30:]
    write_prices(desk.folder / "prices", young)
    monkeypatch.setattr(working, "LEAST_SHARE", 0.7)
    summary = desk.run(model=trains())
    assert summary.status == "finished"
    (folder,) = (desk.folder / "batches" / "nightly" / "models").glob("*/*/*")
    assert load_bundle(folder).config.data.tickers == ("AAA", "BBB", "CCC")
    left_out = [one for one in desk.notes.told if one["event"] == "left out"]
    assert [one["ticker"] for one in left_out] == ["DDD"]


def test_a_ticker_that_cannot_be_trained_on_fails_alone(desk, trains, universe):
    write_prices(desk.folder / "prices", universe["DDD"].iloc[-30:])
    summary = desk.run(model=trains(scope="ticker"))
    (failure,) = summary.failures
    assert failure.ticker == "DDD"
    assert {*desk.rows()["ticker"]} == {"AAA", "BBB", "CCC"}


def test_nothing_is_trained_on_prices_that_end_long_before(desk, trains):
    summary = desk.run(as_of="2020-12-01", model=trains(refit=60), now=LATER)
    assert summary.status == "failed"
    assert not [*(desk.folder / "batches").rglob("manifest.json")]


def test_a_damaged_network_is_trained_again(desk, trains):
    desk.run(as_of="2020-08-17", model=trains())
    before = desk.rows()
    (weights,) = (desk.folder / "batches").rglob("model.weights.h5")
    whole = weights.read_bytes()
    weights.write_bytes(b"")
    assert desk.run(model=trains()).status == "finished"
    (told,) = [one for one in desk.notes.told if one["event"] == "trained again"]
    assert "model.weights.h5" in told["reason"]
    assert weights.exists()
    assert weights.read_bytes() != b""
    assert (weights.parent.parent / f"{weights.parent.name}.damaged-1").is_dir()
    # It is the same network: a replay elsewhere has the same rows.
    desk.run(as_of="2020-08-17", model=trains(), ledger__place=str(desk.folder / "b"))
    pd.testing.assert_frame_equal(desk.rows("b"), before, check_exact=True)
    assert len(weights.read_bytes()) == len(whole)


def test_a_network_is_not_made_of_the_few_that_could_be_read(desk, trains, universe):
    for name in ("BBB", "CCC", "DDD"):
        (desk.folder / "prices" / f"{name}.csv").unlink()
    summary = desk.run(model=trains())
    assert summary.status == "failed"
    assert "1 of 4 tickers" in summary.failures[0].reason
    for name in ("BBB", "CCC", "DDD"):
        write_prices(desk.folder / "prices", universe[name])
    assert desk.run(model=trains()).status == "finished"
    (folder,) = (desk.folder / "batches" / "nightly" / "models").glob("*/*/*")
    assert load_bundle(folder).config.data.tickers == TICKERS


def test_who_joins_is_forecast_by_the_network_that_is_there(desk, trains):
    few = {"tickers": ["AAA", "BBB", "CCC"]}
    desk.run(as_of="2020-08-17", model=trains(), universe=few)
    desk.run(model=trains())
    (folder,) = (desk.folder / "batches" / "nightly" / "models").glob("*/*/*")
    assert load_bundle(folder).config.data.tickers == ("AAA", "BBB", "CCC")
    assert {*desk.rows()["ticker"]} == {*TICKERS}


def test_a_bug_in_one_training_is_that_tickers_alone(desk, trains, monkeypatch):
    from forecaster.batch import training

    def broken(prices, *words, **more):
        if prices.attrs["ticker"] == "BBB":
            raise ValueError("no such thing")
        return train(prices, *words, **more)

    train = training.train_calibrated
    monkeypatch.setattr(training, "train_calibrated", broken)
    summary = desk.run(model=trains(scope="ticker"))
    (failure,) = summary.failures
    assert (failure.ticker, failure.kind) == ("BBB", "ValueError")
    (told,) = [one for one in desk.notes.told if one["event"] == "training failed"]
    assert "no such thing" in told["traceback"]


def test_catching_up_ends_where_training_began(desk, trains):
    summary = desk.run(as_of="2020-03-30", catch_up=3, model=trains())
    assert summary.counts == {"forecast": 8, "known": 0, "failed": 8}
    assert {str(one.origin) for one in summary.failures} == {
        *("2020-03-25", "2020-03-26"),
    }
    assert {one.kind for one in summary.failures} == {"ConfigError"}


def test_a_bundle_travels_whole(bundle, tmp_path):
    packed = PackedBundle.read(bundle)
    packed.write(tmp_path / "copy")
    assert PackedBundle.read(tmp_path / "copy") == packed
    assert packed.load() is packed.load()


LATER = pd.Timestamp("2020-12-02T12:00", tz="UTC").to_pydatetime()
