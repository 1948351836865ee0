import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.yahoo_replies import Exchange, read_chart
from forecaster.errors import (
    BadResponse,
    ForecasterError,
    InvalidPrices,
    NoDataInRange,
    RateLimited,
    SourceTimeout,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.support.fakeyahoo import Listing, chart
from tests.support.mutations import json_values, mutate

URL = "https://query2.finance.yahoo.com/v8/finance/chart/GOOG"
LISTING = Listing.embedded(
    "GOOG",
    "2023-09-11",
    dividends={"2023-09-13": 0.2},
    splits={"2023-09-18": (20, 1)},
)
GOOD = chart("GOOG", LISTING, 0, 2_000_000_000)
STATUSES = st.sampled_from([200, 200, 200, 301, 400, 401, 404, 422, 429, 500, 503, 999])


def exchange(content=b"", status=200, **details):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Exchange(url=URL, asked=URL, status=status, body=body, **details)


def test_good_reply():
    meta = read_chart("GOOG", [exchange(GOOD)])
    assert (meta["symbol"], meta["currency"]) == ("GOOG", "USD")


def test_last_chart_decides():
    meta = read_chart("GOOG", [exchange(b"", 500), exchange(b"", 429), exchange(GOOD)])
    assert meta["symbol"] == "GOOG"


def test_other_requests_do_not_matter():
    cookie = Exchange(
        url="https://fc.yahoo.com", asked="https://fc.yahoo.com", status=404
    )
    lost = Exchange(url="https://fc.yahoo.com", asked="", failure=("Timeout",))
    assert read_chart("GOOG", [cookie, exchange(GOOD), lost])["symbol"] == "GOOG"


def test_chart_behind_a_consent_page():
    form = Exchange(url="https://consent.yahoo.com/page", asked=URL, status=200)
    posted = Exchange(
        url=URL,
        asked="https://consent.yahoo.com/collect",
        status=200,
        body=json.dumps(GOOD).encode(),
    )
    assert read_chart("GOOG", [form, posted])["symbol"] == "GOOG"


def test_without_a_chart_the_last_request_is_the_evidence():
    crumb = Exchange(url="https://q/getcrumb", asked="", status=429)
    with pytest.raises(RateLimited):
        read_chart("GOOG", [crumb])


def test_nothing_was_sent():
    with pytest.raises(SourceUnavailable, match="GOOG: no request"):
        read_chart("GOOG", [])


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (("ConnectTimeout", "ConnectionError", "Timeout"), SourceTimeout, "in time"),
        (("DNSError", "ConnectionError"), SourceUnavailable, "cannot be resolved"),
        (("ProxyError",), SourceUnavailable, "proxy refused"),
        (("CertificateVerifyError", "SSLError"), SourceUnavailable, "not trusted"),
        (("NeverHeardOf", "OSError"), SourceUnavailable, "NeverHeardOf"),
        ((), SourceUnavailable, "no reply"),
    ],
)
def test_no_reply(failure, error, words):
    with pytest.raises(error, match=words):
        read_chart("GOOG", [Exchange(url=URL, asked=URL, failure=failure)])


def test_retry_after_is_passed_on():
    with pytest.raises(RateLimited, match="Wait 90 s") as caught:
        read_chart("GOOG", [exchange(b"", 429, retry_after=90.0)])
    assert caught.value.retry_after == 90.0


def test_unknown_ticker_needs_yahoos_own_words():
    refusal = {"chart": {"result": None, "error": {"code": "Not Found"}}}
    with pytest.raises(SymbolNotFound):
        read_chart("GOOG", [exchange(refusal, 404)])
    with pytest.raises(BadResponse):
        read_chart("GOOG", [exchange({"message": "Not Found"}, 404)])


def test_error_inside_a_good_status():
    refusal = {"chart": {"result": None, "error": {"description": "delisted"}}}
    with pytest.raises(BadResponse) as caught:
        read_chart("GOOG", [exchange(refusal)])
    assert "delisted" not in str(caught.value)


def test_case_of_the_symbol_does_not_matter():
    payload = json.loads(json.dumps(GOOD))
    payload["chart"]["result"][0]["meta"]["symbol"] = "goog"
    read_chart("GOOG", [exchange(payload)])


def changed(path, value):
    """Return the good reply with one value replaced."""
    payload = json.loads(json.dumps(GOOD))
    place = payload["chart"]["result"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return payload


QUOTE = ("indicators", "quote", 0)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (("timestamp",), None, NoDataInRange),
        (("timestamp",), [], NoDataInRange),
        (("timestamp",), "now", InvalidPrices),
        (("timestamp", 0), 1.5, InvalidPrices),
        (("timestamp", 0), True, InvalidPrices),
        (("timestamp", 0), 10**15, InvalidPrices),
        (("indicators",), None, InvalidPrices),
        (("indicators", "quote"), [], InvalidPrices),
        (QUOTE, None, InvalidPrices),
        ((*QUOTE, "open"), [], InvalidPrices),
        ((*QUOTE, "low", 2), "1", InvalidPrices),
        ((*QUOTE, "low", 2), True, InvalidPrices),
        ((*QUOTE, "low", 2), 10**400, InvalidPrices),
        ((*QUOTE, "low", 2), float("nan"), InvalidPrices),
        ((*QUOTE, "volume"), {}, InvalidPrices),
        (("events",), [], InvalidPrices),
        (("events", "dividends"), [1], InvalidPrices),
        (("events", "dividends"), {"1": {"date": 1}}, InvalidPrices),
        (("events", "dividends"), {"1": {"date": "1", "amount": 1}}, InvalidPrices),
        (("events", "splits"), {"1": 2}, InvalidPrices),
        (
            ("events", "splits"),
            {"1": {"date": 1, "numerator": -2, "denominator": 1}},
            InvalidPrices,
        ),
        (
            ("events", "splits"),
            {"1": {"date": 1, "numerator": 1, "denominator": 1e-300}},
            InvalidPrices,
        ),
        (("meta", "symbol"), None, BadResponse),
        (("meta", "symbol"), "MSFT", InvalidPrices),
        (("meta", "dataGranularity"), "1mo", BadResponse),
    ],
)
def test_malformed_reply(path, value, error):
    with pytest.raises(error, match=r"^GOOG: "):
        read_chart("GOOG", [exchange(changed(path, value))])


def test_missing_prices_are_allowed():
    read_chart("GOOG", [exchange(changed((*QUOTE, "low", 2), None))])


def judge(*exchanges):
    """Let a reply be read: nothing but our own errors may come out."""
    try:
        meta = read_chart("GOOG", exchanges)
    except ForecasterError as error:
        assert str(error).startswith("GOOG: ")
        assert str(error).isprintable()
    else:
        assert meta["symbol"].upper() == "GOOG"


@given(content=st.binary(), status=st.none() | STATUSES)
def test_any_bytes(content, status):
    judge(exchange(content, status))


@given(status=STATUSES, payload=json_values)
def test_any_json(status, payload):
    judge(exchange(payload, status))


@given(
    status=STATUSES,
    steps=st.lists(st.tuples(st.integers(0, 10**6), json_values), max_size=4),
)
def test_any_mutation_of_a_good_reply(status, steps):
    judge(exchange(mutate(GOOD, steps), status))


@given(
    failure=st.lists(st.text(max_size=10)),
    url=st.text(max_size=30),
    kind=st.text(max_size=50),
)
def test_any_failure(failure, url, kind):
    lost = Exchange(url=url, asked=url, failure=tuple(failure), content_type=kind)
    judge(lost)
    judge(lost, exchange(b"{", content_type=kind))
