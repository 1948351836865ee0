"""A Tiingo on loopback, which `TiingoSource(address=server.url)` takes for real."""

import json

from tests.support.loopback import Answer, LoopbackServer

KEY = "0123456789abcdef"


class FakeTiingo(LoopbackServer):
    """Serves rows as traded, by ticker in lower case, to whoever has the key."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def respond(self, request):
        ticker = request.path.split("/")[3]
        return self._prices(ticker, request), (ticker,)

    def _prices(self, ticker, request):
        if request.headers.get("Authorization") != f"Token {KEY}":
            return Answer(b'{"detail":"Invalid token."}', 401)
        if ticker not in self.rows:
            return Answer(b'{"detail":"Not found."}', 404)
        start = request.query["startDate"]
        rows = [row for row in self.rows[ticker] if row["date"][:10] >= start]
        return Answer(json.dumps(rows).encode())


def row(day, close, *, volume=1000, dividend=0.0, split=1.0):
    """Return one session in Tiingo's format."""
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    actions = {"divCash": dividend, "splitFactor": split}
    adjusted = {f"adj{name.title()}": value for name, value in prices.items()}
    date = {"date": f"{day}T00:00:00.000Z"}
    return date | prices | adjusted | actions | {"volume": volume, "adjVolume": volume}
