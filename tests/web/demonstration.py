"""A ledger to look at: 12 tickers, 80 evenings, five sessions ahead, one poor model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from forecaster.data.calendar import next_sessions
from forecaster.ledger import Ledger

TICKERS = (
    *("AAPL", "AMZN", "BRK-B", "EURUSD=X", "GOOG", "INTC"),
    *("JNJ", "MSFT", "NVDA", "T", "XOM", "^GSPC"),
)
N_ORIGINS, HORIZON, N_BEFORE = 80, 5, 60
MODEL, POOR = "global-quantiles", "google-lstm"
# Standard normal quantiles; 0 is the point forecast.
QUANTILES = {0.0: 0.0, 0.05: -1.645, 0.25: -0.674, 0.5: 0.0, 0.75: 0.674, 0.95: 1.645}
VOLATILITY = 0.012
STARTED = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
FAILING = ("XOM", "T")  # on the last evening and on others
SESSIONS = next_sessions("2026-01-01", N_BEFORE + N_ORIGINS + HORIZON)


def make_prices() -> dict[str, pd.Series]:
    """Return a price of each session and ticker; `GOOG` trends, so a drift beats it."""
    random = np.random.default_rng(7)
    levels = 40 * np.exp(random.normal(1, 0.7, len(TICKERS)))
    moves = random.normal(0, VOLATILITY, (len(SESSIONS), len(TICKERS)))
    moves[:, TICKERS.index("GOOG")] += 0.012
    prices = levels * np.exp(np.cumsum(moves, axis=0))
    prices[:, TICKERS.index("EURUSD=X")] /= 100
    return {
        ticker: pd.Series(prices[:, place], index=SESSIONS)
        for place, ticker in enumerate(TICKERS)
    }


def fill_ledger(ledger: Ledger, *, n_origins: int = N_ORIGINS) -> None:
    """Write runs, forecasts, failures, prices and scores."""
    prices = make_prices()
    random = np.random.default_rng(8)
    last = N_BEFORE + n_origins - 1
    rows: list[dict] = []
    for place in range(N_BEFORE, last + 1):
        for model in (MODEL, POOR):
            failed = _failing(place, last) if model == MODEL else ()
            run = _run(ledger, model, place, failed)
            names = [name for name in TICKERS if name not in failed]
            for name in names if model == MODEL else names[:6]:
                own = _rows(name, prices[name], place, model, random)
                rows += [row | {"model": model, "run": run} for row in own]
    ledger.write(pd.DataFrame(rows))
    for ticker, known in prices.items():
        came = known.iloc[: last + 1].to_frame("close")
        ledger.add_actuals(ticker, came)
    ledger.score(keep=True)


def _failing(place: int, last: int) -> tuple[str, ...]:
    if place == last:
        return FAILING
    return ("XOM",) if place % 20 == 0 else ()


def _run(ledger, model, place, failed) -> int:
    started = STARTED + timedelta(days=place)
    config = "batch" if model == MODEL else "google"
    run = ledger.begin_run(config, model, started=started, version="0.9")
    add_failures(ledger, run, SESSIONS[place], failed)
    n_tickers = len(TICKERS) if model == MODEL else 6
    counts = {"failed": len(failed), "forecast": n_tickers - len(failed), "known": 0}
    finished = started + timedelta(seconds=95 + place)
    status = "partly" if failed else "finished"
    ledger.finish_run(run, status, counts, finished=finished)
    return run


def add_failures(ledger, run, origin, tickers) -> None:
    """Note that a run could not forecast some tickers."""
    if not tickers:
        return
    rows = [
        {
            "ticker": ticker,
            "origin": origin,
            "kind": "SourceTimeout",
            "reason": f"{ticker}: yahoo did not answer within 30 s. Try again later.",
            "n_attempts": 3,
        }
        for ticker in tickers
    ]
    ledger.add_failures(run, pd.DataFrame(rows))


def _rows(ticker, prices, place, model, random):
    last = float(prices.iloc[place])
    centre = 0.012 if ticker == "GOOG" and model == MODEL else 0.0
    centre += random.normal(0, 0.02) if model == POOR else random.normal(0, 0.001)
    for step in range(1, HORIZON + 1):
        for quantile, z in QUANTILES.items():
            value = last * np.exp(centre * step + z * VOLATILITY * np.sqrt(step))
            yield {
                "ticker": ticker,
                "origin": SESSIONS[place],
                "session": SESSIONS[place + step],
                "quantile": quantile,
                "step": step,
                "value": float(value),
                "last_price": last,
            }
