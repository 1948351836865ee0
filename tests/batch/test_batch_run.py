"""A batch does what is due, once, whatever becomes of single tickers."""

import json
import warnings
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from forecaster.bundle import load_bundle
from forecaster.data.sources import load_prices
from forecaster.errors import ConfigError, LedgerHeld, OutputError
from forecaster.ledger import POINT, Ledger
from tests.batch.conftest import EVENING, LAST, TICKERS, write_prices


def same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_forecasts_are_those_of_the_network(desk):
    summary = desk.run()
    assert (summary.status, summary.exit_code) == ("finished", 0)
    assert summary.counts == {"forecast": 4, "known": 0, "failed": 0}
    rows = desk.rows()
    assert [*rows["ticker"]] == [*TICKERS]
    forecaster = load_bundle(desk.bundle, fast=True)
    for ticker in TICKERS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prices = load_prices(ticker, path=desk.folder / "prices")
            wanted = forecaster.predict(prices)
        row = rows.loc[rows["ticker"] == ticker].iloc[0]
        assert row["value"] == wanted.price[0]
        assert row["last_price"] == prices["close"].iloc[-1]
        assert str(row["origin"].date()) == LAST
        assert str(row["session"].date()) == "2020-08-20"


def test_a_second_run_does_nothing(desk):
    desk.run()
    before, runs = desk.rows(), desk.runs()
    file = desk.folder / "batches" / "nightly" / LAST / "forecasts.csv"
    written = file.stat().st_mtime_ns
    again = desk.run()
    assert (again.status, again.exit_code) == ("up to date", 0)
    assert again.counts == {"forecast": 0, "known": 4, "failed": 0}
    same(desk.rows(), before)
    assert len(desk.runs()) == len(runs) == 1
    assert file.stat().st_mtime_ns == written


def test_one_broken_ticker_does_not_stop_the_others(desk, universe):
    (desk.folder / "prices" / "BBB.csv").write_text("date,close\n2020-08-19,-1\n")
    summary = desk.run()
    assert (summary.status, summary.exit_code) == ("partly", 5)
    assert [one.ticker for one in summary.failures] == ["BBB"]
    assert {*desk.rows()["ticker"]} == {"AAA", "CCC", "DDD"}
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        (failure,) = ledger.failures().to_dict("records")
    assert failure["ticker"] == "BBB"
    assert failure["reason"] == summary.failures[0].reason
    assert "BBB" in failure["reason"]
    # Once it is mended, the next run makes the rest and nothing else.
    write_prices(desk.folder / "prices", universe["BBB"])
    mended = desk.run()
    assert mended.counts == {"forecast": 1, "known": 3, "failed": 0}
    assert {*desk.rows()["ticker"]} == {*TICKERS}


def test_if_all_fail_the_code_is_that_of_the_failure(desk):
    for file in (desk.folder / "prices").iterdir():
        file.write_text("nothing\n")
    summary = desk.run()
    assert (summary.status, summary.exit_code) == ("failed", 3)
    assert desk.rows().empty


def test_prices_that_end_too_early_are_no_ground_for_a_forecast(desk, universe):
    write_prices(desk.folder / "prices", universe["CCC"].iloc[:-1])
    summary = desk.run()
    (failure,) = summary.failures
    assert failure.kind == "NoDataInRange"
    assert "2020-08-18" in failure.reason
    assert LAST in failure.reason
    assert summary.ages == {"AAA": 0, "BBB": 0, "CCC": 1, "DDD": 0}


def test_a_missing_ticker_is_told(desk):
    summary = desk.run(universe={"tickers": ["AAA", "ZZZ"]})
    (failure,) = summary.failures
    assert (failure.ticker, failure.kind) == ("ZZZ", "SymbolNotFound")


def test_catching_up_fills_what_was_missed_from_the_oldest_on(desk):
    desk.run(as_of="2020-08-17")
    summary = desk.run(catch_up=3)
    days = ["2020-08-14", "2020-08-17", "2020-08-18", LAST]
    assert [str(day) for day in summary.origins] == days
    assert summary.counts == {"forecast": 12, "known": 4, "failed": 0}
    runs = desk.runs()
    assert [str(day.date()) for day in runs["origin"]] == [
        *("2020-08-17", "2020-08-14", "2020-08-18"),
        LAST,
    ]
    assert set(runs["status"]) == {"finished"}


def test_a_replayed_evening_has_the_same_rows(desk):
    desk.run(catch_up=4)
    replayed = desk.run(as_of="2020-08-14", ledger__place=str(desk.folder / "b.db"))
    assert replayed.counts["forecast"] == len(TICKERS)
    rows = desk.rows()
    rows = rows.loc[rows["origin"] == "2020-08-14"].reset_index(drop=True)
    same(desk.rows("b.db"), rows)


def test_later_prices_change_nothing(desk, universe):
    desk.run(as_of="2020-08-14")
    before = desk.rows()
    random = np.random.default_rng(5)
    for frame in universe.values():
        changed = frame.copy()
        changed.attrs = dict(frame.attrs)
        factor = random.uniform(0.5, 2.0)
        later = changed.index > "2020-08-14"
        changed.loc[later, ["open", "high", "low", "close"]] *= factor
        write_prices(desk.folder / "prices", changed)
    desk.run(as_of="2020-08-14", ledger__place=str(desk.folder / "b.db"))
    same(desk.rows("b.db"), before)


def test_before_the_close_and_its_delay_the_session_before_is_due(desk):
    close = datetime(2020, 8, 19, 20, 0, tzinfo=UTC)
    early = desk.run(now=close.replace(minute=44))
    assert [str(day) for day in early.origins] == ["2020-08-18"]
    late = desk.run(now=close.replace(minute=45))
    assert [str(day) for day in late.origins] == [LAST]


def test_what_was_killed_is_marked_so(desk):
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        ledger.begin_run("nightly", "tiny", started=EVENING, version="1")
        ledger.begin_run("another", "tiny", started=EVENING, version="1")
    desk.run()
    assert [*desk.runs()["status"]] == ["abandoned", "running", "finished"]


def test_two_at_once_are_one_too_many(desk):
    with Ledger.open(desk.folder / "ledger.db") as ledger, ledger.lock("nightly"):
        with pytest.raises(LedgerHeld) as caught:
            desk.run()
        assert caught.value.exit_code == 75
        # Another batch of the same ledger is none of its business.
        assert desk.run(name="weekly").status == "finished"


def test_the_outputs_are_what_the_ledger_holds(desk):
    summary = desk.run(outputs__formats=["csv", "json", "parquet"])
    folder = desk.folder / "batches" / "nightly" / LAST
    names = {file.name for file in folder.iterdir()}
    tables = {f"forecasts.{kind}" for kind in ("csv", "json", "parquet")}
    assert names == {*tables, "report.html", "summary.json"}
    assert {*summary.files} == {str(folder / name) for name in names}
    csv = pd.read_csv(folder / "forecasts.csv")
    parquet = pd.read_parquet(folder / "forecasts.parquet")
    records = json.loads((folder / "forecasts.json").read_text())
    values = [*desk.rows()["value"]]
    assert [*csv["predicted"]] == [*parquet["predicted"]] == values
    assert [row["predicted"] for row in records] == values
    assert [row["session"] for row in records] == ["2020-08-20"] * 4
    assert desk.summary_file(LAST)["counts"]["forecast"] == len(TICKERS)


def test_the_report_names_failures_and_escapes_them(desk):
    desk.run(universe={"tickers": ["AAA", "ZZZ"]}, name="n")
    page = (desk.folder / "batches" / "n" / LAST / "report.html").read_text()
    assert "1 of 2 tickers have a forecast, 1 failed" in page
    assert "ZZZ" in page
    assert page.count("<script") == 1  # the page's own, which opens what is folded


def test_intervals_are_recorded_as_quantiles_that_do_not_cross(desk, quantile_bundle):
    desk.run(
        model={"bundle": str(quantile_bundle)},
        forecast__levels=[0.5, 0.8],
    )
    rows = desk.rows()
    own = rows.loc[(rows["ticker"] == "AAA") & (rows["step"] == 2)]
    wanted = [POINT, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    assert [*own["quantile"]] == wanted
    quantiles = own["value"].to_numpy()[1:]
    assert (np.diff(quantiles) >= 0).all()
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        assert ledger.verify() == ()


def test_further_levels_are_made_later(desk, quantile_bundle):
    model = {"bundle": str(quantile_bundle)}
    desk.run(model=model)
    before = desk.rows()
    assert desk.run(model=model).status == "up to date"
    assert desk.run(model=model, forecast__levels=[0.8]).counts["forecast"] == 4
    rows = desk.rows()
    assert {*rows["quantile"]} - {*before["quantile"]} == {0.1, 0.9}
    assert desk.run(model=model, forecast__levels=[0.8]).status == "up to date"


def test_a_contradiction_says_what_to_do(desk, bundle, quantile_bundle):
    desk.run(model={"bundle": str(bundle), "name": "same"})
    # Another network under the same name.
    other = {"bundle": str(quantile_bundle), "name": "same"}
    summary = desk.run(model=other)
    assert summary.status == "failed"
    assert "give the model another name" in summary.failures[0].reason


def test_levels_want_quantiles(desk):
    with pytest.raises(ConfigError, match="quantile"):
        desk.run(forecast__levels=[0.9])


def test_a_longer_horizon_is_made(desk):
    desk.run(forecast__horizon=3)
    rows = desk.rows()
    assert [*rows.loc[rows["ticker"] == "AAA", "step"]] == [1, 2, 3]


def test_no_forecast_of_what_the_network_was_trained_on(desk):
    summary = desk.run(as_of="2020-03-20", name="early")
    assert summary.status == "failed"
    assert {one.kind for one in summary.failures} == {"ConfigError"}
    assert "trained on prices up to 2020-03-27" in summary.failures[0].reason


def test_doubts_are_told_and_stop_nothing(desk, universe):
    doubtful = universe["AAA"].drop(universe["AAA"].index[-20])
    doubtful.attrs = dict(universe["AAA"].attrs)
    write_prices(desk.folder / "prices", doubtful)
    assert desk.run().status == "finished"
    doubts = [one for one in desk.notes.told if one["event"] == "doubt"]
    assert any(one["ticker"] == "AAA" for one in doubts)


def test_what_earlier_forecasts_were_worth(desk):
    for _ in range(2):
        desk.run(catch_up=20)
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        table = ledger.score()
    # The newest forecast waits for its price.
    assert {*table["n_origins"]} == {20}
    assert {*table["n_open"]} == {1}
    page = (desk.folder / "batches" / "nightly" / LAST / "report.html").read_text()
    assert "Against the last price" in page


def test_a_replay_scores_nothing(desk):
    desk.run(catch_up=3, as_of="2020-08-18")
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        assert ledger.awaited()["first"].min() == pd.Timestamp("2020-08-13")
        assert ledger.forecasts()["actual"].isna().all()


def test_the_run_is_noted_with_the_network(desk):
    desk.run()
    (run,) = desk.runs().to_dict("records")
    assert run["config"] == "nightly"
    assert run["model"] == "tiny"
    assert run["counts"] == {"tickers": 4, "forecast": 4}
    assert run["origin"].date() == date(2020, 8, 19)
    assert len(run["fingerprint"]) == 64


def test_the_settings_name_the_model(desk):
    desk.run(model__name="mine")
    assert {*desk.rows()["model"]} == {"mine"}


def test_another_calendar_is_refused(desk):
    with pytest.raises(ConfigError, match="XLON"):
        desk.run(source__calendar="XLON")


def test_outputs_that_were_not_written_are_made_the_next_time(desk):
    folder = desk.folder / "batches" / "nightly"
    folder.mkdir(parents=True)
    blocked = folder / LAST
    blocked.write_text("in the way")
    with pytest.raises(OutputError):
        desk.run()
    assert len(desk.rows()) == len(TICKERS)
    blocked.unlink()
    summary = desk.run()
    assert summary.status == "up to date"
    assert (blocked / "forecasts.csv").is_file()
    assert (blocked / "summary.json").is_file()
    assert desk.run().files == ()


def test_a_folder_that_cannot_be_written_is_told_before_the_work(desk):
    with pytest.raises(OutputError, match="/proc/nowhere"):
        desk.run(outputs__folder="/proc/nowhere")
    assert desk.rows().empty


def test_what_waits_is_written_though_the_process_is_ended(desk, monkeypatch):
    from forecaster.interrupts import Terminated

    write, calls = Ledger.write_all, []

    def interrupted(self, rows, **more):
        calls.append(len(rows))
        if len(calls) == 1:
            raise Terminated
        return write(self, rows, **more)

    monkeypatch.setattr(Ledger, "write_all", interrupted)
    with pytest.raises(Terminated):
        desk.run()
    assert calls == [4, 4]
    assert len(desk.rows()) == len(TICKERS)
    assert [*desk.runs()["status"]] == ["abandoned"]


def test_forecasts_are_recorded_while_others_are_being_made(desk, monkeypatch):
    """Whatever ends the process then, these stay."""
    from forecaster.batch import recording, working

    monkeypatch.setattr(recording, "MOST_WAITING", 2)
    monkeypatch.setattr(working, "N_TOGETHER", 1)
    heard = []

    def heed():
        heard.append(len(desk.rows()))

    desk.run(heed=heed)
    assert heard == [0, 2, 2, 4]
