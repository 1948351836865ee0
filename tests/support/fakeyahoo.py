"""A Yahoo on loopback: the addresses that yfinance 1.7 uses for daily histories.

The real, unpatched client reaches it as its proxy: by `yfinance.config.network.proxy`
in one process, or by `HTTPS_PROXY` for a child process. Every host then ends here, with
a certificate from the tests' own authority::

    with FakeYahoo({"GOOG": Listing.embedded("GOOG")}, authority) as yahoo:
        yahoo.plant("GOOG", faults.status(500))
        ...
        assert len(yahoo.charts()) == 2

Faults are planted for a ticker, or for `chart` (any ticker), `getcrumb`, `cookie`,
`consent` and `connect HOST`.
"""

import dataclasses
import datetime
import functools
import json
import math
import urllib.parse
import zoneinfo
from pathlib import Path

import pandas as pd

from tests.support.loopback import Answer, LoopbackServer

HOSTS = ("*.finance.yahoo.com", "finance.yahoo.com", "*.yahoo.com", "yahoo.com")
EMBEDDED = Path(__file__).parents[2] / "data"
COOKIE = (
    "A3=d=FAKE&S=AQ; Max-Age=31557600; Domain=.yahoo.com; Path=/; SameSite=None; "
    "Secure; HttpOnly; Expires=Fri, 01 Jan 2100 00:00:00 GMT"
)
FORM = """<html><form method="post" action="https://consent.yahoo.com/collect?back={}">
<input name="csrfToken" value="token"/><input name="sessionId" value="session"/>
</form></html>"""


@dataclasses.dataclass
class Listing:
    """What Yahoo knows of one ticker.

    Attributes
    ----------
    prices
        Index of naive dates; columns `open high low close adj_close volume`, divided
        by later splits as Yahoo has them.
    dividends, splits
        By ISO date: an amount; new and old shares.
    """

    prices: pd.DataFrame
    dividends: dict = dataclasses.field(default_factory=dict)
    splits: dict = dataclasses.field(default_factory=dict)
    zone: str = "America/New_York"
    currency: str = "USD"
    kind: str = "EQUITY"

    @classmethod
    def embedded(cls, ticker, start="2022-01-01", **details):
        """Serve a part of the prices that come with the package."""
        file = EMBEDDED / f"{ticker}.csv"
        prices = pd.read_csv(file, index_col="date", parse_dates=["date"])
        return cls(prices.loc[start:], **details)

    def stamp(self, day):
        """Return the second at which a session opens."""
        return opening(self.zone, pd.Timestamp(day))


@functools.cache
def opening(zone, day):
    """Return the second at which the exchanges of a zone open."""
    local = zoneinfo.ZoneInfo(zone)
    opens = datetime.datetime(day.year, day.month, day.day, 9, 30, tzinfo=local)
    return int(opens.timestamp())


class FakeYahoo(LoopbackServer):
    """The server; `mutate(ticker, payload)` may change every chart it sends."""

    def __init__(self, listings, authority=None):
        super().__init__(authority, HOSTS)
        self.listings = listings
        self.mutate = None

    def charts(self):
        """Return the requests for prices."""
        return [ask for ask in self.requests if ask.path.startswith("/v8/")]

    def respond(self, request):
        last = request.path.rpartition("/")[2]
        if request.path.startswith("/v8/finance/chart/"):
            return self._chart(last, request.query), (last, "chart")
        if last == "getcrumb":
            return Answer(b"FakeCrumb", kind="text/plain"), ("getcrumb",)
        if request.host == "fc.yahoo.com":
            answer = Answer(b"<html/>", 404, "text/html", {"Set-Cookie": COOKIE})
            return answer, ("cookie",)
        if request.host in ("guce.yahoo.com", "consent.yahoo.com"):
            return self._consent(request), ("consent",)
        return Answer(b'{"quoteSummary":{"result":null,"error":{}}}', 404), ()

    def _consent(self, request):
        back = request.query.get("back")
        if request.method == "POST" and back:
            return Answer(b"", 302, headers={"Location": back})
        headers = {"Set-Cookie": COOKIE} if "copyConsent" in request.path else {}
        done = urllib.parse.quote(request.query.get("done", ""), safe="")
        return Answer(FORM.format(done).encode(), kind="text/html", headers=headers)

    def _chart(self, ticker, query):
        status, payload = self._lookup(ticker, query)
        if self.mutate is not None:
            payload = self.mutate(ticker, payload)
        return Answer(json.dumps(payload).encode(), status)

    def _lookup(self, ticker, query):
        listing = self.listings.get(ticker)
        if listing is None:
            return 404, refusal("Not Found", "No data found, symbol may be delisted")
        begin, end = bounds(listing, query)
        if begin >= end:
            return 400, refusal("Bad Request", "start date cannot be after end date.")
        if end < listing.stamp(listing.prices.index[0]):
            return 400, refusal("Bad Request", "Data doesn't exist for startDate")
        return 200, chart(ticker, listing, begin, end)


def bounds(listing, query):
    """Return the seconds between which prices are asked for."""
    if "period1" in query:
        return int(query["period1"]), int(query["period2"])
    last = listing.stamp(listing.prices.index[-1])
    return last, last + 1


def refusal(code, description):
    """Return Yahoo's way to say no."""
    error = {"code": code, "description": description}
    return {"chart": {"result": None, "error": error}}


def chart(ticker, listing, begin, end):
    """Return the prices and events of a range in Yahoo's format."""
    stamps = [listing.stamp(day) for day in listing.prices.index]
    wanted = [begin <= stamp < end for stamp in stamps]
    prices = listing.prices.loc[wanted]
    result = {"meta": meta(ticker, listing), "indicators": {"quote": [{}]}}
    if len(prices):
        result["timestamp"] = [listing.stamp(day) for day in prices.index]
        result["indicators"] = indicators(prices)
    events = {
        "dividends": dividends(listing, begin, end),
        "splits": splits(listing, begin, end),
    }
    result["events"] = {kind: found for kind, found in events.items() if found}
    return {"chart": {"result": [result], "error": None}}


def meta(ticker, listing):
    last = listing.stamp(listing.prices.index[-1])
    period = {
        "timezone": "EDT",
        "start": last,
        "end": last + 23400,
        "gmtoffset": -14400,
    }
    return {
        "currency": listing.currency,
        "symbol": ticker,
        "exchangeName": "NMS",
        "instrumentType": listing.kind,
        "firstTradeDate": listing.stamp(listing.prices.index[0]),
        "regularMarketTime": last + 23400,
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": listing.zone,
        "regularMarketPrice": float(listing.prices["close"].iloc[-1]),
        "priceHint": 2,
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period),
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "1y", "max"],
    }


def indicators(prices):
    quote = {name: column(prices[name]) for name in ("open", "high", "low", "close")}
    volumes = column(prices["volume"])
    quote["volume"] = [volume if volume is None else int(volume) for volume in volumes]
    return {"quote": [quote], "adjclose": [{"adjclose": column(prices["adj_close"])}]}


def column(values):
    return [None if math.isnan(value) else float(value) for value in values]


def dividends(listing, begin, end):
    return {
        str(stamp): {"amount": amount, "date": stamp}
        for day, amount in listing.dividends.items()
        if begin <= (stamp := listing.stamp(day)) < end
    }


def splits(listing, begin, end):
    return {
        str(stamp): {
            "date": stamp,
            "numerator": float(new),
            "denominator": float(old),
            "splitRatio": f"{new}:{old}",
        }
        for day, (new, old) in listing.splits.items()
        if begin <= (stamp := listing.stamp(day)) < end
    }
