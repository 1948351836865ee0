"""A synthetic exchange: made prices of many tickers, a few of them broken.

Everything follows from a seed. `LISTINGS` are the ways in which a ticker's prices are
bad, `REPLIES` those in which the answers about it are.
"""

import dataclasses
import random

import numpy as np
import pandas as pd

from forecaster.data.calendar import next_sessions, sessions_between
from tests.support import faults
from tests.support.fakeyahoo import Listing

N_SESSIONS = 504  # about two years
N_AHEAD = 30  # sessions that the clock may be moved by
N_SHORT = 3  # sessions of a ticker that has too few
SPOILT = slice(None, None, 10)  # every tenth session: more than may be missing
BROKEN_SHARE = 0.05
SILENCE_S = 60.0
# GARCH(1,1): the daily volatility goes back to its own level, and clusters.
ALPHA, BETA, LEVELS = 0.08, 0.90, (0.01, 0.03)
PAGE = b"<html><body>Please log in to the hotel's network</body></html>"


def unknown(listing):
    """Yahoo answers 404."""


def crossed(listing):
    """On every tenth session the high is below the low."""
    prices = listing.prices.copy()
    spoilt = prices.index[SPOILT]
    prices.loc[spoilt, "high"] = prices.loc[spoilt, "low"] * 0.9
    return dataclasses.replace(listing, prices=prices)


def negative(listing):
    """Every tenth price is below zero."""
    prices = listing.prices.copy()
    prices.loc[prices.index[SPOILT], "close"] *= -1
    return dataclasses.replace(listing, prices=prices)


def late(listing):
    """The newest session is missing."""
    return dataclasses.replace(listing, prices=listing.prices.iloc[:-1])


def short(listing):
    """The company came to the exchange three sessions ago."""
    return dataclasses.replace(listing, prices=listing.prices.iloc[-N_SHORT:])


LISTINGS = {kind.__name__: kind for kind in (unknown, crossed, negative, late, short)}
REPLIES = {
    "down": faults.status(500, PAGE),
    "garbage": faults.truncated(),
    "page": faults.body(PAGE, kind="text/html"),
    "reset": faults.reset(),
    "silent": faults.slow(SILENCE_S),
}
KINDS = (*LISTINGS, "delisted", *REPLIES)


class SyntheticExchange:
    """Made prices of many tickers on the real sessions of New York.

    Log returns are normal with the variance of a GARCH(1,1) around each ticker's own
    level. A later `until` adds sessions, and changes none.

    Parameters
    ----------
    n_tickers : int
        They are called T0000, T0001 and so on.
    seed : int
        Decides everything.
    until : str or date
        The newest session.
    broken_share : float
        Of the tickers, those in `broken`: the kinds of `KINDS` take turns.
    """

    def __init__(self, n_tickers, seed, until, *, broken_share=BROKEN_SHARE):
        self.until = pd.Timestamp(until)
        self.tickers = tuple(f"T{number:04}" for number in range(n_tickers))
        ahead = next_sessions(self.until, N_AHEAD)
        begin = self.until - pd.Timedelta(days=2 * N_SESSIONS)
        past = sessions_between(begin, self.until)[-N_SESSIONS:]
        self.sessions = past.append(ahead)
        self._columns = make_columns(len(self.sessions), n_tickers, seed)
        n_broken = round(broken_share * n_tickers)
        chosen = random.Random(f"broken {seed}").sample(self.tickers, n_broken)
        self.broken = {
            ticker: KINDS[place % len(KINDS)] for place, ticker in enumerate(chosen)
        }

    @property
    def sound(self):
        """The tickers of which a forecast can be made."""
        return tuple(ticker for ticker in self.tickers if ticker not in self.broken)

    def listings(self):
        """Return what Yahoo knows of each ticker when `until` has closed."""
        made = {ticker: self.listing(ticker) for ticker in self.tickers}
        return {ticker: listing for ticker, listing in made.items() if listing}

    def listing(self, ticker):
        """Return what Yahoo knows of one ticker, None if nothing."""
        number = self.tickers.index(ticker)
        values = {name: column[:, number] for name, column in self._columns.items()}
        prices = pd.DataFrame(values, index=self.sessions).loc[: self.until]
        spoil = LISTINGS.get(self.broken.get(ticker))
        return Listing(prices) if spoil is None else spoil(Listing(prices))

    def advance(self, n_sessions=1):
        """Let so many more sessions close."""
        place = self.sessions.get_loc(self.until) + n_sessions
        self.until = self.sessions[place]


def make_columns(n_sessions, n_tickers, seed):
    """Return each column as an array of shape (n_sessions, n_tickers)."""
    generator = np.random.default_rng(seed)
    level = generator.uniform(*LEVELS, n_tickers) ** 2
    first = generator.uniform(20, 400, n_tickers)
    noise = generator.standard_normal((n_sessions, 4, n_tickers))
    returns, variance = np.empty((n_sessions, n_tickers)), level.copy()
    for day, shock in enumerate(noise[:, 0]):
        returns[day] = np.sqrt(variance) * shock
        settled = (1 - ALPHA - BETA) * level
        variance = settled + ALPHA * returns[day] ** 2 + BETA * variance
    close = (first * np.exp(np.cumsum(returns, axis=0))).round(4)
    open_ = (close * np.exp(0.003 * noise[:, 1])).round(4)
    wide = 1 + 0.003 * np.abs(noise[:, 2:])
    high = np.maximum(open_, close) * wide[:, 0]
    low = np.minimum(open_, close) / wide[:, 1]
    volume = np.floor(1e6 * np.exp(0.3 * np.abs(noise[:, 2])))
    return {
        "open": open_,
        "high": np.maximum(high.round(4), np.maximum(open_, close)),
        "low": np.minimum(low.round(4), np.minimum(open_, close)),
        "close": close,
        "adj_close": close,
        "volume": volume,
    }
