import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.retrying import (
    LONGEST_BLOCK,
    RetryPolicy,
    StillBlocked,
    patiently,
    retry_seconds,
)
from forecaster.errors import (
    BadResponse,
    RateLimited,
    SourceTimeout,
    SourceUnavailable,
    SymbolNotFound,
)


def failing(*errors, then="prices"):
    """Return a function that raises these errors, one at each call, then succeeds."""
    waiting = list(errors)

    def attempt():
        if waiting:
            raise waiting.pop(0)
        return then

    return attempt


def test_success_needs_no_wait(make_gate, clock):
    assert (
        patiently(failing(), "GOOG", gate=make_gate(), policy=RetryPolicy()) == "prices"
    )
    assert clock.waits == []


def test_waits_grow_and_vary(make_gate, clock):
    errors = [SourceTimeout("a"), SourceUnavailable("b"), BadResponse("c")]
    patiently(failing(*errors), "GOOG", gate=make_gate(), policy=RetryPolicy())
    assert [int(wait // 1) for wait in clock.waits] == [
        pytest.approx(floor, abs=1) for floor in (1, 2, 4)
    ]
    assert 1 <= clock.waits[0] < 2 <= clock.waits[1] < 3
    assert len({wait % 1 for wait in clock.waits}) == 3


def test_last_error_is_raised(make_gate, clock):
    errors = [SourceTimeout("first"), BadResponse("second"), SourceTimeout("third")]
    with pytest.raises(BadResponse, match="second"):
        patiently(
            failing(*errors), "GOOG", gate=make_gate(), policy=RetryPolicy(attempts=2)
        )
    assert len(clock.waits) == 1


@pytest.mark.parametrize("error", [SymbolNotFound("no"), ValueError("a bug")], ids=repr)
def test_answers_and_bugs_are_not_repeated(make_gate, clock, error):
    with pytest.raises(type(error)):
        patiently(failing(error), "GOOG", gate=make_gate(), policy=RetryPolicy())
    assert clock.waits == []


def test_retry_after_is_honoured(make_gate, clock):
    busy = SourceUnavailable("503", retry_after=25.0)
    patiently(failing(busy), "GOOG", gate=make_gate(), policy=RetryPolicy())
    assert 25 <= clock.waits[0] < 30


def test_rate_limit_waits_longer_each_time(make_gate, clock):
    limits = [RateLimited("429")] * 3
    policy = RetryPolicy(total=1000)
    patiently(failing(*limits), "GOOG", gate=make_gate(), policy=policy)
    floors = zip(clock.waits, (30, 60, 120), strict=True)
    assert all(floor <= wait < floor + 10 for wait, floor in floors)


def test_patience_is_bounded_in_all(make_gate, clock):
    forever = failing(*[RateLimited("429", retry_after=100.0)] * 9)
    policy = RetryPolicy(attempts=9, total=180)
    with pytest.raises(RateLimited):
        patiently(forever, "GOOG", gate=make_gate(), policy=policy)
    assert len(clock.waits) == 1
    assert sum(clock.waits) < 180


def test_rate_limit_closes_the_gate(make_gate, clock):
    with pytest.raises(RateLimited):
        patiently(
            failing(RateLimited("429", retry_after=600.0)),
            "GOOG",
            gate=make_gate(),
            policy=RetryPolicy(),
        )
    other = make_gate()
    with pytest.raises(StillBlocked, match=r"AAPL: not asked.*22:23:20 UTC \(600 s\)"):
        patiently(failing(), "AAPL", gate=other, policy=RetryPolicy())
    assert clock.waits == []
    clock.time += 601
    assert patiently(failing(), "AAPL", gate=other, policy=RetryPolicy()) == "prices"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999", LONGEST_BLOCK),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_retry_seconds(header, seconds):
    assert retry_seconds(header, now=10.0) == seconds


@given(st.text())
def test_retry_seconds_takes_anything(header):
    seconds = retry_seconds(header, now=0.0)
    assert seconds is None or 0 <= seconds <= LONGEST_BLOCK
