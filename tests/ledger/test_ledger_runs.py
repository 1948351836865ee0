"""Runs: what they were made for, which tickers failed in them, and how they ended."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from forecaster.errors import ConfigError, DataError, LedgerError

LATER = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
DAY = pd.Timestamp("2026-11-20")


def failed(*tickers, origin=DAY, **changes):
    facts = {"kind": "SourceTimeout", "reason": "no answer", "n_attempts": 3}
    rows = pd.DataFrame({"ticker": tickers, "origin": origin})
    return rows.assign(**(facts | changes))


def test_a_run_says_its_origin_and_its_weights(ledger, begin):
    begin(ledger)
    begin(ledger, origin=date(2026, 11, 20), fingerprint="ab12")
    found = ledger.runs()
    assert found["origin"].isna().tolist() == [True, False]
    assert found["origin"].iloc[1] == DAY
    assert found["fingerprint"].isna().tolist() == [True, False]
    assert found["fingerprint"].iloc[1] == "ab12"
    assert ledger.forecasts().empty


def test_failures_are_kept_by_run_ticker_and_origin(ledger, begin):
    first, second = begin(ledger), begin(ledger)
    assert ledger.add_failures(first, failed("goog", "AAPL")) == 2
    assert ledger.add_failures(second, failed("GOOG", origin="2026-11-19")) == 1
    found = ledger.failures()
    assert list(found) == ["run", "ticker", "origin", "kind", "reason", "n_attempts"]
    keys = found[["run", "ticker"]].to_records(index=False).tolist()
    assert keys == [(first, "AAPL"), (first, "GOOG"), (second, "GOOG")]
    assert found["origin"].tolist() == [DAY, DAY, pd.Timestamp("2026-11-19")]
    assert found["n_attempts"].tolist() == [3, 3, 3]
    assert ledger.failures(run=first)["ticker"].tolist() == ["AAPL", "GOOG"]
    assert ledger.verify() == ()


def test_a_later_failure_takes_the_place_of_an_earlier(ledger, begin):
    run = begin(ledger)
    ledger.add_failures(run, failed("GOOG"))
    changed = failed("GOOG", kind="BadResponse", reason="no JSON", n_attempts=4)
    assert ledger.add_failures(run, changed) == 1
    (row,) = ledger.failures().to_dict("records")
    assert (row["kind"], row["reason"], row["n_attempts"]) == (
        *("BadResponse", "no JSON"),
        4,
    )


def test_the_newest_runs_count_whether_or_not_anything_failed(ledger, begin):
    runs = [begin(ledger) for _ in range(3)]
    ledger.add_failures(runs[0], failed("GOOG"))
    ledger.add_failures(runs[1], failed("AAPL"))
    assert ledger.failures(last=1).empty
    assert ledger.failures(last=2)["ticker"].tolist() == ["AAPL"]
    assert len(ledger.failures(last=3)) == 2
    with pytest.raises(ConfigError, match="1 or more"):
        ledger.failures(last=0)


def test_whatever_a_source_has_said_can_be_stored(ledger, begin):
    run = begin(ledger)
    reason = "answer \0 with <b>ü</b> and\nlines" + "x" * 5000
    odd = failed("no ticker\tat all " * 9, reason=reason)
    assert ledger.add_failures(run, odd) == 1
    stored = ledger.failures()["reason"].item()
    assert stored == reason.replace("\0", "")


def test_no_failures_are_none(ledger, begin):
    assert ledger.add_failures(begin(ledger), failed()) == 0
    assert ledger.failures().empty
    assert ledger.failures()["origin"].dtype == "datetime64[us]"


def test_failures_that_cannot_be_stored_are_refused(ledger, begin):
    run = begin(ledger)
    for rows, message in (
        (failed("GOOG", "goog"), "GOOG, 2026-11-20 is there twice"),
        (failed("GOOG", n_attempts=0), "n_attempts holds something that is not 1, 2"),
        (failed("GOOG", origin="soon"), "origin holds something that is not an ISO"),
        (failed("GOOG").drop(columns="kind"), "kind not among ticker, origin"),
    ):
        with pytest.raises(DataError, match=message):
            ledger.add_failures(run, rows)
    with pytest.raises(LedgerError, match="no run 99") as told:
        ledger.add_failures(99, failed("GOOG"))
    assert told.value.exit_code == 4
    assert ledger.failures().empty


def test_runs_that_were_killed_are_abandoned(ledger, begin):
    ended, killed, killed_too = (begin(ledger) for _ in range(3))
    ledger.finish_run(ended, "finished", {"new": 1}, finished=LATER)
    other = ledger.begin_run("other", "lstm", started=LATER, version="1")
    assert ledger.abandon_runs("google", finished=LATER) == 2
    found = ledger.runs().set_index("id")
    assert found["status"].to_dict() == {
        ended: "finished",
        killed: "abandoned",
        killed_too: "abandoned",
        other: "running",
    }
    assert found.loc[killed, "finished"] == LATER.isoformat()
    assert ledger.abandon_runs("google", finished=LATER) == 0
    ledger.finish_run(other, "abandoned", finished=LATER)
    assert ledger.runs()["status"].iloc[-1] == "abandoned"


def test_many_tickers_are_written_in_one_transaction(ledger, begin, make_rows):
    run = begin(ledger)
    tickers = [f"T{n:02d}" for n in range(12)]
    rows = pd.concat([make_rows(run, [100, 101], ticker=name) for name in tickers])
    assert ledger.write_all(rows) == (72, {})
    again = ledger.forecasts()
    assert len(again) == 72
    assert ledger.write_all(rows) == (0, {})
    pd.testing.assert_frame_equal(ledger.forecasts(), again)


def test_a_refused_ticker_stops_no_other(ledger, begin, make_rows):
    run = begin(ledger)
    ledger.write(make_rows(run, [100], ticker="GOOG"))
    wrong = make_rows(run, [100, 101], ticker="GOOG")
    wrong.loc[2, "value"] += 1
    others = [make_rows(run, [5], ticker=ticker) for ticker in ("AAPL", "MSFT")]
    n_new, refused = ledger.write_all(pd.concat([wrong, *others]))
    assert n_new == 6
    assert list(refused) == ["GOOG"]
    assert "GOOG: the ledger says otherwise of 1 rows" in str(refused["GOOG"])
    known = ledger.known("lstm")
    assert known["ticker"].tolist() == ["AAPL", "GOOG", "MSFT"]
    assert known["n_rows"].tolist() == [3, 3, 3]
    assert ledger.write_all(wrong, replace=True) == (4, {})
    assert ledger.forecasts(tickers=["GOOG"])["value"].tolist() == [
        *wrong["value"].tolist()
    ]


def test_rows_of_an_unknown_run_are_refused_all(ledger, begin, make_rows):
    good = make_rows(begin(ledger), [100], ticker="AAPL")
    with pytest.raises(LedgerError, match="no run 99"):
        ledger.write_all(pd.concat([good, make_rows(99, [100])]))
    assert ledger.forecasts().empty
    assert ledger.write_all(good.head(0)) == (0, {})
