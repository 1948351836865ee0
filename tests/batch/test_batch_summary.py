"""The summary of a batch: its status and its exit code follow from the tickers'."""

from datetime import UTC, date, datetime

import pytest

from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.errors import NotEnoughHistory, SourceTimeout

ORIGIN = date(2023, 9, 20)


def summary(*outcomes):
    return BatchSummary(
        name="nightly",
        model="google",
        ledger="ledger.db",
        origins=(ORIGIN,),
        started=datetime(2023, 9, 20, 21, 0, tzinfo=UTC),
        finished=datetime(2023, 9, 20, 21, 0, 30, tzinfo=UTC),
        outcomes=outcomes,
    )


def done(ticker, status="forecast"):
    return TickerOutcome(ticker, ORIGIN, status)


def failed(ticker, error):
    return TickerOutcome.failure(ticker, ORIGIN, error)


TIMEOUT = SourceTimeout("no answer")
SHORT = NotEnoughHistory("CCC", 65, 40)


@pytest.mark.parametrize(
    ("outcomes", "status", "code"),
    [
        ((), "up to date", 0),
        ((done("AAA", "known"),), "up to date", 0),
        ((done("AAA", "known"), done("BBB")), "finished", 0),
        ((done("AAA", "known"), failed("BBB", TIMEOUT)), "partly", 5),
        ((failed("AAA", TIMEOUT),), "failed", 7),
        (
            (failed("AAA", SHORT), failed("BBB", TIMEOUT), failed("CCC", SHORT)),
            "failed",
            3,
        ),
    ],
)
def test_status_and_exit_code(outcomes, status, code):
    made = summary(*outcomes)
    assert (made.status, made.exit_code) == (status, code)


@pytest.mark.parametrize(
    ("tonight", "status", "code"),
    [
        ("forecast", "finished", 0),
        ("known", "partly", 5),
        ("failed", "failed", 7),
    ],
)
def test_earlier_origins_that_are_known_are_no_success(tonight, status, code):
    earlier = date(2023, 9, 19)
    before = [TickerOutcome(name, earlier, "known") for name in "AB"]
    if tonight == "forecast":
        made = summary(*before, done("A"), done("B"))
    elif tonight == "known":
        missed = TickerOutcome.failure("C", earlier, TIMEOUT)
        made = summary(*before, missed, done("A", "known"), done("B", "known"))
    else:
        made = summary(*before, failed("A", TIMEOUT), failed("B", TIMEOUT))
    assert (made.status, made.exit_code) == (status, code)
    assert {one.origin for one in made.newest} == {ORIGIN}


def test_a_failure_keeps_its_reason():
    outcome = failed("CCC", SHORT)
    assert outcome.to_dict() == {
        "ticker": "CCC",
        "origin": "2023-09-20",
        "status": "failed",
        "kind": "NotEnoughHistory",
        "reason": str(SHORT),
        "n_attempts": 1,
    }


def test_the_document():
    document = summary(done("AAA"), failed("BBB", TIMEOUT)).to_dict()
    assert document["counts"] == {"forecast": 1, "known": 0, "failed": 1}
    assert document["seconds"] == 30
    assert document["origins"] == ["2023-09-20"]
